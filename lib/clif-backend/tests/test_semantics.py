"""What instructions compute, against what their rows say, for every type and for numbers at the edges.

Each is compiled once for every type, with both operands as parameters, and again with the second one a constant,
and called with many numbers. Vectors are compared lane by lane with the same definitions.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import pytest

from wasmer_clif_backend.ir.opcodes import BY_NAME, INTEGER_CONDITIONS
from wasmer_clif_backend.ir.parser import parse_file
from wasmer_clif_backend.ir.types import TYPES_BY_NAME, bytes_of, lane_of, type_name
from wasmer_clif_backend.text_module import TextModule

INTEGERS = ("i8", "i16", "i32", "i64")
VECTORS = ("i8x16", "i16x8", "i32x4", "i64x2")


def signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def clamp(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))


def towards_zero(x: int, y: int) -> int:
    return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)


def both_signed(compute: Callable[[int, int], int]) -> Callable[[int, int, int], int]:
    return lambda x, y, bits: compute(signed(x, bits), signed(y, bits))


def reversed_bits(x: int, bits: int) -> int:
    return int(f"{x:0{bits}b}"[::-1], 2)


def rotated(x: int, y: int, bits: int) -> int:
    return x << y % bits | x >> (bits - y % bits) % bits if y % bits else x


# Of unsigned operands and the number of bits; the result is taken modulo 2 to the power of these.
BINARY: dict[str, Callable[[int, int, int], int]] = {
    "iadd": lambda x, y, bits: x + y,
    "isub": lambda x, y, bits: x - y,
    "imul": lambda x, y, bits: x * y,
    "band": lambda x, y, bits: x & y,
    "bor": lambda x, y, bits: x | y,
    "bxor": lambda x, y, bits: x ^ y,
    "band_not": lambda x, y, bits: x & ~y,
    "bor_not": lambda x, y, bits: x | ~y,
    "bxor_not": lambda x, y, bits: ~(x ^ y),
    "umin": lambda x, y, bits: min(x, y),
    "umax": lambda x, y, bits: max(x, y),
    "smin": both_signed(min),
    "smax": both_signed(max),
}
SCALAR: dict[str, Callable[[int, int, int], int]] = {
    "umulhi": lambda x, y, bits: x * y >> bits,
    "smulhi": lambda x, y, bits: signed(x, bits) * signed(y, bits) >> bits,
    "rotl": rotated,
    "rotr": lambda x, y, bits: rotated(x, -y % bits, bits),
    "ishl": lambda x, y, bits: x << y % bits,
    "ushr": lambda x, y, bits: x >> y % bits,
    "sshr": lambda x, y, bits: signed(x, bits) >> y % bits,
}
DIVISION: dict[str, Callable[[int, int, int], int]] = {
    "udiv": lambda x, y, bits: x // y,
    "urem": lambda x, y, bits: x % y,
    "sdiv": both_signed(towards_zero),
    "srem": both_signed(lambda x, y: x - towards_zero(x, y) * y),
}
LANES: dict[str, Callable[[int, int, int], int]] = {
    "avg_round": lambda x, y, bits: (x + y + 1) >> 1,
    "uadd_sat": lambda x, y, bits: clamp(x + y, 0, (1 << bits) - 1),
    "usub_sat": lambda x, y, bits: clamp(x - y, 0, (1 << bits) - 1),
    "sadd_sat": lambda x, y, bits: clamp(signed(x, bits) + signed(y, bits), -(1 << (bits - 1)), (1 << (bits - 1)) - 1),
    "ssub_sat": lambda x, y, bits: clamp(signed(x, bits) - signed(y, bits), -(1 << (bits - 1)), (1 << (bits - 1)) - 1),
}
UNARY: dict[str, Callable[[int, int], int]] = {
    "ineg": lambda x, bits: -x,
    "iabs": lambda x, bits: abs(signed(x, bits)),
    "bnot": lambda x, bits: ~x,
}
SCALAR_UNARY: dict[str, Callable[[int, int], int]] = {
    "bitrev": reversed_bits,
    "bswap": lambda x, bits: int.from_bytes(x.to_bytes(bits // 8, "little"), "big"),
    "clz": lambda x, bits: bits - x.bit_length(),
    "ctz": lambda x, bits: (x & -x).bit_length() - 1 if x else bits,
    "cls": lambda x, bits: bits - 1 - (x if not x >> (bits - 1) else ~x & ((1 << bits) - 1)).bit_length(),
    "popcnt": lambda x, bits: x.bit_count(),
}
CONDITIONS: dict[str, Callable[[int, int], bool]] = {
    "eq": lambda x, y: x == y,
    "ne": lambda x, y: x != y,
    "lt": lambda x, y: x < y,
    "gt": lambda x, y: x > y,
    "le": lambda x, y: x <= y,
    "ge": lambda x, y: x >= y,
}
OVERFLOWS: dict[str, Callable[[int, int, int], int]] = {
    "add_overflow": lambda x, y, carry: x + y,
    "sub_overflow": lambda x, y, carry: x - y,
    "mul_overflow": lambda x, y, carry: x * y,
    "add_overflow_cin": lambda x, y, carry: x + y + carry,
    "sub_overflow_bin": lambda x, y, carry: x - y - carry,
}


def numbers(bits: int, seed: str) -> list[int]:
    """At the edges, and others."""
    top = 1 << bits
    edges = [0, 1, 2, 7, top - 1, top - 2, top // 2, top // 2 - 1, top // 2 + 1, 0x55 % top]
    source = random.Random(seed)
    return edges + [source.randrange(top) for _ in range(6)]


def pairs(bits: int, seed: str) -> list[tuple[int, int]]:
    some = numbers(bits, seed)
    return [(x, y) for x in some for y in some]


def compiled(text: str) -> TextModule:
    return TextModule([one.function for one in parse_file(text).functions], prove=True)


def call(module: TextModule, name: str, *given: tuple[int, int]) -> list[int]:
    """Call with numbers of so many bytes; the numbers that come back."""
    return [
        int.from_bytes(one, "little") for one in module.call(name, [x.to_bytes(size, "little") for x, size in given])
    ]


@pytest.mark.parametrize("type", INTEGERS)
@pytest.mark.parametrize("name", [*BINARY, *SCALAR, *DIVISION])
def test_binary(name: str, type: str) -> None:
    bits = int(type[1:])
    size = bits // 8
    compute = {**BINARY, **SCALAR, **DIVISION}[name]
    some = numbers(bits, name)
    lines = [f"function %f({type}, {type}) -> {type} {{\nblock0(v0: {type}, v1: {type}):\n"]
    lines.append(f"    v2 = {name} v0, v1\n    return v2\n}}\n")
    for number, y in enumerate(some):
        lines.append(f"function %c{number}({type}) -> {type} {{\nblock0(v0: {type}):\n    v1 = iconst.{type} {y}\n")
        lines.append(f"    v2 = {name} v0, v1\n    return v2\n}}\n")
    module = compiled("".join(lines))
    for x in some:
        for number, y in enumerate(some):
            if name in DIVISION and (y == 0 or (name == "sdiv" and y == (1 << bits) - 1 and x == 1 << (bits - 1))):
                continue
            expected = compute(x, y, bits) % (1 << bits)
            assert call(module, "%f", (x, size), (y, size)) == [expected], (x, y)
            assert call(module, f"%c{number}", (x, size)) == [expected], (x, y)


@pytest.mark.parametrize("type", INTEGERS)
@pytest.mark.parametrize("name", [*UNARY, *SCALAR_UNARY])
def test_unary(name: str, type: str) -> None:
    if TYPES_BY_NAME[type] not in BY_NAME[name].types:
        pytest.skip(f"{name} is not for {type}")
    bits = int(type[1:])
    module = compiled(f"function %f({type}) -> {type} {{\nblock0(v0: {type}):\n    v1 = {name} v0\n    return v1\n}}")
    compute = {**UNARY, **SCALAR_UNARY}[name]
    for x in numbers(bits, name):
        assert call(module, "%f", (x, bits // 8)) == [compute(x, bits) % (1 << bits)], x


@pytest.mark.parametrize("type", INTEGERS)
@pytest.mark.parametrize("cond", INTEGER_CONDITIONS)
def test_comparison(cond: str, type: str) -> None:
    """As a number, extended, in a branch, in a choice; with a constant on either side."""
    bits = int(type[1:])
    size = bits // 8
    compute = CONDITIONS[cond if cond in CONDITIONS else cond[1:]]
    module = compiled(f"""
