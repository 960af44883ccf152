"""The type section where it defines more than functions of plain types: recursive groups, subtypes, structs, arrays.

The types of a group may name one another, in any order, so they are read whole before any of them is known: a
reference to one has its index and no kind until then. Then the group is compared with those before it
(`subtyping.TypeGroupKey`). If there is an equal one, its types stand for these.

What is malformed is a `DecodeError`; what names a type that is not there, or one to come, is left to the validator
as a fault, as is everything that two types have to do with each other.
"""

from __future__ import annotations

from wasmer_runtime_core import implementation_limits as limits_table
from wasmer_runtime_core.errors import DecodeError, ValidationError
from wasmer_runtime_core.implementation_limits import ImplementationLimits, Limit
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.support.checkpoint import checkpoint, watched
from wasmer_runtime_core.wasm.binary.scan import read_value_type
from wasmer_runtime_core.wasm.module import ModuleInfo
from wasmer_runtime_core.wasm.reader import UNEXPECTED_END, Reader
from wasmer_runtime_core.wasm.subtyping import FORM_FUNCTION, TypeGroupKey, TypeSpace, form_of
from wasmer_runtime_core.wasm.types import (
    ANYREF,
    FIRST_TYPE,
    FUNCREF,
    HEAP_SHIFT,
    I8,
    I16,
    KIND,
    NO_FUNCTION,
    NON_NULL,
    ArrayType,
    CompositeType,
    FieldType,
    FunctionType,
    StructType,
    TypeDefinition,
    ValueTypes,
    type_index,
    value_types,
)

FUNCTION_FORM: Final = 0x60
STRUCT_FORM: Final = 0x5F
ARRAY_FORM: Final = 0x5E
SUBTYPE_FORM: Final = 0x50
FINAL_SUBTYPE_FORM: Final = 0x4F
GROUP_FORM: Final = 0x4E

STRETCH: Final = 1 << 13
"""So many types and fields are read between two checkpoints."""


@final
class _Member:
    """A type of the group that is being read."""

    def __init__(self, composite: CompositeType, supertype: int, is_final: bool, offset: int) -> None:
        self.composite = composite
        self.supertype = supertype
        self.is_final = is_final
        self.offset = offset


def define_functions(info: ModuleInfo, space: TypeSpace) -> None:
    """Definitions of a module that has function types alone, and names them otherwise than by functions."""
    references = space.references
    for index, type_ in enumerate(watched(info.types)):
        info.definitions.append(TypeDefinition(type_, -1, True, index, 1, type_index(references[index])))


