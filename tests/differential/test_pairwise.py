"""A sample of ``python -m tests.differential --executions N``."""

from __future__ import annotations

import pytest

from tests.backends import compiler_or_skip
from tests.differential.generate import Program
from tests.differential.pairwise import SIZES, differences
from tests.differential.variants import DETERMINISTIC, VARIANTS


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name.startswith("cranelift")])
def test_cranelift_agrees_with_singlepass(variant: str) -> None:
    compiler_or_skip("cranelift")
    compiler, config = VARIANTS[variant]()
    for seed in range(500, 530):
        calls, found = differences(Program(seed, SIZES[seed % len(SIZES)]), compiler, config)
        assert not found and calls, f"seed {seed}"


@pytest.mark.parametrize("variant", DETERMINISTIC)
def test_deterministic_results_are_the_same_to_the_bit(variant: str) -> None:
    compiler, config = DETERMINISTIC[variant]()
    for seed in range(600, 612):
        calls, found = differences(Program(seed, SIZES[seed % len(SIZES)]), compiler, config)
        assert not found and calls, f"seed {seed}"
