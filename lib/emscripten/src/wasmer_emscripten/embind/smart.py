"""Smart pointers: a share of an object, which C++ counts."""

from __future__ import annotations

import functools
from typing import Any, Final, final

from wasmer_emscripten.embind.bound import BadArgument, Bound, Later, is_needed, unsigned
from wasmer_emscripten.embind.classes import Class, CppObject, Held, Pointer, held_of
from wasmer_emscripten.embind.registry import Registry, registry_of
from wasmer_emscripten.functions import provides
from wasmer_emscripten.guest import U32
from wasmer_emscripten.process import Process

ALONE: Final = 0
INTRUSIVE: Final = 1
BY_VALUE: Final = 2
"""How others of another type get a share: not at all; by the object's own count; by a value that keeps one."""


@final
class Smart(Bound):
    """A type of smart pointers."""

    frees = True

    def __init__(
        self, name: str, registry: Registry, raw: int, pointee: int, policy: int, functions: tuple[int, int, int, int]
    ) -> None:
        super().__init__(name)
        self._registry = registry
        self._pointee = pointee
        self._policy = policy
        get, null, share, destroy = functions
        self._get = registry.pointer(get, name, "i", "i") if get else None
        self._null = registry.pointer(null, name, "", "i")
        self._share = registry.pointer(share, name, "ii", "i")
        self.destroy = registry.pointer(destroy, name, "i", "")

    @property
    def class_(self) -> Class:
        """The class of what it points to."""
        return self._registry.kind(self._pointee, Pointer, self.name).class_

    @property
    def python(self) -> str:  # type: ignore[override]
        return f"{self.class_.name} | None"

    def hold(self, wire: Any) -> Held:
        """The C++ part of an object that was constructed."""
        share = unsigned(wire)
        pointer = share if self._get is None else self._get(share) & U32
        held = Held(pointer, self.class_, True)
        held.smart, held.share = self, share
        return held

    def from_wire(self, wire: Any) -> Any:
        held = self.hold(wire)
        if not held.pointer:
            self.destroy(held.share)
            return None
        inherited = self._registry.inherited
        if inherited:
            found = inherited.get(held.class_.root(held.pointer))
            if found is not None:
                self.destroy(held.share)
                return found
        held.class_, held.pointer = held.class_.actual(held.pointer)
        made = object.__new__(held.class_.python_class())
        made._held = held
        return made

    def to_wire(self, value: Any, later: Later | None) -> int:
        if value is None:
            share: int = self._null() & U32
            if later is not None:
                later.append((self.destroy, share))
            return share
        if not isinstance(value, CppObject):
            raise is_needed(f"a {self.class_.name}", value)
        held = held_of(value)
        if held.smart is self:
            return held.share
        if held.smart is None:
            raise BadArgument(value, f"{self.name} needs what is kept by a smart pointer already; this is not")
        if self._policy == INTRUSIVE:
            return held.share
        if self._policy != BY_VALUE:
            raise BadArgument(value, f"a {held.smart.name} is no {self.name}")
        keeper = CppObject.clone(value)
        handle = self._registry.handles.add(functools.partial(CppObject.delete, keeper))
        made: int = self._share(held.as_(self.class_), handle) & U32
        if later is not None:
            later.append((self.destroy, made))
        return made

    def read(self, pointer: int) -> Any:
        return self.from_wire(self._registry.memory.u32(pointer))


@provides("iiiiiiiiiiii->", "_embind_register_smart_ptr")
def register_smart_ptr(process: Process, raw: int, pointee: int, name: int, policy: int, *rest: int) -> None:
    """Bind a smart pointer."""
    _, get, _, null, _, share, _, destroy = rest
    registry = registry_of(process)
    registry.add(raw, Smart(registry.name(name), registry, raw, pointee, policy, (get, null, share, destroy)))