function %number({type}, {type}) -> i8 {{
block0(v0: {type}, v1: {type}):
    v2 = icmp {cond} v0, v1
    return v2
}}
function %extended({type}, {type}) -> i64 {{
block0(v0: {type}, v1: {type}):
    v2 = icmp {cond} v0, v1
    v3 = uextend.i64 v2
    return v3
}}
function %branch({type}, {type}) -> i8 {{
block0(v0: {type}, v1: {type}):
    v2 = icmp {cond} v0, v1
    v3 = iconst.i8 1
    v4 = iconst.i8 0
    brif v2, block1(v3), block1(v4)
block1(v5: i8):
    return v5
}}
function %choice({type}, {type}) -> {type} {{
block0(v0: {type}, v1: {type}):
    v2 = icmp {cond} v0, v1
    v3 = select v2, v0, v1
    return v3
}}
function %vector({type}, {type}) -> f64 {{
block0(v0: {type}, v1: {type}):
    v2 = icmp {cond} v0, v1
    v3 = f64const 1.0
    v4 = f64const 0.0
    v5 = select v2, v3, v4
    return v5
}}
function %left({type}) -> i8 {{
block0(v0: {type}):
    v1 = iconst.{type} 5
    v2 = icmp {cond} v1, v0
    return v2
}}
function %right({type}) -> i8 {{
block0(v0: {type}):
    v1 = iconst.{type} -3
    v2 = icmp {cond} v0, v1
    return v2
}}
""")

    def holds(x: int, y: int) -> int:
        if cond.startswith("s"):
            return int(compute(signed(x, bits), signed(y, bits)))
        return int(compute(x, y))

    for x, y in pairs(bits, cond):
        given = ((x, size), (y, size))
        assert call(module, "%number", *given) == [holds(x, y)]
        assert call(module, "%extended", *given) == [holds(x, y)]
        assert call(module, "%branch", *given) == [holds(x, y)]
        assert call(module, "%choice", *given) == [x if holds(x, y) else y]
        assert struct.unpack("<d", call(module, "%vector", *given)[0].to_bytes(8, "little"))[0] == holds(x, y)
        assert call(module, "%left", (x, size)) == [holds(5, x)]
        assert call(module, "%right", (x, size)) == [holds(x, (1 << bits) - 3)]


@pytest.mark.parametrize("type", INTEGERS)
@pytest.mark.parametrize("name", OVERFLOWS)
@pytest.mark.parametrize("sign", ["u", "s"])
def test_overflow(sign: str, name: str, type: str) -> None:
    bits = int(type[1:])
    size = bits // 8
    carried = name.endswith("in")
    more = ", i8" if carried else ""
    module = compiled(f"""
