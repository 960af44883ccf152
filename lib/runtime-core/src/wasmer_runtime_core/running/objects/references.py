"""Structs and arrays that Python makes (specification 3.0, section 4.2.14): `StructRef`, `ArrayRef`; small integers.

A struct has its fields by index and, where a module's name section says how they are called, by name: ``point[0]``,
``point["x"]``. An array is a sequence. Both can be written where their types say ``mut``. ``i31ref`` is an int. Two
that are the same object are equal; holding one keeps it alive, and whatever it refers to.

====================  ==============================================================================
of type               Python has
====================  ==============================================================================
struct, array         `StructRef`, `ArrayRef`
i31                   an int of 31 bits, signed; one from -2**30 to 2**31 - 1 is taken
i8, i16 in fields     an int without a sign; signed ones are taken, too
any, from the host    any other object, as ``extern.convert_any`` and its opposite give it
====================  ==============================================================================
"""

from __future__ import annotations

from wasmer_runtime_core.native.machine import ArrayRef, DefinedType, StructRef, new_object
from wasmer_runtime_core.running.process_types import process_types
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, cast
from wasmer_runtime_core.wasm.types import F32, F64, KIND, NON_NULL, REFERENCE_KINDS, V128, ArrayType, StructType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wasmer_runtime_core.native import machine
    from wasmer_runtime_core.wasm.module import ModuleInfo
    from wasmer_runtime_core.wasm.types import FieldType

__all__ = ["ArrayRef", "StructRef", "new_array", "new_struct"]


def new_struct(
    core: machine.Instance, info: ModuleInfo, type_: int | str, values: tuple[Any, ...], by_name: dict[str, Any]
) -> StructRef:
    """See `Instance.struct`."""
    index, defined = _defined(info, type_)
    composite = info.definitions[index].composite
    if not isinstance(composite, StructType):
        raise TypeError(f"type {type_!r} is no struct")
    fields = composite.fields
    if len(values) > len(fields):
        raise TypeError(f"the struct has {len(fields)} fields, not {len(values)}")
    given = dict(enumerate(values))
    if by_name:
        places = {name: at for at, name in info.field_names.get(index, {}).items()}
        for name, value in by_name.items():
            at = places.get(name)
            if at is None:
                raise KeyError(f"no field is called {name!r}")
            if at in given:
                raise TypeError(f"field {name!r} is given twice")
            given[at] = value
    made = tuple([given[at] if at in given else _default(field, at) for at, field in enumerate(fields)])
    return cast("StructRef", new_object(core, defined, made))


def new_array(core: machine.Instance, info: ModuleInfo, type_: int | str, values: Iterable[Any]) -> ArrayRef:
    """See `Instance.array`."""
    index, defined = _defined(info, type_)
    if not isinstance(info.definitions[index].composite, ArrayType):
        raise TypeError(f"type {type_!r} is no array")
    return cast("ArrayRef", new_object(core, defined, tuple(values)))


def _defined(info: ModuleInfo, type_: int | str) -> tuple[int, DefinedType]:
    types = process_types(info)
    if isinstance(type_, str):
        found = [index for index, name in info.type_names.items() if name == type_]
        if not found:
            raise KeyError(f"no type is called {type_!r}")
        index = found[0]
    else:
        index = type_
    if types is None or not 0 <= index < len(types.types):
        raise IndexError(f"there is no struct or array type {type_!r}")
    defined = types.types[index]
    if not isinstance(defined, DefinedType) or defined.form == 0:
        raise TypeError(f"type {type_!r} is of functions")
    return index, defined


def _default(field: FieldType, at: int) -> Any:
    kind = field.storage & KIND
    if kind in REFERENCE_KINDS:
        if field.storage & NON_NULL:
            raise TypeError(f"field {at} has to be given: null is no value of it")
        return None
    return 0.0 if kind in (F32, F64) else bytes(16) if kind == V128 else 0
