"""Functions that are large in one way or another: what comes of them is bounded, and a smaller effort is told.

Each is compiled in a process of its own whose address space and processor time are limited:
a hundred times what an ordinary function of 50,000 operators takes would end it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from wasmer_llvm_backend import LLVMCallbacks, LLVMCompiler, LLVMWarning, partition
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.support.notices import MOST_NOTICES

MEMORY_BYTES = 2 << 30
"""Address space beyond what the process has when LLVM is loaded; ordinary functions of 50,000 operators take 60 MB."""

PROCESSOR_SECONDS = 300
"""Against quadratic time; none takes a tenth."""

Shape = Callable[[int], str]


def straight(operators: int) -> str:
    return "(local.set 1 (i32.add (i32.mul (local.get 1) (local.get 0)) (i32.const 7)))" * (operators // 6)


def loads(operators: int) -> str:
    return "(local.set 1 (i32.add (i32.load (local.get 1)) (local.get 0)))" * (operators // 5)


def branches(operators: int) -> str:
    step = (
        "(if (i32.and (local.get 0) (i32.const 4)) (then (local.set 1 (i32.add (local.get 1) (i32.const 3))))"
        " (else (local.set 0 (i32.xor (local.get 0) (local.get 1)))))"
    )
    return step * (operators // 12)


def calls(operators: int) -> str:
    return "(local.set 1 (i32.add (call $square (local.get 1)) (i32.const 3)))" * (operators // 5)


def many_locals(count: int) -> str:
    steps = (f"(local.set {at + 1} (i32.add (local.get {at}) (i32.const {at})))" for at in range(1, count))
    return f"(local {'i32 ' * count}) {''.join(steps)} (local.set 1 (local.get {count}))"


def locals_of_a_loop(count: int) -> str:
    steps = (f"(local.set {at + 1} (i32.add (local.get {at}) (i32.const {at})))" for at in range(1, count))
    return f"(local {'i32 ' * count}) (loop {''.join(steps)} (br_if 0 (i32.load (local.get {count}))))"


def blocks(depth: int) -> str:
    inside = "(br_if 0 (i32.load (local.get 0))) (local.set 1 (i32.add (local.get 1) (i32.load (local.get 1)))))"
    return "(block " * depth + inside * depth


def block_results(depth: int) -> str:
    opened = "(block (result i32) (br_if 0 (i32.const 1) (local.get 0)) (drop) "
    return f"(local.set 1 {opened * depth} (i32.const 3) {')' * depth})"


def ifs(depth: int) -> str:
    step = "(if (i32.load (local.get 0)) (then (local.set 1 (i32.add (local.get 1) (i32.load (local.get 1))))"
    return step * depth + "))" * depth


def loops(depth: int) -> str:
    return "(loop " * depth + "(local.set 1 (i32.load (local.get 1))) (br_if 0 (i32.load (local.get 1))))" * depth


def loops_side_by_side(count: int) -> str:
    return "(loop (local.set 1 (i32.load (local.get 1))) (br_if 0 (i32.load (local.get 1))))" * count


def operands(depth: int) -> str:
    return f"(local.set 1 {'(i32.add (local.get 0) ' * depth} (i32.const 1) {')' * depth})"


def table(targets: int) -> str:
    rows = " ".join(str(at % 50) for at in range(targets))
    arms = (f") (local.set 1 (i32.add (local.get 1) (i32.const {at})))" for at in range(50))
    return f"{'(block ' * 50} (br_table {rows} (local.get 0)) {''.join(arms)}"


def table_to_everywhere(targets: int) -> str:
    rows = " ".join(map(str, range(targets)))
    return (
        f"{'(block ' * targets} (br_table {rows} (local.get 0)) {') (local.set 1 (i32.load (local.get 1)))' * targets}"
    )


SHAPES: dict[str, tuple[Shape, int, bool]] = {
    "50,000 operators": (straight, 50_000, True),
    "50,000 operators with loads": (loads, 50_000, True),
    "50,000 operators with branches": (branches, 50_000, True),
    "50,000 operators with calls": (calls, 50_000, True),
    "200,000 operators": (straight, 200_000, False),
    "200,000 operators with branches": (branches, 200_000, False),
    "10,000 locals": (many_locals, 10_000, True),
    "10,000 locals in a loop": (locals_of_a_loop, 10_000, True),
    "10,000 blocks": (blocks, 10_000, False),
    "10,000 blocks with results": (block_results, 10_000, False),
    "10,000 ifs": (ifs, 10_000, False),
    "10,000 loops": (loops, 10_000, False),
    "1,000 loops": (loops, 1000, False),
    "200 loops": (loops, 200, True),
    "1,000 loops side by side": (loops_side_by_side, 1000, True),
    "20,000 operands": (operands, 20_000, True),
    "br_table of 50,000": (table, 50_000, True),
    "br_table to 10,000 blocks": (table_to_everywhere, 10_000, True),
}
"""Name -> (shape, how large, whether it is optimized)."""


def module(shape: Shape, size: int) -> str:
    declared = "" if shape in (many_locals, locals_of_a_loop) else "(local i32)"
    return (
        "(module (memory 1) (func $square (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))"
        f'(func $large (export "f") (param i32) (result i32) {declared} {shape(size)} (local.get 1)))'
    )


LIMITED = f"""
import os, resource, sys, warnings
from wasmer_llvm_backend import LLVMCompiler, LLVMWarning
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.support.notices import MOST_NOTICES
compile_with("(module (func))", LLVMCompiler(processes=0))
compilation = run(Compilation(sys.stdin.read()), until="validate")
now = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
resource.setrlimit(resource.RLIMIT_AS, (now + {MEMORY_BYTES}, now + {MEMORY_BYTES}))
resource.setrlimit(resource.RLIMIT_CPU, ({PROCESSOR_SECONDS}, {PROCESSOR_SECONDS}))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    LLVMCompiler(processes=0).compile(compilation.info, compilation.bodies, CompilerConfig())
print(*[warning.message for warning in caught if warning.category is LLVMWarning])
"""


@pytest.mark.parametrize("name", SHAPES)
def test_it_compiles_in_bounded_memory_and_says_if_not_optimized(name: str) -> None:
    shape, size, optimized = SHAPES[name]
    done = subprocess.run([sys.executable, "-c", LIMITED], input=module(shape, size), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("compiled without optimization" in done.stdout) == (not optimized)
    assert optimized or "function 1 (large) at byte 0x" in done.stdout


@pytest.mark.filterwarnings("ignore::wasmer_llvm_backend.LLVMWarning")
@pytest.mark.parametrize("shape", dict.fromkeys(shape for shape, _, _ in SHAPES.values()))
def test_llvm_gets_text_in_proportion(shape: Shape) -> None:
    def size_of_text(size: int) -> int:
        texts: list[str] = []
        compilation = run(Compilation(module(shape, size)), until="validate")
        used = LLVMCompiler(processes=0, opt_level=0, callbacks=LLVMCallbacks(pre_opt_ir=texts.append))
        used.compile(compilation.info, compilation.bodies, CompilerConfig())
        return sum(map(len, texts))

    some, twice, again = map(size_of_text, (200, 400, 800))
    assert again - twice < 2.2 * (twice - some) + 1000


def test_however_many_functions_there_are_a_hundred_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module says how many there are, and how long their names are; who reads stderr may be slow, or nobody."""
    monkeypatch.setattr(partition, "EFFORTLESS_RECORDS", 1)
    function = "(param i32) (result i32) (i32.add (local.get 0) (local.get 0))"
    others = f"(func {function})" * (MOST_NOTICES + 9)
    with pytest.warns(LLVMWarning) as warned:
        compile_with(f"(module (func ${'name' * 1000} {function}) {others})", LLVMCompiler(processes=0))
    told = [str(each.message) for each in warned]
    assert len(told) == MOST_NOTICES + 1 and "(name" in told[0] and "more functions" in told[-1]
    assert max(map(len, told)) < 250


