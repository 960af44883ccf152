"""Structs, arrays, i31 and casts (3.0, section 4.4.4).

What an object keeps for as long as it is, its type and an array's length, never changes for LLVM. Fields that are not
mutable do: code stores them, once. A cast has no branches: where a reference may be null, or no object, a place in the
vmctx is read instead, which leads to a type's record too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wasmer_llvm_backend.ir.operators import calls
from wasmer_llvm_backend.ir.operators.context import context_constant
from wasmer_llvm_backend.ir.templates import V128
from wasmer_llvm_backend.ir.view import LLVM_TYPES, ZEROS
from wasmer_llvm_backend.module_text import CONTEXT_ACCESS, CONTEXT_CONSTANT
from wasmer_runtime_core.contract.casts import ALWAYS, IF_BELOW, IF_EQ, IF_FORM, IF_I31, NEVER, Cast, cast
from wasmer_runtime_core.contract.helpers import SLOTS, VMCALLS
from wasmer_runtime_core.contract.objects import ELEMENTS, LENGTH, RECORD, fields_of, storage_bytes
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.contract.vmctx import FUNCTION_RECORD, REFERENCE_TAGS, TYPE_RECORD
from wasmer_runtime_core.wasm.body.body import OPERAND_IS_NOT_NULL, OPERAND_STAYS
from wasmer_runtime_core.wasm.types import I8, I16, KIND

if TYPE_CHECKING:
    from wasmer_llvm_backend.ir.function import FunctionState
    from wasmer_runtime_core.wasm.types import FieldType

NULL_STRUCTURE: Final = BY_NAME["NULL_STRUCTURE"].number
NULL_ARRAY: Final = BY_NAME["NULL_ARRAY"].number
NULL_I31: Final = BY_NAME["NULL_I31"].number
CAST_FAILURE: Final = BY_NAME["CAST_FAILURE"].number
ARRAY_OUT_OF_BOUNDS: Final = BY_NAME["ARRAY_OUT_OF_BOUNDS"].number
I31: Final = REFERENCE_TAGS["I31"]
PYTHON: Final = REFERENCE_TAGS["OBJECT"]
TAGS: Final = REFERENCE_TAGS["MASK"]
_STRUCT_NEW: Final = VMCALLS[SLOTS["struct_new_default"]]
_ARRAY_NEW: Final = VMCALLS[SLOTS["array_new_default"]]
_ARRAY_FILL: Final = VMCALLS[SLOTS["array_fill"]]
_ARRAY_FILL_VECTOR: Final = VMCALLS[SLOTS["array_fill_vector"]]
_PACKED: Final = {I8: "i8", I16: "i16"}


# --- fields and elements ------------------------------------------------------------------------
def field_of(f: FunctionState, type_index: int, field: int) -> FieldType:
    """Of a struct; of an array the type of its elements."""
    return fields_of(f.view.info.definitions[type_index].composite)[field]


def need(f: FunctionState, word: int, reference: str, trap: int) -> None:
    """Trap where it is null, unless it cannot be."""
    if (word >> 24) & OPERAND_IS_NOT_NULL == 0:
        f.trap_if(f.let(f"icmp eq ptr {reference}, null"), trap)


def place(f: FunctionState, base: str, offset: int) -> str:
    """An address in an object."""
    return f.let(f"getelementptr i8, ptr {base}, i64 {offset}") if offset else base


def push_loaded(f: FunctionState, field: FieldType, at: str, extension: str) -> None:
    """What lies in a field; `extension` of packed ones."""
    align = storage_bytes(field)
    packed = _PACKED.get(field.storage)
    if packed is None:
        type_ = LLVM_TYPES[field.storage & KIND]
        f.stack.append(f.let(f"load {f.volatile}{type_}, ptr {at}, align {align}{CONTEXT_ACCESS}"))
        return
    value = f.let(f"load {f.volatile}{packed}, ptr {at}, align {align}{CONTEXT_ACCESS}")
    f.stack.append(f.let(f"{extension} {packed} {value} to i32"))


def store(f: FunctionState, field: FieldType, value: str, at: str) -> None:
    """Write a field or an element: the one place where a reference to an object is stored."""
    type_ = _PACKED.get(field.storage)
    if type_ is None:
        type_ = LLVM_TYPES[field.storage & KIND]
    else:
        value = f.let(f"trunc i32 {value} to {type_}")
    f.out.append(f"store {f.volatile}{type_} {value}, ptr {at}, align {storage_bytes(field)}{CONTEXT_ACCESS}")


def struct_get(f: FunctionState, extension: str, word: int, a: int, b: int) -> None:
    object_ = f.stack.pop()
    need(f, word, object_, NULL_STRUCTURE)
    push_loaded(f, field_of(f, a, b), place(f, object_, f.view.objects.of(a).offsets[b]), extension)


def struct_set(f: FunctionState, word: int, a: int, b: int) -> None:
    value = f.stack.pop()
    object_ = f.stack.pop()
    need(f, word, object_, NULL_STRUCTURE)
    store(f, field_of(f, a, b), value, place(f, object_, f.view.objects.of(a).offsets[b]))


def length_of(f: FunctionState, array: str) -> str:
    """An array's."""
    return f.let(f"load i32, ptr {place(f, array, LENGTH)}, align 8{CONTEXT_CONSTANT}")


