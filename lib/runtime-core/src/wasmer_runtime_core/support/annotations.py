"""The names that annotations are made of, without what they cost.

`typing` imports `re`, `enum`, `functools`, `contextlib` and `collections`: together a third of what a program waits for
before its first call. Nobody reads annotations when a program runs. Modules of core and of a backend
on the way to that call therefore import `Final`, `Any` and their like from here: a checker sees those of `typing`, a
running program names that do nothing. What is only ever in an annotation, `Callable` for instance, stands below
``if TYPE_CHECKING:`` as usual.
The native integers are here too: see `integers`, which is loaded when one is asked for.
"""

from __future__ import annotations

__all__ = [
    "TYPE_CHECKING",
    "Any",
    "Final",
    "Generic",
    "Literal",
    "NoReturn",
    "Protocol",
    "Self",
    "TypeAlias",
    "TypeVar",
    "cast",
    "final",
    "i16",
    "i32",
    "i64",
    "mypyc_attr",
    "overload",
    "u8",
]

TYPE_CHECKING = False  # checkers take it for True
if TYPE_CHECKING:
    from typing import Any, Final, Generic, Literal, NoReturn, Protocol, Self, TypeAlias, TypeVar, cast, final, overload

    from wasmer_runtime_core.support.integers import i16, i32, i64, mypyc_attr, u8
else:
    Any = Final = NoReturn = Self = TypeAlias = object

    class Generic:
        """A base that takes type parameters and does nothing with them."""

        def __class_getitem__(cls, parameters):
            return cls

    Protocol = Generic

    class Literal:
        """The values, for who asks for them when the program runs."""

        def __class_getitem__(cls, values):
            return values

    def TypeVar(name, *constraints, bound=None, covariant=False, contravariant=False):
        return object

    def cast(type_, value):
        return value

    def final(decorated):
        return decorated

    def overload(function):
        return function

    def __getattr__(name):
        if name not in ("i16", "i32", "i64", "mypyc_attr", "u8"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from wasmer_runtime_core.support import integers

        value = globals()[name] = getattr(integers, name)
        return value