def test_without_optimization_it_computes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function with deep loops is a unit of its own among others, which call it and which it calls."""
    nest = (
        "(loop " * 5
        + "(local.set 1 (call $next (local.get 1)))"
        + "(br_if 0 (i32.rem_u (local.get 1) (i32.const 7))))" * 5
    )
    text = f"""(module
      (func $next (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
      (func $nest (param i32) (result i32) (local i32) {nest} (i32.add (local.get 0) (local.get 1)))
      (func (export "f") (param i32) (result i32) (i32.mul (call $nest (local.get 0)) (i32.const 2))))"""
    assert compile_with(text, LLVMCompiler()).instantiate({}).exports.f(100) == 214
    monkeypatch.setattr(partition, "LOOP_DEPTH", 4)
    with pytest.warns(LLVMWarning, match=r"function 1 \(nest\) at .* more than 4 loops in one another") as caught:
        assert compile_with(text, LLVMCompiler()).instantiate({}).exports.f(100) == 214
    assert len(caught) == 1 and caught[0].filename == __file__
    monkeypatch.undo()
    monkeypatch.setattr(partition, "EFFORTLESS_RECORDS", 15)
    with pytest.warns(LLVMWarning, match=r"function 1 \(nest\) at .* operators: it is compiled without"):
        assert compile_with(text, LLVMCompiler()).instantiate({}).exports.f(100) == 214
