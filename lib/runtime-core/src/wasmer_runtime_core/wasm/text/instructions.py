"""Instructions, flat and folded (specification, section 6.5), to the binary format.

One loop over the tokens and one stack of what is open, so that no nesting in the text
becomes nesting of calls. An entry of the stack is one of

* `FLAT_BLOCK`, `FLAT_IF`, `FLAT_ELSE`: ``block … end``; only ``end`` closes it;
* `FLAT_TRY`, `FLAT_CATCH`, `FLAT_CATCH_ALL`: the same of a ``try``, which ``delegate`` may close too;
* `FOLDED_PLAIN`: ``(i32.add …)``: the operator is encoded at once and written at ``)``;
* `FOLDED_BLOCK`: ``(block …)``: ``)`` writes ``end``;
* `FOLDED_CONDITION`: ``(if …`` before its ``(then``; `FOLDED_THEN`, `FOLDED_ELSE` inside of
  an arm, `AFTER_THEN` and `AFTER_ELSE` behind one;
* `FOLDED_TRY`: ``(try …`` before its ``(do``; `FOLDED_DO`, `FOLDED_CATCH`, `FOLDED_CATCH_ALL` inside of an arm,
  `AFTER_DO`, `AFTER_CATCH` and `AFTER_LAST_ARM` behind one.

Limits: the nesting of the text is bounded by memory alone.

Long for one idea: whatever may be open is on the one stack, and the one loop knows how each is closed.
"""

from __future__ import annotations

from librt.strings import BytesWriter

from wasmer_runtime_core.support.annotations import Final, final
from wasmer_runtime_core.support.printable import shortened
from wasmer_runtime_core.wasm.binary.scan import CAST_FROM_NULL, CAST_TO_NULL, FIRST_CATCH_ALL
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC, HAS_MEMORY_INDEX, IMMEDIATES
from wasmer_runtime_core.wasm.text.cursor import Cursor
from wasmer_runtime_core.wasm.text.definitions import (
    Definitions,
    IndexSpace,
    take_function_type,
    take_heap_type,
    take_reference_type,
    take_value_types,
)
from wasmer_runtime_core.wasm.text.encoding import (
    heap_type_bytes,
    index_bytes,
    signed_bytes,
    value_type_bytes,
    value_type_vector,
    vector,
)
from wasmer_runtime_core.wasm.text.keywords import (
    CATCH,
    CATCH_ALL,
    CATCH_ALL_REF,
    CATCH_REF,
    DELEGATE,
    DO,
    ELSE,
    END,
    F32X4,
    F64X2,
    FIRST_OPERATOR,
    I8X16,
    I16X8,
    I32X4,
    I64X2,
    KEYWORDS,
    LEFT,
    NAME_ANNOTATION,
    NUMBER_OF_KEYWORDS,
    OPERATOR_ACCESS,
    OPERATOR_BYTES,
    OPERATOR_IMMEDIATES,
    PARAM,
    RESULT,
    RIGHT,
    THEN,
    TRY,
    TYPE,
    operator_bytes,
)
from wasmer_runtime_core.wasm.text.numerals import MALFORMED, OUT_OF_RANGE, unsigned
from wasmer_runtime_core.wasm.types import NON_NULL, value_types

FLAT_BLOCK: Final = 0
FLAT_IF: Final = 1
FLAT_ELSE: Final = 2
FLAT_TRY: Final = 3
FLAT_CATCH: Final = 4
FLAT_CATCH_ALL: Final = 5
FOLDED_PLAIN: Final = 6
FOLDED_BLOCK: Final = 7
FOLDED_THEN: Final = 8
FOLDED_ELSE: Final = 9
FOLDED_DO: Final = 10
FOLDED_CATCH: Final = 11
FOLDED_CATCH_ALL: Final = 12
FOLDED_CONDITION: Final = 13  # from here on: between arms
AFTER_THEN: Final = 14
AFTER_ELSE: Final = 15
FOLDED_TRY: Final = 16
AFTER_DO: Final = 17
AFTER_CATCH: Final = 18
AFTER_LAST_ARM: Final = 19
BEHIND: Final = {
    FOLDED_THEN: AFTER_THEN,
    FOLDED_ELSE: AFTER_ELSE,
    FOLDED_DO: AFTER_DO,
    FOLDED_CATCH: AFTER_CATCH,
    FOLDED_CATCH_ALL: AFTER_LAST_ARM,
}
"""What an arm becomes at its ``)``."""

