"""Strings, structures and pointers in a memory: what is read and written, and where the bounds are."""

from __future__ import annotations

import ctypes
import struct
import tracemalloc
from typing import Any

import pytest

from wasmer_runtime_core.running.objects.memory import Memory
from wasmer_runtime_core.running.objects.pointers import Array, Item, WasmPtr

PAGE = 65536


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_uint32), ("y", ctypes.c_double)]


class Nothing(ctypes.Structure):
    _fields_ = []


@pytest.fixture
def memory() -> Memory:
    return Memory(1, 2)


def test_strings(memory: Memory) -> None:
    assert memory.write_string(16, "héllo", nul=True) == 7
    assert memory.read_string(16) == memory.read_string(16, 6) == "héllo"
    assert memory.get_utf8_string(16, 2) is None and memory.get_utf8_string(17, 2) == "é"
    assert memory.write_string(PAGE - 4, "ab", encoding="utf-16-le") == 4
    assert memory.read_string(PAGE - 4, 4, encoding="utf-16-le") == "ab"
    with pytest.raises(UnicodeDecodeError):
        memory.read_string(18, 1)


@pytest.mark.parametrize("length", [0, 1, 255, 256, 257, 5000, PAGE - 1])
def test_a_string_ends_at_its_zero_byte_however_long(memory: Memory, length: int) -> None:
    memory.write_string(0, "x" * length, nul=True)
    assert memory.read_string(0) == "x" * length


def test_strings_that_leave_the_memory(memory: Memory) -> None:
    memory.write(0, b"x" * PAGE)
    with pytest.raises(IndexError, match="no zero byte from 9 to the end of the memory, which has 65536 bytes"):
        memory.read_string(9)
    with pytest.raises(IndexError, match="3 bytes at 65534 are outside"):
        memory.write_string(PAGE - 2, "ab", nul=True)
    assert memory.read_string(PAGE - 2, 2) == "xx"
    for offset in (PAGE + 1, -1, 2**70):
        with pytest.raises(IndexError):
            memory.read_string(offset)
        with pytest.raises(IndexError):
            memory.read_string(offset, 1)
    assert memory.get_utf8_string(PAGE, 0) == "" and memory.get_utf8_string(PAGE, 1) is None


def test_structures(memory: Memory) -> None:
    memory.write_struct("Id", 64, 7, 2.5)
    assert memory.read(64, 12) == struct.pack("<Id", 7, 2.5)
    assert memory.read_struct("Id", 64) == memory.read_struct(struct.Struct("<Id"), 64) == (7, 2.5)
    memory.write_struct(">H", 64, 1)
    assert memory.read(64, 2) == b"\0\1"
    with pytest.raises(IndexError, match="12 bytes at 65535 are outside of the memory, which has 65536 bytes"):
        memory.read_struct("Id", PAGE - 1)
    with pytest.raises(struct.error):
        memory.write_struct("I", 0, 2**32)
    with pytest.raises(ValueError, match="Buffer size too small"):
        Point.from_buffer(memory, PAGE - 8)


def test_items(memory: Memory) -> None:
    memory.write_struct("II", 64, 7, 8)
    cell = WasmPtr("u32", 64).deref(memory)
    assert cell.get() == 7 and repr(cell) == "<cell <I at 0x40: 7>"
    cell.value = 9
    assert memory.view("u32")[16] == 9 and cell.value == 9
    pair = WasmPtr("II", 63).deref(memory)
    pair.set((1, 2))
    assert pair.get() == (1, 2) and memory.read_struct("II", 63) == (1, 2)
    point = WasmPtr(Point, 128).deref(memory)
    point.y = 0.5
    assert memory.read_struct("d", 136) == (0.5,)
    with pytest.raises(struct.error):
        cell.set("no")


@pytest.mark.parametrize(
    ("type", "offset", "there"),
    [
        ("u8", PAGE - 1, True),
        ("u8", PAGE, False),
        ("u32", PAGE - 4, True),
        ("u32", PAGE - 3, False),
        ("u32", PAGE, False),
        ("u32", 2, False),
        ("f64", 4, False),
        ("IB", PAGE - 5, True),
        ("IB", PAGE - 4, False),
        (Point, PAGE - 16, True),
        (Point, PAGE - 8, False),
        (Point, 4, False),
        ("u8", -1, False),
        ("u8", 2**32 + 1, False),
    ],
)
def test_a_pointer_outside_or_not_aligned_points_to_nothing(
    memory: Memory, type: Any, offset: int, there: bool
) -> None:
    assert (WasmPtr(type, offset).deref(memory) is not None) is there
    assert (WasmPtr(type, offset, Array).deref(memory, 0, 1) is not None) is there


