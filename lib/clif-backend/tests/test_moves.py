"""Moves at once, made one after another."""

from __future__ import annotations

import random

import pytest

from wasmer_clif_backend.machine.moves import Moves


def in_order(moves: list[tuple[int, int]], spare: int, exchanged: int = 0) -> list[tuple[int, int]]:
    """The order of some moves, twice: what was done before is forgotten."""
    buffer = Moves(first_slot=32, exchanged=exchanged)
    found = []
    for _ in range(2):
        for to, source in moves:
            buffer.add(to, source)
        buffer.order(spare)
        found.append([(int(buffer.ordered_to[n]), int(buffer.ordered_from[n])) for n in range(buffer.ordered)])
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize("seed", range(500))
def test_one_by_one_is_as_at_once(seed: int) -> None:
    source = random.Random(seed)
    count = source.randrange(1, 8)
    targets = source.sample(range(8), count)
    moves = [(to, source.randrange(8)) for to in targets]
    before = {place: f"value {place}" for place in range(8)}
    wanted = dict(before)
    for to, held in moves:
        wanted[to] = before[held]
    for exchanged in (0, 4, 8):
        now = {**before, 99: "spare"}
        ordered = in_order(moves, 99, exchanged)
        for to, held in ordered:
            if held < 0:
                assert to < exchanged and ~held < exchanged
                now[to], now[~held] = now[~held], now[to]
            else:
                now[to] = now[held]
        del now[99]
        assert now == wanted
        assert len(ordered) <= count + count // 2
        assert exchanged < 8 or len(ordered) <= count


def test_a_circle_takes_one_move_more() -> None:
    assert len(in_order([(0, 1), (1, 2), (2, 0)], 9)) == 4


def test_a_circle_of_what_can_be_exchanged_takes_one_less() -> None:
    assert in_order([(0, 1), (1, 2), (2, 0)], 9, 3) == [(0, ~1), (1, ~2)]


def test_a_chain_takes_none_more() -> None:
    assert in_order([(0, 1), (1, 2)], 9) == [(0, 1), (1, 2)]


def test_a_place_to_itself_takes_none() -> None:
    assert in_order([(0, 0), (1, 1)], 9) == []


def test_many_circles_of_slots() -> None:
    places = list(range(32, 1032))
    ordered = in_order([(place, place ^ 1) for place in places], 2000)
    assert len(ordered) == 1500
    now = {place: place for place in [*places, 2000]}
    for to, held in ordered:
        now[to] = now[held]
    assert all(now[place] == place ^ 1 for place in places)
