"""The place in a function body, and the immediates that are read there (section 5.4).

The validator's fast tier reads single bytes itself, without asking whether the body has
ended; whatever is longer or rarer is read here, within bounds. The reader also knows the
operator at hand, which is what every message about a body begins with.
"""

from __future__ import annotations

from wasmer_runtime_core.errors import CompileError, DecodeError, ValidationError
from wasmer_runtime_core.implementation_limits import ImplementationLimits, Limit
from wasmer_runtime_core.support.annotations import Final, NoReturn, final, i64
from wasmer_runtime_core.wasm.binary.scan import read_cast_flags, read_heap_type, read_value_type
from wasmer_runtime_core.wasm.operators.rows import MEMARG_END, OPERATORS
from wasmer_runtime_core.wasm.operators.tables import LANES
from wasmer_runtime_core.wasm.reader import UNEXPECTED_END, Reader, signed, unsigned, unsigned_64
from wasmer_runtime_core.wasm.refusal import refused
from wasmer_runtime_core.wasm.subtyping import TypeSpace
from wasmer_runtime_core.wasm.types import VALUE_TYPE_NAMES, type_index


@final
class BodyReader:
    """Reads one body after another.

    Attributes:
        position: of what is read next, in the module.
        end: of the body.
        offset: of the operator at hand.
        operator: its code.
        function_index: whose body it is.
        limits: of the module.
        space: its types.
    """

    def __init__(self, data: bytes, limits: ImplementationLimits, space: TypeSpace) -> None:
        self.data: Final = data
        self.space: Final = space
        self.limits: Final = limits
        self.position: i64 = 0
        self.end: i64 = 0
        self.offset: i64 = 0
        self.operator: i64 = 0
        self.function_index: i64 = 0

    def begin(self, function_index: i64, start: i64, end: i64) -> None:
        """Turn to another body."""
        self.function_index = function_index
        self.position = start
        self.end = end
        self.offset = start
        self.operator = 0

    # --- integers ---------------------------------------------------------------------------
    def u32(self) -> i64:
        """Read an unsigned 32-bit integer."""
        position = self.position
        if position < self.end:
            value: i64 = self.data[position]
            if value < 0x80:
                self.position = position + 1
                return value
        value, self.position = unsigned(self.data, position, self.end)
        return value

    def s33(self) -> i64:
        """Read a signed 33-bit integer."""
        value, self.position = signed(self.data, self.position, self.end, 33)
        return value

    def s64(self) -> i64:
        """Read a signed 64-bit integer."""
        value, self.position = signed(self.data, self.position, self.end, 64)
        return value

    def skip(self, count: i64) -> i64:
        """Pass over `count` bytes; return the position of the first."""
        position = self.position
        if count > self.end - position:
            raise DecodeError(UNEXPECTED_END, position)
        self.position = position + count
        return position

    # --- immediates -------------------------------------------------------------------------
    def index(self, count: i64, space: str) -> i64:
        """Read an index into a space of `count` things."""
        index = self.u32()
        self.need(index, count, space)
        return index

    def need(self, index: i64, count: i64, space: str) -> None:
        """The index names something in its space."""
        if index >= count:
            self.invalid(f"unknown {space} {index}")

    def value_type(self) -> i64:
        """Read a value type."""
        at = self.skip(1)
        code: i64 = self.data[at]
        if code not in VALUE_TYPE_NAMES:
            self.position = at
            return self.other_type(False)
        return code

    def heap_type(self) -> i64:
        """Read a heap type: a nullable reference to it."""
        return self.other_type(True)

    def other_type(self, heap: bool) -> i64:
        """Read a value type that is more than its kind, or a heap type."""
        reader = Reader(self.data, self.position, self.end, self.function_index)
        read = read_heap_type(reader) if heap else read_value_type(reader)
        self.position = reader.position
        type_ = self.space.resolved(read)
        if type_ < 0:
            self.invalid(f"unknown type {type_index(read)}")
        return type_

    def cast_flags(self) -> i64:
        """Read which of the two types of a ``br_on_cast`` have null."""
        reader = Reader(self.data, self.position, self.end, self.function_index)
        flags = read_cast_flags(reader)
        self.position = reader.position
        return flags

    def alignment(self) -> i64:
        """Read the first part of a memory argument: the exponent of its alignment, perhaps with `HAS_MEMORY_INDEX`."""
        at = self.position
        alignment = self.u32()
        if alignment >= MEMARG_END:
            raise DecodeError("malformed memop flags", at)
        return alignment

    def memory_offset(self) -> i64:
        """Read the last part: the offset, of which 64 bits are a signed number here."""
        value, self.position = unsigned_64(self.data, self.position, self.end)
        return value

    def lane(self) -> i64:
        """Read the lane that the operator at hand chooses."""
        at = self.skip(1)
        lane: i64 = self.data[at]
        if lane >= LANES[self.operator]:
            self.invalid(f"invalid lane index {lane}")
        return lane

    # --- messages -----------------------------------------------------------------------------
    def most(self, limit: Limit) -> i64:
        """How many there may be in this module."""
        return self.limits.most(limit, len(self.data))

    def exceeded(self, limit: Limit, found: i64) -> NoReturn:
        """Refuse the operator at hand: with it there are more than there may be."""
        raise self.limits.exceeded(limit, found, self.offset, self.function_index, len(self.data))

    def refused(self, error: DecodeError, place: str) -> CompileError:
        """`error`, or, if it is about a proposal's, the error that names the proposal (`refusal.refused`)."""
        return refused(error, place, self.data, self.end, self.function_index)

    def mnemonic(self) -> str:
        """Of the operator at hand."""
        return OPERATORS[self.operator].word

    def invalid(self, reason: str) -> NoReturn:
        """Refuse the operator at hand."""
        raise ValidationError(reason, self.offset, self.function_index)
