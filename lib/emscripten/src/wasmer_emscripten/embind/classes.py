"""Classes of C++ as classes of Python: constructors, methods, properties, statics, and what an object of theirs is.

A Python class is made when it is first asked for, with that of its base, so it does not matter in which order a
program binds them.

An object (`CppObject`) holds its C++ part (`Held`). It is destroyed by `delete()`, at the end of a ``with`` block,
or, if Python owns it, some time after Python has let it go: at the next call of C++, for a garbage collection may
come when C++ is in the middle of something. Python owns what it has constructed, what C++ has returned by value,
and its share of a smart pointer; it does not own what a raw pointer leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Final, Self

from wasmer_emscripten.embind.bound import BadArgument, Bound, Later, Sharing, is_needed, unsigned
from wasmer_emscripten.embind.calls import Bindable, BoundFunction, Overloads, Signature, as_method, generated
from wasmer_emscripten.embind.handles import HOLDING
from wasmer_emscripten.embind.registry import MAX_DEPTH, Registry
from wasmer_emscripten.errors import BindingError, WrongArgument
from wasmer_emscripten.guest import U32
from wasmer_runtime_core.support.printable import printable

MAX_INHERITED: Final = 1 << 20
"""Objects of classes that derive from C++'s, alive at once."""


class Held:
    """The C++ part of an object.

    Attributes:
        pointer: where it is, as its class sees it.
        class_: that class.
        smart, share: the smart pointer's type and address, if one keeps it.
        owned: Python destroys it when it lets it go.
        is_const: C++ may not change it.
        count: how many objects of Python have it.
    """

    __slots__ = ("_bases", "class_", "count", "is_const", "owned", "pointer", "share", "smart")

    def __init__(self, pointer: int, class_: Class, owned: bool, is_const: bool = False) -> None:
        self.pointer = pointer
        self.class_ = class_
        self.smart: Sharing | None = None
        self.share = 0
        self.owned = owned
        self.is_const = is_const
        self.count = 1
        self._bases: dict[Class, int] = {}

    def as_(self, class_: Class) -> int:
        """The pointer, as a base class sees it.

        Raises:
            BadArgument: the class is none of its bases.
        """
        if class_ is self.class_:
            return self.pointer
        found = self._bases.get(class_)
        if found is None:
            found = self._bases[class_] = self.class_.upcast(self.pointer, class_)
        return found

    def give_up(self) -> None:
        """One object of Python less; with the last one C++'s is destroyed, unless that went with its program."""
        self.count -= 1
        if self.count == 0 and not self.class_.registry.ended:
            if self.smart is not None:
                self.smart.destroy(self.share)
            else:
                self.class_.destroy(self.pointer)


class CppObject:
    """An object of a class of C++. Its methods and properties are those that the program binds."""

    _held: Held | None = None
    _class: ClassVar[Class]

    def __init__(self, *args: Any) -> None:
        if self._held is not None:
            raise BindingError(f"{self!r} is constructed already")
        type(self)._class.construct(self, args)

    def delete(self) -> None:
        """Destroy it. It cannot be used any more; objects that `clone` has made can, until they are deleted, too.

        Raises:
            BindingError: that was done already.
        """
        held = held_of(self)
        self._held = None
        held.give_up()

    def is_deleted(self) -> bool:
        """Whether `delete` was called."""
        return self._held is None

    def clone(self) -> Self:
        """Another object for the same object of C++, which lives until both are deleted."""
        held = held_of(self)
        made: Self = object.__new__(type(self))
        held.count += 1
        made._held = held
        return made

    def release(self) -> None:
        """Leave it to C++: Python does not destroy it when it lets it go."""
        held_of(self).owned = False

    def adopt(self) -> Self:
        """The opposite: let Python destroy it, to which a raw pointer leads that C++ made for its caller. Itself."""
        held_of(self).owned = True
        return self

    def is_alias_of(self, other: CppObject) -> bool:
        """Whether both are the same object of C++."""
        first, second = held_of(self), held_of(other)
        return first.class_.root(first.pointer) == second.class_.root(second.pointer)

    @property
    def pointer(self) -> int:
        """Where it is in the program's memory."""
        return held_of(self).pointer

    def __enter__(self) -> Self:
        held_of(self)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._held is not None:
            self.delete()

    def __del__(self) -> None:
        held, self._held = self._held, None
        if held is not None and held.owned:
            held.class_.registry.dropped.append(held)

    def __repr__(self) -> str:
        name = printable(type(self).__name__)
        return f"<{name}, deleted>" if self._held is None else f"<{name} at {self._held.pointer:#x}>"


