"""HiGHS: models of linear programs, solved through the functions of its C interface."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from packages.javascript import number
from wasmer_emscripten import load
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler

MODEL: Final = """Maximize
 obj: x1 + 2 x2 + 4 x3 + x4
Subject To
 c1: - x1 + x2 + x3 + 10 x4 <= 20
 c2: x1 - 4 x2 + x3 <= 30
 c3: x2 - 0.5 x4 = 0
Bounds
 0 <= x1 <= 40
 2 <= x4 <= 3
"""
STATUS: Final = {7: "Optimal", 8: "Infeasible"}
ROWS: Final = ("c1", "c2", "c3")


def solved(program: Any, text: str) -> Iterator[str]:
    program.fs.write_text("/model.lp", text)
    model = program.Highs_create()
    assert program.cwrap("Highs_setBoolOptionValue", int, [int, str, int])(model, "output_flag", 0) == 0
    assert program.cwrap("Highs_readModel", int, [int, str])(model, "/model.lp") == 0
    assert program.Highs_run(model) == 0
    status = STATUS[program.Highs_getModelStatus(model)]
    yield f"{status} {number(program.Highs_getObjectiveValue(model))}"
    columns, rows = program.Highs_getNumCol(model), program.Highs_getNumRow(model)
    counts = (columns, columns, rows, rows)
    results = [program.malloc(8 * count) for count in counts]
    program.Highs_getSolution(model, *results)
    values = [
        struct.unpack(f"<{count}d", program.memory.read(at, 8 * count))
        for at, count in zip(results, counts, strict=True)
    ]
    for at in results:
        program.free(at)
    program.Highs_destroy(model)
    for names, found in (([f"x{at + 1}" for at in range(columns)], values[0]), (ROWS, values[2])):
        for name, value in zip(names, found, strict=True):
            yield f"  {name} {number(value)}"


def run(folder: Path, backend: str) -> Iterator[str]:
    glue = folder / "highs/build/highs.js"
    module = compile_with(glue.with_suffix(".wasm"), find_compiler(backend))
    with load(module, glue=glue, stdout=None, stderr=None) as program:
        for more in ("", "General\n x1\n x4\n"):
            yield from solved(program, MODEL + more + "End")
