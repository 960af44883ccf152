"""`at_first_use`: an attribute that is worked out when it is first asked for, then stored, whole.

`functools.cached_property` has a lock in Python 3.11, one for all objects: whoever reads the names of one module would
wait for whoever reads those of another, without a look for deadlines, and for ever in a forked child. It also asks for
the object's ``__dict__``, which that Python may make twice if a finalizer of the cycle collector asks meanwhile, and
both with the same contents. Here threads that ask at once work it out at once; what they store is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, final, overload

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

Worked = TypeVar("Worked")


@final
class at_first_use(Generic[Worked]):
    """Makes such an attribute of a method without arguments."""

    def __init__(self, work_out: Callable[[Any], Worked]) -> None:
        self._work_out: Final = work_out
        self._name: Final = work_out.__name__
        self.__doc__ = work_out.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Worked: ...
    def __get__(self, instance: object | None, owner: type) -> Self | Worked:
        if instance is None:
            return self
        value = self._work_out(instance)
        setattr(instance, self._name, value)  # found before this from then on
        return value
