"""A little fuzzing with every run of the tests; ``python -m tests.fuzz`` does more."""

from __future__ import annotations

import random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import corpus
from tests.fuzz.modules import outcome
from tests.fuzz.mutation import KINDS, Mutation, mutate
from tests.fuzz.splice import Splicer
from tests.fuzz.stages import broken_text, compiles, parses_or_refuses, prints

OWN: Final = [corpus.parse_own(text) for text in corpus.OWN_MODULES]

mutations = st.lists(
    st.builds(Mutation, st.sampled_from(KINDS), st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=4
)


@pytest.mark.parametrize("module", OWN, ids=("control", "everything", "vectors"))
def test_the_modules_to_start_from_are_valid(module: bytes) -> None:
    assert outcome(module).kind == "valid"


@given(module=st.sampled_from(OWN), edits=mutations)
@settings(max_examples=500, deadline=None)
def test_a_broken_module_is_refused_or_holds(module: bytes, edits: list[Mutation]) -> None:
    assert outcome(mutate(module, edits)).kind in ("valid", "malformed", "invalid")


@given(data=st.binary(max_size=64))
@settings(max_examples=200, deadline=None)
def test_any_bytes_behind_the_header(data: bytes) -> None:
    outcome(b"\0asm\1\0\0\0" + data)


@pytest.mark.parametrize("module", OWN, ids=("control", "everything", "vectors"))
def test_every_prefix_of_a_module_is_malformed_or_whole(module: bytes) -> None:
    kinds = [outcome(module[:length]).kind for length in range(len(module))]
    assert kinds.count("malformed") > len(kinds) * 0.9
    assert outcome(module[:-1]).kind != "invalid"


def test_moved_instructions_reach_the_types() -> None:
    splicer = Splicer(OWN)
    source = random.Random(1)
    verdicts = [outcome(splicer.splice(source)) for _ in range(500)]
    assert {verdict.kind for verdict in verdicts} >= {"valid", "invalid"}
    assert any(verdict.reason.startswith("type mismatch") for verdict in verdicts)


@pytest.mark.parametrize("module", OWN, ids=("control", "everything", "vectors"))
def test_valid_modules_compile_and_print(module: bytes) -> None:
    compiles(module)
    prints(module)


@given(text=st.sampled_from(corpus.OWN_MODULES), seed=st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_a_broken_text_is_refused_or_holds(text: str, seed: int) -> None:
    assert parses_or_refuses(broken_text(text, random.Random(seed))) in ("parsed", "refused")
