"""Structs, arrays and i31.

A field is one access: null is an address that no page has, so the processor finds it out, and an array is read for its
length before anything else. Only a field that lies beyond that page is behind a look for null, unless the validator has
seen that there is none. An object is made by core, zeroed; then what the operator was given is stored in it. Before the
call all operands are in the frame or in registers that callees preserve, where a collector finds them.
"""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    ABOVE_OR_EQUAL,
    BELOW_OR_EQUAL,
    EQUAL,
)
from wasmer_runtime_core.contract.helpers import SLOTS
from wasmer_runtime_core.contract.objects import ELEMENTS, LENGTH, NULL_PAGE_BYTES, STORAGE_BYTES
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.contract.vmctx import REFERENCE_TAGS
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.body.body import OPERAND_IS_NOT_NULL
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC
from wasmer_runtime_core.wasm.types import (
    ANYREF,
    EXTERNREF,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    KIND,
    V128,
    ArrayType,
    FieldType,
    StructType,
)
from wasmer_singlepass_backend.x64.assembler import number
from wasmer_singlepass_backend.x64.function import (
    HOME_REGISTER,
    HOME_XMM,
    JCC,
    MOV_MEM_R32,
    MOV_MEM_R64,
    MOV_R32,
    MOV_R64,
    MOV_RM64_IMM,
    MOVSD,
    MOVSD_STORE,
    MOVSS,
    MOVSS_STORE,
    MOVUPS,
    MOVUPS_STORE,
    FunctionCompiler,
    is_float,
)
from wasmer_singlepass_backend.x64.lowering.call import CALL_RM64, restore_after_call, save_for_call
from wasmer_singlepass_backend.x64.lowering.cast import ReferenceCast, ReferenceTest
from wasmer_singlepass_backend.x64.lowering.comparison import (
    TEST_R64,
    Compare,
    fits_signed_32,
)
from wasmer_singlepass_backend.x64.lowering.control import push_one
from wasmer_singlepass_backend.x64.lowering.memory import sized
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.registers import R8, R9, RAX, RCX, RDI, RDX, RSI, XMM_SCRATCH
from wasmer_singlepass_backend.x64.values import CONSTANT, REGISTER

CMP_R32: Final[i64] = number(forms.CMP_R32_RM32)
CMP_R32_IMM32: Final[i64] = number(forms.CMP_RM32_IMM32)
SHL_R64_IMM8: Final[i64] = number(forms.SHL_RM64_IMM8)
SHR_R32_IMM8: Final[i64] = number(forms.SHR_RM32_IMM8)
SAR_R32_IMM8: Final[i64] = number(forms.SAR_RM32_IMM8)
LEA_R32: Final[i64] = number(forms.LEA_R32_M)
MOV_MEM_R8: Final[i64] = number(forms.MOV_RM8_R8)
MOV_MEM_R16: Final[i64] = number(forms.MOV_RM16_R16)
MOV_MEM_IMM8: Final[i64] = number(forms.MOV_RM8_IMM8)
MOV_MEM_IMM16: Final[i64] = number(forms.MOV_RM16_IMM16)
MOV_MEM_IMM32: Final[i64] = number(forms.MOV_RM32_IMM32)
MOVZX_8: Final[i64] = number(forms.MOVZX_R32_RM8)
MOVZX_16: Final[i64] = number(forms.MOVZX_R32_RM16)
MOVSX_8: Final[i64] = number(forms.MOVSX_R32_RM8)
MOVSX_16: Final[i64] = number(forms.MOVSX_R32_RM16)

LENGTH_AT: Final[i64] = i64(LENGTH)
ELEMENTS_AT: Final[i64] = i64(ELEMENTS)
UNMAPPED: Final[i64] = i64(NULL_PAGE_BYTES)
I31_TAG: Final[i64] = i64(REFERENCE_TAGS["I31"])

