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

from typing import Final, final

from mypy_extensions import i64

from wasmer_clif_backend.ir.columns import column
from wasmer_clif_backend.ir.function import Function


@final
class Flow:
    """What is known about a function's blocks. Columns are by block; 0 is "none".

    Attributes:
        order: reachable blocks in reverse post-order: a block before all that it dominates.
        number: the place in `order`, from 1; 0 is not reached.
        dominator: the immediate dominator; 0 for the entry.
        loop: the head of the innermost loop that a block is in; a head is in its own loop.
        outer: of a loop's head: the head of the loop around it.
        depth: how many loops a block is in.
        irreducible: 1 for heads of loops that are entered elsewhere, too.
    """

    def __init__(self, function: Function) -> None:
        rows = function.block_count
        self.function: Final = function
        self.order: list[int] = []
        self.number = column(rows)
        self.dominator = column(rows)
        self.loop = column(rows)
        self.outer = column(rows)
        self.depth = column(rows)
        self.irreducible = column(rows)
        self._is_head = column(rows)
        self._parent = column(rows)
        self._on_path = column(rows)
        if function.entry:
            self._walk()
            self._find_dominators()
            self._finish_loops()

    def dominates(self, one: i64, other: i64) -> bool:
        """Whether every way to `other` goes through `one`; a block dominates itself."""
        number = self.number
        while number[other] > number[one]:
            other = self.dominator[other]
        return other == one

    # --- order and loops --------------------------------------------------------------------------

    def _walk(self) -> None:
        """In depth from the entry; `outer` holds the head above each block until `_finish_loops`."""
        function = self.function
        visited = column(function.block_count)
        path = self._on_path
        stack: list[int] = [int(function.entry)]
        targets: list[list[int]] = [[int(function.edge_to[e]) for e in function.edges(function.entry)]]
        next_target: list[int] = [0]
        visited[function.entry] = 1
        path[function.entry] = 1
        post: list[int] = []
        while stack:
            b = stack[-1]
            here = targets[-1]
            at = next_target[-1]
            if at < len(here):
                next_target[-1] = at + 1
                target = here[at]
                if not visited[target]:
                    visited[target] = 1
                    self._parent[target] = b
                    stack.append(target)
                    path[target] = len(stack)
                    targets.append([int(function.edge_to[e]) for e in function.edges(target)])
                    next_target.append(0)
                else:
                    self._old_edge(b, target)
                continue
            stack.pop()
            targets.pop()
            next_target.pop()
            path[b] = 0
            post.append(b)
            if stack:
                self._tag(stack[-1], self.outer[b])
        self.order = post[::-1]
        for number, b in enumerate(self.order, 1):
            self.number[b] = number

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
            self.depth[b] = (self.depth[above] if above else 0) + (1 if self._is_head[b] else 0)
            if self._is_head[b]:
                self.loop[b] = b
            else:
                self.loop[b] = above
                self.outer[b] = 0

    # --- dominators ---------------------------------------------------------------------------------

    def _find_dominators(self) -> None:
        """Semi-NCA. The walk's tree is numbered again, in pre-order, for it."""
        function = self.function
        pre, parents = self._preorder()
        count = len(pre)
        at = column(function.block_count)  # the number in pre-order, from 1, of a block
        for number, b in enumerate(pre, 1):
            at[b] = number
        parent = [0] * (count + 1)
        for number in range(2, count + 1):
            parent[number] = int(at[parents[number - 1]])
        semi = list(range(count + 1))
        label = list(range(count + 1))
        ancestor = [0] * (count + 1)
        for number in range(count, 1, -1):
            e = function.incoming[pre[number - 1]]
            while e:
                source = int(at[function.edge_from[e]])
                if source:
                    best = _least(source, ancestor, label, semi)
                    if semi[best] < semi[number]:
                        semi[number] = semi[best]
                e = function.edge_next[e]
            ancestor[number] = parent[number]
        above = parent[:]
        for number in range(2, count + 1):
            found = above[number]
            while found > semi[number]:
                found = above[found]
            above[number] = found
            self.dominator[pre[number - 1]] = pre[found - 1]

    def _preorder(self) -> tuple[list[int], list[int]]:
        """Blocks of the walk's tree in pre-order, and the parent of each."""
        children: dict[int, list[int]] = {}
        for b in self.order:
            children.setdefault(int(self._parent[b]), []).append(b)
        pre: list[int] = []
        parents: list[int] = []
        stack = [int(self.function.entry)]
        while stack:
            b = stack.pop()
            pre.append(b)
            parents.append(int(self._parent[b]))
            # Those visited later come earlier in reverse post-order: the first one visited is last, and next.
            stack += children.get(b, [])
        return pre, parents


def _least(v: int, ancestor: list[int], label: list[int], semi: list[int]) -> int:
    """The vertex with the least semidominator on the way up from v, shortening that way."""
    if not ancestor[v]:
        return v
    path = []
    while ancestor[ancestor[v]]:
        path.append(v)
        v = ancestor[v]
    for below in reversed(path):
        above = ancestor[below]
        if semi[label[above]] < semi[label[below]]:
            label[below] = label[above]
        ancestor[below] = ancestor[above]
    return label[path[0] if path else v]
