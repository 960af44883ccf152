"""Operators on vectors, as instructions of CLIF.

A v128 is an i8x16 wherever it goes: in locals, on the stack, between functions. An operator takes its operands as the
lanes it is about, and what it gives is bytes again; these changes of type are no instructions of the machine.
"""

from __future__ import annotations

from itertools import pairwise

from librt.strings import read_i32_le

from wasmer_clif_backend.ir import opcodes as op
from wasmer_clif_backend.ir.opcodes import BY_NAME as CLIF
from wasmer_clif_backend.ir.opcodes import FLOAT_CONDITIONS, LITTLE
from wasmer_clif_backend.ir.types import (
    F32X4,
    F64X2,
    I8,
    I8X16,
    I16,
    I16X8,
    I32,
    I32X4,
    I64X2,
    LANE,
    TYPES_BY_NAME,
    truth_of,
)
from wasmer_clif_backend.translate.body import State
from wasmer_clif_backend.translate.memory import Memory
from wasmer_clif_backend.translate.operators import code_of
from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.wasm.operators.relaxed import SAME
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC

_INTEGERS: Final = ("i8x16", "i16x8", "i32x4", "i64x2")
_FLOATS: Final = ("f32x4", "f64x2")


def _each(prefixes: tuple[str, ...], text: str) -> dict[int, tuple[int, int]]:
    """Rows ``operator instruction``, for all of these lanes that there are."""
    found = {}
    for line in text.strip().splitlines():
        name, row = line.split()
        for prefix in prefixes:
            if f"{prefix}.{name}" in BY_MNEMONIC:
                found[code_of(f"{prefix}.{name}")] = (CLIF[row].number, int(TYPES_BY_NAME[prefix]))
    return found


