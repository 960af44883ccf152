"""Structs, arrays, i31 and casts: their operators, typed and written (3.0, section 3.4).

What a record says of a reference beside its kind lies in word ``b`` and the lane: what is known of it where it stands,
so that a backend need not look for null where none can be, nor for an i31 where there are only structs.

A branch on a cast is two operators of the body: a test that leaves its operand where it is, and ``br_if``.
"""

from __future__ import annotations

from librt.strings import read_i64_le

import wasmer_runtime_core.wasm.operators.tables as rules
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.binary.scan import CAST_FROM_NULL, CAST_TO_NULL
from wasmer_runtime_core.wasm.body.body import OPERAND_IS_NOT_NULL, OPERAND_STAYS
from wasmer_runtime_core.wasm.module import ModuleInfo
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC
from wasmer_runtime_core.wasm.subtyping import ANY_REFERENCE, TypeSpace, is_reference
from wasmer_runtime_core.wasm.types import (
    ANYREF,
    EXTERNREF,
    HEAP_ARRAY,
    HEAP_EQ,
    HEAP_I31,
    HEAP_SHIFT,
    HEAP_STRUCT,
    I8,
    I16,
    I32,
    KIND,
    NON_NULL,
    ArrayType,
    FieldType,
    StructType,
    is_defaultable,
    unpacked,
)
from wasmer_runtime_core.wasm.validation.body_reader import BodyReader
from wasmer_runtime_core.wasm.validation.control_stack import HEIGHT, LABEL, ControlStack
from wasmer_runtime_core.wasm.validation.operand_stack import OperandStack, type_names
from wasmer_runtime_core.wasm.validation.packed import TYPE_SHIFT, packed_types
from wasmer_runtime_core.wasm.validation.record_writer import RecordWriter

_STRUCT_GET: Final = BY_MNEMONIC["struct.get"].code
_ARRAY_GET: Final = BY_MNEMONIC["array.get"].code
_REF_TEST: Final = BY_MNEMONIC["ref.test"].code
_REF_TEST_NULL: Final = BY_MNEMONIC["ref.test null"].code
_REF_CAST_NULL: Final = BY_MNEMONIC["ref.cast null"].code
_BR_IF: Final = BY_MNEMONIC["br_if"].code
_BR_ON_CAST_FAIL: Final = BY_MNEMONIC["br_on_cast_fail"].code
_I32_EQZ: Final = BY_MNEMONIC["i32.eqz"].code

EQREF: Final = ANYREF | HEAP_EQ << HEAP_SHIFT
I31REF: Final = ANYREF | HEAP_I31 << HEAP_SHIFT
ARRAYREF: Final = ANYREF | HEAP_ARRAY << HEAP_SHIFT

_LANE_SHIFT: Final = 24


