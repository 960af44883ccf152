"""The control frames of a body: blocks opened, closed and branched to (appendix 7.3).

A frame remembers what its block was given and must leave, and what the backend will want
to know at its end: whether control arrives there, from above or by a branch. Labels are
numbered as live blocks open.

Nine words a frame, in one packed array; a frame is named by the place of its first word,
so that the innermost one is at `top` and the one around it at `top - FRAME_WORDS`. There
is no recursion: blocks nest as deep as the input says.

Long for one idea: whatever opens, closes or leaves a block, exceptions too, reads and writes the words of its frame.
"""

from __future__ import annotations

from librt.strings import read_i64_le
from librt.vecs import vec

from wasmer_runtime_core.errors import DecodeError
from wasmer_runtime_core.implementation_limits import BR_TABLE_TARGETS, LOOP_WRITES, NESTING
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.support.checkpoint import watched
from wasmer_runtime_core.wasm.binary.scan import BLOCK_EMPTY_BYTE, CATCHES, FIRST_CATCH_ALL
from wasmer_runtime_core.wasm.body.body import (
    CATCH_FALLS_THROUGH,
    CATCH_GIVES_EXCEPTION,
    CATCH_TAG_SHIFT,
    DELEGATE_SHIFT,
    END_FALLS_THROUGH,
    END_IS_TARGET,
    END_OF_IF_WITHOUT_ELSE,
)
from wasmer_runtime_core.wasm.module import ModuleInfo
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC, OPERATORS
from wasmer_runtime_core.wasm.reader import UNEXPECTED_END
from wasmer_runtime_core.wasm.subtyping import FORM_FUNCTION, is_reference
from wasmer_runtime_core.wasm.types import (
    EXNREF,
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
_BR: Final = BY_MNEMONIC["br"].code
_LOCAL_GET: Final = BY_MNEMONIC["local.get"].code
_LOCAL_SET: Final = BY_MNEMONIC["local.set"].code
_THROW_REF: Final = BY_MNEMONIC["throw_ref"].code
_TRY: Final = BY_MNEMONIC["try"].code
_CATCH: Final = BY_MNEMONIC["catch"].code
_CATCH_ALL: Final = BY_MNEMONIC["catch_all"].code
_TRY_TABLE: Final = BY_MNEMONIC["try_table"].code
_RETHROW_BYTE: Final = bytes((BY_MNEMONIC["rethrow"].code,))
assert max(_BLOCK, _LOOP, _IF, _ELSE) < min(_TRY, _CATCH, _CATCH_ALL, _TRY_TABLE)  # `close` tells them so

# --- a frame --------------------------------------------------------------------------------
FRAME_WORDS: Final = 9
OPCODE: Final = 0  # what opened the block, or its arm; the function's own frame counts as a block
SIGNATURE: Final = 1  # the module's types, then the short block types
HEIGHT: Final = 2  # operands below the frame
LABEL: Final = 3  # number in the records, or -1 in dead code
TARGETED: Final = 4  # a live branch goes to its end
POLYMORPHIC: Final = 5  # of the enclosing frame, kept
LOOP_NUMBER: Final = 6  # which loop of the body, or -1
LOGGED: Final = 7  # of a loop: writes logged before it; of a catch: its hidden local; of a try_table: its first clause
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
        exceptions: some body so far throws or catches.
        hidden_locals: of the body at hand, behind its declared ones: exceptions that may be thrown again.
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
        self.data_count: i64 = -1 if info.data_count is None else info.data_count
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
        # exceptions
        self.tag_types: vec[i64] = vec[i64](info.tags)
        self.exception_type: Final = packed_types((EXNREF | NON_NULL,))
        self.exceptions = False
        self.hidden_locals: i64 = 0
        self.first_hidden: i64 = 0
        self.catching: i64 = 0  # so many arms are open that catch
        self.rethrows: i64 = -1  # whether the body may: -1 until that is asked
        self.handlers: list[i64] = []  # frames whose catches are still to come, ascending
        self.clauses: list[i64] = []  # of try_tables that are open: kind, tag, frame of the target; three each
        self.delegated: i64 = 0

    def begin(self, type_index: i64, locals_: i64) -> None:
        """Open the frame of a function's own body."""
        self.top = -FRAME_WORDS
        self.label_count = 0
        if self.set_locals:
            self.set_locals = []
        self.hidden_locals = 0
        self.first_hidden = locals_
        self.rethrows = -1
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

    def signature(self) -> i64:
        """Read a block type."""
        reader = self.reader
        position = reader.position
        first: i64 = reader.data[position]
        short: i64 = SHORT_BLOCK_TYPE[first]
        if short != _NO_SHORT_BLOCK_TYPE:
            reader.position = position + 1
            return self.type_count + short
        if first in _LONG_TYPES:
            return self.long_signature(reader.value_type())
        signature = reader.s33()
        if signature < 0:
            raise reader.refused(DecodeError("malformed block type", position), "value type")
        self.need_function_type(signature)
        return signature

    def open(self) -> None:
        """``block``, ``loop``, ``if`` or ``try``."""
        self.enter(self.reader.operator, self.signature())

    def enter(self, code: i64, signature: i64) -> None:
        """Open a block of that kind."""
        operands = self.operands
        block_type = signature
        if signature >= self.type_count:
            short = signature - self.type_count
            if short < len(_SHORT_BLOCK_TYPES):
                block_type = (i64(_SHORT_BLOCK_TYPES[short]) & 0x7F) - 0x80
            else:
                block_type = (read_i64_le(self.results_of[signature], 0) & 0x7F) - 0x80
        if code == _IF:
            operands.pop(I32)
        params = self.params_of[signature]
        operands.pop_all(params)
        self.push(code, signature)
        if operands.live:
            self.label_count += 1
            self.frames[self.top + LABEL] = self.label_count
            self.writer.write(_TRY if code == _TRY_TABLE else code, self.label_count, block_type & 0xFFFF_FFFF)
            if code == _LOOP:
                self.open_loop()
        if code >= _TRY:
            self.handlers.append(self.top)
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

    def need_data_count(self) -> None:
        """Operators that name data segments may stand here (section 5.5.16)."""
        if self.data_count < 0:
            raise DecodeError("data count section required", self.reader.offset)

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
        code = frames[frame + OPCODE]
        if code >= _TRY:
            self.close_try(frame, code)
        flags: i64 = 0
        if operands.live:
            flags = END_FALLS_THROUGH
        if frames[frame + TARGETED] != 0:
            flags |= END_IS_TARGET
        if code == _IF:
            self.need_no_else(self.params_of[signature], results)
            flags |= END_OF_IF_WITHOUT_ELSE | END_IS_TARGET
        label = frames[frame + LABEL]
        if label >= 0:
            if frames[frame + LOOP_NUMBER] >= 0:
                self.close_loop(frame)
            operands.live = True
            self.writer.write(self.reader.operator, label, flags | self.delegated)
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

    # --- exceptions ---------------------------------------------------------------------------
    def open_try_table(self) -> None:
        """``try_table``: in the body a ``try``, whose arms branch to where its catches go."""
        reader = self.reader
        clauses = self.clauses
        signature = self.signature()
        first: i64 = len(clauses)
        count = reader.u32()
        code: i64 = _BLOCK
        while count > 0:
            code = _TRY_TABLE
            at = reader.skip(1)
            kind: i64 = reader.data[at]
            if kind >= len(CATCHES):
                raise DecodeError(f"malformed catch clause {kind:#04x}", at)
            tag: i64 = -1
            given = b""
            if kind < FIRST_CATCH_ALL:
                tag = reader.index(len(self.tag_types), "tag")
                given = self.params_of[self.tag_types[tag]]
            if kind & 1:
                given += self.exception_type
            target = self.target(reader.u32())
            self.need_to_fit(given, self.carried(target))
            clauses.append(kind)
            clauses.append(tag)
            clauses.append(target)
            count -= 1
        self.enter(code, signature)
        self.frames[self.top + LOGGED] = first

    def need_to_fit(self, given: bytes, carried: bytes) -> None:
        """What a catch gives is what its label takes."""
        self.operands.pass_values(len(given) >> TYPE_SHIFT)
        if given != carried:
            found, wanted = unpacked_types(given), unpacked_types(carried)
            if not self.operands.space.all_match(value_types(found), value_types(wanted)):
                self.reader.invalid(
                    f"type mismatch: a catch gives {type_names(found)}, its label takes {type_names(wanted)}"
                )

    def close_try(self, frame: i64, code: i64) -> None:
        """Before the end of what catches: a ``try_table`` gets its arms."""
        self.exceptions = True
        if code == _CATCH or code == _CATCH_ALL:
            self.catching -= 1
            return
        self.handlers.pop()
        if code == _TRY:
            return
        clauses = self.clauses
        frames = self.frames
        operands = self.operands
        first = frames[frame + LOGGED]
        at = first
        count: i64 = len(clauses)
        while frames[frame + LABEL] >= 0 and at < count:
            target = clauses[at + 2]
            self.write_arm(frame, clauses[at] < FIRST_CATCH_ALL, clauses[at + 1], clauses[at] & 1 != 0)
            arity: i64 = len(self.carried(target)) >> TYPE_SHIFT
            height = frames[frame + HEIGHT] + arity
            if height > operands.deepest:
                operands.deepest = height
            self.mark(target)
            self.writer.write(_BR | (arity << 16), frames[target + LABEL], frames[target + HEIGHT])
            operands.live = False
            at += 3
            if clauses[at - 3] >= FIRST_CATCH_ALL:
                break  # none behind it is ever asked
        del clauses[first:]

    def write_arm(self, frame: i64, tagged: bool, tag: i64, gives_exception: bool) -> None:
        """An arm begins that catches; it is reached if the block is."""
        operands = self.operands
        flags: i64 = 0
        if operands.live:
            flags = CATCH_FALLS_THROUGH
            self.frames[frame + TARGETED] = 1  # what came before jumps to the end
        if gives_exception:
            flags |= CATCH_GIVES_EXCEPTION
        operands.live = True
        code: i64 = _CATCH_ALL
        if tagged:
            code = _CATCH
            flags |= tag << CATCH_TAG_SHIFT
        self.writer.count_helper()
        self.writer.write(code, self.frames[frame + LABEL], flags)

    def catch(self) -> None:
        """``catch`` or ``catch_all``: an arm of a ``try``. Where the body may throw again, what it caught is kept."""
        reader = self.reader
        operands = self.operands
        code = reader.operator
        frame = self.top
        frames = self.frames
        before = frames[frame + OPCODE]
        if before != _TRY and before != _CATCH:
            raise DecodeError(f"END opcode expected: `{reader.mnemonic()}` without `try`", reader.offset)
        operands.empty(self.results_of[frames[frame + SIGNATURE]])
        params = b""
        tag: i64 = -1
        if code == _CATCH:
            tag = reader.index(len(self.tag_types), "tag")
            params = self.params_of[self.tag_types[tag]]
        if before == _TRY:
            self.handlers.pop()
            self.catching += 1
        if self.rethrows < 0:
            self.rethrows = 1 if reader.data.find(_RETHROW_BYTE, int(reader.position), int(reader.end)) >= 0 else 0
        hidden = self.first_hidden + self.catching - 1
        if frames[frame + LABEL] >= 0:
            self.write_arm(frame, code == _CATCH, tag, self.rethrows > 0)
        frames[frame + OPCODE] = code
        frames[frame + LOGGED] = hidden
        if self.set_locals:
            self.forget_locals(frame)
        operands.polymorphic = False
        operands.push_all(params)
        if operands.live and self.rethrows > 0:
            self.use_hidden(hidden)
            if operands.height + 1 > operands.deepest:
                operands.deepest = operands.height + 1
            if self.loops.stamp != 0 and self.loops.written_in[hidden] != self.loops.stamp:
                self.loops.write(hidden)
            self.writer.write(_LOCAL_SET | (EXNREF << 16), hidden, 0)

    def use_hidden(self, local: i64) -> None:
        """A hidden local is written or read."""
        count = local - self.first_hidden + 1
        if count > self.hidden_locals:
            self.hidden_locals = count
            self.loops.add(local)
        self.loops.uses[local] = self.loops.uses[local] + self.loops.weight

    def rethrow(self) -> None:
        """``rethrow``: throw what the arm that is meant has caught."""
        operands = self.operands
        frame = self.target(self.reader.u32())
        code = self.frames[frame + OPCODE]
        if code != _CATCH and code != _CATCH_ALL:
            self.reader.invalid("invalid rethrow label")
        if operands.live:
            hidden = self.frames[frame + LOGGED]
            self.use_hidden(hidden)
            if operands.height + 1 > operands.deepest:
                operands.deepest = operands.height + 1
            self.writer.write(_LOCAL_GET | (EXNREF << 16), hidden, 0)
            self.writer.count_helper()
            self.writer.write(_THROW_REF, 0, 0)
        operands.stop()

    def delegate(self) -> None:
        """``delegate``: the end of a ``try`` whose exceptions are those of a block around it."""
        reader = self.reader
        frame = self.top
        if self.frames[frame + OPCODE] != _TRY:
            raise DecodeError("END opcode expected: `delegate` without `try`", reader.offset)
        depth = reader.u32()
        outer = frame - (depth + 1) * FRAME_WORDS
        if outer < 0:
            reader.invalid(f"unknown label {depth}")
        handlers = self.handlers
        low: i64 = 0
        high: i64 = len(handlers)
        while low < high:  # the last one at `outer`, or around it
            middle = (low + high) >> 1
            if handlers[middle] <= outer:
                low = middle + 1
            else:
                high = middle
        if low > 0 and self.frames[frame + LABEL] >= 0:
            self.delegated = self.frames[handlers[low - 1] + LABEL] << DELEGATE_SHIFT
        self.close()
        self.delegated = 0

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
