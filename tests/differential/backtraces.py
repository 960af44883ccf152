"""The functions that ran, as each backend tells them.

The singlepass backend compiles every call as a call and marks each place that may trap; so
its backtraces are what the others are measured by.

One thing may differ: now and then LLVM makes a new instruction of a load and forgets where it
came from, so the place of an access out of bounds may be that of a neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_singlepass_backend import SinglepassCompiler

if TYPE_CHECKING:
    from tests.differential.generate import Program
    from wasmer_runtime_core.contract.compiler import Compiler
    from wasmer_runtime_core.running.instance import Instance

Frames = list[tuple[int, str, int]]

CALLS_OF_EACH = 4


def backtrace(instance: Instance, name: str, arguments: Sequence[int | float]) -> tuple[str, Frames] | None:
    """(kind, frames) of the trap that a call ends in; None: it ends well."""
    try:
        instance.exports[name](*arguments)
    except Trap as trap:
        return trap.kind, [(frame.function_index, frame.function_name, frame.offset) for frame in trap.frames]
    return None


def differing_backtraces(program: Program, compiler: Compiler) -> tuple[int, list[str]]:
    """Call every export: how many traps there were, and a line for each whose backtraces differ from singlepass'."""
    wasm = parse_module(program.text)
    calls = [(name, program.arguments(params)) for name, params in program.exports for _ in range(CALLS_OF_EACH)]
    plain, optimised = (compile_with(wasm, one).instantiate({}) for one in (SinglepassCompiler(), compiler))
    traps = 0
    found = []
    for name, arguments in calls:
        expected = backtrace(plain, name, arguments)
        actual = backtrace(optimised, name, arguments)
        traps += expected is not None
        if _exact(expected) != _exact(actual):
            found.append(f"{name}{tuple(arguments)}: singlepass {expected}, {compiler.name} {actual}")
    return traps, found


def _exact(trap: tuple[str, Frames] | None) -> tuple[str, Frames] | None:
    """What must be the same: all but the place of an access to memory."""
    if trap is None or trap[0] != "MEMORY_OUT_OF_BOUNDS" or not trap[1]:
        return trap
    (index, name, _), *rest = trap[1]
    return trap[0], [(index, name, 0), *rest]
