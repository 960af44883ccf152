"""Compilations at once: each thread gets the bytes that it would get alone, and nothing that they share is written.

What made two compilations disturb each other were rules that kept a value from one line to the next. So one test
lets threads compile with all that makes Python switch between them; the other looks at everything that modules of
ours hold and says what a compilation has changed in it, whether a thread was there to see it or not.
"""

from __future__ import annotations

import gc
import importlib
import pkgutil
import random
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from typing import Any, Final

from tests.backends import usable
from tests.differential.generate import Program
from tests.stress.isolated import isolated, random_numbers, scaled
from wasmer_runtime import CompilerConfig
from wasmer_runtime.middleware import BlockTrace, Metering
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract.backend import CompiledModule

VECTORS: Final = """(module (memory 1)
  (func (export "f") (param i32 v128 f32) (result v128)
    (i8x16.shuffle 0 17 2 19 4 21 6 23 8 25 10 27 12 29 14 31
      (f32x4.max (i32x4.trunc_sat_f32x4_u (local.get 1)) (f32x4.splat (local.get 2)))
      (v128.load32_lane offset=%d 2 (local.get 0)
        (i64x2.mul (v128.load8_splat offset=%d (local.get 0)) (v128.const i64x2 %d 77))))))"""


def accesses(numbers: random.Random) -> str:
    """A module of loads and stores, each of an address and a value of its own."""
    stores = "".join(
        f"(f64.store offset={numbers.randrange(1 << 17) * 8} (local.get {numbers.randrange(4)})"
        f" (f64.add (f64.const {numbers.random()}) (f64.load offset={numbers.randrange(1 << 20)} (local.get 0))))"
        f"(i64.store32 offset={numbers.randrange(1 << 20)} (local.get {numbers.randrange(4)})"
        f" (i64.const {numbers.randrange(1 << 40)}))"
        for _ in range(40)
    )
    return f'(module (memory 200) (func (export "f") (param i32 i32 i32 i32) {stores}))'


def sources(numbers: random.Random) -> list[str]:
    """Modules that differ in what rules would mix up: offsets, registers, constants, labels."""
    vectors = [VECTORS % tuple(numbers.randrange(1 << 16) for _ in range(3)) for _ in range(3)]
    return [
        *(accesses(numbers) for _ in range(3)),
        *vectors,
        *(Program(numbers.randrange(1 << 30), 4).text for _ in range(3)),
    ]


def compiled(source: str, backend: str, config: CompilerConfig | None = None) -> CompiledModule:
    return run(Compilation(source, find_compiler(backend), config)).compiled


