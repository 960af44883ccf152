"""What came after 2.0, executed at random on all backends and in wasmtime, which have to agree.

Programs are of five kinds, in turn: objects; tail calls, typed references, several memories with indices of 32 and 64
bits, shared ones among them, and atomic accesses; exceptions; exceptions in the legacy encoding, which wasmtime does
not take; relaxed operators on vectors. One *execution* is one call with the same arguments on every engine, with the
state that the calls before it have left.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import wasmtime

from tests.backends import usable
from tests.differential import exceptions, objects
from tests.differential.generate import Program
from tests.differential.variants import VARIANTS
from tests.differential.vectors import Vectors
from tests.differential.wasmtimes import Outcome, bits, contents, engine, trap_kind, values
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.errors import InternalError, Trap
from wasmer_runtime_core.running.objects.tags import WasmException
from wasmer_runtime_core.wasm.text import parse_module

CALLS: Final = 240
"""Of a program, about."""
UNCAUGHT: Final = "thrown Wasm exception"
"""What wasmtime says in the message of a trap."""
INTERESTING: Final = {32: (0, 1, 2, 3, -1, 7, 255, 256, 0x7FFF_FFFF, -0x8000_0000, 100_000)}
INTERESTING[64] = (*INTERESTING[32], 0xFFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF, -0x8000_0000_0000_0000)


class Subject(NamedTuple):
    """A program and what is done with it."""

    text: str
    calls: list[tuple[str, list[int | float]]]
    memories: list[str]
    globals: tuple[str, ...] = ()
    in_wasmtime: bool = True


def _numbers(draw: random.Random, *widths: int) -> list[int | float]:
    """Signed integers of so many bits, at an edge or not."""
    found: list[int | float] = []
    for width in widths:
        any_ = draw.getrandbits(width) - (1 << width - 1)
        found.append(draw.choice((draw.choice(INTERESTING[width]), draw.randrange(16), any_)))
    return found


def _objects(seed: int) -> Subject:
    program, draw = objects.Generator(seed), random.Random(f"calls {seed}")
    calls = [
        (name, _numbers(draw, 32, 32, 32)) for _ in range(CALLS // len(program.exports)) for name in program.exports
    ]
    return Subject(program.text, calls, [])


def _programs(seed: int) -> Subject:
    program = Program(seed, 3 + seed % 4)
    rounds = range(CALLS // len(program.exports))
    calls = [(name, program.arguments(params)) for _ in rounds for name, params in program.exports]
    return Subject(program.text, calls, program.memories, ("gi32", "gi64", "gf32", "gf64"))


def _exceptions(seed: int) -> Subject:
    draw = random.Random(f"calls {seed}")
    return Subject(exceptions.module(seed, False), [("run", _numbers(draw, 32)) for _ in range(CALLS)], [])


def _legacy(seed: int) -> Subject:
    draw = random.Random(f"calls {seed}")
    calls = [("run", _numbers(draw, 32)) for _ in range(CALLS)]
    return Subject(exceptions.module(seed, True), calls, [], in_wasmtime=False)


def _vectors(seed: int) -> Subject:
    draw = random.Random(f"calls {seed}")
    return Subject(Vectors(seed).text, [("f", _numbers(draw, 32, 64, 64)) for _ in range(CALLS)], [])


KINDS: Final[dict[str, Callable[[int], Subject]]] = {
    "objects": _objects,
    "tail calls, references, memories, atomics": _programs,
    "exceptions": _exceptions,
    "exceptions, legacy": _legacy,
    "relaxed vectors": _vectors,
}


def _ours(subject: Subject, wasm: bytes, variant: str) -> Iterator[Outcome]:
    compiler, config = VARIANTS[variant]()
    exports: Any = compile_with(wasm, compiler, config).instantiate({}).exports
    for name, arguments in subject.calls:
        try:
            yield values(exports[name](*arguments))
        except Trap as trap:
            yield ("trap", trap_kind(str(trap)))
        except WasmException as thrown:
            yield ("thrown", str(thrown.tag.type), *map(bits, thrown.values))
    yield ("globals", *(bits(exports[name].get()) for name in subject.globals))
    for name in subject.memories:
        yield (name, bytes(memoryview(exports[name])))


def _theirs(subject: Subject, wasm: bytes) -> Iterator[Outcome]:
    store = wasmtime.Store(engine())
    exports: Any = wasmtime.Instance(store, wasmtime.Module(store.engine, wasm), []).exports(store)
    for name, arguments in subject.calls:
        try:
            yield values(exports[name](store, *arguments))
        except wasmtime.Trap as trap:
            yield ("thrown",) if UNCAUGHT in trap.message else ("trap", trap_kind(trap.message))
    yield ("globals", *(bits(exports[name].value(store)) for name in subject.globals))
    for name in subject.memories:
        length = (
            65536
            * exports[name].type(*(() if isinstance(exports[name], wasmtime.SharedMemory) else (store,))).limits.min
        )
        yield (name, contents(exports[name], store, length))


def mismatches(subject: Subject, variants: tuple[str, ...]) -> list[str]:
    """A line for each execution that differs from singlepass', and for what is left; nothing if all agree."""
    wasm = parse_module(subject.text)
    first = list(_ours(subject, wasm, "singlepass"))
    engines: dict[str, Callable[[], Iterator[Outcome]]] = {}
    for variant in variants:
        engines[variant] = lambda variant=variant: _ours(subject, wasm, variant)  # type: ignore[misc]
    if subject.in_wasmtime:
        engines["wasmtime"] = lambda: _theirs(subject, wasm)
    whats = [*(f"{name}{tuple(arguments)}" for name, arguments in subject.calls), "globals", *subject.memories]
    found = []
    for name, run in engines.items():
        for what, ours, other in zip(whats, first, run(), strict=True):
            if ours[: len(other)] != other if other == ("thrown",) else ours != other:
                shown = f"singlepass {ours}, {name} {other}" if what not in subject.memories else f"{name} differs"
                found.append(f"{what}: {shown}")
    return found


def executions(wanted: int, first: int = 0) -> int:
    """Until so many were made: print how many of each kind, and what differs. The exit status."""
    variants = tuple(name for name in usable() if name != "singlepass")
    made: Counter[str] = Counter()
    failed = 0
    seed = first
    shown = time.monotonic()
    while made.total() < wanted:
        kind = list(KINDS)[seed % len(KINDS)]
        subject = KINDS[kind](seed)
        try:
            found = mismatches(subject, variants)
        except (InternalError, wasmtime.WasmtimeError) as error:
            found = [f"not compiled: {error}"]
        made[kind] += len(subject.calls)
        if found:
            failed += 1
            print(f"seed {seed}, {kind}:", *found[:3], sep="\n  ", flush=True)
        seed += 1
        if time.monotonic() > shown + 60:
            shown = time.monotonic()
            print(f"{made.total():,} executions, seeds {first} to {seed - 1}", flush=True)
    for kind, calls in made.items():
        print(f"{kind}: {calls:,}")
    names = ", ".join(("singlepass", *variants, "wasmtime (but legacy exceptions)"))
    print(f"{made.total():,} executions on {names}, seeds {first} to {seed - 1}: {failed} programs with mismatches")
    return 1 if failed else 0
