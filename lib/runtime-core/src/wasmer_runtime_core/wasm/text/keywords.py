"""The keywords of the text format, numbered.

A token is the number of its spelling (see `lexer`). The spellings every module may use
have fixed numbers: the parentheses, the end of the text, the keywords of section 6 of the
specification and the mnemonics of `OPERATORS`, in this order. The parser compares numbers
and finds what belongs to an operator by indexing rows with them.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.wasm.operators.rows import IMMEDIATES, OPERATORS, PAGE_LENGTHS, PREFIX_PAGES
from wasmer_runtime_core.wasm.types import HEAP_TYPES, VALUE_TYPE_CODES

END_OF_TEXT: Final = 0
LEFT: Final = 1
NAME_ANNOTATION: Final = 2
CUSTOM_ANNOTATION: Final = 3
RIGHT: Final = 4
MODULE: Final = 5
TYPE: Final = 6
FUNC: Final = 7
PARAM: Final = 8
RESULT: Final = 9
LOCAL: Final = 10
IMPORT: Final = 11
EXPORT: Final = 12
TABLE: Final = 13
MEMORY: Final = 14
GLOBAL: Final = 15
MUT: Final = 16
START: Final = 17
ELEM: Final = 18
DATA: Final = 19
OFFSET: Final = 20
ITEM: Final = 21
DECLARE: Final = 22
THEN: Final = 23
EXTERN: Final = 24
I32: Final = 25
I64: Final = 26
F32: Final = 27
F64: Final = 28
V128: Final = 29
FUNCREF: Final = 30
EXTERNREF: Final = 31
ANYREF: Final = 32
EQREF: Final = 33
I31REF: Final = 34
STRUCTREF: Final = 35
ARRAYREF: Final = 36
NULLREF: Final = 37
NULLFUNCREF: Final = 38
NULLEXTERNREF: Final = 39
I8X16: Final = 40
I16X8: Final = 41
I32X4: Final = 42
I64X2: Final = 43
F32X4: Final = 44
F64X2: Final = 45
BEFORE: Final = 46
AFTER: Final = 47
FIRST: Final = 48
LAST: Final = 49
CODE: Final = 50
DATACOUNT: Final = 51
REF: Final = 52
NULL: Final = 53
REC: Final = 54
SUB: Final = 55
FINAL: Final = 56
FIELD: Final = 57
I8: Final = 58
I16: Final = 59
STRUCT: Final = 60
ARRAY: Final = 61
ANY: Final = 62
EQ: Final = 63
I31: Final = 64
NONE: Final = 65
NOFUNC: Final = 66
NOEXTERN: Final = 67
TAG: Final = 68
EXN: Final = 69
EXNREF: Final = 70
NOEXN: Final = 71
NULLEXNREF: Final = 72
DO: Final = 73
CATCH_REF: Final = 74
CATCH_ALL_REF: Final = 75
SHARED: Final = 76
FIRST_OPERATOR: Final = 77

WORDS: Final = (
    "",
    *(
        "( (@name (@custom ) module type func param result local import export table memory global mut start elem data"
    ).split(),
    *("offset item declare then extern i32 i64 f32 f64 v128 funcref externref").split(),
    *("anyref eqref i31ref structref arrayref nullref nullfuncref nullexternref").split(),
    *("i8x16 i16x8 i32x4 i64x2 f32x4 f64x2").split(),
    *("before after first last code datacount").split(),
    *("ref null rec sub final field i8 i16 struct array any eq i31 none nofunc noextern").split(),
    *("tag exn exnref noexn nullexnref do catch_ref catch_all_ref shared").split(),
)
assert len(WORDS) == FIRST_OPERATOR

VALUE_TYPES: Final = {number: VALUE_TYPE_CODES[WORDS[number]] for number in range(I32, V128 + 1)}
"""Keyword -> value type."""
VALUE_TYPES.update({WORDS.index(row.reference_name): row.number for row in HEAP_TYPES})
HEAP_KEYWORDS: Final = {WORDS.index(row.name): row.number for row in HEAP_TYPES}
"""Keyword of a heap type -> a nullable reference to it."""

KEYWORDS: Final[dict[str, int]] = {word: number for number, word in enumerate(WORDS)}
"""Spelling -> its number."""

OPERATOR_CODES: Final[list[int]] = [-1] * FIRST_OPERATOR
"""Keyword -> operator code, or -1."""
OPERATOR_BYTES: Final[list[bytes]] = [b""] * FIRST_OPERATOR
"""Keyword -> the operator in the binary format."""
OPERATOR_IMMEDIATES: Final[list[int]] = [0] * FIRST_OPERATOR
"""Keyword -> index in `IMMEDIATES`."""
OPERATOR_ACCESS: Final[list[int]] = [0] * FIRST_OPERATOR
"""Keyword -> alignment exponent of the bytes it touches."""


def operator_bytes(code: int) -> bytes:
    """An operator in the binary format: its byte, or prefix and sub-opcode (5.4)."""
    if code < 0x100:
        return bytes((code,))
    for prefix, page in PREFIX_PAGES.items():
        sub_opcode = code - page
        if 0 <= sub_opcode < PAGE_LENGTHS[prefix]:
            if sub_opcode < 0x80:
                return bytes((prefix, sub_opcode))
            return bytes((prefix, sub_opcode & 0x7F | 0x80, sub_opcode >> 7))
    raise ValueError(f"operator code {code:#x} is on no known page")


for _operator in OPERATORS.values():
    if " " in _operator.mnemonic:  # the parser's own: `select (result t)`, `ref.test (ref null t)`
        continue
    KEYWORDS[_operator.mnemonic] = len(OPERATOR_CODES)
    OPERATOR_CODES.append(_operator.code)
    OPERATOR_BYTES.append(operator_bytes(_operator.code))
    OPERATOR_IMMEDIATES.append(IMMEDIATES.index(_operator.immediate))
    OPERATOR_ACCESS.append(max(_operator.access_bytes, 1).bit_length() - 1)

ELSE: Final = KEYWORDS["else"]
END: Final = KEYWORDS["end"]
TRY: Final = KEYWORDS["try"]
CATCH: Final = KEYWORDS["catch"]
CATCH_ALL: Final = KEYWORDS["catch_all"]
DELEGATE: Final = KEYWORDS["delegate"]
NUMBER_OF_KEYWORDS: Final = len(KEYWORDS)
