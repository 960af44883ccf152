"""The control frames of a body: blocks opened, closed and branched to (appendix 7.3).

A frame remembers what its block was given and must leave, and what the backend will want
to know at its end: whether control arrives there, from above or by a branch. Labels are
numbered as live blocks open.

Nine words a frame, in one packed array; a frame is named by the place of its first word,
so that the innermost one is at `top` and the one around it at `top - FRAME_WORDS`. There
is no recursion: blocks nest as deep as the input says.
"""

from __future__ import annotations

from librt.strings import read_i64_le
from librt.vecs import vec

from wasmer_runtime_core.errors import DecodeError
from wasmer_runtime_core.implementation_limits import BR_TABLE_TARGETS, LOOP_WRITES, NESTING
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.support.checkpoint import watched
from wasmer_runtime_core.wasm.binary.scan import BLOCK_EMPTY_BYTE
from wasmer_runtime_core.wasm.body.body import END_FALLS_THROUGH, END_IS_TARGET, END_OF_IF_WITHOUT_ELSE
from wasmer_runtime_core.wasm.module import ModuleInfo
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC, OPERATORS
from wasmer_runtime_core.wasm.reader import UNEXPECTED_END
from wasmer_runtime_core.wasm.subtyping import FORM_FUNCTION, is_reference
from wasmer_runtime_core.wasm.types import (
    HEAP_TYPE_NUMBERS,
    I32,
    NON_NULL,
    NON_NULL_CODE,
    NULLABLE_CODE,
    VALUE_TYPE_CODES,
    value_types,
)
from wasmer_runtime_core.wasm.validation.body_reader import BodyReader
from wasmer_runtime_core.wasm.validation.loop_writes import LoopWrites
from wasmer_runtime_core.wasm.validation.operand_stack import OperandStack, type_names
from wasmer_runtime_core.wasm.validation.packed import TYPE_SHIFT, grown, packed_types, unpacked_types, zeros
from wasmer_runtime_core.wasm.validation.record_writer import RecordWriter

_BLOCK: Final = BY_MNEMONIC["block"].code
_LOOP: Final = BY_MNEMONIC["loop"].code
_IF: Final = BY_MNEMONIC["if"].code
_ELSE: Final = BY_MNEMONIC["else"].code

# --- a frame --------------------------------------------------------------------------------
FRAME_WORDS: Final = 9
OPCODE: Final = 0  # block, loop, if, else; the function's own frame counts as a block
SIGNATURE: Final = 1  # the module's types, then the short block types
HEIGHT: Final = 2  # operands below the frame
LABEL: Final = 3  # number in the records, or -1 in dead code
TARGETED: Final = 4  # a live branch goes to its end
POLYMORPHIC: Final = 5  # of the enclosing frame, kept
LOOP_NUMBER: Final = 6  # which loop of the body, or -1
LOGGED: Final = 7  # of a loop: writes logged before it
OUTER_LOOP: Final = 8  # of a loop: stamp of the one around it

_SHORT_BLOCK_TYPES: Final = (BLOCK_EMPTY_BYTE, *sorted(VALUE_TYPE_CODES.values()))
_NO_SHORT_BLOCK_TYPE: Final = 0xFF
_LONG_TYPES: Final = frozenset((NULLABLE_CODE, NON_NULL_CODE, *HEAP_TYPE_NUMBERS))
"""First bytes of value types that are more than their kind."""


def _short_block_type_table() -> bytes:
    """By first byte of a block type: its place in `_SHORT_BLOCK_TYPES`."""
    table = bytearray([_NO_SHORT_BLOCK_TYPE] * 256)
    for place, code in enumerate(_SHORT_BLOCK_TYPES):
        table[code] = place
    return bytes(table)


SHORT_BLOCK_TYPE: Final = _short_block_type_table()


