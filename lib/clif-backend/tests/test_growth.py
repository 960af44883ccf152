"""What compiling a function takes grows as the function does: twice the size, twice the steps, not four times.

Steps are lines of our Python that run, loops included. Compiled modules run none that could be counted: there the
shapes are compiled at their full size once, and that is all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest
from lines import INTERPRETED, Lines

from wasmer_clif_backend import CraneliftCompiler
from wasmer_clif_backend.compile_function import Stages
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.parser import parse_function
from wasmer_clif_backend.ir.rebuild import Rebuilder
from wasmer_clif_backend.ir.verify import verify
from wasmer_clif_backend.passes.optimise import Passes
from wasmer_clif_backend.translate.function import Translator
from wasmer_clif_backend.translate.view import ModuleView
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.wasm.text import parse_module

SMALL: Final = 100
LARGE: Final = 2_000
GROWTH: Final = 2.6
"""The step to the third size is twice that to the second, and may take so many times the steps: arrays double."""

LINES_OF_A_STEP: Final = 10
"""So many lines of passes stand for one counted step of `effort`, at most."""


def values_live_at_once(n: int) -> str:
    """n values are loaded, then all are added, the first one first."""
    loads = [f"    v{10 + k} = load.i64 v0+{8 * k}" for k in range(n)]
    sums = [f"    v{10 + n + k} = iadd v{10 + n + k - 1 if k else 10}, v{10 + k}" for k in range(n)]
    return "\n".join(["block0(v0: i64):", *loads, *sums, f"    return v{10 + 2 * n - 1}"])


def values_live_over_calls(n: int) -> str:
    """Thirty values are used behind each of n calls."""
    lines = ["block0(v0: i64):", *(f"    v{1 + k} = load.i64 v0+{8 * k}" for k in range(30))]
    for k in range(n):
        lines += [f"    v{100 + 2 * k} = call fn0(v{1 + k % 30})", f"    store v{1 + 7 * k % 30}, v{1 + k % 30}"]
    return "\n".join([*lines, "    return v1"])


def blocks_that_may_leave(n: int) -> str:
    """n blocks, each of which goes on or to the end."""
    lines = ["block0(v0: i64):", "    jump block1(v0)"]
    for k in range(1, n + 1):
        lines += [f"block{k}(v{10 * k}: i64):", f"    v{10 * k + 1} = iadd v{10 * k}, v0"]
        lines += [f"    brif v{10 * k + 1}, block{k + 1}(v{10 * k + 1}), block{n + 2}(v{10 * k})"]
    lines += [f"block{n + 1}(v{10 * n + 10}: i64):", f"    return v{10 * n + 10}"]
    return "\n".join([*lines, f"block{n + 2}(v{10 * n + 20}: i64):", f"    return v{10 * n + 20}"])


def loops_in_turn(n: int) -> str:
    """n loops, one behind the other, with values that are live through all of them."""
    lines = ["block0(v0: i64):", *(f"    v{1 + k} = load.i64 v0+{8 * k}" for k in range(20)), "    jump block1(v0)"]
    for k in range(n):
        b, v = 2 * k + 1, 100 + 10 * k
        lines += [f"block{b}(v{v}: i64):", f"    v{v + 1} = iadd v{v}, v{1 + k % 20}"]
        lines += [f"    brif v{v + 1}, block{b}(v{v + 1}), block{b + 1}"]
        lines += [f"block{b + 1}:", f"    jump block{b + 2}(v{v + 1})"]
    return "\n".join([*lines, f"block{2 * n + 1}(v{100 + 10 * n}: i64):", f"    return v{100 + 10 * n}"])


def targets_of_a_table(n: int) -> str:
    """A table of n blocks, each with a value of its own that only it uses, which all go on at one."""
    lines = ["block0(v0: i64, v1: i32):", *(f"    v{10 + k} = load.i64 v0+{8 * k}" for k in range(n))]
    lines += [f"    br_table v1, block{n + 1}(v0), [{', '.join(f'block{k + 1}' for k in range(n))}]"]
    for k in range(n):
        lines += [f"block{k + 1}:", f"    v{10 + n + k} = iadd v{10 + k}, v0", f"    jump block{n + 1}(v{10 + n + k})"]
    return "\n".join([*lines, f"block{n + 1}(v{10 + 2 * n}: i64):", f"    return v{10 + 2 * n}"])


def parameters_of_a_loop(n: int) -> str:
    """A loop of n values that change places each time."""
    start = [f"    v{1000 * n + k} = load.i64 v0+{8 * k}" for k in range(n)]
    given = ", ".join(f"v{1000 * n + k}" for k in range(n))
    held = ", ".join(f"v{10 + k}: i64" for k in range(n))
    turned = ", ".join(f"v{10 + (k + 1) % n}" for k in range(n))
    lines = ["block0(v0: i64):", *start, f"    jump block1({given})"]
    lines += [f"block1({held}):", f"    brif v10, block1({turned}), block2"]
    return "\n".join([*lines, "block2:", f"    return v{10 + n - 1}"])


def different_constants(n: int) -> str:
    """A sum of n doubles."""
    lines = ["block0(v0: f64):"]
    for k in range(n):
        lines += [f"    v{10 + 2 * k} = f64const 0x1.{k:03x}p0"]
        lines += [f"    v{11 + 2 * k} = fadd v{9 + 2 * k if k else 0}, v{10 + 2 * k}"]
    return "\n".join([*lines, f"    v5 = bitcast.i64 v{9 + 2 * n}", "    return v5"])


def loops_in_loops(n: int) -> str:
    """n loops in one another bring in a value that none of them changes, and the innermost uses it n times."""
    lines = ["block0(v0: i64):", "    jump block1(v0)"]
    for k in range(1, n + 1):
        lines += [f"block{k}(v{10 * k}: i64):", f"    jump block{k + 1}{f'(v{10 * k})' if k < n else ''}"]
    lines[-1:] = [f"    store v{10 * n}, v{10 * n}+{8 * k}" for k in range(n)] + lines[-1:]
    for k in range(n, 0, -1):
        lines += [f"block{2 * n - k + 1}:", f"    brif v0, block{k}(v{10 * k}), block{2 * n - k + 2}"]
    return "\n".join([*lines, f"block{2 * n + 1}:", "    return v0"])


def loops_that_count(n: int) -> str:
    """n loops in one another, of which each has a count of its own that goes on in the next."""
    lines = ["block0(v0: i64):", "    v1 = iconst.i64 1", "    jump block1(v0)"]
    for k in range(1, n + 1):
        lines += [f"block{k}(v{10 * k}: i64):", f"    v{10 * k + 1} = iadd v{10 * k}, v1"]
        lines += [f"    jump block{k + 1}{f'(v{10 * k + 1})' if k < n else ''}"]
    for k in range(n, 0, -1):
        lines += [f"block{2 * n - k + 1}:", f"    brif v0, block{k}(v{10 * n + 1}), block{2 * n - k + 2}"]
    return "\n".join([*lines, f"block{2 * n + 1}:", f"    return v{10 * n + 1}"])


SHAPES: Final[list[Callable[[int], str]]] = [
    values_live_at_once,
    values_live_over_calls,
    blocks_that_may_leave,
    loops_in_turn,
    targets_of_a_table,
    parameters_of_a_loop,
    different_constants,
]
OF_PASSES: Final = [*SHAPES, loops_in_loops, loops_that_count]
"""Without passes, n values live in each of n loops, which is as much as it is."""


def function_of(shape: Callable[[int], str], n: int) -> Function:
    body = shape(n)
    given = ", ".join(word.split(":")[1].strip() for word in body[body.index("(") + 1 : body.index(")")].split(","))
    return parse_function(f"function %f({given}) -> i64 {{\n    fn0 = %g(i64) -> i64\n{body}\n}}\n")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.skipif(not INTERPRETED, reason="compiled modules run no lines that could be counted")
def test_steps(shape: Callable[[int], str]) -> None:
    stages = Stages({"%g": 0}, prove=False)
    counts = []
    for n in (SMALL, 2 * SMALL, 4 * SMALL):
        function = function_of(shape, n)
        stages.records(function)
        lines = Lines()
        with lines:
            stages.records(function)
        counts.append(lines.count)
    small, middle, large = counts
    assert large - middle <= GROWTH * (middle - small), counts


@pytest.mark.parametrize("shape", OF_PASSES)
@pytest.mark.skipif(not INTERPRETED, reason="compiled modules run no lines that could be counted")
def test_steps_of_passes(shape: Callable[[int], str]) -> None:
    passes = Passes()
    counts = []
    for n in (SMALL, 2 * SMALL, 4 * SMALL):
        rebuilder = Rebuilder(function_of(shape, n))
        made = rebuilder.run()
        lines = Lines()
        with lines:
            passes.run(made, rebuilder.flow)
        counts.append(lines.count)
    small, middle, large = counts
    assert large - middle <= GROWTH * (middle - small), counts


@pytest.mark.parametrize("shape", SHAPES)
def test_large_ones_are_right(shape: Callable[[int], str]) -> None:
    function = function_of(shape, LARGE if not INTERPRETED else SMALL)
    assert verify(function) == []
    Stages({"%g": 0}, prove=True).records(function)


def ways_to_the_end_of_a_loop(n: int) -> str:
    """A module: n ways to the end of a loop, where n locals change places."""
    ways = "".join(
        f"(if (i32.load (i32.const {4 * k})) (then (i32.store (i32.const {8 * k}) (i32.const 3)) (br $end)))"
        for k in range(n)
    )
    rotated = "".join(f"(local.get {k})" for k in [*range(2, n + 1), 1])
    rotated += "".join(f"(local.set {k})" for k in range(n, 0, -1))
    return (
        f'(module (memory 1) (func (export "f") (param i32 {"i64 " * n}) (result i64) (loop $l (block $end {ways})'
        f"{rotated}(br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 1)))"
    )


def loops_over_words(n: int) -> str:
    """n loops that do four rounds at once."""
    return of_loops(n, 0, 64, "(i32.store (i32.add (local.get $base) (local.get $i)) (i32.const 7))")


def loops_up_to_zero(n: int) -> str:
    """n loops whose variables count from 0 instead."""
    return of_loops(n, -64, 0, "(i32.store8 (i32.add (local.get $i) (i32.const 80)) (local.get $base))")


def neighbouring_stores(n: int) -> str:
    """n loops with four stores each that become one."""
    store = "(i32.store offset={0} (local.get $i) (i32.add (i32.load offset={0} (local.get $i)) (local.get $base)))"
    return of_loops(n, 0, 64, "".join(store.format(4 * k) for k in range(4)))


CASE = (
    "(if (i32.load (local.get $base)) (then {0} (local.set $k (i32.const 1))) (else {1} (local.set $k (i32.const 0))))"
)
"""Two ways on which it is known what $k is where they meet."""
AGAIN = "(br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))"


def decided_branches_behind_too_much(n: int) -> str:
    """A loop with n branches that are decided on the ways to them, but behind more than is copied."""
    much = "".join(f"(i32.store offset={4 * k} (local.get $i) (local.get $base))" for k in range(24))
    ask = "(if (local.get $k) (then (i32.store (local.get $i) (local.get $k))))"
    one = f"(if (i32.load (local.get $i)) (then {CASE.format('', '')} {much} {ask}))"
    body = f"(loop $l {n * one} {AGAIN})"
    return f'(module (memory 1) (func (export "f") (param $base i32) (local $i i32) (local $k i32) {body}))'


def decided_branch_with_values(n: int) -> str:
    """A loop with n locals that are one thing or another where a branch is decided, and used behind it."""
    locals = " ".join(f"(local $v{k} i32)" for k in range(n))
    cases = [
        "".join(f"(local.set $v{k} (i32.load offset={4 * k} (local.get ${at})))" for k in range(n))
        for at in ("i", "base")
    ]
    used = "".join(f"(i32.store offset={4 * k} (local.get $i) (local.get $v{k}))" for k in range(n))
    ask = "(if (local.get $k) (then (i32.store (local.get $i) (local.get $k))))"
    body = f"(loop $l {CASE.format(*cases)} {ask} {used} {AGAIN})"
    return f'(module (memory 1) (func (export "f") (param $base i32) (local $i i32) (local $k i32) {locals} {body}))'


def ways_to_a_decided_branch(n: int) -> str:
    """A loop with a table of n cases, of which each decides the branch where they meet."""
    blocks = "".join(f"(block $c{k} " for k in range(n))
    table = f"(br_table {' '.join(f'$c{n - 1 - k}' for k in range(n))} (i32.load (local.get $i)))"
    cases = "".join(f") (local.set $k (i32.const {k})) (br $met)" for k in range(n))
    ask = "(if (i32.eq (local.get $k) (i32.const 3)) (then (i32.store (local.get $i) (local.get $k))))"
    body = f"(loop $l (block $met {blocks} {table} {cases}) {ask} {AGAIN})"
    return f'(module (memory 1) (func (export "f") (param $base i32) (local $i i32) (local $k i32) {body}))'


def of_loops(n: int, first: int, end: int, body: str) -> str:
    loop = f"""
        (local.set $i (i32.const {first}))
        (loop $l {body}
          (br_if $l (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const {end}))))
    """
    return f'(module (memory 1) (func (export "f") (param $base i32) (local $i i32) {n * loop}))'


@pytest.mark.parametrize(
    "shape",
    [
        loops_over_words,
        loops_up_to_zero,
        neighbouring_stores,
        decided_branches_behind_too_much,
        decided_branch_with_values,
        ways_to_a_decided_branch,
    ],
)
@pytest.mark.skipif(not INTERPRETED, reason="compiled modules run no lines that could be counted")
def test_steps_of_what_passes_rewrite(shape: Callable[[int], str]) -> None:
    """A pass that finds something in each of n loops does not look at all of the function for each."""
    counts = []
    for n in (SMALL // 2, SMALL, 2 * SMALL):
        compilation = run(Compilation(shape(n)), until="validate")
        translator = Translator(ModuleView(compilation.info), False)
        function = translator.translate(compilation.bodies[0])
        passes = Passes()
        lines = Lines()
        with lines:
            passes.run(function, translator.flow)
        counts.append(lines.count)
        assert function.effort.total() > lines.count // LINES_OF_A_STEP
    small, middle, large = counts
    assert large - middle <= GROWTH * (middle - small), counts


def test_code() -> None:
    """The end of a loop is repeated for each way to it only if it is short with all that it moves."""
    small, middle, large = [
        len(compile_with(parse_module(ways_to_the_end_of_a_loop(n)), CraneliftCompiler(prove=False)).compiled.code)
        for n in (SMALL, 2 * SMALL, 4 * SMALL)
    ]
    assert large - middle <= GROWTH * (middle - small)