HOLDING[CppObject] = lambda value: vars(value).values()


def held_of(value: CppObject) -> Held:
    """The C++ part of an object.

    Raises:
        BindingError: it is deleted, or not constructed.
    """
    held = value._held
    if held is None:
        name = printable(type(value).__name__)
        raise BindingError(f"this {name} cannot be used: it is deleted, or {name}.__init__ was not called")
    return held


class Class:
    """A class that a program binds.

    Attributes:
        name: in C++.
        registry: the program's.
        raw: the number of its type.
        members, statics: functions by name.
        properties, static_properties: by name.
        constructors: all of them.
        pure: names of functions that a subclass must have.
    """

    def __init__(self, name: str, registry: Registry, raw: int, base: int) -> None:
        self.name = name
        self.registry = registry
        self.raw = raw
        self._base = base
        self.members: dict[str, Overloads] = {}
        self.statics: dict[str, BoundFunction] = {}
        self.properties: dict[str, Property] = {}
        self.static_properties: dict[str, StaticProperty] = {}
        self.constructors = Overloads(name)
        self.pure: set[str] = set()
        self.iterating: tuple[str, str] | None = None
        self._actual: Callable[..., Any] | None = None
        self._up: Callable[..., Any] | None = None
        self._down: Callable[..., Any] | None = None
        self._destroy: Callable[..., Any] | None = None
        self._python: type[CppObject] | None = None

    def be_able(self, actual: int, up: int, down: int, destroy: int) -> None:
        """Take the functions that every class has; 0 for none."""
        pointer, name = self.registry.pointer, self.name
        self._actual = pointer(actual, name, "i", "i") if actual else None
        self._up = pointer(up, name, "i", "i") if up else None
        self._down = pointer(down, name, "i", "i") if down else None
        self._destroy = pointer(destroy, name, "i", "") if destroy else None

    # --- what it derives from

    def bases(self) -> Iterator[Class]:
        """Itself, its base, the base of that …

        Raises:
            WrongArgument: a base is not bound, or they never end.
        """
        class_: Class | None = self
        for _ in range(MAX_DEPTH):
            if class_ is None:
                return
            yield class_
            class_ = (
                self.registry.kind(class_._base, Pointer, f"the base of {class_.name}").class_ if class_._base else None
            )
        raise WrongArgument(f"the program bound more than {MAX_DEPTH} classes that derive from each other")

    def upcast(self, pointer: int, to: Class) -> int:
        """A pointer, as a base sees it.

        Raises:
            BadArgument: it is none of its bases.
        """
        for class_ in self.bases():
            if class_ is to:
                return pointer
            if class_._up is not None:
                pointer = class_._up(pointer) & U32
        raise BadArgument(None, f"a {self.name} is no {to.name}")

    def root(self, pointer: int) -> int:
        """A pointer, as the last of its bases sees it: what tells objects apart."""
        for class_ in self.bases():
            if class_._up is not None and class_._base:
                pointer = class_._up(pointer) & U32
        return pointer

    def actual(self, pointer: int) -> tuple[Class, int]:
        """What an object is, and its pointer as that class sees it."""
        if self._actual is None:
            return self, pointer
        found = self.registry.types.get(self._actual(pointer) & U32)
        if not isinstance(found, Pointer) or found.class_ is self:
            return self, pointer
        way: list[Class] = []
        for class_ in found.class_.bases():
            if class_ is self:
                break
            way.append(class_)
        else:
            return self, pointer
        for class_ in reversed(way):
            if class_._down is None or not (pointer := class_._down(pointer) & U32):
                return self, pointer
        return found.class_, pointer

    def destroy(self, pointer: int) -> None:
        """Call its destructor."""
        if self._destroy is None:
            raise BindingError(f"{self.name} has no destructor that could be called")
        self._destroy(pointer)

    # --- the class of Python

    def python_class(self) -> type[CppObject]:
        """The class of Python; the same each time."""
        if self._python is not None:
            return self._python
        made: type[CppObject] = CppObject
        for class_ in reversed(list(self.bases())):
            if class_._python is None:
                class_._python = class_._made(made)
            made = class_._python
        return made

    def _made(self, base: type[CppObject]) -> type[CppObject]:
        statics = {name: found for name, found in self.static_properties.items() if is_open(name)}
        meta = type(f"type of {self.name}", (type(base),), statics)
        members: dict[str, Any] = {name: staticmethod(function) for name, function in self.statics.items()}
        members |= {name: as_method(overloads) for name, overloads in self.members.items()}
        members |= self.properties
        namespace: dict[str, Any] = {name: member for name, member in members.items() if is_open(name)}
        namespace |= {"_class": self, "__doc__": f"The class {self.name} of C++."}
        if self.iterating is not None:
            namespace |= _iterating(*self.iterating)
        made: type[CppObject] = meta(self.name, (base,), namespace)
        return made

    def set(self, name: str, value: Any) -> None:
        """A member that comes when the class is made already."""
        if self._python is not None and is_open(name):
            setattr(self._python, name, value)

    def construct(self, made: CppObject, args: tuple[Any, ...]) -> None:
        """Make the C++ part of an object."""
        if type(made) is not self._python and "implement" in self.statics:
            implement(self, made, args)
            return
        if not self.constructors.bindables:
            raise BindingError(f"{self.name} has no constructor that is bound")
        made._held = self.constructors.choose(len(args))(*args)


