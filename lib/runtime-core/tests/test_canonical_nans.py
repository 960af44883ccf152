"""Where NaNs are made canonical: behind arithmetic whose NaN somebody could tell from another, and nowhere else."""

from __future__ import annotations

from itertools import pairwise

import pytest

from wasmer_runtime_core.compiling.middleware import Metering
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.wasm.body.text import read_records
from wasmer_runtime_core.wasm.body.verifier import verify_body

DETERMINISTIC = CompilerConfig(deterministic=True)


def mnemonics(text: str, config: CompilerConfig = DETERMINISTIC) -> list[str]:
    """Of the records of the one function."""
    compilation = run(Compilation(text, config=config), until="canonical")
    (body,) = compilation.bodies
    assert not verify_body(compilation.info, body)
    return [record.mnemonic for record in read_records(body)]


def canonical(code: str, result: str = "", before: str = "") -> list[str]:
    """The operators that are followed by one that makes their NaN canonical."""
    found = mnemonics(f"(module {before} (memory 1) (func (param f32 f64 v128) {result} {code}))")
    return [one for one, behind in pairwise(found) if behind.startswith("internal.canonical")]


X, V = "(local.get 1)", "(local.get 2)"


@pytest.mark.parametrize(
    ("code", "made"),
    [
        (f"(local.set 1 (f64.add {X} {X}))", ["f64.add"]),
        (f"(local.set 1 (f64.add (f64.mul {X} {X}) (f64.mul {X} {X})))", ["f64.add"]),
        (f"(drop (f64.add {X} {X}))", []),
        (f"(drop (f64.lt (f64.sqrt {X}) (f64.const 1)))", []),
        (f"(drop (i32.trunc_f64_s (f64.sqrt {X})))", []),
        (f"(drop (i32.trunc_sat_f64_s (f64.sqrt {X})))", []),
        (f"(local.set 0 (f32.demote_f64 (f64.sqrt {X})))", ["f32.demote_f64"]),
        (f"(f64.store (i32.const 0) (f64.sqrt {X}))", ["f64.sqrt"]),
        (f"(drop (i64.reinterpret_f64 (f64.sqrt {X})))", ["f64.sqrt"]),
        (f"(drop (f64.neg (f64.sqrt {X})))", ["f64.sqrt"]),
        (f"(drop (f64.copysign {X} (f64.sqrt {X})))", ["f64.sqrt"]),
        (f"(drop (select (f64.sqrt {X}) {X} (i32.const 1)))", ["f64.sqrt"]),
        (f"(drop (f64.add (block (result f64) (f64.sqrt {X})) {X}))", ["f64.sqrt"]),
        (f"(local.set 1 (f64.add (local.tee 1 (f64.sqrt {X})) {X}))", ["f64.sqrt", "f64.add"]),
        (f"(local.set 2 (f32x4.add (f32x4.sqrt {V}) {V}))", ["f32x4.add"]),
        (f"(local.set 2 (f64x2.add (f32x4.sqrt {V}) {V}))", ["f32x4.sqrt", "f64x2.add"]),
        (f"(local.set 2 (v128.not (f32x4.sqrt {V})))", ["f32x4.sqrt"]),
        (f"(local.set 2 (f64x2.promote_low_f32x4 (f32x4.sqrt {V})))", ["f64x2.promote_low_f32x4"]),
        (f"(local.set 2 (f32x4.pmin {V} (f32x4.sqrt {V})))", ["f32x4.sqrt"]),
        (f"(local.set 1 (f64.neg (f64.abs (f64.copysign {X} (f64.load (i32.const 0))))))", []),
        ("(local.set 1 (f64.convert_i32_s (i32.const 1)))", []),
    ],
)
def test_where(code: str, made: list[str]) -> None:
    assert canonical(code) == made


def test_what_leaves_a_function_is_canonical() -> None:
    assert canonical(f"(f64.sqrt {X})", "(result f64)") == ["f64.sqrt"]
    assert canonical(f"(global.set 0 (f64.sqrt {X}))", before="(global (mut f64) (f64.const 0))") == ["f64.sqrt"]
    assert canonical(f"(call $f (f64.sqrt {X}))", before='(import "a" "f" (func $f (param f64)))') == ["f64.sqrt"]


def test_looking_ahead_ends() -> None:
    """What takes the value far away is not looked for: it is made canonical, which is never wrong."""
    operand = "(f64.load (i32.const 0))"
    for _ in range(20):
        operand = f"(f64.neg {operand})"
    assert canonical(f"(local.set 1 (f64.add (f64.sqrt {X}) {operand}))") == ["f64.sqrt", "f64.add"]


def test_points_are_the_same() -> None:
    """It comes last: what middlewares counted stays as it was."""
    text = f"(module (func (param f64 f64) (result f64) (f64.sqrt {X}) (block) (br 0)))"
    counted = mnemonics(text, CompilerConfig(middlewares=(Metering(5),)))
    both = mnemonics(text, CompilerConfig(middlewares=(Metering(5),), deterministic=True))
    assert [one for one in both if not one.startswith("internal.canonical")] == counted
    assert len(both) == len(counted) + 1


def test_nothing_is_put_in_unless_it_is_asked_for() -> None:
    assert "internal" not in " ".join(
        mnemonics(f"(module (func (param f64 f64) (drop (f64.sqrt {X}))))", CompilerConfig())
    )
