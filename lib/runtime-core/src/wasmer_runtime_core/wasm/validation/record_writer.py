"""Writing the records of a body (`body` says what they hold), where the code is live.

Whoever asks for a record need not ask whether it can be reached: dead code leaves none,
and counts for nothing. Sixteen bytes are written as two 64-bit integers; the first field
is taken as a signed word, so that both halves fit whatever they hold, compiled or not.
"""

from __future__ import annotations

from librt.strings import BytesWriter, write_i64_le

from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.body.body import MOST_OFFSET
from wasmer_runtime_core.wasm.types import KIND
from wasmer_runtime_core.wasm.validation.body_reader import BodyReader
from wasmer_runtime_core.wasm.validation.loop_writes import LoopWrites
from wasmer_runtime_core.wasm.validation.operand_stack import OperandStack
from wasmer_runtime_core.wasm.validation.packed import write_word


@final
class RecordWriter:
    """Writes one body after another.

    Attributes:
        records, pool: as in `Body`.
        calls, call_weight, memory_accesses: as in `Body`.
    """

    def __init__(self, reader: BodyReader, operands: OperandStack, loops: LoopWrites) -> None:
        self.reader: Final = reader
        self.operands: Final = operands
        self.loops: Final = loops
        self.records: Final = BytesWriter()
        self.pool: Final = BytesWriter()
        self.calls: i64 = 0
        self.call_weight: i64 = 0
        self.memory_accesses: i64 = 0

    def begin(self) -> None:
        """Turn to another body."""
        self.records.truncate(0)
        self.pool.truncate(0)
        self.calls = 0
        self.call_weight = 0
        self.memory_accesses = 0

    def write(self, word: i64, a: i64, b: i64) -> None:
        """A record of the operator at hand; `word` is word 0, `a` is signed, `b` unsigned."""
        if self.operands.live:
            records = self.records
            write_i64_le(records, word | (a << 32))
            write_i64_le(records, b | (self.reader.offset << 32))

    def write_typed(self, type_: i64, index: i64) -> None:
        """An operator with a value type, of which it gets the kind, and an index or 0."""
        self.write(self.reader.operator | ((type_ & KIND) << 16), index, 0)

    def write_wide(self, value: i64) -> None:
        """A 64-bit constant."""
        low = ((value + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
        self.write(self.reader.operator, low, (value >> 32) & 0xFFFF_FFFF)

    def write_vector(self, at: i64) -> None:
        """An operator with the 16 bytes at `at` of the module."""
        if self.operands.live:
            pool = self.pool
            self.write(self.reader.operator, len(pool) >> 2, 0)
            pool.write(self.reader.data[at : at + 16])

    def write_access(self, word: i64, memory_offset: i64, memory: i64) -> None:
        """A load or store."""
        if self.operands.live:
            self.memory_accesses += 1
            if memory_offset < 0 or memory_offset > MOST_OFFSET:  # of 64 bits
                memory_offset = MOST_OFFSET
            low = ((memory_offset + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
            self.write(word, low, memory | (memory_offset >> 32) << 16)

    def write_target(self, label: i64, height: i64) -> None:
        """A target of ``br_table``, in the pool."""
        write_word(self.pool, label)
        write_word(self.pool, height)

    def count_call(self) -> None:
        """``call`` or ``call_indirect``."""
        if self.operands.live:
            self.calls += 1
            self.call_weight += self.loops.weight

    def count_helper(self) -> None:
        """The operator becomes a call of a helper."""
        if self.operands.live:
            self.call_weight += self.loops.weight
