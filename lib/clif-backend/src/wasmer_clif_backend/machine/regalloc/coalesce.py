"""Parameters and the arguments that edges bring become one register where their lives do not meet.

Then the edge moves nothing, and a loop's counter stays where it is. Innermost loops come first, since what is merged
there decides what may be merged around them. Lists are merged in order; very long ones are left alone, so that
time stays near linear.

Of two registers that become one, the one that starts first stands for both (`Allocation.stands_for`).
"""

from __future__ import annotations

from librt.vecs import vec

from wasmer_clif_backend.ir.columns import column
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.opcodes import PARAMETER
from wasmer_clif_backend.machine.code import FIRST_VIRTUAL, Code
from wasmer_clif_backend.machine.regalloc.allocation import Allocation
from wasmer_clif_backend.machine.regalloc.intervals import Intervals
from wasmer_runtime_core.support.annotations import Final, i64

LONGEST: Final = 200
"""So many ranges, or uses, are looked at to find whether two lives meet."""


def coalesce(function: Function, code: Code, intervals: Intervals, flow: Flow, out: Allocation) -> None:
    """Merge what can be."""
    for b in _innermost_first(function, code, flow):
        first = function.first[b]
        e = function.incoming[b]
        while e:
            if flow.number[function.edge_from[e]]:
                p = function.edge_arguments[e]
                function.effort.spend(32 * function.pool[p] + 1)
                parameter = first
                while parameter and function.opcode[parameter] == PARAMETER:
                    p += 1
                    _merge(code, intervals, out, parameter + FIRST_VIRTUAL, function.pool[p] + FIRST_VIRTUAL)
                    parameter = function.next[parameter]
            e = function.edge_next[e]


def _innermost_first(function: Function, code: Code, flow: Flow) -> vec[i64]:
    """Blocks with parameters that edges give, by depth of loops, the deepest first; else in order."""
    depth = flow.depth
    blocks = column(i64(len(code.order)))
    count: i64 = 0
    deepest: i64 = 0
    for b in code.order:
        if function.incoming[b] and function.opcode[function.first[b]] == PARAMETER:
            blocks[count] = b
            count += 1
            if depth[b] > deepest:
                deepest = depth[b]
    if deepest == 0:
        return blocks[:count]
    place = column(deepest + 1)  # by depth: how many blocks, then where the next one goes
    at: i64 = 0
    while at < count:
        place[depth[blocks[at]]] += 1
        at += 1
    total: i64 = 0
    while deepest >= 0:
        total += place[deepest]
        place[deepest] = total - place[deepest]
        deepest -= 1
    ordered = column(count)
    at = 0
    while at < count:
        b = blocks[at]
        ordered[place[depth[b]]] = b
        place[depth[b]] += 1
        at += 1
    return ordered


def _merge(code: Code, intervals: Intervals, out: Allocation, one: i64, other: i64) -> None:
    """Make two registers one, if their lives do not meet."""
    one = out.stands_for[one]
    other = out.stands_for[other]
    if one == other or code.register_class[one] != code.register_class[other]:
        return
    first = intervals.first_range[one]
    second = intervals.first_range[other]
    uses = _count_of_uses(intervals, one) + _count_of_uses(intervals, other)
    if first == 0 or second == 0 or uses > LONGEST or _meet(intervals, first, second):
        code.suggest(one, other)
        return
    if intervals.range_from[second] < intervals.range_from[first]:
        one, other = other, one
        first, second = second, first
    if intervals.life_end[other] > intervals.life_end[one]:
        intervals.life_end[one] = intervals.life_end[other]
    intervals.first_range[one] = _merged_ranges(intervals, first, second)
    intervals.first_use[one] = _merged_uses(intervals, intervals.first_use[one], intervals.first_use[other])
    intervals.use_counts[one] = uses
    out.join(one, other)


def _meet(intervals: Intervals, m: i64, n: i64) -> bool:
    """Whether two lists of ranges have a position in common, or are too long to say."""
    range_from = intervals.range_from
    range_to = intervals.range_to
    range_next = intervals.range_next
    steps: i64 = 0
    while m and n:
        if range_to[m] <= range_from[n]:
            m = range_next[m]
        elif range_to[n] <= range_from[m]:
            n = range_next[n]
        else:
            return True
        steps += 1
        if steps > LONGEST:
            return True
    return False


def _count_of_uses(intervals: Intervals, register: i64) -> i64:
    """How many uses a register has, or one more than `LONGEST`. They are counted when somebody asks first."""
    count = intervals.use_counts[register]
    if count == 0:
        use = intervals.first_use[register]
        while use and count <= LONGEST:
            count += 1
            use = intervals.use_next[use]
        intervals.use_counts[register] = count
    return count


def _merged_ranges(intervals: Intervals, m: i64, n: i64) -> i64:
    """Two lists as one; the first one starts first. Ranges that touch stay apart: one of them is written there."""
    head = m
    last = m
    m = intervals.range_next[m]
    while m or n:
        if n == 0 or (m and intervals.range_from[m] < intervals.range_from[n]):
            taken = m
            m = intervals.range_next[m]
        else:
            taken = n
            n = intervals.range_next[n]
        intervals.range_next[last] = taken
        last = taken
    intervals.range_next[last] = 0
    return head


def _merged_uses(intervals: Intervals, m: i64, n: i64) -> i64:
    """Two lists of uses as one. Of each, those that stand before the other's next one stay as they are linked."""
    use_at = intervals.use_at
    use_next = intervals.use_next
    if m == 0 or n == 0:
        return m + n
    head = m if use_at[m] <= use_at[n] else n
    last: i64 = 0
    while m and n:
        if use_at[m] <= use_at[n]:
            use_next[last] = m
            end = use_at[n]
            while m and use_at[m] <= end:
                last = m
                m = use_next[m]
        else:
            use_next[last] = n
            end = use_at[m]
            while n and use_at[n] < end:
                last = n
                n = use_next[n]
    use_next[last] = m + n
    return head
