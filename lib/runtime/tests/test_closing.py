"""Closing, deadlines of single calls, and what functions say about themselves, as users meet them."""

from __future__ import annotations

import inspect
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.backends import usable
from wasmer_runtime import Instance, Memory, instantiate, timeout, vectorize
from wasmer_runtime.error import RuntimeError as WasmRuntimeError
from wasmer_runtime.error import Timeout, Trap
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler

TEXT = """
(module
  (import "env" "host" (func $host))
  (memory (export "memory") 1 3) (table (export "table") 2 funcref) (global (export "count") (mut i32) (i32.const 7))
  (elem (i32.const 0) $peek)
  (func $peek (export "peek") (param i32) (result i32) local.get 0 i32.load)
  (func (export "grow") (result i32) i32.const 1 memory.grow)
  (func (export "spin") (param i32) (result i32) (loop (br_if 0 (local.get 0))) i32.const 42)
  (func (export "spin_host") (loop (call $host) (br 0)))
  (func (export "call_host") (result i32) call $host i32.const 0 i32.load)
  (func (export "two") (param i32 f64) (result f64 i32) local.get 1 local.get 0))
"""


def make(host: Callable[[], Any] = lambda: None) -> Instance:
    return instantiate(TEXT, {"env": {"host": host}})


# --- closing ------------------------------------------------------------------------------


def test_a_closed_instance_says_so() -> None:
    instance = make()
    exports, peek, memory = instance.exports, instance.exports.peek, instance.exports.memory
    assert peek(0) == 0 and not instance.closed
    instance.close()
    instance.close()
    assert instance.closed and repr(instance) == "<Instance: closed>" and memory.closed
    with pytest.raises(ValueError, match=r"peek\(\) cannot be called: its instance is closed"):
        peek(0)
    with pytest.raises(ValueError, match="its instance is closed"):
        peek.call_bits([0])
    uses: list[Callable[[], Any]] = [
        lambda: exports.peek,
        lambda: exports["grow"],
        lambda: instance.exports.nothing,
        lambda: instance.call("peek", 0),
        lambda: instance.func("peek"),
        lambda: instance.dyn_func("peek"),
        lambda: instance.memory(),
        lambda: instance.table(),
    ]
    for use in uses:
        with pytest.raises(ValueError, match="the instance is closed"):
            use()


def test_views_refuse_closing_and_are_never_left_dangling() -> None:
    instance = make()
    view = memoryview(instance.exports.memory)
    view[0] = 5
    with pytest.raises(BufferError, match="the memory cannot be closed: 1 view of it exists"):
        instance.close()
    assert not instance.closed and instance.exports.peek(0) == 5
    del instance
    assert view[0] == 5
    view[PAGE - 1] = 1


PAGE = 65536


def test_what_others_have_of_a_closed_instance_traps_or_lives_on() -> None:
    instance = make()
    table, count, memory = instance.exports.table, instance.exports.count, instance.exports.memory
    other = instantiate(
        """(module (import "a" "table" (table 2 funcref)) (import "a" "memory" (memory 1))
             (func (export "indirect") (result i32)
               (call_indirect (param i32) (result i32) (i32.const 8) (i32.const 0)))
             (func (export "load") (result i32) i32.const 8 i32.load)
             (func (export "grow") (result i32) i32.const 1 memory.grow)
             (func (export "size") (result i32) memory.size)
             (func (export "fill") i32.const 0 i32.const 1 i32.const 9 memory.fill))""",
        {"a": instance},
    )
    memory.write(8, b"\x2a")
    assert other.exports.indirect() == other.exports.load() == 42
    instance.close()
    for name in ("indirect", "load", "fill"):
        with pytest.raises(Trap) as caught:
            other.exports[name]()
        assert caught.value.kind == "MEMORY_OUT_OF_BOUNDS"
    assert other.exports.grow() == -1 and other.exports.size() == 0
    assert count.value == 7 and len(table) == 2
    with pytest.raises(ValueError, match="its instance is closed"):
        table[0](0)


def test_an_imported_memory_is_not_its_to_close() -> None:
    memory = Memory(1)
    with instantiate('(module (import "m" "m" (memory 1)))', {"m": {"m": memory}}):
        pass
    assert not memory.closed and memory.read(0, 1) == b"\0"


def test_a_running_instance_cannot_be_closed() -> None:
    refused: list[str] = []

    def host() -> None:
        try:
            instance.close()
        except WasmRuntimeError as error:
            refused.append(str(error))

    instance = make(host)
    assert instance.exports.call_host() == 0 and not instance.closed
    assert "cannot be closed while it" in refused[0]


