"""Every pass can be ended and lets others have their turn, whatever the module is like; bombs are refused.

How often a pass looks is measured in the CPU time of this process, which others on the machine do not lengthen: a timer
of that time sends signals, and what their handler sees is compared with when they were due.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import itertools
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from tests.backends import usable
from tests.shapes import generate as g
from tests.stress.isolated import isolated, raises
from wasmer_runtime.error import Timeout
from wasmer_runtime_core.compiling.middleware.metering import Metering
from wasmer_runtime_core.compiling.pipeline import Compilation, compile_bodies, decode, read, run, validate_bodies
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import ImplementationLimitError
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_runtime_core.support.checkpoint import STRETCH
from wasmer_runtime_core.wasm.text import numerals
from wasmer_runtime_core.wasm.validation import body_validator

LONGEST: Final = 0.25
"""Seconds of CPU time between two looks, at most: five times what is promised."""

COMPILED: Final = not body_validator.__file__.endswith(".py")
LENGTH: Final = 8 if COMPILED else 1
"""Of the modules: enough for a pass to take longer than `LONGEST` in the compiled build, too."""


def operators(n: int) -> bytes:
    return g.one((g.get(0) + g.SUM + g.ADD + g.tee(0) + g.DROP) * n, 3)


HUGE_FUNCTIONS: Final = {
    "operators": operators(60_000),
    "deep operands": g.one(g.CONST * 100_000 + g.call(0) * 60_000 + g.DROP * 100_000),
    "blocks": g.one((g.BLOCK + g.get(0) + g.branch_if(0) + g.END) * 60_000, 1),
    "loops": g.one((g.LOOP + g.get(0) + g.branch_if(0) + g.END) * 60_000, 1),
    "br_table": g.one(g.BLOCK + g.table([0] * 60_000, 0) + g.END),
    "sets": g.one((g.CONST + g.set_(0)) * 100_000, 1),
}


@contextmanager
def looks() -> Iterator[list[float]]:
    """When, in CPU time, a handler of signals that come every 5 ms was run."""
    seen = [time.process_time()]
    before = signal.signal(signal.SIGVTALRM, lambda *_: seen.append(time.process_time()))
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.005, 0.005)
    try:
        yield seen
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        seen.append(time.process_time())


def assert_looks_often(what: str, work: Callable[[], object]) -> None:
    with looks() as seen:
        work()
    longest = max(after - before for before, after in pairwise(seen))
    assert longest < LONGEST, f"{what}: nothing looked for {longest:.3f} s of CPU time"


def looks_often(backend: str, functions: dict[str, bytes]) -> None:
    compiler = find_compiler(backend)
    run(Compilation(operators(1), compiler))  # everything is imported
    for name, source in functions.items():
        compilation = Compilation(source, compiler)
        for step in (read, decode, validate_bodies, compile_bodies):
            assert_looks_often(f"{step.__name__}, {name}", lambda: step(compilation))  # noqa: B023
        bodies = compilation.bodies
        assert_looks_often(f"metering, {name}", lambda: Metering(1000)(compilation.info, bodies))  # noqa: B023


@isolated(timeout=600)
def test_singlepass_looks_often() -> None:
    looks_often("singlepass", HUGE_FUNCTIONS)


@isolated(timeout=600, environment={"WASMER_CLIF_CHECK": ""})
def test_cranelift_looks_often() -> None:
    if "cranelift" in usable():
        effort = importlib.import_module("wasmer_clif_backend.effort")
        if not str(effort.__file__).endswith(".py"):  # else Python itself looks all the time
            looks_often("cranelift", HUGE_FUNCTIONS)


@isolated(timeout=600)
def test_sections_and_text_look_often() -> None:
    """Many entries instead of many operators, and the same as text, also in g.one line."""
    many = [
        g.module([g.function(b"")] * (20_000 * LENGTH), [g.type_()] * (20_000 * LENGTH)),
        b"\0asm\1\0\0\0" + g.section(1, g.number(100_000 * LENGTH) + g.type_() * (100_000 * LENGTH)),
    ]
    for source in many:
        assert_looks_often("sections", lambda: run(Compilation(source), until="validate"))  # noqa: B023
    for joined in ("\n", " "):
        text = (
            "(module"
            + joined
            + joined.join(["(func (drop (i32.add (i32.const 1) (i32.const 2))))"] * 5000 * LENGTH)
            + ")"
        )
        assert_looks_often("text", lambda: run(Compilation(text), until="read"))  # noqa: B023


def test_types_are_gone_through_with_looks_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a backend makes something of each, in Python code that looks for signals alone."""

    def looks_of(backend: str, types: int) -> list[int]:
        compilation = Compilation(g.module([g.function(b"")], [g.type_()] * types), find_compiler(backend))
        counts = []
        for step in (read, decode, validate_bodies, compile_bodies):
            count = itertools.count()
            monkeypatch.setattr(machine, "check_interrupts", lambda: next(count) and None)  # noqa: B023
            step(compilation)
            counts.append(next(count))
        return counts[2:]

    many = 3 * STRETCH
    for backend in usable():
        for few, more in zip(looks_of(backend, 1), looks_of(backend, many), strict=True):
            assert more - few >= many // STRETCH, backend


