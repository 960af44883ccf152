"""A sample of ``python -m tests.differential --new-operators N``."""

from __future__ import annotations

import pytest

pytest.importorskip("wasmtime", reason="programs are compared with wasmtime")

from tests.backends import usable
from tests.differential.new_operators import KINDS, mismatches
from tests.differential.vectors import RELAXED, Vectors


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(900, 903))
def test_engines_agree(kind: str, seed: int) -> None:
    others = tuple(name for name in usable() if name != "singlepass")
    assert mismatches(KINDS[kind](seed), others) == []


def test_every_relaxed_operator_is_drawn() -> None:
    text = "".join(Vectors(seed).text for seed in range(20))
    assert {mnemonic for mnemonic, _ in RELAXED} == {mnemonic for mnemonic, _ in RELAXED if mnemonic in text}
    assert len(RELAXED) == 20
