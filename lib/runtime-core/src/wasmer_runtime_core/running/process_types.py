"""The types of a module in this process: one object for equal types, whatever modules define them.

A module's types have its own numbers (`wasm.types`). Instances of several modules meet at run time, so their plans,
tables, globals and functions have numbers of the process, which the C part gives out (`native/calls/types.c`). A module
of functions of plain types alone needs none: there a type is its FunctionType.
"""

from __future__ import annotations

from wasmer_runtime_core.contract.objects import ELEMENTS, ObjectLayouts
from wasmer_runtime_core.native.machine import DefinedType, configure, define_types, known_types, numbered_type
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, TypeAlias
from wasmer_runtime_core.support.checkpoint import watched
from wasmer_runtime_core.wasm.subtyping import FORM_FUNCTION, TypeGroupKey, form_of
from wasmer_runtime_core.wasm.types import (
    FIRST_TYPE,
    HEAP_ARRAY,
    HEAP_SHIFT,
    HEAP_STRUCT,
    KIND,
    NO_FUNCTION,
    NON_NULL,
    ArrayType,
    CompositeType,
    FieldType,
    FunctionType,
    GlobalType,
    MemoryType,
    StructType,
    TableType,
    ValueTypes,
    kinds,
    type_index,
    value_type_name,
    value_types,
)

if TYPE_CHECKING:
    from wasmer_runtime_core.native.machine import TypeRow
    from wasmer_runtime_core.wasm.module import ModuleInfo
    from wasmer_runtime_core.wasm.types import TypeDefinition

ProcessType: TypeAlias = "FunctionType | DefinedType"
"""A plain function type is itself."""

FORMS: Final = {FORM_FUNCTION: 0, HEAP_STRUCT: 1, HEAP_ARRAY: 2}
"""What `subtyping.form_of` says -> its place in `vmctx.TYPE_FORMS`."""
DEEPEST_TEXT: Final = 2
"""So far a type is written out in messages that names types that name types."""


class ProcessTypes:
    """The types of a module.

    Attributes:
        types: by index.
        held: by index, what keeps a number from being given to another type.
    """

    def __init__(self, info: ModuleInfo) -> None:
        self.types: list[ProcessType] = []
        self.held: list[DefinedType] = []
        self.numbers: list[int] = []
        self.behind = 0  # of the greatest of these
        definitions = self.definitions = info.definitions
        self.layouts = ObjectLayouts(definitions)
        start = 0
        while start < len(definitions):
            size = definitions[start].group_size
            if size < 1:
                raise ValueError("a group of no types")
            self._add(definitions, start, size)
            start += size

    def _add(self, definitions: list[TypeDefinition], start: int, size: int) -> None:
        """The next group."""
        group = definitions[start : start + size]
        only = group[0]
        first = only.first
        if first != start:
            for at in range(first, first + size):
                self._append(self.types[at], self.held[at])
            return
        if size == 1 and only.final and only.supertype < 0 and _is_plain(only.composite):
            assert isinstance(only.composite, FunctionType)
            self._append(only.composite, DefinedType(only.composite))
            return
        # Until the group is there, its own types have numbers that no other has: behind all that are.
        own = self.behind
        self.numbers += range(own, own + size)
        members = [(self._composite(row.composite), self._supertype(row.supertype), row.final) for row in group]
        key = TypeGroupKey(own)
        for composite, supertype, final in members:
            key.member(composite, supertype, final)
        del self.numbers[start:]
        made = known_types(key.value())
        if made is None:
            needs: set[int] = set()
            rows = tuple(
                [
                    _row(composite, supertype, final, own, needs, self._layout(start + at))
                    for at, (composite, supertype, final) in enumerate(members)
                ]
            )
            made = define_types(key.value(), rows, tuple(needs))
        for type_ in made:
            self._append(type_, type_)
        for type_, row in zip(made, group, strict=True):
            composite = self._composite(row.composite)
            if isinstance(composite, FunctionType):
                type_.describe(composite, _function_text(composite))
            else:
                text = "struct" if isinstance(composite, StructType) else "array"
                type_.describe(NO_FUNCTION, text, composite)

    def _layout(self, index: int) -> tuple[int, tuple[int, ...]]:
        """Of the objects of a type: how many bytes one takes, an array without elements, and where its fields lie."""
        composite = self.definitions[index].composite
        if isinstance(composite, FunctionType):
            return 0, ()
        layout = self.layouts.of(index)
        return layout.size, layout.offsets if isinstance(composite, StructType) else (ELEMENTS,)

    def _append(self, type_: ProcessType, held: DefinedType) -> None:
        self.types.append(type_)
        self.held.append(held)
        self.numbers.append(held.number)
        self.behind = max(self.behind, held.number + 1)

    def _supertype(self, index: int) -> int:
        return -1 if index < 0 else self.numbers[index]

    def value_type(self, type_: int) -> int:
        """A value type of the module, in this process's numbers."""
        index = type_index(type_)
        if index < 0:
            return type_
        return type_ & (KIND | NON_NULL) | (FIRST_TYPE + self.numbers[index]) << HEAP_SHIFT

    def _value_types(self, types: ValueTypes) -> ValueTypes:
        return types if isinstance(types, bytes) else value_types(map(self.value_type, types))

    def _composite(self, composite: CompositeType) -> CompositeType:
        if isinstance(composite, FunctionType):
            return FunctionType(self._value_types(composite.params), self._value_types(composite.results))
        if isinstance(composite, ArrayType):
            return ArrayType(self._field(composite.element))
        return StructType(tuple(map(self._field, composite.fields)))

    def _field(self, field: FieldType) -> FieldType:
        return FieldType(self.value_type(field.storage), field.mutable)


