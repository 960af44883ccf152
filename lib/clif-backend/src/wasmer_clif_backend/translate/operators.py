"""Which instructions of CLIF an operator of WebAssembly is: tables, for all that need no more than a table.

A row is ``operator instruction``; what a row of it means, each table says.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import BY_NAME as CLIF
from wasmer_clif_backend.ir.opcodes import FLOAT_CONDITIONS, INTEGER_CONDITIONS
from wasmer_clif_backend.ir.types import F32, F64, I32, I64, TYPES_BY_NAME
from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC


def code_of(mnemonic: str) -> int:
    """An operator's code."""
    return BY_MNEMONIC[mnemonic].code


def _scalar_type(mnemonic: str) -> int:
    return int(TYPES_BY_NAME[mnemonic.split(".")[0]])


def _rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.strip().splitlines()]


_INTEGER_BINARY: Final = """
    add iadd
    sub isub
    mul imul
    div_s sdiv
    div_u udiv
    rem_s srem
    rem_u urem
    and band
    or bor
    xor bxor
    shl ishl
    shr_s sshr
    shr_u ushr
    rotl rotl
    rotr rotr
"""
_FLOAT_BINARY: Final = """
    add fadd
    sub fsub
    mul fmul
    div fdiv
    min fmin
    max fmax
    copysign fcopysign
"""
_INTEGER_UNARY: Final = """
    clz clz
    ctz ctz
    popcnt popcnt
"""
_FLOAT_UNARY: Final = """
    abs fabs
    neg fneg
    ceil ceil
    floor floor
    trunc trunc
    nearest nearest
    sqrt sqrt
"""

# By operator's code: instruction and type.
BINARY: Final[dict[int, tuple[int, int]]] = {
    code_of(f"{prefix}.{name}"): (CLIF[row].number, int(TYPES_BY_NAME[prefix]))
    for prefixes, text in ((("i32", "i64"), _INTEGER_BINARY), (("f32", "f64"), _FLOAT_BINARY))
    for prefix in prefixes
    for name, row in _rows(text)
}
UNARY: Final[dict[int, tuple[int, int]]] = {
    code_of(f"{prefix}.{name}"): (CLIF[row].number, int(TYPES_BY_NAME[prefix]))
    for prefixes, text in ((("i32", "i64"), _INTEGER_UNARY), (("f32", "f64"), _FLOAT_UNARY))
    for prefix in prefixes
    for name, row in _rows(text)
}

# Conversions of one instruction: its type is the result's.
_CONVERSIONS: Final = """
    i32.wrap_i64         ireduce
    i64.extend_i32_s     sextend
    i64.extend_i32_u     uextend
    f32.convert_i32_s    fcvt_from_sint
    f32.convert_i32_u    fcvt_from_uint
    f32.convert_i64_s    fcvt_from_sint
    f32.convert_i64_u    fcvt_from_uint
    f64.convert_i32_s    fcvt_from_sint
    f64.convert_i32_u    fcvt_from_uint
    f64.convert_i64_s    fcvt_from_sint
    f64.convert_i64_u    fcvt_from_uint
    f32.demote_f64       fdemote
    f64.promote_f32      fpromote
    i32.trunc_f32_s      fcvt_to_sint
    i32.trunc_f32_u      fcvt_to_uint
    i32.trunc_f64_s      fcvt_to_sint
    i32.trunc_f64_u      fcvt_to_uint
    i64.trunc_f32_s      fcvt_to_sint
    i64.trunc_f32_u      fcvt_to_uint
    i64.trunc_f64_s      fcvt_to_sint
    i64.trunc_f64_u      fcvt_to_uint
    i32.trunc_sat_f32_s  fcvt_to_sint_sat
    i32.trunc_sat_f32_u  fcvt_to_uint_sat
    i32.trunc_sat_f64_s  fcvt_to_sint_sat
    i32.trunc_sat_f64_u  fcvt_to_uint_sat
    i64.trunc_sat_f32_s  fcvt_to_sint_sat
    i64.trunc_sat_f32_u  fcvt_to_uint_sat
    i64.trunc_sat_f64_s  fcvt_to_sint_sat
    i64.trunc_sat_f64_u  fcvt_to_uint_sat
    i32.reinterpret_f32  bitcast
    i64.reinterpret_f64  bitcast
    f32.reinterpret_i32  bitcast
    f64.reinterpret_i64  bitcast
"""
UNARY.update({code_of(name): (CLIF[row].number, _scalar_type(name)) for name, row in _rows(_CONVERSIONS)})

# By operator's code: the narrow type, whose sign is extended, and the type.
SIGN_EXTENSIONS: Final[dict[int, tuple[int, int]]] = {
    code_of(f"{prefix}.extend{bits}_s"): (int(TYPES_BY_NAME[f"i{bits}"]), int(TYPES_BY_NAME[prefix]))
    for prefix, some in (("i32", (8, 16)), ("i64", (8, 16, 32)))
    for bits in some
}

_CONDITIONS: Final = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"
# By operator's code: icmp or fcmp, and the number of the condition.
COMPARISONS: Final[dict[int, tuple[int, int]]] = {
    **{
        code_of(f"{prefix}.{name}"): (CLIF["icmp"].number, number)
        for prefix in ("i32", "i64")
        for number, name in enumerate(_CONDITIONS.split())
    },
    **{
        code_of(f"{prefix}.{name}"): (CLIF["fcmp"].number, FLOAT_CONDITIONS.index(name))
        for prefix in ("f32", "f64")
        for name in ("eq", "ne", "lt", "gt", "le", "ge")
    },
}
assert INTEGER_CONDITIONS == ("eq", "ne", "slt", "ult", "sgt", "ugt", "sle", "ule", "sge", "uge")

# By operator's code: instruction, type of the result, bytes that are read.
LOADS: Final[dict[int, tuple[int, int, int]]] = {
    **{
        code_of(f"{name}.load"): (CLIF["load"].number, type, size)
        for name, type, size in (("i32", I32, 4), ("i64", I64, 8), ("f32", F32, 4), ("f64", F64, 8))
    },
    **{
        code_of(f"{name}.load{bits}_{sign}"): (CLIF[f"{sign}load{bits}"].number, type, bits // 8)
        for name, type, some in (("i32", I32, (8, 16)), ("i64", I64, (8, 16, 32)))
        for bits in some
        for sign in "su"
    },
}
# By operator's code: instruction, bytes that are written.
STORES: Final[dict[int, tuple[int, int]]] = {
    **{
        code_of(f"{name}.store"): (CLIF["store"].number, size)
        for name, size in (("i32", 4), ("i64", 8), ("f32", 4), ("f64", 8))
    },
    **{
        code_of(f"{name}.store{bits}"): (CLIF[f"istore{bits}"].number, bits // 8)
        for name, some in (("i32", (8, 16)), ("i64", (8, 16, 32)))
        for bits in some
    },
}

EXCEPTIONS: Final = ("throw", "throw_ref", "try", "catch", "catch_all", "delegate")
"""Operators that `translate.exception` knows."""