NONE: Final = IMMEDIATES.index("")
BLOCK: Final = IMMEDIATES.index("block")
LABEL: Final = IMMEDIATES.index("label")
LABELS: Final = IMMEDIATES.index("labels")
FUNCTION: Final = IMMEDIATES.index("function")
TYPE_TABLE: Final = IMMEDIATES.index("type table")
LOCAL: Final = IMMEDIATES.index("local")
GLOBAL: Final = IMMEDIATES.index("global")
TABLE: Final = IMMEDIATES.index("table")
MEMORY: Final = IMMEDIATES.index("memory")
MEMARG: Final = IMMEDIATES.index("memarg")
I32: Final = IMMEDIATES.index("i32")
I64: Final = IMMEDIATES.index("i64")
F32: Final = IMMEDIATES.index("f32")
F64: Final = IMMEDIATES.index("f64")
V128: Final = IMMEDIATES.index("v128")
HEAP_TYPE: Final = IMMEDIATES.index("heap type")
TYPE_ONLY: Final = IMMEDIATES.index("type")
DATA_MEMORY: Final = IMMEDIATES.index("data memory")
DATA: Final = IMMEDIATES.index("data")
MEMORY_MEMORY: Final = IMMEDIATES.index("memory memory")
ELEMENT_TABLE: Final = IMMEDIATES.index("element table")
ELEMENT: Final = IMMEDIATES.index("element")
TABLE_TABLE: Final = IMMEDIATES.index("table table")
LANE: Final = IMMEDIATES.index("lane")
MEMARG_LANE: Final = IMMEDIATES.index("memarg lane")
LANES: Final = IMMEDIATES.index("lanes")
ZERO: Final = IMMEDIATES.index("zero")
TAG: Final = IMMEDIATES.index("tag")
BLOCK_CATCHES: Final = IMMEDIATES.index("block catches")
REFERENCE_TYPE: Final = IMMEDIATES.index("reference type")
CAST: Final = IMMEDIATES.index("cast")
TYPE_FIELD: Final = IMMEDIATES.index("type field")
TYPE_COUNT: Final = IMMEDIATES.index("type count")
TYPE_DATA: Final = IMMEDIATES.index("type data")
TYPE_ELEMENT: Final = IMMEDIATES.index("type element")
TYPE_TYPE: Final = IMMEDIATES.index("type type")

IF: Final = KEYWORDS["if"]
SELECT: Final = KEYWORDS["select"]

VECTOR_SHAPES: Final = {
    I8X16: (16, 8, False),
    I16X8: (8, 16, False),
    I32X4: (4, 32, False),
    I64X2: (2, 64, False),
    F32X4: (4, 32, True),
    F64X2: (2, 64, True),
}
"""Keyword -> lanes, bits of a lane, whether they are floats."""

CATCH_KINDS: Final = {CATCH: 0, CATCH_REF: 1, CATCH_ALL: 2, CATCH_ALL_REF: 3}
"""Of the catches of a ``try_table``."""
CLOSING: Final = frozenset((ELSE, END, CATCH, CATCH_ALL, DELEGATE))
CLOSES: Final = {
    END: (FLAT_BLOCK, FLAT_CATCH_ALL, "no block to end here"),
    ELSE: (FLAT_IF, FLAT_IF, "no if without else here"),
    CATCH: (FLAT_TRY, FLAT_CATCH, "no try that goes on here"),
    CATCH_ALL: (FLAT_TRY, FLAT_CATCH, "no try that goes on here"),
    DELEGATE: (FLAT_TRY, FLAT_TRY, "no try without catches here"),
}
"""Keyword -> the first and the last kind of what it may close, or go on with; why not."""
WANTED: Final = {AFTER_THEN: "(else or )", FOLDED_TRY: "(do", AFTER_DO: "(catch, (catch_all, (delegate or )"}
"""Behind an arm, or before the first: what may come."""

