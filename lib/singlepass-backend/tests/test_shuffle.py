"""i8x16.shuffle has several lowerings; each does what the lanes say."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_singlepass_backend import SinglepassCompiler

MODULE = """
(module
  (func (export "two") (param v128 v128) (result v128)
    (i8x16.shuffle {lanes} (local.get 0) (local.get 1)))
  (func (export "same") (param v128) (result v128) (local v128)
    (local.set 1 (i8x16.shuffle {lanes} (local.get 0) (local.get 0)))
    (i8x16.add (local.get 1) (local.get 0))))
"""


def _dwords(dwords: list[int]) -> list[int]:
    return [4 * dword + byte for dword in dwords for byte in range(4)]


# fmt: off
SHAPES: dict[str, Callable[[random.Random], list[int]]] = {
    "dwords of the first":       lambda draw: _dwords([draw.randrange(4) for _ in range(4)]),
    "dwords of the second":      lambda draw: _dwords([draw.randrange(4, 8) for _ in range(4)]),
    "dwords, two of each":       lambda draw: _dwords([*(draw.randrange(4) for _ in range(2)),
                                                       *(draw.randrange(4, 8) for _ in range(2))]),
    "dwords of both":            lambda draw: _dwords([draw.randrange(8) for _ in range(4)]),
    "bytes of the first":        lambda draw: [draw.randrange(16) for _ in range(16)],
    "bytes of the second":       lambda draw: [draw.randrange(16, 32) for _ in range(16)],
    "bytes of both":             lambda draw: [draw.randrange(32) for _ in range(16)],
    "nearly dwords":             lambda draw: [*_dwords([draw.randrange(4) for _ in range(4)])[:15], 7],
}
# fmt: on


@pytest.mark.parametrize("features", [None, frozenset(("ssse3", "sse4.1", "sse4.2", "popcnt"))], ids=["host", "old"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_lane_comes_from_where_it_should(shape: str, features: frozenset[str] | None) -> None:
    draw = random.Random(shape)
    for _ in range(10):
        lanes = SHAPES[shape](draw)
        wasm = parse_module(MODULE.format(lanes=" ".join(map(str, lanes))))
        exports = compile_with(wasm, SinglepassCompiler(features)).instantiate({}).exports
        left, right = draw.randbytes(16), draw.randbytes(16)
        both = left + right
        assert exports["two"](left, right) == bytes(both[lane] for lane in lanes)
        expected = bytes((left[lane & 15] + left[at]) & 0xFF for at, lane in enumerate(lanes))
        assert exports["same"](left) == expected
