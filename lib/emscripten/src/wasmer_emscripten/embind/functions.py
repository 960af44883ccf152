"""Functions of C++ that are bound by themselves: ``function("name", &function)``."""

from __future__ import annotations

from wasmer_emscripten.embind.calls import Bindable, function_of
from wasmer_emscripten.embind.registry import registry_of
from wasmer_emscripten.functions import provides
from wasmer_emscripten.process import Process


def plain(name: str) -> str:
    """A name without the signature that newer programs add to it."""
    return name.partition("(")[0].strip()


@provides("iiiiii?ii->", "_embind_register_function")
def register_function(
    process: Process,
    name: int,
    count: int,
    types: int,
    signature: int,
    invoker: int,
    function: int,
    is_async: int = 0,
    is_not_null: int = 0,
) -> None:
    """Bind a function; another of the same name is an overload."""
    registry = registry_of(process)
    registry.count()
    text = plain(registry.name(name))
    result, *params = registry.numbers(count, types)
    bindable = Bindable(registry, text, result, params, invoker, function)
    function_of(registry.names, text).add(bindable)