function %f({type}, {type}{more}) -> {type}, i8 {{
block0(v0: {type}, v1: {type}{", v2: i8" if carried else ""}):
    v3, v4 = {sign}{name} v0, v1{", v2" if carried else ""}
    return v3, v4
}}""")
    for x, y in pairs(bits, name):
        for carry in (0, 1) if carried else (0,):
            if sign == "s":
                exact = OVERFLOWS[name](signed(x, bits), signed(y, bits), carry)
                fits = -(1 << (bits - 1)) <= exact < 1 << (bits - 1)
            else:
                exact = OVERFLOWS[name](x, y, carry)
                fits = 0 <= exact < 1 << bits
            given = [(x, size), (y, size), (carry, 1)][: 3 if carried else 2]
            assert call(module, "%f", *given) == [exact % (1 << bits), int(not fits)], (x, y, carry)


def lanes(data: bytes, size: int) -> list[int]:
    return [int.from_bytes(data[at : at + size], "little") for at in range(0, 16, size)]


def vectors(size: int, seed: str) -> list[bytes]:
    """Every two numbers meet somewhere in their lanes."""
    some = numbers(8 * size, seed)
    source = random.Random(seed)
    return [b"".join(source.choice(some).to_bytes(size, "little") for _ in range(16 // size)) for _ in range(24)]


@pytest.mark.parametrize("type", VECTORS)
@pytest.mark.parametrize("name", [*BINARY, *LANES])
def test_binary_vectors(name: str, type: str) -> None:
    size = int(bytes_of(lane_of(TYPES_BY_NAME[type])))
    if size >= 4 and name.endswith("_sat"):
        pytest.skip("the machine has it for bytes and words only")
    compute = {**BINARY, **LANES}[name]
    module = compiled(
        f"function %f({type}, {type}) -> {type} {{\nblock0(v0: {type}, v1: {type}):\n    v2 = {name} v0, v1\n"
        "    return v2\n}"
    )
    some = vectors(size, name)
    for x in some:
        for y in some[:8]:
            (result,) = module.call("%f", [x, y])
            expected = [
                compute(a, b, 8 * size) % (1 << 8 * size) for a, b in zip(lanes(x, size), lanes(y, size), strict=True)
            ]
            assert lanes(result, size) == expected


@pytest.mark.parametrize("type", VECTORS)
@pytest.mark.parametrize("name", ["ishl", "ushr", "sshr"])
def test_shifted_vectors(name: str, type: str) -> None:
    size = int(bytes_of(lane_of(TYPES_BY_NAME[type])))
    module = compiled(
        f"function %f({type}, i32) -> {type} {{\nblock0(v0: {type}, v1: i32):\n    v2 = {name} v0, v1\n"
        "    return v2\n}"
    )
    for x in vectors(size, name):
        for by in (0, 1, 3, 7, 8, 15, 31, 33, 63, 64, 70):
            (result,) = module.call("%f", [x, by.to_bytes(4, "little")])
            expected = [SCALAR[name](one, by, 8 * size) % (1 << 8 * size) for one in lanes(x, size)]
            assert lanes(result, size) == expected, by


@pytest.mark.parametrize("type", VECTORS)
@pytest.mark.parametrize("name", UNARY)
def test_unary_vectors(name: str, type: str) -> None:
    size = int(bytes_of(lane_of(TYPES_BY_NAME[type])))
    module = compiled(f"function %f({type}) -> {type} {{\nblock0(v0: {type}):\n    v1 = {name} v0\n    return v1\n}}")
    for x in vectors(size, name):
        (result,) = module.call("%f", [x])
        assert lanes(result, size) == [UNARY[name](one, 8 * size) % (1 << 8 * size) for one in lanes(x, size)]


@pytest.mark.parametrize("type", VECTORS)
@pytest.mark.parametrize("cond", INTEGER_CONDITIONS)
def test_compared_vectors(cond: str, type: str) -> None:
    size = int(bytes_of(lane_of(TYPES_BY_NAME[type])))
    bits = 8 * size
    compute = CONDITIONS[cond if cond in CONDITIONS else cond[1:]]
    module = compiled(
        f"function %f({type}, {type}) -> {type} {{\nblock0(v0: {type}, v1: {type}):\n    v2 = icmp {cond} v0, v1\n"
        "    return v2\n}"
    )
    some = vectors(size, cond)
    for x in some:
        for y in some[:8]:
            expected = []
            for a, b in zip(lanes(x, size), lanes(y, size), strict=True):
                held = compute(signed(a, bits), signed(b, bits)) if cond.startswith("s") else compute(a, b)
                expected.append((1 << bits) - 1 if held else 0)
            assert lanes(module.call("%f", [x, y])[0], size) == expected


FLOATS = {"f32": ("<f", 24, 127), "f64": ("<d", 53, 1023)}


@pytest.mark.parametrize("from_type", INTEGERS)
@pytest.mark.parametrize("type", FLOATS)
@pytest.mark.parametrize("sign", ["u", "s"])
def test_integers_to_floats(sign: str, type: str, from_type: str) -> None:
    bits = int(from_type[1:])
    module = compiled(
        f"function %f({from_type}) -> {type} {{\nblock0(v0: {from_type}):\n    v1 = fcvt_from_{sign}int.{type} v0\n"
        "    return v1\n}"
    )
    for x in [*numbers(bits, type), *(one % (1 << bits) for one in (0x7FFF_FFFF_FFFF_FDFF, 0xFFFF_FF7F_FFFF_FFFF))]:
        value = signed(x, bits) if sign == "s" else x
        expected = _nearest(value, FLOATS[type][1])
        (result,) = module.call("%f", [x.to_bytes(bits // 8, "little")])
        assert struct.unpack(FLOATS[type][0], result)[0] == expected, x


def _nearest(value: int, digits: int) -> float:
    """An integer rounded to so many bits, to even, exactly."""
    size = abs(value).bit_length()
    if size > digits:
        drop = size - digits
        kept, rest = abs(value) >> drop, abs(value) & ((1 << drop) - 1)
        half = 1 << (drop - 1)
        kept += rest > half or (rest == half and kept & 1)
        value = (kept << drop) * (1 if value > 0 else -1)
    return float(value)


@pytest.mark.parametrize("type", INTEGERS)
@pytest.mark.parametrize("from_type", FLOATS)
@pytest.mark.parametrize("sign", ["u", "s"])
def test_floats_to_integers_saturate(sign: str, from_type: str, type: str) -> None:
    bits = int(type[1:])
    form = FLOATS[from_type][0]
    module = compiled(
        f"function %f({from_type}) -> {type} {{\nblock0(v0: {from_type}):\n    v1 = fcvt_to_{sign}int_sat.{type} v0\n"
        "    return v1\n}"
    )
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if sign == "s" else (0, (1 << bits) - 1)
    some = [0.0, -0.0, 0.5, -0.5, 0.999, -0.999, 1.5, -1.5, 1e30, -1e30, float("inf"), float("-inf"), float("nan")]
    some += [s * (2.0**e) * f for s in (1, -1) for e in (7, 8, 15, 16, 31, 32, 62, 63, 64) for f in (1, 1.5, 0.999)]
    for x in some:
        data = struct.pack(form, x)
        (x,) = struct.unpack(form, data)
        if x != x:
            expected = 0
        elif x in (float("inf"), float("-inf")):
            expected = high if x > 0 else low
        else:
            expected = clamp(int(x), low, high)
        (result,) = module.call("%f", [data])
        assert int.from_bytes(result, "little") == expected % (1 << bits), x


def test_types_are_named() -> None:
    assert [type_name(TYPES_BY_NAME[name]) for name in INTEGERS] == list(INTEGERS)