def _is_plain(composite: CompositeType) -> bool:
    return (
        isinstance(composite, FunctionType)
        and isinstance(composite.params, bytes)
        and isinstance(composite.results, bytes)
    )


def _row(
    composite: CompositeType,
    supertype: int,
    final: bool,
    own: int,
    needs: set[int],
    layout: tuple[int, tuple[int, ...]],
) -> TypeRow:
    """A type as the C part takes it: types of its group, which are numbered from `own`, are negative."""

    def named(type_: int) -> int:
        number = type_index(type_)
        if number >= own:
            return -(type_ - (own << HEAP_SHIFT))
        if number >= 0:
            needs.add(number)
        return type_

    if supertype >= own:
        supertype = -2 - (supertype - own)
    elif supertype >= 0:
        needs.add(supertype)
    form = FORMS[form_of(composite)]
    if isinstance(composite, FunctionType):
        whole = None
        if not _is_plain(composite):
            whole = tuple([named(type_) for type_ in (*composite.params, *composite.results)])
        return form, final, supertype, kinds(composite.params), kinds(composite.results), whole
    fields = composite.fields if isinstance(composite, StructType) else (composite.element,)
    size, offsets = layout
    rows = [(offset, named(field.storage), field.mutable) for offset, field in zip(offsets, fields, strict=True)]
    return form, final, supertype, b"", b"", (size, tuple(rows))


def process_types(info: ModuleInfo) -> ProcessTypes | None:
    """The types of a validated module, or None where each is its FunctionType."""
    if not info.definitions:
        return None
    made: ProcessTypes | None = info.__dict__.get("process_types")
    if made is None:
        made = info.__dict__.setdefault("process_types", ProcessTypes(info))
    return made


def in_process(types: ProcessTypes, type_: TableType | MemoryType | GlobalType) -> TableType | MemoryType | GlobalType:
    """The type of an import that is no function, with this process's numbers."""
    if isinstance(type_, MemoryType):
        return type_
    if isinstance(type_, TableType):
        return TableType(types.value_type(type_.element), type_.limits, type_.index_type)
    return GlobalType(types.value_type(type_.value), type_.mutable)


# --- as messages have them -----------------------------------------------------------------------
def type_text(type_: int, depth: int = 0) -> str:
    """A value type with this process's numbers: ``(ref null [i32] -> [i32])``."""
    number = type_index(type_)
    if number < 0:
        return value_type_name(type_)
    named = numbered_type(number)
    shown = "…"
    if named is not None and depth < DEEPEST_TEXT:
        function = named.function_type
        plain = named.form == 0 and function is not None
        shown = _function_text(function, depth + 1) if plain and function is not None else str(named)
    return f"(ref {'' if type_ & NON_NULL else 'null '}{shown})"


def _function_text(type_: FunctionType, depth: int = 0) -> str:
    params = ", ".join([type_text(each, depth) for each in watched(type_.params)])
    results = ", ".join([type_text(each, depth) for each in watched(type_.results)])
    return f"[{params}] -> [{results}]"


def field_names(info: ModuleInfo, type_: DefinedType) -> tuple[str | None, ...] | None:
    """What a module calls the fields of a struct, or None: it has no such type, or no name for any of them."""
    types = process_types(info)
    for index, found in enumerate(types.types if types is not None else ()):
        composite = info.definitions[index].composite
        if found != type_ or not isinstance(composite, StructType):
            continue
        names = info.field_names.get(index, {})
        if names:
            return tuple([names.get(at) for at in range(len(composite.fields))])
    return None


configure(type_name=type_text, field_names=field_names)
