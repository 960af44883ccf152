"""A sample of ``python -m tests.differential --executions N``."""

from __future__ import annotations

import pytest

from tests.backends import compiler_or_skip
from tests.differential.generate import Program
from tests.differential.pairwise import SIZES, differences
from tests.differential.variants import VARIANTS


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name.startswith("cranelift")])
def test_cranelift_agrees_with_singlepass(variant: str) -> None:
    compiler_or_skip("cranelift")
    compiler, config = VARIANTS[variant]()
    for seed in range(500, 530):
        calls, found = differences(Program(seed, SIZES[seed % len(SIZES)]), compiler, config)
        assert not found and calls, f"seed {seed}"
