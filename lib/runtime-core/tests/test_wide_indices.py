"""Indices of 64 bits: what core's helpers, segments, imports and bodies do with them.

The machine code is made by hand, so no backend is asked; `tests/differential/test_memories.py` asks them all.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator

import pytest
from machine_code import Program

from wasmer_runtime_core.contract.backend import CompilerConfig, checked_memories
from wasmer_runtime_core.errors import InvalidDescriptor, LinkError, Trap, UnableToCreateMemory
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.imports import resolve_imports
from wasmer_runtime_core.running.objects.memory import Memory
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.body.body import MOST_OFFSET, access_memory, access_offset, access_word
from wasmer_runtime_core.wasm.body.text import format_body
from wasmer_runtime_core.wasm.body.verifier import verify_body
from wasmer_runtime_core.wasm.module import ACTIVE, PASSIVE, ConstantOperator, DataSegment, ElementSegment, ModuleInfo
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.types import EXTERNREF, FUNCREF, I32, I64, Limits, MemoryType, TableType
from wasmer_runtime_core.wasm.validation.validate import validate_module

PAGE = 65536
EDGES = (0, 1, 5, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**47, 2**63 - 1, 2**63, 2**64 - PAGE, 2**64 - 5, 2**64 - 1)
"""Where sums of an index and a count pass a power of two."""


def wide_memory(minimum: int = 1, maximum: int | None = None) -> Program:
    """A program whose memory has a 64-bit index, and functions that pass their arguments to the helpers."""
    program = Program()
    program.memory(minimum, maximum)
    program.info.memories[0] = MemoryType(Limits(minimum, maximum), index_type=I64)
    program.bounds_checks = True
    program.data(0, b"passive", PASSIVE)
    program.helper("grow", "i64 i32", "i64", "memory_grow")
    program.helper("fill", "i64 i32 i64 i32", "", "memory_fill")
    program.helper("copy", "i64 i64 i64 i32 i32", "", "memory_copy")
    program.helper("init", "i64 i32 i32 i32 i32", "", "memory_init")
    return program


def wide_table() -> Program:
    program = Program()
    program.table(EXTERNREF, 4, 8)
    program.info.tables[0] = TableType(EXTERNREF, Limits(4, 8), index_type=I64)
    program.helper("get", "i64 i32", "externref", "table_get")
    program.helper("set", "i64 externref i32", "", "table_set")
    program.helper("grow", "externref i64 i32", "i64", "table_grow")
    program.helper("fill", "i64 externref i64 i32", "", "table_fill")
    program.helper("copy", "i64 i64 i64 i32 i32", "", "table_copy")
    return program


def outside(length: int) -> Iterator[tuple[int, int]]:
    """Ranges (start, count) around every edge that do not lie in something of this length."""
    near = sorted({(edge + step) % 2**64 for edge in (*EDGES, length) for step in (-1, 0, 1)})
    for at, count in itertools.product(near, near):
        if at + count > length:
            yield at, count


def test_no_range_of_a_memory_comes_round() -> None:
    exports = wide_memory().instance().exports
    memory = exports["memory"]
    assert memory.wide and not memory.reserved, "guard pages cannot hold what 64 bits reach"
    exports["fill"](100, 7, 3, 0)
    exports["copy"](101, 100, 3, 0, 0)
    exports["init"](200, 1, 3, 0, 0)
    assert memory[99:105] == b"\0\x07\x07\x07\x07\0" and memory[200:204] == b"ass\0"
    before = bytes(memoryview(memory))
    for at, count in outside(PAGE):
        for name, arguments in (
            ("fill", (at, 1, count, 0)),
            ("copy", (at, 0, count, 0, 0)),
            ("copy", (0, at, count, 0, 0)),
            ("init", (at, 0, min(count, 7), 0, 0)),
        ):
            if name == "init" and at + min(count, 7) <= PAGE:
                continue
            with pytest.raises(Trap, match="out of bounds memory access"):
                exports[name](*arguments)
    assert bytes(memoryview(memory)) == before
    for at in (0, 1, PAGE):
        exports["fill"](at, 1, 0, 0)
        exports["fill"](at, 0, PAGE - at, 0)


def test_no_range_of_a_table_comes_round() -> None:
    exports = wide_table().instance().exports
    table, thing = exports["table"], object()
    exports["fill"](1, thing, 2, 0)
    exports["copy"](0, 1, 3, 0, 0)
    assert list(table) == [thing, thing, None, None] and table.wide
    for at, count in outside(4):
        with pytest.raises(Trap, match="out of bounds table access"):
            exports["fill"](at, None, count, 0)
        with pytest.raises(Trap, match="out of bounds table access"):
            exports["copy"](at, 0, count, 0, 0)
        with pytest.raises(Trap, match="out of bounds table access"):
            exports["copy"](0, at, count, 0, 0)
        if at >= 4:
            with pytest.raises(Trap, match="out of bounds table access"):
                exports["get"](at, 0)
            with pytest.raises(Trap, match="out of bounds table access"):
                exports["set"](at, None, 0)
    assert list(table) == [thing, thing, None, None]


@pytest.mark.parametrize("delta", [edge for edge in EDGES if edge > 8])
def test_growth_takes_64_bits_and_gives_as_many_as_the_index_has(delta: int) -> None:
    assert wide_memory(1, 8).instance().exports["grow"](delta, 0) == -1
    assert wide_table().instance().exports["grow"](None, delta, 0) == -1
    narrow = Program()
    narrow.memory(1, 8)
    narrow.table(EXTERNREF, 1, 8)
    narrow.helper("grow", "i64 i32", "i64", "memory_grow")  # what code that expects an i32 has in its register
    narrow.helper("grow_table", "externref i64 i32", "i64", "table_grow")
    exports = narrow.instance().exports
    assert exports["grow"](delta, 0) == exports["grow_table"](None, delta, 0) == 0xFFFF_FFFF, "upper half zero"
    assert exports["grow"](2, 0) == exports["grow_table"](None, 2, 0) == 1


@pytest.mark.parametrize("offset", EDGES)
def test_segments_are_checked_in_64_bits(offset: int) -> None:
    at = (ConstantOperator(BY_MNEMONIC["i64.const"].code, offset, I64),)
    program = wide_memory()
    program.info.data.append(DataSegment(ACTIVE, 0, at, b"segment"))
    if offset + 7 <= PAGE:
        assert program.instance().exports["memory"][offset : offset + 7] == b"segment"
    else:
        with pytest.raises(Trap, match="out of bounds memory access"):
            program.instance()
    program = wide_table()
    null = (ConstantOperator(BY_MNEMONIC["ref.null"].code, EXTERNREF, EXTERNREF),)
    program.info.elements.append(ElementSegment(ACTIVE, 0, at, EXTERNREF, (null, null)))
    if offset + 2 <= 4:
        program.instance()
    else:
        with pytest.raises(Trap, match="out of bounds table access"):
            program.instance()


def test_a_memory_is_imported_by_the_type_of_its_index() -> None:
    narrow, wide = Memory(1), machine.Memory.__new__(Memory, 1, None, False, True, True)
    assert isinstance(wide, Memory)
    assert str(wide.type) == "{i64, min: 1}" and str(narrow.type) == "{min: 1}"
    for index_type, right, wrong in ((I32, narrow, wide), (I64, wide, narrow)):
        program = Program()
        program.import_memory(1)
        type_ = MemoryType(Limits(1), index_type=index_type)
        program.info.memories[0] = type_
        program.info.imports[0] = program.info.imports[0]._replace(type=type_)
        assert resolve_imports(program.info, {"env": {"memory": right}}) == [right]
        with pytest.raises(LinkError, match="i64, min: 1"):
            resolve_imports(program.info, {"env": {"memory": wrong}})
        program.bounds_checks = True
        program.instance([right])
        with pytest.raises(TypeError, match="with an index of another type"):
            program.instance([wrong])
    with pytest.raises(InvalidDescriptor):
        machine.Memory(PAGE + 1)
    with pytest.raises(UnableToCreateMemory, match="cannot have 2147483648 pages"):
        machine.Memory(2**31, wide=True)


def test_tables_are_imported_by_the_type_of_their_index() -> None:
    narrow, wide = machine.Table(FUNCREF, 1), machine.Table(FUNCREF, 1, None, True)
    for index_type, right, wrong in ((I32, narrow, wide), (I64, wide, narrow)):
        program = Program()
        program.import_table(FUNCREF, 1)
        program.info.tables[0] = TableType(FUNCREF, Limits(1), index_type)
        program.instance([right])
        with pytest.raises(TypeError, match="with an index of another type"):
            program.instance([wrong])


# --- what each memory needs ---------------------------------------------------------------------------
def test_each_memory_is_checked_for_itself() -> None:
    info = ModuleInfo()
    info.memories = [MemoryType(Limits(1)), MemoryType(Limits(1), index_type=I64), MemoryType(Limits(1))]
    assert checked_memories(info, CompilerConfig()) == (1,)
    assert checked_memories(info, CompilerConfig(), guarded=1) == (1, 2)
    assert checked_memories(info, CompilerConfig(), guarded=0) == (0, 1, 2)
    assert checked_memories(info, CompilerConfig("enable")) == (0, 1, 2)


# --- bodies -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("offset", [*EDGES, MOST_OFFSET - 1, MOST_OFFSET, MOST_OFFSET + 1])
@pytest.mark.parametrize("memory", [0, 1, 999])
def test_a_record_holds_48_bits_of_an_offset_and_the_memory(offset: int, memory: int) -> None:
    low, word = offset & 0xFFFF_FFFF, access_word(offset, memory)
    if offset > MOST_OFFSET:
        low = 0xFFFF_FFFF
    assert word >> 32 == 0
    for a, b in itertools.product((low, low - 2**32), (word, word - 2**32)):  # whoever reads them as signed words
        assert access_memory(b) == memory
        assert access_offset(a, b) == min(offset, MOST_OFFSET)


def test_what_the_verifier_and_the_text_say_of_a_long_offset() -> None:
    decoded = decode_module(parse_module("(module (memory 1) (func (drop (i32.load offset=7 (i32.const 0)))))"))
    (body,) = validate_module(decoded)
    records = [body.records[at : at + 16] for at in range(0, len(body.records), 16)]
    assert "i32.load offset=7" in format_body(body)
    records[1] = records[1][:8] + struct.pack("<I", access_word(7 + (5 << 32), 0)) + records[1][12:]
    body.records = b"".join(records)
    assert f"i32.load offset={7 + (5 << 32)}" in format_body(body)
    assert "in a memory with a 32-bit index" in "\n".join(verify_body(decoded.info, body))
    decoded.info.memories[0] = MemoryType(Limits(1), index_type=I64)
    assert "wants i64, finds i32" in "\n".join(verify_body(decoded.info, body))
    records[0] = struct.pack("<H", BY_MNEMONIC["i64.const"].code) + records[0][2:]
    body.records = b"".join(records)
    assert verify_body(decoded.info, body) == []
    records[1] = records[1][:8] + struct.pack("<I", access_word(7, 3)) + records[1][12:]
    body.records = b"".join(records)
    assert "there is no memory 3" in "\n".join(verify_body(decoded.info, body))