# By operator's code: instruction, and the type that it takes its operands as.
_BINARY: Final = {
    **_each(
        _INTEGERS,
        """
        add iadd
        sub isub
        mul imul
        min_s smin
        min_u umin
        max_s smax
        max_u umax
        avgr_u avg_round
        add_sat_s sadd_sat
        add_sat_u uadd_sat
        sub_sat_s ssub_sat
        sub_sat_u usub_sat
        q15mulr_sat_s sqmul_round_sat
        swizzle swizzle
        """,
    ),
    **_each(
        _FLOATS,
        """
        add fadd
        sub fsub
        mul fmul
        div fdiv
        min fmin
        max fmax
        """,
    ),
    code_of("v128.and"): (op.BAND, I8X16),
    code_of("v128.or"): (op.BOR, I8X16),
    code_of("v128.xor"): (op.BXOR, I8X16),
    code_of("v128.andnot"): (op.BAND_NOT, I8X16),
    code_of("i8x16.narrow_i16x8_s"): (op.SNARROW, I16X8),
    code_of("i8x16.narrow_i16x8_u"): (op.UNARROW, I16X8),
    code_of("i16x8.narrow_i32x4_s"): (op.SNARROW, I32X4),
    code_of("i16x8.narrow_i32x4_u"): (op.UNARROW, I32X4),
}
_UNARY: Final = {
    **_each(
        _INTEGERS,
        """
        abs iabs
        neg ineg
        popcnt popcnt
        """,
    ),
    **_each(
        _FLOATS,
        """
        abs fabs
        neg fneg
        sqrt sqrt
        ceil ceil
        floor floor
        trunc trunc
        nearest nearest
        """,
    ),
    code_of("v128.not"): (op.BNOT, I8X16),
}
# By operator's code: instruction, the type of the operand, that of the result.
_CONVERSIONS: Final = {
    code_of("i32x4.trunc_sat_f32x4_s"): (op.FCVT_TO_SINT_SAT, F32X4, I32X4),
    code_of("i32x4.trunc_sat_f32x4_u"): (op.FCVT_TO_UINT_SAT, F32X4, I32X4),
    code_of("f32x4.convert_i32x4_s"): (op.FCVT_FROM_SINT, I32X4, F32X4),
    code_of("f32x4.convert_i32x4_u"): (op.FCVT_FROM_UINT, I32X4, F32X4),
    code_of("f32x4.demote_f64x2_zero"): (op.FVDEMOTE, F64X2, F32X4),
    code_of("f64x2.promote_low_f32x4"): (op.FVPROMOTE_LOW, F32X4, F64X2),
    **{
        code_of(f"{wide}.extend_{half}_{narrow}_{sign}"): (
            CLIF[f"{sign}widen_{half}"].number,
            int(TYPES_BY_NAME[narrow]),
            int(TYPES_BY_NAME[wide]),
        )
        for narrow, wide in pairwise(_INTEGERS)
        for half in ("low", "high")
        for sign in "su"
    },
}
_CONDITIONS: Final = ("eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u")
# By operator's code: icmp or fcmp, the number of the condition, the type.
_COMPARISONS: Final = {
    **{
        code_of(f"{prefix}.{name}"): (op.ICMP, number, int(TYPES_BY_NAME[prefix]))
        for prefix in _INTEGERS
        for number, name in enumerate(_CONDITIONS)
        if f"{prefix}.{name}" in BY_MNEMONIC
    },
    **{
        code_of(f"{prefix}.{name}"): (op.FCMP, FLOAT_CONDITIONS.index(name), int(TYPES_BY_NAME[prefix]))
        for prefix in _FLOATS
        for name in ("eq", "ne", "lt", "gt", "le", "ge")
    },
}
_SHIFTS: Final = _each(_INTEGERS, "shl ishl\nshr_s sshr\nshr_u ushr")
_SPLATS: Final = {code_of(f"{prefix}.splat"): int(TYPES_BY_NAME[prefix]) for prefix in _INTEGERS + _FLOATS}
_ALL_TRUE: Final = {code_of(f"{prefix}.all_true"): int(TYPES_BY_NAME[prefix]) for prefix in _INTEGERS}
_BITMASK: Final = {code_of(f"{prefix}.bitmask"): int(TYPES_BY_NAME[prefix]) for prefix in _INTEGERS}
# By operator's code: the type, and how a narrow lane is extended.
_EXTRACTS: Final = {
    **{code_of(f"{prefix}.extract_lane_s"): (int(TYPES_BY_NAME[prefix]), op.SEXTEND) for prefix in _INTEGERS[:2]},
    **{code_of(f"{prefix}.extract_lane_u"): (int(TYPES_BY_NAME[prefix]), op.UEXTEND) for prefix in _INTEGERS[:2]},
    **{code_of(f"{prefix}.extract_lane"): (int(TYPES_BY_NAME[prefix]), 0) for prefix in _INTEGERS[2:] + _FLOATS},
}
_REPLACES: Final = {code_of(f"{prefix}.replace_lane"): int(TYPES_BY_NAME[prefix]) for prefix in _INTEGERS + _FLOATS}
# By operator's code: the wider type, the narrower one, how it is widened: both operands of a product, or one.
_PRODUCTS: Final = {
    code_of(f"{wide}.extmul_{half}_{narrow}_{sign}"): (
        int(TYPES_BY_NAME[wide]),
        int(TYPES_BY_NAME[narrow]),
        CLIF[f"{sign}widen_{half}"].number,
    )
    for narrow, wide in pairwise(_INTEGERS)
    for half in ("low", "high")
    for sign in "su"
}
_PAIR_SUMS: Final = {
    code_of(f"{wide}.extadd_pairwise_{narrow}_{sign}"): (
        int(TYPES_BY_NAME[wide]),
        int(TYPES_BY_NAME[narrow]),
        *(CLIF[f"{sign}widen_{half}"].number for half in ("low", "high")),
    )
    for narrow, wide in (("i8x16", "i16x8"), ("i16x8", "i32x4"))
    for sign in "su"
}
# By operator's code: instruction, type of its result, bytes.
_LOADS: Final = {
    code_of("v128.load"): (op.LOAD, I8X16, 16),
    **{
        code_of(f"v128.load{bits}x{count}_{sign}"): (CLIF[f"{sign}load{bits}x{count}"].number, type, 8)
        for bits, count, type in ((8, 8, I16X8), (16, 4, I32X4), (32, 2, I64X2))
        for sign in "su"
    },
}
_BY_BITS: Final = {8: I8X16, 16: I16X8, 32: I32X4, 64: I64X2}
_LOAD_SPLATS: Final = {code_of(f"v128.load{bits}_splat"): bits for bits in _BY_BITS}
_LOAD_ZEROS: Final = {code_of(f"v128.load{bits}_zero"): bits for bits in (32, 64)}
_LOAD_LANES: Final = {code_of(f"v128.load{bits}_lane"): bits for bits in _BY_BITS}
_STORE_LANES: Final = {code_of(f"v128.store{bits}_lane"): bits for bits in _BY_BITS}

