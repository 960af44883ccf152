"""What is read from LLVM's sections for the debugger. `tests/differential` compares whole backtraces."""

from __future__ import annotations

import pickle
import struct

import pytest

from wasmer_llvm_backend import LLVMCompiler
from wasmer_llvm_backend.machine.frames import Frame, read_frames
from wasmer_llvm_backend.machine.inlining import Inlined, read_inlined
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.errors import InternalError, Trap
from wasmer_runtime_core.running.module import Module

THREE = """(module
  (func $inner (param i32) (if (local.get 0) (then unreachable)))
  (func $middle (param i32) (call $inner (local.get 0)))
  (func $outer (export "f") (param i32) (call $middle (i32.const 0)) (call $middle (local.get 0))))
"""


def names(module: Module) -> list[tuple[str, int]]:
    with pytest.raises(Trap) as caught:
        module.instantiate({}).exports["f"](1)
    return [(frame.function_name, frame.offset) for frame in caught.value.frames]


def test_functions_that_are_gone_are_named_with_their_places() -> None:
    inlined = compile_with(THREE, LLVMCompiler())
    called = compile_with(THREE, LLVMCompiler(opt_level=0))
    assert inlined.compiled.inlined and not called.compiled.inlined
    assert names(inlined) == names(called)
    assert [name for name, _ in names(inlined)] == ["inner", "middle", "outer"]


def test_they_are_named_by_a_module_from_a_pickle() -> None:
    module = compile_with(THREE, LLVMCompiler())
    assert names(pickle.loads(pickle.dumps(module))) == names(module)


# --- .debug_info ----------------------------------------------------------------------------

# A unit (low_pc), a subprogram (name), one (low_pc) with inlined (origin, ranges, call_line), another (low and high_pc)
SHAPES = bytes.fromhex(
    "01110111010000 022e00030e0000 032e0111010000 041d01311355175905 0000 051d00311311011206590b 0000 00"
)


def sections() -> tuple[bytearray, ...]:
    first = 11 + 1 + 8
    entries = struct.pack("<BQ", 1, 0x100) + struct.pack("<BI", 2, 1) + struct.pack("<BI", 2, 4)
    entries += struct.pack("<BQ", 3, 0x100)
    entries += struct.pack("<BIIH", 4, first, 0, 500)
    entries += struct.pack("<BIQIB", 5, first + 5, 0x124, 4, 77) + b"\0\0\0"
    info = struct.pack("<IHIB", len(entries) + 7, 4, 0, 8) + entries
    ranges = struct.pack("<8Q", 0x20, 0x28, 0x28, 0x30, 0x40, 0x50, 0, 0)
    return bytearray(info), bytearray(SHAPES), bytearray(ranges), bytearray(b"\0f5\0f12\0")


def test_inlined_calls_are_read() -> None:
    assert read_inlined(*sections()) == [
        Inlined(0x120, 0x130, 5, 500, 0),
        Inlined(0x124, 0x128, 12, 77, 1),
        Inlined(0x140, 0x150, 5, 500, 0),
    ]
    assert read_inlined(bytearray(), bytearray(), bytearray(), bytearray()) == []


@pytest.mark.parametrize(
    ("section", "at", "byte", "complaint"),
    [
        (0, 4, 5, "not one unit of DWARF 4"),
        (1, 1, 0x24, "an entry of tag 0x24"),
        (1, 4, 0x0F, "a field of form 0xf"),
        (2, 0, 0x2F, "changes its base address"),
    ],
)
def test_what_llvm_never_writes_is_refused(section: int, at: int, byte: int, complaint: str) -> None:
    changed = sections()
    changed[section][at] = byte
    with pytest.raises(InternalError, match=complaint):
        read_inlined(*changed)


# --- .debug_frame ---------------------------------------------------------------------------


def entry(start: int, size: int, instructions: str) -> bytes:
    program = bytes.fromhex(instructions)
    return struct.pack("<IIQQ", 20 + len(program), 0, start, size) + program


COMMON = struct.pack("<II", 8, 0xFFFFFFFF) + bytes(4)


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        # a frame at once; what follows its end is a return
        ("410e108602430d06 49 0c0708", Frame(0x100, [0x104], [], 0)),
        # the same behind the check of the stack
        ("570e108602430d06 49 0c0708", Frame(0x100, [0x11A], [(0x100, 0x117)], 0)),
        # made late
        ("02300e108602430d06", Frame(0x100, [0x133], [(0x100, 0x130)], 0)),
        # and taken down early
        (
            "03300041 0e10 430d06 0a 44 0c0708 45 0b 46 0000",
            Frame(0x100, [0x134], [(0x100, 0x131), (0x138, 0x13D)], 0),
        ),
        ("0420000000 0f0323777777", Frame(0x100, [], [(0x100, 0x120)], 0)),
        ("", Frame(0x100, [], [(0x100, 0x180)], 0)),
    ],
)
def test_frames_and_code_without_them_are_found(instructions: str, expected: Frame) -> None:
    section = COMMON + entry(0x100, 0x80, instructions) + entry(0x200, 0x80, "410e108602430d06")
    assert read_frames(bytearray(section)) == [expected, Frame(0x200, [0x204], [], 0)]


def test_an_unknown_description_of_a_frame_is_refused() -> None:
    with pytest.raises(InternalError, match="instruction 0x1d"):
        read_frames(bytearray(COMMON + entry(0, 9, "1d")))
    with pytest.raises(InternalError, match="without a frame pointer"):
        read_frames(bytearray(COMMON + entry(0, 9, "440e30")))
