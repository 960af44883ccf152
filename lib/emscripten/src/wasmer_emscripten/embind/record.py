"""What a value object is for Python: its fields are attributes, and it is a mapping of them, too."""

from __future__ import annotations

from itertools import islice
from typing import Any

from wasmer_emscripten.embind.described import BY_CLASS, MOST_ITEMS, MOST_LEVELS, within
from wasmer_runtime_core.support.printable import printable


class Record:
    """A value object."""

    __slots__ = ("__fields", "__name")

    def __init__(self, name: str, fields: dict[str, Any]) -> None:
        object.__setattr__(self, "_Record__fields", fields)
        object.__setattr__(self, "_Record__name", name)

    def keys(self) -> Any:
        return self.__fields.keys()

    def __getitem__(self, name: str) -> Any:
        return self.__fields[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_Record__") or name not in self.__fields:
            raise AttributeError(name)
        return self.__fields[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.__fields:
            raise AttributeError(f"{self.__name} has no field {name}")
        self.__fields[name] = value

    def __iter__(self) -> Any:
        return iter(self.__fields)

    def __eq__(self, other: object) -> bool:
        return bool(self.__fields == (other.__fields if isinstance(other, Record) else other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return printable(within(self, MOST_LEVELS))


def fields_of(record: Record) -> dict[str, Any]:
    """The fields of a record, whatever they are called."""
    fields: dict[str, Any] = object.__getattribute__(record, "_Record__fields")
    return fields


def _described(value: Record, levels: int) -> str:
    fields = fields_of(value).items()
    most = len(fields) if levels == MOST_LEVELS else MOST_ITEMS if levels else 0
    shown = [f"{name}={within(found, levels - 1)}" for name, found in islice(fields, most)]
    name = object.__getattribute__(value, "_Record__name")
    return f"{name}({', '.join(shown if most >= len(fields) else [*shown, '…'])})"


BY_CLASS[Record] = _described
