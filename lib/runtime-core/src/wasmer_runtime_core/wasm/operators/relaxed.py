"""The relaxed operators on vectors, and what they compute here (WebAssembly 3.0, sections 4.3.2 and 4.3.3).

The specification lets a processor choose among a few results where they differ between processors. Here there is no
choice: each operator gives what the *deterministic profile* fixes, the first of every list. So results are the same on
all backends and processors, and most relaxed operators are operators of 2.0 by another name (`SAME`). The others:

====================================  ====================================================================
``relaxed_madd`` a b c                ``a * b + c``, rounded after the product and after the sum
``relaxed_nmadd`` a b c               ``-a * b + c``, likewise
``relaxed_dot_i8x16_i7x16_s`` a b     lanes of both as signed, the products of each pair added and saturated
``relaxed_dot_i8x16_i7x16_add_s``     the same, then the sums of each pair added to the lanes of c, wrapping
====================================  ====================================================================
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final

SAME: Final = {
    "i8x16.relaxed_swizzle": "i8x16.swizzle",
    "i32x4.relaxed_trunc_f32x4_s": "i32x4.trunc_sat_f32x4_s",
    "i32x4.relaxed_trunc_f32x4_u": "i32x4.trunc_sat_f32x4_u",
    "i32x4.relaxed_trunc_f64x2_s_zero": "i32x4.trunc_sat_f64x2_s_zero",
    "i32x4.relaxed_trunc_f64x2_u_zero": "i32x4.trunc_sat_f64x2_u_zero",
    "i8x16.relaxed_laneselect": "v128.bitselect",
    "i16x8.relaxed_laneselect": "v128.bitselect",
    "i32x4.relaxed_laneselect": "v128.bitselect",
    "i64x2.relaxed_laneselect": "v128.bitselect",
    "f32x4.relaxed_min": "f32x4.min",
    "f32x4.relaxed_max": "f32x4.max",
    "f64x2.relaxed_min": "f64x2.min",
    "f64x2.relaxed_max": "f64x2.max",
    "i16x8.relaxed_q15mulr_s": "i16x8.q15mulr_sat_s",
}
"""Mnemonic of a relaxed operator -> of the operator that it is."""
