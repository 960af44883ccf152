"""Parameters and the arguments that edges bring become one register where their lives do not meet.

Then the edge moves nothing, and a loop's counter stays where it is. Innermost loops come first, since what is merged
there decides what may be merged around them. Lists are merged in order; very long ones are left alone, so that
time stays near linear.

Of two registers that become one, the one that starts first stands for both (`Allocation.stands_for`).
"""

from __future__ import annotations

from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.opcodes import PARAMETER
from wasmer_clif_backend.machine.code import FIRST_VIRTUAL, Code
from wasmer_clif_backend.machine.regalloc.allocation import Allocation
from wasmer_clif_backend.machine.regalloc.intervals import Intervals
from wasmer_runtime_core.support.annotations import Final, i64

LONGEST: Final = 200
"""So many ranges, or uses, are looked at to find whether two lives meet."""

_PLACE_BITS: Final = 32
_PLACE: Final = 0xFFFF_FFFF


def coalesce(function: Function, code: Code, intervals: Intervals, flow: Flow, out: Allocation) -> None:
    """Merge what can be."""
    blocks = [b for b in code.order if function.incoming[b] and function.opcode[function.first[b]] == PARAMETER]
    for b in _innermost_first(blocks, flow):
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


def _innermost_first(blocks: list[int], flow: Flow) -> list[int]:
    """Blocks by depth of loops, the deepest first; else in order."""
    deepest: i64 = 0
    for b in blocks:
        if flow.depth[b] > deepest:
            deepest = flow.depth[b]
    if deepest == 0:
        return blocks
    places = []
    for at, b in enumerate(blocks):
        places.append(int((deepest - flow.depth[b]) << _PLACE_BITS | i64(at)))
    places.sort()
    return [blocks[place & _PLACE] for place in places]


def _merge(code: Code, intervals: Intervals, out: Allocation, one: i64, other: i64) -> None:
    """Make two registers one, if their lives do not meet."""
    one = out.stands_for[one]
    other = out.stands_for[other]
    if one == other or code.register_class[one] != code.register_class[other]:
        return
    first = intervals.first_range[one]
    second = intervals.first_range[other]
    if first == 0 or second == 0 or _meet(intervals, first, second) or not _is_short(intervals, one, other):
        code.suggest(one, other)
        return
    if intervals.range_from[second] < intervals.range_from[first]:
        one, other = other, one
        first, second = second, first
    if intervals.life_end[other] > intervals.life_end[one]:
        intervals.life_end[one] = intervals.life_end[other]
    intervals.first_range[one] = _merged_ranges(intervals, first, second)
    intervals.first_use[one] = _merged_uses(intervals, intervals.first_use[one], intervals.first_use[other])
    out.join(one, other)


def _meet(intervals: Intervals, m: i64, n: i64) -> bool:
    """Whether two lists of ranges have a position in common, or are too long to say."""
    steps: i64 = 0
    while m and n:
        if intervals.range_to[m] <= intervals.range_from[n]:
            m = intervals.range_next[m]
        elif intervals.range_to[n] <= intervals.range_from[m]:
            n = intervals.range_next[n]
        else:
            return True
        steps += 1
        if steps > LONGEST:
            return True
    return False


def _is_short(intervals: Intervals, one: i64, other: i64) -> bool:
    """Whether both have few uses."""
    count: i64 = 0
    use = intervals.first_use[one]
    while use:
        count += 1
        if count > LONGEST:
            return False
        use = intervals.use_next[use]
    use = intervals.first_use[other]
    while use:
        count += 1
        if count > LONGEST:
            return False
        use = intervals.use_next[use]
    return True


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
    """Two lists of uses as one."""
    head: i64 = 0
    last: i64 = 0
    while m or n:
        if n == 0 or (m and intervals.use_at[m] <= intervals.use_at[n]):
            taken = m
            m = intervals.use_next[m]
        else:
            taken = n
            n = intervals.use_next[n]
        if last:
            intervals.use_next[last] = taken
        else:
            head = taken
        last = taken
    if last:
        intervals.use_next[last] = 0
    return head
