"""Wrong types, counts and ranges at every public entry point."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

from tests.stress.isolated import isolated, raises
from wasmer_runtime import (
    Backend,
    ElementType,
    FuncSig,
    Global,
    GlobalDescriptor,
    ImportObject,
    Memory,
    MemoryDescriptor,
    Module,
    Namespace,
    Pages,
    Table,
    TableDescriptor,
    Type,
    Value,
    compile,
    compiler_for_backend,
    func,
    instantiate,
    timeout,
    validate,
    wasm2wat,
    wat2wasm,
)
from wasmer_runtime.error import Error

IDENTITY = """(module
  (func (export "i32") (param i32) (result i32) local.get 0)
  (func (export "i64") (param i64) (result i64) local.get 0)
  (func (export "f32") (param f32) (result f32) local.get 0)
  (func (export "f64") (param f64) (result f64) local.get 0)
  (func (export "v128") (param v128) (result v128) local.get 0)
  (func (export "funcref") (param funcref) (result funcref) local.get 0)
  (func (export "externref") (param externref) (result externref) local.get 0)
  (func (export "nop"))
  (memory (export "memory") 1 4)
  (table (export "table") 2 8 funcref)
  (table (export "objects") 2 8 externref)
  (global (export "global") (mut i32) (i32.const 1))
  (global (export "constant") i64 (i64.const 1)))"""

REFUSALS = (
    Error, TypeError, ValueError, OverflowError, IndexError, AttributeError, KeyError, BufferError, ZeroDivisionError,
    OSError, NotImplementedError,
)  # fmt: skip
"""What a wrong value may give. Anything else is a mistake of ours; so are the three below."""
MISTAKES = ("InternalError", "FaultError", "RecursionError", "UnboundLocalError")


class Raises:
    """Refuses to be anything."""

    def fail(self, *_: Any) -> Any:
        raise ZeroDivisionError("no")

    __index__ = __float__ = __int__ = __len__ = __iter__ = __bool__ = __str__ = __repr__ = __hash__ = fail  # type: ignore[assignment]
    __eq__ = __lt__ = __call__ = __getitem__ = __fspath__ = __buffer__ = fail  # type: ignore[assignment]


class Lies:
    """Says that it is an integer, a float and a buffer, and gives something else."""

    def __index__(self) -> Any:
        return "one"

    def __float__(self) -> Any:
        return "one"

    def __len__(self) -> int:
        return -1

    def __fspath__(self) -> Any:
        return 3


class Whole(int):
    """An int that raises when it is looked at."""

    def __index__(self) -> int:
        raise ZeroDivisionError("no")

    def __repr__(self) -> str:
        raise ZeroDivisionError("no")


class Half(float):
    def __float__(self) -> float:
        raise ZeroDivisionError("no")


def hostile() -> list[Any]:
    """One of each kind of value that somebody may pass."""
    values: list[Any] = [
        None, True, False, 0, 1, -1, 2**31, 2**32, 2**63, 2**64, -(2**63) - 1, 2**128, -(2**200), 10**5000,
        0.0, -0.0, 1.5, math.nan, math.inf, -math.inf, 1e308, 1e-320, 1j,
        "", "1", "i32", "\0", "\ud800", "x" * 100_000, b"", b"\0asm", b"1" * 16, bytearray(16), memoryview(b"1" * 16),
        memoryview(b"1" * 32)[::2], (), (1,), [], [1], {}, {"a": 1}, set(), range(3), slice(1), ..., NotImplemented,
        object(), object, int, print, len, lambda: None, (x for x in ()), Raises(), Lies(), Whole(1), Half(1), sys,
        Type.I32, ElementType.FUNCREF, Value.I32(1), Value.F64(1), Value.V128(1), Value.EXTERNREF("x"), Pages(1),
        FuncSig(), MemoryDescriptor(1), GlobalDescriptor(True, "i32"), Backend.SINGLEPASS, Exception("x"),
    ]  # fmt: skip
    try:
        import numpy

        values += [numpy.int8(-1), numpy.uint64(2**64 - 1), numpy.float32(1.5), numpy.float64(2), numpy.bool_(True)]
        values += [numpy.zeros(2), numpy.zeros(()), numpy.zeros(16, "u1"), numpy.array(["x"]), numpy.datetime64("nat")]
    except ImportError:
        pass
    return values


def attack(what: str, call: Callable[..., Any], *args: Any) -> None:
    """The call works or refuses; a mistake of ours is neither."""
    try:
        call(*args)
    except REFUSALS as error:
        assert type(error).__name__ not in MISTAKES, f"{what}: {error!r}"
        try:
            str(error)
        except (ZeroDivisionError, ValueError):  # of the value that it shows: Raises, or an int of 5000 digits
            pass
    except RecursionError:
        raise
    except RuntimeError as error:  # a generator that has ended, and the like
        raise AssertionError(f"{what} raised {error!r}") from error


@isolated()
def test_arguments_and_their_counts() -> None:
    instance = instantiate(IDENTITY)
    other = instantiate(IDENTITY)
    for name in ("i32", "i64", "f32", "f64", "v128", "funcref", "externref", "nop"):
        function = instance.exports[name]
        for value in [*hostile(), function, other.exports.nop, instance, instance.exports, instance.exports.memory]:
            attack(name, function, value)
            attack(name, function, value, value)
            attack(name, function.call_bits, value)
            attack(name, function.call_bits, [value])
            attack(name, instance.dyn_func(name).call, value)
            attack(name, instance.dyn_func(name).call, [value])
            attack(name, instance.call, name, value)
        for count in (0, 2, 3, 100, 5000):
            if name != "nop" or count:
                raises(TypeError, lambda function=function, count=count: function(*[1] * count))
        raises(TypeError, lambda function=function: function(x=1))
        raises(TypeError, lambda function=function: function(1, **{"": 1}))
    assert instance.exports.i32(7) == 7


@isolated()
def test_integers_are_checked_as_documented() -> None:
    exports = instantiate(IDENTITY).exports
    assert [exports.i32(value) for value in (-(2**31), 2**32 - 1, True, Whole(5))][:3] == [-(2**31), -1, 1]
    assert [exports.i64(value) for value in (-(2**63), 2**64 - 1, 2**63)] == [-(2**63), -1, -(2**63)]
    for value in (2**32, -(2**31) - 1, 10**100, -(10**100)):
        assert "i32" in str(raises(OverflowError, exports.i32, value))
    for value in (2**64, -(2**63) - 1):
        raises(OverflowError, exports.i64, value)
    for value in (1.0, "1", None, 1j, b"1", [1]):
        raises(TypeError, exports.i32, value)
    for value in ("1.0", None, 1j, b"1"):
        raises(TypeError, exports.f64, value)
    raises(OverflowError, exports.f64, 10**400)
    raises(ZeroDivisionError, exports.i32, Raises())
    raises(ZeroDivisionError, exports.f64, Raises())
    raises(TypeError, exports.i32, Lies())
    raises(TypeError, exports.f64, Lies())
    for value in (2**128, -(2**127) - 1):
        raises(OverflowError, exports.v128, value)
    for value in (b"1" * 15, b""):
        raises(TypeError, exports.v128, value)
    raises(TypeError, exports.funcref, print)


@isolated()
def test_memories_tables_and_globals() -> None:
    instance = instantiate(IDENTITY)
    exports = instance.exports
    memory, table, objects = exports.memory, exports.table, exports.objects
    for value in hostile():
        attack("Memory", Memory, value)
        attack("Memory", Memory, 1, value)
        attack("Table", Table, value)
        attack("Global", Global, value)
        attack("Global.new_mutable", Global.new_mutable, value)
        attack("MemoryDescriptor", MemoryDescriptor, value)
        attack("MemoryDescriptor", MemoryDescriptor, 1, value)
        attack("TableDescriptor", TableDescriptor, value, 1)
        attack("TableDescriptor", TableDescriptor, ElementType.FUNCREF, value)
        attack("TableDescriptor", TableDescriptor, ElementType.FUNCREF, 1, value)
        attack("GlobalDescriptor", GlobalDescriptor, value, value)
        for method in (memory.read, memory.write):
            attack(repr(method), method, value)
            attack(repr(method), method, value, value)
            attack(repr(method), method, 0, value)
        attack("memory[]", memory.__getitem__, value)
        attack("memory[]=", memory.__setitem__, value, value)
        attack("memory[]=", memory.__setitem__, 0, value)
        attack("memory.view", memory.view, value)
        attack("memory.view", memory.view, "u8", value)
        attack("memory.grow", Memory(1, 2).grow, value)
        for each in (table, objects):
            attack("table.get", each.get, value)
            attack("table[]", each.__getitem__, value)
            attack("table.set", each.set, value, value)
            attack("table.set", each.set, 0, value)
            attack("table[]=", each.__setitem__, 0, value)
            attack("table.grow", Table(TableDescriptor(each.element, 1, 3)).grow, value, value)
            attack("table.grow", Table(TableDescriptor(each.element, 1, 3)).grow, 1, value)
        for each in (exports.global_ if "global_" in exports else exports["global"], exports.constant):
            attack("global.set", each.set, value)
            attack("global.set_bits", each.set_bits, value)
            attack("global.set_value", each.set_value, value)
            attack("global.value", setattr, each, "value", value)
        for method in (instance.memory, instance.table, instance.global_, instance.func, instance.dyn_func):
            attack(repr(method), method, value)
        attack("func", instance.func, "i32", value, value)
        attack("timeout", timeout, value)
    assert memory.pages == 1 and len(table) == 2


@isolated()
def test_counts_that_only_look_small() -> None:
    """What is cut to 64 bits on the way must not become another number."""
    for pages in (2**64, 2**64 + 1, 2**32 * 65536, -1, -(2**64) + 1, 65537):
        raises((ValueError, OverflowError, Error), Memory, pages)
    for most in (2**64, -1, 2**63):
        raises((ValueError, OverflowError, Error), Memory, 1, most)
    for minimum in (2**64, 2**32, 2**64 + 1, -1):
        raises((ValueError, OverflowError, Error), TableDescriptor, ElementType.FUNCREF, minimum)
    memory = Memory(1, 2)
    for pages in (2**64, 2**64 + 1, 2**63, 2**32, 65536, 2):
        raises(Error, memory.grow, pages)
    raises(ValueError, memory.grow, -1)
    for offset in (2**64, 2**63 - 1, 65536, -1, -(2**64)):
        raises(IndexError, memory.read, offset, 1)
        raises(IndexError, memory.write, offset, b"1")
    raises(IndexError, memory.read, 1, 2**63 - 1)
    raises(IndexError, memory.read, 1, 65536)
    table = Table(TableDescriptor(ElementType.EXTERNREF, 1))
    for index in (1, 2**32, 2**64, -1):
        raises(IndexError, table.get, index)
        raises(IndexError, table.set, index, None)
    for delta in (2**32, 2**63, 2**64, 10_000_001):
        raises((Error, OverflowError), table.grow, delta)
    raises(ValueError, table.grow, -1)
    assert memory.pages == 1 and len(table) == 1


@isolated()
def test_whatever_is_called_a_module_or_an_import() -> None:
    wants = compile(
        '(module (import "a" "f" (func (param i32) (result i32))) (import "a" "m" (memory 1))'
        ' (import "a" "t" (table 1 funcref)) (import "a" "g" (global i32)) (import "a" "h" (global externref)))'
    )
    good = {
        "f": lambda x: x,
        "m": Memory(1),
        "t": Table(TableDescriptor(ElementType.FUNCREF, 1)),
        "g": 1,
        "h": Global(Value.EXTERNREF("x")),
    }
    wants.instantiate({"a": good})
    for value in hostile():
        for entry in (validate, wat2wasm, wasm2wat, compile, instantiate):
            if not isinstance(value, Raises):
                attack(entry.__name__, entry, value)
        attack("backend", compile, IDENTITY, value)
        attack("compiler_for_backend", compiler_for_backend, value)
        attack("imports", wants.instantiate, value)
        attack("imports", wants.instantiate, {"a": value})
        for name in good:
            attack(f"import {name}", wants.instantiate, {"a": {**good, name: value}})
        attack("ImportObject", ImportObject, value)
        attack("Namespace", Namespace, value)
        attack("func", func, value)
        attack("func", func, print, value, value)
        attack("Value.of", Value.of, value, value)
        attack("Value.of", Value.of, "i32", value)
        for name in ("I32", "I64", "F32", "F64", "V128", "FUNCREF", "EXTERNREF"):
            attack(name, getattr(Value, name), value)
        attack("Value.from_bits", Value.from_bits, value, value)
        attack("FuncSig", FuncSig, value, value)
        attack("Pages", Pages, value)


@isolated()
def test_objects_made_without_their_constructors() -> None:
    from wasmer_runtime import Instance
    from wasmer_runtime_core.native import machine

    for kind in (machine.Memory, machine.Table, machine.Global, machine.Instance, machine.Plan, machine.Code,
                 machine.Function, machine.HostFunction, Memory, Table, Global,
                 type(instantiate(IDENTITY).exports)):  # fmt: skip
        raises(TypeError, object.__new__, kind)
        raises(TypeError, kind)
        for value in hostile():
            attack(kind.__name__, kind, value)
            attack(kind.__name__, kind, value, value)
            attack(kind.__name__, kind, value, value, value)
    for each in (Instance.__new__(Instance), Module.__new__(Module)):
        for name in ("exports", "memory", "info", "__deepcopy__", "x", "_made"):
            raises(AttributeError, lambda each=each, name=name: getattr(each, name)()) if name != "memory" else None
        attack("repr", repr, each)


@isolated()
def test_subclasses() -> None:
    class Own(Memory):
        def __repr__(self) -> str:
            raise ZeroDivisionError

        def __len__(self) -> int:
            return 2**62

        def __del__(self) -> None:
            raise_quietly.append(self.read(0, 4))

    class OwnTable(Table):
        def __getitem__(self, index: Any) -> Any:
            raise KeyError(index)

        def __len__(self) -> int:
            return 10**9

    class OwnGlobal(Global):
        value = 3  # type: ignore[assignment]

    raise_quietly: list[bytes] = []
    module = compile(
        '(module (import "a" "m" (memory 1)) (import "a" "t" (table 1 externref)) (import "a" "g" (global (mut i32)))'
        ' (export "m" (memory 0)) (func (export "run") (result i32)'
        "   (i32.store (i32.const 0) (global.get 0)) (table.set (i32.const 0) (ref.null extern))"
        "   (i32.load (i32.const 0))))"
    )
    memory, table, number = Own(1), OwnTable(TableDescriptor(ElementType.EXTERNREF, 1)), OwnGlobal(Value.I32(9), True)
    attack("import", module.instantiate, {"a": {"m": memory, "t": table, "g": number}})
    table_of_ours = Table(TableDescriptor(ElementType.EXTERNREF, 1))
    instance = module.instantiate({"a": {"m": memory, "t": table_of_ours, "g": number}})
    assert instance.exports.run() == 9 and instance.exports.m is memory
    attack("view", memory.view, "u8", 2**40)
    del instance, memory
    assert raise_quietly == [b"\x09\0\0\0"]


@isolated()
def test_the_command_line() -> None:
    import subprocess
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "good.wat").write_text('(module (func (export "add") (param i32 i64 f64) (result f64) local.get 2))')
        (folder / "empty.wasm").write_bytes(b"")
        (folder / "bad.wasm").write_bytes(b"\0asm\1\0\0\0\xff\xff\xff")
        (folder / "text.wat").write_bytes(b"(module \xff)")
        lines = [
            [], ["--no-such-option"], ["no-such-command"], ["run"], ["run", "nowhere.wasm"], ["run", "."],
            ["run", "empty.wasm"], ["run", "bad.wasm"], ["run", "text.wat"], ["run", "good.wat", "--invoke"],
            ["run", "good.wat", "--invoke", "nothing"], ["run", "good.wat", "--invoke", "add"],
            ["run", "good.wat", "--invoke", "add", "x", "y", "z"],
            ["run", "good.wat", "--invoke", "add", "1", "2", "1e999"],
            ["run", "good.wat", "--invoke", "add", str(2**40), "2", "3"], ["run", "good.wat", "--backend", "none"],
            ["run", "\udcff.wasm"], ["run", "good.wat", "--", "\udcff"], ["validate", "bad.wasm"], ["validate"],
        ]  # fmt: skip
        for line in lines:
            command = [sys.executable, "-m", "wasmer_runtime", *line]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
            assert done.returncode in (0, 1, 2), (line, done.returncode, done.stderr)
            assert "Traceback" not in done.stderr, (line, done.stderr)