def ended(source: bytes, backend: str) -> None:
    """Ctrl-C ends a compilation in the midst, and so does a deadline."""
    compiler = find_compiler(backend)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGVTALRM, interrupt)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.02)
    raises(KeyboardInterrupt, run, Compilation(source, compiler))
    with timeout(0):
        raises(Timeout, run, Compilation(source, compiler))
    run(Compilation(operators(1), compiler))


@isolated(timeout=300)
def test_singlepass_is_ended() -> None:
    ended(operators(600_000), "singlepass")


@isolated(timeout=300, environment={"WASMER_CLIF_CHECK": ""})
def test_cranelift_is_ended() -> None:
    if "cranelift" in usable():
        ended(operators(400_000), "cranelift")


@isolated(timeout=300)
def test_llvm_is_ended() -> None:
    """And its workers with it."""
    if "llvm" not in usable():
        return
    ended(operators(60_000), "llvm")
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    assert not children, children


class Sender:
    """``_ = +sender`` sends this thread a signal, and Python looks for it in what comes behind: not between the two."""

    def __init__(self) -> None:
        send: Any = ctypes.CDLL(None)["raise"]
        send.restype = float
        type(self).__pos__ = functools.partial(send, signal.SIGUSR1)  # type: ignore[attr-defined]


@isolated()
def test_a_signal_that_comes_amid_arithmetic_is_handled() -> None:
    """Python looks for signals within products and quotients of large ints, also in code that mypyc compiled."""

    def fail(*_: object) -> None:
        raise ArithmeticError

    signal.signal(signal.SIGUSR1, fail)
    sender: Any = Sender()
    large = "123456789" * 40
    calls: list[tuple[Callable[..., object], tuple[object, ...]]] = [
        (numerals.integer, (spelling, bits))
        for spelling in ("0x" + large, large[:40], "-" + large)
        for bits in (32, 64)
    ]
    for spelling in (f"0x{large}.{large}p-3", f"{large}.{large}e-300", "1.000000059604644775390625000000001"):
        calls += [(numerals.float_bits, (spelling, bits)) for bits in (32, 64)]
    if "singlepass" in usable():
        division = importlib.import_module("wasmer_singlepass_backend.x64.lowering.division")
        for divisor in (3, 7, 0xFFFF_FFFF):
            calls += [(division.reciprocal_64, (divisor,)), (division.signed_reciprocal, (divisor, 63))]
    if "cranelift" in usable():
        constants = importlib.import_module("wasmer_clif_backend.ir.rules.constants")
        by_constant = importlib.import_module("wasmer_clif_backend.machine.x64.rules.by_constant")
        opcodes = importlib.import_module("wasmer_clif_backend.ir.opcodes")
        types = importlib.import_module("wasmer_clif_backend.ir.types")
        for opcode in range(len(opcodes.ROWS)):
            for a, b in ((-1 << 63, 0x1234_5678_9ABC_DEF1), ((1 << 63) - 1, -0x7654_3210_1234_5678)):
                calls += [(constants.binary, (opcode, types.I64, a, b)), (constants.unary, (opcode, types.I64, a))]
        for divisor in (3, 0xFFFF_FFFF_FFFF, (1 << 63) + 12345):
            calls += [(by_constant.reciprocal, (divisor, 64, sign)) for sign in (False, True)]
    for call, arguments in calls:
        found = call(*arguments)
        try:
            _ = +sender
            call(*arguments)
        except ArithmeticError:
            pass
        else:
            raise AssertionError(f"{call}{arguments}: nobody looked")
        assert call(*arguments) == found


