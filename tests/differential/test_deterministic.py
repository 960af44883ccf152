"""Deterministic execution: every operator on floats gives the same bits on every variant, and NaNs are canonical.

The tables of `wasm.operators.nans` are what is believed; here each operator is executed, so a row that is missing or
wrong is found.
"""

from __future__ import annotations

import random
import struct
from functools import cache
from typing import Any, Final

import pytest

from tests.differential.test_relaxed import FLOATS_32, FLOATS_64, edges
from tests.differential.variants import DETERMINISTIC
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.wasm.operators.effects import MAY_TRAP
from wasmer_runtime_core.wasm.operators.internal import CANONICAL_NANS
from wasmer_runtime_core.wasm.operators.nans import NUMBERS, OPEN, SHAPES
from wasmer_runtime_core.wasm.operators.rows import OPERATORS, Operator

FLOATS: Final = {"f32", "f64", "v128"}
INTEGERS: Final = {"f32": "i32", "f64": "i64"}
"""What a float is passed as, so that no bit of it is lost in Python."""
EDGES: Final[dict[str, tuple[Any, ...]]] = {
    "i32": (0, 1, 5, 0x7FC0_0001, 0xFFFF_FFFF),
    "i64": (0, 1, 5, 0x7FF8_0000_0000_0001, 0xFFFF_FFFF_FFFF_FFFF),
    "f32": FLOATS_32,
    "f64": FLOATS_64,
}
OTHER_NANS: Final = {
    "f32": (0x7F80_0001, 0xFFC0_0000, 0x7FC0_1234),
    "f64": (0x7FF0 << 48 | 1, 0xFFF8 << 48, 0x7FF8 << 48 | 9),
}
COUNT: Final = 120
"""So many times each is executed."""
LANES: Final = {"f32x4": "f32", "f64x2": "f64", "f32": "f32", "f64": "f64"}


def rows() -> list[Operator]:
    """Those that take or give floats, and do nothing else; immediates are left to the lanes' operators."""
    return [
        row
        for row in OPERATORS.values()
        if row.typed_by_row
        and not row.effects & ~MAY_TRAP
        and row.immediate in ("", "lane")
        and FLOATS & {*row.params, *row.results}
    ]


ROWS: Final = {row.mnemonic: row for row in rows()}


def function(row: Operator) -> str:
    """A function of the operator, floats passed as integers."""
    params = " ".join(INTEGERS.get(type_, type_) for type_ in row.params)
    operands = " ".join(
        f"({type_}.reinterpret_{INTEGERS[type_]} (local.get {at}))" if type_ in INTEGERS else f"(local.get {at})"
        for at, type_ in enumerate(row.params)
    )
    (result,) = row.results
    body = f"({row.mnemonic} {'1' if row.immediate else ''} {operands})"
    if result in INTEGERS:
        body, result = f"({INTEGERS[result]}.reinterpret_{result} {body})", INTEGERS[result]
    return f'(func (export "{row.mnemonic}") (param {params}) (result {result}) {body})'


def cases(row: Operator) -> list[tuple[Any, ...]]:
    draw = random.Random(row.mnemonic)
    choose = [edges() if type_ == "v128" else EDGES[type_] for type_ in row.params]
    return [tuple(draw.choice(values) for values in choose) for _ in range(COUNT)]


@cache
def exports(variant: str) -> Any:
    compiler, config = DETERMINISTIC[variant]()
    return compile_with("\n".join(map(function, ROWS.values())), compiler, config).instantiate({}).exports


def result(variant: str, mnemonic: str, operands: tuple[Any, ...]) -> object:
    signed = [
        value - (1 << bits) if isinstance(value, int) and value >> bits - 1 else value
        for value, bits in zip(
            operands, [64 if type_ in ("i64", "f64") else 32 for type_ in ROWS[mnemonic].params], strict=True
        )
    ]
    try:
        value = exports(variant)[mnemonic](*signed)
    except Trap as trap:
        return trap.kind
    return bytes(value) if isinstance(value, (bytes, memoryview)) else value


def lanes(shape: str, value: object) -> list[int]:
    """A result's lanes, as bits."""
    bits = 32 if LANES[shape] == "f32" else 64
    if isinstance(value, int):
        return [value & (1 << bits) - 1]
    assert isinstance(value, bytes)
    return list(struct.unpack("<4I" if bits == 32 else "<2Q", value))


def is_nan(type_: str, bits: int) -> bool:
    return bits & 0x7FFF_FFFF > 0x7F80_0000 if type_ == "f32" else bits & (1 << 63) - 1 > 0x7FF0 << 48


@pytest.mark.parametrize("mnemonic", ROWS)
@pytest.mark.parametrize("variant", DETERMINISTIC)
def test_results_are_the_same_to_the_bit(variant: str, mnemonic: str) -> None:
    row = ROWS[mnemonic]
    for operands in cases(row):
        found = result(variant, mnemonic, operands)
        assert found == result("singlepass", mnemonic, operands), operands
        if mnemonic in OPEN and not isinstance(found, str):
            type_ = LANES[OPEN[mnemonic]]
            assert all(lane == CANONICAL_NANS[type_] for lane in lanes(OPEN[mnemonic], found) if is_nan(type_, lane))


