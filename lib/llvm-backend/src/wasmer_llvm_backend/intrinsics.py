"""What every LLVM module of a compilation has in common: attributes, alias scopes, symbols.

*Symbols.* `CODE` is the first byte of the module's machine code; the table of code addresses
lies in front of it. ``trap.N`` stands for an explicit trap of kind N: a call to it, which
never returns and may read all memory, so that nothing written before is lost. It is never
linked: `objects` replaces each such call by a trapping instruction and lists its place.

*Alias scopes.* Linear memory and what the vmctx leads to never overlap. LLVM cannot know:
two scopes tell it.
"""

from __future__ import annotations

from typing import Final

from wasmer_runtime_core.contract.traps import TRAP_KINDS

CODE: Final = "wasm.code"
TRAP: Final = "trap."

MEMORY_ACCESS: Final = ", !alias.scope !3, !noalias !4"
CONTEXT_ACCESS: Final = ", !alias.scope !4, !noalias !3"
CONTEXT_CONSTANT: Final = CONTEXT_ACCESS + ", !invariant.load !5"

FIRST_FREE_METADATA: Final = 20

_METADATA: Final = """
!0 = distinct !{!0}
!1 = distinct !{!1, !0, !"linear memory"}
!2 = distinct !{!2, !0, !"context"}
!3 = !{!1}
!4 = !{!2}
!5 = !{}
!7 = distinct !DICompileUnit(language: DW_LANG_C99, file: !8, producer: "", isOptimized: true, runtimeVersion: 0, emissionKind: LineTablesOnly)
!8 = !DIFile(filename: "wasm", directory: "")
!9 = !DISubroutineType(types: !10)
!10 = !{null}
!11 = !{i32 2, !"Debug Info Version", i32 3}
!12 = !{i32 7, !"Dwarf Version", i32 4}
!13 = !{!"branch_weights", i32 1000, i32 1}
!14 = distinct !{!14, !15, !16}
!15 = !{!"llvm.loop.unroll.disable"}
!16 = !{!"llvm.loop.vectorize.enable", i1 false}
!17 = distinct !{!17, !18}
!18 = !{!"llvm.loop.unroll.runtime.disable"}
!llvm.dbg.cu = !{!7}
!llvm.module.flags = !{!11, !12}
"""


def declarations(cpu: str, features: str) -> str:
    """What stands at the end of every LLVM module."""
    traps = "\n".join(f"declare hidden void @{TRAP}{kind.number}() #1" for kind in TRAP_KINDS)
    return f"""
@{CODE} = external hidden global i8
declare void @llvm.fake.use(...)
{traps}
attributes #0 = {{ nounwind "frame-pointer"="all" "disable-tail-calls"="true" "no-builtins" "target-cpu"="{cpu}" "target-features"="{features}" }}
attributes #1 = {{ cold noreturn nounwind }}
attributes #2 = {{ nomerge nounwind }}
attributes #3 = {{ nomerge }}
attributes #4 = {{ alwaysinline nounwind "frame-pointer"="all" "disable-tail-calls"="true" "no-builtins" "target-cpu"="{cpu}" "target-features"="{features}" }}
{_METADATA}"""