NULL_STRUCTURE: Final[i64] = i64(BY_NAME["NULL_STRUCTURE"].number)
NULL_ARRAY: Final[i64] = i64(BY_NAME["NULL_ARRAY"].number)
NULL_I31: Final[i64] = i64(BY_NAME["NULL_I31"].number)
ARRAY_OUT_OF_BOUNDS: Final[i64] = i64(BY_NAME["ARRAY_OUT_OF_BOUNDS"].number)

STRUCT_NEW: Final[i64] = i64(SLOTS["struct_new_default"])
ARRAY_NEW: Final[i64] = i64(SLOTS["array_new_default"])
ARRAY_FILL: Final[i64] = i64(SLOTS["array_fill"])
ARRAY_FILL_VECTOR: Final[i64] = i64(SLOTS["array_fill_vector"])

_GETS_SIGNED: Final = frozenset(BY_MNEMONIC[name].code for name in ("struct.get_s", "array.get_s"))


# --- parts ------------------------------------------------------------------------------------
def storage_of(f: FunctionCompiler, type_index: i64, field: i64) -> i64:
    """The kind of a struct's field, or of an array's elements: packed ones are kinds too."""
    composite = f.view.definitions[type_index].composite
    if isinstance(composite, StructType):
        fields: tuple[FieldType, ...] = composite.fields
        return i64(fields[field].storage & KIND)
    assert isinstance(composite, ArrayType)
    return i64(composite.element.storage & KIND)


def need_not_null(f: FunctionCompiler, word: i64, register: i64, trap: i64) -> None:
    """Trap where the reference in the register is null, unless that cannot be."""
    if (word >> 24) & OPERAND_IS_NOT_NULL == 0:
        f.asm.reg_reg(TEST_R64, register, register)
        f.asm.jump(JCC + EQUAL, f.trap_label(trap))


def field_trap(f: FunctionCompiler, word: i64, register: i64, storage: i64, offset: i64) -> i64:
    """What it means that an access to this field faults, or 0 if it cannot. Before a far one stands a look for null."""
    if (word >> 24) & OPERAND_IS_NOT_NULL != 0:
        return 0
    size: i64 = STORAGE_BYTES[int(storage)]
    if offset + size <= UNMAPPED:
        return NULL_STRUCTURE
    need_not_null(f, word, register, NULL_STRUCTURE)
    return 0


def array_trap(word: i64) -> i64:
    """What it means that an access to an array's length faults, or 0 if it cannot."""
    return NULL_ARRAY if (word >> 24) & OPERAND_IS_NOT_NULL == 0 else 0


def load_form(storage: i64, signed: bool) -> i64:
    """How a field or element is read."""
    if storage == I8:
        return MOVSX_8 if signed else MOVZX_8
    if storage == I16:
        return MOVSX_16 if signed else MOVZX_16
    if storage == I32:
        return MOV_R32
    if storage == F32:
        return MOVSS
    if storage == F64:
        return MOVSD
    return MOVUPS if storage == V128 else MOV_R64


def push_loaded(
    f: FunctionCompiler, word: i64, storage: i64, base: i64, index: i64, scale: i64, displacement: i64, trap: i64
) -> None:
    """Read a field or an element of an operand that is popped, and push it. A fault is this trap."""
    type_ = (word >> 16) & 0xFF
    form = load_form(storage, int(word & 0xFFFF) in _GETS_SIGNED)
    if is_float(type_):
        target = f.target_home(HOME_XMM)
        register = target
        if register < 0:
            register = f.take_xmm()
        f.asm.indexed(form, register, base, index, scale, displacement, trap)
        f.result_xmm(type_, register, target)
    else:
        target = f.target_home(HOME_REGISTER)
        register = target
        if register < 0:
            register = f.take()
        f.asm.indexed(form, register, base, index, scale, displacement, trap)
        f.result(type_, register, target)


