"""What every LLVM module of a compilation has in common: symbols, attributes, metadata. Each has its name here.

*Symbols.* `CODE` is the first byte of the module's machine code; the table of code addresses
lies in front of it. ``trap.N`` stands for an explicit trap of kind N: a call to it, which
never returns and may read all memory, so that nothing written before is lost. It is never
linked: `objects` replaces each such call by a trapping instruction and lists its place.

*Alias scopes.* Linear memory and what the vmctx leads to never overlap. LLVM cannot know:
two scopes tell it.
"""

from __future__ import annotations

import re
from typing import Final

from wasmer_runtime_core.contract.traps import TRAP_KINDS

CODE: Final = "wasm.code"
TRAP: Final = "trap."

# --- groups of attributes ------------------------------------------------------------------
FUNCTION: Final = "#0"
"""Of a function that is defined."""
TRAP_FUNCTION: Final = "#1"
"""Of a declared ``trap.N``."""
CALL: Final = "#2"
"""Of a call: its place is its own."""
TRAP_CALL: Final = "#3"
"""Of a call of ``trap.N``."""
COPIED_FUNCTION: Final = "#4"
"""Of a function that is copied to where it is called."""
FENCE: Final = "#5"
"""Of machine code that does nothing, and may be left out."""
THROWING_CALL: Final = "#6"
"""Of a call that an exception may leave, in a module where one is caught."""

PERSONALITY: Final = "personality ptr @wasm.personality "
"""What stands in the head of a function that catches. Nobody calls it: `objects` reads where exceptions land."""
FRAMES_TWICE: Final = 'module asm ".cfi_sections .eh_frame, .debug_frame"'
"""In a module that catches: frames are described where `frames` reads that, not only beside the landings."""

_FUNCTION: Final = (
    '"frame-pointer"="all" "disable-tail-calls"="true" "no-builtins" "target-cpu"="$cpu" "target-features"="$features"'
)
ATTRIBUTES: Final = {
    FUNCTION: f"nounwind {_FUNCTION}",
    TRAP_FUNCTION: "cold noreturn nounwind",
    CALL: "nomerge nounwind",
    TRAP_CALL: "nomerge",
    COPIED_FUNCTION: f"alwaysinline nounwind {_FUNCTION}",
    FENCE: "memory(none) nounwind willreturn",
    THROWING_CALL: "nomerge",
}
MAY_UNWIND: Final = (FUNCTION, COPIED_FUNCTION)
"""Groups that lose ``nounwind`` where an exception is caught."""

TEXT_SECTION: Final = 'section ".text" '
"""Stands in a function's head: LLVM would put functions that always trap into a section of their own, out of order."""
INLINED: Final = f"{COPIED_FUNCTION} {TEXT_SECTION}"
"""What stands in the head of a function that is copied into others."""

# --- metadata ------------------------------------------------------------------------------
# fmt: off
NODES: Final = {
    "alias_domain":   "distinct !{$alias_domain}",
    "memory_scope":   'distinct !{$memory_scope, $alias_domain, !"linear memory"}',
    "context_scope":  'distinct !{$context_scope, $alias_domain, !"context"}',
    "memory":         "!{$memory_scope}",
    "context":        "!{$context_scope}",
    "nothing":        "!{}",
    "unit":           'distinct !DICompileUnit(language: DW_LANG_C99, file: $file, producer: "", isOptimized: true, '
                      "runtimeVersion: 0, emissionKind: LineTablesOnly)",
    "file":           '!DIFile(filename: "wasm", directory: "")',
    "function_type":  "!DISubroutineType(types: $no_types)",
    "no_types":       "!{null}",
    "debug_version":  '!{i32 2, !"Debug Info Version", i32 3}',
    "dwarf_version":  '!{i32 7, !"Dwarf Version", i32 4}',
    "likely":         '!{!"branch_weights", i32 1000, i32 1}',
    "rare_loop":      "distinct !{$rare_loop, $not_unrolled, $not_vectorised}",
    "not_unrolled":   '!{!"llvm.loop.unroll.disable"}',
    "not_vectorised": '!{!"llvm.loop.vectorize.enable", i1 false}',
    "loop":           "distinct !{$loop, $not_doubled}",
    "not_doubled":    '!{!"llvm.loop.unroll.runtime.disable"}',
}
# fmt: on
"""Name -> node, in which ``$name`` is another one."""

FIRST_FREE_METADATA: Final = len(NODES)
"""The number of the first node of a unit's own."""

_NUMBERS: Final = {name: f"!{number}" for number, name in enumerate(NODES)}


def metadata(text: str) -> str:
    """The text, each ``$name`` replaced by its node's number."""
    return re.sub(r"\$(\w+)", lambda found: _NUMBERS[found[1]], text)


MEMORY_ACCESS: Final = metadata(", !alias.scope $memory, !noalias $context")
"""Stands at an access to linear memory."""
CONTEXT_ACCESS: Final = metadata(", !alias.scope $context, !noalias $memory")
"""Stands at an access to what the vmctx leads to."""
CONTEXT_CONSTANT: Final = CONTEXT_ACCESS + metadata(", !invariant.load $nothing")
"""Stands at a load from there of what never changes."""
LIKELY: Final = metadata(", !prof $likely")
"""Stands at a branch whose condition hardly ever fails."""
LOOP: Final = metadata(", !llvm.loop $loop")
"""Stands at a branch back to a loop: its rounds are not doubled as long as their number is unknown."""
RARE_LOOP: Final = metadata(", !llvm.loop $rare_loop")
"""The same of a loop that is hardly ever run."""
SUBPROGRAM: Final = metadata(
    "scope: $file, file: $file, type: $function_type, unit: $unit, spFlags: DISPFlagDefinition | DISPFlagOptimized"
)
"""What all functions' debug information has in common."""


def declarations(cpu: str, features: str, catches: bool) -> str:
    """What stands at the end of every LLVM module; `catches`: some function of it does."""
    lines = [f"@{CODE} = external hidden global i8", "declare void @llvm.fake.use(...)"]
    lines += [f"declare hidden void @{TRAP}{kind.number}() {TRAP_FUNCTION}" for kind in TRAP_KINDS]
    if catches:
        lines += ["declare i32 @wasm.personality(...)", FRAMES_TWICE]
    for group, text in ATTRIBUTES.items():
        if catches and group in MAY_UNWIND:
            text = text.replace("nounwind ", "")
        lines.append(f"attributes {group} = {{ {text.replace('$cpu', cpu).replace('$features', features)} }}")
    lines += [f"{_NUMBERS[name]} = {metadata(node)}" for name, node in NODES.items()]
    lines.append(metadata("!llvm.dbg.cu = !{$unit}"))
    lines.append(metadata("!llvm.module.flags = !{$debug_version, $dwarf_version}"))
    return "\n".join(["", *lines, ""])