def test_arrays(memory: Memory) -> None:
    memory.write_struct("4I", 32, 1, 2, 3, 4)
    pointer = WasmPtr("u32", 32, Array)
    found = pointer.deref(memory, 1, 2)
    assert found.tolist() == [2, 3]
    found[0] = 20
    assert memory.view("u32", 32, 4).tolist() == [1, 20, 3, 4]
    assert [cell.get() for cell in WasmPtr("HH", 32, Array).deref(memory, 0, 2)] == [(1, 0), (20, 0)]
    cells = WasmPtr("HH", 32, Array).deref(memory, 0, 2)
    assert (cells[-1].get(), [cell.offset for cell in cells[::-1]], len(cells)) == ((20, 0), [36, 32], 2)
    with pytest.raises(IndexError):
        cells[2]
    assert len(WasmPtr(Point, 0, Array).deref(memory, 2, 3)) == 3
    last = PAGE // 4 - 8
    assert pointer.deref(memory, last - 1, 1) is not None and pointer.deref(memory, last, 1) is None
    assert pointer.deref(memory, 2**40, 1) is None and pointer.deref(memory, -1, 1) is None
    assert pointer.deref(memory, 0, -1) is None
    memory.write_string(16, "text", nul=True)
    assert WasmPtr("u8", 16, Array).get_utf8_string(memory, 4) == "text"
    assert WasmPtr("u8", 16, Array).get_utf8_string_with_nul(memory) == "text"
    memory.write(PAGE - 2, b"ab")
    assert WasmPtr("u8", PAGE - 2, Array).get_utf8_string_with_nul(memory) is None
    assert WasmPtr("u8", PAGE - 2, Array).get_utf8_string(memory, 3) is None


def test_a_pointer_is_a_value() -> None:
    assert WasmPtr("u32", 4) == WasmPtr("u32", 4) != WasmPtr("i32", 4)
    assert WasmPtr("u32", 4) != WasmPtr("u32", 4, Array) and len({WasmPtr("u32", 4), WasmPtr("u32", 4)}) == 1
    assert repr(WasmPtr("u32", -16)) == "WasmPtr(u32, 0xfffffff0, Item)"


def test_wrong_pointers(memory: Memory) -> None:
    with pytest.raises(ValueError, match="'zz' is neither a struct format"):
        WasmPtr("zz", 0)
    with pytest.raises(TypeError, match="a pointer is to an element type"):
        WasmPtr(int, 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="an Item or an Array"):
        WasmPtr("u8", 0, str)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="an Item has no elements"):
        WasmPtr("u8", 0, Item).deref(memory, 0, 1)
    with pytest.raises(TypeError, match="an index and a length"):
        WasmPtr("u8", 0, Array).deref(memory)


def test_typed_views_have_bounds(memory: Memory) -> None:
    assert memory.view("u32", 65533).tolist() == [] and len(memory.view("u32", 65530)) == 1
    for offset, count in ((0, PAGE // 4 + 1), (PAGE + 1, None), (-1, None), (-4, 1)):
        with pytest.raises(IndexError, match="outside of the memory, which has 65536 bytes"):
            memory.view("u32", offset, count)
    with pytest.raises(IndexError, match="1 byte at 65536 is outside of the memory, which has 65536 bytes"):
        memory[PAGE]
    with pytest.raises(IndexError, match="1 byte at 65536 is outside"):
        memory[PAGE] = 1
    with pytest.raises(ValueError, match="cannot be negative"):
        memory.view("u32", 0, -1)


def test_a_closed_memory_cannot_be_used(memory: Memory) -> None:
    cell = WasmPtr("u32", 0).deref(memory)
    held = [memoryview(memory), memory.view("u32"), Point.from_buffer(memory)]
    while held:
        with pytest.raises(BufferError, match=r"the memory cannot be closed: . views? of it exists?"):
            memory.close()
        assert memory.read(0, 1) == b"\0"
        held.pop()
    memory.close()
    memory.close()
    assert memory.closed and len(memory) == 0 and repr(memory) == "<wasm memory: closed>"
    uses: list[Any] = [
        lambda: memoryview(memory),
        lambda: memory[0],
        lambda: memory.__setitem__(0, 1),
        lambda: memory.read(0, 1),
        lambda: memory.read(0, 0),
        lambda: memory.write(0, b""),
        lambda: memory.grow(0),
        lambda: memory.view("u8"),
        lambda: memory.read_string(0),
        lambda: memory.write_string(0, ""),
        lambda: Point.from_buffer(memory),
        cell.get,
        lambda: cell.set(1),
    ]
    for use in uses:
        with pytest.raises(ValueError, match="the memory is closed"):
            use()
    assert WasmPtr("u32", 0).deref(memory) is None


@pytest.mark.parametrize("type", ["BB", "", "0s", "u8", "u32", Nothing])
def test_as_many_elements_as_a_guest_says_cost_nothing(type: Any) -> None:
    """Memory that nobody has touched costs a guest nothing, either; what has no size lies everywhere."""
    memory = Memory(1 << 10)
    size = WasmPtr(type, 0)._size
    count = (1 << 26) // size if size else 0xFFFF_FFFF
    tracemalloc.start()
    found = WasmPtr(type, 0, Array).deref(memory, 0, count)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == count
    assert peak < 1 << 16
