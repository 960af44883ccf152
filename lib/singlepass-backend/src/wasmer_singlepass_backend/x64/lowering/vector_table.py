"""The lowering of every vector operator (specification 4.3.4 and 6.5.10), by kind.

`Direct` rows are one instruction in SSE and one in AVX; `Recipe` rows are assembler text
over the operands a, b and c (see `lowering.vector`).
"""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.forms import Form
from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.wasm.operators.internal import CANONICAL_F32X4, CANONICAL_F64X2
from wasmer_runtime_core.wasm.operators.relaxed import SAME
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC
from wasmer_runtime_core.wasm.types import F32, F64, I64, V128
from wasmer_singlepass_backend.x64.lowering.float import FloatBinary
from wasmer_singlepass_backend.x64.lowering.memory import LoadFloat, StoreFloat
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.lowering.vector import (
    ByLane,
    CountedRecipe,
    LoadLane,
    LoadSplat,
    LoadVector,
    Recipe,
    RecipeFromInteger,
    RecipeToInteger,
    Shuffle,
    StoreLane,
    VectorConstant,
    VectorShift,
)


def direct(sse: Form) -> FloatBinary:
    """``op a, b`` with SSE, ``vop a, a, b`` with AVX: the row of the same name with one register more."""
    avx: Form = getattr(forms, "V" + sse.name.replace("_XMM_", "_XMM_XMM_", 1))
    return FloatBinary(V128, sse, avx)


_NOT = "pcmpeqd u, u ; pxor a, u"


def _not_equal(lanes: str) -> Recipe:
    return Recipe(2, f"pcmpeq{lanes} a, b ; {_NOT}")


def _less(lanes: str) -> Recipe:
    return Recipe(2, f"movdqa t, b ; pcmpgt{lanes} t, a ; movdqa a, t")


def _by_extreme(extreme: str, lanes: str, negated: bool) -> Recipe:
    """``a <= b`` is ``min(a, b) == a``; ``a > b`` is its negation; max for >= and <."""
    text = f"movdqa t, a ; p{extreme} t, b ; pcmpeq{lanes} a, t"
    return Recipe(2, f"{text} ; {_NOT}" if negated else text)


def _integer_comparisons(shape: str, lanes: str, greater: Form, equal: Form) -> dict[str, Lowering]:
    return {
        f"{shape}.eq": direct(equal),
        f"{shape}.ne": _not_equal(lanes),
        f"{shape}.lt_s": _less(lanes),
        f"{shape}.lt_u": _by_extreme(f"maxu{lanes}", lanes, True),
        f"{shape}.gt_s": direct(greater),
        f"{shape}.gt_u": _by_extreme(f"minu{lanes}", lanes, True),
        f"{shape}.le_s": _by_extreme(f"mins{lanes}", lanes, False),
        f"{shape}.le_u": _by_extreme(f"minu{lanes}", lanes, False),
        f"{shape}.ge_s": _by_extreme(f"maxs{lanes}", lanes, False),
        f"{shape}.ge_u": _by_extreme(f"maxu{lanes}", lanes, False),
    }


def _float_comparisons(shape: str, suffix: str) -> dict[str, Lowering]:
    return {
        f"{shape}.eq": Recipe(2, f"cmp{suffix} a, b, 0"),
        f"{shape}.ne": Recipe(2, f"cmp{suffix} a, b, 4"),
        f"{shape}.lt": Recipe(2, f"cmp{suffix} a, b, 1"),
        f"{shape}.gt": Recipe(2, f"movaps t, b ; cmp{suffix} t, a, 1 ; movaps a, t"),
        f"{shape}.le": Recipe(2, f"cmp{suffix} a, b, 2"),
        f"{shape}.ge": Recipe(2, f"movaps t, b ; cmp{suffix} t, a, 2 ; movaps a, t"),
    }


