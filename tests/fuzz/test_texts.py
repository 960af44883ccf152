"""A little fuzzing of the text format with every run of the tests; ``python -m tests.fuzz.texts`` does more."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import corpus
from tests.fuzz.texts import broken, outcome, spellings

OWN = [spellings(text) for text in corpus.OWN_MODULES]


def test_our_own_texts_come_back() -> None:
    assert [outcome(text) for text in corpus.OWN_MODULES] == ["module"] * len(corpus.OWN_MODULES)


@given(seed=st.integers(0, 1 << 32))
@settings(max_examples=500, deadline=None)
def test_a_broken_text_is_refused_or_comes_back(seed: int) -> None:
    assert outcome(broken(random.Random(seed), OWN)) in ("module", "unprintable", "malformed")


def test_some_broken_texts_are_modules() -> None:
    found = {outcome(broken(random.Random(seed), OWN)) for seed in range(500)}
    assert found >= {"module", "malformed"}
