"""What the programs of `packages` are compared by: numbers and values as JavaScript writes them."""

from __future__ import annotations

import pytest
from packages import DRIVERS, SETS
from packages.javascript import number, stringify


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"), (-0.0, "0"), (1, "1"), (-12, "-12"), (100, "100"), (0.5, "0.5"), (-1.25, "-1.25"),
        (1e15, "1000000000000000"), (2**63, "9223372036854776000"), (1e21, "1e+21"), (123456789e15, "1.23456789e+23"),
        (1e20, "100000000000000000000"),
        (0.000001, "0.000001"), (0.00000123, "0.00000123"), (1e-7, "1e-7"), (1.5e-9, "1.5e-9"), (5e-324, "5e-324"),
        (1 / 3, "0.3333333333333333"), (float("inf"), "Infinity"), (float("nan"), "NaN"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_javascript_does(value: float, expected: str) -> None:
    assert number(value) == expected


def test_values_are_written_as_javascript_does() -> None:
    assert stringify({"a": [1.0, None, True, float("inf")], "b": b"\x01\x02", "c": 'ü"'}) == (
        '{"a":[1,null,true,null],"b":{"0":1,"1":2},"c":"ü\\""}'
    )


def test_every_set_names_its_packages() -> None:
    assert all(each.packages for each in SETS)
    assert all(
        each.expected.endswith(".expected") or (each.driver and (DRIVERS / each.driver).is_file()) or each.told()
        for each in SETS
    )
    assert {each.driver for each in SETS if each.driver} == {path.name for path in DRIVERS.iterdir()}
    assert len({each.name for each in SETS}) == len(SETS)
