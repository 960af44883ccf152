"""What each pass does grows as the module does: a module of twice the size takes twice the steps, not four times.

Steps are counted, not seconds: the lines of our Python that run, loops included, and what they write. That sees what
we write; what C does in one step (a slice, a join) is seen where it is long: the sizes of what passes between passes.
Compiled modules run no lines: there only the sizes are looked at.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, Final

import pytest

from tests.shapes.generate import SHAPES
from wasmer_runtime_core.compiling.middleware.editor import BodyEditor, edit_bodies
from wasmer_runtime_core.compiling.middleware.metering import Metering
from wasmer_runtime_core.compiling.middleware.trace import BlockTrace
from wasmer_runtime_core.compiling.pipeline import Compilation, decode, read, validate_bodies
from wasmer_runtime_core.wasm.text import printer
from wasmer_runtime_core.wasm.validation import body_validator

SMALL: Final = 150
"""Of a shape: large enough for what grows with it to outweigh the rest, small enough to count lines of."""

GROWTH: Final = 3
"""The step to the third size is twice that to the second. It may take so many times the steps: half as many again, for
arrays that grow by doubling. Quadratic work takes four times as many."""

INTERPRETED: Final = body_validator.__file__.endswith(".py")


class Lines:
    """Counts the lines that run within ``with``."""

    def __init__(self) -> None:
        self.count = 0
        self._before: Any = None

    def __enter__(self) -> Lines:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            self.count += 1
        return self._trace


def steps(work: Callable[[], object]) -> int:
    """The lines that `work` runs when it is run again: tables that are filled once are filled then."""
    work()
    lines = Lines()
    with lines:
        work()
    return lines.count


def checked(shape: str, size: int) -> Compilation:
    """A module of that shape, up to its bodies."""
    compilation = Compilation(SHAPES[shape](size))
    read(compilation)
    decode(compilation)
    validate_bodies(compilation)
    return compilation


def assert_linear(counts: Sequence[int], what: str) -> None:
    """What does not grow cancels out: compared is what each size takes more than the one before."""
    small, middle, large = counts
    assert large - middle <= GROWTH * max(middle - small, 50), f"{what}: {counts} steps"


SIZES: Final = (SMALL, 2 * SMALL, 4 * SMALL)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.skipif(not INTERPRETED, reason="compiled modules run no lines that could be counted")
def test_decoding_validating_and_printing(shape: str) -> None:
    decoding, validating, printing = [], [], []
    for size in SIZES:
        compilation = Compilation(SHAPES[shape](size))
        read(compilation)
        decoding.append(steps(lambda: decode(compilation)))  # noqa: B023  # called at once
        validating.append(steps(lambda: validate_bodies(compilation)))  # noqa: B023
        printing.append(steps(lambda: printer.print_module(compilation.binary)))  # noqa: B023
    assert_linear(decoding, "decode")
    assert_linear(validating, "validate")
    assert_linear(printing, "print")


@pytest.mark.parametrize("shape", SHAPES)
def test_middlewares(shape: str) -> None:
    counting, tracing, editing, sizes = [], [], [], []
    for size in SIZES:
        compilation = checked(shape, size)
        info, bodies = compilation.info, compilation.bodies
        counting.append(steps(lambda: Metering(1000)(info, bodies)))  # noqa: B023
        tracing.append(steps(lambda: BlockTrace()(info, bodies)))  # noqa: B023
        editing.append(steps(lambda: edit_bodies(info, bodies, BodyEditor.copy)))  # noqa: B023
        sizes.append(sum(len(body.records) for body in BlockTrace()(info, Metering(1000)(info, bodies))))
    assert_linear(counting, "Metering")
    assert_linear(tracing, "BlockTrace")
    assert_linear(editing, "edit_bodies")
    assert_linear(sizes, "bytes of records")


@pytest.mark.parametrize("shape", SHAPES)
def test_singlepass(shape: str) -> None:
    backend = pytest.importorskip("wasmer_singlepass_backend")
    compiler = backend.SinglepassCompiler()
    compiling, code, records = [], [], []
    for size in SIZES:
        compilation = checked(shape, size)
        info, bodies, config = compilation.info, compilation.bodies, compilation.config
        compiling.append(steps(lambda: compiler.compile(info, bodies, config)))  # noqa: B023
        code.append(len(compiler.compile(info, bodies, config).code))
        records.append(sum(len(compiler.records(info, body, config)) for body in bodies))
    assert_linear(compiling, "compile")
    assert_linear(code, "bytes of code")
    assert_linear(records, "bytes of records")


CRANELIFT_SIZES: Final = (20, 40, 80)
"""Of shapes for the cranelift backend, which runs a hundred lines per operator."""

CRANELIFT_SHAPES: Final = list(SHAPES)[::3]
"""A part of them in each run: they are slow to count."""

LINES_OF_A_STEP: Final = 40
"""So many lines of ours stand for one counted step of `effort`, at most."""


def interpreted_cranelift() -> Any:
    """Its compiler's module, as source."""
    module = pytest.importorskip("wasmer_clif_backend.compiler")
    if not module.__file__.endswith(".py"):
        pytest.skip("compiled modules run no lines that could be counted")
    return module


@pytest.mark.parametrize("shape", CRANELIFT_SHAPES)
def test_cranelift_with_locals_in_memory(shape: str) -> None:
    """What it falls back on: nothing of it depends on how many values live how long."""
    module = interpreted_cranelift()
    compiler = module.CraneliftCompiler(prove=False, in_memory=True)
    compiling, code = [], []
    for size in CRANELIFT_SIZES:
        compilation = checked(shape, size)
        info, bodies, config = compilation.info, compilation.bodies, compilation.config
        compiling.append(steps(lambda: compiler.compile(info, bodies, config)))  # noqa: B023
        code.append(len(compiler.compile(info, bodies, config).code))
    assert_linear(compiling, "compile")
    assert_linear(code, "bytes of code")


@pytest.mark.parametrize("shape", CRANELIFT_SHAPES)
def test_cranelift_counts_what_it_does(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that may take long is counted, so that it can be given up."""
    module = interpreted_cranelift()
    efforts: list[Any] = []
    real = module.Effort

    def effort(*arguments: Any, **named: Any) -> Any:
        efforts.append(real(arguments[0]))
        return efforts[-1]

    monkeypatch.setattr(module, "Effort", effort)
    compiler = module.CraneliftCompiler(prove=False)
    compilation = checked(shape, CRANELIFT_SIZES[-1])
    info, bodies, config = compilation.info, compilation.bodies, compilation.config
    lines = steps(lambda: compiler.compile(info, bodies, config))
    counted = sum(one.total() for one in efforts[len(efforts) // 2 :])
    assert lines <= LINES_OF_A_STEP * counted + 20_000 + 3_000 * len(bodies), f"{lines} lines, {counted} steps"


@pytest.mark.parametrize("shape", SHAPES)
def test_llvm_up_to_its_text(shape: str) -> None:
    pytest.importorskip("wasmer_llvm_backend")
    pytest.importorskip("llvmlite")
    from wasmer_llvm_backend.ir.view import ModuleView
    from wasmer_llvm_backend.partition import plan, unit_text

    writing, text = [], []
    for size in SIZES:
        compilation = checked(shape, size)

        def write() -> int:
            how = plan(ModuleView(compilation.info, (), True), compilation.bodies, 1)  # noqa: B023
            return sum(len(unit_text(how, part, "x86-64")) for part in how.parts)

        writing.append(steps(write))
        text.append(write())
    assert_linear(writing, "plan and text")
    assert_linear(text, "characters of text")
