"""Division by numbers that are known, of all widths: what the machine's own division gives, and Python's."""

from __future__ import annotations

import random

import pytest

from wasmer_clif_backend.ir.parser import parse_file
from wasmer_clif_backend.machine.x64.rules.by_constant import reciprocal
from wasmer_clif_backend.text_module import TextModule


def divisors(bits: int, with_sign: bool) -> list[int]:
    source = random.Random(bits)
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if with_sign else (1, (1 << bits) - 1)
    near = [1 << k for k in range(bits)]
    found = {n + more for n in near for more in (-1, 0, 1)} | {3, 5, 6, 7, 9, 10, 11, 25, 28, 100, 125, 641, 1000}
    found |= {source.randrange(low, high) >> source.randrange(bits) for _ in range(20)} | {low, high, low + 1}
    if with_sign:
        found |= {-n for n in found}
    return sorted(n for n in found if low <= n <= high and n not in (0, -1))


def dividends(n: int, bits: int) -> list[int]:
    source = random.Random(n)
    found = {0, 1, 2, (1 << bits) - 1, (1 << (bits - 1)) - 1, 1 << (bits - 1), (1 << (bits - 1)) + 1}
    for _ in range(12):
        multiple = source.randrange(1 << bits) // abs(n) * abs(n)
        found |= {multiple, multiple - 1, multiple + 1, -multiple, -multiple - 1, -multiple + 1}
    return [x & ((1 << bits) - 1) for x in found]


def signed(x: int, bits: int) -> int:
    return x - (1 << bits) if x >> (bits - 1) else x


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
@pytest.mark.parametrize("with_sign", [False, True], ids=["unsigned", "signed"])
def test_by_constants(bits: int, with_sign: bool) -> None:
    prefix, type = "s" if with_sign else "u", f"i{bits}"
    numbers = divisors(bits, with_sign)
    text = "".join(
        f"function %{name}{at}({type}) -> {type} {{\nblock0(v0: {type}):\n    v1 = iconst.{type} {n}\n"
        f"    v2 = {prefix}{name} v0, v1\n    return v2\n}}\n"
        for at, n in enumerate(numbers)
        for name in ("div", "rem")
    )
    module = TextModule([one.function for one in parse_file(text).functions], prove=True)
    for at, n in enumerate(numbers):
        for given in dividends(n, bits):
            x = signed(given, bits) if with_sign else given
            quotient = abs(x) // abs(n) * (1 if (x < 0) == (n < 0) else -1)
            for name, expected in (("div", quotient), ("rem", x - quotient * n)):
                (result,) = module.call(f"%{name}{at}", [given.to_bytes(bits // 8, "little")])
                got = int.from_bytes(result, "little") & ((1 << bits) - 1)
                assert got == expected & ((1 << bits) - 1), f"{x} {name} {n}"


@pytest.mark.parametrize("n", range(2, 300))
@pytest.mark.parametrize("with_sign", [False, True])
def test_reciprocals_are_exact(n: int, with_sign: bool) -> None:
    """Of eight bits, every dividend. Powers of two with sign are shifted."""
    if with_sign and (n > 127 or n & (n - 1) == 0):
        return
    multiplier, s = reciprocal(n, 8, with_sign)
    for x in range(-128, 128) if with_sign else range(256):
        rounded = (x * multiplier >> (8 + s)) + (1 if x < 0 else 0)
        assert rounded == (x // n if x >= 0 else -(-x // n))
