"""How control flows through a function: reverse post-order, dominators, loops.

Any graph of blocks will do, an irreducible one too. All three are found in time that is linear in
the number of edges, or nearly so, without recursion:

* the order by one walk in depth;
* immediate dominators by Georgiadis' and Tarjan's variant of the algorithm of Lengauer and Tarjan
  ("semi-NCA"): semidominators by path compression, then one step up the tree for each block;
* loops by Wei, Mao, Zou and Chen, *A new algorithm for identifying loops in decompilation* (2007), in
  the same walk: each block learns the innermost head that it can get back to. A loop that is entered
  in several places has one of them as its head, and `irreducible` says so.
"""

from __future__ import annotations

from librt.vecs import append, vec

from wasmer_clif_backend.ir.columns import column
from wasmer_clif_backend.ir.function import Function
from wasmer_runtime_core.support.annotations import Final, final, i64

_BLOCKS: Final = 1 << 7


@final
class Flow:
    """What is known about a function's blocks. Columns are by block; 0 is "none".

    One object serves one function after another: `find` looks at a whole graph, or who makes a function block by
    block in the order of `order` says what it knows (`begin`, `enter`).

    Attributes:
        order: reachable blocks in reverse post-order: a block before all that it dominates.
        number: the place in `order`, from 1; 0 is not reached.
        dominator: the immediate dominator; 0 for the entry.
        loop: the head of the innermost loop that a block is in; a head is in its own loop.
        outer: of a loop's head: the head of the loop around it.
        depth: how many loops a block is in.
        irreducible: 1 for heads of loops that are entered elsewhere, too.
    """

    def __init__(self, function: Function | None = None) -> None:
        self.order = vec[i64]()
        self.climbed: i64 = 0
        """Steps that `nearest` took; whoever counts effort sets it back."""
        self._rows: i64 = 0
        # Set before any method is called, as those of `Function` are.
        none = column(0)
        self.number = none
        self.dominator = none
        self.loop = none
        self.outer = none
        self.depth = none
        self.irreducible = none
        # Of the walk.
        self._is_head = none
        self._parent = none
        self._on_path = none
        self._stack = none
        self._next_edge = none
        self._post = none
        # By number in the order in which the walk found the blocks, from 1: `_found` is its inverse.
        self._block = none
        self._found = none
        self._semi = none
        self._label = none
        self._ancestor = none
        self._above = none
        self._make_columns(_BLOCKS)
        if function is not None:
            self.find(function)

    def _make_columns(self, rows: i64) -> None:
        self._rows = rows
        self.number = column(rows)
        self.dominator = column(rows)
        self.loop = column(rows)
        self.outer = column(rows)
        self.depth = column(rows)
        self.irreducible = column(rows)
        self._is_head = column(rows)
        self._parent = column(rows)
        self._on_path = column(rows)
        self._stack = column(rows)
        self._next_edge = column(rows)
        self._post = column(rows)
        self._block = column(rows)
        self._found = column(rows)
        self._semi = column(rows)
        self._label = column(rows)
        self._ancestor = column(rows)
        self._above = column(rows)

    def dominates(self, one: i64, other: i64) -> bool:
        """Whether every way to `other` goes through `one`; a block dominates itself."""
        number = self.number
        while number[other] > number[one]:
            other = self.dominator[other]
        return other == one

    def is_within(self, block: i64, loop: i64) -> bool:
        """Whether a block is in the loop of a head, or in one inside that; every block is in "none".

        It takes as many steps as the block is deeper than that head.
        """
        if loop == 0:
            return True
        head = self.loop[block]
        depth = self.depth[loop]
        while head and self.depth[head] > depth:
            head = self.outer[head]
        return head == loop

    # --- from whoever makes the blocks ------------------------------------------------------------

    def begin(self) -> None:
        """Forget the last function: `enter` follows for each block."""
        self.climbed = 0
        self.order = vec[i64]()

    def enter(self, block: i64, dominator: i64, loop: i64, is_head: bool) -> None:
        """The next block in order.

        Args:
            block: one more than the last one that was entered; the first is 1.
            dominator: its immediate dominator.
            loop: the head of the innermost loop around it; of a head: around its loop.
            is_head: it is the head of a loop of its own.
        """
        if block >= self._rows:
            self._grow(block + 1)
        self.order = append(self.order, block)
        self.number[block] = block
        self.dominator[block] = dominator
        self.irreducible[block] = 0
        depth: i64 = 0
        if loop:
            depth = self.depth[loop]
        if is_head:
            self.depth[block] = depth + 1
            self.loop[block] = block
            self.outer[block] = loop
        else:
            self.depth[block] = depth
            self.loop[block] = loop
            self.outer[block] = 0

    def nearest(self, one: i64, other: i64) -> i64:
        """The nearest block that dominates both."""
        number = self.number
        while one != other:
            self.climbed += 1
            if number[one] > number[other]:
                one = self.dominator[one]
            else:
                other = self.dominator[other]
        return one

    def _grow(self, least: i64) -> None:
        """Room for more blocks; what `enter` wrote stays."""
        number = self.number
        dominator = self.dominator
        loop = self.loop
        outer = self.outer
        depth = self.depth
        old = self._rows
        self._make_columns(2 * least)
        at: i64 = 0
        while at < old:
            self.number[at] = number[at]
            self.dominator[at] = dominator[at]
            self.loop[at] = loop[at]
            self.outer[at] = outer[at]
            self.depth[at] = depth[at]
            at += 1

    # --- order and loops, of any graph ---------------------------------------------------------------

    def find(self, function: Function) -> None:
        """Look at a function's whole graph."""
        rows = function.block_count
        if rows > self._rows:
            self._make_columns(2 * rows)
        at: i64 = 0
        while at < rows:
            self.number[at] = 0
            self.dominator[at] = 0
            self.loop[at] = 0
            self.outer[at] = 0
            self.depth[at] = 0
            self.irreducible[at] = 0
            self._is_head[at] = 0
            self._on_path[at] = 0
            self._found[at] = 0
            at += 1
        self.order = vec[i64]()
        if function.entry:
            found = self._walk(function)
            self._find_dominators(function, found)
            self._finish_loops()

    def _walk(self, function: Function) -> i64:
        """In depth from the entry; `outer` holds the head above each block until `_finish_loops`.

        Returns: how many blocks it found.
        """
        path = self._on_path
        stack = self._stack
        next_edge = self._next_edge
        top: i64 = 0
        count: i64 = 1
        b = function.entry
        self._found[b] = 1
        self._block[1] = b
        self._parent[b] = 0
        path[b] = 1
        stack[0] = b
        next_edge[0] = 0
        post = self._post
        left: i64 = 0
        while top >= 0:
            b = stack[top]
            e = function.edge_at(b, next_edge[top])
            if e:
                next_edge[top] += 1
                target = function.edge_to[e]
                if self._found[target]:
                    self._old_edge(b, target)
                    continue
                count += 1
                self._found[target] = count
                self._block[count] = target
                self._parent[target] = b
                top += 1
                stack[top] = target
                next_edge[top] = 0
                path[target] = top + 1
                continue
            path[b] = 0
            post[left] = b
            left += 1
            top -= 1
            if top >= 0:
                self._tag(stack[top], self.outer[b])
        order = column(left)
        self.order = order
        number: i64 = 0
        while left > 0:
            left -= 1
            b = post[left]
            order[number] = b
            number += 1
            self.number[b] = number
        return count

    def _old_edge(self, b: i64, target: i64) -> None:
        """An edge to a block that was visited before."""
        path = self._on_path
        if path[target]:
            self._is_head[target] = 1
            self._tag(b, target)
            return
        head = self.outer[target]
        while head and not path[head]:
            self.irreducible[head] = 1
            head = self.outer[head]
        if head:
            self._tag(b, head)

    def _tag(self, b: i64, head: i64) -> None:
        """Block b is in the loop of `head`: weave it into the heads above b, deepest first."""
        path = self._on_path
        outer = self.outer
        if head == 0 or head == b:
            return
        one = b
        two = head
        while outer[one]:
            above = outer[one]
            if above == two:
                return
            if path[above] < path[two]:
                outer[one] = two
                one = two
                two = above
            else:
                one = above
        outer[one] = two

    def _finish_loops(self) -> None:
        """`loop` and `depth` from the heads; in reverse post-order a head comes before its loop's blocks."""
        for b in self.order:
            above = self.outer[b]
            depth: i64 = 0
            if above:
                depth = self.depth[above]
            if self._is_head[b]:
                self.depth[b] = depth + 1
                self.loop[b] = b
            else:
                self.depth[b] = depth
                self.loop[b] = above
                self.outer[b] = 0

    # --- dominators ---------------------------------------------------------------------------------

    def _find_dominators(self, function: Function, count: i64) -> None:
        """Semi-NCA, on the walk's tree, by the numbers in which it found the blocks."""
        semi = self._semi
        above = self._above
        self._found[0] = 0
        at: i64 = 1
        while at <= count:
            semi[at] = at
            self._label[at] = at
            self._ancestor[at] = 0
            above[at] = self._found[self._parent[self._block[at]]]
            at += 1
        at = count
        while at > 1:
            e = function.incoming[self._block[at]]
            while e:
                source = self._found[function.edge_from[e]]
                if source:
                    best = self._least(source)
                    if semi[best] < semi[at]:
                        semi[at] = semi[best]
                e = function.edge_next[e]
            self._ancestor[at] = above[at]
            at -= 1
        at = 2
        while at <= count:
            found = above[at]
            while found > semi[at]:
                found = above[found]
            above[at] = found
            self.dominator[self._block[at]] = self._block[found]
            at += 1

    def _least(self, v: i64) -> i64:
        """The vertex with the least semidominator on the way up from v, shortening that way."""
        ancestor = self._ancestor
        label = self._label
        if ancestor[v] == 0:
            return v
        stack = self._stack
        top: i64 = 0
        while ancestor[ancestor[v]]:
            stack[top] = v
            top += 1
            v = ancestor[v]
        last = v
        while top > 0:
            top -= 1
            last = stack[top]
            above = ancestor[last]
            if self._semi[label[above]] < self._semi[label[last]]:
                label[last] = label[above]
            ancestor[last] = ancestor[above]
        return label[last]
