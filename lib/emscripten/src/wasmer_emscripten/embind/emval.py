"""Functions with which a program uses values of Python's: ``val`` in C++."""

from __future__ import annotations

import re
from typing import Any, Final, final

from wasmer_emscripten.embind import world
from wasmer_emscripten.embind.bound import BadArgument, Bound, Later, run, unsigned
from wasmer_emscripten.embind.handles import UNDEFINED, bytes_made, bytes_of, for_python
from wasmer_emscripten.embind.heaps import HEAPS, Heap
from wasmer_emscripten.embind.registry import Registry, registry_of
from wasmer_emscripten.errors import BindingError, WrongArgument
from wasmer_emscripten.functions import provides
from wasmer_emscripten.guest import U32, U64
from wasmer_emscripten.process import Process

MAX_CALLERS: Final = 65_536
"""Ways to call that a program can register."""
MAX_TEXT: Final = 1 << 24
"""Bytes of a text that is made a value."""
_ARGUMENT: Final = 8
"""Bytes between arguments in memory."""
_NEWER: Final = re.compile(r"0,1,(?:void 0|undefined)?,1,null,1,")
"""In the glue of programs that number values by two."""

FUNCTION, CONSTRUCTOR, METHOD, CAST = 0, 1, 2, 3
"""What a caller does with its values."""


def numbering(process: Process, imports: list[str]) -> int:
    """By how much a program's values are numbered: by one, or by two."""
    newer = "_emval_create_invoker" in imports or _NEWER.search(re.sub(r"\s+", "", process.glue[-500_000:]))
    return 2 if newer else 1


@final
class Value(Bound):
    """`val`: any value of Python's, held by a number."""

    python = "Any"

    def __init__(self, name: str, registry: Registry, optional: bool = False, element: int | None = None) -> None:
        super().__init__(name)
        self._registry = registry
        self.optional = optional
        self._element = element

    def from_wire(self, wire: Any) -> Any:
        return for_python(self._registry.handles.take(unsigned(wire)))

    def to_wire(self, value: Any, later: Later | None) -> int:
        return self._registry.handles.add(UNDEFINED if value is None and self.optional else value)

    def read(self, pointer: int) -> Any:
        return self.from_wire(self._registry.memory.u32(pointer))


def _to_wire(bound: Bound, value: Any, later: Later | None) -> Any:
    """A value for C++, which asked for it.

    Raises:
        BindingError: it is none of that type.
    """
    try:
        return bound.to_wire(for_python(value) if not isinstance(bound, Value) else value, later)
    except BadArgument as wrong:
        raise BindingError(f"C++ wants {bound.name} of a value: {wrong}") from None


def _generic(wire: Any) -> float:
    """A wire form as a double, by which results of all types are passed."""
    return float(wire if isinstance(wire, float) else wire or 0)


def _whole(wire: Any) -> int:
    """A wire form as 64 bits.

    Raises:
        WrongArgument: it is a float.
    """
    if not isinstance(wire, int):
        raise WrongArgument("the program asked for a float as an integer of 64 bits")
    return wire & U64


@final
class Destructors:
    """What is to be freed behind a conversion, held by the program.

    Attributes:
        later: functions with an argument each.
    """

    __slots__ = ("later",)

    def __init__(self, later: Later) -> None:
        self.later = later


@final
class Caller:
    """A way to call: the types of arguments and the result."""

    def __init__(self, registry: Registry, kind: int, raws: list[int]) -> None:
        self._registry = registry
        self._kind = kind
        self._raws = raws
        self._types: list[Bound] | None = None

    def call(self, value: Any, name: Any, destructors: int, arguments: int, is_method: bool = False) -> Any:
        """Call a value, or a method of it; the wire form of the result.

        Args:
            is_method: a method is called, whatever was registered: for who registered no more than a function.
        """
        registry = self._registry
        if self._types is None:
            first, *rest = self._raws
            what = "a call of a value"
            self._types = [registry.type_of(first, what), *(registry.passed(raw, what) for raw in rest)]
        result, *params = self._types
        with registry.at_once:
            args = [param.read((arguments & U32) + _ARGUMENT * at) for at, param in enumerate(params)]
        before = bytes_of(value)
        if is_method or self._kind == METHOD:
            answer = world.call_method(value, name, args)
        elif self._kind == CAST:
            answer = args[0] if args else UNDEFINED
        else:
            answer = world.call(value, args)
        registry.handles.made(bytes_of(value) - before + sum(map(bytes_made, args)) + bytes_of(answer))
        if not result.letter:
            return 0
        later: Later = []
        wire = _to_wire(result, answer, later)
        if destructors & U32:
            registry.memory.put_u32(destructors, registry.handles.add(Destructors(later)))
        return wire


