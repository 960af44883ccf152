"""The lowering of every operator, in the order of the specification's chapters.

A row's objects name the instruction forms it emits; the rule's class says how operands
travel. Vector operators stand in `lowering.vector_table`, which a module's first of them brings in.
"""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64.conditions import AFTER_CMP, AFTER_UCOMIS
from wasmer_runtime_core.codegen.x64.forms import (
    ADD_R32_RM32,
    ADD_R64_RM64,
    ADD_RM32_IMM8,
    ADD_RM32_IMM32,
    ADD_RM64_IMM8,
    ADD_RM64_IMM32,
    ADDSD_XMM_XM64,
    ADDSS_XMM_XM32,
    AND_R32_RM32,
    AND_R64_RM64,
    AND_RM32_IMM8,
    AND_RM32_IMM32,
    AND_RM64_IMM8,
    AND_RM64_IMM32,
    CMP_R32_RM32,
    CMP_R64_RM64,
    CMP_RM32_IMM8,
    CMP_RM32_IMM32,
    CMP_RM64_IMM8,
    CMP_RM64_IMM32,
    CVTSD2SS_XMM_XM64,
    CVTSS2SD_XMM_XM32,
    DIVSD_XMM_XM64,
    DIVSS_XMM_XM32,
    LZCNT_R32_RM32,
    LZCNT_R64_RM64,
    MAXSD_XMM_XM64,
    MAXSS_XMM_XM32,
    MINSD_XMM_XM64,
    MINSS_XMM_XM32,
    MOV_R32_RM32,
    MOV_R64_RM64,
    MOV_RM8_IMM8,
    MOV_RM8_R8,
    MOV_RM16_IMM16,
    MOV_RM16_R16,
    MOV_RM32_IMM32,
    MOV_RM32_R32,
    MOV_RM64_IMM32,
    MOV_RM64_R64,
    MOVSD_XM64_XMM,
    MOVSD_XMM_XM64,
    MOVSS_XM32_XMM,
    MOVSS_XMM_XM32,
    MOVSX_R32_RM8,
    MOVSX_R32_RM16,
    MOVSX_R64_RM8,
    MOVSX_R64_RM16,
    MOVSXD_R64_RM32,
    MOVZX_R32_RM8,
    MOVZX_R32_RM16,
    MULSD_XMM_XM64,
    MULSS_XMM_XM32,
    NEG_RM32,
    NEG_RM64,
    NOT_RM32,
    NOT_RM64,
    OR_R32_RM32,
    OR_R64_RM64,
    OR_RM32_IMM8,
    OR_RM32_IMM32,
    OR_RM64_IMM8,
    OR_RM64_IMM32,
    POPCNT_R32_RM32,
    POPCNT_R64_RM64,
    ROL_RM32_CL,
    ROL_RM32_IMM8,
    ROL_RM64_CL,
    ROL_RM64_IMM8,
    ROR_RM32_CL,
    ROR_RM32_IMM8,
    ROR_RM64_CL,
    ROR_RM64_IMM8,
    ROUNDSD_XMM_XM64_IMM8,
    ROUNDSS_XMM_XM32_IMM8,
    SAR_RM32_CL,
    SAR_RM32_IMM8,
    SAR_RM64_CL,
    SAR_RM64_IMM8,
    SARX_R32_RM32_R32,
    SARX_R64_RM64_R64,
    SHL_RM32_CL,
    SHL_RM32_IMM8,
    SHL_RM64_CL,
    SHL_RM64_IMM8,
    SHLX_R32_RM32_R32,
    SHLX_R64_RM64_R64,
    SHR_RM32_CL,
    SHR_RM32_IMM8,
    SHR_RM64_CL,
    SHR_RM64_IMM8,
    SHRX_R32_RM32_R32,
    SHRX_R64_RM64_R64,
    SQRTSD_XMM_XM64,
    SQRTSS_XMM_XM32,
    SUB_R32_RM32,
    SUB_R64_RM64,
    SUB_RM32_IMM8,
    SUB_RM32_IMM32,
    SUB_RM64_IMM8,
    SUB_RM64_IMM32,
    SUBSD_XMM_XM64,
    SUBSS_XMM_XM32,
    TZCNT_R32_RM32,
    TZCNT_R64_RM64,
    VADDSD_XMM_XMM_XM64,
    VADDSS_XMM_XMM_XM32,
    VCVTSD2SS_XMM_XMM_XM64,
    VCVTSS2SD_XMM_XMM_XM32,
    VDIVSD_XMM_XMM_XM64,
    VDIVSS_XMM_XMM_XM32,
    VMULSD_XMM_XMM_XM64,
    VMULSS_XMM_XMM_XM32,
    VSQRTSD_XMM_XMM_XM64,
    VSQRTSS_XMM_XMM_XM32,
    VSUBSD_XMM_XMM_XM64,
    VSUBSS_XMM_XMM_XM32,
    XOR_R32_RM32,
    XOR_R64_RM64,
    XOR_RM32_IMM8,
    XOR_RM32_IMM32,
    XOR_RM64_IMM8,
    XOR_RM64_IMM32,
)
from wasmer_runtime_core.codegen.x64.rounding import ROUND_CEIL, ROUND_FLOOR, ROUND_NEAREST, ROUND_TRUNC
from wasmer_runtime_core.contract.helper_operators import HELPER_OPERATORS
from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.wasm.operators.internal import (
    ADD_POINTS,
    ADD_POINTS_BY_SIZE,
    CANONICAL_F32,
    CANONICAL_F64,
    CHECK_POINTS,
    TRACE,
)
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC
from wasmer_runtime_core.wasm.types import F32, F64, I32, I64
from wasmer_singlepass_backend.uses import CODES
from wasmer_singlepass_backend.x64.lowering.call import (
    Call,
    CallHelper,
    CallIndirect,
    CallReference,
    ReturnCall,
    ReturnCallIndirect,
    ReturnCallReference,
)
from wasmer_singlepass_backend.x64.lowering.comparison import Compare, EqualZero
from wasmer_singlepass_backend.x64.lowering.control import (
    Block,
    Branch,
    BranchIf,
    BranchOnNonNull,
    BranchOnNull,
    BranchTable,
    Else,
    End,
    If,
    Loop,
    Return,
    Unreachable,
)
from wasmer_singlepass_backend.x64.lowering.convert import Convert, ReinterpretToFloat, ReinterpretToInteger, Truncate
from wasmer_singlepass_backend.x64.lowering.division import Divide
from wasmer_singlepass_backend.x64.lowering.exception import Catch, Delegate, Throw, ThrowReference, Try
from wasmer_singlepass_backend.x64.lowering.float import (
    CanonicalNan,
    CopySign,
    FloatBinary,
    FloatCompare,
    FloatConstant,
    FloatUnary,
    MinMax,
    Round,
    SignBit,
)
from wasmer_singlepass_backend.x64.lowering.integer import (
    Binary,
    Constant,
    CountZeros,
    ExtendUnsigned,
    Multiply,
    Shift,
    Unary,
    Wrap,
)
from wasmer_singlepass_backend.x64.lowering.internal import AddPoints, AddPointsBySize, CheckPoints, Trace
from wasmer_singlepass_backend.x64.lowering.memory import Load, LoadFloat, MemorySize, Store, StoreFloat
from wasmer_singlepass_backend.x64.lowering.reference import (
    ReferenceAsNonNull,
    ReferenceFunction,
    ReferenceIsNull,
    ReferenceNull,
    TableGet,
    TableSize,
)
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.lowering.variable import (
    Drop,
    GlobalGet,
    GlobalSet,
    LocalGet,
    LocalSet,
    LocalTee,
    Select,
)


