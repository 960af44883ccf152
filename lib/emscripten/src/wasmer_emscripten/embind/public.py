"""What a program has bound, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, final

from wasmer_runtime_core.support.printable import printable

if TYPE_CHECKING:
    from wasmer_emscripten.embind.registry import Registry


@final
class Bindings(Mapping[str, Any]):
    """Functions, classes, enums and constants of C++ by name; those that are identifiers are attributes, too."""

    def __init__(self, registry: Registry | None) -> None:
        self._registry = registry

    def __getitem__(self, name: str) -> Any:
        if self._registry is None:
            raise KeyError(name)
        return self._registry.public(name)

    def __getattr__(self, name: str) -> Any:
        if self.__dict__.get("_registry") is not None and name in self._registry.names:  # type: ignore[union-attr]
            return self[name]
        raise AttributeError(f"the program binds no {name}")

    def __iter__(self) -> Iterator[str]:
        return iter(() if self._registry is None else self._registry.names)

    def __len__(self) -> int:
        return 0 if self._registry is None else len(self._registry.names)

    def __dir__(self) -> list[str]:
        return [*self, *super().__dir__()]

    def __repr__(self) -> str:
        return printable(f"<bindings of C++: {', '.join(sorted(self))}>")