# --- types


@provides("i->", "_emval_register_symbol")
def register_symbol(process: Process, name: int) -> None:
    """Told of a name that will be used again; it is read again then."""


@provides("iii->", "_embind_register_user_type_definition")
def register_user_type_definition(process: Process, raw: int, name: int, definition: int) -> None:
    """Bind a type of values that has a name and a definition of TypeScript's."""
    register_user_type(process, raw, name)


@provides("i?i->", "_embind_register_emval")
def register_emval(process: Process, raw: int, name: int = 0) -> None:
    """Bind val."""
    registry = registry_of(process)
    registry.add(raw, Value("val", registry))


@provides("ii->", "_embind_register_user_type")
def register_user_type(process: Process, raw: int, name: int) -> None:
    """Bind a type of values that has a name of its own."""
    registry = registry_of(process)
    registry.add(raw, Value(registry.name(name), registry))


@provides("ii->", "_embind_register_optional")
def register_optional(process: Process, raw: int, element: int) -> None:
    """Bind std::optional: a value, or None."""
    registry = registry_of(process)
    registry.add(raw, Value("std::optional", registry, True, element))


# --- holding values


@provides("i->", "_emval_incref")
def incref(process: Process, handle: int) -> None:
    """Hold a value once more."""
    registry_of(process).handles.keep(handle & U32)


@provides("i->", "_emval_decref")
def decref(process: Process, handle: int) -> None:
    """Hold a value once less."""
    registry_of(process).handles.drop(handle & U32)


def _value(process: Process, handle: int) -> Any:
    return registry_of(process).handles.value(handle & U32)


def _held(process: Process, value: Any) -> int:
    return registry_of(process).handles.add(value)


def _made(process: Process, value: Any) -> int:
    """The same of a value that the program has made, which takes memory of the host's."""
    handles = registry_of(process).handles
    handles.made(bytes_made(value))
    return handles.add(value)


@provides("->i", "_emval_new_array")
def new_array(process: Process) -> int:
    """Make an empty list."""
    return _made(process, [])


@provides("->i", "_emval_new_object")
def new_object(process: Process) -> int:
    """Make an empty dict."""
    return _made(process, {})


@provides("i->i", "_emval_new_cstring", "_emval_new_u8string")
def new_cstring(process: Process, text: int) -> int:
    """Make a str."""
    return _made(process, registry_of(process).memory.string(text, MAX_TEXT).decode("utf-8", "surrogateescape"))


@provides("i->i", "_emval_get_global")
def get_global(process: Process, name: int) -> int:
    """What the program's world has by a name; all of it for no name."""
    registry = registry_of(process)
    names = world.GLOBALS | dict(process.globals)
    return _held(process, names.get(registry.name(name), UNDEFINED)) if name & U32 else _made(process, names)


@provides("i->i", "_emval_get_module_property")
def get_module_property(process: Process, name: int) -> int:
    """What the program has bound by a name, or all of its memory as numbers."""
    registry = registry_of(process)
    text = registry.name(name)
    if text in HEAPS and text not in registry.names:
        return _made(process, Heap(registry.memory, HEAPS[text]))
    return _held(process, registry.public(text) if text in registry.names else UNDEFINED)


@provides("ii->i", "_emval_take_value")
def take_value(process: Process, raw: int, arguments: int) -> int:
    """Make a value of one of C++'s."""
    return _made(process, registry_of(process).passed(raw, "a value").read(arguments & U32))