def store(
    f: FunctionCompiler,
    storage: i64,
    value: i64,
    scratch: i64,
    base: i64,
    index: i64,
    scale: i64,
    displacement: i64,
    trap: i64 = 0,
) -> None:
    """Write operand `value` to a field or an element; a fault is this trap. The one place where code stores a reference
    to an object."""
    asm = f.asm
    if is_float(storage):
        form = MOVUPS_STORE if storage == V128 else MOVSD_STORE if storage == F64 else MOVSS_STORE
        asm.indexed(form, f.readable_xmm(value, XMM_SCRATCH), base, index, scale, displacement, trap)
        return
    size: i64 = STORAGE_BYTES[int(storage)]
    if index < 0 and f.kinds[value] == CONSTANT and (size < 8 or fits_signed_32(f.values[value])):
        form = MOV_RM64_IMM if size == 8 else MOV_MEM_IMM32 if size == 4 else MOV_MEM_IMM16
        form = MOV_MEM_IMM8 if size == 1 else form
        asm.indexed_imm(form, 0, base, -1, displacement, sized(f.values[value], size), trap)
        return
    form = MOV_MEM_R64 if size == 8 else MOV_MEM_R32 if size == 4 else MOV_MEM_R16
    form = MOV_MEM_R8 if size == 1 else form
    asm.indexed(form, f.readable(value, scratch), base, index, scale, displacement, trap)


def is_zero(f: FunctionCompiler, p: i64) -> bool:
    """Whether an operand is what fields and elements begin with."""
    return f.kinds[p] == CONSTANT and f.values[p] == 0 and f.types[p] != V128