def element(f: FunctionState, word: int, array: str, index: str, size: int) -> str:
    """The address of an element; traps if there is none."""
    need(f, word, array, NULL_ARRAY)
    f.trap_if(f.let(f"icmp uge i32 {index}, {length_of(f, array)}"), ARRAY_OUT_OF_BOUNDS)
    wide = f.let(f"zext i32 {index} to i64")
    if size > 1:
        wide = f.let(f"shl i64 {wide}, {size.bit_length() - 1}")
    return place(f, f.let(f"getelementptr i8, ptr {array}, i64 {wide}"), ELEMENTS)


def array_get(f: FunctionState, extension: str, word: int, a: int, b: int) -> None:
    index = f.stack.pop()
    array = f.stack.pop()
    field = field_of(f, a, 0)
    push_loaded(f, field, element(f, word, array, index, storage_bytes(field)), extension)


def array_set(f: FunctionState, word: int, a: int, b: int) -> None:
    value = f.stack.pop()
    index = f.stack.pop()
    array = f.stack.pop()
    field = field_of(f, a, 0)
    store(f, field, value, element(f, word, array, index, storage_bytes(field)))


def array_len(f: FunctionState, word: int, a: int, b: int) -> None:
    array = f.stack.pop()
    need(f, word, array, NULL_ARRAY)
    f.stack.append(length_of(f, array))


# --- objects are made -----------------------------------------------------------------------------
def take(f: FunctionState, count: int) -> list[str]:
    """So many operands, the topmost last."""
    first = len(f.stack) - count
    values = f.stack[first:]
    del f.stack[first:]
    return values


def is_zero(field: FieldType, value: str) -> bool:
    """Whether a value is what fields and elements begin with."""
    return value == ZEROS.get(field.storage & KIND, "0")


def struct_new(f: FunctionState, word: int, a: int, b: int) -> None:
    fields = fields_of(f.view.info.definitions[a].composite)
    values = take(f, len(fields))
    calls.helper(f, _STRUCT_NEW, 1, word, a, b)
    for field, value, offset in zip(fields, values, f.view.objects.of(a).offsets, strict=True):
        if not is_zero(field, value):
            store(f, field, value, place(f, f.stack[-1], offset))


def array_new(f: FunctionState, word: int, a: int, b: int) -> None:
    value, length = take(f, 2)
    f.stack.append(length)
    calls.helper(f, _ARRAY_NEW, 1, word, a, b)
    field = field_of(f, a, 0)
    if not is_zero(field, value):
        array = f.stack[-1]
        f.stack += [array, "0"]
        fill(f, field, value, length, word)


