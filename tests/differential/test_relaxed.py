"""Relaxed operators on vectors: every variant gives the one result of the deterministic profile."""

from __future__ import annotations

import itertools
import random
import struct
from functools import cache
from typing import Final

import pytest

from tests.differential.relaxed import EXPECTED, alike
from tests.differential.variants import VARIANTS
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC

FLOATS_32: Final = (
    *(0x0000_0000, 0x8000_0000, 0x3F80_0000, 0xBF80_0000, 0x7F80_0000, 0xFF80_0000, 0x0000_0001, 0x8000_0001),
    *(0x7FC0_0000, 0xFFC0_0000, 0x7F80_0001, 0xFF80_0001, 0x7FFF_FFFF, 0x7F7F_FFFF, 0xFF7F_FFFF, 0x0080_0000),
    *(0x4F00_0000, 0xCF00_0000, 0xCF00_0001, 0x4EFF_FFFF, 0x4F80_0000, 0x4F7F_FFFF, 0x3F00_0000, 0xBF7F_FFFF),
    *(0x3F80_0002, 0x3F80_0100, 0xBF80_0102, 0x4000_0000),  # the last but one: what a fused product leaves over
)
"""Zeros, ones, infinities, the least; NaNs quiet and signalling; what is as large as an integer or a little larger."""
FLOATS_64: Final = (
    *(0x0, 0x8000000000000000, 0x3FF0000000000000, 0xBFF0000000000000, 0x7FF0000000000000, 0xFFF0000000000000),
    *(0x1, 0x8000000000000001, 0x7FF8000000000000, 0xFFF8000000000000, 0x7FF0000000000001, 0xFFF0000000000001),
    *(0x41DFFFFFFFC00000, 0x41DFFFFFFFFFFFFF, 0x41E0000000000000, 0xC1E0000000000000, 0xC1E0000000200000),
    *(0x41EFFFFFFFE00000, 0x41F0000000000000, 0xBFEFFFFFFFFFFFFF, 0x7FEFFFFFFFFFFFFF, 0xFFEFFFFFFFFFFFFF),
    *(0x3FF0000000400000, 0x3FF0000020000000, 0xBFF0000020400000, 0x4000000000000000),
)
WORDS: Final = (0x0000, 0x8000, 0x7FFF, 0x8001, 0xFFFF, 0x0001, 0x4000, 0xC000, 0x8080, 0x807F, 0x7F80, 0x0080)
"""Pairs of bytes too: -128 and -128, -128 and 127."""
BYTES: Final = (0, 1, 15, 16, 17, 31, 32, 0x70, 0x7F, 0x80, 0x8F, 0x90, 0xF0, 0xFF, 7, 8)


@cache
def edges() -> tuple[bytes, ...]:
    """Vectors full of one edge, then some of different ones."""
    draw = random.Random(1)
    found = [bytes(16), b"\xff" * 16, bytes(range(16)), bytes(BYTES), bytes(reversed(BYTES))]
    for layout, table in (("<4I", FLOATS_32), ("<2Q", FLOATS_64), ("<8H", WORDS)):
        count = int(layout[1])
        found += [struct.pack(layout, *[value] * count) for value in table]
        found += [struct.pack(layout, *draw.choices(table, k=count)) for _ in range(12)]
    return tuple(found + [draw.randbytes(16) for _ in range(8)])


def cases(mnemonic: str, count: int, seed: int = 0) -> list[tuple[bytes, ...]]:
    """Operands: every pair of like edges once, and drawn ones."""
    draw = random.Random(f"{mnemonic} {seed}")
    operands = len(BY_MNEMONIC[mnemonic].params)
    if operands == 1:
        return [(vector,) for vector in edges()]
    drawn = [tuple(draw.choices(edges(), k=operands)) for _ in range(count)]
    words = [struct.pack("<8H", *[word] * 8) for word in WORDS]
    return drawn + [pair + (draw.choice(edges()),) * (operands - 2) for pair in itertools.product(words, repeat=2)]


TEXT: Final = "\n".join(
    f'(func (export "{mnemonic}") (param {" ".join(BY_MNEMONIC[mnemonic].params)}) (result v128) '
    f"{' '.join(f'(local.get {at})' for at in range(len(BY_MNEMONIC[mnemonic].params)))} {mnemonic})"
    for mnemonic in EXPECTED
)


@cache
def instance(variant: str) -> Instance:
    compiler, config = VARIANTS[variant]()
    return compile_with(TEXT, compiler, config).instantiate({})


def test_every_relaxed_operator_is_expected_to_do_something() -> None:
    assert set(EXPECTED) == {name for name, row in BY_MNEMONIC.items() if row.feature == "relaxed_simd"}
    assert len(EXPECTED) == 20


@pytest.mark.parametrize("mnemonic", EXPECTED)
@pytest.mark.parametrize("variant", VARIANTS)
def test_edges(variant: str, mnemonic: str) -> None:
    function = instance(variant).exports[mnemonic]
    for operands in cases(mnemonic, 400):
        expected = EXPECTED[mnemonic](*operands)
        actual = bytes(function(*operands))
        assert alike(mnemonic, expected, actual), ([o.hex() for o in operands], expected.hex(), actual.hex())


def constant(vector: bytes) -> str:
    return "(v128.const i32x4 {:#x} {:#x} {:#x} {:#x})".format(*struct.unpack("<4I", vector))


@pytest.mark.parametrize("variant", ["singlepass", "cranelift", "llvm"])
def test_operands_that_are_known_when_compiled_give_the_same(variant: str) -> None:
    """Neither folding nor an operand in memory, nor one used twice, makes it another processor's result."""
    functions, expected = [], {}
    for mnemonic in EXPECTED:
        for number, operands in enumerate(cases(mnemonic, 12, 7)[:12]):
            written = [constant(vector) for vector in operands]
            name = f"{mnemonic} {number}"
            functions.append(f'(func (export "{name}") (result v128) ({mnemonic} {" ".join(written)}))')
            expected[name] = EXPECTED[mnemonic](*operands)
            same = f"(local.get 0) {' '.join(['(v128.load (i32.const 16))'] * (len(operands) - 1))}"
            name = f"{mnemonic} loaded {number}"
            functions.append(
                f'(func (export "{name}") (result v128) (local v128)\n'
                f"(v128.store (i32.const 16) {written[-1]}) (local.set 0 {written[0]}) ({mnemonic} {same}))"
            )
            expected[name] = EXPECTED[mnemonic](operands[0], *operands[-1:] * (len(operands) - 1))
    compiler, config = VARIANTS[variant]()
    exports = compile_with("(memory 1)" + "\n".join(functions), compiler, config).instantiate({}).exports
    for name, wanted in expected.items():
        actual = bytes(exports[name]())
        assert alike(name.split()[0], wanted, actual), (name, wanted.hex(), actual.hex())