@final
class ControlStack:
    """The frames of one body after another.

    Attributes:
        top: the innermost frame; negative once the function's own is closed.
        label_count: labels given out.
        params_of, results_of: by signature, packed.
    """

    def __init__(
        self, info: ModuleInfo, reader: BodyReader, operands: OperandStack, loops: LoopWrites, writer: RecordWriter
    ) -> None:
        self.reader: Final = reader
        self.operands: Final = operands
        self.loops: Final = loops
        self.writer: Final = writer
        self.most_targets: i64 = reader.most(BR_TABLE_TARGETS)
        self.deepest_frame: i64 = FRAME_WORDS * reader.most(NESTING)
        self.type_count: i64 = len(info.types)
        self.params_of: Final[list[bytes]] = []
        self.results_of: Final[list[bytes]] = []
        for type_ in watched(info.types):
            self.params_of.append(packed_types(type_.params))
            self.results_of.append(packed_types(type_.results))
        for code in _SHORT_BLOCK_TYPES:
            self.params_of.append(b"")
            self.results_of.append(b"" if code == BLOCK_EMPTY_BYTE else packed_types((code,)))
        self.long_types: dict[int, int] = {}  # signatures of blocks that have one result of more than its kind
        self.initialized: vec[i64] = zeros(0)  # by local: whether one that has to be set before it is read is
        self.set_locals: list[tuple[int, int]] = []  # those that were set: the frame it was in, the local
        self.frames: vec[i64] = zeros(FRAME_WORDS * 64)
        self.top: i64 = -FRAME_WORDS
        self.label_count: i64 = 0

    def begin(self, type_index: i64) -> None:
        """Open the frame of a function's own body."""
        self.top = -FRAME_WORDS
        self.label_count = 0
        if self.set_locals:
            self.set_locals = []
        self.push(_BLOCK, type_index)
        self.frames[LABEL] = 0

    # --- frames ---------------------------------------------------------------------------
    def push(self, code: i64, signature: i64) -> None:
        """A frame above the operands that are there."""
        operands = self.operands
        self.top += FRAME_WORDS
        frame = self.top
        if frame > self.deepest_frame:
            self.reader.exceeded(NESTING, frame // FRAME_WORDS)
        if frame + FRAME_WORDS > len(self.frames):
            self.frames = grown(self.frames, frame + FRAME_WORDS)
        frames = self.frames
        frames[frame + OPCODE] = code
        frames[frame + SIGNATURE] = signature
        frames[frame + HEIGHT] = operands.height
        frames[frame + LABEL] = -1
        frames[frame + TARGETED] = 0
        frames[frame + POLYMORPHIC] = 0
        if operands.polymorphic:
            frames[frame + POLYMORPHIC] = 1
        frames[frame + LOOP_NUMBER] = -1
        operands.floor = operands.height
        operands.polymorphic = False

    def open(self) -> None:
        """``block``, ``loop`` or ``if``."""
        reader = self.reader
        operands = self.operands
        code = reader.operator
        position = reader.position
        first: i64 = reader.data[position]
        short: i64 = SHORT_BLOCK_TYPE[first]
        if short != _NO_SHORT_BLOCK_TYPE:
            reader.position = position + 1
            signature = self.type_count + short
            block_type = (first & 0x7F) - 0x80
        else:
            if first in _LONG_TYPES:
                signature = self.long_signature(reader.value_type())
                block_type = (read_i64_le(self.results_of[signature], 0) & 0x7F) - 0x80
            else:
                signature = reader.s33()
                if signature < 0:
                    raise reader.refused(DecodeError("malformed block type", position), "value type")
                self.need_function_type(signature)
                block_type = signature
        if code == _IF:
            operands.pop(I32)
        params = self.params_of[signature]
        operands.pop_all(params)
        self.push(code, signature)
        if operands.live:
            self.label_count += 1
            self.frames[self.top + LABEL] = self.label_count
            self.writer.write(code, self.label_count, block_type & 0xFFFF_FFFF)
            if code == _LOOP:
                self.open_loop()
        if len(params) != 0:
            operands.push_all(params)

    def long_signature(self, type_: i64) -> i64:
        """The signature of a block with one result of this type."""
        known = self.long_types.get(int(type_), -1)
        if known < 0:
            known = self.long_types[int(type_)] = len(self.results_of)
            self.params_of.append(b"")
            self.results_of.append(packed_types((int(type_),)))
        return known

    def need_function_type(self, type_index: i64) -> None:
        """The index names a type of functions."""
        self.reader.need(type_index, self.type_count, "type")
        if self.reader.space.forms[type_index] != FORM_FUNCTION:
            self.reader.invalid(f"type mismatch: type {type_index} is no function type")

    def open_loop(self) -> None:
        """Keep in the frame what the loop's end needs."""
        frames = self.frames
        loops = self.loops
        frames[self.top + LOGGED] = loops.logged
        frames[self.top + OUTER_LOOP] = loops.stamp
        frames[self.top + LOOP_NUMBER] = loops.open()

    def else_(self) -> None:
        """The second arm of an ``if``."""
        operands = self.operands
        frame = self.top
        frames = self.frames
        if frames[frame + OPCODE] != _IF:
            raise DecodeError("END opcode expected: `else` without `if`", self.reader.offset)
        signature = frames[frame + SIGNATURE]
        operands.empty(self.results_of[signature])
        label = frames[frame + LABEL]
        if label >= 0:
            falls_through: i64 = 0
            if operands.live:
                falls_through = 1
                frames[frame + TARGETED] = 1  # the first arm jumps to the end
            operands.live = True
            self.writer.write(_ELSE, label, falls_through)
        frames[frame + OPCODE] = _ELSE
        if self.set_locals:
            self.forget_locals(frame)
        operands.polymorphic = False
        operands.push_all(self.params_of[signature])

    def close(self) -> None:
        """``end``."""
        operands = self.operands
        frame = self.top
        frames = self.frames
        signature = frames[frame + SIGNATURE]
        results = self.results_of[signature]
        operands.empty(results)
        flags: i64 = 0
        if operands.live:
            flags = END_FALLS_THROUGH
        if frames[frame + TARGETED] != 0:
            flags |= END_IS_TARGET
        if frames[frame + OPCODE] == _IF:
            self.need_no_else(self.params_of[signature], results)
            flags |= END_OF_IF_WITHOUT_ELSE | END_IS_TARGET
        label = frames[frame + LABEL]
        if label >= 0:
            if frames[frame + LOOP_NUMBER] >= 0:
                self.close_loop(frame)
            operands.live = True
            self.writer.write(self.reader.operator, label, flags)
            operands.live = flags != 0
        self.top = frame - FRAME_WORDS
        if frame == 0:
            return
        if self.set_locals:
            self.forget_locals(frame)
        operands.polymorphic = frames[frame + POLYMORPHIC] != 0
        operands.floor = frames[self.top + HEIGHT]
        if len(results) != 0:
            operands.push_all(results)
            if label >= 0:
                operands.measure()  # also where nothing arrives: a backend may push them all the same

    def close_loop(self, frame: i64) -> None:
        """List what a loop wrote."""
        frames = self.frames
        within_limits = self.loops.close(
            frames[frame + LOOP_NUMBER],
            frames[frame + LABEL],
            frames[frame + LOGGED],
            frames[frame + OUTER_LOOP],
            self.writer.pool,
        )
        if not within_limits:
            self.reader.exceeded(LOOP_WRITES, self.loops.listed)

    def need_no_else(self, params: bytes, results: bytes) -> None:
        """An ``if`` without ``else`` leaves what it found."""
        if params != results:
            given, left = unpacked_types(params), unpacked_types(results)
            if not self.operands.space.all_match(value_types(given), value_types(left)):
                self.reader.invalid(
                    f"type mismatch: an if without else turns {type_names(given)} into {type_names(left)}"
                )

    # --- locals that have no value to begin with ----------------------------------------------
    def set_local(self, local: i64) -> None:
        """One that has to be set before it is read is set, up to the end of the block."""
        if self.initialized[local] == 0:
            self.initialized[local] = 1
            self.set_locals.append((int(self.top), int(local)))

    def forget_locals(self, frame: i64) -> None:
        """What was set in the block, or arm, that ends is not set behind it."""
        set_locals = self.set_locals
        while set_locals and set_locals[-1][0] >= frame:
            self.initialized[set_locals.pop()[1]] = 0

    # --- branches -----------------------------------------------------------------------------
    def target(self, depth: i64) -> i64:
        """The frame `depth` blocks out."""
        frame = self.top - depth * FRAME_WORDS
        if frame < 0:
            self.reader.invalid(f"unknown label {depth}")
        return frame

    def carried(self, frame: i64) -> bytes:
        """The types that a branch to the frame carries."""
        signature = self.frames[frame + SIGNATURE]
        if self.frames[frame + OPCODE] == _LOOP:
            return self.params_of[signature]
        return self.results_of[signature]

    def mark(self, frame: i64) -> None:
        """A live branch goes to the frame's label."""
        if self.frames[frame + OPCODE] != _LOOP:
            self.frames[frame + TARGETED] = 1

    def write_branch(self, frame: i64, arity: i64) -> None:
        """The record of ``br`` or ``br_if``."""
        if self.operands.live:
            self.mark(frame)
            frames = self.frames
            self.writer.write(self.reader.operator | (arity << 16), frames[frame + LABEL], frames[frame + HEIGHT])

    def br(self) -> None:
        """Branch always."""
        frame = self.target(self.reader.u32())
        types = self.carried(frame)
        self.operands.expect(types)
        self.write_branch(frame, len(types) >> TYPE_SHIFT)
        self.operands.stop()

    def br_if(self) -> None:
        """Branch if the operand on top is not zero; what the label carries stays."""
        operands = self.operands
        depth = self.reader.u32()
        operands.pop(I32)
        frame = self.target(depth)
        types = self.carried(frame)
        if len(types) != 0 and not operands.expect(types):
            operands.pop_all(types)  # what was any operand, or of a subtype, has the label's type now
            operands.push_all(types)
        self.write_branch(frame, len(types) >> TYPE_SHIFT)

    def br_on_null(self) -> None:
        """Branch if the reference on top is null, without it; else it stays, and is not null."""
        operands = self.operands
        frame = self.target(self.reader.u32())
        found = operands.pop_reference()
        types = self.carried(frame)
        if len(types) != 0 and not operands.expect(types):
            operands.pop_all(types)
            operands.push_all(types)
        self.write_branch(frame, len(types) >> TYPE_SHIFT)
        operands.push(found | NON_NULL)

    def br_on_non_null(self) -> None:
        """Branch if the reference on top is not null, with it as the last value that the label takes."""
        reader = self.reader
        operands = self.operands
        frame = self.target(reader.u32())
        types = self.carried(frame)
        size = len(types)
        if size == 0:
            reader.invalid("type mismatch: br_on_non_null goes to a label that takes no reference")
        wanted = read_i64_le(types, size - 8)
        if not is_reference(wanted):
            reader.invalid(f"type mismatch: br_on_non_null goes to a label that takes {type_names([int(wanted)])} last")
        found = operands.pop_reference()
        operands.push(found | NON_NULL)
        exact = operands.expect(types)
        self.write_branch(frame, size >> TYPE_SHIFT)
        operands.pop_reference()
        if not exact and size > 8:
            before = types[: size - 8]
            operands.pop_all(before)
            operands.push_all(before)

    def br_table(self) -> None:
        """Branch to one of many labels, which all carry as many values as the default does."""
        reader = self.reader
        operands = self.operands
        writer = self.writer
        count = reader.u32()
        if count >= reader.end - reader.position:
            raise DecodeError(UNEXPECTED_END, reader.end)
        if count > self.most_targets:
            reader.exceeded(BR_TABLE_TARGETS, count)
        operands.pop(I32)
        start = reader.position
        at: i64 = 0
        while at < count:
            reader.u32()
            at += 1
        arity: i64 = len(self.carried(self.target(reader.u32()))) >> TYPE_SHIFT
        reader.position = start
        writer.write(reader.operator | (arity << 16), len(writer.pool) >> 2, count)
        checked: i64 = -1
        at = 0
        while at <= count:  # the default is the last
            frame = self.target(reader.u32())
            if frame != checked:
                types = self.carried(frame)
                if len(types) >> TYPE_SHIFT != arity:
                    reader.invalid("type mismatch: br_table's labels carry different numbers of values")
                operands.expect(types)
                checked = frame
            elif arity != 0:  # checked, and yet a way of its own for as many operands
                operands.pass_values(arity)
            if operands.live:
                self.mark(frame)
                writer.write_target(self.frames[frame + LABEL], self.frames[frame + HEIGHT])
            at += 1
        operands.stop()

    def need_own_results(self, type_index: i64) -> None:
        """A function of this type returns what the one at hand does."""
        given = self.results_of[type_index]
        own = self.results_of[self.frames[SIGNATURE]]
        if given != own:
            found, wanted = unpacked_types(given), unpacked_types(own)
            if not self.operands.space.all_match(value_types(found), value_types(wanted)):
                name = OPERATORS[int(self.reader.operator)].mnemonic
                self.reader.invalid(
                    f"type mismatch: {name} of a function that returns {type_names(found)}, "
                    f"in one that returns {type_names(wanted)}"
                )

    def return_(self) -> None:
        """Leave the function."""
        types = self.results_of[self.frames[SIGNATURE]]
        self.operands.expect(types)
        arity: i64 = len(types) >> TYPE_SHIFT
        self.writer.write(self.reader.operator | (arity << 16), 0, 0)
        self.operands.stop()