def array_new_fixed(f: FunctionState, word: int, a: int, b: int) -> None:
    field = field_of(f, a, 0)
    values = take(f, b)
    f.stack.append(str(b))
    calls.helper(f, _ARRAY_NEW, 1, word, a, b)
    for at, value in enumerate(values):
        if not is_zero(field, value):
            store(f, field, value, place(f, f.stack[-1], ELEMENTS + at * storage_bytes(field)))


def array_fill(f: FunctionState, word: int, a: int, b: int) -> None:
    length = f.stack.pop()
    fill(f, field_of(f, a, 0), f.stack.pop(), length, word)


def fill(f: FunctionState, field: FieldType, value: str, length: str, word: int) -> None:
    """Elements of the array on the stack, from the index on top: with the bits of a value."""
    type_ = "i32" if field.storage in _PACKED else LLVM_TYPES[field.storage & KIND]
    if type_ == V128:
        halves = [f.let(f"extractelement {V128} {value}, i32 {at}") for at in (0, 1)]
        f.stack += [*halves, length]
        calls.helper(f, _ARRAY_FILL_VECTOR, 0, word, 0, 0)
        return
    if type_ == "float":
        value, type_ = f.let(f"bitcast float {value} to i32"), "i32"
    if type_ == "i32":
        value = f.let(f"zext i32 {value} to i64")
    elif type_ == "double":
        value = f.let(f"bitcast double {value} to i64")
    elif type_ == "ptr":
        value = f.let(f"ptrtoint ptr {value} to i64")
    f.stack += [value, length]
    calls.helper(f, _ARRAY_FILL, 0, word, 0, 0)


# --- i31 and equality -------------------------------------------------------------------------------
def ref_eq(f: FunctionState, word: int, a: int, b: int) -> None:
    right = f.stack.pop()
    f.push_bit(f.let(f"icmp eq ptr {f.stack.pop()}, {right}"))


def ref_i31(f: FunctionState, word: int, a: int, b: int) -> None:
    shifted = f.let(f"shl i32 {f.stack.pop()}, 1")
    wide = f.let(f"zext i32 {f.let(f'or i32 {shifted}, {I31}')} to i64")
    f.stack.append(f.let(f"inttoptr i64 {wide} to ptr"))


def i31_get(f: FunctionState, shift: str, word: int, a: int, b: int) -> None:
    reference = f.stack.pop()
    need(f, word, reference, NULL_I31)
    f.stack.append(f.let(f"{shift} i32 {low_half(f, reference)}, 1"))


def convert(f: FunctionState, word: int, a: int, b: int) -> None:
    """From one hierarchy to the other: the words are the same."""


def low_half(f: FunctionState, reference: str) -> str:
    """Of a reference's bits."""
    return f.let(f"trunc i64 {f.let(f'ptrtoint ptr {reference} to i64')} to i32")


# --- casts --------------------------------------------------------------------------------------------
def steps_of(f: FunctionState, null_passes: bool, word: int, target: int, source: int) -> Cast:
    """Of the operator at hand."""
    may_be_null = (word >> 24) & OPERAND_IS_NOT_NULL == 0
    return cast(f.view.info, (word >> 16) & 0xFF, target, null_passes, source, may_be_null)


def ref_test(f: FunctionState, null_passes: bool, word: int, a: int, b: int) -> None:
    reference = f.stack[-1]
    if (word >> 24) & OPERAND_STAYS == 0:
        f.stack.pop()
    f.push_bit(passes(f, steps_of(f, null_passes, word, a, b), reference))


def ref_cast(f: FunctionState, null_passes: bool, word: int, a: int, b: int) -> None:
    reference = f.stack[-1]
    steps = steps_of(f, null_passes, word, a, b)
    if steps.may_be_null and not steps.null_passes:
        f.trap_if(f.let(f"icmp eq ptr {reference}, null"), CAST_FAILURE)
        steps = steps._replace(may_be_null=False)
    if steps.tagged:
        f.trap_if(f.let(f"icmp ne i32 {tags(f, reference)}, 0"), CAST_FAILURE)
        steps = steps._replace(tagged=False)
    if steps.what != ALWAYS:
        f.trap_if(f.let(f"xor i1 {passes(f, steps, reference)}, true"), CAST_FAILURE)


