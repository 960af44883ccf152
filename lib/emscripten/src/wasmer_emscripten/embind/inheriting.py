"""Classes of Python that derive from classes of C++: C++ calls what they define.

A class that allows it (`allow_subclass`) is derived as any other::

    class Mine(program.Listener):
        def heard(self, what):
            return len(what)

Its object has a C++ part that holds it, and calls it by name. Each keeps the other: `delete()` ends both.
"""

from __future__ import annotations

from typing import Any, Final

from wasmer_emscripten.embind.classes import CppObject, Pointer, is_open
from wasmer_emscripten.embind.registry import registry_of
from wasmer_emscripten.errors import WrongArgument
from wasmer_emscripten.functions import provides
from wasmer_emscripten.process import Process

MAX_EXTENDED: Final = 4096
"""Classes that a program can make of others."""
MAX_MEMBERS: Final = 255
"""Of one of these."""


def destruct(made: CppObject) -> None:
    """The C++ part of an object is being destroyed, by whomever."""
    held = made._held
    made._held = None
    for pointer, found in list(_inherited(made, held)):
        if found is made:
            del _registry(made).inherited[pointer]


def _registry(made: CppObject) -> Any:
    return type(made)._class.registry


def _inherited(made: CppObject, held: Any) -> Any:
    registry = _registry(made)
    if held is not None:
        pointer = held.class_.root(held.pointer)
        return [(pointer, registry.inherited.get(pointer))]
    return registry.inherited.items()


@provides("iii->i", "_embind_create_inheriting_constructor")
def create_inheriting_constructor(process: Process, name: int, wrapper: int, properties: int) -> int:
    """Make a class of an object of functions (``Class.extend`` in JavaScript): Python's have a statement for it."""
    registry = registry_of(process)
    text = registry.name(name)
    wrapping = registry.kind(wrapper, Pointer, text).class_
    bases = list(wrapping.bases())
    if len(bases) < 2:
        raise WrongArgument(f"the program extends {wrapping.name}, which derives from nothing")
    members = registry.handles.value(properties)
    if not isinstance(members, dict) or not all(isinstance(each, str) for each in members):
        raise WrongArgument(f"the program extends {wrapping.name} by what is no mapping of names")
    if len(members) > MAX_MEMBERS:
        raise WrongArgument(f"the program extends {wrapping.name} by more than {MAX_MEMBERS} names")
    if len(registry.extended) >= MAX_EXTENDED:
        raise WrongArgument(f"the program extends classes more than {MAX_EXTENDED} times")
    own = {each: member for each, member in members.items() if is_open(each)}
    made = type(text, (bases[1].python_class(),), own)
    registry.extended.append(made)
    return registry.handles.add(made)
