"""Structs, arrays, i31 and casts.

A field that is not mutable is read once: its load stands in no epoch of memory. None is moved before the look for null.
Casts have no branches: where a reference may be null, or no object, a place in the vmctx is read instead, which leads
to a type's record too, and what comes of it is not asked for.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import (
    BAND,
    BITCAST,
    BOR,
    EXTRACTLANE,
    IADD,
    ICONST,
    INTEGER_CONDITIONS,
    IREDUCE,
    ISHL,
    ISTORE8,
    ISTORE16,
    LOAD,
    NOTRAP,
    READONLY,
    SELECT_SPECTRE_GUARD,
    SLOAD8,
    SLOAD16,
    SSHR,
    STORE,
    TABLE,
    TRAPNZ,
    TRAPZ,
    UEXTEND,
    ULOAD8,
    ULOAD16,
    USHR,
)
from wasmer_clif_backend.ir.types import F32, F64, I8, I8X16, I32, I64, I64X2
from wasmer_clif_backend.translate.body import State
from wasmer_clif_backend.translate.calls import Calls
from wasmer_clif_backend.translate.memory import Memory
from wasmer_clif_backend.translate.operators import code_of
from wasmer_clif_backend.translate.view import CLIF_TYPES
from wasmer_runtime_core.contract.casts import ALWAYS, IF_BELOW, IF_EQ, IF_FORM, IF_I31, NEVER, Cast, cast
from wasmer_runtime_core.contract.objects import ELEMENTS, LENGTH, RECORD, ObjectLayouts, fields_of, storage_bytes
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.contract.vmctx import FUNCTION_RECORD, REFERENCE_TAGS, TYPE_RECORD
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm import types as kinds
from wasmer_runtime_core.wasm.body.body import OPERAND_IS_NOT_NULL, OPERAND_STAYS
from wasmer_runtime_core.wasm.types import FieldType

OBJECT: Final = NOTRAP | TABLE
"""Flags of an access to an object: no linear memory, and no more of an instance than elements of tables."""
CONSTANT_OBJECT: Final = OBJECT | READONLY
"""Of what an object keeps for as long as it is: its type, its length, fields that are not mutable."""

_EQ: Final = INTEGER_CONDITIONS.index("eq")
_NE: Final = INTEGER_CONDITIONS.index("ne")
_UGE: Final = INTEGER_CONDITIONS.index("uge")

_NULL_STRUCTURE: Final = BY_NAME["NULL_STRUCTURE"].number
_NULL_ARRAY: Final = BY_NAME["NULL_ARRAY"].number
_NULL_I31: Final = BY_NAME["NULL_I31"].number
_CAST_FAILURE: Final = BY_NAME["CAST_FAILURE"].number
_OUT_OF_BOUNDS: Final = BY_NAME["ARRAY_OUT_OF_BOUNDS"].number

_FUNCTION_TYPE: Final[i64] = FUNCTION_RECORD["type"].offset
_SUPERTYPES: Final[i64] = TYPE_RECORD["supertypes"].offset
_DEPTH: Final[i64] = TYPE_RECORD["depth"].offset
_FORM: Final[i64] = TYPE_RECORD["form"].offset
_I31: Final = REFERENCE_TAGS["I31"]
_PYTHON: Final = REFERENCE_TAGS["OBJECT"]
_TAGS: Final = REFERENCE_TAGS["MASK"]
_MOST_CONSTANT_INDEX: Final = 0x100_0000

_STRUCT_NEW: Final[i64] = code_of("struct.new")
_STRUCT_GETS: Final = frozenset((code_of("struct.get"), code_of("struct.get_s"), code_of("struct.get_u")))
_STRUCT_SET: Final[i64] = code_of("struct.set")
_ARRAY_NEW: Final[i64] = code_of("array.new")
_ARRAY_NEW_FIXED: Final[i64] = code_of("array.new_fixed")
_ARRAY_GETS: Final = frozenset((code_of("array.get"), code_of("array.get_s"), code_of("array.get_u")))
_ARRAY_SET: Final[i64] = code_of("array.set")
_ARRAY_LEN: Final[i64] = code_of("array.len")
_ARRAY_FILL: Final[i64] = code_of("array.fill")
_SIGNED: Final = frozenset((code_of("struct.get_s"), code_of("array.get_s")))
_REF_EQ: Final[i64] = code_of("ref.eq")
_REF_I31: Final[i64] = code_of("ref.i31")
_I31_GET_S: Final[i64] = code_of("i31.get_s")
_I31_GET_U: Final[i64] = code_of("i31.get_u")
_REF_TEST: Final[i64] = code_of("ref.test")
_REF_TEST_NULL: Final[i64] = code_of("ref.test null")
_REF_CAST: Final[i64] = code_of("ref.cast")
_REF_CAST_NULL: Final[i64] = code_of("ref.cast null")


@final
class Objects:
    """The operators of objects, of one function after another."""

    def __init__(self, state: State, memory: Memory, calls: Calls) -> None:
        self.state: Final = state
        self.memory: Final = memory
        self.calls: Final = calls
        self.layouts: Final = ObjectLayouts(state.view.info.definitions)

    def operator(self, code: i64, word: i64, a: i64, b: i64) -> None:
        """One of those that no helper carries out alone."""
        state = self.state
        may_be_null = (word >> 24) & OPERAND_IS_NOT_NULL == 0
        if int(code) in _STRUCT_GETS:
            object = state.pop()
            self.need(object, may_be_null, _NULL_STRUCTURE)
            self.get(code, self.field(a, b), object, self.layouts.of(int(a)).offsets[b])
        elif code == _STRUCT_SET:
            value = state.pop()
            object = state.pop()
            self.need(object, may_be_null, _NULL_STRUCTURE)
            self.store(self.field(a, b), value, object, self.layouts.of(int(a)).offsets[b])
        elif code == _STRUCT_NEW:
            self.struct_new(a)
        elif int(code) in _ARRAY_GETS:
            index = state.pop()
            array = state.pop()
            field = self.field(a, 0)
            at = self.element(array, index, storage_bytes(field), may_be_null)
            self.get(code, field, at, self.memory.offset)
        elif code == _ARRAY_SET:
            value = state.pop()
            index = state.pop()
            array = state.pop()
            field = self.field(a, 0)
            at = self.element(array, index, storage_bytes(field), may_be_null)
            self.store(field, value, at, self.memory.offset)
        elif code == _ARRAY_LEN:
            array = state.pop()
            self.need(array, may_be_null, _NULL_ARRAY)
            state.push(self.memory.load(I32, array, LENGTH, CONSTANT_OBJECT))
        elif code == _ARRAY_NEW:
            self.array_new(a)
        elif code == _ARRAY_NEW_FIXED:
            self.array_new_fixed(a, b)
        elif code == _ARRAY_FILL:
            length = state.pop()
            self.fill(state.pop(), length)
        elif code == _REF_EQ:
            y = state.pop()
            state.push(state.make(UEXTEND, I32, state.compare(_EQ, state.pop(), y)))
        elif code == _REF_I31:
            shifted = state.make(ISHL, I32, state.pop(), state.integer(1, I32))
            state.push(state.make(UEXTEND, I64, state.make(BOR, I32, shifted, state.integer(_I31, I32))))
        elif code == _I31_GET_S or code == _I31_GET_U:
            reference = state.pop()
            self.need(reference, may_be_null, _NULL_I31)
            number = state.make(IREDUCE, I32, reference)
            state.push(state.make(SSHR if code == _I31_GET_S else USHR, I32, number, state.integer(1, I32)))
        elif code == _REF_TEST or code == _REF_TEST_NULL:
            reference = state.stack[state.height - 1]
            if (word >> 24) & OPERAND_STAYS == 0:
                state.pop()
            steps = self.steps(word, a, b, code == _REF_TEST_NULL)
            state.push(state.make(UEXTEND, I32, self.passes(steps, reference)))
        elif code == _REF_CAST or code == _REF_CAST_NULL:
            self.cast(self.steps(word, a, b, code == _REF_CAST_NULL), state.stack[state.height - 1])
        # else: from one hierarchy to the other, which changes nothing

    # --- fields and elements --------------------------------------------------------------------------

    def field(self, type_index: i64, field: i64) -> FieldType:
        """Of a struct; of an array the type of its elements."""
        return fields_of(self.state.view.info.definitions[type_index].composite)[field]

    def need(self, reference: i64, may_be_null: bool, trap: int) -> None:
        """Trap where it is null."""
        if may_be_null:
            self.state.make(TRAPZ, 0, reference, 0, 0, 0, trap)

    def get(self, code: i64, field: FieldType, at: i64, offset: i64) -> None:
        """Push what lies in a field."""
        state = self.state
        flags: i64 = OBJECT if field.mutable else CONSTANT_OBJECT
        signed = int(code) in _SIGNED
        if field.storage == kinds.I8:
            state.push(state.make(SLOAD8 if signed else ULOAD8, I32, at, 0, 0, offset, flags))
        elif field.storage == kinds.I16:
            state.push(state.make(SLOAD16 if signed else ULOAD16, I32, at, 0, 0, offset, flags))
        else:
            state.push(state.make(LOAD, CLIF_TYPES[field.storage & kinds.KIND], at, 0, 0, offset, flags))

    def store(self, field: FieldType, value: i64, at: i64, offset: i64) -> None:
        """Write a field or an element: the one place where a reference to an object is stored."""
        opcode: i64 = STORE
        if field.storage == kinds.I8:
            opcode = ISTORE8
        elif field.storage == kinds.I16:
            opcode = ISTORE16
        flags: i64 = OBJECT if field.mutable else CONSTANT_OBJECT
        self.state.make(opcode, 0, value, at, 0, offset, flags)

    def element(self, array: i64, index: i64, size: i64, may_be_null: bool) -> i64:
        """The address of an element, but for `memory.offset`; traps if there is none."""
        state = self.state
        function = state.function
        self.need(array, may_be_null, _NULL_ARRAY)
        length = self.memory.load(I32, array, LENGTH, CONSTANT_OBJECT)
        state.trap_if(state.compare(_UGE, index, length), _OUT_OF_BOUNDS)
        self.memory.offset = ELEMENTS
        if function.opcode[index] == ICONST:
            known = function.immediate[index]
            if 0 <= known and known < _MOST_CONSTANT_INDEX:
                self.memory.offset = ELEMENTS + known * size
                return array
        at = state.make(UEXTEND, I64, index)
        if size > 1:
            at = state.make(ISHL, I64, at, state.integer(int(size).bit_length() - 1, I32))
        return state.make(IADD, I64, array, at)

    def is_zero(self, value: i64) -> bool:
        """Whether a value is what fields and elements begin with."""
        function = self.state.function
        return function.opcode[value] == ICONST and function.immediate[value] == 0

    # --- objects are made -------------------------------------------------------------------------------

    def operands(self, count: i64) -> list[int]:
        """So many operands, taken from the stack, the topmost last."""
        state = self.state
        state.reach(count)
        state.function.effort.spend(4 * count)
        bottom = state.height - count
        taken = [int(state.stack[bottom + at]) for at in range(int(count))]
        state.height = bottom
        return taken

    def struct_new(self, type_index: i64) -> None:
        """Made of zeros by core; then what it is to have is stored."""
        state = self.state
        fields = fields_of(state.view.info.definitions[type_index].composite)
        values = self.operands(len(fields))
        self.calls.helper("struct_new_default", [int(state.integer(type_index, I32))], I64)
        object = state.stack[state.height - 1]
        for field, value, offset in zip(fields, values, self.layouts.of(int(type_index)).offsets, strict=True):
            if not self.is_zero(value):
                self.store(field, value, object, offset)

    def array_new(self, type_index: i64) -> None:
        """Made of zeros by core, and filled if it has others."""
        state = self.state
        value, length = self.operands(2)
        state.push(length)
        self.calls.helper("array_new_default", [int(state.integer(type_index, I32))], I64)
        if not self.is_zero(value):
            array = state.stack[state.height - 1]
            state.push(array)
            state.push(state.integer(0, I32))
            self.fill(value, length)

    def array_new_fixed(self, type_index: i64, count: i64) -> None:
        """Made of zeros by core; then its elements are stored."""
        state = self.state
        field = self.field(type_index, 0)
        size: i64 = storage_bytes(field)
        values = self.operands(count)
        length = int(state.integer(count, I32))
        state.push(length)
        self.calls.helper("array_new_default", [int(state.integer(type_index, I32))], I64)
        array = state.stack[state.height - 1]
        offset: i64 = ELEMENTS
        for value in values:
            if not self.is_zero(value):
                self.store(field, value, array, offset)
            offset += size

    def fill(self, value: i64, length: i64) -> None:
        """Elements of the array on the stack, from the index on top."""
        state = self.state
        type = state.type_of(value)
        if type >= I8X16:
            halves = state.make(BITCAST, I64X2, value)
            state.push(state.make(EXTRACTLANE, I64, halves, 0, 0, 0))
            state.push(state.make(EXTRACTLANE, I64, halves, 0, 0, 1))
            state.push(length)
            self.calls.helper("array_fill_vector", [], 0)
            return
        if type == F32:
            value = state.make(BITCAST, I32, value)
        elif type == F64:
            value = state.make(BITCAST, I64, value)
        state.push(value)
        state.push(length)
        self.calls.helper("array_fill", [], 0)

    # --- casts --------------------------------------------------------------------------------------------

    def steps(self, word: i64, target: i64, source: i64, null_passes: bool) -> Cast:
        """Of the operator at hand."""
        may_be_null = (word >> 24) & OPERAND_IS_NOT_NULL == 0
        kind = int((word >> 16) & 0xFF)
        return cast(self.state.view.info, kind, int(target), null_passes, int(source), may_be_null)

    def cast(self, steps: Cast, reference: i64) -> None:
        """Trap where a reference does not pass: first where it is null, or has a tag."""
        state = self.state
        if steps.may_be_null and not steps.null_passes:
            self.need(reference, True, _CAST_FAILURE)
            steps = steps._replace(may_be_null=False)
        if steps.tagged:
            state.make(TRAPNZ, 0, self.tags(reference), 0, 0, 0, _CAST_FAILURE)
            steps = steps._replace(tagged=False)
        state.make(TRAPZ, 0, self.passes(steps, reference), 0, 0, 0, _CAST_FAILURE)

    def tags(self, reference: i64) -> i64:
        """The bits of a reference that say what it is."""
        state = self.state
        return state.make(BAND, I32, state.make(IREDUCE, I32, reference), state.integer(_TAGS, I32))

    def passes(self, steps: Cast, reference: i64) -> i64:
        """Whether a reference passes, as an i8."""
        state = self.state
        null = state.integer(0, I64)
        if not steps.may_be_null:
            return self.passes_without_null(steps, reference, 0)
        if steps.what == ALWAYS:
            return state.integer(1, I8) if steps.null_passes else state.compare(_NE, reference, null)
        if steps.what == NEVER:
            return state.compare(_EQ, reference, null) if steps.null_passes else state.integer(0, I8)
        there = state.compare(_NE, reference, null)
        found = self.passes_without_null(steps, reference, there)
        if steps.null_passes:
            return state.make(BOR, I8, found, state.compare(_EQ, reference, null))
        return state.make(BAND, I8, found, there)

    def passes_without_null(self, steps: Cast, reference: i64, there: i64) -> i64:
        """The same of one that is not null; `there`: whether it is not, 0 if that is known."""
        state = self.state
        what = steps.what
        if what == ALWAYS or what == NEVER:
            return state.integer(1 if what == ALWAYS else 0, I8)
        if what == IF_I31:
            return state.compare(
                _NE, state.make(BAND, I32, self.tags(reference), state.integer(_I31, I32)), self.zero()
            )
        if what == IF_EQ:
            return state.compare(_NE, self.tags(reference), state.integer(_PYTHON, I32))
        sound = there
        untagged: i64 = 0
        if steps.tagged:
            untagged = state.compare(_EQ, self.tags(reference), self.zero())
            sound = state.make(BAND, I8, there, untagged) if there else untagged
        found = self.is_of_type(steps, reference, sound)
        return state.make(BAND, I8, found, untagged) if untagged else found

    def zero(self) -> i64:
        return self.state.integer(0, I32)

    def is_of_type(self, steps: Cast, reference: i64, sound: i64) -> i64:
        """Whether the record of what is referred to is right; `sound`: whether there is one, 0 if that is known."""
        state = self.state
        memory = self.memory
        offset: i64 = _FUNCTION_TYPE if steps.function else i64(RECORD)
        record_at: i64 = state.view.offsets.type_offsets[steps.type_index]
        if sound:
            other = state.make(IADD, I64, state.vmctx, state.integer(record_at - offset, I64))
            reference = state.make(SELECT_SPECTRE_GUARD, I64, sound, reference, other)
        record = memory.load(I64, reference, offset, CONSTANT_OBJECT)
        if steps.what == IF_FORM:
            return state.compare(_EQ, memory.load(I32, record, _FORM, CONSTANT_OBJECT), state.integer(steps.form, I32))
        wanted = memory.field(record_at)
        if steps.what != IF_BELOW:
            return state.compare(_EQ, record, wanted)
        list = memory.load(I64, record, _SUPERTYPES, CONSTANT_OBJECT)
        place: i64 = steps.depth
        if place == 0:
            return state.compare(_EQ, memory.load(I64, list, 0, CONSTANT_OBJECT), wanted)
        depth = memory.load(I32, record, _DEPTH, CONSTANT_OBJECT)
        deep = state.compare(_UGE, depth, state.integer(place, I32))
        own = memory.load(I64, wanted, _SUPERTYPES, CONSTANT_OBJECT)
        list = state.make(SELECT_SPECTRE_GUARD, I64, deep, list, own)
        found = state.compare(_EQ, memory.load(I64, list, 8 * place, CONSTANT_OBJECT), wanted)
        return state.make(BAND, I8, found, deep)