@final
class TypeReader:
    """Reads what is left of a type section, from the first type that is more than a function of plain types."""

    def __init__(
        self,
        reader: Reader,
        info: ModuleInfo,
        space: TypeSpace,
        limits: ImplementationLimits,
        offsets: list[int],
        faults: list[ValidationError],
    ) -> None:
        """
        Args:
            reader: at that type.
            info, space: get the types.
            limits: of the module.
            offsets: gets the byte offset of each type.
            faults: gets what shows as invalid.
        """
        self.reader: Final = reader
        self.info: Final = info
        self.space: Final = space
        self.limits: Final = limits
        self.offsets: Final = offsets
        self.faults: Final = faults
        self.groups: dict[bytes, int] = {}  # where the first group begins that says this
        self.left: i64 = STRETCH
        self.start: i64 = 0  # of the group at hand
        self.size: i64 = 0

    def read(self, count: i64) -> None:
        """Read `count` recursive groups; a type without ``rec`` is one."""
        reader = self.reader
        info = self.info
        define_functions(info, self.space)
        for definition in info.definitions:
            key = TypeGroupKey(definition.group)
            key.member(definition.composite, -1, True)
            self.groups.setdefault(key.value(), definition.group)
        most = self.limits.most(limits_table.TYPES)
        while count > 0:
            at = reader.position
            size: i64 = 1
            if reader.peek() == GROUP_FORM:
                reader.byte()
                size = reader.u32()
                if size > reader.end - reader.position:
                    raise DecodeError(UNEXPECTED_END, at)
            if len(info.definitions) + size > most:
                raise self.limits.exceeded(limits_table.TYPES, len(info.definitions) + size, at)
            self.group(size)
            count -= 1

    def turn(self) -> None:
        self.left -= 1
        if self.left <= 0:
            checkpoint()
            self.left = STRETCH

    def fault(self, reason: str, offset: int) -> None:
        self.faults.append(ValidationError(reason, offset))

    # --- one group --------------------------------------------------------------------------
    def group(self, size: i64) -> None:
        start = len(self.info.definitions)
        self.start = start
        self.size = size
        members: list[_Member] = []
        while size > 0:
            self.turn()
            members.append(self.member(start + len(members)))
            size -= 1
        key = TypeGroupKey(start)
        forms = [form_of(member.composite) for member in members]
        for member in members:
            self.turn()
            member.composite = self.resolved(member.composite, forms, start)
            key.member(member.composite, member.supertype, member.is_final)
        first = self.groups.setdefault(key.value(), start)
        if first != start:
            for at in range(len(members)):
                self.repeat(first + at, start, len(members))
            return
        for at in range(len(members)):
            self.define(members[at], start, len(members))

    def repeat(self, first: int, start: int, size: int) -> None:
        """The next type is equal to that one."""
        info = self.info
        equal = info.definitions[first]
        info.definitions.append(TypeDefinition(equal.composite, equal.supertype, equal.final, start, size, first))
        info.types.append(info.types[first])
        self.space.repeat(first)

    def define(self, member: _Member, start: int, size: int) -> None:
        """The next type, which is equal to none before it."""
        info = self.info
        index = len(info.definitions)
        composite = member.composite
        info.definitions.append(TypeDefinition(composite, member.supertype, member.is_final, start, size, index))
        info.types.append(composite if isinstance(composite, FunctionType) else NO_FUNCTION)
        self.space.add(index, form_of(composite), member.supertype)
        if self.space.depths[index] > self.limits.most(limits_table.SUBTYPING_DEPTH):
            raise self.limits.exceeded(limits_table.SUBTYPING_DEPTH, self.space.depths[index], member.offset)

    # --- one type ---------------------------------------------------------------------------
    def member(self, index: int) -> _Member:
        """Read a subtype (5.3.12)."""
        reader = self.reader
        start = reader.position
        self.offsets.append(start)
        form = reader.byte()
        supertype = -1
        is_final = form != SUBTYPE_FORM
        if form == SUBTYPE_FORM or form == FINAL_SUBTYPE_FORM:
            count = reader.u32()
            if count > 1:
                self.fault("a type has one supertype at most (sub type)", start)
            while count > 0:
                supertype = int(reader.u32())
                count -= 1
            if supertype >= index:
                self.fault(f"unknown type {supertype}: a supertype is defined before its subtypes", start)
                supertype = -1
            elif supertype >= 0 and supertype < self.start:
                supertype = self.info.definitions[supertype].first
            form = reader.byte()
        if form == FUNCTION_FORM:
            composite: CompositeType = self.function(start)
        elif form == STRUCT_FORM:
            composite = self.struct(start)
        elif form == ARRAY_FORM:
            composite = ArrayType(self.field())
        else:
            at = reader.position - 1
            raise reader.refused(DecodeError("malformed function type", at), "type form")
        return _Member(composite, supertype, is_final, start)

    def function(self, start: int) -> FunctionType:
        params = self.value_types(limits_table.PARAMETERS, start)
        return FunctionType(params, self.value_types(limits_table.RESULTS, start))

    def value_types(self, limit: Limit, start: int) -> ValueTypes:
        types: list[int] = []
        count = self.reader.u32()
        while count > 0:
            self.turn()
            types.append(self.known_type(read_value_type(self.reader)))
            count -= 1
        if len(types) > self.limits.most(limit):
            raise self.limits.exceeded(limit, len(types), start)
        return value_types(types) if all(type_ & KIND for type_ in types) else tuple(types)

    def struct(self, start: int) -> StructType:
        fields: list[FieldType] = []
        count = self.reader.u32()
        while count > 0:
            self.turn()
            fields.append(self.field())
            count -= 1
        if len(fields) > self.limits.most(limits_table.FIELDS):
            raise self.limits.exceeded(limits_table.FIELDS, len(fields), start)
        return StructType(tuple(fields))

    def field(self) -> FieldType:
        reader = self.reader
        storage = reader.peek()
        if storage == I8 or storage == I16:
            reader.byte()
            type_ = int(storage)
        else:
            type_ = self.known_type(read_value_type(reader))
        mutable = reader.byte()
        if mutable > 1:
            raise reader.refused(DecodeError("malformed mutability", reader.position - 1), "mutability")
        return FieldType(type_, mutable == 1)

    # --- what types name --------------------------------------------------------------------
    def known_type(self, type_: int) -> int:
        """A value type with its kind, unless it is one of this group's; those are known at the group's end."""
        if type_ & KIND:
            return type_
        index = type_index(type_)
        if index < self.start:
            return self.space.references[index] | (type_ & NON_NULL)
        if index >= self.start + self.size:
            self.fault(f"unknown type {index}", self.reader.position)
            return FUNCREF
        return type_

    def resolved(self, composite: CompositeType, forms: list[int], start: int) -> CompositeType:
        """The same with the kinds of the group's own types."""
        if isinstance(composite, FunctionType):
            return FunctionType(
                self.resolved_types(composite.params, forms, start),
                self.resolved_types(composite.results, forms, start),
            )
        if isinstance(composite, ArrayType):
            return ArrayType(self.resolved_field(composite.element, forms, start))
        return StructType(tuple([self.resolved_field(field, forms, start) for field in composite.fields]))

    def resolved_types(self, types: ValueTypes, forms: list[int], start: int) -> ValueTypes:
        if isinstance(types, bytes):
            return types
        return value_types([self.resolved_type(type_, forms, start) for type_ in types])

    def resolved_field(self, field: FieldType, forms: list[int], start: int) -> FieldType:
        if field.storage & KIND:
            return field
        return FieldType(self.resolved_type(field.storage, forms, start), field.mutable)

    def resolved_type(self, type_: int, forms: list[int], start: int) -> int:
        if type_ & KIND:
            return type_
        index = type_index(type_)
        kind = FUNCREF if forms[index - start] == FORM_FUNCTION else ANYREF
        return kind | (type_ & NON_NULL) | (FIRST_TYPE + index) << HEAP_SHIFT