class Cycle:
    """Garbage for the collector, whose end lets other threads run."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        time.sleep(0)


def in_threads(backend: str, rounds: int) -> None:
    """Compile in four threads from the first compilation of the process on; compare with what one alone gives."""
    modules = sources(random_numbers())
    config = CompilerConfig(middlewares=(Metering(1000), BlockTrace()))
    results: list[tuple[int, bool, CompiledModule]] = []
    failures: list[BaseException] = []
    gc.set_threshold(1, 2, 2)
    gc.callbacks.append(lambda phase, information: time.sleep(0))
    sys.setswitchinterval(1e-6)

    def work(seed: int) -> None:
        numbers = random.Random(seed)
        try:
            for _ in range(rounds):
                Cycle()
                at, instrumented = numbers.randrange(len(modules)), numbers.random() < 0.2
                results.append((at, instrumented, compiled(modules[at], backend, config if instrumented else None)))
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    assert gc.isenabled()
    gc.callbacks.clear()
    gc.set_threshold(700, 10, 10)
    alone = {
        (at, instrumented): compiled(modules[at], backend, config if instrumented else None)
        for at, instrumented in {result[:2] for result in results}
    }
    wrong = [(at, instrumented) for at, instrumented, module in results if module != alone[at, instrumented]]
    assert not wrong, f"{len(wrong)} of {len(results)} compilations differ: {wrong[:5]}"


@isolated(timeout=300)
def test_singlepass_in_threads() -> None:
    in_threads("singlepass", 10 + scaled(1000))


@isolated(timeout=300)
def test_cranelift_in_threads() -> None:
    if "cranelift" in usable():
        in_threads("cranelift", 4 + scaled(400))


@isolated(timeout=300)
def test_llvm_in_threads() -> None:
    if "llvm" in usable():
        in_threads("llvm", 2 + scaled(100))


@isolated()
def test_the_collector_is_the_users() -> None:
    """A compilation leaves it as it is, and does not undo what others do to it meanwhile."""
    source = sources(random_numbers())[0]
    for off in (False, True):
        (gc.disable if off else gc.enable)()
        compiled(source, "singlepass")
        assert gc.isenabled() is not off
    seen: list[bool] = []

    def middleware(info: Any, bodies: Any) -> Any:
        seen.append(gc.isenabled())
        (gc.enable if not gc.isenabled() else gc.disable)()
        return bodies

    gc.enable()
    for wanted in (False, True):
        compiled(source, "singlepass", CompilerConfig(middlewares=(middleware,)))
        assert gc.isenabled() is wanted
    assert seen == [True, False]


@isolated()
def test_an_interrupted_look_at_the_processor_is_forgotten() -> None:
    """A signal's exception that ends the reading of /proc/cpuinfo leaves no half an answer behind."""
    import builtins

    from wasmer_runtime_core.contract import target as cpu

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGUSR1, interrupt)
    real: Callable[..., Any] = builtins.open

    def opened(name: Any, *args: Any, **named: Any) -> Any:
        file = real(name, *args, **named)
        if name == "/proc/cpuinfo":
            signal.raise_signal(signal.SIGUSR1)
        return file

    def refused(name: Any, *args: Any, **named: Any) -> Any:
        raise OSError(24, "Too many open files")

    try:
        builtins.open = opened
        interrupted = False
        try:
            cpu.host_features()
        except KeyboardInterrupt:
            interrupted = True
        assert interrupted
        builtins.open = refused
        assert cpu.host_features() == frozenset()
    finally:
        builtins.open = real
    assert "ssse3" in cpu.host_features()


# --- nothing shared is written ----------------------------------------------------------------
FILLED_LATER: Final = {
    "Form._packed": "the texts of a row, read when it is first used",
    "Form._operands": "the same",
    "Steps.words": "a recipe, read when it is first used",
    "wasmer_runtime_core.codegen.x64.encode._ROWS": "rows as the encoder sees them; a row's opcode is there before it",
    "wasmer_runtime_core.codegen.x64.encode._OPCODES": "the same",
    "wasmer_runtime_core.compiling.registry._found": "a backend's object",
}
"""Where -> what. Such a place is empty or zero, then whole; it does not change again."""

ATOMS: Final = (int, float, str, bytes, bool, type(None), complex, frozenset, range)
CODE: Final = (
    types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, types.GetSetDescriptorType,
    types.MemberDescriptorType, types.MethodDescriptorType, types.WrapperDescriptorType, property, classmethod,
    staticmethod,
)  # fmt: skip


def ours() -> list[types.ModuleType]:
    """All modules of the distributions that have to do with compiling, imported."""
    for package in ("wasmer_runtime_core", "wasmer_singlepass_backend", "wasmer_clif_backend", "wasmer_llvm_backend"):
        try:
            parent = importlib.import_module(package)
        except ImportError:
            continue
        for found in pkgutil.walk_packages(parent.__path__, f"{package}."):
            if not found.name.endswith((".build", ".build_hook", ".__main__")):
                importlib.import_module(found.name)
    return [module for name, module in sorted(sys.modules.items()) if name.startswith("wasmer_")]


