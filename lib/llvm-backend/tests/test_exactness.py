"""What LLVM would change if it were let: traps nobody waits for, quiet NaNs, the state after a trap."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from wasmer_llvm_backend import LLVMCompiler
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.errors import Trap


def instance(text: str, **options: Any) -> Any:
    return compile_with(text, LLVMCompiler(**options)).instantiate({})


@pytest.mark.parametrize("opt_level", [0, 1, 2, 3])
def test_a_load_nobody_uses_still_traps(opt_level: int) -> None:
    exports = instance(
        """(module (memory 1)
             (func (export "dead") (param i32) (drop (i64.load (local.get 0))))
             (func (export "sunk") (param i32 i32) (result i32) (local i32)
               (local.set 2 (i32.load (local.get 0)))
               (if (result i32) (local.get 1) (then (local.get 2)) (else (i32.const 7)))))""",
        opt_level=opt_level,
    ).exports
    exports.dead(65528)
    with pytest.raises(Trap, match="out of bounds memory access"):
        exports.dead(65529)
    assert exports.sunk(0, 0) == 7
    with pytest.raises(Trap, match="out of bounds memory access"):
        exports.sunk(65533, 0)


def test_globals_are_up_to_date_after_a_trap_inside_a_loop() -> None:
    exports = instance(
        """(module (memory 1) (global (export "count") (mut i32) (i32.const 0))
             (func (export "walk") (param i32)
               (loop
                 (global.set 0 (i32.add (global.get 0) (i32.const 1)))
                 (drop (i32.load8_u (local.get 0)))
                 (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                 (br 0))))"""
    ).exports
    with pytest.raises(Trap):
        exports.walk(65530)
    assert exports.count.value == 7


def test_memory_holds_every_store_before_a_trap_and_none_behind_it() -> None:
    exports = instance(
        """(module (memory (export "memory") 1)
             (func (export "fill") (param i32)
               (i32.store8 (i32.const 0) (i32.const 1))
               (i32.store8 (local.get 0) (i32.const 2))
               (i32.store8 (i32.const 0) (i32.const 3)))
             (func (export "divide") (param i32) (result i32)
               (i32.store8 (i32.const 1) (i32.const 4))
               (i32.div_u (i32.const 1) (local.get 0))
               (i32.store8 (i32.const 1) (i32.const 5))))"""
    ).exports
    with pytest.raises(Trap):
        exports.fill(65536)
    assert exports.memory[0] == 1
    with pytest.raises(Trap, match="integer divide by zero"):
        exports.divide(0)
    assert exports.memory[1] == 4


@pytest.mark.parametrize(
    "expression",
    [
        "(f64.mul (local.get 0) (f64.const 1))",
        "(f64.mul (f64.const -1) (local.get 0))",
        "(f64.sub (local.get 0) (f64.const 0))",
        "(f64.add (f64.const -0) (local.get 0))",
        "(f64.div (local.get 0) (f64.const 1))",
        "(f64.promote_f32 (f32.demote_f64 (local.get 0)))",
        "(f64.min (local.get 0) (f64.const 1))",
        "(f64.floor (local.get 0))",
        "(f64.sqrt (local.get 0))",
    ],
)
def test_arithmetic_quiets_a_signalling_nan(expression: str) -> None:
    exports = instance(
        f"""(module (func $f (param f64) (result f64) {expression})
             (func (export "f") (param i64) (result i64)
               (i64.reinterpret_f64 (call $f (f64.reinterpret_i64 (local.get 0))))))"""
    ).exports
    signalling = 0x7FF4000000000000
    assert exports.f(signalling) & 0x7FF8000000000000 == 0x7FF8000000000000


SIGNALLING = 0x7FF4000000000000
QUIET = 0x7FF8000000000000

CONSTANTS_IN_DISGUISE = {
    "a local": "(local.set 2 (f64.const 1)) (f64.mul (local.get 1) (local.get 2))",
    "a local nobody set": "(f64.sub (local.get 1) (local.get 2))",
    "equal on both paths": """(if (local.get 0) (then (local.set 2 (f64.const 1))) (else (local.set 2 (f64.const 1))))
                              (f64.mul (local.get 1) (local.get 2))""",
    "a constant on one path": """(local.set 2 (f64.const 1)) (if (local.get 0) (then (local.set 2 (f64.const 3))))
                                 (f64.mul (local.get 1) (local.get 2))""",
    "the result of a block": """(f64.div (local.get 1) (if (result f64) (local.get 0)
                                  (then (f64.const 1)) (else (f64.const -1))))""",
    "a select": "(f64.mul (local.get 1) (select (f64.const 1) (f64.const 2) (i32.eqz (local.get 0))))",
    "an argument": "(call $times (local.get 1) (f64.const 1))",
    "a result": "(f64.mul (local.get 1) (call $one))",
    "a converted integer": "(f64.mul (local.get 1) (f64.convert_i32_s (i32.const 1)))",
    "bits": "(f64.mul (local.get 1) (f64.reinterpret_i64 (i64.const 0x3ff0000000000000)))",
    "a promoted constant": "(f64.mul (local.get 1) (f64.promote_f32 (f32.const 1)))",
    "a loop of one round": """(local.set 2 (f64.const 0))
        (loop $again (local.set 1 (f64.sub (local.get 1) (local.get 2)))
          (local.set 2 (f64.const 1)) (br_if $again (local.tee 0 (i32.const 0)))) (local.get 1)""",
    "a loop that is unrolled": """(local.set 3 (i32.const 1))
        (loop $again (local.set 1 (f64.mul (local.get 1) (f64.convert_i32_s (local.get 3))))
          (br_if $again (i32.lt_u (local.tee 3 (i32.add (local.get 3) (i32.const 1))) (i32.const 2)))) (local.get 1)""",
    "demoted on two paths": """(f64.promote_f32 (f32.demote_f64 (if (result f64) (local.get 0)
        (then (f64.promote_f32 (local.get 4)))
        (else (f64.promote_f32 (f32.reinterpret_i32 (i32.const 0x7fa00000)))))))""",
    "a vector": """(f64x2.extract_lane 0 (f64x2.mul (f64x2.splat (local.get 1)) (f64x2.splat (f64.const 1))))""",
    "a vector in a local": """(local.set 5 (v128.const f64x2 1 1))
        (if (local.get 0) (then (local.set 5 (v128.const i32x4 1 2 3 4))))
        (f64x2.extract_lane 1 (f64x2.mul (local.get 5) (f64x2.splat (local.get 1))))""",
    "a vector nobody set": "(f64x2.extract_lane 1 (f64x2.sub (f64x2.splat (local.get 1)) (local.get 5)))",
    "lanes of integers": """(f64x2.extract_lane 1 (f64x2.mul (f64x2.splat (local.get 1))
        (f64x2.convert_low_i32x4_s (v128.const i32x4 1 1 1 1))))""",
    "promoted lanes": """(f64x2.extract_lane 0 (f64x2.promote_low_f32x4 (f32x4.demote_f64x2_zero
        (f64x2.promote_low_f32x4 (v128.const i32x4 0x7fa00000 0 0 0)))))""",
}


@pytest.mark.parametrize("opt_level", [1, 2])
@pytest.mark.parametrize("expression", CONSTANTS_IN_DISGUISE.values(), ids=CONSTANTS_IN_DISGUISE.keys())
def test_arithmetic_quiets_a_signalling_nan_whatever_llvm_knows(expression: str, opt_level: int) -> None:
    text = f"""(module
      (func $times (param f64 f64) (result f64) (f64.mul (local.get 0) (local.get 1)))
      (func $one (result f64) (f64.const 1))
      (func $f (param i32 f64) (result f64) (local f64 i32 f32 v128) {expression})
      (func (export "f") (param i32 i64) (result i64)
        (i64.reinterpret_f64 (call $f (local.get 0) (f64.reinterpret_i64 (local.get 1))))))"""
    exports = compile_with(text, LLVMCompiler(opt_level=opt_level)).instantiate({}).exports
    assert exports.f(0, SIGNALLING) & QUIET == QUIET


def test_a_vectorised_loop_quiets_signalling_nans() -> None:
    """Its rounds are known, so that LLVM could know each factor."""
    exports = instance(
        """(module (memory (export "memory") 1)
             (func (export "f") (local i32 i32)
               (loop $again
                 (f64.store (local.get 0)
                   (f64.mul (f64.load (local.get 0)) (f64.convert_i32_s (local.get 1))))
                 (local.set 1 (i32.add (local.get 1) (i32.const 1)))
                 (br_if $again (i32.ne (local.tee 0 (i32.add (local.get 0) (i32.const 8))) (i32.const 32))))))"""
    ).exports
    memory = exports.memory
    memory[0:32] = struct.pack("<4Q", *[SIGNALLING] * 4)
    exports.f()
    assert [value & QUIET for value in struct.unpack("<4Q", memory[0:32])] == [QUIET] * 4


def test_sign_operations_leave_a_signalling_nan_alone() -> None:
    exports = instance(
        """(module (func (export "f") (param i64) (result i64)
             (i64.reinterpret_f64 (f64.neg (f64.abs (f64.reinterpret_i64 (local.get 0)))))))"""
    ).exports
    assert exports.f(0x7FF4000000000000) & (1 << 64) - 1 == 0xFFF4000000000000


@pytest.mark.parametrize("body", ["(call 0)", "(drop (call 1))", "(call_indirect (i32.const 0))"])
def test_endless_recursion_is_a_trap(body: str) -> None:
    exports = instance(
        f"""(module (table funcref (elem $f)) (func $f (export "f") {body})
             (func (result i32) (i32.add (i32.const 1) (call 1))))"""
    ).exports
    with pytest.raises(Trap, match="call stack exhausted"):
        exports.f()


def test_a_large_frame_is_checked_before_it_is_used() -> None:
    count = 6000
    locals_ = " ".join(["(local v128)"] * count)
    writes = " ".join(f"(local.set {at} (v128.load (i32.const {16 * (at % 64)})))" for at in range(count))
    reads = " ".join(f"(v128.store (i32.const {16 * (at % 64)}) (local.get {at}))" for at in range(count))
    exports = instance(f'(module (memory 1) (func $f (export "f") {locals_} {writes} (call $f) {reads}))').exports
    with pytest.raises(Trap, match="call stack exhausted"):
        exports.f()


def test_a_trap_names_its_functions_and_places() -> None:
    text = """(module (memory 1)
        (func $inner (export "inner") (param i32) (result i32) (i32.load (local.get 0)))
        (func $outer (export "outer") (param i32) (result i32) (i32.add (call $inner (local.get 0)) (i32.const 1))))"""
    exports = instance(text).exports
    with pytest.raises(Trap) as raised:
        exports.inner(-1)
    assert [frame.function_index for frame in raised.value.frames] == [0]
    assert raised.value.frames[0].offset > 0


def test_vectors_and_several_results_cross_the_boundary() -> None:
    exports = instance(
        """(module
             (func $swap (param i32 f64 v128) (result v128 f64 i32) (local.get 2) (local.get 1) (local.get 0))
             (func (export "f") (param i32 f64 v128) (result v128 f64 i32)
               (call $swap (local.get 0) (local.get 1) (local.get 2))))"""
    ).exports
    vector = int.from_bytes(struct.pack("<2q", 5, -6), "little")
    result = exports.f(3, 0.5, vector)
    assert result[1:] == (0.5, 3)
    assert result[0] == vector or result[0] == vector.to_bytes(16, "little")


NANS = {
    "f32x4.min(nan, 1)": "(f32x4.min (local.get 0) (local.get 1))",
    "f32x4.max(nan, 1)": "(f32x4.max (local.get 0) (local.get 1))",
    "f64x2.mul(nan, 1)": "(f64x2.mul (local.get 2) (local.get 1))",
    "of constants": "(f32x4.sub (v128.const f32x4 1 1 inf 1) (v128.const f32x4 nan 2 inf nan))",
    "a sum of infinities": "(f64x2.splat (f64.add (f64.const inf) (f64.const -inf)))",
}


@pytest.mark.parametrize("expression", NANS.values(), ids=NANS)
def test_which_nan_is_left_open_and_nothing_else(expression: str) -> None:
    """docs/llvm.md: a result that is no NaN is the other backend's to the bit; where one is a NaN, so is the other."""
    other = pytest.importorskip("wasmer_singlepass_backend")
    text = f'(module (func (export "f") (param v128 v128 v128) (result v128) {expression}))'
    nan = float("nan")
    operands = (struct.pack("<4f", *[nan] * 4), struct.pack("<4f", 1, 1, 1, 1), struct.pack("<2d", nan, nan))
    results = [
        compile_with(text, compiler).instantiate({}).exports.f(*operands)
        for compiler in (LLVMCompiler(), other.SinglepassCompiler())
    ]
    lanes = "<2d" if "f64" in expression else "<4f"
    for ours, theirs in zip(*(struct.unpack(lanes, result) for result in results), strict=True):
        assert (ours != ours and theirs != theirs) or struct.pack("<d", ours) == struct.pack("<d", theirs)


UNARY = ("abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt")
BINARY = ("add", "sub", "mul", "div", "min", "max", "copysign")
LANES = ("add", "sub", "mul", "div", "min", "max", "pmin", "pmax")


def known_operands(shape: str) -> list[str]:
    """Expressions of constants that are ±0 or ±1, or that of their operands are."""
    scalar = shape[:3]
    constants = [f"({scalar}.const {value})" for value in ("0", "-0", "1", "-0.5", "0x1p-100")]
    found = [
        f"({scalar}.convert_i32_s (i32.const 0))",
        f"({scalar}.max ({scalar}.convert_i32_s (i32.const 0)) ({scalar}.const -0.5))",
        "(f64.promote_f32 (f32.demote_f64 (f64.const 1)))" if scalar == "f64" else "(f32.demote_f64 (f64.const 1))",
        f"({scalar}.abs ({scalar}.copysign ({scalar}.const 0) (local.get 1)))",
    ]
    if len(shape) > 3:
        found += [f"({shape}.extract_lane 1 ({shape}.splat {each}))" for each in constants]
        constants = [f"({shape}.splat {each})" for each in constants]
    unary = [f"({shape}.{name} {each})" for name in UNARY for each in constants]
    binary = [
        f"({shape}.{name} {left} {right})"
        for name in (LANES if len(shape) > 3 else BINARY)
        for left in constants
        for right in constants
    ]
    if len(shape) > 3:
        return [f"({shape}.splat {each})" for each in found] + unary + binary
    return found + unary + binary


@pytest.mark.parametrize("shape", ["f32", "f64", "f32x4", "f64x2"])
def test_arithmetic_quiets_a_signalling_nan_whatever_constants_become(shape: str) -> None:
    """LLVM knows what operations on constants give, as well as the constants."""
    scalar, bits = shape[:3], shape[1:3]
    value = "(local.get 1)" if shape == scalar else f"({shape}.splat (local.get 1))"
    functions, expressions = [], []
    for at, known in enumerate(known_operands(shape)):
        names = ("add", "sub", "mul", "div", "min", "max")
        operations = [f"({shape}.{name} {value} {known})" for name in names]
        operations += [f"({shape}.{name} {known} {value})" for name in names[at % 2 :: 2]]
        expressions += operations[at % 4 :: 4]
    for at, expression in enumerate(expressions):
        result = expression if shape == scalar else f"({shape}.extract_lane 1 {expression})"
        functions.append(
            f"""(func (export "{at}") (param i{bits}) (result i{bits}) (local {scalar})
                  (local.set 1 ({scalar}.reinterpret_i{bits} (local.get 0)))
                  (i{bits}.reinterpret_{scalar} {result}))"""
        )
    exports = instance(f"(module {''.join(functions)})").exports
    signalling, quiet = (0x7FA00000, 0x7FC00000) if bits == "32" else (SIGNALLING, QUIET)
    wrong = [each for at, each in enumerate(expressions) if exports[str(at)](signalling) & quiet != quiet]
    assert len(expressions) > 150 and wrong == []