def is_open(name: str) -> bool:
    """Whether a class of Python can have a member of this name: those that Python and this package need are taken."""
    return name not in ("_held", "_class", "mro") and not (name.startswith("__") and name.endswith("__"))


def implement(class_: Class, made: CppObject, args: tuple[Any, ...]) -> None:
    """Construct the C++ part of an object whose class derives from one of C++.

    Raises:
        BindingError: its class does not define what is pure virtual.
    """
    registry = class_.registry
    for name in sorted(class_.pure):
        if getattr(type(made), name, None) is getattr(class_.python_class(), name):
            raise BindingError(f"{type(made).__name__} has to define {name}, which is pure virtual in {class_.name}")
    if len(registry.inherited) >= MAX_INHERITED:
        raise BindingError(f"{MAX_INHERITED} objects of classes that derive from C++'s are alive: delete() some")
    inner = class_.statics["implement"](made, *args)
    if not isinstance(inner, CppObject):
        raise WrongArgument(f"the program made no {class_.name}")
    held = held_of(inner)
    held.owned = True
    made._held, inner._held = held, None
    registry.inherited[held.class_.root(held.pointer)] = made
    tell = getattr(held.class_.python_class(), "notifyOnDestruction", None)
    if tell is not None:
        tell(made)


def _iterating(size: str, get: str) -> dict[str, Any]:
    def length(self: Any) -> int:
        return int(getattr(self, size)())

    def iterate(self: Any) -> Iterator[Any]:
        at = 0
        while at < length(self):
            yield getattr(self, get)(at)
            at += 1

    return {"__len__": length, "__iter__": iterate}


