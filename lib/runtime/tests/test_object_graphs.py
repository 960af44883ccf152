"""Graphs of objects that code and Python change at random while the heap is collected: none is lost, none is another.

Beside each heap stands a model of it in Python. What is changed between two steps of marking is chosen to hide: the far
end of a chain, which marking has not come to, goes to where marking has been, into an array, a table, a global, a
field, an exception, a variable of Python's or of a function that runs, and the chain is cut. A step marks one object
here, so a collection is hundreds of steps with a change between any two.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final

import pytest

from wasmer_runtime import compile
from wasmer_runtime_core.native import machine

REGISTRY: Final = 12
TABLE: Final = 9
ID, NEXT, SIDE = range(3)
"""Fields."""
MODULE: Final = f"""(module
  (type $node (struct (field $id (mut i32)) (field $next (mut (ref null $node))) (field $side (mut (ref null $node)))))
  (type $nodes (array (mut (ref null $node)))) (type $bytes (array (mut i8)))
  (tag $carried (param (ref null $node)))
  (table $t (export "table") {TABLE} (ref null $node))
  (global $g (export "global") (mut (ref null $node)) (ref.null $node))
  (global $all (mut (ref null $nodes)) (array.new_default $nodes (i32.const {REGISTRY})))
  (func $at (param i32) (result (ref null $node)) (array.get $nodes (global.get $all) (local.get 0)))
  (func $put (param i32 (ref null $node)) (array.set $nodes (global.get $all) (local.get 0) (local.get 1)))
  (func $garbage (export "garbage") (param i32)
    (loop $l (drop (array.new_default $bytes (i32.const 40000)))
      (br_if $l (i32.gt_s (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (i32.const 0)))))
  (func (export "get") (param i32) (result (ref null $node)) (call $at (local.get 0)))
  (func (export "put") (param i32 (ref null $node)) (call $put (local.get 0) (local.get 1)))
  (func (export "make") (param $to i32) (param $count i32) (param $id i32) (local $chain (ref null $node))
    (loop $l
      (local.set $chain (struct.new $node (local.get $id) (local.get $chain) (ref.null $node)))
      (local.set $id (i32.add (local.get $id) (i32.const 1)))
      (br_if $l (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
    (call $put (local.get $to) (local.get $chain)))
  (func $walk (param $from (ref null $node)) (param $steps i32) (result (ref null $node))
    (block $end
      (loop $l
        (br_if $end (i32.eqz (local.get $steps)))
        (br_if $end (ref.is_null (struct.get $node $next (local.get $from))))
        (local.set $from (struct.get $node $next (local.get $from)))
        (local.set $steps (i32.sub (local.get $steps) (i32.const 1)))
        (br $l)))
    (local.get $from))
  (func $cut (param $from i32) (param $steps i32) (result (ref null $node))
    (local $last (ref null $node)) (local $rest (ref null $node))
    (local.set $last (call $walk (call $at (local.get $from)) (local.get $steps)))
    (local.set $rest (struct.get $node $next (local.get $last)))
    (struct.set $node $next (local.get $last) (ref.null $node))
    (local.get $rest))
  (func (export "to array") (param i32 i32 i32) (call $put (local.get 2) (call $cut (local.get 0) (local.get 1))))
  (func (export "to table") (param i32 i32 i32) (table.set $t (local.get 2) (call $cut (local.get 0) (local.get 1))))
  (func (export "to global") (param i32 i32) (global.set $g (call $cut (local.get 0) (local.get 1))))
  (func (export "to side") (param i32 i32 i32) (local $rest (ref null $node))
    (local.set $rest (call $cut (local.get 0) (local.get 1)))
    (struct.set $node $side (call $at (local.get 2)) (local.get $rest)))
  (func (export "to python") (param i32 i32) (result (ref null $node)) (call $cut (local.get 0) (local.get 1)))
  (func (export "on the stack") (param i32 i32 i32) (param $rounds i32) (local $rest (ref null $node))
    (local.set $rest (call $cut (local.get 0) (local.get 1)))
    (call $garbage (local.get $rounds))
    (call $put (local.get 2) (local.get $rest)))
  (func $throw (param i32 i32 i32) (local $rest (ref null $node))
    (local.set $rest (call $cut (local.get 0) (local.get 1)))
    (throw $carried (local.get $rest)))
  (func (export "in an exception") (param i32 i32 i32) (param $rounds i32) (local $caught exnref)
    (block $c (result exnref)
      (try_table (catch_all_ref $c) (call $throw (local.get 0) (local.get 1) (local.get 2)))
      (unreachable))
    (local.set $caught)
    (call $garbage (local.get $rounds))
    (block $n (result (ref null $node))
      (try_table (catch $carried $n) (throw_ref (local.get $caught))) (unreachable))
    (local.set $caught (ref.null exn))
    (global.set $g))
  (func (export "from table") (param i32 i32) (call $put (local.get 1) (table.get $t (local.get 0)))
    (table.set $t (local.get 0) (ref.null $node)))
  (func (export "from global") (param i32) (call $put (local.get 0) (global.get $g)) (global.set $g (ref.null $node)))
  (func (export "grow table") (param i32) (drop (table.grow $t (ref.null $node) (i32.const 1)))))"""


class Node:
    """What is known of an object."""

    __slots__ = ("id", "next", "side")

    def __init__(self, id_: int, next_: Node | None) -> None:
        self.id, self.next, self.side = id_, next_, None  # type: ignore[var-annotated]
        self.side: Node | None


class Graph:
    """An instance, and the model of its objects."""

    def __init__(self, module: Any, draw: random.Random) -> None:
        self.draw = draw
        self.instance = module.instantiate()
        self.exports: Any = self.instance.exports
        self.array: list[Node | None] = [None] * REGISTRY
        self.table: list[Node | None] = [None] * TABLE
        self.one: Node | None = None
        self.held: list[tuple[Any, Node]] = []
        self.made = 0

    def cut(self) -> tuple[int, int, Node | None] | None:
        """(where a chain begins, steps along it, what is behind that), which is cut off in the model."""
        places = [at for at, node in enumerate(self.array) if node is not None]
        if not places:
            return None
        at, steps = self.draw.choice(places), self.draw.randrange(60)
        node = self.array[at]
        assert node is not None
        for _ in range(steps):
            if node.next is None:
                break
            node = node.next
        rest, node.next = node.next, None
        return at, steps, rest

    def step(self) -> None:
        """One change by code or by Python."""
        draw, run = self.draw, self.exports
        to = draw.randrange(REGISTRY)
        kind = draw.randrange(14)
        if kind < 2 or (self.array[to] is None and kind < 5):
            count = draw.choice((1, 5, 40, 80))
            run.make(to, count, self.made)
            chain: Node | None = None
            for id_ in range(self.made, self.made + count):
                chain = Node(id_, chain)
            self.array[to] = chain
            self.made += count
            return
        if kind == 2 and self.held:
            reference, node = self.held.pop(draw.randrange(len(self.held)))
            run.put(to, reference)
            self.array[to] = node
            return
        if kind == 3 and self.held and self.array[to] is not None:  # Python writes a field
            reference, node = draw.choice(self.held)
            chain = self.array[to]
            run.get(to)[SIDE] = reference
            assert chain is not None
            chain.side = node
            return
        if kind == 4:
            at = draw.randrange(TABLE)
            run["from table"](at, to)
            self.array[to], self.table[at] = self.table[at], None
            return
        if kind == 5:
            run["from global"](to)
            self.array[to], self.one = self.one, None
            return
        if kind == 6 and len(self.held) > 6:
            del self.held[draw.randrange(len(self.held))]
            return
        cut = self.cut()
        if cut is None:
            return
        at, steps, rest = cut
        if kind == 7:
            place = draw.randrange(TABLE)
            run["to table"](at, steps, place)
            self.table[place] = rest
        elif kind == 8:
            run["to global"](at, steps)
            self.one = rest
        elif kind == 9:
            reference = run["to python"](at, steps)
            assert (reference is None) == (rest is None)
            if rest is not None:
                self.held.append((reference, rest))
        elif kind == 10:
            run["on the stack"](at, steps, to, draw.randrange(1, 6))
            self.array[to] = rest
        elif kind == 11:
            run["in an exception"](at, steps, to, draw.randrange(1, 6))
            self.one = rest
        elif kind == 12 and self.array[to] is not None:
            run["to side"](at, steps, to)
            node = self.array[to]
            assert node is not None
            node.side = rest
        else:
            run["to array"](at, steps, to)
            self.array[to] = rest

    def check(self) -> int:
        """Each object that is known is there, with its number and its references; returns how many there are."""
        run = self.exports
        todo = [(run.get(at), node) for at, node in enumerate(self.array)]
        todo += [(run.table[at], node) for at, node in enumerate(self.table)]
        todo += [(run["global"].value, self.one), *self.held]
        seen: dict[int, Any] = {}
        while todo:
            reference, node = todo.pop()
            assert (reference is None) == (node is None)
            if node is None:
                continue
            if node.id in seen:
                assert seen[node.id] == reference
                continue
            seen[node.id] = reference
            assert reference[ID] == node.id
            todo += [(reference[NEXT], node.next), (reference[SIDE], node.side)]
        return len(seen)


@pytest.fixture
def how() -> Iterator[Any]:
    yield machine.heap_stress
    machine.heap_stress(0)


def changed(seed: int, backend: str, rounds: int, graphs: int, collect: bool) -> list[Graph]:
    """Graphs that were changed in turn, with garbage between, so that steps of marking lie between changes."""
    draw = random.Random(seed)
    module = compile(MODULE, backend)
    found = [Graph(module, draw) for _ in range(graphs)]
    for number in range(rounds):
        graph = draw.choice(found)
        graph.step()
        graph.exports.garbage(draw.choice((1, 1, 1, 4)))
        if collect and draw.random() < 0.01:
            heap = graph.instance.heap
            assert heap is not None and heap.collect()
        if number % 500 == 499:
            graph.check()
    assert sum(graph.check() for graph in found) > 50
    return found


@pytest.mark.parametrize("backend", ("singlepass", "cranelift"))
@pytest.mark.parametrize("seed", range(2))
def test_in_steps(seed: int, backend: str, how: Any) -> None:
    how(2)
    for graph in changed(seed, backend, 2500, 2, collect=seed % 2 == 1):
        assert graph.instance.heap.collections > 2


def test_at_each_allocation(how: Any) -> None:
    how(1)
    changed(7, "singlepass", 300, 2, collect=True)


def test_as_it_is_used() -> None:
    changed(9, "singlepass", 3000, 3, collect=True)