def _negate(lanes: str) -> Recipe:
    return Recipe(1, f"pxor t, t ; psub{lanes} t, a ; movdqa a, t")


def _all_true(lanes: str) -> RecipeToInteger:
    return RecipeToInteger(f"pxor t, t ; pcmpeq{lanes} t, a ; ptest t, t ; sete r ; movzx r, r")


def _minimum(suffix: str, shift: str) -> Recipe:
    """Both orders joined keep the sign of zero and NaNs; a NaN's payload is cleared."""
    return Recipe(
        2,
        f"movaps t, b ; min{suffix} t, a ; min{suffix} a, b ; orps t, a ; "
        f"cmp{suffix} a, t, 3 ; orps t, a ; {shift} ; andnps a, t",
    )


def _maximum(suffix: str, shift: str) -> Recipe:
    return Recipe(
        2,
        f"movaps t, b ; max{suffix} t, a ; max{suffix} a, b ; xorps a, t ; orps t, a ; sub{suffix} t, a ; "
        f"cmp{suffix} a, t, 3 ; {shift} ; andnps a, t",
    )


def _canonical(suffix: str, nan: str) -> Recipe:
    """The lanes that are ordered with themselves, and that NaN in the others."""
    return Recipe(1, f"movaps t, a ; cmp{suffix} t, a, 7 ; andps a, t ; andnps t, {nan} ; orps a, t")


def _pseudo(operation: str) -> Recipe:
    """pmin and pmax: the instruction with its operands exchanged."""
    return Recipe(2, f"movaps t, b ; {operation} t, a ; movaps a, t")


def _extmul(extend: str, multiply: str, high: bool) -> Recipe:
    if high:
        return Recipe(2, f"pshufd a, a, 0xEE ; {extend} a, a ; pshufd t, b, 0xEE ; {extend} t, t ; {multiply} a, t")
    return Recipe(2, f"{extend} a, a ; {extend} t, b ; {multiply} a, t")


def _extmul_64(multiply: str, lanes: int) -> Recipe:
    return Recipe(2, f"pshufd a, a, {lanes} ; pshufd t, b, {lanes} ; {multiply} a, t")


def _extend(instruction: str, high: bool) -> Recipe:
    return Recipe(1, f"pshufd a, a, 0xEE ; {instruction} a, a" if high else f"{instruction} a, a")


_PAIRS_OF_BYTES = (
    "movdqa t, a ; psllw t, 8 ; psraw t, 8 ; movdqa u, b ; psllw u, 8 ; psraw u, 8 ; pmullw t, u ; "
    "movdqa u, b ; psraw u, 8 ; psraw a, 8 ; pmullw a, u ; paddsw a, t"
)
"""The even bytes' products and the odd bytes' products, added as signed words and saturated."""


def _multiply_add(suffix: str, sign: str = "") -> Recipe:
    negated = f"xorps a, {sign} ; " if sign else ""
    return Recipe(3, f"{negated}mul{suffix} a, b ; add{suffix} a, c")


_POPCOUNTS = "{00010102010202030102020302030304}"
_SPLAT_8 = "movd a, r ; pxor t, t ; pshufb a, t"
_SPLAT_16 = "movd a, r ; pshuflw a, a, 0 ; pshufd a, a, 0"

