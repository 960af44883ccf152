"""What handlers cost where nothing is thrown: no instruction."""

from __future__ import annotations

import re

import pytest

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract.backend import CompilerConfig

LOOP = """(module (tag $e (param i32)) (memory 1)
  (func $called (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func (param $rounds i32) (result i32) (local $sum i32) (local $more i64)
    (loop $l
      {before}
      (local.set $sum (call $called (i32.add (local.get $sum) (i32.load (local.get $rounds)))))
      {behind}
      (local.set $more (i64.add (local.get $more) (i64.const 3)))
      (br_if $l (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
    (i32.add (local.get $sum) (i32.wrap_i64 (local.get $more)))))"""
PLAIN = LOOP.format(before="", behind="")
TABLED = LOOP.format(before="(block $c (try_table (catch_all $c)", behind="))")
LEGACY = LOOP.format(before="try", behind="catch_all nop end")


def loop_of(text: str) -> list[str]:
    """The instructions of the function's loop: from its head to the jump back to that."""
    compiler = find_compiler("singlepass")
    compilation = run(Compilation(text, compiler, CompilerConfig()))
    records = compiler.records(compilation.info, compilation.bodies[1], CompilerConfig())  # type: ignore[attr-defined]
    from wasmer_runtime_core.codegen.x64.printer import format_records

    lines = format_records(records).splitlines()
    align = next(at for at, line in enumerate(lines) if ".align" in line)
    head = lines[align + 1].strip().removesuffix(":")
    last = max(at for at, line in enumerate(lines) if re.search(rf"\bj\w+ +{head}\b", line))
    code = [line.partition(";")[0].strip() for line in lines[align + 2 : last + 1]]
    return [line for line in code if line and not line.endswith(":") and not line.startswith(".")]


@pytest.mark.parametrize("text", [TABLED, LEGACY])
def test_a_handler_costs_no_instruction(text: str) -> None:
    plain = loop_of(PLAIN)
    assert len(plain) > 5
    assert [re.sub(r"L\d+", "L", line) for line in loop_of(text)] == [re.sub(r"L\d+", "L", line) for line in plain]


def test_the_rows_say_where_calls_land() -> None:
    compiled = compile_with(TABLED, find_compiler("singlepass"), CompilerConfig()).compiled
    rows = [int.from_bytes(compiled.handlers[at : at + 4], "little") for at in range(0, len(compiled.handlers), 4)]
    assert len(rows) == 3
    assert rows[0] < rows[1] < rows[2] < len(compiled.code)
    assert compile_with(PLAIN, find_compiler("singlepass"), CompilerConfig()).compiled.handlers == b""