END_BYTE: Final = b"\x0b"
ELSE_BYTE: Final = b"\x05"
SELECT_TYPED: Final = b"\x1c"
WITH_NULL: Final = {
    KEYWORDS[name]: operator_bytes(BY_MNEMONIC[f"{name} null"].code) for name in ("ref.test", "ref.cast")
}
"""Keyword of an operator with a reference type -> the operator where null is of that type."""
EMPTY_BLOCK_TYPE: Final = b"\x40"


@final
class InstructionReader:
    """Reads the instructions of one function or of one constant expression.

    Attributes:
        out: gets the instructions.
        uses_data: an instruction names a data segment, so that a data count is needed.
        label_names: number of the block, in the order they open -> name of its label.
    """

    def __init__(self, cursor: Cursor, definitions: Definitions, locals_: IndexSpace, out: BytesWriter) -> None:
        self.cursor = cursor
        self.definitions = definitions
        self.locals = locals_
        self.out = out
        self.uses_data = False
        self.label_names: dict[int, bytes] = {}
        self.blocks = 0
        # What is open, innermost last: kind, what is written when it closes, its label.
        self.kinds: list[int] = []
        self.pending: list[bytes] = []
        self.opened_labels: list[str | None] = []
        self.shadowed: list[int] = []  # what the label meant outside, or -1
        self.label_depth = 0
        self.label_levels: dict[str, int] = {}  # label -> its level, from 0

    def read(self, single: bool) -> None:
        """Read up to the ``)`` that closes none of the instructions, which stays.

        Args:
            single: read one folded instruction only.
        """
        cursor = self.cursor
        numbers = cursor.numbers
        out = self.out
        kinds = self.kinds
        while True:
            cursor.turn()
            number = numbers[cursor.at]
            innermost = kinds[-1] if kinds else -1
            if number == LEFT:
                cursor.at += 1
                number = numbers[cursor.at]
                if innermost >= FOLDED_CONDITION and self.arm(innermost, number):
                    continue
                if not FIRST_OPERATOR <= number < NUMBER_OF_KEYWORDS or number in CLOSING:
                    raise cursor.unexpected("an instruction")
                cursor.at += 1
                immediate = OPERATOR_IMMEDIATES[number]
                if immediate == NONE and number != SELECT:
                    encoded = OPERATOR_BYTES[number]
                elif immediate == BLOCK:
                    self.open_label()
                    encoded = OPERATOR_BYTES[number] + self.take_block_type()
                    if number == IF:
                        kinds.append(FOLDED_CONDITION)
                        self.pending.append(encoded)
                    elif number == TRY:
                        kinds.append(FOLDED_TRY)
                        self.pending.append(END_BYTE)
                        out.write(encoded)
                    else:
                        kinds.append(FOLDED_BLOCK)
                        self.pending.append(END_BYTE)
                        out.write(encoded)
                    continue
                elif immediate == BLOCK_CATCHES:
                    kinds.append(FOLDED_BLOCK)
                    self.pending.append(END_BYTE)
                    out.write(OPERATOR_BYTES[number] + self.take_try_table())
                    continue
                else:
                    encoded = self.encoded(number, immediate)
                if numbers[cursor.at] == RIGHT:
                    cursor.at += 1
                    out.write(encoded)
                    if single and not kinds:
                        return
                else:
                    kinds.append(FOLDED_PLAIN)
                    self.pending.append(encoded)
            elif number == RIGHT:
                if innermost < FOLDED_PLAIN:
                    if innermost < 0:
                        return
                    raise cursor.unexpected("an instruction or end")
                cursor.at += 1
                if innermost in BEHIND:
                    kinds[-1] = BEHIND[innermost]
                elif innermost == FOLDED_CONDITION or innermost == FOLDED_TRY:
                    cursor.at -= 1
                    raise cursor.unexpected("(then" if innermost == FOLDED_CONDITION else "(do")
                else:
                    kinds.pop()
                    out.write(self.pending.pop())
                    if innermost != FOLDED_PLAIN:
                        self.close_label()
                    if single and not kinds:
                        return
            elif FIRST_OPERATOR <= number < NUMBER_OF_KEYWORDS and (not single or innermost >= 0):
                if innermost == FOLDED_PLAIN or innermost == FOLDED_CONDITION:
                    raise cursor.unexpected("a folded instruction or )")
                if innermost > FOLDED_CONDITION:
                    raise cursor.unexpected("(do" if innermost == FOLDED_TRY else ")")
                cursor.at += 1
                immediate = OPERATOR_IMMEDIATES[number]
                if immediate != NONE:
                    if immediate == BLOCK:
                        self.open_label()
                        kinds.append(FLAT_IF if number == IF else FLAT_TRY if number == TRY else FLAT_BLOCK)
                        out.write(OPERATOR_BYTES[number] + self.take_block_type())
                    elif immediate == BLOCK_CATCHES:
                        kinds.append(FLAT_BLOCK)
                        out.write(OPERATOR_BYTES[number] + self.take_try_table())
                    elif number == CATCH or number == DELEGATE:
                        self.close_flat(number, innermost)
                    else:
                        out.write(self.encoded(number, immediate))
                elif number in CLOSING:
                    self.close_flat(number, innermost)
                elif number == SELECT:
                    out.write(self.encoded(number, immediate))
                else:
                    out.write(OPERATOR_BYTES[number])
            else:
                raise cursor.unexpected("an instruction or )")

    # --- blocks ------------------------------------------------------------------------
    def arm(self, innermost: int, keyword: int) -> bool:
        """Open an arm of a folded ``if``, at the word behind a parenthesis; False if it is none."""
        cursor = self.cursor
        if innermost == FOLDED_CONDITION:
            if keyword != THEN:
                return False
            self.out.write(self.pending[-1])
            self.pending[-1] = END_BYTE
            self.kinds[-1] = FOLDED_THEN
        elif innermost == AFTER_THEN and keyword == ELSE:
            self.out.write(ELSE_BYTE)
            self.kinds[-1] = FOLDED_ELSE
        elif innermost == FOLDED_TRY and keyword == DO:
            self.kinds[-1] = FOLDED_DO
        elif innermost == AFTER_DO and keyword == DELEGATE:
            cursor.at += 1
            self.pending[-1] = self.delegate()
            self.kinds[-1] = AFTER_LAST_ARM
            cursor.expect_right(")")
            return True
        elif (innermost == AFTER_DO or innermost == AFTER_CATCH) and (keyword == CATCH or keyword == CATCH_ALL):
            cursor.at += 1
            self.out.write(self.catch(keyword))
            self.kinds[-1] = FOLDED_CATCH if keyword == CATCH else FOLDED_CATCH_ALL
            return True
        else:
            raise cursor.unexpected(WANTED.get(innermost, ")"))
        cursor.at += 1
        return True

    def catch(self, keyword: int) -> bytes:
        """``catch`` or ``catch_all``, encoded; its tag is taken."""
        if keyword == CATCH_ALL:
            return OPERATOR_BYTES[keyword]
        return OPERATOR_BYTES[keyword] + index_bytes(self.definitions.tags.take_index(self.cursor))

    def delegate(self) -> bytes:
        """``delegate``, encoded; its label is taken: one of the blocks around the ``try``."""
        self.label_depth -= 1
        cursor = self.cursor
        start = cursor.at
        label = self.take_label()
        self.label_depth += 1
        if label < 0:
            cursor.at = start
            raise cursor.error(f"unknown label {shortened(cursor.spelling())}: it is that of the try itself")
        return OPERATOR_BYTES[DELEGATE] + index_bytes(label)

    def take_try_table(self) -> bytes:
        """The block type and the catches of a ``try_table``, encoded; their labels are those of blocks around it."""
        cursor = self.cursor
        start = cursor.at
        cursor.take_identifier()
        cursor.take_name_annotation()
        encoded = self.take_block_type()
        catches: list[bytes] = []
        while cursor.numbers[cursor.at] == LEFT:
            kind = CATCH_KINDS.get(cursor.numbers[cursor.at + 1], -1)
            if kind < 0:
                break
            cursor.turn()
            cursor.at += 2
            clause = bytes((kind,))
            if kind < FIRST_CATCH_ALL:
                clause += index_bytes(self.definitions.tags.take_index(cursor))
            catches.append(clause + index_bytes(self.take_label()))
            cursor.expect_right(")")
        end = cursor.at
        cursor.at = start
        self.open_label()
        cursor.at = end
        return encoded + vector(catches)

    def close_flat(self, number: int, innermost: int) -> None:
        """``else``, ``end``, ``catch``, ``catch_all`` or ``delegate``, which has been taken."""
        cursor = self.cursor
        if not CLOSES[number][0] <= innermost <= CLOSES[number][1]:
            cursor.at -= 1
            raise cursor.unexpected(CLOSES[number][2])
        if number == DELEGATE:
            self.kinds.pop()
            self.out.write(self.delegate())
            self.close_label()
            return
        if number == CATCH or number == CATCH_ALL:
            self.kinds[-1] = FLAT_CATCH if number == CATCH else FLAT_CATCH_ALL
            self.out.write(self.catch(number))
            return
        if cursor.spellings[cursor.numbers[cursor.at]].startswith("$"):
            label = cursor.take_identifier()
            opened = self.opened_labels[-1]
            if label != opened:
                found, wanted = shortened(label or ""), shortened(opened or "none")
                raise cursor.error(f"mismatching label {found}, the block has {wanted}", 1)
        if number == ELSE:
            self.kinds[-1] = FLAT_ELSE
            self.out.write(ELSE_BYTE)
            return
        self.kinds.pop()
        self.out.write(END_BYTE)
        self.close_label()

    def open_label(self) -> None:
        """Take the label of a block, if it has one."""
        label = self.cursor.take_identifier()
        self.opened_labels.append(label)
        if label is not None:
            self.shadowed.append(self.label_levels.get(label, -1))
            self.label_levels[label] = self.label_depth
            self.label_names[self.blocks] = label[1:].encode("utf-8", "replace")
        if self.cursor.numbers[self.cursor.at] == NAME_ANNOTATION:
            written = self.cursor.take_name_annotation()
            assert written is not None
            self.label_names[self.blocks] = written
        self.label_depth += 1
        self.blocks += 1

    def close_label(self) -> None:
        """Forget the innermost label."""
        self.label_depth -= 1
        label = self.opened_labels.pop()
        if label is not None:
            outer = self.shadowed.pop()
            if outer < 0:
                del self.label_levels[label]
            else:
                self.label_levels[label] = outer

    def take_label(self) -> int:
        """Take a label: its relative depth."""
        cursor = self.cursor
        number = cursor.numbers[cursor.at]
        spelling = cursor.spellings[number]
        if number >= NUMBER_OF_KEYWORDS and spelling[0] == "$":
            level = self.label_levels.get(spelling, -1)
            if level < 0:
                level = self.label_levels.get(cursor.canonical_identifier(spelling), -1)
                if level < 0:
                    raise cursor.error(f"unknown label {shortened(spelling)}")
            cursor.at += 1
            return self.label_depth - 1 - level
        return cursor.take_unsigned(32, "a label")

    def take_block_type(self) -> bytes:
        """Take a block type, encoded."""
        cursor = self.cursor
        if cursor.numbers[cursor.at] != LEFT:
            return EMPTY_BLOCK_TYPE
        following = cursor.numbers[cursor.at + 1]
        if following == TYPE:
            return signed_bytes(self.definitions.take_type_use(cursor, None))
        if following != RESULT and following != PARAM:
            return EMPTY_BLOCK_TYPE
        type_ = take_function_type(cursor, self.definitions.types, None)
        if type_.params or len(type_.results) > 1:
            return signed_bytes(self.definitions.index_of(type_))
        return value_type_bytes(type_.results[0]) if type_.results else EMPTY_BLOCK_TYPE

    # --- immediates --------------------------------------------------------------------
    def encoded(self, number: int, immediate: int) -> bytes:
        """An operator with its immediates, which are taken."""
        cursor = self.cursor
        definitions = self.definitions
        operator = OPERATOR_BYTES[number]
        if immediate == LOCAL:
            return operator + index_bytes(self.locals.take_index(cursor))
        if immediate == I32:
            value = cursor.take_integer(32)
            return operator + signed_bytes(value - (1 << 32) if value >> 31 else value)
        if immediate == MEMARG:
            return operator + self.take_memory_argument(OPERATOR_ACCESS[number])
        if immediate == LABEL:
            return operator + index_bytes(self.take_label())
        if immediate == FUNCTION:
            return operator + index_bytes(definitions.functions.take_index(cursor))
        if immediate == GLOBAL:
            return operator + index_bytes(definitions.globals.take_index(cursor))
        if immediate == I64:
            value = cursor.take_integer(64)
            return operator + signed_bytes(value - (1 << 64) if value >> 63 else value)
        if immediate == F32:
            return operator + cursor.take_float(32).to_bytes(4, "little")
        if immediate == F64:
            return operator + cursor.take_float(64).to_bytes(8, "little")
        if immediate == NONE:  # select
            if not cursor.opens(RESULT):
                return operator
            types: list[int] = []
            while cursor.take_opening(RESULT):
                take_value_types(cursor, definitions.types, types)
                cursor.expect_right("a value type or )")
            return SELECT_TYPED + value_type_vector(value_types(types))
        if immediate == TYPE_TABLE:
            table = definitions.tables.take_index(cursor) if cursor.has_index() else 0
            type_ = definitions.take_type_use(cursor, None)
            return operator + index_bytes(type_) + index_bytes(table)
        if immediate == LABELS:
            labels = [index_bytes(self.take_label())]
            while cursor.has_index():
                cursor.turn()
                labels.append(index_bytes(self.take_label()))
            return operator + index_bytes(len(labels) - 1) + b"".join(labels)
        if immediate == REFERENCE_TYPE:
            type_ = take_reference_type(cursor, definitions.types)
            if not type_ & NON_NULL:
                operator = WITH_NULL[number]
            return operator + heap_type_bytes(type_)
        return operator + self.rare_immediates(number, immediate)

    def rare_immediates(self, number: int, immediate: int) -> bytes:
        """The immediates of tables, references, bulk memory and vectors."""
        cursor = self.cursor
        definitions = self.definitions
        if immediate == V128:
            return self.take_vector()
        if immediate == LANE:
            return bytes((self.take_lane(),))
        if immediate == ZERO:
            return b"\x00"
        if immediate == MEMARG_LANE:
            memory_argument = self.take_memory_argument(OPERATOR_ACCESS[number], lane_follows=True)
            return memory_argument + bytes((self.take_lane(),))
        if immediate == LANES:
            written = cursor.literals()
            if written != 16:
                raise cursor.error(f"invalid lane length: {written} lanes, expected 16")
            lanes = bytearray()
            for _ in range(16):
                lane = unsigned(cursor.spellings[cursor.numbers[cursor.at]], 8)
                if not 0 <= lane < 256:
                    raise cursor.error("malformed lane index, expected 0 to 255")
                lanes.append(lane)
                cursor.at += 1
            return bytes(lanes)
        if immediate == TAG:
            return index_bytes(definitions.tags.take_index(cursor))
        if immediate == TABLE:
            return index_bytes(definitions.tables.take_index(cursor) if cursor.has_index() else 0)
        if immediate == MEMORY:
            return index_bytes(definitions.memories.take_index(cursor) if cursor.has_index() else 0)
        if immediate == HEAP_TYPE:
            return heap_type_bytes(take_heap_type(cursor, definitions.types))
        if immediate == TYPE_ONLY:
            return index_bytes(definitions.types.take_index(cursor))
        if immediate >= REFERENCE_TYPE:
            return self.object_immediates(immediate)
        if immediate == TABLE_TABLE:
            return self.take_two(definitions.tables)
        if immediate == MEMORY_MEMORY:
            return self.take_two(definitions.memories)
        if immediate == ELEMENT:
            return index_bytes(definitions.elements.take_index(cursor))
        if immediate == ELEMENT_TABLE:
            return self.take_segment(definitions.elements, definitions.tables)
        self.uses_data = True
        if immediate == DATA:
            return index_bytes(definitions.data.take_index(cursor))
        assert immediate == DATA_MEMORY
        return self.take_segment(definitions.data, definitions.memories)

    def object_immediates(self, immediate: int) -> bytes:
        """The immediates of structs, arrays and branches on casts."""
        cursor = self.cursor
        definitions = self.definitions
        if immediate == CAST:
            label = index_bytes(self.take_label())
            source = take_reference_type(cursor, definitions.types)
            target = take_reference_type(cursor, definitions.types)
            flags = (0 if source & NON_NULL else CAST_FROM_NULL) | (0 if target & NON_NULL else CAST_TO_NULL)
            return bytes((flags,)) + label + heap_type_bytes(source) + heap_type_bytes(target)
        type_index = definitions.types.take_index(cursor)
        encoded = index_bytes(type_index)
        if immediate == TYPE_FIELD:
            return encoded + index_bytes(definitions.take_field(cursor, type_index))
        if immediate == TYPE_COUNT:
            return encoded + index_bytes(cursor.take_unsigned(32, "a number of elements"))
        if immediate == TYPE_ELEMENT:
            return encoded + index_bytes(definitions.elements.take_index(cursor))
        if immediate == TYPE_TYPE:
            return encoded + index_bytes(definitions.types.take_index(cursor))
        assert immediate == TYPE_DATA
        self.uses_data = True
        return encoded + index_bytes(definitions.data.take_index(cursor))

    def take_two(self, space: IndexSpace) -> bytes:
        """Destination and source, both written or neither."""
        if not self.cursor.has_index():
            return b"\x00\x00"
        destination = space.take_index(self.cursor)
        return index_bytes(destination) + index_bytes(space.take_index(self.cursor))

    def take_segment(self, segments: IndexSpace, targets: IndexSpace) -> bytes:
        """A segment, with what it initializes before it if that is written; encoded the other way round."""
        cursor = self.cursor
        target = 0
        following = cursor.numbers[cursor.at + 1]
        if following >= NUMBER_OF_KEYWORDS and cursor.spellings[following][0] in "$0123456789":
            target = targets.take_index(cursor)
        return index_bytes(segments.take_index(cursor)) + index_bytes(target)

    def take_memory_argument(self, natural: int, lane_follows: bool = False) -> bytes:
        """``memory? offset=…? align=…?``; `natural` is the exponent when none is written."""
        cursor = self.cursor
        numbers = cursor.numbers
        spellings = cursor.spellings
        memory = 0
        if cursor.has_index():
            following = spellings[numbers[cursor.at + 1]]
            if not lane_follows or following[:1] in ("$", "o", "a") or following[:1].isdigit():
                memory = self.definitions.memories.take_index(cursor)
        offset = 0
        exponent = natural
        spelling = spellings[numbers[cursor.at]]
        if spelling.startswith("offset="):
            offset = unsigned(spelling[7:] or "?", 64)
            if offset == OUT_OF_RANGE:
                raise cursor.error(f"i64 constant out of range: {shortened(spelling)}")
            if offset == MALFORMED:
                raise cursor.unexpected("offset=…")
            cursor.at += 1
            spelling = spellings[numbers[cursor.at]]
        if spelling.startswith("align="):
            alignment = unsigned(spelling[6:] or "?", 64)
            if alignment == MALFORMED:
                raise cursor.unexpected("align=…")
            if alignment <= 0 or alignment & (alignment - 1):
                raise cursor.error(f"alignment must be a power of two: {shortened(spelling)}")
            exponent = alignment.bit_length() - 1
            cursor.at += 1
        if memory:
            return index_bytes(exponent | HAS_MEMORY_INDEX) + index_bytes(memory) + index_bytes(offset)
        return index_bytes(exponent) + index_bytes(offset)

    def take_lane(self) -> int:
        """Take the number of a lane."""
        cursor = self.cursor
        spelling = cursor.spellings[cursor.numbers[cursor.at]]
        value = unsigned(spelling, 8) if spelling else MALFORMED
        if value == OUT_OF_RANGE or value > 255:
            raise cursor.error(f"malformed lane index {shortened(spelling)}, expected 0 to 255")
        if value == MALFORMED:
            raise cursor.unexpected("a lane index")
        cursor.at += 1
        return value

    def take_vector(self) -> bytes:
        """Take a vector literal: its sixteen bytes."""
        cursor = self.cursor
        shape = VECTOR_SHAPES.get(cursor.numbers[cursor.at])
        if shape is None:
            raise cursor.unexpected("the shape of a vector: i8x16, i16x8, i32x4, i64x2, f32x4 or f64x2")
        cursor.at += 1
        lanes, bits, floats = shape
        value = bytearray()
        written = cursor.literals()
        if written != lanes:
            raise cursor.error(f"wrong number of lane literals: {written}, expected {lanes}")
        for _ in range(lanes):
            bits_of_lane = cursor.take_float(bits) if floats else cursor.take_integer(bits)
            value += bits_of_lane.to_bytes(bits // 8, "little")
        return bytes(value)
