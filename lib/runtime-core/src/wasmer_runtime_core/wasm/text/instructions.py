"""Instructions, flat and folded (specification, section 6.5), to the binary format.

One loop over the tokens and one stack of what is open, so that no nesting in the text
becomes nesting of calls. An entry of the stack is one of

* `FLAT_BLOCK`, `FLAT_IF`, `FLAT_ELSE`: ``block … end``; only ``end`` closes it;
* `FOLDED_PLAIN`: ``(i32.add …)``: the operator is encoded at once and written at ``)``;
* `FOLDED_BLOCK`: ``(block …)``: ``)`` writes ``end``;
* `FOLDED_CONDITION`: ``(if …`` before its ``(then``; `FOLDED_THEN`, `FOLDED_ELSE` inside of
  an arm, `AFTER_THEN` and `AFTER_ELSE` behind one.

Limits: the nesting of the text is bounded by memory alone.
"""

from __future__ import annotations

from librt.strings import BytesWriter

from wasmer_runtime_core.support.annotations import Final, final
from wasmer_runtime_core.support.printable import shortened
from wasmer_runtime_core.wasm.operators.rows import HAS_MEMORY_INDEX, IMMEDIATES
from wasmer_runtime_core.wasm.text.cursor import Cursor
from wasmer_runtime_core.wasm.text.definitions import (
    Definitions,
    IndexSpace,
    take_function_type,
    take_heap_type,
    take_value_types,
)
from wasmer_runtime_core.wasm.text.encoding import (
    heap_type_bytes,
    index_bytes,
    signed_bytes,
    value_type_bytes,
    value_type_vector,
)
from wasmer_runtime_core.wasm.text.keywords import (
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
    TYPE,
)
from wasmer_runtime_core.wasm.text.numerals import MALFORMED, OUT_OF_RANGE, unsigned
from wasmer_runtime_core.wasm.types import value_types

FLAT_BLOCK: Final = 0
FLAT_IF: Final = 1
FLAT_ELSE: Final = 2
FOLDED_PLAIN: Final = 3
FOLDED_BLOCK: Final = 4
FOLDED_CONDITION: Final = 5
FOLDED_THEN: Final = 6
AFTER_THEN: Final = 7
FOLDED_ELSE: Final = 8
AFTER_ELSE: Final = 9

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

END_BYTE: Final = b"\x0b"
ELSE_BYTE: Final = b"\x05"
SELECT_TYPED: Final = b"\x1c"
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
                if innermost >= FOLDED_CONDITION and innermost != FOLDED_THEN and innermost != FOLDED_ELSE:
                    if self.arm(innermost, number):
                        continue
                if not FIRST_OPERATOR <= number < NUMBER_OF_KEYWORDS or number == ELSE or number == END:
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
                    else:
                        kinds.append(FOLDED_BLOCK)
                        self.pending.append(END_BYTE)
                        out.write(encoded)
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
                if innermost <= FLAT_ELSE:
                    if innermost < 0:
                        return
                    raise cursor.unexpected("an instruction or end")
                cursor.at += 1
                if innermost == FOLDED_THEN:
                    kinds[-1] = AFTER_THEN
                elif innermost == FOLDED_ELSE:
                    kinds[-1] = AFTER_ELSE
                elif innermost == FOLDED_CONDITION:
                    cursor.at -= 1
                    raise cursor.unexpected("(then")
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
                if innermost == AFTER_THEN or innermost == AFTER_ELSE:
                    raise cursor.unexpected(")")
                cursor.at += 1
                immediate = OPERATOR_IMMEDIATES[number]
                if immediate != NONE:
                    if immediate == BLOCK:
                        self.open_label()
                        kinds.append(FLAT_IF if number == IF else FLAT_BLOCK)
                        out.write(OPERATOR_BYTES[number] + self.take_block_type())
                    else:
                        out.write(self.encoded(number, immediate))
                elif number == END or number == ELSE:
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
        else:
            raise cursor.unexpected("(else or )" if innermost == AFTER_THEN else ")")
        cursor.at += 1
        return True

    def close_flat(self, number: int, innermost: int) -> None:
        """``else`` or ``end``, which has been taken."""
        cursor = self.cursor
        if innermost < 0 or innermost > FLAT_ELSE or (number == ELSE and innermost != FLAT_IF):
            cursor.at -= 1
            raise cursor.unexpected("no block to end here" if number == END else "no if without else here")
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
        return operator + self.rare_immediates(number, immediate)

    def rare_immediates(self, number: int, immediate: int) -> bytes:
        """The immediates of tables, references, bulk memory and vectors."""
        cursor = self.cursor
        definitions = self.definitions
        if immediate == V128:
            return self.take_vector()
        if immediate == LANE:
            return bytes((self.take_lane(),))
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
        if immediate == TABLE:
            return index_bytes(definitions.tables.take_index(cursor) if cursor.has_index() else 0)
        if immediate == MEMORY:
            return index_bytes(definitions.memories.take_index(cursor) if cursor.has_index() else 0)
        if immediate == HEAP_TYPE:
            return heap_type_bytes(take_heap_type(cursor, definitions.types))
        if immediate == TYPE_ONLY:
            return index_bytes(definitions.types.take_index(cursor))
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