def _compare_32(comparison: str) -> Compare:
    return Compare(I32, AFTER_CMP[comparison], CMP_R32_RM32, CMP_RM32_IMM8, CMP_RM32_IMM32)


def _compare_64(comparison: str) -> Compare:
    return Compare(I64, AFTER_CMP[comparison], CMP_R64_RM64, CMP_RM64_IMM8, CMP_RM64_IMM32)


def _compare_floats(type_: int, comparison: str) -> FloatCompare:
    row = AFTER_UCOMIS[comparison]
    return FloatCompare(type_, row.condition, row.exchanged)


# fmt: off
LOWERINGS: Final[dict[str, Lowering]] = {
    # --- control ---------------------------------------------------------------------
    "unreachable":    Unreachable(),
    "block":          Block(),
    "loop":           Loop(),
    "if":             If(),
    "else":           Else(),
    "end":            End(),
    "br":             Branch(),
    "br_if":          BranchIf(),
    "br_table":       BranchTable(),
    "return":         Return(),
    "call":           Call(),
    "call_indirect":  CallIndirect(),
    "return_call":    ReturnCall(),
    "return_call_indirect": ReturnCallIndirect(),
    "return_call_ref": ReturnCallReference(),
    # --- references and tables -------------------------------------------------------
    "ref.null":       ReferenceNull(),
    "call_ref":       CallReference(),
    "br_on_null":     BranchOnNull(),
    "br_on_non_null": BranchOnNonNull(),
    "ref.is_null":    ReferenceIsNull(),
    "ref.as_non_null": ReferenceAsNonNull(),
    "ref.func":       ReferenceFunction(),
    "table.get":      TableGet(),  # what else touches elements, which own what they refer to, is a helper's
    "table.size":     TableSize(),
    # --- stack and variables ---------------------------------------------------------
    "drop":           Drop(),
    "select":         Select(),
    "local.get":      LocalGet(),
    "local.set":      LocalSet(),
    "local.tee":      LocalTee(),
    "global.get":     GlobalGet(),
    "global.set":     GlobalSet(),
    # --- memory ----------------------------------------------------------------------
    "i32.load":       Load(I32, 4, MOV_R32_RM32),
    "i64.load":       Load(I64, 8, MOV_R64_RM64),
    "f32.load":       LoadFloat(F32, 4, MOVSS_XMM_XM32),
    "f64.load":       LoadFloat(F64, 8, MOVSD_XMM_XM64),
    "i32.load8_s":    Load(I32, 1, MOVSX_R32_RM8),
    "i32.load8_u":    Load(I32, 1, MOVZX_R32_RM8),
    "i32.load16_s":   Load(I32, 2, MOVSX_R32_RM16),
    "i32.load16_u":   Load(I32, 2, MOVZX_R32_RM16),
    "i64.load8_s":    Load(I64, 1, MOVSX_R64_RM8),
    "i64.load8_u":    Load(I64, 1, MOVZX_R32_RM8),
    "i64.load16_s":   Load(I64, 2, MOVSX_R64_RM16),
    "i64.load16_u":   Load(I64, 2, MOVZX_R32_RM16),
    "i64.load32_s":   Load(I64, 4, MOVSXD_R64_RM32),
    "i64.load32_u":   Load(I64, 4, MOV_R32_RM32),
    "i32.store":      Store(4, MOV_RM32_R32, MOV_RM32_IMM32),
    "i64.store":      Store(8, MOV_RM64_R64, MOV_RM64_IMM32),
    "f32.store":      StoreFloat(4, MOVSS_XM32_XMM),
    "f64.store":      StoreFloat(8, MOVSD_XM64_XMM),
    "i32.store8":     Store(1, MOV_RM8_R8, MOV_RM8_IMM8),
    "i32.store16":    Store(2, MOV_RM16_R16, MOV_RM16_IMM16),
    "i64.store8":     Store(1, MOV_RM8_R8, MOV_RM8_IMM8),
    "i64.store16":    Store(2, MOV_RM16_R16, MOV_RM16_IMM16),
    "i64.store32":    Store(4, MOV_RM32_R32, MOV_RM32_IMM32),
    "memory.size":    MemorySize(),
    # --- constants -------------------------------------------------------------------
    "i32.const":      Constant(I32),
    "i64.const":      Constant(I64),
    "f32.const":      FloatConstant(F32),
    "f64.const":      FloatConstant(F64),
    # --- integer comparisons ---------------------------------------------------------
    "i32.eqz":        EqualZero(I32),
    "i32.eq":         _compare_32("eq"),
    "i32.ne":         _compare_32("ne"),
    "i32.lt_s":       _compare_32("lt_s"),
    "i32.lt_u":       _compare_32("lt_u"),
    "i32.gt_s":       _compare_32("gt_s"),
    "i32.gt_u":       _compare_32("gt_u"),
    "i32.le_s":       _compare_32("le_s"),
    "i32.le_u":       _compare_32("le_u"),
    "i32.ge_s":       _compare_32("ge_s"),
    "i32.ge_u":       _compare_32("ge_u"),
    "i64.eqz":        EqualZero(I64),
    "i64.eq":         _compare_64("eq"),
    "i64.ne":         _compare_64("ne"),
    "i64.lt_s":       _compare_64("lt_s"),
    "i64.lt_u":       _compare_64("lt_u"),
    "i64.gt_s":       _compare_64("gt_s"),
    "i64.gt_u":       _compare_64("gt_u"),
    "i64.le_s":       _compare_64("le_s"),
    "i64.le_u":       _compare_64("le_u"),
    "i64.ge_s":       _compare_64("ge_s"),
    "i64.ge_u":       _compare_64("ge_u"),
    # --- float comparisons -----------------------------------------------------------
    "f32.eq":         _compare_floats(F32, "eq"),
    "f32.ne":         _compare_floats(F32, "ne"),
    "f32.lt":         _compare_floats(F32, "lt"),
    "f32.gt":         _compare_floats(F32, "gt"),
    "f32.le":         _compare_floats(F32, "le"),
    "f32.ge":         _compare_floats(F32, "ge"),
    "f64.eq":         _compare_floats(F64, "eq"),
    "f64.ne":         _compare_floats(F64, "ne"),
    "f64.lt":         _compare_floats(F64, "lt"),
    "f64.gt":         _compare_floats(F64, "gt"),
    "f64.le":         _compare_floats(F64, "le"),
    "f64.ge":         _compare_floats(F64, "ge"),
    # --- i32 arithmetic --------------------------------------------------------------
    "i32.clz":        CountZeros(I32, True, LZCNT_R32_RM32),
    "i32.ctz":        CountZeros(I32, False, TZCNT_R32_RM32),
    "i32.popcnt":     Unary(I32, POPCNT_R32_RM32),
    "i32.add":        Binary(I32, ADD_R32_RM32, ADD_RM32_IMM8, ADD_RM32_IMM32, True, add=True),
    "i32.sub":        Binary(I32, SUB_R32_RM32, SUB_RM32_IMM8, SUB_RM32_IMM32, False, negate=NEG_RM32),
    "i32.mul":        Multiply(I32),
    "i32.div_s":      Divide(I32, True, False),
    "i32.div_u":      Divide(I32, False, False),
    "i32.rem_s":      Divide(I32, True, True),
    "i32.rem_u":      Divide(I32, False, True),
    "i32.and":        Binary(I32, AND_R32_RM32, AND_RM32_IMM8, AND_RM32_IMM32, True, test=True),
    "i32.or":         Binary(I32, OR_R32_RM32, OR_RM32_IMM8, OR_RM32_IMM32, True),
    "i32.xor":        Binary(I32, XOR_R32_RM32, XOR_RM32_IMM8, XOR_RM32_IMM32, True, complement=NOT_RM32),
    "i32.shl":        Shift(I32, SHL_RM32_IMM8, SHL_RM32_CL, SHLX_R32_RM32_R32),
    "i32.shr_s":      Shift(I32, SAR_RM32_IMM8, SAR_RM32_CL, SARX_R32_RM32_R32),
    "i32.shr_u":      Shift(I32, SHR_RM32_IMM8, SHR_RM32_CL, SHRX_R32_RM32_R32),
    "i32.rotl":       Shift(I32, ROL_RM32_IMM8, ROL_RM32_CL, None),
    "i32.rotr":       Shift(I32, ROR_RM32_IMM8, ROR_RM32_CL, None),
    # --- i64 arithmetic --------------------------------------------------------------
    "i64.clz":        CountZeros(I64, True, LZCNT_R64_RM64),
    "i64.ctz":        CountZeros(I64, False, TZCNT_R64_RM64),
    "i64.popcnt":     Unary(I64, POPCNT_R64_RM64),
    "i64.add":        Binary(I64, ADD_R64_RM64, ADD_RM64_IMM8, ADD_RM64_IMM32, True, add=True),
    "i64.sub":        Binary(I64, SUB_R64_RM64, SUB_RM64_IMM8, SUB_RM64_IMM32, False, negate=NEG_RM64),
    "i64.mul":        Multiply(I64),
    "i64.div_s":      Divide(I64, True, False),
    "i64.div_u":      Divide(I64, False, False),
    "i64.rem_s":      Divide(I64, True, True),
    "i64.rem_u":      Divide(I64, False, True),
    "i64.and":        Binary(I64, AND_R64_RM64, AND_RM64_IMM8, AND_RM64_IMM32, True, test=True),
    "i64.or":         Binary(I64, OR_R64_RM64, OR_RM64_IMM8, OR_RM64_IMM32, True),
    "i64.xor":        Binary(I64, XOR_R64_RM64, XOR_RM64_IMM8, XOR_RM64_IMM32, True, complement=NOT_RM64),
    "i64.shl":        Shift(I64, SHL_RM64_IMM8, SHL_RM64_CL, SHLX_R64_RM64_R64),
    "i64.shr_s":      Shift(I64, SAR_RM64_IMM8, SAR_RM64_CL, SARX_R64_RM64_R64),
    "i64.shr_u":      Shift(I64, SHR_RM64_IMM8, SHR_RM64_CL, SHRX_R64_RM64_R64),
    "i64.rotl":       Shift(I64, ROL_RM64_IMM8, ROL_RM64_CL, None),
    "i64.rotr":       Shift(I64, ROR_RM64_IMM8, ROR_RM64_CL, None),
    # --- f32 arithmetic --------------------------------------------------------------
    "f32.abs":        SignBit(F32, False),
    "f32.neg":        SignBit(F32, True),
    "f32.ceil":       Round(F32, ROUNDSS_XMM_XM32_IMM8, ROUND_CEIL),
    "f32.floor":      Round(F32, ROUNDSS_XMM_XM32_IMM8, ROUND_FLOOR),
    "f32.trunc":      Round(F32, ROUNDSS_XMM_XM32_IMM8, ROUND_TRUNC),
    "f32.nearest":    Round(F32, ROUNDSS_XMM_XM32_IMM8, ROUND_NEAREST),
    "f32.sqrt":       FloatUnary(F32, SQRTSS_XMM_XM32, VSQRTSS_XMM_XMM_XM32),
    "f32.add":        FloatBinary(F32, ADDSS_XMM_XM32, VADDSS_XMM_XMM_XM32),
    "f32.sub":        FloatBinary(F32, SUBSS_XMM_XM32, VSUBSS_XMM_XMM_XM32),
    "f32.mul":        FloatBinary(F32, MULSS_XMM_XM32, VMULSS_XMM_XMM_XM32),
    "f32.div":        FloatBinary(F32, DIVSS_XMM_XM32, VDIVSS_XMM_XMM_XM32),
    "f32.min":        MinMax(F32, MINSS_XMM_XM32, True),
    "f32.max":        MinMax(F32, MAXSS_XMM_XM32, False),
    "f32.copysign":   CopySign(F32),
    # --- f64 arithmetic --------------------------------------------------------------
    "f64.abs":        SignBit(F64, False),
    "f64.neg":        SignBit(F64, True),
    "f64.ceil":       Round(F64, ROUNDSD_XMM_XM64_IMM8, ROUND_CEIL),
    "f64.floor":      Round(F64, ROUNDSD_XMM_XM64_IMM8, ROUND_FLOOR),
    "f64.trunc":      Round(F64, ROUNDSD_XMM_XM64_IMM8, ROUND_TRUNC),
    "f64.nearest":    Round(F64, ROUNDSD_XMM_XM64_IMM8, ROUND_NEAREST),
    "f64.sqrt":       FloatUnary(F64, SQRTSD_XMM_XM64, VSQRTSD_XMM_XMM_XM64),
    "f64.add":        FloatBinary(F64, ADDSD_XMM_XM64, VADDSD_XMM_XMM_XM64),
    "f64.sub":        FloatBinary(F64, SUBSD_XMM_XM64, VSUBSD_XMM_XMM_XM64),
    "f64.mul":        FloatBinary(F64, MULSD_XMM_XM64, VMULSD_XMM_XMM_XM64),
    "f64.div":        FloatBinary(F64, DIVSD_XMM_XM64, VDIVSD_XMM_XMM_XM64),
    "f64.min":        MinMax(F64, MINSD_XMM_XM64, True),
    "f64.max":        MinMax(F64, MAXSD_XMM_XM64, False),
    "f64.copysign":   CopySign(F64),
    # --- conversions -----------------------------------------------------------------
    "i32.wrap_i64":        Wrap(),
    "i32.trunc_f32_s":     Truncate(I32, F32, True, False),
    "i32.trunc_f32_u":     Truncate(I32, F32, False, False),
    "i32.trunc_f64_s":     Truncate(I32, F64, True, False),
    "i32.trunc_f64_u":     Truncate(I32, F64, False, False),
    "i64.extend_i32_s":    Unary(I64, MOVSXD_R64_RM32),
    "i64.extend_i32_u":    ExtendUnsigned(),
    "i64.trunc_f32_s":     Truncate(I64, F32, True, False),
    "i64.trunc_f32_u":     Truncate(I64, F32, False, False),
    "i64.trunc_f64_s":     Truncate(I64, F64, True, False),
    "i64.trunc_f64_u":     Truncate(I64, F64, False, False),
    "f32.convert_i32_s":   Convert(F32, I32, True),
    "f32.convert_i32_u":   Convert(F32, I32, False),
    "f32.convert_i64_s":   Convert(F32, I64, True),
    "f32.convert_i64_u":   Convert(F32, I64, False),
    "f32.demote_f64":      FloatUnary(F32, CVTSD2SS_XMM_XM64, VCVTSD2SS_XMM_XMM_XM64),
    "f64.convert_i32_s":   Convert(F64, I32, True),
    "f64.convert_i32_u":   Convert(F64, I32, False),
    "f64.convert_i64_s":   Convert(F64, I64, True),
    "f64.convert_i64_u":   Convert(F64, I64, False),
    "f64.promote_f32":     FloatUnary(F64, CVTSS2SD_XMM_XM32, VCVTSS2SD_XMM_XMM_XM32),
    "i32.reinterpret_f32": ReinterpretToInteger(I32),
    "i64.reinterpret_f64": ReinterpretToInteger(I64),
    "f32.reinterpret_i32": ReinterpretToFloat(F32),
    "f64.reinterpret_i64": ReinterpretToFloat(F64),
    "i32.extend8_s":       Unary(I32, MOVSX_R32_RM8),
    "i32.extend16_s":      Unary(I32, MOVSX_R32_RM16),
    "i64.extend8_s":       Unary(I64, MOVSX_R64_RM8),
    "i64.extend16_s":      Unary(I64, MOVSX_R64_RM16),
    "i64.extend32_s":      Unary(I64, MOVSXD_R64_RM32),
    "i32.trunc_sat_f32_s": Truncate(I32, F32, True, True),
    "i32.trunc_sat_f32_u": Truncate(I32, F32, False, True),
    "i32.trunc_sat_f64_s": Truncate(I32, F64, True, True),
    "i32.trunc_sat_f64_u": Truncate(I32, F64, False, True),
    "i64.trunc_sat_f32_s": Truncate(I64, F32, True, True),
    "i64.trunc_sat_f32_u": Truncate(I64, F32, False, True),
    "i64.trunc_sat_f64_s": Truncate(I64, F64, True, True),
    "i64.trunc_sat_f64_u": Truncate(I64, F64, False, True),
}
# fmt: on


