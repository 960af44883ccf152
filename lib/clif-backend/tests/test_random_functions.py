"""Random functions give what an interpreter gives, with every allocation proved."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from random_clif import Generator

from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.parser import parse_file
from wasmer_clif_backend.ir.verify import verify
from wasmer_clif_backend.passes.optimise import optimised
from wasmer_clif_backend.text_module import TextModule

ARGUMENTS = [(0, 0), (1, 2), (0xFFFF_FFFF_FFFF_FFFF, 3), (0x8000_0000_0000_0000, 0x1234_5678_9ABC_DEF0)]


# Behind the first ones, some that found faults: writes that were lost where a life was cut between them.
@pytest.mark.parametrize("seed", [*range(150), 306, 689, 1008])
def test_a_function(seed: int) -> None:
    text, interpret = Generator(seed).function()
    functions = [one.function for one in parse_file(text).functions]
    assert [str(finding) for function in functions for finding in verify(function)] == []
    check(functions, interpret)
    check([optimised(function) for function in functions], interpret)


def check(functions: list[Function], interpret: Callable[[int, int], int]) -> None:
    module = TextModule(functions, prove=True)
    for x, y in ARGUMENTS:
        (result,) = module.call("%f", [x.to_bytes(8, "little"), y.to_bytes(8, "little")])
        assert int.from_bytes(result, "little") == interpret(x, y)
