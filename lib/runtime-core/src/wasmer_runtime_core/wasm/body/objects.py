"""What operators of structs, arrays, i31 and casts take and give, told from their records and the module's types."""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final
from wasmer_runtime_core.wasm.body.body import OPERAND_STAYS
from wasmer_runtime_core.wasm.types import ANYREF, EXTERNREF, I32, KIND, ArrayType, StructType, unpacked

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.body.text import Record
    from wasmer_runtime_core.wasm.module import ModuleInfo

_OBJECT: Final = bytes((ANYREF,))
_INDEX: Final = bytes((I32,))
_LENGTH: Final = bytes((I32,))


def field_kinds(info: ModuleInfo, type_index: int) -> bytes:
    """What each field of a struct, or the elements of an array, gives to code: kinds, those of packed ones `I32`."""
    composite = info.definitions[type_index].composite
    if isinstance(composite, StructType):
        return bytes([unpacked(field.storage) & KIND for field in composite.fields])
    if isinstance(composite, ArrayType):
        return bytes((unpacked(composite.element.storage) & KIND,))
    raise TypeError(f"type {type_index} is of functions")


def object_operands(info: ModuleInfo, record: Record) -> tuple[bytes, bytes]:
    """The kinds of an operator's operands, the last on top, and of its results.

    Args:
        record: of an operator of the feature gc.

    Raises:
        KeyError: it is none of those that a body may hold.
    """
    mnemonic, a, b = record.mnemonic, record.a, record.b
    kind = bytes((record.type,))
    if mnemonic.startswith("ref.test"):
        return kind, (kind if record.lane & OPERAND_STAYS else b"") + _INDEX
    if mnemonic.startswith("ref.cast"):
        return kind, kind
    if mnemonic == "struct.new":
        return field_kinds(info, a), _OBJECT
    if mnemonic.startswith("struct.get"):
        return _OBJECT, field_kinds(info, a)[b : b + 1]
    if mnemonic == "struct.set":
        return _OBJECT + field_kinds(info, a)[b : b + 1], b""
    if mnemonic == "array.new":
        return field_kinds(info, a) + _LENGTH, _OBJECT
    if mnemonic == "array.new_fixed":
        return field_kinds(info, a) * b, _OBJECT
    if mnemonic.startswith("array.get"):
        return _OBJECT + _INDEX, field_kinds(info, a)
    if mnemonic == "array.set":
        return _OBJECT + _INDEX + field_kinds(info, a), b""
    if mnemonic == "array.fill":
        return _OBJECT + _INDEX + field_kinds(info, a) + _LENGTH, b""
    return _OTHERS[mnemonic]


_OTHERS: Final = {
    "struct.new_default": (b"", _OBJECT),
    "array.new_default": (_LENGTH, _OBJECT),
    "array.new_data": (_INDEX + _LENGTH, _OBJECT),
    "array.new_elem": (_INDEX + _LENGTH, _OBJECT),
    "array.len": (_OBJECT, _LENGTH),
    "array.copy": (_OBJECT + _INDEX + _OBJECT + _INDEX + _LENGTH, b""),
    "array.init_data": (_OBJECT + _INDEX + _INDEX + _LENGTH, b""),
    "array.init_elem": (_OBJECT + _INDEX + _INDEX + _LENGTH, b""),
    "ref.eq": (_OBJECT + _OBJECT, bytes((I32,))),
    "ref.i31": (bytes((I32,)), _OBJECT),
    "i31.get_s": (_OBJECT, bytes((I32,))),
    "i31.get_u": (_OBJECT, bytes((I32,))),
    "any.convert_extern": (bytes((EXTERNREF,)), _OBJECT),
    "extern.convert_any": (_OBJECT, bytes((EXTERNREF,))),
}