@provides("i->i", "_emval_new_array_from_memory_view")
def new_array_from_memory_view(process: Process, view: int) -> int:
    """Make a list of what a view shows."""
    value = _value(process, view)
    if not isinstance(value, memoryview) or len(value) > world.MAX_LENGTH:
        raise WrongArgument("the program made a list of what is no view, or too large")
    return _made(process, value.tolist())


# --- looking at values


@provides("ii->i", "_emval_get_property")
def get_property(process: Process, handle: int, key: int) -> int:
    """A property."""
    return _held(process, world.get(_value(process, handle), _value(process, key)))


@provides("iii->", "_emval_set_property")
def set_property(process: Process, handle: int, key: int, value: int) -> None:
    """Set a property."""
    target = _value(process, handle)
    before = bytes_of(target)
    world.set(target, _value(process, key), for_python(_value(process, value)))
    registry_of(process).handles.made(bytes_of(target) - before)


@provides("i->i", "_emval_typeof")
def typeof(process: Process, handle: int) -> int:
    """What kind of value it is."""
    return _held(process, world.type_of(_value(process, handle)))


@provides("ii->i", "_emval_instanceof")
def instanceof(process: Process, handle: int, class_: int) -> int:
    """Whether it is of a class."""
    kind, value = _value(process, class_), _value(process, handle)
    known = {id(world.GLOBALS["Uint8Array"]): bytearray, id(world.GLOBALS["Array"]): list}.get(id(kind), kind)
    return int(isinstance(known, type) and isinstance(value, known))


@provides("i->i", "_emval_is_number")
def is_number(process: Process, handle: int) -> int:
    """Whether it is a number."""
    return int(world.type_of(_value(process, handle)) == "number")


@provides("i->i", "_emval_is_string")
def is_string(process: Process, handle: int) -> int:
    """Whether it is a text."""
    return int(isinstance(_value(process, handle), str))


@provides("ii->i", "_emval_equals", "_emval_strictly_equals")
def equals(process: Process, first: int, second: int) -> int:
    """Whether two are equal."""
    return int(world.equal(_value(process, first), _value(process, second)))


@provides("ii->i", "_emval_less_than")
def less_than(process: Process, first: int, second: int) -> int:
    """Whether one is less than another."""
    return int(world.less(_value(process, first), _value(process, second)))


@provides("ii->i", "_emval_greater_than")
def greater_than(process: Process, first: int, second: int) -> int:
    """Whether one is greater than another."""
    return int(world.less(_value(process, second), _value(process, first)))


@provides("i->i", "_emval_not")
def is_false(process: Process, handle: int) -> int:
    """Whether it is false, 0, empty, null or undefined."""
    value = _value(process, handle)
    return int(value is None or value is UNDEFINED or (isinstance(value, (int, float, str)) and not value))


@provides("ii->i", "_emval_in")
def is_in(process: Process, key: int, handle: int) -> int:
    """Whether a value has a property."""
    return int(world.get(_value(process, handle), _value(process, key)) is not UNDEFINED)


@provides("ii->i", "_emval_delete")
def delete(process: Process, handle: int, key: int) -> int:
    """Remove an item of a mapping."""
    world.delete(_value(process, handle), _value(process, key))
    return 1


@provides("i->i", "_emval_throw")
def throw(process: Process, handle: int) -> int:
    """Throw a value.

    Raises:
        ThrownValue: always.
    """
    raise world.ThrownValue(for_python(registry_of(process).handles.take(handle & U32)))


# --- values for C++


def _as(process: Process, handle: int, raw: int, destructors: int) -> Any:
    registry = registry_of(process)
    bound = registry.passed(raw, "a conversion of a value")
    later: Later = []
    wire = _to_wire(bound, _value(process, handle), later)
    registry.memory.put_u32(destructors, registry.handles.add(Destructors(later)))
    return wire


@provides("iii->d", "_emval_as")
def convert(process: Process, handle: int, raw: int, destructors: int) -> float:
    """A value as a type of C++."""
    return _generic(_as(process, handle, raw, destructors))


