"""What a program has made, as Python sees it: its objects as mappings, its arrays as lists.

This module is not compiled: mypyc knows no class of several bases.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, MutableSequence
from typing import Any, final

from wasmer_go.conversion import MADE, Made, to_go, to_python
from wasmer_go.objects import Array, Object


@final
class GoMapping(Made, MutableMapping[str, Any]):
    """An object of a program's, as a mapping of its own properties."""

    __slots__ = ()
    _value: Object

    def __getitem__(self, name: str) -> Any:
        if name not in self._value.properties:
            raise KeyError(name)
        return to_python(self._process, self._value.get(name))

    def __setitem__(self, name: str, value: Any) -> None:
        self._value.set(name, to_go(self._process, value))

    def __delitem__(self, name: str) -> None:
        del self._value.properties[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._value.names())

    def __len__(self) -> int:
        return len(self._value.properties)

    def __repr__(self) -> str:
        return f"<{self._value.kind} of a Go program with {', '.join(self._value.names()[:8]) or 'no properties'}>"

    __eq__ = Made.__eq__
    __hash__ = Made.__hash__


@final
class GoList(Made, MutableSequence[Any]):
    """An array of a program's, as a list."""

    __slots__ = ()
    _value: Array

    def __getitem__(self, index: Any) -> Any:
        found = self._value.items[index]
        if isinstance(index, slice):
            return [to_python(self._process, each) for each in found]
        return to_python(self._process, found)

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            self._value.items[index] = [to_go(self._process, each) for each in value]
        else:
            self._value.items[index] = to_go(self._process, value)

    def __delitem__(self, index: Any) -> None:
        del self._value.items[index]

    def __len__(self) -> int:
        return len(self._value.items)

    def insert(self, index: int, value: Any) -> None:
        self._value.items.insert(index, to_go(self._process, value))

    def __repr__(self) -> str:
        return f"<array of a Go program with {len(self)} items>"


MADE.update(list=GoList, mapping=GoMapping)