# fmt: off
VECTOR_LOWERINGS: Final[dict[str, Lowering]] = {
    # --- memory ----------------------------------------------------------------------
    "v128.load":          LoadFloat(V128, 16, forms.MOVUPS_XMM_XM128),
    "v128.store":         StoreFloat(16, forms.MOVUPS_XM128_XMM),
    "v128.load8x8_s":     LoadVector(8, forms.PMOVSXBW_XMM_XM64),
    "v128.load8x8_u":     LoadVector(8, forms.PMOVZXBW_XMM_XM64),
    "v128.load16x4_s":    LoadVector(8, forms.PMOVSXWD_XMM_XM64),
    "v128.load16x4_u":    LoadVector(8, forms.PMOVZXWD_XMM_XM64),
    "v128.load32x2_s":    LoadVector(8, forms.PMOVSXDQ_XMM_XM64),
    "v128.load32x2_u":    LoadVector(8, forms.PMOVZXDQ_XMM_XM64),
    "v128.load8_splat":   LoadSplat(1, _SPLAT_8),
    "v128.load16_splat":  LoadSplat(2, _SPLAT_16),
    "v128.load32_splat":  LoadVector(4, forms.MOVSS_XMM_XM32, "pshufd a, a, 0"),
    "v128.load64_splat":  LoadVector(8, forms.MOVDDUP_XMM_XM64),
    "v128.load32_zero":   LoadVector(4, forms.MOVSS_XMM_XM32),
    "v128.load64_zero":   LoadVector(8, forms.MOVSD_XMM_XM64),
    "v128.load8_lane":    LoadLane(1, forms.PINSRB_XMM_R32M8_IMM8),
    "v128.load16_lane":   LoadLane(2, forms.PINSRW_XMM_R32M16_IMM8),
    "v128.load32_lane":   LoadLane(4, forms.PINSRD_XMM_RM32_IMM8),
    "v128.load64_lane":   LoadLane(8, forms.PINSRQ_XMM_RM64_IMM8),
    "v128.store8_lane":   StoreLane(1, forms.PEXTRB_R32M8_XMM_IMM8),
    "v128.store16_lane":  StoreLane(2, forms.PEXTRW_R32M16_XMM_IMM8),
    "v128.store32_lane":  StoreLane(4, forms.PEXTRD_RM32_XMM_IMM8),
    "v128.store64_lane":  StoreLane(8, forms.PEXTRQ_RM64_XMM_IMM8),
    # --- constants and lanes ---------------------------------------------------------
    "v128.const":         VectorConstant(),
    "i8x16.shuffle":      Shuffle(),
    "i8x16.swizzle":      Recipe(2, "movdqa t, {70 x16} ; paddusb t, b ; pshufb a, t"),
    "i8x16.splat":        RecipeFromInteger(1, _SPLAT_8),
    "i16x8.splat":        RecipeFromInteger(1, _SPLAT_16),
    "i32x4.splat":        RecipeFromInteger(1, "movd a, r ; pshufd a, a, 0"),
    "i64x2.splat":        RecipeFromInteger(1, "movq a, r ; pshufd a, a, 0x44"),
    "f32x4.splat":        Recipe(1, "pshufd a, a, 0"),
    "f64x2.splat":        Recipe(1, "pshufd a, a, 0x44"),
    "i8x16.extract_lane_s": RecipeToInteger("pextrb r, a, lane ; movsx r, r"),
    "i8x16.extract_lane_u": RecipeToInteger("pextrb r, a, lane"),
    "i8x16.replace_lane":   RecipeFromInteger(2, "pinsrb a, r, lane"),
    "i16x8.extract_lane_s": RecipeToInteger("pextrw r, a, lane ; shl r, 16 ; sar r, 16"),
    "i16x8.extract_lane_u": RecipeToInteger("pextrw r, a, lane"),
    "i16x8.replace_lane":   RecipeFromInteger(2, "pinsrw a, r, lane"),
    "i32x4.extract_lane":   RecipeToInteger("pextrd r, a, lane"),
    "i32x4.replace_lane":   RecipeFromInteger(2, "pinsrd a, r, lane"),
    "i64x2.extract_lane":   RecipeToInteger("pextrq r, a, lane", I64),
    "i64x2.replace_lane":   RecipeFromInteger(2, "pinsrq a, r, lane"),
    "f32x4.extract_lane":   Recipe(1, "pshufd a, a, lane", F32),
    "f32x4.replace_lane":   ByLane(2, tuple(f"insertps a, b, {lane << 4}" for lane in range(4))),
    "f64x2.extract_lane":   ByLane(1, ("pshufd a, a, 0xE4", "pshufd a, a, 0xEE"), F64),
    "f64x2.replace_lane":   ByLane(2, ("movsd a, b", "unpcklpd a, b")),
    # --- comparisons -----------------------------------------------------------------
    **_integer_comparisons("i8x16", "b", forms.PCMPGTB_XMM_XM128, forms.PCMPEQB_XMM_XM128),
    **_integer_comparisons("i16x8", "w", forms.PCMPGTW_XMM_XM128, forms.PCMPEQW_XMM_XM128),
    **_integer_comparisons("i32x4", "d", forms.PCMPGTD_XMM_XM128, forms.PCMPEQD_XMM_XM128),
    "i64x2.eq":   direct(forms.PCMPEQQ_XMM_XM128),
    "i64x2.ne":   _not_equal("q"),
    "i64x2.lt_s": _less("q"),
    "i64x2.gt_s": direct(forms.PCMPGTQ_XMM_XM128),
    "i64x2.le_s": Recipe(2, f"pcmpgtq a, b ; {_NOT}"),
    "i64x2.ge_s": Recipe(2, "movdqa t, b ; pcmpgtq t, a ; pcmpeqd a, a ; pxor a, t"),
    **_float_comparisons("f32x4", "ps"),
    **_float_comparisons("f64x2", "pd"),
    # --- bits ------------------------------------------------------------------------
    "v128.not":       Recipe(1, "pcmpeqd t, t ; pxor a, t"),
    "v128.and":       direct(forms.PAND_XMM_XM128),
    "v128.andnot":    Recipe(2, "movdqa t, b ; pandn t, a ; movdqa a, t"),
    "v128.or":        direct(forms.POR_XMM_XM128),
    "v128.xor":       direct(forms.PXOR_XMM_XM128),
    "v128.bitselect": Recipe(3, "pxor a, b ; pand a, c ; pxor a, b"),
    "v128.any_true":  RecipeToInteger("ptest a, a ; setne r ; movzx r, r"),
    "i8x16.all_true": _all_true("b"),
    "i16x8.all_true": _all_true("w"),
    "i32x4.all_true": _all_true("d"),
    "i64x2.all_true": _all_true("q"),
    "i8x16.bitmask":  RecipeToInteger("pmovmskb r, a"),
    "i16x8.bitmask":  RecipeToInteger("movdqa t, a ; packsswb t, t ; pmovmskb r, t ; movzx r, r"),
    "i32x4.bitmask":  RecipeToInteger("movmskps r, a"),
    "i64x2.bitmask":  RecipeToInteger("movmskpd r, a"),
    # --- shifts ----------------------------------------------------------------------
    "i8x16.shl":   CountedRecipe(8, "pcmpeqw u, u ; psrlw u, 8 ; psllw u, t ; pxor b, b ; pshufb u, b ; "
                                    "psllw a, t ; pand a, u"),
    "i8x16.shr_s": CountedRecipe(8, "paddq t, {0800000000000000 x2} ; movdqa b, a ; punpcklbw a, a ; "
                                    "punpckhbw b, b ; psraw a, t ; psraw b, t ; packsswb a, b"),
    "i8x16.shr_u": CountedRecipe(8, "pcmpeqw u, u ; psrlw u, 8 ; psrlw u, t ; pxor b, b ; pshufb u, b ; "
                                    "psrlw a, t ; pand a, u"),
    "i16x8.shl":   VectorShift(16, forms.PSLLW_XMM_XM128, forms.PSLLW_XMM_IMM8),
    "i16x8.shr_s": VectorShift(16, forms.PSRAW_XMM_XM128, forms.PSRAW_XMM_IMM8),
    "i16x8.shr_u": VectorShift(16, forms.PSRLW_XMM_XM128, forms.PSRLW_XMM_IMM8),
    "i32x4.shl":   VectorShift(32, forms.PSLLD_XMM_XM128, forms.PSLLD_XMM_IMM8),
    "i32x4.shr_s": VectorShift(32, forms.PSRAD_XMM_XM128, forms.PSRAD_XMM_IMM8),
    "i32x4.shr_u": VectorShift(32, forms.PSRLD_XMM_XM128, forms.PSRLD_XMM_IMM8),
    "i64x2.shl":   VectorShift(64, forms.PSLLQ_XMM_XM128, forms.PSLLQ_XMM_IMM8),
    "i64x2.shr_s": CountedRecipe(64, "movdqa u, {0000000000000080 x2} ; psrlq u, t ; psrlq a, t ; "
                                     "pxor a, u ; psubq a, u"),
    "i64x2.shr_u": VectorShift(64, forms.PSRLQ_XMM_XM128, forms.PSRLQ_XMM_IMM8),
    # --- i8x16 arithmetic ------------------------------------------------------------
    "i8x16.abs":       Recipe(1, "pabsb a, a"),
    "i8x16.neg":       _negate("b"),
    "i8x16.popcnt":    Recipe(1, "movdqa t, {0F x16} ; movdqa u, a ; pand u, t ; psrlw a, 4 ; pand a, t ; "
                                 f"movdqa t, {_POPCOUNTS} ; pshufb t, u ; movdqa u, {_POPCOUNTS} ; pshufb u, a ; "
                                 "paddb t, u ; movdqa a, t"),
    "i8x16.narrow_i16x8_s": direct(forms.PACKSSWB_XMM_XM128),
    "i8x16.narrow_i16x8_u": direct(forms.PACKUSWB_XMM_XM128),
    "i8x16.add":       direct(forms.PADDB_XMM_XM128),
    "i8x16.add_sat_s": direct(forms.PADDSB_XMM_XM128),
    "i8x16.add_sat_u": direct(forms.PADDUSB_XMM_XM128),
    "i8x16.sub":       direct(forms.PSUBB_XMM_XM128),
    "i8x16.sub_sat_s": direct(forms.PSUBSB_XMM_XM128),
    "i8x16.sub_sat_u": direct(forms.PSUBUSB_XMM_XM128),
    "i8x16.min_s":     direct(forms.PMINSB_XMM_XM128),
    "i8x16.min_u":     direct(forms.PMINUB_XMM_XM128),
    "i8x16.max_s":     direct(forms.PMAXSB_XMM_XM128),
    "i8x16.max_u":     direct(forms.PMAXUB_XMM_XM128),
    "i8x16.avgr_u":    direct(forms.PAVGB_XMM_XM128),
    # --- i16x8 arithmetic ------------------------------------------------------------
    "i16x8.abs":       Recipe(1, "pabsw a, a"),
    "i16x8.neg":       _negate("w"),
    "i16x8.q15mulr_sat_s": Recipe(2, "pmulhrsw a, b ; movdqa t, {0080 x8} ; pcmpeqw t, a ; pxor a, t"),
    "i16x8.narrow_i32x4_s": direct(forms.PACKSSDW_XMM_XM128),
    "i16x8.narrow_i32x4_u": direct(forms.PACKUSDW_XMM_XM128),
    "i16x8.extend_low_i8x16_s":  _extend("pmovsxbw", False),
    "i16x8.extend_high_i8x16_s": _extend("pmovsxbw", True),
    "i16x8.extend_low_i8x16_u":  _extend("pmovzxbw", False),
    "i16x8.extend_high_i8x16_u": _extend("pmovzxbw", True),
    "i16x8.extadd_pairwise_i8x16_s": Recipe(1, "movdqa t, {01 x16} ; pmaddubsw t, a ; movdqa a, t"),
    "i16x8.extadd_pairwise_i8x16_u": Recipe(1, "pmaddubsw a, {01 x16}"),
    "i16x8.add":       direct(forms.PADDW_XMM_XM128),
    "i16x8.add_sat_s": direct(forms.PADDSW_XMM_XM128),
    "i16x8.add_sat_u": direct(forms.PADDUSW_XMM_XM128),
    "i16x8.sub":       direct(forms.PSUBW_XMM_XM128),
    "i16x8.sub_sat_s": direct(forms.PSUBSW_XMM_XM128),
    "i16x8.sub_sat_u": direct(forms.PSUBUSW_XMM_XM128),
    "i16x8.mul":       direct(forms.PMULLW_XMM_XM128),
    "i16x8.min_s":     direct(forms.PMINSW_XMM_XM128),
    "i16x8.min_u":     direct(forms.PMINUW_XMM_XM128),
    "i16x8.max_s":     direct(forms.PMAXSW_XMM_XM128),
    "i16x8.max_u":     direct(forms.PMAXUW_XMM_XM128),
    "i16x8.avgr_u":    direct(forms.PAVGW_XMM_XM128),
    "i16x8.extmul_low_i8x16_s":  _extmul("pmovsxbw", "pmullw", False),
    "i16x8.extmul_high_i8x16_s": _extmul("pmovsxbw", "pmullw", True),
    "i16x8.extmul_low_i8x16_u":  _extmul("pmovzxbw", "pmullw", False),
    "i16x8.extmul_high_i8x16_u": _extmul("pmovzxbw", "pmullw", True),
    # --- i32x4 arithmetic ------------------------------------------------------------
    "i32x4.abs":       Recipe(1, "pabsd a, a"),
    "i32x4.neg":       _negate("d"),
    "i32x4.extend_low_i16x8_s":  _extend("pmovsxwd", False),
    "i32x4.extend_high_i16x8_s": _extend("pmovsxwd", True),
    "i32x4.extend_low_i16x8_u":  _extend("pmovzxwd", False),
    "i32x4.extend_high_i16x8_u": _extend("pmovzxwd", True),
    "i32x4.extadd_pairwise_i16x8_s": Recipe(1, "pmaddwd a, {0100 x8}"),
    "i32x4.extadd_pairwise_i16x8_u": Recipe(1, "pxor a, {0080 x8} ; pmaddwd a, {0100 x8} ; paddd a, {00000100 x4}"),
    "i32x4.add":       direct(forms.PADDD_XMM_XM128),
    "i32x4.sub":       direct(forms.PSUBD_XMM_XM128),
    "i32x4.mul":       direct(forms.PMULLD_XMM_XM128),
    "i32x4.min_s":     direct(forms.PMINSD_XMM_XM128),
    "i32x4.min_u":     direct(forms.PMINUD_XMM_XM128),
    "i32x4.max_s":     direct(forms.PMAXSD_XMM_XM128),
    "i32x4.max_u":     direct(forms.PMAXUD_XMM_XM128),
    "i32x4.dot_i16x8_s": direct(forms.PMADDWD_XMM_XM128),
    "i32x4.extmul_low_i16x8_s":  _extmul("pmovsxwd", "pmulld", False),
    "i32x4.extmul_high_i16x8_s": _extmul("pmovsxwd", "pmulld", True),
    "i32x4.extmul_low_i16x8_u":  _extmul("pmovzxwd", "pmulld", False),
    "i32x4.extmul_high_i16x8_u": _extmul("pmovzxwd", "pmulld", True),
    # --- i64x2 arithmetic ------------------------------------------------------------
    "i64x2.abs":       Recipe(1, "pxor t, t ; pcmpgtq t, a ; pxor a, t ; psubq a, t"),
    "i64x2.neg":       _negate("q"),
    "i64x2.extend_low_i32x4_s":  _extend("pmovsxdq", False),
    "i64x2.extend_high_i32x4_s": _extend("pmovsxdq", True),
    "i64x2.extend_low_i32x4_u":  _extend("pmovzxdq", False),
    "i64x2.extend_high_i32x4_u": _extend("pmovzxdq", True),
    "i64x2.add":       direct(forms.PADDQ_XMM_XM128),
    "i64x2.sub":       direct(forms.PSUBQ_XMM_XM128),
    "i64x2.mul":       Recipe(2, "movdqa t, a ; psrlq t, 32 ; pmuludq t, b ; movdqa u, b ; psrlq u, 32 ; "
                                 "pmuludq u, a ; paddq t, u ; psllq t, 32 ; pmuludq a, b ; paddq a, t"),
    "i64x2.extmul_low_i32x4_s":  _extmul_64("pmuldq", 0x50),
    "i64x2.extmul_high_i32x4_s": _extmul_64("pmuldq", 0xFA),
    "i64x2.extmul_low_i32x4_u":  _extmul_64("pmuludq", 0x50),
    "i64x2.extmul_high_i32x4_u": _extmul_64("pmuludq", 0xFA),
    # --- f32x4 arithmetic ------------------------------------------------------------
    "f32x4.abs":     Recipe(1, "andps a, {FFFFFF7F x4}"),
    "f32x4.neg":     Recipe(1, "xorps a, {00000080 x4}"),
    "f32x4.sqrt":    Recipe(1, "sqrtps a, a"),
    "f32x4.ceil":    Recipe(1, "roundps a, a, 10"),
    "f32x4.floor":   Recipe(1, "roundps a, a, 9"),
    "f32x4.trunc":   Recipe(1, "roundps a, a, 11"),
    "f32x4.nearest": Recipe(1, "roundps a, a, 8"),
    "f32x4.add":     direct(forms.ADDPS_XMM_XM128),
    "f32x4.sub":     direct(forms.SUBPS_XMM_XM128),
    "f32x4.mul":     direct(forms.MULPS_XMM_XM128),
    "f32x4.div":     direct(forms.DIVPS_XMM_XM128),
    "f32x4.min":     _minimum("ps", "psrld a, 10"),
    "f32x4.max":     _maximum("ps", "psrld a, 10"),
    "f32x4.pmin":    _pseudo("minps"),
    "f32x4.pmax":    _pseudo("maxps"),
    # --- f64x2 arithmetic ------------------------------------------------------------
    "f64x2.abs":     Recipe(1, "andps a, {FFFFFFFFFFFFFF7F x2}"),
    "f64x2.neg":     Recipe(1, "xorps a, {0000000000000080 x2}"),
    "f64x2.sqrt":    Recipe(1, "sqrtpd a, a"),
    "f64x2.ceil":    Recipe(1, "roundpd a, a, 10"),
    "f64x2.floor":   Recipe(1, "roundpd a, a, 9"),
    "f64x2.trunc":   Recipe(1, "roundpd a, a, 11"),
    "f64x2.nearest": Recipe(1, "roundpd a, a, 8"),
    "f64x2.add":     direct(forms.ADDPD_XMM_XM128),
    "f64x2.sub":     direct(forms.SUBPD_XMM_XM128),
    "f64x2.mul":     direct(forms.MULPD_XMM_XM128),
    "f64x2.div":     direct(forms.DIVPD_XMM_XM128),
    "f64x2.min":     _minimum("pd", "psrlq a, 13"),
    "f64x2.max":     _maximum("pd", "psrlq a, 13"),
    "f64x2.pmin":    _pseudo("minpd"),
    "f64x2.pmax":    _pseudo("maxpd"),
    # --- conversions -----------------------------------------------------------------
    "f32x4.demote_f64x2_zero":     Recipe(1, "cvtpd2ps a, a"),
    "f64x2.promote_low_f32x4":     Recipe(1, "cvtps2pd a, a"),
    "f32x4.convert_i32x4_s":       Recipe(1, "cvtdq2ps a, a"),
    "f32x4.convert_i32x4_u":       Recipe(1, "pxor t, t ; pblendw t, a, 0x55 ; psubd a, t ; cvtdq2ps t, t ; "
                                             "psrld a, 1 ; cvtdq2ps a, a ; addps a, a ; addps a, t"),
    "f64x2.convert_low_i32x4_s":   Recipe(1, "cvtdq2pd a, a"),
    "f64x2.convert_low_i32x4_u":   Recipe(1, "unpcklps a, {00003043 x4} ; subpd a, {0000000000003043 x2}"),
    "i32x4.trunc_sat_f32x4_s":     Recipe(1, "movaps t, a ; cmpps t, t, 0 ; andps a, t ; pxor t, a ; "
                                             "cvttps2dq a, a ; pand t, a ; psrad t, 31 ; pxor a, t"),
    "i32x4.trunc_sat_f32x4_u":     Recipe(1, "pxor t, t ; maxps a, t ; pcmpeqd t, t ; psrld t, 1 ; cvtdq2ps t, t ; "
                                             "movaps u, a ; subps u, t ; cmpps t, u, 2 ; cvttps2dq u, u ; pxor u, t ; "
                                             "pxor t, t ; pmaxsd u, t ; cvttps2dq a, a ; paddd a, u"),
    "i32x4.trunc_sat_f64x2_s_zero": Recipe(1, "movaps t, a ; cmppd t, t, 0 ; andps t, {0000C0FFFFFFDF41 x2} ; "
                                              "minpd a, t ; cvttpd2dq a, a"),
    "i32x4.trunc_sat_f64x2_u_zero": Recipe(1, "pxor t, t ; maxpd a, t ; minpd a, {0000E0FFFFFFEF41 x2} ; "
                                              "roundpd a, a, 11 ; addpd a, {0000000000003043 x2} ; shufps a, t, 0x88"),
    # --- relaxed, those that are no operator of 2.0 ----------------------------------
    "f32x4.relaxed_madd":  _multiply_add("ps"),
    "f32x4.relaxed_nmadd": _multiply_add("ps", "{00000080 x4}"),
    "f64x2.relaxed_madd":  _multiply_add("pd"),
    "f64x2.relaxed_nmadd": _multiply_add("pd", "{0000000000000080 x2}"),
    "i16x8.relaxed_dot_i8x16_i7x16_s":     Recipe(2, _PAIRS_OF_BYTES),
    "i32x4.relaxed_dot_i8x16_i7x16_add_s": Recipe(3, f"{_PAIRS_OF_BYTES} ; pmaddwd a, {{0100 x8}} ; paddd a, c"),
}
VECTOR_LOWERINGS.update({relaxed: VECTOR_LOWERINGS[mnemonic] for relaxed, mnemonic in SAME.items()})

INTERNAL_LOWERINGS: Final[dict[int, Lowering]] = {
    CANONICAL_F32X4: _canonical("ps", "{0000C07F x4}"),
    CANONICAL_F64X2: _canonical("pd", "{000000000000F87F x2}"),
}
# fmt: on


def _fold_loads() -> None:
    """A load may become the memory operand of the arithmetic behind it."""
    load = VECTOR_LOWERINGS["v128.load"]
    assert isinstance(load, LoadFloat)
    for mnemonic, rule in VECTOR_LOWERINGS.items():
        if isinstance(rule, FloatBinary):
            load.used_by(BY_MNEMONIC[mnemonic].code, rule)


_fold_loads()


BY_CODE: Final[dict[int, Lowering]] = {
    **{BY_MNEMONIC[mnemonic].code: lowering for mnemonic, lowering in VECTOR_LOWERINGS.items()},
    **INTERNAL_LOWERINGS,
}
"""By operator code."""


def with_vectors(table: list[Lowering | None]) -> list[Lowering | None]:
    """A table of rules with these."""
    table = list(table)
    for code, lowering in BY_CODE.items():
        table[code] = lowering
    return table
