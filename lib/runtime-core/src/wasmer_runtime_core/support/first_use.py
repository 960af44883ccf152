"""What is worked out when it is first asked for, then stored, whole: an attribute (`at_first_use`), what a function
returns (`kept`).

`functools.cached_property` has a lock in Python 3.11, one for all objects: whoever reads the names of one module would
wait for whoever reads those of another, without a look for deadlines, and for ever in a forked child. It also asks for
the object's ``__dict__``, which that Python may make twice if a finalizer of the cycle collector asks meanwhile, and
both with the same contents. And `functools` takes a millisecond to import, for its `cache` too. Here threads that ask
at once work it out at once; what they store is the same.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, Generic, TypeVar, final, overload

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

Asked = TypeVar("Asked")
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


@final
class kept(dict[Asked, Worked]):
    """Makes a function of one argument work once for each; what raises an exception is asked again."""

    def __init__(self, work_out: Callable[[Asked], Worked]) -> None:
        self._work_out: Final = work_out
        self.__doc__ = work_out.__doc__

    def __missing__(self, asked: Asked) -> Worked:
        value = self[asked] = self._work_out(asked)
        return value

    __call__ = dict.__getitem__