@final
class ObjectOperators:
    """The operators of objects, of one body after another.

    Attributes:
        used: some body so far has one.
    """

    def __init__(self, info: ModuleInfo, reader: BodyReader, operands: OperandStack, control: ControlStack) -> None:
        self.info: Final = info
        self.reader: Final = reader
        self.operands: Final = operands
        self.control: Final = control
        self.writer: Final[RecordWriter] = control.writer
        self.space: Final[TypeSpace] = reader.space
        self.used: bool = False
        self.types_of: dict[int, bytes] = {}  # by type index: what its fields take and give, packed
        self.without_default: dict[int, int] = {}  # by type index: the first field that has none, or -1

    def step(self, rule: i64) -> None:
        """Read the immediates of the operator at hand, type it and write its record."""
        self.used = True
        if rule == rules.STRUCT_GET or rule == rules.STRUCT_SET:
            self.struct_field(rule)
        elif rule == rules.ARRAY_GET or rule == rules.ARRAY_SET:
            self.array_element(rule)
        elif rule == rules.REF_CAST or rule == rules.REF_TEST:
            self.cast(rule)
        elif rule == rules.BR_ON_CAST:
            self.branch_on_cast()
        elif rule == rules.STRUCT_NEW or rule == rules.STRUCT_NEW_DEFAULT:
            self.struct_new(rule)
        elif rule >= rules.ANY_CONVERT_EXTERN or rule == rules.REF_EQ:
            self.without_type(rule)
        elif rule == rules.ARRAY_LEN:
            lane = self.pop_object(ARRAYREF)
            self.operands.push(I32)
            self.writer.write(self.reader.operator | lane, 0, 0)
        else:
            self.array(rule)

    # --- parts --------------------------------------------------------------------------------
    def object_type(self, form: i64, what: str) -> i64:
        """Read the index of a type of structs or arrays."""
        index = self.reader.index(self.control.type_count, "type")
        if self.space.forms[index] != form:
            self.reader.invalid(f"type mismatch: type {index} is no {what} type")
        return index

    def element(self, type_index: i64) -> FieldType:
        """Of an array."""
        composite = self.info.definitions[type_index].composite
        assert isinstance(composite, ArrayType)
        return composite.element

    def fields(self, type_index: i64) -> tuple[FieldType, ...]:
        """Of a struct; of an array its element."""
        composite = self.info.definitions[type_index].composite
        if isinstance(composite, StructType):
            return composite.fields
        assert isinstance(composite, ArrayType)
        return (composite.element,)

    def types(self, type_index: i64) -> bytes:
        """What the fields of a struct take and give, packed."""
        known = self.types_of.get(int(type_index))
        if known is None:
            fields = self.fields(type_index)
            known = packed_types(tuple([unpacked(field.storage) for field in fields]))
            self.types_of[int(type_index)] = known
        return known

    def need_defaults(self, type_index: i64) -> None:
        """Each field has a value to begin with."""
        known = self.without_default.get(int(type_index), -2)
        if known == -2:
            known = -1
            for at, field in enumerate(self.fields(type_index)):
                if known < 0 and not is_defaultable(field.storage):
                    known = at
            self.without_default[int(type_index)] = known
        if known >= 0:
            self.reader.invalid(f"field type is not defaultable: field {known} of type {type_index}")

    def need_mutable(self, field: FieldType, what: str) -> None:
        if not field.mutable:
            self.reader.invalid(f"{what} is immutable")

    def need_extension(self, storage: i64, plain: i64, what: str) -> None:
        """``get_s`` and ``get_u`` are of fields that are packed, ``get`` of all others."""
        packed = storage == I8 or storage == I16
        if packed == (self.reader.operator == plain):
            form = "packed" if packed else "not packed"
            self.reader.invalid(f"type mismatch: {self.reader.mnemonic()} of {what} that is {form}")

    def pop_object(self, type_: i64) -> i64:
        """Take a reference of this type, or null, off: the lane that says whether it may be null."""
        operands = self.operands
        lane: i64 = 0
        if operands.height > operands.floor and operands.types[operands.height - 1] & NON_NULL != 0:
            lane = OPERAND_IS_NOT_NULL << _LANE_SHIFT
        operands.pop(type_)
        return lane

    def push_new(self, type_index: i64) -> None:
        """An object that was made."""
        self.operands.push(self.space.references[type_index] | NON_NULL)
        self.writer.count_helper()

    # --- structs --------------------------------------------------------------------------------
    def struct_new(self, rule: i64) -> None:
        type_index = self.object_type(HEAP_STRUCT, "struct")
        if rule == rules.STRUCT_NEW:
            self.operands.pop_all(self.types(type_index))
        else:
            self.need_defaults(type_index)
        self.push_new(type_index)
        self.writer.write(self.reader.operator, type_index, 0)

    def struct_field(self, rule: i64) -> None:
        reader = self.reader
        type_index = self.object_type(HEAP_STRUCT, "struct")
        fields = self.fields(type_index)
        index = reader.index(len(fields), "field")
        field = fields[index]
        type_: i64 = unpacked(field.storage)
        if rule == rules.STRUCT_SET:
            self.need_mutable(field, "field")
            self.operands.pop(type_)
            lane = self.pop_object(self.space.references[type_index])
        else:
            self.need_extension(field.storage, _STRUCT_GET, f"field {index}")
            lane = self.pop_object(self.space.references[type_index])
            self.operands.push(type_)
        self.writer.write(reader.operator | (type_ & KIND) << 16 | lane, type_index, index)

    # --- arrays ---------------------------------------------------------------------------------
    def array_element(self, rule: i64) -> None:
        reader = self.reader
        operands = self.operands
        type_index = self.object_type(HEAP_ARRAY, "array")
        field = self.element(type_index)
        type_: i64 = unpacked(field.storage)
        if rule == rules.ARRAY_SET:
            self.need_mutable(field, "array")
            operands.pop(type_)
        else:
            self.need_extension(field.storage, _ARRAY_GET, "an array")
        operands.pop(I32)
        lane = self.pop_object(self.space.references[type_index])
        if rule != rules.ARRAY_SET:
            operands.push(type_)
        self.writer.write(reader.operator | (type_ & KIND) << 16 | lane, type_index, 0)

    def array(self, rule: i64) -> None:
        """An array is made, or changed as a whole."""
        reader = self.reader
        operands = self.operands
        writer = self.writer
        type_index = self.object_type(HEAP_ARRAY, "array")
        field = self.element(type_index)
        type_: i64 = unpacked(field.storage)
        a = type_index
        b: i64 = 0
        if rule == rules.ARRAY_NEW:
            operands.pop(I32)
            operands.pop(type_)
        elif rule == rules.ARRAY_NEW_DEFAULT:
            self.need_defaults(type_index)
            operands.pop(I32)
        elif rule == rules.ARRAY_NEW_FIXED:
            b = reader.u32()
            operands.pass_values(b if b < operands.height else operands.height)
            left = b
            while left > 0 and not (operands.polymorphic and operands.height == operands.floor):
                operands.pop(type_)
                left -= 1
        elif rule == rules.ARRAY_NEW_DATA or rule == rules.ARRAY_INIT_DATA:
            b = reader.u32()
            self.control.need_data_count()
            reader.need(b, self.control.data_count, "data segment")
            if is_reference(field.storage):
                reader.invalid("array type is not numeric or vector")
            if rule == rules.ARRAY_INIT_DATA:
                self.need_mutable(field, "array")
            operands.pop(I32)
            operands.pop(I32)
        elif rule == rules.ARRAY_NEW_ELEM or rule == rules.ARRAY_INIT_ELEM:
            b = reader.index(len(self.info.elements), "elem segment")
            if rule == rules.ARRAY_INIT_ELEM:
                self.need_mutable(field, "array")
            if not self.space.matches(self.info.elements[b].type, field.storage):
                reader.invalid(f"type mismatch: {reader.mnemonic()} from a segment of another type")
            operands.pop(I32)
            operands.pop(I32)
        elif rule == rules.ARRAY_FILL:
            self.need_mutable(field, "array")
            operands.pop(I32)
            operands.pop(type_)
        else:  # array.copy
            b = self.object_type(HEAP_ARRAY, "array")
            source = self.element(b).storage
            self.need_mutable(field, "array")
            packed = field.storage == I8 or field.storage == I16
            if source != field.storage and (packed or source == I8 or source == I16):
                reader.invalid("array types do not match")
            if not self.space.matches(source, field.storage):
                reader.invalid("array types do not match")
            operands.pop(I32)
            operands.pop(I32)
            operands.pop(self.space.references[b])
        if rule < rules.ARRAY_FILL:
            self.push_new(type_index)
            writer.write(reader.operator | (type_ & KIND) << 16, a, b)
            return
        operands.pop(I32)
        lane = self.pop_object(self.space.references[type_index])
        writer.count_helper()
        if rule == rules.ARRAY_INIT_DATA or rule == rules.ARRAY_INIT_ELEM:
            a = b
            b = type_index
        writer.write(reader.operator | (type_ & KIND) << 16 | lane, a, b)

    # --- references -------------------------------------------------------------------------------
    def without_type(self, rule: i64) -> None:
        """i31, equality, and from one hierarchy to the other."""
        operands = self.operands
        lane: i64 = 0
        if rule == rules.REF_EQ:
            operands.pop(EQREF)
            operands.pop(EQREF)
            operands.push(I32)
        elif rule == rules.REF_I31:
            operands.pop(I32)
            operands.push(I31REF | NON_NULL)
        elif rule == rules.I31_GET:
            lane = self.pop_object(I31REF)
            operands.push(I32)
        else:
            to_any = rule == rules.ANY_CONVERT_EXTERN
            found: i64 = ANY_REFERENCE
            if operands.height > operands.floor:
                found = operands.types[operands.height - 1]
            operands.pop(EXTERNREF if to_any else ANYREF)
            operands.push((ANYREF if to_any else EXTERNREF) | (found & NON_NULL))
        self.writer.write(self.reader.operator | lane, 0, 0)

    def cast(self, rule: i64) -> None:
        """``ref.test`` and ``ref.cast``."""
        reader = self.reader
        operands = self.operands
        code = reader.operator
        target = reader.heap_type()
        if code != _REF_TEST_NULL and code != _REF_CAST_NULL:
            target |= NON_NULL
        found = self.pop_of_hierarchy(target)
        if rule == rules.REF_CAST:
            operands.push(target)
        else:
            operands.push(I32)
        self.write_cast(code, target, found, 0)

    def pop_of_hierarchy(self, target: i64) -> i64:
        """Take a reference off that may be one to the target; its type."""
        operands = self.operands
        found: i64 = ANY_REFERENCE
        if operands.height > operands.floor:
            found = operands.types[operands.height - 1]
        operands.pop(target & KIND)
        return found

    def write_cast(self, code: i64, target: i64, found: i64, flags: i64) -> None:
        """A test or cast of what is of the type that was found."""
        if found & NON_NULL != 0:
            flags |= OPERAND_IS_NOT_NULL
        word = code | (target & KIND) << 16 | flags << _LANE_SHIFT
        self.writer.write(word, target >> HEAP_SHIFT, found >> HEAP_SHIFT)

    def branch_on_cast(self) -> None:
        """Branch if a reference is, or is not, one to the target; it is the last value that the label takes."""
        reader = self.reader
        operands = self.operands
        control = self.control
        flags = reader.cast_flags()
        depth = reader.u32()
        source = reader.heap_type()
        target = reader.heap_type()
        if flags & CAST_FROM_NULL == 0:
            source |= NON_NULL
        if flags & CAST_TO_NULL == 0:
            target |= NON_NULL
        if not self.space.matches(target, source):
            reader.invalid(f"type mismatch: {type_names([int(target)])} is not below {type_names([int(source)])}")
        rest = source
        if target & NON_NULL == 0:
            rest |= NON_NULL
        fails = reader.operator == _BR_ON_CAST_FAIL
        carried = rest if fails else target
        stays = target if fails else rest
        frame = control.target(depth)
        types = control.carried(frame)
        size: i64 = len(types)
        wanted: i64 = I32
        if size != 0:
            wanted = read_i64_le(types, size - 8)
        if size == 0 or not self.space.matches(carried, wanted):
            takes = type_names([int(wanted)]) if size != 0 else "[]"
            reader.invalid(f"type mismatch: the label takes {takes}, not {type_names([int(carried)])} last")
        found: i64 = ANY_REFERENCE
        if operands.height > operands.floor:
            found = operands.types[operands.height - 1]
        operands.pop(source)
        before = types[: size - 8]
        if operands.live:
            height = operands.height + 2
            if height > operands.deepest:
                operands.deepest = height
        if size > 8 and not operands.expect(before):
            operands.pop_all(before)
            operands.push_all(before)
        code: i64 = _REF_TEST if target & NON_NULL != 0 else _REF_TEST_NULL
        self.write_cast(code, target, found, OPERAND_STAYS)
        if fails:
            self.writer.write(_I32_EQZ, 0, 0)
        if operands.live:
            control.mark(frame)
            frames = control.frames
            self.writer.write(_BR_IF | (size >> TYPE_SHIFT) << 16, frames[frame + LABEL], frames[frame + HEIGHT])
        operands.push(stays)