_STORE: Final = code_of("v128.store")
_CONST: Final = code_of("v128.const")
_SHUFFLE: Final = code_of("i8x16.shuffle")
_BITSELECT: Final = code_of("v128.bitselect")
_ANY_TRUE: Final = code_of("v128.any_true")
_DOT: Final = code_of("i32x4.dot_i16x8_s")
_SAME: Final = {code_of(relaxed): code_of(mnemonic) for relaxed, mnemonic in SAME.items()}
_DOT_OF_BYTES: Final = code_of("i16x8.relaxed_dot_i8x16_i7x16_s")
_DOT_OF_BYTES_ADD: Final = code_of("i32x4.relaxed_dot_i8x16_i7x16_add_s")
# By operator's code: the type, and whether the product is negated.
_MULTIPLY_ADDS: Final = {
    code_of(f"{prefix}.relaxed_{name}"): (int(TYPES_BY_NAME[prefix]), name == "nmadd")
    for prefix in _FLOATS
    for name in ("madd", "nmadd")
}
_PMINS: Final = {code_of(f"{prefix}.pmin"): (True, int(TYPES_BY_NAME[prefix])) for prefix in _FLOATS}
_PMAXS: Final = {code_of(f"{prefix}.pmax"): (False, int(TYPES_BY_NAME[prefix])) for prefix in _FLOATS}
_PSEUDO: Final = {**_PMINS, **_PMAXS}
_TRUNC_ZERO: Final = {
    code_of("i32x4.trunc_sat_f64x2_s_zero"): (op.FCVT_TO_SINT_SAT, op.SNARROW),
    code_of("i32x4.trunc_sat_f64x2_u_zero"): (op.FCVT_TO_UINT_SAT, op.UUNARROW),
}
_CONVERT_LOW: Final = {
    code_of("f64x2.convert_low_i32x4_s"): op.SWIDEN_LOW,
    code_of("f64x2.convert_low_i32x4_u"): op.UWIDEN_LOW,
}
_LESS: Final = FLOAT_CONDITIONS.index("lt")