def test_a_memory_that_the_host_closes_under_running_code_traps() -> None:
    instance = make(lambda: instance.exports.memory.close())
    with pytest.raises(Trap) as caught:
        instance.exports.call_host()
    assert caught.value.kind == "MEMORY_OUT_OF_BOUNDS" and instance.exports.grow() == -1
    with pytest.raises(Trap):
        instance.exports.peek(0)


WITHIN_THE_LEAST_SIZE = """
(module
  (memory (export "memory") 1)
  (func (export "load") (param i32) (result i32) (i32.load (i32.and (local.get 0) (i32.const 255))))
  (func (export "load_8") (param i32) (result i32) (i32.load8_u offset=7 (i32.and (local.get 0) (i32.const 255))))
  (func (export "store") (param i32) (i32.store (i32.const 16) (local.get 0)))
  (func (export "modify") (param i32) (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (local.get 0))))
  (func (export "compare") (param i32) (result i32)
    (if (result i32) (i32.eq (i32.load (i32.const 16)) (local.get 0)) (then (i32.const 1)) (else (i32.const 2))))
  (func (export "vector") (param i32)
    (v128.store (i32.const 32) (i32x4.add (v128.load (i32.const 16)) (i32x4.splat (local.get 0)))))
  (func (export "counted") (param i32) (local $i i32)
    (loop
      (i32.store offset=64 (local.get $i) (local.get 0))
      (i32.store offset=68 (local.get $i) (local.get 0))
      (i32.store offset=72 (local.get $i) (local.get 0))
      (i32.store offset=76 (local.get $i) (local.get 0))
      (br_if 0 (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 16))) (i32.const 160))))))
"""


@pytest.mark.parametrize("backend", usable())
def test_accesses_that_need_no_check_trap_in_a_closed_memory(backend: str) -> None:
    """A backend may know that they lie within the size that a memory has at least; a closed one has none."""
    instance = compile_with(WITHIN_THE_LEAST_SIZE, find_compiler(backend)).instantiate({})
    functions = {name: instance.exports[name] for name in instance.exports if name != "memory"}
    for run in functions.values():
        run(1)
    instance.exports.memory.close()
    for name, run in functions.items():
        with pytest.raises(Trap, match=f"out of bounds memory access[^|]*{name}"):
            run(1)


def test_the_pages_of_closed_memories_come_back_as_zeros() -> None:
    for _ in range(200):
        with make() as instance:
            memory = instance.exports.memory
            assert memory.read(0, PAGE) == bytes(PAGE)
            memory.grow(1)
            memory.write(0, b"\xff" * 2 * PAGE)


def test_closing_while_another_instance_runs_without_the_gil() -> None:
    spin = make().exports.spin.released

    def run() -> None:
        with pytest.raises(Timeout):
            spin(1, timeout=0.2)

    thread = threading.Thread(target=run)
    thread.start()
    for _ in range(50):
        with make() as instance:
            instance.exports.memory.write(0, b"x")
    thread.join(30)
    assert not thread.is_alive()


# --- deadlines of single calls ------------------------------------------------------------


def test_what_a_deadline_has_ended_says_where_it_was() -> None:
    """The names of the functions are read then, and take a look for signals."""
    many = "".join(f"(func $f{number})" for number in range(5000))
    instance = instantiate(f'(module {many} (func $inner (loop br 0)) (func (export "spin") call $inner))')
    spin = instance.exports.spin
    assert "function_names" not in vars(instance.module.info)
    with pytest.raises(Timeout) as caught:
        spin(timeout=0.01)
    assert "inner" in "".join(caught.value.__notes__)


def test_a_call_with_a_deadline() -> None:
    exports = make().exports
    assert exports.spin(0, timeout=10) == exports.spin(0, timeout=None) == exports.spin(0, timeout=1e300) == 42
    start = time.monotonic()
    with pytest.raises(Timeout) as caught:
        exports.spin(1, timeout=0.05)
    assert time.monotonic() - start >= 0.05
    assert caught.value.__notes__ and "spin" in "".join(caught.value.__notes__)
    assert exports.spin(0) == 42
    with pytest.raises(Timeout):
        exports.spin(1, timeout=0)
    with pytest.raises(ValueError, match="cannot be negative"):
        exports.spin(0, timeout=-1)
    with pytest.raises(TypeError):
        exports.spin(0, timeout="soon")
    with pytest.raises(Timeout):
        make().call("spin", 1, timeout=0.02)
    with pytest.raises(Timeout):
        make().dyn_func("spin").call([1], timeout=0.02)


def test_deadlines_of_calls_nest_with_blocks() -> None:
    exports = make().exports
    with pytest.raises(Timeout), timeout(0.05):
        exports.spin(1, timeout=900)
    with timeout(900):
        with pytest.raises(Timeout):
            exports.spin(1, timeout=0.05)
        assert exports.spin(0) == 42


