"""How a program binds a class: it, its constructors, functions and properties, those of its objects and its own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from wasmer_emscripten.embind.calls import Bindable, Overloads, Signature, as_method, function_of
from wasmer_emscripten.embind.classes import (
    NOTHING,
    Class,
    Held,
    Pointer,
    Property,
    StaticProperty,
    held_of,
    is_open,
)
from wasmer_emscripten.embind.functions import plain
from wasmer_emscripten.embind.registry import registry_of
from wasmer_emscripten.errors import WrongArgument
from wasmer_emscripten.functions import provides
from wasmer_emscripten.process import Process


def pointer_of(class_: Class) -> Callable[[Any], int]:
    """What finds the pointer of `self`, as a class sees it."""

    def finding(value: Any) -> int:
        held: Held | None = value._held
        if held is None:
            held = held_of(value)
        return held.pointer if held.class_ is class_ else held.as_(class_)

    return finding


def class_of(process: Process, raw: int, what: str) -> Class:
    """The class of a number."""
    return registry_of(process).kind(raw, Pointer, what).class_


@provides("iiiiiiiiiiiii->", "_embind_register_class")
def register_class(process: Process, raw: int, raw_pointer: int, raw_const: int, base: int, *rest: int) -> None:
    """Bind a class."""
    _, actual, _, up, _, down, name, _, destroy = rest
    registry = registry_of(process)
    class_ = Class(registry.name(name), registry, raw, base)
    class_.be_able(actual, up, down, destroy)
    registry.add(raw, Pointer(class_, ""))
    registry.add(raw_pointer, Pointer(class_, "*"))
    registry.add(raw_const, Pointer(class_, " const*"))
    registry.names[class_.name] = class_


@provides("iiiiii->", "_embind_register_class_constructor")
def register_constructor(
    process: Process, raw: int, count: int, types: int, signature: int, invoker: int, constructor: int
) -> None:
    """Bind a constructor."""
    class_ = class_of(process, raw, "a constructor")
    class_.registry.count()
    result, *params = class_.registry.numbers(count, types)
    class_.constructors.add(Bindable(class_.registry, class_.name, result, params, invoker, constructor, held=True))


def _settle(class_: Class, text: str, function: Callable[..., Any] | None) -> None:
    """Let a class have a method itself, where there is one of its name; else what chooses among several."""
    class_.set(text, as_method(class_.members[text]) if function is None else function)


@provides("iiiiiiii?ii->", "_embind_register_class_function")
def register_member(
    process: Process,
    raw: int,
    name: int,
    count: int,
    types: int,
    signature: int,
    invoker: int,
    context: int,
    is_pure: int,
    is_async: int = 0,
    is_not_null: int = 0,
) -> None:
    """Bind a function of a class's objects."""
    class_ = class_of(process, raw, "a function of a class")
    registry = class_.registry
    registry.count()
    text = plain(registry.name(name))
    numbers = registry.numbers(count, types)
    if len(numbers) < 2:
        raise WrongArgument(f"the program bound {class_.name}.{text} without its object")
    bindable = Bindable(
        registry,
        f"{class_.name}.{text}",
        numbers[0],
        numbers[2:],
        invoker,
        context,
        pointer_of=pointer_of(class_),
        class_=class_,
    )
    overloads = class_.members.get(text)
    if overloads is None:
        overloads = class_.members[text] = Overloads(text, functools.partial(_settle, class_, text))
        class_.set(text, as_method(overloads))
    overloads.add(bindable)
    if is_pure:
        class_.pure.add(text)


@provides("iiiiiii?ii->", "_embind_register_class_class_function")
def register_static(
    process: Process,
    raw: int,
    name: int,
    count: int,
    types: int,
    signature: int,
    invoker: int,
    function: int,
    is_async: int = 0,
    is_not_null: int = 0,
) -> None:
    """Bind a function of a class itself."""
    class_ = class_of(process, raw, "a function of a class")
    registry = class_.registry
    registry.count()
    text = plain(registry.name(name))
    result, *params = registry.numbers(count, types)
    found = function_of(class_.statics, text)
    class_.set(text, staticmethod(found))
    found.add(Bindable(registry, f"{class_.name}.{text}", result, params, invoker, function))


@provides("iiiiiiiiii->", "_embind_register_class_property")
def register_property(process: Process, raw: int, name: int, got: int, *rest: int) -> None:
    """Bind a property of a class's objects."""
    _, getter, getter_context, put, _, setter, setter_context = rest
    class_ = class_of(process, raw, "a property")
    registry = class_.registry
    registry.count()
    text = registry.name(name)
    full, pointer = f"{class_.name}.{text}", pointer_of(class_)
    get = Bindable(registry, full, got, [], getter, getter_context, pointer_of=pointer, class_=class_)
    set = None
    if setter:
        set = _Setter(registry, full, 0, [put], setter, setter_context, pointer_of=pointer, class_=class_)
    property = class_.properties[text] = Property(class_, text, get, set)
    class_.set(text, property)


class _Setter(Bindable):
    """What sets a property: it returns nothing, whatever type the program has for that."""

    @property
    def signature(self) -> Signature:
        if self._signature is None:
            params = tuple(self._registry.passed(raw, self.name) for raw in self._params)
            self._signature = Signature(self.name, NOTHING, params)
        return self._signature


@provides("iiiiiiii->", "_embind_register_class_class_property")
def register_static_property(
    process: Process, raw: int, name: int, field: int, context: int, _: int, getter: int, signature: int, setter: int
) -> None:
    """Bind a property of a class itself."""
    class_ = class_of(process, raw, "a property")
    class_.registry.count()
    text = class_.registry.name(name)
    property = class_.static_properties[text] = StaticProperty(class_, text, field, getter, setter, context)
    if class_._python is not None and is_open(text):
        setattr(type(class_._python), text, property)


@provides("iiii->", "_embind_register_iterable")
def register_iterable(process: Process, raw: int, element: int, size: int, get: int) -> None:
    """Bind that a class is iterated by two of its functions."""
    registry = registry_of(process)
    class_of(process, raw, "what is iterated").iterating = registry.name(size), registry.name(get)