class VectorTranslator:
    """Translates operators on vectors."""

    def __init__(self, state: State, memory: Memory) -> None:
        self.state: Final = state
        self.memory: Final = memory

    def take(self, type: int) -> int:
        """The topmost operand, as lanes of a type."""
        return self.lanes(int(self.state.pop()), type)

    def lanes(self, v: int, type: int) -> int:
        """A vector as lanes of a type."""
        state = self.state
        return v if state.type_of(v) == type else int(state.make(op.BITCAST, type, v, extra=LITTLE))

    def give(self, v: int) -> None:
        """A vector, as bytes, becomes the topmost operand."""
        self.state.push(self.lanes(v, I8X16))

    def truth(self, v: int) -> None:
        """An i8 as an i32 becomes the topmost operand."""
        self.state.push(self.state.make(op.UEXTEND, I32, v))

    def scalar(self, type: int) -> int:
        """The topmost operand as a lane of a vector type: an i32 is cut down."""
        state = self.state
        v = state.pop()
        lane = type & LANE
        return int(state.make(op.IREDUCE, lane, v)) if lane in (I8, I16) else int(v)

    def operator(self, code: int, word: int, a: int, b: int) -> bool:
        """One operator, if it is one on vectors."""
        state = self.state
        code = _SAME.get(code, code)
        if code in _BINARY:
            opcode, type = _BINARY[code]
            y = self.take(type)
            x = self.take(type)
            narrowed = opcode in (op.SNARROW, op.UNARROW)
            self.give(state.make(opcode, type - 1 if narrowed else type, x, y))
        elif code in _UNARY:
            opcode, type = _UNARY[code]
            self.give(state.make(opcode, type, self.take(type)))
        elif code in _CONVERSIONS:
            opcode, from_type, type = _CONVERSIONS[code]
            self.give(state.make(opcode, type, self.take(from_type)))
        elif code in _COMPARISONS:
            opcode, number, type = _COMPARISONS[code]
            y = self.take(type)
            x = self.take(type)
            self.give(state.make(opcode, int(truth_of(type)), x, y, immediate=number))
        elif code in _SHIFTS:
            opcode, type = _SHIFTS[code]
            by = state.pop()
            self.give(state.make(opcode, type, self.take(type), by))
        else:
            return self.lane_operator(code, word, a, b) or self.other(code, word, a, b)
        return True

    def lane_operator(self, code: int, word: int, a: int, b: int) -> bool:
        """Operators about single lanes, or all of them alike."""
        state = self.state
        lane = (word >> 24) & 0xFF
        if code in _SPLATS:
            type = _SPLATS[code]
            self.give(state.make(op.SPLAT, type, self.scalar(type)))
        elif code in _EXTRACTS:
            type, extend = _EXTRACTS[code]
            v = state.make(op.EXTRACTLANE, type & LANE, self.take(type), immediate=lane)
            state.push(state.make(extend, I32, v) if extend else v)
        elif code in _REPLACES:
            type = _REPLACES[code]
            y = self.scalar(type)
            self.give(state.make(op.INSERTLANE, type, self.take(type), y, immediate=lane))
        elif code in _ALL_TRUE:
            self.truth(state.make(op.VALL_TRUE, I8, self.take(_ALL_TRUE[code])))
        elif code == _ANY_TRUE:
            self.truth(state.make(op.VANY_TRUE, I8, self.take(I8X16)))
        elif code in _BITMASK:
            state.push(state.make(op.VHIGH_BITS, I32, self.take(_BITMASK[code])))
        elif code == _SHUFFLE:
            y = self.take(I8X16)
            x = self.take(I8X16)
            self.give(state.make(op.SHUFFLE, I8X16, x, y, immediate=self.constant(a)))
        elif code == _CONST:
            self.give(state.make(op.VCONST, I8X16, immediate=self.constant(a)))
        else:
            return self.access(code, lane, a, b)
        return True

    def constant(self, at: int) -> int:
        """The number of sixteen bytes of the body's pool among the function's constants."""
        pool = self.state.body_pool
        words = [int(read_i32_le(pool, 4 * (at + n))) & 0xFFFF_FFFF for n in range(4)]
        return int(self.state.function.constant(b"".join(word.to_bytes(4, "little") for word in words)))

    def access(self, code: int, lane: int, a: int, b: int) -> bool:
        """Loads and stores."""
        state = self.state
        if code in _LOADS:
            opcode, type, size = _LOADS[code]
            at = self.memory.address(state.pop(), a, b, size)
            self.give(state.make(opcode, type, at, immediate=self.memory.offset, extra=self.memory.flags))
        elif code == _STORE:
            value = self.take(I8X16)
            at = self.memory.address(state.pop(), a, b, 16)
            state.make(op.STORE, 0, value, at, immediate=self.memory.offset, extra=self.memory.flags)
        elif code in _LOAD_SPLATS:
            bits = _LOAD_SPLATS[code]
            at = self.memory.address(state.pop(), a, b, bits // 8)
            type = _BY_BITS[bits]
            self.give(
                state.make(
                    op.SPLAT,
                    type,
                    state.make(op.LOAD, type & LANE, at, immediate=self.memory.offset, extra=self.memory.flags),
                )
            )
        elif code in _LOAD_ZEROS:
            bits = _LOAD_ZEROS[code]
            at = self.memory.address(state.pop(), a, b, bits // 8)
            type = _BY_BITS[bits]
            self.give(
                state.make(
                    op.SCALAR_TO_VECTOR,
                    type,
                    state.make(op.LOAD, type & LANE, at, immediate=self.memory.offset, extra=self.memory.flags),
                )
            )
        elif code in _LOAD_LANES:
            bits = _LOAD_LANES[code]
            type = _BY_BITS[bits]
            x = self.take(type)
            at = self.memory.address(state.pop(), a, b, bits // 8)
            y = state.make(op.LOAD, type & LANE, at, immediate=self.memory.offset, extra=self.memory.flags)
            self.give(state.make(op.INSERTLANE, type, x, y, immediate=lane))
        elif code in _STORE_LANES:
            bits = _STORE_LANES[code]
            type = _BY_BITS[bits]
            x = self.take(type)
            at = self.memory.address(state.pop(), a, b, bits // 8)
            y = state.make(op.EXTRACTLANE, type & LANE, x, immediate=lane)
            state.make(op.STORE, 0, y, at, immediate=self.memory.offset, extra=self.memory.flags)
        else:
            return False
        return True

    def other(self, code: int, word: int, a: int, b: int) -> bool:
        """What is made of several instructions."""
        state = self.state
        if code == _BITSELECT:
            c = self.take(I8X16)
            y = self.take(I8X16)
            x = self.take(I8X16)
            self.give(state.make(op.BITSELECT, I8X16, c, x, y))
        elif code in _MULTIPLY_ADDS:
            type, negated = _MULTIPLY_ADDS[code]
            z = self.take(type)
            y = self.take(type)
            x = self.take(type)
            if negated:
                x = int(state.make(op.FNEG, type, x))
            self.give(state.make(op.FADD, type, state.make(op.FMUL, type, x, y), z))
        elif code == _DOT_OF_BYTES:
            self.give(self.dot_of_bytes())
        elif code == _DOT_OF_BYTES_ADD:
            z = self.take(I32X4)
            dot = self.dot_of_bytes()
            low, high = (state.make(widen, I32X4, dot) for widen in (op.SWIDEN_LOW, op.SWIDEN_HIGH))
            self.give(state.make(op.IADD, I32X4, state.make(op.IADD_PAIRWISE, I32X4, low, high), z))
        elif code in _PRODUCTS:
            wide, narrow, widen = _PRODUCTS[code]
            y = state.make(widen, wide, self.take(narrow))
            x = state.make(widen, wide, self.take(narrow))
            self.give(state.make(op.IMUL, wide, x, y))
        elif code in _PAIR_SUMS:
            wide, narrow, low, high = _PAIR_SUMS[code]
            x = self.take(narrow)
            self.give(state.make(op.IADD_PAIRWISE, wide, state.make(low, wide, x), state.make(high, wide, x)))
        elif code == _DOT:
            y = self.take(I16X8)
            x = self.take(I16X8)
            low, high = (
                state.make(op.IMUL, I32X4, state.make(widen, I32X4, x), state.make(widen, I32X4, y))
                for widen in (op.SWIDEN_LOW, op.SWIDEN_HIGH)
            )
            self.give(state.make(op.IADD_PAIRWISE, I32X4, low, high))
        elif code in _PSEUDO:
            # The second operand where it is less (greater) than the first one.
            least, type = _PSEUDO[code]
            y = self.take(type)
            x = self.take(type)
            first, second = (y, x) if least else (x, y)
            mask = state.make(op.FCMP, int(truth_of(type)), first, second, immediate=_LESS)
            chosen = state.make(
                op.BITSELECT, I8X16, self.lanes(mask, I8X16), self.lanes(y, I8X16), self.lanes(x, I8X16)
            )
            self.give(chosen)
        elif code in _TRUNC_ZERO:
            convert, narrow_row = _TRUNC_ZERO[code]
            whole = state.make(convert, I64X2, self.take(F64X2))
            zero = self.lanes(state.zero(I8X16), I64X2)
            self.give(state.make(narrow_row, I32X4, whole, zero))
        elif code in _CONVERT_LOW:
            whole = state.make(_CONVERT_LOW[code], I64X2, self.take(I32X4))
            self.give(state.make(op.FCVT_FROM_SINT, F64X2, whole))
        else:
            return False
        return True

    def dot_of_bytes(self) -> int:
        """Of the two topmost operands: products of bytes as signed ones, those of a pair added and saturated."""
        state = self.state
        y = self.take(I16X8)
        x = self.take(I16X8)
        by = int(state.values.integer(8, I32))
        even = state.make(op.IMUL, I16X8, self.even_bytes(x, by), self.even_bytes(y, by))
        odd = state.make(op.IMUL, I16X8, state.make(op.SSHR, I16X8, x, by), state.make(op.SSHR, I16X8, y, by))
        return int(state.make(op.SADD_SAT, I16X8, even, odd))

    def even_bytes(self, v: int, by: int) -> int:
        """The lower byte of each word, sign-extended."""
        state = self.state
        return int(state.make(op.SSHR, I16X8, state.make(op.ISHL, I16X8, v, by), by))
