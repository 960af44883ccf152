"""Random programs of relaxed operators on vectors, nested in one another and in others, in the deterministic profile.

A result that may be a NaN is made the canonical one. Factors of `madd` are small whole numbers, so that rounding once
gives what rounding twice does: of these two engines choose differently. The second operand of `dot` has seven bits in
each lane, as its name says.
"""

from __future__ import annotations

import random
from typing import Final

from wasmer_runtime_core.wasm.operators.rows import OPERATORS

RELAXED: Final = tuple(
    (row.mnemonic, len(row.params)) for row in OPERATORS.values() if row.feature == "relaxed_simd" and row.params
)
OTHERS: Final = (
    *("v128.and", "v128.or", "v128.xor", "v128.andnot", "i8x16.add", "i16x8.sub", "i32x4.mul", "i64x2.add"),
    *("i8x16.add_sat_s", "i16x8.max_u", "i32x4.min_s", "i8x16.avgr_u", "i32x4.gt_s", "i64x2.eq", "f32x4.lt"),
    *("i16x8.narrow_i32x4_s", "f64x2.le", "i8x16.swizzle"),
)
FLOATS: Final = ("f32x4.add", "f32x4.mul", "f64x2.sub", "f64x2.div", "f32x4.min", "f64x2.max")
UNARY: Final = ("v128.not", "i8x16.popcnt", "f32x4.convert_i32x4_s", "f64x2.convert_low_i32x4_u", "i16x8.abs")
EDGES: Final = (
    *("i32x4 0 0x80000000 0x7fffffff -1", "f32x4 inf -inf 0x1p-149 -0", "f32x4 2147483648 -2147483904 4294967296 0.5"),
    *("f64x2 2147483647.5 -2147483649", "f64x2 4294967295.5 -1", "i16x8 0x8000 0x8000 0x7fff 1 0x8001 0xffff 0 256"),
    *("i8x16 0 1 15 16 17 31 32 112 127 128 143 144 240 255 7 8", "f32x4 1.0000002 -0.99999994 3e38 nan"),
)
NAN: Final = {"f32x4": "f32x4 nan nan nan nan", "f64x2": "f64x2 nan nan"}
LOCALS: Final = 5


class Vectors:
    """One program; `text` is the module, whose function ``f`` takes an i32 and two i64s and gives an i64."""

    def __init__(self, seed: int, size: int = 5) -> None:
        """`size` is how deep expressions nest."""
        self.draw = random.Random(f"vectors {seed}")
        statements = [f"(local.set {self.draw.randrange(3, 3 + LOCALS)} {self.value(size)})" for _ in range(6)]
        folded = "(i64.const 7)"
        for at in range(3, 3 + LOCALS):
            both = " ".join(f"(i64x2.extract_lane {lane} (local.get {at}))" for lane in (0, 1))
            folded = f"(i64.xor (i64.rotl {folded} (i64.const 9)) (i64.add {both}))"
        locals_ = "v128 " * LOCALS
        body = "\n".join(statements)
        # twice, so that operators get what others have made; what a loop carries is in locals
        rounds = 3 + LOCALS
        again = f"(br_if $l (local.tee {rounds} (i32.sub (local.get {rounds}) (i32.const 1))))"
        self.text = (
            f'(module (func (export "f") (param i32 i64 i64) (result i64) (local {locals_}i32 v128) '
            f"(local.set {rounds} (i32.const 2)) (loop $l {body} {again}) {folded}))"
        )

    def leaf(self) -> str:
        kind = self.draw.randrange(5)
        if kind == 0:
            return f"(v128.const {self.draw.choice(EDGES)})"
        if kind == 1:
            return f"(i64x2.splat (local.get {self.draw.choice((1, 2))}))"
        if kind == 2:
            return f"({self.draw.choice(('i8x16', 'i16x8', 'i32x4'))}.splat (local.get 0))"
        return f"(local.get {self.draw.randrange(3, 3 + LOCALS)})"

    def value(self, deep: int) -> str:
        draw = self.draw
        if deep <= 0:
            return self.leaf()
        kind = draw.randrange(10)
        if kind < 6:
            return self.relaxed(*draw.choice(RELAXED), deep - 1)
        if kind == 6:
            return f"({draw.choice(UNARY)} {self.value(deep - 1)})"
        if kind == 7:
            return self.canonical(draw.choice(FLOATS), f"{self.value(deep - 1)} {self.value(deep - 1)}")
        if kind == 8:
            condition = "(i32.and (local.get 0) (i32.const 1))"
            return f"(if (result v128) {condition} (then {self.value(deep - 2)}) (else {self.value(deep - 2)}))"
        return f"({draw.choice(OTHERS)} {self.value(deep - 1)} {self.value(deep - 1)})"

    def relaxed(self, mnemonic: str, operands: int, deep: int) -> str:
        given = [self.value(deep) for _ in range(operands)]
        shape = mnemonic.partition(".")[0]
        if "madd" in mnemonic:
            given = [self.small(shape, one) for one in given]
        elif "dot" in mnemonic:
            given[1] = f"(v128.and {given[1]} (v128.const i64x2 0x7f7f7f7f7f7f7f7f 0x7f7f7f7f7f7f7f7f))"
        elif "laneselect" in mnemonic:  # each lane of a mask is whole
            given[2] = f"({shape}.{'gt_s' if shape != 'f32x4' else 'gt'} {given[2]} {self.leaf()})"
        text = " ".join(given)
        return self.canonical(mnemonic, text) if shape in NAN else f"({mnemonic} {text})"

    def small(self, shape: str, of: str) -> str:
        """Whole numbers up to 2047."""
        integers = f"(v128.and {of} (v128.const i32x4 0x7ff 0x7ff 0x7ff 0x7ff))"
        return f"(f32x4.convert_i32x4_s {integers})" if shape == "f32x4" else f"(f64x2.convert_low_i32x4_s {integers})"

    def canonical(self, mnemonic: str, operands: str) -> str:
        """An operator on floats; its NaNs become the one. Nothing else reads the local that it waits in."""
        shape = mnemonic.partition(".")[0]
        if shape not in NAN:
            return f"({mnemonic} {operands})"
        kept = 4 + LOCALS
        value = f"(local.tee {kept} ({mnemonic} {operands}))"
        same = f"({shape}.eq (local.get {kept}) (local.get {kept}))"
        return f"(v128.bitselect {value} (v128.const {NAN[shape]}) {same})"
