"""`typing.NamedTuple`, made in half the time: the rows and records of this project are such classes.

`typing` compiles the text of every annotation when a class is made, which nobody here reads,
and the first such text makes Python set up its syntax tree. A first call to WebAssembly needs
some thirty of these classes: that was 3 of its 30 milliseconds. So they are made by
`collections.namedtuple` from the names alone; the annotations stay what they are written as.
Type checkers see `typing.NamedTuple`, and hold classes to its rules: fields without a default
come first, no other bases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:
    from collections import namedtuple

    class _Maker(type):
        """Replaces a class that has fields by the tuple class it describes."""

        def __new__(cls, name, bases, namespace):
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            fields = namespace["__annotations__"]
            defaults = [namespace.pop(field) for field in fields if field in namespace]
            made = namedtuple(name, fields, defaults=defaults, module=namespace.pop("__module__"))
            for key, value in namespace.items():
                setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_Maker):
        """Base of a class whose instances are tuples with named fields."""

        __slots__ = ()