# --- structs ----------------------------------------------------------------------------------
@final
class StructGet(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        f.mark()
        register = f.readable(p, RAX)
        storage = storage_of(f, a, b)
        offset: i64 = f.view.field_offset(a, b)
        trap = field_trap(f, word, register, storage, offset)
        f.release(p)
        push_loaded(f, word, storage, register, -1, 0, offset, trap)


@final
class StructSet(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        value = f.pop()
        p = f.pop()
        f.mark()
        register = f.readable(p, RAX)
        storage = storage_of(f, a, b)
        offset: i64 = f.view.field_offset(a, b)
        trap = field_trap(f, word, register, storage, offset)
        store(f, storage, value, RCX, register, -1, 0, offset, trap)
        f.release(p)
        f.release(value)


def call_core(f: FunctionCompiler, slot: i64) -> None:
    """A helper whose arguments are in their registers; what the call clobbers is in the frame."""
    f.mark()
    f.move_register(I64, RDI, f.vmctx)
    f.asm.call_table(CALL_RM64, f.view.defined_functions + slot)
    restore_after_call(f)


def push_object(f: FunctionCompiler, operands: i64) -> None:
    """The object in rax takes the place of what it was made of."""
    f.drop_to(f.sp - operands)
    push_one(f, ANYREF)


@final
class StructNew(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        composite = f.view.definitions[a].composite
        assert isinstance(composite, StructType)
        count: i64 = len(composite.fields)
        save_for_call(f, 0)
        f.load_constant(RSI, a)
        call_core(f, STRUCT_NEW)
        first = f.sp - count
        at: i64 = 0
        while at < count:
            if not is_zero(f, first + at):
                storage = i64(composite.fields[at].storage & KIND)
                store(f, storage, first + at, RCX, RAX, -1, 0, f.view.field_offset(a, at))
            at += 1
        f.spend(count >> 2)
        push_object(f, count)


# --- arrays -----------------------------------------------------------------------------------
@final
class Element:
    """Which element an array operator is about: base, index, scale and displacement of its address."""

    def __init__(self, f: FunctionCompiler, word: i64, array: i64, index: i64, size: i64) -> None:
        """Trap if there is no such element. Both operands are popped; may use rax and rcx."""
        f.mark()
        asm = f.asm
        self.base = f.readable(array, RAX)
        self.index: i64 = -1
        self.scale: i64 = 0
        self.displacement = ELEMENTS_AT
        trap = array_trap(word)
        if f.kinds[index] == CONSTANT and 0 <= f.values[index] and f.values[index] < 0x100_0000:
            asm.indexed_imm(CMP_R32_IMM32, 0, self.base, -1, LENGTH_AT, f.values[index], trap)
            asm.jump(JCC + BELOW_OR_EQUAL, f.trap_label(ARRAY_OUT_OF_BOUNDS))
            self.displacement = ELEMENTS_AT + f.values[index] * size
            return
        self.index = f.readable(index, RCX)
        asm.indexed(CMP_R32, self.index, self.base, -1, 0, LENGTH_AT, trap)
        asm.jump(JCC + ABOVE_OR_EQUAL, f.trap_label(ARRAY_OUT_OF_BOUNDS))
        if size == 16:
            f.move_register(I64, RCX, self.index)
            asm.reg_imm(SHL_R64_IMM8, RCX, 4)
            self.index = RCX
        else:
            self.scale = 3 if size == 8 else size >> 1


@final
class ArrayGet(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        index = f.pop()
        p = f.pop()
        storage = storage_of(f, a, 0)
        place = Element(f, word, p, index, STORAGE_BYTES[int(storage)])
        f.release(p)
        f.release(index)
        push_loaded(f, word, storage, place.base, place.index, place.scale, place.displacement, 0)


@final
class ArraySet(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        value = f.pop()
        index = f.pop()
        p = f.pop()
        storage = storage_of(f, a, 0)
        place = Element(f, word, p, index, STORAGE_BYTES[int(storage)])
        store(f, storage, value, RDX, place.base, place.index, place.scale, place.displacement)
        f.release(p)
        f.release(index)
        f.release(value)


@final
class ArrayLength(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        f.mark()
        source = f.readable(p, RAX)
        f.release(p)
        target = f.target_home(HOME_REGISTER)
        register = target
        if register < 0:
            register = f.take()
        f.asm.indexed(MOV_R32, register, source, -1, 0, LENGTH_AT, array_trap(word))
        f.result(I32, register, target)


def load_bits(f: FunctionCompiler, p: i64, register: i64) -> None:
    """The bits of an operand of eight bytes or less, of any type, in a general register."""
    type_ = i64(f.types[p])
    if not is_float(type_):
        f.load(p, register)
    elif f.kinds[p] == CONSTANT:
        f.load_constant(register, f.values[p] & 0xFFFFFFFF if type_ == F32 else f.values[p])
    else:
        f.to_slot(p)
        f.load_register(I32 if type_ == F32 else I64, register, f.slot(p))


def load_value(f: FunctionCompiler, p: i64) -> i64:
    """What an array is filled with goes to where ``array_fill`` wants it, or ``array_fill_vector``; rsi and rdx stay.

    Returns:
        the register behind it.
    """
    if f.types[p] != V128:
        load_bits(f, p, RCX)
        return R8
    f.to_slot(p)
    f.load_register(I64, RCX, f.slot(p))
    f.load_register(I64, R8, f.slot(p) + 8)
    return R9


def fill_slot(register: i64) -> i64:
    """The helper for what `load_value` returned."""
    return ARRAY_FILL if register == R8 else ARRAY_FILL_VECTOR


@final
class ArrayNew(Lowering):
    """Made of zeros; filled if it has others, which takes another call."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        save_for_call(f, 0)
        length = f.sp - 1
        value = f.sp - 2
        f.load(length, RSI)
        f.load_constant(RDX, a)
        call_core(f, ARRAY_NEW)
        if not is_zero(f, value):
            array = f.use_slot(f.sp)
            f.store_register(ANYREF, array, RAX)
            f.move_register(I64, RSI, RAX)
            f.load_constant(RDX, 0)
            register = load_value(f, value)
            f.load(length, register)
            call_core(f, fill_slot(register))
            f.load_register(ANYREF, RAX, array)
        push_object(f, 2)


@final
class ArrayNewFixed(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        save_for_call(f, 0)
        f.load_constant(RSI, b)
        f.load_constant(RDX, a)
        call_core(f, ARRAY_NEW)
        storage = storage_of(f, a, 0)
        size: i64 = STORAGE_BYTES[int(storage)]
        first = f.sp - b
        at: i64 = 0
        while at < b:
            if not is_zero(f, first + at):
                store(f, storage, first + at, RCX, RAX, -1, 0, ELEMENTS_AT + at * size)
            at += 1
        f.spend(b >> 2)
        push_object(f, b)


@final
class ArrayFill(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        save_for_call(f, 0)
        f.load(f.sp - 4, RSI)
        f.load(f.sp - 3, RDX)
        register = load_value(f, f.sp - 2)
        f.load(f.sp - 1, register)
        call_core(f, fill_slot(register))
        f.drop_to(f.sp - 4)


# --- i31, and from one hierarchy to the other ---------------------------------------------------
@final
class I31New(Lowering):
    """ref.i31: shifted, with its tag; the upper half of the word is zero, so equal ones are equal words."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        if f.kinds[p] == CONSTANT:
            f.push(ANYREF, CONSTANT, ((f.values[p] << 1) | I31_TAG) & 0xFFFFFFFF)
            return
        source = f.readable(p, RAX)
        f.release(p)
        target = f.target_home(HOME_REGISTER)
        register = target
        if register < 0:
            register = f.take()
        f.asm.indexed(LEA_R32, register, source, source, 0, I31_TAG)
        f.result(ANYREF, register, target)


@final
class I31Get(Lowering):
    def __init__(self, signed: bool) -> None:
        self.form: i64 = SAR_R32_IMM8 if signed else SHR_R32_IMM8

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        f.mark()
        source = f.readable(p, RAX)
        need_not_null(f, word, source, NULL_I31)
        f.release(p)
        target = f.target_home(HOME_REGISTER)
        register = target
        if register < 0:
            register = f.take()
        f.move_register(I32, register, source)
        f.asm.reg_imm(self.form, register, 1)
        f.result(I32, register, target)


@final
class Convert(Lowering):
    """any.convert_extern and extern.convert_any: the words are the same."""

    def __init__(self, type_: int) -> None:
        self.type: i64 = type_

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        if f.kinds[p] == CONSTANT:
            f.push(self.type, CONSTANT, f.values[p])
            return
        f.push(self.type, REGISTER, f.owned(p))


def _compare_references() -> Compare:
    return Compare(I64, EQUAL, forms.CMP_R64_RM64, forms.CMP_RM64_IMM8, forms.CMP_RM64_IMM32)


# fmt: off
OBJECT_LOWERINGS: Final[dict[str, Lowering]] = {
    "struct.new":         StructNew(),
    "struct.get":         StructGet(),
    "struct.get_s":       StructGet(),
    "struct.get_u":       StructGet(),
    "struct.set":         StructSet(),
    "array.new":          ArrayNew(),
    "array.new_fixed":    ArrayNewFixed(),
    "array.get":          ArrayGet(),
    "array.get_s":        ArrayGet(),
    "array.get_u":        ArrayGet(),
    "array.set":          ArraySet(),
    "array.len":          ArrayLength(),
    "array.fill":         ArrayFill(),
    "ref.eq":             _compare_references(),
    "ref.i31":            I31New(),
    "i31.get_s":          I31Get(True),
    "i31.get_u":          I31Get(False),
    "any.convert_extern": Convert(ANYREF),
    "extern.convert_any": Convert(EXTERNREF),
    "ref.test":           ReferenceTest(False),
    "ref.test null":      ReferenceTest(True),
    "ref.cast":           ReferenceCast(False),
    "ref.cast null":      ReferenceCast(True),
}
# fmt: on


def with_objects(table: list[Lowering | None]) -> list[Lowering | None]:
    """A table of rules with these."""
    table = list(table)
    for mnemonic, lowering in OBJECT_LOWERINGS.items():
        table[BY_MNEMONIC[mnemonic].code] = lowering
    return table