@provides("ii?i->I", "_emval_as_int64", "_emval_as_uint64")
def convert_wide(process: Process, handle: int, raw: int, destructors: int = 0) -> int:
    """A value as an integer of 64 bits."""
    bound = registry_of(process).passed(raw, "a conversion of a value")
    return _whole(_to_wire(bound, _value(process, handle), None))


@provides("i->", "_emval_run_destructors")
def run_destructors(process: Process, handle: int) -> None:
    """Free what was made for a conversion."""
    handles = registry_of(process).handles
    destructors = handles.value(handle & U32)
    if not isinstance(destructors, Destructors):
        raise WrongArgument("the program ran what are no destructors")
    handles.drop(handle & U32)
    run(destructors.later)


# --- calling values


def _register(process: Process, count: int, types: int, kind: int) -> int:
    registry = registry_of(process)
    if len(registry.callers) >= MAX_CALLERS:
        raise WrongArgument(f"the program registered more than {MAX_CALLERS} ways to call")
    registry.callers.append(Caller(registry, kind, registry.numbers(count, types)))
    return len(registry.callers)


def _caller(process: Process, number: int) -> Caller:
    callers = registry_of(process).callers
    if not 0 < number <= len(callers):
        raise WrongArgument(f"the program used a way to call that it has not registered: {number}")
    caller: Caller = callers[number - 1]
    return caller


@provides("ii->i", "_emval_get_method_caller")
def get_method_caller(process: Process, count: int, types: int) -> int:
    """Register types of a method."""
    return _register(process, count, types, METHOD)


@provides("iii->i", "_emval_get_method_caller", "_emval_create_invoker")
def create_invoker(process: Process, count: int, types: int, kind: int) -> int:
    """Register types of a function, a constructor, a method or a cast."""
    if not FUNCTION <= kind <= CAST:
        raise WrongArgument(f"the program registered a way to call of kind {kind}")
    return _register(process, count, types, kind)


def _method_name(process: Process, name: int) -> str:
    return registry_of(process).name(name) if name & U32 else ""


@provides("iiiii->d", "_emval_call_method")
def call_method(process: Process, caller: int, handle: int, name: int, destructors: int, arguments: int) -> float:
    """Call a method."""
    found = _caller(process, caller)
    return _generic(found.call(_value(process, handle), _method_name(process, name), destructors, arguments, True))


@provides("iiiii->d", "_emval_invoke")
def invoke(process: Process, caller: int, handle: int, name: int, destructors: int, arguments: int) -> float:
    """Call as is registered."""
    found = _caller(process, caller)
    value = _value(process, handle) if handle & U32 else UNDEFINED
    return _generic(found.call(value, _method_name(process, name), destructors, arguments))


@provides("iiiii->I", "_emval_invoke_i64")
def call_wide(process: Process, caller: int, handle: int, name: int, destructors: int, arguments: int) -> int:
    """The same, for a result of 64 bits."""
    found = _caller(process, caller)
    value = _value(process, handle) if handle & U32 else UNDEFINED
    return _whole(found.call(value, _method_name(process, name), destructors, arguments))


@provides("iiii->", "_emval_call_void_method")
def call_void_method(process: Process, caller: int, handle: int, name: int, arguments: int) -> None:
    """Call a method that returns nothing."""
    _caller(process, caller).call(_value(process, handle), _method_name(process, name), 0, arguments, True)


@provides("iiii->d", "_emval_call")
def call(process: Process, caller: int, handle: int, destructors: int, arguments: int) -> float:
    """Call a function by registered types."""
    return _generic(_caller(process, caller).call(_value(process, handle), "", destructors, arguments))


def _arguments(process: Process, count: int, types: int, arguments: int) -> list[Any]:
    registry = registry_of(process)
    if not count:
        return []
    bounds = [registry.passed(raw, "a call of a value") for raw in registry.numbers(count, types)]
    with registry.at_once:
        return [each.read((arguments & U32) + _ARGUMENT * at) for at, each in enumerate(bounds)]


@provides("iiii->i", "_emval_call", "_emval_new")
def call_at_once(process: Process, handle: int, count: int, types: int, arguments: int) -> int:
    """Call a function, or make an object of a class; the result as a value."""
    return _made(process, world.call(_value(process, handle), _arguments(process, count, types, arguments)))
