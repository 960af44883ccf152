"""Moves that happen all at once, put into an order in which they can be made one after another.

A move may be made when nothing waits to read its target. When none is left that may, the rest are circles: one
place's content is kept in a spare place, and the circle is open.
"""

from __future__ import annotations


def in_order(moves: list[int], spare: int) -> list[int]:
    """The moves ``[to, from, …]`` in an order that does the same one by one; `spare` may be used once at a time.

    Targets are different. Moves of a place to itself are left out.
    """
    source_of: dict[int, int] = {}
    readers: dict[int, int] = {}
    for at in range(0, len(moves), 2):
        to = moves[at]
        source = moves[at + 1]
        if to != source:
            source_of[to] = source
            readers[source] = readers.get(source, 0) + 1
    ordered: list[int] = []
    ready = [to for to in source_of if to not in readers]
    while source_of:
        while ready:
            to = ready.pop()
            source = source_of.pop(to)
            ordered += (to, source)
            readers[source] -= 1
            if readers[source] == 0:
                del readers[source]
                if source in source_of:
                    ready.append(source)
        if source_of:
            # Every target is read: what the first one holds is read from the spare place from now on.
            held = next(iter(source_of))
            ordered += (spare, held)
            for to, source in source_of.items():
                if source == held:
                    source_of[to] = spare
                    readers[spare] = readers.get(spare, 0) + 1
            del readers[held]
            ready.append(held)
    return ordered
