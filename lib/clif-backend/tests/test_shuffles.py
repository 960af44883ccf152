"""Shuffles: whatever the mask is, and however few instructions it takes."""

from __future__ import annotations

import random

import pytest

from wasmer_clif_backend.ir.parser import parse_file
from wasmer_clif_backend.text_module import TextModule

X = bytes(range(0x10, 0x20))
Y = bytes(range(0x80, 0x90))


def by_turns(size: int, start: int, first: int, second: int) -> list[int]:
    """Lanes of so many bytes of two operands, each of whose numbers begin there, from one of their halves."""
    return [
        at + operand + byte
        for at in range(start, start + 8, size)
        for operand in (first, second)
        for byte in range(size)
    ]


def masks() -> dict[str, list[int]]:
    some = random.Random(5)
    found = {}
    for first, second in ((0, 16), (16, 0), (0, 0), (16, 16)):
        for size in (1, 2, 4, 8):
            for start in (0, 8):
                found[f"by turns {size} {start} {first} {second}"] = by_turns(size, start, first, second)
    for by in range(1, 32):
        found[f"window {by}"] = [(by + at) & 31 for at in range(16)]
    for by in range(1, 16):
        found[f"turned {by}"] = [(by + at) & 15 for at in range(16)]
        found[f"other turned {by}"] = [16 + ((by + at) & 15) for at in range(16)]
    for number in range(8):
        words = [some.choice((0, 16)) for _ in range(8)]
        found[f"in place {number}"] = [2 * at + words[at] + byte for at in range(8) for byte in (0, 1)]
        pairs = [some.randrange(4) for _ in range(4)]
        first = some.choice((0, 16))
        found[f"pairs {number}"] = [
            4 * word + (first if at < 2 else 16 - first) + byte for at, word in enumerate(pairs) for byte in range(4)
        ]
        half = some.choice((0, 8))
        found[f"half {number}"] = [half + some.randrange(8) + some.choice((0, 16)) for _ in range(16)]
        found[f"any {number}"] = [some.randrange(32) for _ in range(16)]
    # Numbers of no lane: a byte of zeros. WebAssembly has none, a text may.
    for name, mask in list(found.items()):
        words = some.sample(range(4), some.randrange(1, 4))
        beyond = some.choice((32, 64, 224))
        found[f"{name}, and none"] = [at + beyond if place // 4 in words else at for place, at in enumerate(mask)]
    return found


MASKS = masks()


@pytest.mark.parametrize("same", [False, True])
def test_shuffles(same: bool) -> None:
    text = "".join(
        f"function %f{number}(i8x16, i8x16) -> i8x16 {{\nblock0(v0: i8x16, v1: i8x16):\n"
        f"    v2 = shuffle v0, {'v0' if same else 'v1'}, 0x{bytes(mask)[::-1].hex()}\n    return v2\n}}\n"
        for number, mask in enumerate(MASKS.values())
    )
    module = TextModule([one.function for one in parse_file(text).functions], prove=True)
    both = X + (X if same else Y)
    for number, (name, mask) in enumerate(MASKS.items()):
        (result,) = module.call(f"%f{number}", [X, Y])
        assert result == bytes(both[at] if at < 32 else 0 for at in mask), name
