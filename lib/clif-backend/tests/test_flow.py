"""Dominators and loops, against what their definitions say, on graphs of every kind."""

from __future__ import annotations

import random

import pytest

from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.opcodes import BR_TABLE, RETURN
from wasmer_clif_backend.ir.parser import parse_function


def graph(edges: list[list[int]]) -> Function:
    """A function whose block n (from 1) leads to ``edges[n - 1]``."""
    function = Function()
    for _ in edges:
        function.block()
    for b, targets in enumerate(edges, 1):
        if targets:
            function.add(b, BR_TABLE, 0, 0, function.new_list([int(function.edge(b, to)) for to in targets]))
        else:
            function.add(b, RETURN, 0)
    return function


def reached(edges: list[list[int]], without: int = 0) -> set[int]:
    """Blocks that are reached from the first one, not through `without`."""
    found: set[int] = set()
    work = [] if without == 1 else [1]
    while work:
        b = work.pop()
        if b not in found:
            found.add(b)
            work += [to for to in edges[b - 1] if to != without]
    return found


def random_edges(seed: int) -> list[list[int]]:
    """Some graph: seeds make sparse and dense ones, with and without ways back."""
    source = random.Random(seed)
    count = source.randrange(1, 14)
    back = source.random() < 0.7
    edges: list[list[int]] = []
    for b in range(1, count + 1):
        least = 2 if back else b + 1
        edges.append([source.randrange(least, count + 1) for _ in range(source.randrange(3)) if least <= count])
    return edges


@pytest.mark.parametrize("seed", range(300))
def test_dominators_and_order(seed: int) -> None:
    edges = random_edges(seed)
    flow = Flow(graph(edges))
    everything = reached(edges)
    assert set(flow.order) == everything
    dominated = {b: everything - reached(edges, b) for b in everything}
    for one in everything:
        for other in everything:
            assert flow.dominates(one, other) == (other in dominated[one])
        if one != 1:
            above = int(flow.dominator[one])
            others = [b for b in everything if b != one and one in dominated[b]]
            assert above in others and all(above in dominated[b] for b in others)


@pytest.mark.parametrize("seed", range(300))
def test_loops(seed: int) -> None:
    """A block is in a loop if and only if it can get back to itself; nested ones are told apart by dominators."""
    edges = random_edges(seed)
    flow = Flow(graph(edges))
    for b in flow.order:
        again = set()
        work = list(edges[b - 1])
        while work:
            to = work.pop()
            if to not in again:
                again.add(to)
                work += edges[to - 1]
        assert (flow.depth[b] > 0) == (b in again)
        head = int(flow.loop[b])
        assert (head != 0) == (b in again)
        if head:
            assert head in again and flow.loop[head] == head
            assert flow.depth[b] == flow.depth[head]
            if not any(flow.irreducible[one] for one in flow.order):
                assert flow.dominates(head, b)
            if flow.outer[head]:
                assert flow.depth[head] == flow.depth[flow.outer[head]] + 1
            else:
                assert flow.depth[head] == 1


def test_nested_loops() -> None:
    function = parse_function("""
function %f(i32) {
block0(v0: i32):
    jump block1
block1:
    jump block2
block2:
    brif v0, block2, block3
block3:
    brif v0, block1, block4
block4:
    return
}""")
    flow = Flow(function)
    assert [int(flow.depth[b]) for b in range(1, 6)] == [0, 1, 2, 1, 0]
    assert [int(flow.loop[b]) for b in range(1, 6)] == [0, 2, 3, 2, 0]
    assert flow.outer[3] == 2 and flow.outer[2] == 0


def test_a_loop_with_two_entries() -> None:
    flow = Flow(graph([[2, 3], [3], [2, 4], []]))
    assert [int(flow.depth[b]) for b in range(1, 5)] == [0, 1, 1, 0]
    assert sum(int(flow.irreducible[b]) for b in range(1, 5)) == 1


def test_a_long_chain_is_no_recursion() -> None:
    count = 20_000
    flow = Flow(graph([*([b + 1] for b in range(1, count)), [2]]))
    assert len(flow.order) == count
    assert flow.dominator[count] == count - 1
    assert flow.loop[count] == 2 and flow.depth[count] == 1
