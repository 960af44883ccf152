"""The comparison with the stack limit at the start of a function: its size, and where it stands."""

from __future__ import annotations

import itertools
import struct

import pytest

from wasmer_llvm_backend import LLVMCompiler
from wasmer_llvm_backend.machine import objects
from wasmer_llvm_backend.machine.prologue import CHECK_BYTES, RED_ZONE, begins_with_check, fill_in, frame_bytes
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.contract.backend import CompiledModule
from wasmer_runtime_core.contract.vmctx import MOST_FRAME_BYTES, UNCHECKED_FRAME_BYTES
from wasmer_runtime_core.errors import CompileError, InternalError
from wasmer_runtime_core.running.module import Module

# …: leaf functions, short and long; functions that call; private ones, with results in registers and in memory
SHAPES = f"""(module
  (memory 1)
  (func (export "leaf") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "loop") (param i32) (result i32)
    (loop (br_if 0 (local.tee 0 (i32.shr_u (local.get 0) (i32.const 1))))) (local.get 0))
  (func (export "long") (param i32) (result i32) {"(i32.store (local.get 0) (local.get 0))" * 50} (local.get 0))
  (func $calls (export "calls") (param i32) (result i32)
    (if (result i32) (local.get 0) (then (call $calls (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 7))))
  (func $three (param i32) (result i32 i64 i32)
    (if (local.get 0) (then (drop (call $calls (local.get 0))) (return (call $three (i32.const 0)))))
    (i32.const 1) (i64.const 2) (i32.const 3))
  (func $seven (param i32) (result i32 i64 f64 i32 f32 i64 i32)
    (if (local.get 0) (then (drop (call $calls (local.get 0))) (return (call $seven (i32.const 0)))))
    (i32.const 1) (i64.const 2) (f64.const 3) (i32.const 4) (f32.const 5) (i64.const 6) (i32.const 7))
  (func (export "results") (param i32) (result i32 i64 i32 i32 i64 f64 i32 f32 i64 i32)
    (call $three (local.get 0)) (call $seven (local.get 0))))"""


def checked(compiled: CompiledModule) -> list[bool]:
    """Of each function, whether it begins with a check."""
    offsets = struct.unpack(f"<{len(compiled.function_offsets) // 4}I", compiled.function_offsets)
    code = bytearray(compiled.code)
    return [begins_with_check(code, start) for start, end in itertools.pairwise(offsets) if start < end]


def works(module: Module) -> bool:
    exports = module.instantiate({}).exports
    results = (1, 2, 3, 1, 2, 3.0, 4, 5.0, 6, 7)
    return (
        (exports.leaf(8), exports.loop(9), exports.long(4), exports.calls(50)) == (0, 0, 4, 7)
        and exports.results(0) == results
        and exports.results(5) == results
    )


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_functions_that_call_and_long_ones_are_checked(level: int) -> None:
    module = compile_with(SHAPES, LLVMCompiler(opt_level=level))
    assert checked(module.compiled)[:4] == [False, False, True, True]
    assert works(module)


@pytest.mark.parametrize("level", [0, 2])
def test_a_large_frame_of_a_short_function_has_its_unit_compiled_again(
    level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "UNCHECKED_FRAME_BYTES", 8 + RED_ZONE - 1)  # no frame is small
    module = compile_with(SHAPES, LLVMCompiler(opt_level=level, processes=0))
    assert all(checked(module.compiled))
    assert works(module)


def test_a_frame_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    values = " ".join(f"(v128.load offset={16 * at} (i32.const 0))" for at in range(200))
    text = f'(module (memory 1) (func) (func (export "f") (result v128) {values} {"f64x2.sub " * 199}))'
    assert compile_with(text, LLVMCompiler()).instantiate({}).exports.f.call_bits([]) == [0]
    monkeypatch.setattr(objects, "MOST_FRAME_BYTES", 1000)
    with pytest.raises(CompileError, match=r"function 1 needs a frame of \d,\d\d\d bytes on the stack; .* 1,000"):
        compile_with(text, LLVMCompiler(processes=0))


@pytest.mark.parametrize(
    ("instructions", "size"),
    [
        ("c3", 0),
        ("53 c3", 8),
        ("50 e8", 8),
        ("41 57 41 56 41 55 41 54 53 48 83 ec 18 89 f0", 40 + 24),
        ("41 57 48 81 ec 00 00 10 00 48 81 ec", 8 + 0x100000),  # the second one has no operand: it is none
        ("48 83 c4 80 c3", 128),
        ("48 81 c4 00 f0 ff ff c3", 4096),
        ("48 8d 64 24 c0 c3", 64),
        ("48 8d a4 24 00 f0 ff ff c3", 4096),
        ("53 48 83 e4 c0 48 81 ec c0 01 00 00 c5", 8 + 64 + 0x1C0),
    ],
)
def test_the_size_of_a_frame_is_read_from_the_code_that_makes_it(instructions: str, size: int) -> None:
    code = bytearray.fromhex("55 48 89 e5" + instructions)
    if instructions.endswith("48 81 ec"):
        code += bytes(4)
    assert frame_bytes(code, 4) == 8 + RED_ZONE + size


def test_another_frame_pointer_is_refused() -> None:
    with pytest.raises(InternalError, match="554889e3"):
        frame_bytes(bytearray.fromhex("55 48 89 e3 c3"), 4)


def test_the_size_is_filled_in() -> None:
    module = compile_with(SHAPES, LLVMCompiler())
    code = bytearray(module.compiled.code)
    start = next(at for at in range(0, len(code), 16) if begins_with_check(code, at))
    fill_in(code, start, MOST_FRAME_BYTES)
    assert begins_with_check(code, start) and len(code) == len(module.compiled.code)
    assert struct.pack("<i", -MOST_FRAME_BYTES) in code[start : start + CHECK_BYTES]
    assert UNCHECKED_FRAME_BYTES < MOST_FRAME_BYTES
