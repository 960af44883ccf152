"""A sample of random programs; `python -m tests.differential` runs as many as there is time for."""

from __future__ import annotations

import pytest

pytest.importorskip("wasmtime", reason="programs are compared with wasmtime")

from tests.differential.compare import differences
from tests.differential.generate import Program
from tests.differential.variants import VARIANTS


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", (3, 5, 7))
def test_programs_agree_with_wasmtime(variant: str, size: int) -> None:
    compiler, config = VARIANTS[variant]()
    for seed in range(1000 * size, 1000 * size + 12):
        assert differences(Program(seed, size), compiler, config) == [], f"seed {seed}"