def _fold_loads() -> None:
    """A load may become the memory operand of the arithmetic behind it."""
    loads = {I32: LOWERINGS["i32.load"], I64: LOWERINGS["i64.load"]}
    float_loads = {F32: LOWERINGS["f32.load"], F64: LOWERINGS["f64.load"]}
    for mnemonic, rule in LOWERINGS.items():
        if isinstance(rule, Binary):
            load = loads[rule.type]
            assert isinstance(load, Load)
            load.used_by(BY_MNEMONIC[mnemonic].code, rule)
        elif isinstance(rule, FloatBinary):
            load = float_loads[rule.type]
            assert isinstance(load, LoadFloat)
            load.used_by(BY_MNEMONIC[mnemonic].code, rule)


_fold_loads()


EXCEPTION_LOWERINGS: Final[dict[str, Lowering]] = {
    "throw": Throw(),
    "throw_ref": ThrowReference(),
    "try": Try(),
    "catch": Catch(),
    "catch_all": Catch(),
    "delegate": Delegate(),
}

INTERNAL_LOWERINGS: Final[dict[int, Lowering]] = {
    ADD_POINTS: AddPoints(),
    ADD_POINTS_BY_SIZE: AddPointsBySize(),
    CHECK_POINTS: CheckPoints(),
    TRACE: Trace(),
    CANONICAL_F32: CanonicalNan(F32),
    CANONICAL_F64: CanonicalNan(F64),
}


def by_code() -> list[Lowering | None]:
    """The table indexed by operator code, without vectors. What has no rule and a helper becomes a call of that."""
    table: list[Lowering | None] = [None] * CODES
    for code, helper in HELPER_OPERATORS.items():
        table[code] = CallHelper(helper.call, helper.immediates)
    for mnemonic, lowering in LOWERINGS.items():
        table[BY_MNEMONIC[mnemonic].code] = lowering
    for mnemonic, lowering in EXCEPTION_LOWERINGS.items():
        table[BY_MNEMONIC[mnemonic].code] = lowering
    for code, lowering in INTERNAL_LOWERINGS.items():
        table[code] = lowering
    return table
