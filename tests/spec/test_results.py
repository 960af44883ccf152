"""The comparison of results is itself tested: a runner that accepts anything proves nothing."""

from __future__ import annotations

import pytest

from tests.spec import verdict as verdicts
from tests.spec.corpus import ExpectedFailure, _superseded_rows
from tests.spec.results import HostReference, all_match, argument, matches
from tests.spec.runner import Failed, ScriptResult, compare_words
from wasmer_runtime_core.contract.values import Type, Value
from wasmer_runtime_core.wasm.text.script import Pattern, read_script

CANONICAL = 0x7FC0_0000


def pattern(text: str) -> Pattern:
    """The pattern of the result of a script's ``assert_return``."""
    (command,) = read_script(f'(assert_return (invoke "f") {text})')
    return command.expected[0]


@pytest.mark.parametrize(
    ("text", "bits", "accepted"),
    [
        ("(f32.const nan:canonical)", CANONICAL, True),
        ("(f32.const nan:canonical)", CANONICAL | 1 << 31, True),
        ("(f32.const nan:canonical)", CANONICAL | 1, False),
        ("(f32.const nan:canonical)", 0x7F80_0001, False),
        ("(f32.const nan:arithmetic)", CANONICAL, True),
        ("(f32.const nan:arithmetic)", CANONICAL | 1 << 31 | 5, True),
        ("(f32.const nan:arithmetic)", 0x7FA0_0000, False),
        ("(f32.const nan:arithmetic)", 0x7F80_0000, False),
        ("(f32.const nan:0x200000)", 0x7FA0_0000, True),
        ("(f32.const nan:0x200000)", CANONICAL, False),
        ("(f32.const 0)", 0, True),
        ("(f32.const -0)", 0, False),
        ("(either (f32.const 1) (f32.const 2))", 0x4000_0000, True),
        ("(either (f32.const 1) (f32.const 2))", 0x4040_0000, False),
    ],
)
def test_f32(text: str, bits: int, accepted: bool) -> None:
    assert matches(Value.from_bits(Type.F32, bits), pattern(text)) is accepted


def test_types_must_agree() -> None:
    assert not matches(Value.I64(1), pattern("(i32.const 1)"))
    assert not matches(Value.from_bits(Type.I32, CANONICAL), pattern("(f32.const nan:canonical)"))


def test_a_signalling_nan_is_passed_as_it_is() -> None:
    assert argument(pattern("(f32.const nan:0x200000)")).bits == 0x7FA0_0000


def test_vectors_compare_lane_by_lane() -> None:
    wanted = pattern("(v128.const f32x4 1.0 nan:canonical nan:arithmetic -0.0)")
    lanes = [0x3F80_0000, CANONICAL | 1 << 31, CANONICAL | 7, 1 << 31]

    def vector(lanes: list[int]) -> Value:
        return Value.V128(sum(lane << 32 * index for index, lane in enumerate(lanes)))

    assert matches(vector(lanes), wanted)
    for index, wrong in enumerate((0x3F80_0001, CANONICAL | 1, 0x7F80_0001, 0)):
        assert not matches(vector([*lanes[:index], wrong, *lanes[index + 1 :]]), wanted)
    assert matches(Value.V128(bytes(range(16))), pattern("(v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)"))
    assert matches(Value.V128(-1), pattern("(v128.const i64x2 -1 -1)"))


def test_references() -> None:
    one, two = HostReference.of(1), HostReference.of(2)
    assert one is argument(pattern("(ref.extern 1)")).value
    assert matches(Value.EXTERNREF(one), pattern("(ref.extern 1)"))
    assert not matches(Value.EXTERNREF(two), pattern("(ref.extern 1)"))
    assert matches(Value.EXTERNREF(two), pattern("(ref.extern)"))
    assert not matches(Value.EXTERNREF(None), pattern("(ref.extern)"))
    assert matches(Value.EXTERNREF(None), pattern("(ref.null extern)"))
    assert not matches(Value.EXTERNREF(None), pattern("(ref.null func)"))
    assert matches(Value.FUNCREF(None), pattern("(ref.null func)"))
    assert matches(Value.FUNCREF(print), pattern("(ref.func)"))
    assert not matches(Value.FUNCREF(None), pattern("(ref.func)"))


def test_references_below_any() -> None:
    one = HostReference.of(1)
    assert argument(pattern("(ref.host 1)")) == Value.ANYREF(one)
    assert matches(Value.ANYREF(one), pattern("(ref.host 1)"))
    assert not matches(Value.EXTERNREF(one), pattern("(ref.host 1)"))
    assert not matches(Value.ANYREF(one), pattern("(ref.extern 1)"))
    for word, allowed in (("i31", True), ("eq", True), ("any", True), ("struct", False), ("array", False)):
        assert matches(Value.ANYREF(7), pattern(f"(ref.{word})")) == allowed
        assert not matches(Value.ANYREF(None), pattern(f"(ref.{word})"))
    assert matches(Value.ANYREF(None), pattern("(ref.null any)"))


def test_the_nan_assertions_of_the_first_release() -> None:
    (command,) = read_script('(assert_return_canonical_nan (invoke "f"))')
    assert matches(Value.from_bits(Type.F64, 0xFFF8 << 48), command.expected[0])
    assert not matches(Value.from_bits(Type.F64, 0x7FF8 << 48 | 1), command.expected[0])
    (command,) = read_script('(assert_return_arithmetic_nan (invoke "f"))')
    assert matches(Value.from_bits(Type.F32, CANONICAL | 1), command.expected[0])
    assert not matches(Value.from_bits(Type.F32, 0), command.expected[0])


def test_the_number_of_results_counts() -> None:
    one = pattern("(i32.const 1)")
    assert all_match([Value.I32(1), Value.I32(1)], [one, one])
    assert not all_match([Value.I32(1)], [one, one])
    assert not all_match([Value.I32(1)], [])


def test_words() -> None:
    compare_words("unexpected token foo, expected )", "unexpected token")
    compare_words("uninitialized element", "uninitialized element 7")
    with pytest.raises(Failed):
        compare_words("integer overflow", "integer divide by zero")


def test_superseded_counts_only_what_is_on() -> None:
    rows = _superseded_rows("# a comment\n1.0 a 1 2 # gone since 2.0\n1.0 a 3 # in 1.0 this, gone with memory64, 3.0\n")
    assert {line: release for line, (release, _) in rows["1.0/a"].items()} == {1: "2.0", 2: "2.0", 3: "3.0"}


def test_an_unexpected_pass_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "superseded", lambda name: {3: "gone"})
    monkeypatch.setattr(verdicts, "expected_failures", lambda name, backend: [ExpectedFailure(name, 5, "not done")])
    result = ScriptResult(assertions=4, passed=1, failures={3: "as it should", 5: "known", 7: "new"})
    verdict = verdicts.judge("1.0/x", "b", result)
    assert (verdict.superseded, verdict.expected, list(verdict.problems)) == (1, 1, [7])
    verdict = verdicts.judge("1.0/x", "b", ScriptResult(assertions=4, passed=4))
    assert sorted(verdict.problems) == [3, 5]
    assert "passed, though" in verdict.report()