def tags(f: FunctionState, reference: str) -> str:
    """The bits of a reference that say what it is."""
    return f.let(f"and i32 {low_half(f, reference)}, {TAGS}")


def passes(f: FunctionState, steps: Cast, reference: str) -> str:
    """Whether a reference passes, as a bit."""
    if not steps.may_be_null:
        return passes_without_null(f, steps, reference, "")
    if steps.what == ALWAYS:
        return f.let("add i1 true, false") if steps.null_passes else f.let(f"icmp ne ptr {reference}, null")
    if steps.what == NEVER:
        return f.let(f"icmp eq ptr {reference}, null") if steps.null_passes else f.let("add i1 false, false")
    there = f.let(f"icmp ne ptr {reference}, null")
    found = passes_without_null(f, steps, reference, there)
    if steps.null_passes:
        return f.let(f"or i1 {found}, {f.let(f'xor i1 {there}, true')}")
    return f.let(f"and i1 {found}, {there}")


def passes_without_null(f: FunctionState, steps: Cast, reference: str, there: str) -> str:
    """The same of one that is not null; `there`: the bit that says so, or nothing if that is known."""
    what = steps.what
    if what == ALWAYS or what == NEVER:
        return f.let(f"add i1 {'true' if what == ALWAYS else 'false'}, false")
    if what == IF_I31:
        return f.let(f"icmp ne i32 {f.let(f'and i32 {low_half(f, reference)}, {I31}')}, 0")
    if what == IF_EQ:
        return f.let(f"icmp ne i32 {tags(f, reference)}, {PYTHON}")
    sound, untagged = there, ""
    if steps.tagged:
        untagged = f.let(f"icmp eq i32 {tags(f, reference)}, 0")
        sound = f.let(f"and i1 {there}, {untagged}") if there else untagged
    found = is_of_type(f, steps, reference, sound)
    return f.let(f"and i1 {found}, {untagged}") if untagged else found


def is_of_type(f: FunctionState, steps: Cast, reference: str, sound: str) -> str:
    """Whether the record of what is referred to is right; `sound`: the bit that says that there is one, or nothing."""
    offset = FUNCTION_RECORD["type"].offset if steps.function else RECORD
    record_at = f.view.type_offsets[steps.type_index]
    if sound:
        other = f.let(f"getelementptr i8, ptr %0, i64 {record_at - offset}")
        reference = f.let(f"select i1 {sound}, ptr {reference}, ptr {other}")
    record = of_record(f, "ptr", reference, offset)
    if steps.what == IF_FORM:
        return f.let(f"icmp eq i32 {of_record(f, 'i32', record, TYPE_RECORD['form'].offset)}, {steps.form}")
    wanted = context_constant(f, "ptr", record_at)
    if steps.what != IF_BELOW:
        return f.let(f"icmp eq ptr {record}, {wanted}")
    list_ = of_record(f, "ptr", record, TYPE_RECORD["supertypes"].offset)
    if not steps.depth:
        return f.let(f"icmp eq ptr {of_record(f, 'ptr', list_, 0)}, {wanted}")
    depth = of_record(f, "i32", record, TYPE_RECORD["depth"].offset)
    deep = f.let(f"icmp uge i32 {depth}, {steps.depth}")
    own = of_record(f, "ptr", wanted, TYPE_RECORD["supertypes"].offset)
    list_ = f.let(f"select i1 {deep}, ptr {list_}, ptr {own}")
    found = f.let(f"icmp eq ptr {of_record(f, 'ptr', list_, 8 * steps.depth)}, {wanted}")
    return f.let(f"and i1 {found}, {deep}")


def of_record(f: FunctionState, type_: str, base: str, offset: int) -> str:
    """What never changes of an object, or of what its record leads to."""
    return f.let(f"load {type_}, ptr {place(f, base, offset)}, align {4 if type_ == 'i32' else 8}{CONTEXT_CONSTANT}")
