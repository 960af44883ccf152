"""Several memories as Python sees them: by index and by name, imported, exported, linked, limited, closed, pickled."""

from __future__ import annotations

import pickle

import pytest

from wasmer_runtime import Limits, Memory, compile, instantiate
from wasmer_runtime_core.contract.values import ElementType, MemoryDescriptor, TableDescriptor
from wasmer_runtime_core.errors import (
    ExportNotFound,
    ExportWrongType,
    ImplementationLimitError,
    InvalidDescriptor,
    LinkError,
    MemoryGrowError,
    Trap,
    UnableToCreateMemory,
    UnableToCreateTable,
)
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.running.objects.table import Table
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.text.printer import print_module
from wasmer_runtime_core.wasm.types import I64

TEXT = """
(module
  (import "env" "in" (memory $in 1 4))
  (memory $first (export "first") 1 2) (memory $second (export "second") 2 3)
  (data (memory $second) (i32.const 65536) "second") (data (memory $in) (i32.const 3) "in")
  (func (export "f") (result i32) (i32.load8_u $in (i32.const 3))))
"""


def test_by_index_and_by_name() -> None:
    given = Memory(1, 4)
    instance = instantiate(TEXT, {"env": {"in": given}})
    assert instance.memory() is instance.memory(0) is given
    assert instance.memory("first") is instance.memory(1) is instance.exports.first
    assert instance.memory("second") is instance.memory(2)
    assert (
        instance.memory(2).read(65536, 6) == b"second"
        and given.read(3, 2) == b"in"
        and instance.exports.f() == ord("i")
    )
    with pytest.raises(IndexError):
        instance.memory(3)
    with pytest.raises(ExportNotFound):
        instance.memory("third")
    with pytest.raises(ExportWrongType):
        instance.memory("f")
    with pytest.raises(ExportWrongType):
        instance.table("first")


def test_each_import_is_matched_for_itself() -> None:
    with pytest.raises(LinkError) as caught:
        instantiate(
            '(module (import "a" "x" (memory 1)) (import "a" "y" (memory 2)) (import "a" "z" (memory 1 2)))',
            {"a": {"x": Memory(1), "y": Memory(1), "z": Memory(1, 3)}},
        )
    assert len(caught.value.errors) == 2


def test_they_count_together_and_close_together() -> None:
    module: Module = compile('(module (memory (export "a") 1 9) (memory (export "b") 2 9))')
    with pytest.raises(UnableToCreateMemory):
        module.instantiate(limits=Limits(total_memory_pages=2))
    with pytest.raises(UnableToCreateMemory):
        module.instantiate(limits=Limits(memory_pages=1))
    limits = Limits(total_memory_pages=5)
    instance = module.instantiate(limits=limits)
    assert instance.memory("a").grow(1) == 1 and instance.memory("b").grow(1) == 2 and limits.pages == 5
    for name in "ab":
        with pytest.raises(MemoryGrowError, match="under its limits"):
            instance.memory(name).grow(1)
    a, b = instance.memory("a"), instance.memory("b")
    view = memoryview(b)
    with pytest.raises(BufferError):
        instance.close()
    assert a.read(0, 1) == b"\0", "all or none"
    view.release()
    instance.close()
    assert a.closed and b.closed


def test_segments_before_one_that_does_not_fit_stay_written() -> None:
    given = Memory(1)
    module = compile(
        """(module (import "e" "m" (memory $m 1)) (memory $own 1)
        (data (memory $m) (i32.const 7) "x") (data (memory $own) (i32.const 65536) "y")
        (data (memory $m) (i32.const 8) "z"))"""
    )
    with pytest.raises(Trap, match="out of bounds memory access"):
        module.instantiate({"e": {"m": given}})
    assert given.read(6, 3) == b"\0x\0"


def test_there_are_limits() -> None:
    compile("(module " + "(memory 0)" * 100 + ")")
    with pytest.raises(ImplementationLimitError, match="101 memories, with imported ones; there may be 100"):
        compile("(module " + "(memory 0)" * 101 + ")")


def test_a_module_with_several_pickles() -> None:
    module = pickle.loads(pickle.dumps(compile(TEXT)))
    assert module.instantiate({"env": {"in": Memory(1, 4)}}).memory("second").read(65536, 6) == b"second"


def test_memories_and_tables_of_64_bits() -> None:
    text = """(module (memory (export "m") (import "e" "m") i64 1 0x1000000000000)
        (table (export "t") (import "e" "t") i64 2 0xffffffffffffffff funcref)
        (data (i64.const 9) "x") (func (export "f") (param i64) (result i32) (i32.load8_u (local.get 0))))"""
    memory = Memory(MemoryDescriptor(1, 1 << 48, index_type="i64"))
    table = Table(TableDescriptor(ElementType.FUNCREF, 2, (1 << 64) - 1, "i64"))
    module = pickle.loads(pickle.dumps(compile(text)))
    instance = module.instantiate({"e": {"m": memory, "t": table}})
    assert instance.exports.f(9) == ord("x") and memory.descriptor == MemoryDescriptor(1, 1 << 48, False, "i64")
    assert str(memory.type) == "{i64, min: 1, max: 281474976710656}" and table.descriptor.index_type == I64
    assert print_module(parse_module(text)).count(" i64 ") >= 2
    assert parse_module(print_module(parse_module(text))) == parse_module(text)
    with pytest.raises(LinkError, match="i64"):
        module.instantiate({"e": {"m": Memory(1), "t": table}})
    with pytest.raises(LinkError):
        module.instantiate({"e": {"m": memory, "t": Table(TableDescriptor(ElementType.FUNCREF, 2))}})
    again = instantiate('(module (memory (import "e" "m") i64 1 0x1000000000000))', {"e": instance})
    assert again.memory() is memory


def test_what_cannot_be_had_is_refused() -> None:
    for text, error in (
        ("(memory i64 0x1000000000000)", UnableToCreateMemory),
        ("(memory i64 0x7fffffff)", UnableToCreateMemory),
        ("(table i64 0xffffffffffffffff funcref)", UnableToCreateTable),
        ("(table i64 5000000 funcref) (table i64 0xffffffffffffffff funcref)", UnableToCreateTable),
    ):
        with pytest.raises(error):
            instantiate(f"(module {text})")
    with pytest.raises(InvalidDescriptor):
        MemoryDescriptor(1, index_type="f32")
    with pytest.raises(InvalidDescriptor):
        MemoryDescriptor(65537)
    memory = Memory(MemoryDescriptor(0, index_type="i64"))
    for delta in (0x7FFF_FFFF, 1 << 48, (1 << 64) - 1):
        with pytest.raises(MemoryGrowError):
            memory.grow(delta)
    assert memory.grow(2) == 0 and memory.pages == 2
