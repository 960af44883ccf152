"""The operators' rows as byte tables, for code that runs once an operator.

The validator meets some hundred thousand operators in a module and has a few nanoseconds
for each. So what the rows say is spread once, at import, into tables indexed by operator
code: its rule of validation (`RULES`: which piece of the validator reads it),
its type, last operand first, as the stack gives them (`TOP`, `BELOW`, `LOWEST`,
`RESULT`: value type codes, 0 where there is none), and whether a helper carries it out (`HELPERS`).

Rules are numbered by how often real code holds them.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.wasm.operators.effects import HELPER
from wasmer_runtime_core.wasm.operators.rows import OPERATORS, PAGE_LENGTHS, PREFIX_PAGES, Operator
from wasmer_runtime_core.wasm.types import VALUE_TYPE_CODES

TABLE_LENGTH: Final = 0x600
VECTOR_LANE_BYTES: Final = {"i8x16": 1, "i16x8": 2, "i32x4": 4, "i64x2": 8, "f32x4": 4, "f64x2": 8}

# --- rules -----------------------------------------------------------------------------
ILLEGAL: Final = 0
LOCAL_GET: Final = 1
I32_CONST: Final = 2
PLAIN: Final = 3  # typed by its row, no immediate
ACCESS: Final = 4  # loads and stores
LOCAL_SET: Final = 5
LOCAL_TEE: Final = 6
BR_IF: Final = 7
END: Final = 8
CALL: Final = 9
BR: Final = 10
BLOCK: Final = 11  # block, loop and if
GLOBAL_GET: Final = 12
GLOBAL_SET: Final = 13
I64_CONST: Final = 14
F32_CONST: Final = 15
F64_CONST: Final = 16
SELECT: Final = 17
DROP: Final = 18
RETURN: Final = 19
ELSE: Final = 20
CALL_INDIRECT: Final = 21
PREFIX: Final = 22  # the byte opens a page of operators
BR_TABLE: Final = 23
UNREACHABLE: Final = 24
NOP: Final = 25
SELECT_TYPED: Final = 26
MEMORY_SIZE: Final = 27
REF_NULL: Final = 28
REF_IS_NULL: Final = 29
REF_FUNC: Final = 30
TABLE_GET: Final = 31
TABLE_SET: Final = 32
TABLE_GROW: Final = 33
TABLE_SIZE: Final = 34
TABLE_FILL: Final = 35
TABLE_COPY: Final = 36
TABLE_INIT: Final = 37
ELEM_DROP: Final = 38
MEMORY_FILL: Final = 39
MEMORY_COPY: Final = 40
MEMORY_INIT: Final = 41
DATA_DROP: Final = 42
LANE: Final = 43  # a lane index follows
LANE_ACCESS: Final = 44  # a memory access, then a lane index
SHUFFLE: Final = 45
V128_CONST: Final = 46
MEMORY_GROW: Final = 47
RETURN_CALL: Final = 48
RETURN_CALL_INDIRECT: Final = 49
CALL_REF: Final = 50
REF_AS_NON_NULL: Final = 51
BR_ON_NULL: Final = 52
BR_ON_NON_NULL: Final = 53
RETURN_CALL_REF: Final = 54
THROW: Final = 55  # the first of those of exceptions
THROW_REF: Final = 56
RETHROW: Final = 57
CATCH: Final = 58  # catch and catch_all
DELEGATE: Final = 59
TRY_TABLE: Final = 60
REF_EQ: Final = 61  # the first of those of structs, arrays and i31
STRUCT_NEW: Final = 62
STRUCT_NEW_DEFAULT: Final = 63
STRUCT_GET: Final = 64
STRUCT_SET: Final = 65
ARRAY_NEW: Final = 66
ARRAY_NEW_DEFAULT: Final = 67
ARRAY_NEW_FIXED: Final = 68
ARRAY_NEW_DATA: Final = 69
ARRAY_NEW_ELEM: Final = 70
ARRAY_GET: Final = 71
ARRAY_SET: Final = 72
ARRAY_LEN: Final = 73
ARRAY_FILL: Final = 74
ARRAY_COPY: Final = 75
ARRAY_INIT_DATA: Final = 76
ARRAY_INIT_ELEM: Final = 77
REF_TEST: Final = 78
REF_CAST: Final = 79
BR_ON_CAST: Final = 80
ANY_CONVERT_EXTERN: Final = 81
EXTERN_CONVERT_ANY: Final = 82
REF_I31: Final = 83
I31_GET: Final = 84
FENCE: Final = 85

_BY_MNEMONIC: Final = {
    "local.get": LOCAL_GET,
    "i32.const": I32_CONST,
    "local.set": LOCAL_SET,
    "local.tee": LOCAL_TEE,
    "br_if": BR_IF,
    "end": END,
    "call": CALL,
    "br": BR,
    "block": BLOCK,
    "loop": BLOCK,
    "if": BLOCK,
    "try": BLOCK,
    "global.get": GLOBAL_GET,
    "global.set": GLOBAL_SET,
    "i64.const": I64_CONST,
    "f32.const": F32_CONST,
    "f64.const": F64_CONST,
    "select": SELECT,
    "drop": DROP,
    "return": RETURN,
    "else": ELSE,
    "call_indirect": CALL_INDIRECT,
    "br_table": BR_TABLE,
    "unreachable": UNREACHABLE,
    "nop": NOP,
    "select t": SELECT_TYPED,
    "memory.size": MEMORY_SIZE,
    "memory.grow": MEMORY_GROW,
    "ref.null": REF_NULL,
    "ref.is_null": REF_IS_NULL,
    "ref.func": REF_FUNC,
    "table.get": TABLE_GET,
    "table.set": TABLE_SET,
    "table.grow": TABLE_GROW,
    "table.size": TABLE_SIZE,
    "table.fill": TABLE_FILL,
    "table.copy": TABLE_COPY,
    "table.init": TABLE_INIT,
    "elem.drop": ELEM_DROP,
    "memory.fill": MEMORY_FILL,
    "memory.copy": MEMORY_COPY,
    "memory.init": MEMORY_INIT,
    "data.drop": DATA_DROP,
    "i8x16.shuffle": SHUFFLE,
    "v128.const": V128_CONST,
    "return_call": RETURN_CALL,
    "return_call_indirect": RETURN_CALL_INDIRECT,
    "call_ref": CALL_REF,
    "return_call_ref": RETURN_CALL_REF,
    "ref.as_non_null": REF_AS_NON_NULL,
    "br_on_null": BR_ON_NULL,
    "br_on_non_null": BR_ON_NON_NULL,
    "throw": THROW,
    "throw_ref": THROW_REF,
    "rethrow": RETHROW,
    "catch": CATCH,
    "catch_all": CATCH,
    "delegate": DELEGATE,
    "try_table": TRY_TABLE,
    "ref.eq": REF_EQ,
    "struct.new": STRUCT_NEW,
    "struct.new_default": STRUCT_NEW_DEFAULT,
    "struct.get": STRUCT_GET,
    "struct.get_s": STRUCT_GET,
    "struct.get_u": STRUCT_GET,
    "struct.set": STRUCT_SET,
    "array.new": ARRAY_NEW,
    "array.new_default": ARRAY_NEW_DEFAULT,
    "array.new_fixed": ARRAY_NEW_FIXED,
    "array.new_data": ARRAY_NEW_DATA,
    "array.new_elem": ARRAY_NEW_ELEM,
    "array.get": ARRAY_GET,
    "array.get_s": ARRAY_GET,
    "array.get_u": ARRAY_GET,
    "array.set": ARRAY_SET,
    "array.len": ARRAY_LEN,
    "array.fill": ARRAY_FILL,
    "array.copy": ARRAY_COPY,
    "array.init_data": ARRAY_INIT_DATA,
    "array.init_elem": ARRAY_INIT_ELEM,
    "ref.test": REF_TEST,
    "ref.test null": REF_TEST,
    "ref.cast": REF_CAST,
    "ref.cast null": REF_CAST,
    "br_on_cast": BR_ON_CAST,
    "br_on_cast_fail": BR_ON_CAST,
    "any.convert_extern": ANY_CONVERT_EXTERN,
    "extern.convert_any": EXTERN_CONVERT_ANY,
    "ref.i31": REF_I31,
    "i31.get_s": I31_GET,
    "i31.get_u": I31_GET,
    "atomic.fence": FENCE,
}
_BY_IMMEDIATE: Final = {"": PLAIN, "memarg": ACCESS, "lane": LANE, "memarg lane": LANE_ACCESS}


def _rule(row: Operator) -> int:
    named = _BY_MNEMONIC.get(row.mnemonic)
    return _BY_IMMEDIATE[row.immediate] if named is None else named


def _lanes(row: Operator) -> int:
    """How many lanes a lane index chooses from."""
    if row.immediate == "memarg lane":
        return 16 // row.access_bytes
    if row.immediate == "lane":
        return 16 // VECTOR_LANE_BYTES[row.mnemonic.partition(".")[0]]
    return 0


def _operand(row: Operator, place: int) -> int:
    """The code of the operand `place` from the top of the stack, or 0."""
    return VALUE_TYPE_CODES[row.params[-1 - place]] if place < len(row.params) else 0


def _tables() -> tuple[bytes, ...]:
    """One table per column, in the order below."""
    columns = tuple(bytearray(TABLE_LENGTH) for _ in range(8))
    rules, top, below, lowest, result, largest_alignment, lanes, helpers = columns
    for code, row in OPERATORS.items():
        rules[code] = _rule(row)
        top[code] = _operand(row, 0)
        below[code] = _operand(row, 1)
        lowest[code] = _operand(row, 2)
        result[code] = VALUE_TYPE_CODES[row.results[0]] if row.results else 0
        largest_alignment[code] = max(row.access_bytes, 1).bit_length() - 1
        lanes[code] = _lanes(row)
        helpers[code] = 1 if row.effects & HELPER else 0
    for prefix in PREFIX_PAGES:
        rules[prefix] = PREFIX
    return tuple(bytes(column) for column in columns)


_COLUMNS: Final = _tables()
RULES: Final = _COLUMNS[0]
TOP: Final = _COLUMNS[1]
BELOW: Final = _COLUMNS[2]
LOWEST: Final = _COLUMNS[3]
RESULT: Final = _COLUMNS[4]
LARGEST_ALIGNMENT: Final = _COLUMNS[5]
"""Exponent of the natural alignment of a memory access."""
LANES: Final = _COLUMNS[6]
PAGES: Final = bytes([PREFIX_PAGES.get(byte, 0) >> 8 for byte in range(0x100)])
"""By prefix byte, in units of 0x100: what is added to the sub-opcode."""
LENGTHS: Final = bytes([PAGE_LENGTHS.get(byte, 0) >> 8 for byte in range(0x100)])
"""By prefix byte, in the same units: how many sub-opcodes its page has room for."""
HELPERS: Final = _COLUMNS[7]
"""1 for operators that become calls of helpers, and weigh as calls do."""
