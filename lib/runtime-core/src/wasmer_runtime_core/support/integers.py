"""`i16`, `i32`, `i64` and `u8`: the integers that mypyc makes C's, without what `mypy_extensions` imports.

That module begins with ``from typing import …``, for other things it has (`annotations` says what that costs), and
`librt.vecs`, on which compiled modules are built, asks it for these four types when it is loaded. So, if nobody has
imported `mypy_extensions` yet, this puts one in its place that has the four; all the rest comes when something else is
asked of it. It stays that program's only `mypy_extensions`, and its types are those that `librt.vecs` knows.

Interpreted, a number of such a type is an `int` like any other.
"""

from __future__ import annotations

import sys

__all__ = ["i16", "i32", "i64", "mypyc_attr", "u8"]

TYPE_CHECKING = False  # checkers take it for True
if TYPE_CHECKING:
    from mypy_extensions import i16, i32, i64, mypyc_attr, u8
else:
    EXTENSIONS = "mypy_extensions"
    NAMES = ("i16", "i32", "i64", "u8")

    class Integer(type):
        """The type of the four: every `int` is an instance of each."""

        def __instancecheck__(cls, value):
            return isinstance(value, int)

    def integer(cls, x=0, *base):
        """``i64(x)`` is ``int(x)``."""
        return int(x, *base)

    class Extensions(type(sys)):
        """`mypy_extensions`: the four are there, all else when it is asked for."""

        def __getattr__(self, name):
            known = vars(self)
            if name[:2] != "__":
                rest = type(sys)(EXTENSIONS)
                known["__spec__"].loader.exec_module(rest)
                for each, value in vars(rest).items():
                    if known.get(each) is None:
                        known[each] = value
                self.__class__ = type(sys)
                if name in known:
                    return known[name]
            raise AttributeError(f"module {EXTENSIONS!r} has no attribute {name!r}")

    def found():
        """Where Python would find `mypy_extensions`; None if nowhere."""
        for finder in sys.meta_path:
            specification = finder.find_spec(EXTENSIONS, None)
            if specification is not None:
                return specification
        return None

    specification = None if EXTENSIONS in sys.modules else found()
    if specification is not None:
        extensions = Extensions(EXTENSIONS)
        extensions.__dict__.update(
            {name: Integer(name, (), {"__new__": integer, "__module__": EXTENSIONS}) for name in NAMES},
            __spec__=specification,
            __loader__=specification.loader,
            __file__=specification.origin,
            __package__="",
        )
        sys.modules.setdefault(EXTENSIONS, extensions)
    from mypy_extensions import i16, i32, i64, u8

    def mypyc_attr(*names, **values):
        """What mypyc is told of a class; nothing when it runs."""
        return lambda decorated: decorated