class Pointer(Bound):
    """A pointer or a reference to an object of a class, or the object itself, which crosses as a pointer."""

    def __init__(self, class_: Class, suffix: str) -> None:
        super().__init__(class_.name + suffix)
        self.class_ = class_
        self._is_reference = suffix == ""
        self._is_const = suffix == " const*"
        self.python = class_.name if self._is_reference else f"{class_.name} | None"

    def hold(self, wire: Any) -> Held:
        """The C++ part of an object that was constructed."""
        return Held(unsigned(wire), self.class_, True)

    def from_wire(self, wire: Any) -> Any:
        pointer = unsigned(wire)
        return wrapped(self.class_, pointer, self._is_reference, self._is_const) if pointer else None

    def to_wire(self, value: Any, later: Later | None) -> int:
        if value is None:
            if self._is_reference:
                raise is_needed(f"a {self.class_.name}", value)
            return 0
        if not isinstance(value, CppObject):
            raise is_needed(f"a {self.class_.name}", value)
        held = held_of(value)
        if held.is_const and not self._is_const:
            raise BadArgument(value, f"this {held.class_.name} is const, and C++ might change it")
        if held.class_.registry is not self.class_.registry:
            raise BadArgument(value, f"this {held.class_.name} is another program's")
        try:
            return held.as_(self.class_)
        except BadArgument as wrong:
            raise BadArgument(value, f"a {self.class_.name} is needed: {wrong}") from None

    def read(self, pointer: int) -> Any:
        return self.from_wire(self.class_.registry.memory.u32(pointer))


def wrapped(class_: Class, pointer: int, owned: bool, is_const: bool) -> Any:
    """An object of Python for one of C++."""
    registry = class_.registry
    if registry.inherited:
        found = registry.inherited.get(class_.root(pointer))
        if found is not None:
            return found
    actual, at = class_.actual(pointer)
    made = object.__new__(actual.python_class())
    made._held = Held(at, actual, owned, is_const)
    return made


class Property:
    """A property of an object: through functions of C++."""

    def __init__(self, class_: Class, name: str, getter: Bindable, setter: Bindable | None) -> None:
        self.name = f"{class_.name}.{name}"
        self.getter = getter
        self.setter = setter

    def __get__(self, instance: CppObject | None, owner: type) -> Any:
        return self if instance is None else self.getter.function(instance)

    def __set__(self, instance: CppObject, value: Any) -> None:
        if self.setter is None:
            raise AttributeError(f"{self.name} cannot be set")
        self.setter.function(instance, value)

    def __delete__(self, instance: CppObject) -> None:
        raise AttributeError(f"{self.name} cannot be deleted")


class StaticProperty:
    """A property of a class: of its metaclass, for Python."""

    def __init__(self, class_: Class, name: str, raw: int, getter: int, setter: int, context: int) -> None:
        self.name = f"{class_.name}.{name}"
        self.raw = raw
        self._registry = class_.registry
        self._context = context
        self._pointers = getter, setter
        self._get: Callable[..., Any] | None = None
        self._set: Callable[..., Any] | None = None

    def __get__(self, instance: Any, owner: type) -> Any:
        if self._get is None:
            type_ = self._registry.passed(self.raw, self.name)
            call = self._registry.function(self._pointers[0], self.name, "i", type_.letter)
            self._get = generated(self._registry, Signature(self.name, type_, ()), call, self._context)
        return self._get()

    def __set__(self, instance: Any, value: Any) -> None:
        if not self._pointers[1]:
            raise AttributeError(f"{self.name} cannot be set")
        if self._set is None:
            type_ = self._registry.passed(self.raw, self.name)
            call = self._registry.function(self._pointers[1], self.name, "i" + type_.letter, "")
            self._set = generated(self._registry, Signature(self.name, NOTHING, (type_,)), call, self._context)
        self._set(value)


class _Nothing(Bound):
    letter = ""
    python = "None"

    def from_wire(self, wire: Any) -> None:
        return None

    def giving(self, wire: str, convert: str) -> str:
        return wire


NOTHING = _Nothing("void")
