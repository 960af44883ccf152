"""`Exports`: what an instance offers, by name.

The Python object for an export is made when it is first asked for. Functions, tables and globals that were taken
from an instance keep its machine side alive, not the `Instance`: nothing here refers in a circle.
"""

from __future__ import annotations

from wasmer_runtime_core.errors import ExportNotFound
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.native.machine import exports_core as core_of
from wasmer_runtime_core.running.preparing import prepared
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any
from wasmer_runtime_core.support.printable import printable
from wasmer_runtime_core.wasm.module import FUNCTION, KIND_NAMES, MEMORY, TABLE, TAG

if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterable, Iterator, KeysView, ValuesView
    from typing import NoReturn, Self

Extern = Any
"""A `Function`, `Memory`, `Table` or `Global`."""


class Exports(machine.Exports):
    """The exports of an instance, by item (``exports["add"]``) or attribute (``exports.add``).

    Iterates over the names, in the module's order. The names are the module's, so every one of them is
    an attribute: `keys`, `values`, `items` and `kind` are the methods below where the module exports
    nothing of that name. Python's own names, which begin and end with two underscores, are reached by item
    alone. What never depends on the module: items, ``in``, ``len``, iteration, and `Module.exports`.
    """

    __slots__ = ()

    def __getitem__(self, name: str) -> Extern:
        made = self.__dict__.get(name)
        if made is None:
            made = _make(self, name)
            if not _is_pythons(name):
                self.__dict__[name] = made
        return made

    def __getattr__(self, name: str) -> Extern:
        if _is_pythons(name):
            raise AttributeError(f"exports have no attribute {name!r}; an export of that name is reached by item")
        made = _make(self, name)
        # Kept as an attribute of the object, so that the next access costs what any attribute does.
        self.__dict__[name] = made
        return made

    def __contains__(self, name: object) -> bool:
        return name in places_of(self)

    def __iter__(self) -> Iterator[str]:
        return iter(places_of(self))

    def __len__(self) -> int:
        return len(places_of(self))

    def __dir__(self) -> list[str]:
        names = {name for name in places_of(self) if name.isidentifier() and not _is_pythons(name)}
        return sorted(names.union(dir(type(self))))

    def __copy__(self) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("exports cannot be pickled; pickle the Module, and make an instance of it")

    def keys(self) -> KeysView[str]:
        """The names."""
        return places_of(self).keys()

    def values(self) -> ValuesView[Extern]:
        """What they name."""
        return {name: self[name] for name in self}.values()

    def items(self) -> ItemsView[str, Extern]:
        """Names and what they name."""
        return {name: self[name] for name in self}.items()

    def kind(self, name: str) -> str:
        """ "function", "memory", "table" or "global".

        Raises:
            ExportNotFound: there is no such export.
        """
        return KIND_NAMES[place_of(self, name)[0]]

    def __repr__(self) -> str:
        return f"<exports: {', '.join(map(printable, self))}>"


def _is_pythons(name: str) -> bool:
    """Whether it is a name of Python's own protocols."""
    return len(name) > 4 and name[:2] == "__" == name[-2:]


def places_of(exports: Exports) -> dict[str, tuple[int, int]]:
    """Kind and index of each export; none when the instance is closed."""
    core = core_of(exports)
    return {} if core.closed else prepared(core.module).places


def place_of(exports: Exports, name: str) -> tuple[int, int]:
    """Kind and index of one export.

    Raises:
        ExportNotFound: there is none of this name.
        ValueError: the instance is closed.
    """
    core = core_of(exports)
    if core.closed:
        raise ValueError("the instance is closed")
    places = prepared(core.module).places
    place = places.get(name)
    if place is None:
        raise ExportNotFound(name, tuple(places))
    return place


def hide_methods(exports: Exports, names: Iterable[str]) -> None:
    """Put exports that are called like methods of `Exports` before them."""
    for name in names:
        exports.__dict__[name] = _make(exports, name)


def _make(exports: Exports, name: str) -> Extern:
    """The object for an export."""
    kind, index = place_of(exports, name)
    core = core_of(exports)
    if kind == FUNCTION:
        return core.exported(index, name)
    if kind == MEMORY:
        return core.memory(index)
    if kind == TABLE:
        return core.table(index)
    if kind == TAG:
        return core.tag(index)
    return core.global_(index)
