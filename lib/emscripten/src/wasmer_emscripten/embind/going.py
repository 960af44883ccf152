"""Which views of its memory go when a program no longer holds anything: asked before it is closed.

What a program holds of Python's does not keep it from being closed; what its user has does. Both may have the same
list, and a program that cannot be closed goes on with all that it had, so nothing can be taken away to see what is
left. Instead references are counted, as Python's collector counts them: an object goes if all references to it come
from what goes. What a program can put together (lists, mappings, records …) is followed wherever it leads, circles
included. Anything else, a function with what it has kept say, is looked into when it goes for certain. So where this is
in doubt the user has the view.
"""

from __future__ import annotations

import gc
from collections.abc import Collection
from itertools import chain
from sys import getrefcount
from types import ModuleType
from typing import Any, Final, final

from wasmer_emscripten.embind.handles import HOLDING
from wasmer_runtime_core.running.interrupts import check_interrupts

_MANAGED: Final = type(gc.get_referents(memoryview(b""))[0])
"""What several views of one buffer share: it ends with the last of them."""
_NEVER: Final = (type, ModuleType, int, float, str, bytes, type(None))
"""What keeps no view, or is nobody's alone."""
_MOST_LOOKS: Final = 16
"""How far into functions in functions, and the like, is looked."""
_LOOK_EVERY: Final = 1 << 14


@final
class _Met:
    """Objects, with the number of references to them that were met."""

    __slots__ = ("counts", "objects", "places")

    def __init__(self) -> None:
        self.objects: list[Any] = []
        self.counts: list[int] = []
        self.places: dict[int, int] = {}

    def meet(self, value: Any) -> None:
        at = self.places.setdefault(id(value), len(self.objects))
        if at < len(self.objects):
            self.counts[at] += 1
            return
        self.objects.append(value)
        self.counts.append(1)
        if at % _LOOK_EVERY == 0:
            check_interrupts()

    def references(self, at: int) -> int:
        return getrefcount(self.objects[at])

    def all_met(self, at: int) -> bool:
        """Whether there are no other references."""
        return self.references(at) - _OURS == self.counts[at]


def _references_of_ours() -> int:
    met = _Met()
    met.meet(object())
    return met.references(0)


_OURS: Final = _references_of_ours()
Held = Collection[Collection[Any]]
"""Collections of what a program holds, each value with a reference in them."""


def views_going(held: Held, memory: Any) -> int:
    """How many views of a memory end if nothing in these is held any more."""
    looked_into: set[int] = set()
    for _ in range(_MOST_LOOKS):
        views, more = _views_and_more(held, memory, looked_into)
        if not more:
            break
        looked_into |= more
    return views


def _views_and_more(held: Held, memory: Any, looked_into: set[int]) -> tuple[int, set[int]]:
    """How many views go, and what else goes for certain, by its `id`."""
    followed = _followed(held, looked_into)
    going = [each for each, stays in zip(followed.objects, _staying(followed), strict=True) if not stays]
    others = _others(held, followed, going)
    more = {id(others.objects[at]) for at in range(len(others.objects)) if others.all_met(at)}
    return sum(type(each) is _MANAGED and any(of is memory for of in gc.get_referents(each)) for each in going), more


def _followed(held: Held, looked_into: set[int]) -> _Met:
    """All that can be reached from what is held."""
    followed = _Met()
    kinds = (*HOLDING, _MANAGED)

    def reach(values: Collection[Any], within: bool) -> None:
        for value in values:
            kind = type(value)
            if id(value) in looked_into or (issubclass(kind, kinds) and (within or kind is not dict)):
                followed.meet(value)

    for values in held:
        reach(values, True)
    for each in followed.objects:  # which grows meanwhile
        # of what is no container, a dictionary may be everybody's: the globals of a function
        reach(gc.get_referents(each), issubclass(type(each), kinds))
    return followed


def _staying(followed: _Met) -> list[bool]:
    """Which of them stay: those to which others refer, and what these lead to."""
    stays = [not followed.all_met(at) for at in range(len(followed.objects))]
    pending = [at for at, stay in enumerate(stays) if stay]
    while pending:
        for referent in gc.get_referents(followed.objects[pending.pop()]):
            place = followed.places.get(id(referent))
            if place is not None and not stays[place]:
                stays[place] = True
                pending.append(place)
    return stays


def _others(held: Held, followed: _Met, going: list[Any]) -> _Met:
    """What is not followed, with the references of what goes."""
    others = _Met()
    for values in chain(held, map(gc.get_referents, going)):
        for value in values:
            if id(value) not in followed.places and not issubclass(type(value), _NEVER):
                others.meet(value)
    return others
