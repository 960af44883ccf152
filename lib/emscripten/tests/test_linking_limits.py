"""What loading side modules costs: it ends when the call must, and is paid for by who loads them."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from typing import Any

import pytest
from test_linking import BASES, HOSTS, number, part, section, side, text

from wasmer_emscripten import Program, SideModuleError, giving_back, load
from wasmer_emscripten.linking import dylink, linker, modules
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.middleware.metering import Metering, get_points_used, set_points_used
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import ExecutionLimitExceeded, ExitCode

LIMIT = 100_000
BURN = """(local i32) (loop (local.set 0 (i32.add (local.get 0) (i32.const 1)))
    (br_if 0 (i32.lt_u (local.get 0) (i32.const 5000))))"""
OPEN = '(import "env" "open" (func $open (param i32) (result i32)))'
THROW = '(import "env" "throw" (func $throw))'


def main_module(count: int, more: str = "") -> bytes:
    """A program that opens ``lib0.so`` … by their numbers."""
    names = " ".join(f'(data (i32.const {200_044 + 64 * at}) "lib{at}.so\\00")' for at in range(count))
    return side(
        f"""
      (import "env" "memory" (memory 64)) (import "env" "__indirect_function_table" (table 1 funcref))
      (import "env" "__memory_base" (global i32)) (import "env" "freed" (func $freed))
      (import "env" "_dlopen_js" (func $dlopen (param i32) (result i32)))
      (global $heap (mut i32) (i32.const 400000))
      (func (export "malloc") (param i32) (result i32)
        (global.set $heap (i32.add (global.get $heap) (i32.const 256))) (global.get $heap))
      (func (export "free") (param i32) (call $freed))
      (func (export "__dl_seterr") (param i32 i32))
      (func (export "open") (param i32) (result i32)
        (call $dlopen (i32.add (i32.const 200000) (i32.mul (local.get 0) (i32.const 64)))))
      {names} {more}""",
        section(0, 0, 20),
    )


def program(libraries: list[bytes], freed: Callable[[], object] = lambda: None, **options: Any) -> Program:
    given = {f"lib{at}.so": each for at, each in enumerate(libraries)}
    functions = {"freed": freed, "throw": options.pop("throw", lambda: None)}
    source = options.pop("source", main_module(len(libraries)))
    return load(source, libraries=given, functions=functions, stdout=None, **options)


# --- points


class Thrown(Exception):
    """Of a function of the host's, as a C++ exception that the program itself catches."""


def throwing() -> None:
    raise Thrown


COSTLY = {
    "constructors": f'(func (export "__wasm_call_ctors") {BURN})',
    "constructors that fail": f'{THROW} (func (export "__wasm_call_ctors") {BURN} (call $throw))',
    "start functions": f"(func $start {BURN}) (start $start)",
    "start functions that fail": f"{THROW} (func $start {BURN} (call $throw)) (start $start)",
    "what cannot be linked": f'(import "GOT.mem" "absent" (global (mut i32))) (func $start {BURN}) (start $start)',
}


@pytest.mark.parametrize("case", COSTLY)
@pytest.mark.parametrize("compiled_before", (False, True))
def test_side_modules_use_the_points_of_the_program(case: str, compiled_before: bool, backend: str) -> None:
    config = CompilerConfig(middlewares=(Metering(LIMIT),))
    source: Any = main_module(10)
    options: dict[str, Any] = {"config": config, "source": source}
    if compiled_before:
        options = {"source": compile_with(source, find_compiler(backend), config)}
    running = program([side(COSTLY[case])] * 10, backend=backend, throw=throwing, **options)
    with pytest.raises(ExecutionLimitExceeded):
        for at in range(10):
            try:
                running.instance.exports.open(at)
            except Thrown:
                pass
    assert LIMIT <= get_points_used(running.instance) < LIMIT + 100


CALLED = f"""(func $burn (export "burn") (param i32) (result i32) {BURN} (i32.const 0))"""
CALLING = """(func (export "calling") (param $at i32) (result i32) (local i32)
    (loop (drop (call_indirect (param i32) (result i32) (i32.const 0) (i32.add (local.get $at) (local.get 1))))
      (local.set 1 (i32.add (local.get 1) (i32.const 1)))
      (br_if 0 (i32.lt_u (local.get 1) (i32.const 10))))
    (i32.const 0))"""


@pytest.mark.parametrize("pickled", (False, True))
def test_functions_of_side_modules_use_the_points_of_the_program(pickled: bool, backend: str) -> None:
    """Each alone stays below the limit; nothing is opened any more, and no function of the host's is called."""
    config = CompilerConfig(middlewares=(Metering(LIMIT),))
    library: Any = side(f"{HOSTS} {BASES} {CALLED} (elem (global.get $t) $burn)", section(0, 0, 1))
    source: Any = main_module(10, CALLING)
    if pickled:
        source, library = (
            pickle.loads(pickle.dumps(compile_with(each, find_compiler(backend), config))) for each in (source, library)
        )
    running = program([library] * 10, backend=backend, config=config, source=source)
    exports: Any = running.instance.exports
    for at in range(10):
        assert exports.open(at) == 1
    before = get_points_used(running.instance)
    assert before < LIMIT // 2
    with pytest.raises(ExecutionLimitExceeded):
        exports.calling(min(each.table for each in running.process.linker.libraries.values()))
    assert LIMIT <= get_points_used(running.instance) < LIMIT + 100
    for each in running.process.linker.instances():
        assert get_points_used(each) == get_points_used(running.instance)
        with pytest.raises(ExecutionLimitExceeded):
            each.exports.burn(0)
    set_points_used(running.instance, 0)  # filled up again, for all
    running.process.linker.instances()[3].exports.burn(0)
    assert 30_000 < get_points_used(running.instance) < LIMIT