def test_nobody_escapes_a_deadline_by_catching_it() -> None:
    caught: list[Timeout] = []

    def host() -> None:
        try:
            inner.exports.spin(1)
        except Timeout as error:
            caught.append(error)

    inner, outer = make(), make(host)
    with pytest.raises(Timeout):
        outer.exports.spin_host(timeout=0.05)
    assert caught


# --- what functions say -------------------------------------------------------------------


def test_other_keywords_are_refused() -> None:
    two = make().exports.two
    with pytest.raises(TypeError, match=r"two\(\) takes no keyword arguments but timeout, and got 'p0' \(signature"):
        two(p0=1, p1=2.0)
    with pytest.raises(
        TypeError, match=r"two\(\) takes 2 arguments but 1 was given \(signature \[i32, f64\] -> \[f64, i32\]\)"
    ):
        two(1, timeout=1)


def test_numpy_scalars() -> None:
    numpy = pytest.importorskip("numpy")
    two = make().exports.two
    assert two(numpy.int64(-1), numpy.float32(0.5)) == (0.5, -1)
    assert two(numpy.bool_(True), numpy.bool_(True)) == (1.0, 1)
    assert two(numpy.uint32(2**32 - 1), numpy.int8(3)) == (3.0, -1)
    with pytest.raises(OverflowError, match="does not fit i32"):
        two(numpy.uint64(2**32), 0.0)
    with pytest.raises(TypeError, match=r"i32 takes an int, not 'numpy\.float64'"):
        two(numpy.float64(1), 0.0)


def test_functions_introspect() -> None:
    two = make().exports.two
    assert two.__name__ == two.__qualname__ == "two" and "two(i32, f64) -> tuple[f64, i32]" in two.__doc__
    assert repr(two) == "<wasm function two: [i32, f64] -> [f64, i32]>"
    signature = inspect.signature(two)
    assert [parameter.annotation for parameter in signature.parameters.values()][:2] == ["i32", "f64"]
    assert signature.bind(1, 2.0, timeout=1).kwargs == {"timeout": 1}
    with pytest.raises(TypeError):
        signature.bind(1)


def test_an_exception_that_ends_a_block_is_not_hidden_by_a_view_of_its_own() -> None:
    """Python raises what `__exit__` raises instead; so that gets a note where closing is refused."""

    def looking(instance: Any) -> None:
        view = memoryview(instance.exports.memory)
        raise KeyError(len(view))

    for failing in (looking, lambda instance: instance.exports.memory.view("u8", 1 << 40)):
        with pytest.raises((KeyError, IndexError)) as raised, make() as instance:
            failing(instance)
        if failing is looking:
            assert not instance.closed
            assert "is not closed: the memory cannot be closed: 1 view of it exists" in raised.value.__notes__[0]
        else:  # no view of the library's own is in a traceback
            assert instance.closed and not hasattr(raised.value, "__notes__")
    with pytest.raises(BufferError), make() as instance:
        view = memoryview(instance.exports.memory)
    assert len(view) == PAGE and not instance.closed


def test_operands_that_do_not_fit_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    instance = instantiate(
        """(module (memory (export "memory") 1)
             (func (export "twice") (param f64) (result f64) (f64.add (local.get 0) (local.get 0))))"""
    )
    with pytest.raises(TypeError, match="its elements have the format 'B'") as kept:
        vectorize(instance.exports.twice)(instance.exports.memory)
    instance.close()
    assert kept.value.__traceback__ is not None


def test_what_is_ended_is_not_called_and_keeps_its_memory_until_it_is_closed() -> None:
    first, second = make(), make()
    view = memoryview(first.exports.memory)
    peek, other = first.exports.peek, second.exports.peek
    first.core.end(second.core)
    for function in (peek, other):
        with pytest.raises(ValueError, match="its instance is closed"):
            function(0)
    assert first.closed and second.closed and not first.core.running
    with pytest.raises(BufferError, match="1 view"):
        first.close()
    view[0] = 1
    view.release()
    memory = second.core
    first.close()
    second.close()
    second.close()
    assert memory.closed
    with pytest.raises(TypeError, match="takes instances"):
        make().core.end(1)  # type: ignore[arg-type]


def test_none_is_ended_while_one_of_them_runs() -> None:
    refused: list[BaseException] = []

    def back() -> None:
        assert running.core.running and not idle.core.running
        try:
            idle.core.end(running.core)
        except BaseException as failure:
            refused.append(failure)

    idle = make()
    running = instantiate(
        '(module (import "m" "back" (func $back)) (func (export "go") (call $back)))', {"m": {"back": back}}
    )
    running.exports.go()
    assert "is running" in str(refused[0]) and not idle.closed and not running.closed
    idle.core.end(running.core)
    assert idle.closed and running.closed
