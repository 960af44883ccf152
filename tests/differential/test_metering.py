"""Points where they are put for speed are the points of the definition: on random programs, traps included."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.differential.generate import Program
from wasmer_runtime_core.backend import CompilerConfig
from wasmer_runtime_core.backends import find_compiler
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.middleware import BodyEditor, Metering, edit_bodies, get_points_used
from wasmer_runtime_core.pipeline import compile_with
from wasmer_runtime_core.wasm.body import Body
from wasmer_runtime_core.wasm.body_text import Record
from wasmer_runtime_core.wasm.module import ModuleInfo

BOUNDARIES = frozenset("loop block end if else unreachable br br_table br_if call call_indirect return".split())
PROGRAMS = 60


def by_definition(info: ModuleInfo, bodies: Sequence[Body]) -> list[Body]:
    """In front of each boundary, and nowhere else."""
    counts: dict[int, int] = {}

    def visit(editor: BodyEditor, record: Record) -> None:
        function = editor.function_index
        counts[function] = counts.get(function, 0) + 1
        if record.mnemonic in BOUNDARIES:
            editor.emit("internal.add_points", counts[function])
            counts[function] = 0
        editor.copy(record)

    return edit_bodies(info, bodies, visit)


@pytest.mark.parametrize("backend", ("singlepass", "llvm"))
@pytest.mark.parametrize("first", range(0, PROGRAMS, 20))
def test_points(first: int, backend: str) -> None:
    if backend == "llvm":
        pytest.importorskip("llvmlite", reason="the llvm backend needs llvmlite")
    compiler = find_compiler(backend)
    for seed in range(first, first + 20):
        program = Program(seed)
        metered, defined = (
            compile_with(program.text, compiler, CompilerConfig(middlewares=(middleware,))).instantiate({})
            for middleware in (Metering(2**62), by_definition)
        )
        for name, params in program.exports:
            arguments = program.arguments(params)
            for instance in (metered, defined):
                try:
                    instance.exports[name](*arguments)
                except Trap:
                    pass
            assert get_points_used(metered) == get_points_used(defined), (seed, name)
        assert get_points_used(metered) > 0