def test_what_is_loaded_in_the_midst_of_loading_is_counted_once() -> None:
    config = CompilerConfig(middlewares=(Metering(10 * LIMIT),))
    outer = f"{OPEN} (func $start {BURN} (drop (call $open (i32.const 2)))) (start $start)"
    libraries = [
        side(outer, section(needed=("lib1.so",))),
        side(f"(func $start {BURN}) (start $start)"),
        side(f'(func (export "__wasm_call_ctors") {BURN})'),
    ]
    running = program(libraries, config=config)
    assert running.instance.exports.open(0) == 1
    one = program([libraries[1]], config=config)
    one.instance.exports.open(0)
    single, all_three = (get_points_used(each.instance) for each in (one, running))
    assert 3 * (single - 100) < all_three < 3 * (single + 100)


def test_nothing_is_opened_before_the_program_is_there() -> None:
    """Its start function has no instance yet whose points are used."""
    opening = "(func $start (drop (call $dlopen (i32.const 200000)))) (start $start)"
    running = program([side("")], source=main_module(1, opening))
    assert not running.process.linker.libraries
    assert running.instance.exports.open(0) == 1


def test_how_side_modules_are_compiled_has_to_be_known() -> None:
    module = pickle.loads(pickle.dumps(compile_with(main_module(1), find_compiler("singlepass"))))
    library = side("")
    running = program([library], source=module)
    with pytest.raises(SideModuleError, match="config="):
        running.process.linker.open("lib0.so", False)
    assert running.instance.exports.open(0) == 0
    given = program([library], source=module, config=CompilerConfig())
    assert given.instance.exports.open(0) == 1
    compiled = program([compile_with(library, find_compiler("singlepass"))], source=module)
    assert compiled.instance.exports.open(0) == 1


# --- deadlines


def test_places_are_given_back_at_once_however_many_there_are() -> None:
    """Not one at a time: the program's deadline may have passed, and nobody looks for it there."""
    many = 3_000_000
    throw = f"{THROW} (func $throwing (call $throw)) (func $f) (elem (global.get $t) $f $f) (start $throwing)"
    libraries = [side(f"{HOSTS} {BASES} {throw}", section(0, 0, many))] * 2
    running = program(libraries, throw=throwing)
    slots = running.process.linker.slots
    before = slots.table.size
    lines = 0

    def count(frame: Any, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += 1
        return count

    for at in range(2):
        tracing = sys.gettrace()
        sys.settrace(count)
        try:
            with pytest.raises(Thrown):
                running.instance.exports.open(at)
        finally:
            sys.settrace(tracing)
        assert lines < 100_000
        assert slots.table.size == before + many  # the second has the places of the first
        assert slots.table[before] is None


WEAK = b"".join(text("GOT.mem") + text(f"d{at}") + b"\1" for at in range(50))
FLAGS = b"".join(text(f"s{at}") + b"\1" for at in range(5000))


@pytest.mark.parametrize(
    ("module", "libraries", "least"),
    [
        (linker, [side(" ".join(f'(import "env" "f{at}" (func))' for at in range(50)))], 50),
        (
            linker,
            [side(
                " ".join(f'(import "GOT.mem" "d{at}" (global (mut i32)))' for at in range(50)),
                section() + part(4, number(50) + WEAK),
            )],
            100,
        ),
        (modules, [side("", section(needed=("lib0.so",) * 200))], 201),
        (dylink, [side("", section() + part(3, number(5000) + FLAGS))], 5),
    ],
)  # fmt: skip
def test_loading_looks_whether_it_must_end(
    module: Any, libraries: list[bytes], least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    running = program(libraries)
    monkeypatch.setattr(module, "check_interrupts", lambda: looks.append(1))
    assert running.instance.exports.open(0) == 1
    assert len(looks) >= least


def test_what_ends_nested_loads_waits_once_for_what_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(giving_back, "monotonic", lambda: clock[0])
    freed: list[int] = []

    def slowly() -> None:
        freed.append(1)
        clock[0] += giving_back.MOST_SECONDS

    depth = 8
    fields = [
        f'{OPEN} (func (export "__wasm_call_ctors") (drop (call $open (i32.const {at + 1}))))' for at in range(depth)
    ]
    last = f'{THROW} (func (export "__wasm_call_ctors") (call $throw))'
    libraries = [side(f"{HOSTS} {BASES} {each}", section(64, 4)) for each in (*fields, last)]

    def interrupted() -> None:
        raise KeyboardInterrupt

    running = program(libraries, slowly, throw=interrupted)
    for times in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            running.instance.exports.open(0)
        assert len(freed) == times


def test_what_is_given_back_takes_the_place_of_nothing() -> None:
    def ending() -> None:
        raise ExitCode(0)

    def interrupted() -> None:
        raise KeyboardInterrupt

    fields = f'{HOSTS} {BASES} {THROW} (func (export "__wasm_call_ctors") (call $throw))'
    running = program([side(fields, section(64, 4))], ending, throw=interrupted)
    with pytest.raises(KeyboardInterrupt):
        running.instance.exports.open(0)