@pytest.mark.parametrize("mnemonic", NUMBERS)
def test_what_takes_numbers_tells_no_nan_from_another(mnemonic: str) -> None:
    """So a NaN that goes there need not be made canonical."""
    shape = NUMBERS[mnemonic]
    type_ = LANES[shape]
    draw = random.Random(mnemonic)

    def other(operand: Any) -> Any:
        new = [draw.choice(OTHER_NANS[type_]) if is_nan(type_, lane) else lane for lane in lanes(shape, operand)]
        return struct.pack("<4I" if type_ == "f32" else "<2Q", *new) if shape in SHAPES[2:] else new[0]

    met = 0
    for operands in cases(ROWS[mnemonic]):
        changed = tuple(map(other, operands))
        met += changed != operands
        assert result("singlepass", mnemonic, operands) == result("singlepass", mnemonic, changed), (operands, changed)
    assert met


def test_what_is_not_open_makes_no_nan_of_its_own() -> None:
    """Each NaN among its results is an operand's, but for its sign: nothing is missing in the table."""
    tried = 0
    for mnemonic, row in ROWS.items():
        shape = mnemonic.partition(".")[0]
        if mnemonic in OPEN or mnemonic in NUMBERS or shape not in SHAPES or "convert" in mnemonic:
            continue
        type_ = LANES[shape]
        sign = 1 << (31 if type_ == "f32" else 63)
        if row.results[0] not in ("v128", type_):
            continue
        tried += 1
        for operands in cases(row):
            given = {
                lane & ~sign
                for operand, given_type in zip(operands, row.params, strict=True)
                for lane in lanes(shape if given_type == "v128" else type_, operand)
            }
            for lane in lanes(shape, result("singlepass", mnemonic, operands)):
                assert not is_nan(type_, lane) or lane & ~sign in given, (mnemonic, operands)
    assert tried > 20


@pytest.mark.parametrize("variant", DETERMINISTIC)
def test_operands_that_are_known_when_compiled(variant: str) -> None:
    """Folding gives the same NaN, and so does a value that goes on to another operator, a local or memory."""
    compiler, config = DETERMINISTIC[variant]()
    functions = []
    for type_, integer in INTEGERS.items():
        zero, infinity = f"({type_}.const 0)", f"({type_}.const inf)"
        signalling = f"({type_}.const -nan:0x1)"
        for name, made in (
            ("divided", f"({type_}.div {zero} {zero})"),
            ("subtracted", f"({type_}.sub {infinity} {infinity})"),
            ("rooted", f"({type_}.sqrt ({type_}.const -1))"),
            ("added", f"({type_}.add {signalling} {zero})"),
            ("multiplied by one", f"({type_}.mul {signalling} ({type_}.const 1))"),
            ("least", f"({type_}.min {signalling} {zero})"),
            ("in turn", f"({type_}.add ({type_}.mul {signalling} {zero}) ({type_}.mul {signalling} {zero}))"),
        ):
            at = f"{type_} {name}"
            functions += [
                f'(func (export "{at}") (result {integer}) ({integer}.reinterpret_{type_} {made}))',
                f'(func (export "{at}, stored") (result {integer}) ({type_}.store (i32.const 0) {made})'
                f" ({integer}.load (i32.const 0)))",
                f'(func (export "{at}, kept") (result {integer}) (local {type_}) (local.set 0 {made})'
                f" ({integer}.reinterpret_{type_} (local.get 0)))",
                f'(func (export "{at}, negated") (result {integer})'
                f" ({integer}.reinterpret_{type_} ({type_}.neg ({type_}.neg {made}))))",
                f'(func (export "{at}, chosen") (result {integer})'
                f" ({integer}.reinterpret_{type_} (select {made} {zero} (i32.const 1))))",
            ]
    called = compile_with("(memory 1)" + "\n".join(functions), compiler, config).instantiate({}).exports
    for name in called:
        type_ = name[:3]
        assert lanes(type_, called[name]()) == [CANONICAL_NANS[type_]], name


def test_it_is_the_deterministic_profile_that_is_asked_for() -> None:
    """Without it, backends differ: the test above would see it."""
    compiler, config = DETERMINISTIC["singlepass"]()
    text = '(func (export "f") (result i32) (i32.reinterpret_f32 (f32.div (f32.const 0) (f32.const 0))))'
    plain = compile_with(text, compiler, config._replace(deterministic=False)).instantiate({}).exports.f()
    assert plain & 0xFFFF_FFFF == 0xFFC0_0000
    assert compile_with(text, compiler, config).instantiate({}).exports.f() == 0x7FC0_0000
