"""What a program binds, as the text of a ``.pyi``: for editors and type checkers.

::

    yoga = cast("Yoga", load(Path("yoga.js")))
    node: Yoga.Node = yoga.Node.createDefault()
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from typing import Final

from wasmer_emscripten.embind.bound import Bound
from wasmer_emscripten.embind.calls import Bindable, BoundFunction, Overloads
from wasmer_emscripten.embind.classes import Class
from wasmer_emscripten.embind.numeric import Enum
from wasmer_emscripten.embind.records import ValueObject
from wasmer_emscripten.embind.registry import Registry
from wasmer_emscripten.errors import WrongArgument
from wasmer_emscripten.numbers import must_be_answer
from wasmer_runtime_core.support.printable import printable

HEAD: Final = """# Made by wasmer-runtime em-stubs from {source}.
from collections.abc import Mapping
from typing import Any, ClassVar, overload

from wasmer_emscripten.embind.classes import CppObject
from wasmer_emscripten.embind.numeric import EnumValue
from wasmer_emscripten.embind.records import Record
"""
KNOWN: Final = frozenset(("Any", "None", "bool", "int", "float", "str", "bytes", "memoryview", "tuple[Any, ...]"))
"""Annotations that are no class of the program's."""


def is_name(text: str) -> bool:
    """Whether Python can say it."""
    return re.fullmatch(r"[A-Za-z_]\w*", text, re.ASCII) is not None and not keyword.iskeyword(text)


def name_of(text: str) -> str:
    """A name of C++ that Python can say."""
    name = re.sub(r"\W", "_", text, flags=re.ASCII)
    return name if is_name(name) else f"_{name}"


def stubs(registry: Registry, name: str, source: str) -> str:
    """The text of a ``.pyi`` for what a program binds.

    Args:
        name: of the class that stands for the program; classes of C++ are in it.
        source: what it was made from, for its first line.
    """
    writer = _Writer(registry, name_of(name))
    return HEAD.format(source=printable(source)) + "\n" + "\n".join(writer.program()) + "\n"


class _Writer:
    """Writes the classes of one program, within the one that stands for it."""

    def __init__(self, registry: Registry, outer: str) -> None:
        self._registry = registry
        self._outer = outer

    def program(self) -> Iterator[str]:
        yield f"class {self._outer}:"
        names = {key: found for key, found in self._registry.names.items() if is_name(key)}
        parts = [self._record(each) for each in self._registry.types.values() if isinstance(each, ValueObject)]
        parts += [self._enum(found) for found in names.values() if isinstance(found, Enum)]
        parts += [self._class(found) for found in names.values() if isinstance(found, Class)]
        for part in parts:
            yield from (f"    {line}" for line in part)
        for key, found in names.items():
            if isinstance(found, BoundFunction):
                yield from (f"    {line}" for line in self._functions(key, found, "self"))
            elif not isinstance(found, (Enum, Class)):
                yield f"    {key}: {type(found).__name__ if isinstance(found, (int, float, str)) else 'Any'}"
        if not names:
            yield "    ..."

    def _python(self, bound: Bound, passed: bool = False) -> str:
        """The annotation of a type; as an argument, an enum may be its number, and a record any mapping."""
        text = bound.python
        base = text.removesuffix(" | None")
        if base in KNOWN:
            return text
        more = (" | int" if isinstance(bound, Enum) else " | Mapping[str, Any]") if passed and base == text else ""
        return f"{self._outer}.{name_of(base)}{text[len(base) :]}{'' if hasattr(bound, 'class_') else more}"

    def _signature(self, name: str, bindable: Bindable, first: str, result: str | None) -> str:
        try:
            signature = bindable.signature
        except WrongArgument as missing:
            must_be_answer(missing)
            return f"def {name}({f'{first}, ' if first else ''}*args: Any) -> Any: ...  # {missing}"
        params = [first] if first else []
        for at, param in enumerate(signature.params):
            params.append(f"a{at}: {self._python(param, True)}{' = ...' if at >= signature.needed else ''}")
        if signature.params:
            params.append("/")
        returns = self._python(signature.result) if result is None else result
        return f"def {name}({', '.join(params)}) -> {returns}: ..."

    def _functions(
        self, name: str, found: Overloads, first: str, mark: str = "", result: str | None = None
    ) -> Iterator[str]:
        for bindable in found.bindables.values():
            if len(found.bindables) > 1:
                yield "@overload"
            if mark:
                yield mark
            yield self._signature(name, bindable, first, result)

    def _made(self, name: str, base: str, body: list[str]) -> list[str]:
        return [f"class {name_of(name)}({base}):", *(f"    {line}" for line in body or ["..."])]

    def _record(self, found: ValueObject) -> list[str]:
        try:
            accesses = found.accesses()
        except WrongArgument as missing:
            must_be_answer(missing)
            return self._made(found.name, "Record", [f"...  # {missing}"])
        fields = [f"{each.name}: {self._python(each.got)}" for each in accesses if is_name(each.name)]
        return self._made(found.name, "Record", fields)

    def _enum(self, found: Enum) -> list[str]:
        own = f"{self._outer}.{name_of(found.name)}"
        return self._made(
            found.name, "EnumValue", [f"{value.name}: ClassVar[{own}]" for value in found if is_name(value.name)]
        )

    def _class(self, found: Class) -> list[str]:
        bases = list(found.bases())
        base = f"{self._outer}.{name_of(bases[1].name)}" if len(bases) > 1 else "CppObject"
        body: list[str] = []
        body += self._functions("__init__", found.constructors, "self", result="None")
        for name, statics in found.statics.items():
            if is_name(name):
                body += self._functions(name, statics, "", "@staticmethod")
        for name, members in found.members.items():
            if is_name(name):
                body += self._functions(name, members, "self")
        for name, property in found.properties.items():
            if is_name(name):
                body.append(f"{name}: {self._annotation(property.getter)}")
        for name, static in found.static_properties.items():
            if is_name(name):
                bound = self._registry.types.get(static.raw)
                body.append(f"{name}: ClassVar[{'Any' if bound is None else self._python(bound)}]")
        return self._made(found.name, base, body)

    def _annotation(self, getter: Bindable) -> str:
        try:
            return self._python(getter.signature.result)
        except WrongArgument as missing:
            must_be_answer(missing)
            return "Any"