def snapshot(modules: list[types.ModuleType]) -> dict[str, Any]:
    """(place, its value) of everything that is reachable from what modules hold. An object is walked once."""
    values: dict[str, Any] = {}
    seen: dict[int, object] = {}
    for module in modules:
        waiting = [
            (f"{module.__name__}.{name}", f"{module.__name__}.{name}", value)
            for name, value in vars(module).items()
            if not name.startswith("__")
        ]
        while waiting:
            place, kind, value = waiting.pop()
            if isinstance(value, ATOMS):
                values[place] = (kind, value)
                continue
            if isinstance(value, CODE) or id(value) in seen:
                continue
            seen[id(value)] = value
            within = list(parts(value))
            own = (
                0 if is_vec(value) or isinstance(value, tuple) else id(value)
            )  # mypyc makes these when they are looked at
            values[place] = (kind, f"{type(value).__name__} at {own:#x}" if within else "")
            for name, inner, part in within:
                waiting.append((f"{place}{name}", kind if kind in FILLED_LATER else inner or kind, part))
    return values


def parts(value: Any) -> Iterator[tuple[str, str, Any]]:
    """(name, kind of place if it is one of its own, value) of what an object holds."""
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", "", part) for key, part in list(value.items()))
    elif isinstance(value, (list, tuple)) or is_vec(value):
        yield from ((f"[{at}]", "", part) for at, part in enumerate(value))
    elif isinstance(value, (set, bytearray)):
        yield "#", "", bytes(value) if isinstance(value, bytearray) else frozenset(map(id, value))
    elif isinstance(value, type):
        if value.__module__.startswith("wasmer_"):
            yield from ((f".{name}", "", part) for name, part in vars(value).items() if not name.startswith("__"))
    elif type(value).__module__.startswith("wasmer_"):
        names = {name for base in type(value).__mro__ for name, part in vars(base).items() if is_field(part)}
        names |= set(getattr(value, "__dict__", ()))
        for name in sorted(names):
            # in a compiled class a property looks like a field, and reading it may fill the one behind it
            if not name.startswith("__") and f"_{name}" not in names:
                yield f".{name}", f"{type(value).__name__}.{name}", getattr(value, name, None)


def is_vec(value: object) -> bool:
    return type(value).__name__.startswith("vec[")


def is_field(part: object) -> bool:
    return isinstance(part, (types.GetSetDescriptorType, types.MemberDescriptorType))


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What was written and is none of `FILLED_LATER`, or was not empty."""
    found = []
    for place in before.keys() | after.keys():
        old, new = before.get(place), after.get(place)
        if old == new:
            continue
        kind = (old or new)[0]
        empty = old is None or not old[1]
        if kind not in FILLED_LATER or not empty:
            found.append(f"{place}: {old and old[1]!r} -> {new and new[1]!r}")
    return sorted(found)


@isolated(timeout=300)
def test_nothing_shared_is_written() -> None:
    """By no pass of any backend, with middlewares and without."""
    numbers = random_numbers()
    modules = ours()
    every = sources(numbers)
    config = CompilerConfig(middlewares=(Metering(1000), BlockTrace()))
    checked = CompilerConfig(memory_bound_check_mode="enable")
    for backend in usable():
        find_compiler(backend)
        if backend == "llvm":
            compiled("(module)", backend)  # loads LLVM, which is none of ours
    states = [snapshot(modules)]
    for _ in range(2):
        for source in every:
            for backend in usable():
                for how in (None, config, checked):
                    compiled(source, backend, how)
        states.append(snapshot(modules))
    assert len(states[0]) > 10_000, "what modules hold was not found"
    written = changed(states[0], states[1])
    assert not written, f"{len(written)} places were written:\n" + "\n".join(written[:30])
    again = [place for place in states[1] if states[1][place] != states[2].get(place)]
    assert not again, f"written again: {again[:30]}"
    gone = FILLED_LATER.keys() - {kind for kind, _ in states[2].values()}
    assert not gone, f"nothing is called {gone}"