# --- bombs ------------------------------------------------------------------------------------
MANY: Final = g.type_(1000, 1000)
RESULTS: Final = g.type_(0, 1000)
PUSH: Final = g.CONST * 1000
POP: Final = g.DROP * 1000
OPEN: Final = b"\2\1"
"""A block of type 1."""


def calls(count: int) -> bytes:
    caller = g.function(PUSH + g.call(1) * count + POP)
    return g.module([caller, g.function(b"\0")], [g.type_(), MANY], [0, 1])


def passing(body: bytes, type_: bytes = MANY) -> bytes:
    return g.one(body, types=[g.type_(), type_])


BOMBS: Final = {
    "calls": calls(20_000),
    "a few calls": calls(300),
    "indirect calls": passing(PUSH + (g.CONST + b"\x11\1\0") * 20_000 + POP),
    "blocks": passing(PUSH + (OPEN + g.END) * 20_000 + POP),
    "loops": passing(PUSH + (b"\3\1" + g.END) * 20_000 + POP),
    "ifs": passing(PUSH + (g.CONST + b"\4\1" + g.END) * 20_000 + POP),
    "br_ifs": passing(OPEN + PUSH + (g.CONST + g.branch_if(0)) * 20_000 + g.END + POP, RESULTS),
    "two labels": passing(OPEN * 2 + PUSH + g.table([0, 1] * 30_000, 0) + g.END * 2 + POP, RESULTS),
}
ONE_LABEL: Final = {
    "br_table": passing(OPEN + PUSH + g.table([0] * 60_000, 0) + g.END + POP, RESULTS),
    "br_tables": passing((OPEN + PUSH + g.table([0] * 1000, 0) + g.END + POP) * 40, RESULTS),
}
"""All targets are one label: LLVM hands the values over once, singlepass for each target."""


def refused(backend: str, bombs: dict[str, bytes]) -> None:
    compiler = find_compiler(backend)
    for name, source in bombs.items():
        error = raises(ImplementationLimitError, run, Compilation(source, compiler))
        assert error.limit in ("values_passed", "code_bytes"), (name, error)


def with_little_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))


@isolated(timeout=300)
def test_singlepass_refuses_bombs() -> None:
    with_little_memory()
    refused("singlepass", BOMBS | ONE_LABEL)


@isolated(timeout=300, environment={"WASMER_CLIF_CHECK": ""})
def test_cranelift_refuses_bombs() -> None:
    if "cranelift" in usable():
        with_little_memory()
        refused("cranelift", BOMBS | ONE_LABEL)


@isolated(timeout=300)
def test_llvm_refuses_bombs() -> None:
    if "llvm" not in usable():
        return
    with_little_memory()
    refused("llvm", BOMBS | ONE_LABEL)
    more = CompilerConfig(implementation_limits={"values_passed": 1 << 30})
    for source in ONE_LABEL.values():
        module = run(Compilation(source, find_compiler("llvm"), more)).compiled
        assert len(module.code) < 50 * len(source)


@isolated(timeout=300, environment={"WASMER_CLIF_CHECK": ""})
def test_code_is_limited_where_values_are_not() -> None:
    """The second line: who lets more values pass still gets no more code than is allowed."""
    with_little_memory()
    more = CompilerConfig(implementation_limits={"values_passed": 1 << 30})
    for backend in usable():
        count, config = 3_000, more
        if backend == "cranelift":  # takes its time for millions of values where it is not compiled
            count = 300
            config = CompilerConfig(implementation_limits={"values_passed": 1 << 30, "code_bytes": 1 << 18})
        error = raises(ImplementationLimitError, run, Compilation(calls(count), find_compiler(backend), config))
        assert (error.limit, error.function) == ("code_bytes", 0)
