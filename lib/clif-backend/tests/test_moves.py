"""Moves at once, made one after another."""

from __future__ import annotations

import random

import pytest

from wasmer_clif_backend.machine.moves import in_order


@pytest.mark.parametrize("seed", range(500))
def test_one_by_one_is_as_at_once(seed: int) -> None:
    source = random.Random(seed)
    count = source.randrange(1, 8)
    targets = source.sample(range(8), count)
    moves: list[int] = []
    for to in targets:
        moves += (to, source.randrange(8))
    before = {place: f"value {place}" for place in range(8)}
    wanted = dict(before)
    for at in range(0, len(moves), 2):
        wanted[moves[at]] = before[moves[at + 1]]
    now = {**before, 99: "spare"}
    ordered = in_order(moves, 99)
    for at in range(0, len(ordered), 2):
        now[ordered[at]] = now[ordered[at + 1]]
    del now[99]
    assert now == wanted
    assert len(ordered) <= 2 * (count + count // 2)


def test_a_circle_takes_one_move_more() -> None:
    assert len(in_order([0, 1, 1, 2, 2, 0], 9)) == 8


def test_a_chain_takes_none_more() -> None:
    assert in_order([0, 1, 1, 2], 9) == [0, 1, 1, 2]


def test_a_place_to_itself_takes_none() -> None:
    assert in_order([0, 0, 1, 1], 9) == []
