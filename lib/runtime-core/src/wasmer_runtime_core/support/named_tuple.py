"""`typing.NamedTuple` without a compiler: the rows and records of this project are such classes.

`typing` compiles the text of every annotation when a class is made, which nobody here reads, and
`collections.namedtuple` writes the text of a constructor per class and compiles that. A first
call to WebAssembly needs some thirty of these classes: that was 5 of its 30 milliseconds. Here
they share the methods of one base, and a class is its fields and no more. Annotations stay what
they are written as.

Objects are made as fast as those of `collections.namedtuple` if every field is given by position,
else in a microsecond.

Type checkers see `typing.NamedTuple`, and hold classes to its rules: fields without a default
come first, no other bases.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:
    from _collections import _tuplegetter as field  # what `collections.namedtuple` has for fields

    make = tuple.__new__

    class _Signature:
        """The fields as parameters, for `inspect` and `help`."""

        def __get__(self, instance, cls):
            from inspect import Parameter, Signature

            empty = Parameter.empty
            types = {
                name: type_ for base in cls.__mro__ for name, type_ in getattr(base, "__annotations__", {}).items()
            }
            return Signature(
                Parameter(
                    name,
                    Parameter.POSITIONAL_OR_KEYWORD,
                    default=cls._field_defaults.get(name, empty),
                    annotation=types.get(name, empty),
                )
                for name in cls._fields
            )

    class Record(tuple):
        """What the classes have in common."""

        __slots__ = ()

        def __new__(cls, *values, **named):
            if named:
                values = _complete(cls, values, named)
            elif len(values) != len(cls._fields):
                left = len(cls._fields) - len(values)
                if 0 < left <= len(cls._field_defaults):
                    values += tuple(cls._field_defaults.values())[-left:]
                else:
                    values = _complete(cls, values, named)
            return make(cls, values)

        @classmethod
        def _make(cls, values):
            return cls(*values)

        def _replace(self, /, **named):
            values = [named.pop(name, value) for name, value in zip(self._fields, self, strict=True)]
            if named:
                raise ValueError(f"{type(self).__name__} has no field {', '.join(map(repr, named))}")
            return make(type(self), values)

        __signature__ = _Signature()
        __replace__ = _replace  # for `copy.replace` of Python 3.13

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            return (
                f"{type(self).__name__}({', '.join([f'{name}={value!r}' for name, value in self._asdict().items()])})"
            )

    def _complete(cls, values, named):
        """The values of all fields: `values` of the first of them, the others by name or default."""
        others = cls._fields[len(values) :]
        given = {**cls._field_defaults, **named}
        missing = [name for name in others if name not in given]
        unknown = [name for name in named if name not in others]
        if missing or unknown or len(values) > len(cls._fields):
            wrong = f"no value for {', '.join(missing)}" if missing else "more values than fields"
            if unknown:
                wrong = f"{', '.join(unknown)} given twice or not a field"
            raise TypeError(f"{cls.__name__}({', '.join(cls._fields)}): {wrong}")
        return (*values, *[given[name] for name in others])

    class _Maker(type):
        """Replaces a class that has fields by the tuple class it describes."""

        def __new__(cls, name, bases, namespace):
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            fields = tuple(namespace["__annotations__"])
            defaults = {each: namespace[each] for each in fields if each in namespace}
            namespace.update({each: field(at, f"Alias for field number {at}") for at, each in enumerate(fields)})
            namespace.update(__slots__=(), __match_args__=fields, _fields=fields, _field_defaults=defaults)
            return type(name, (Record,), namespace)

    class NamedTuple(metaclass=_Maker):
        """Base of a class whose instances are tuples with named fields."""

        __slots__ = ()
