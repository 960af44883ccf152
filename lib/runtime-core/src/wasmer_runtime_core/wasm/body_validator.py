"""One function body: bytes in, `Body` out (specification, sections 3.3, 3.4.1 and appendix 7.3).

The algorithm is the specification's own: a stack of operand types and a stack of control
frames, and a frame that is *polymorphic* once control cannot pass, so that any operands
may be taken from it. Along the way the body is decoded, and the records are written.

Two notions of what cannot run are kept apart. *Polymorphic* is the specification's and
decides what is valid: it ends with the block it began in. *Live* decides what is
written: code behind a block that nothing leaves is typed strictly, but is as dead as the
block's end. A block that opens dead leaves no record, and neither does anything in it.

Two tiers
---------
Real code is three quarters local variables, constants, memory accesses and arithmetic
(`run`): these are read with everything in local variables, one comparison of types and
two writes an operator. All else, every long immediate, and every operand that does not
lie there as the row says goes the long way, through methods that work on the validator's
fields and know the polymorphic rules and the messages. So the fast tier decides only what
is plainly right.

Reading past the body's end is not prevented for single bytes, only noticed: at the next
operator, or, when an error comes first, by `scan_body`, which whoever calls `validate`
runs over a body that failed.

Limits
------
No operand stack deeper than `MAX_OPERANDS` and no more than `MAX_FUNCTION_LOCALS` locals.
What loops write is listed in a number of words that is bounded by the body's size
(`LOOP_WRITES_PER_BYTE`): nested loops list a local once each, which would otherwise be
quadratic. Everything else grows with the input.
"""

from __future__ import annotations

from typing import Final, NoReturn, final

from librt.strings import BytesWriter, read_i32_le, read_i64_le, write_i32_le, write_i64_le
from librt.vecs import vec
from mypy_extensions import i32, i64

from wasmer_runtime_core.errors import DecodeError, ValidationError
from wasmer_runtime_core.wasm import operator_tables as shapes
from wasmer_runtime_core.wasm.body import (
    END_FALLS_THROUGH,
    END_IS_TARGET,
    END_OF_IF_WITHOUT_ELSE,
    Body,
)
from wasmer_runtime_core.wasm.decode import DecodedModule
from wasmer_runtime_core.wasm.operator_tables import BELOW, LANES, LARGEST_ALIGNMENT, LOWEST, RESULT, SHAPES, TOP
from wasmer_runtime_core.wasm.operators import BY_MNEMONIC, OPERATORS
from wasmer_runtime_core.wasm.reader import UNEXPECTED_END, signed, unsigned
from wasmer_runtime_core.wasm.scan import BLOCK_EMPTY_BYTE, MAX_LOCALS
from wasmer_runtime_core.wasm.types import EXTERNREF, FUNCREF, I32, VALUE_TYPE_CODES, VALUE_TYPE_NAMES

MAX_OPERANDS: Final = 1 << 20
MAX_FUNCTION_LOCALS: Final = 50_000
LOOP_WRITES_PER_BYTE: Final = 16
LOOP_WRITES_OF_SMALL_BODIES: Final = 1 << 16

_LOOP: Final = BY_MNEMONIC["loop"].code
_IF: Final = BY_MNEMONIC["if"].code
_ELSE: Final = BY_MNEMONIC["else"].code
_BLOCK: Final = BY_MNEMONIC["block"].code
_SELECT: Final = BY_MNEMONIC["select"].code
_MEMORY_GROW: Final = BY_MNEMONIC["memory.grow"].code

ANY: Final = 0  # the type of an operand that a polymorphic frame gave

# --- a control frame: ten words -----------------------------------------------------------
FRAME_WORDS: Final = 10
OPCODE: Final = 0  # block, loop, if, else; the function's own frame counts as a block
SIGNATURE: Final = 1  # index into signatures: the module's types, then the short block types
HEIGHT: Final = 2  # operands below the frame
LABEL: Final = 3  # number in the records, or -1 in dead code
TARGETED: Final = 4  # a live branch goes to its end
POLYMORPHIC: Final = 5  # of the enclosing frame, kept
LOOP_NUMBER: Final = 6  # which loop of the body, or -1
WRITES_START: Final = 7  # where this loop's writes begin in the log
OUTER_LOOP: Final = 8  # stamp of the enclosing loop, kept
OUTER_WEIGHT: Final = 9  # weight of the enclosing code, kept

_SHORT_BLOCK_TYPES: Final = (BLOCK_EMPTY_BYTE, *sorted(VALUE_TYPE_CODES.values()))
_NO_SHORT_BLOCK_TYPE: Final = 0xFF


def _short_block_type_table() -> bytes:
    """By first byte of a block type: its place in `_SHORT_BLOCK_TYPES`."""
    table = bytearray([_NO_SHORT_BLOCK_TYPE] * 256)
    for place, code in enumerate(_SHORT_BLOCK_TYPES):
        table[code] = place
    return bytes(table)


SHORT_BLOCK_TYPE: Final = _short_block_type_table()
INITIAL_WORDS: Final = 1024


def zeros(count: i64) -> vec[i64]:
    """A packed array of `count` zeros."""
    return vec[i64]([0] * count)


def grown(words: vec[i64], count: i64) -> vec[i64]:
    """The same words in an array of at least `count`, twice as long or more."""
    size: i64 = len(words) * 2
    if size < count:
        size = count
    larger = zeros(size)
    at: i64 = 0
    used: i64 = len(words)
    while at < used:
        larger[at] = words[at]
        at += 1
    return larger


def write_word(writer: BytesWriter, value: i64) -> None:
    """Append 32 bits, little-endian, of a signed or unsigned value."""
    write_i32_le(writer, i32(((value + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000))


def type_names(types: bytes) -> str:
    """``[i32 i64]``."""
    return "[" + " ".join("any" if code == ANY else VALUE_TYPE_NAMES[code] for code in types) + "]"


@final
class BodyValidator:
    """Validates one body after another of a module; keeps its stacks between them."""

    def __init__(self, module: DecodedModule) -> None:
        info = module.info
        self.data: Final = module.data
        self.has_data_count: Final = info.data_count is not None
        # what the module declares, flat
        self.type_count: i64 = len(info.types)
        self.params_of: list[bytes] = [type_.params for type_ in info.types]
        self.results_of: list[bytes] = [type_.results for type_ in info.types]
        for code in _SHORT_BLOCK_TYPES:
            self.params_of.append(b"")
            self.results_of.append(b"" if code == BLOCK_EMPTY_BYTE else bytes((code,)))
        self.functions: vec[i64] = vec[i64](info.functions)
        self.global_types: bytes = bytes([global_.value for global_ in info.globals])
        self.global_mutable: bytes = bytes([global_.mutable for global_ in info.globals])
        self.table_types: bytes = bytes([table.element for table in info.tables])
        self.element_types: bytes = bytes([segment.type for segment in info.elements])
        self.memory_count: i64 = len(info.memories)
        self.data_segments: i64 = 0 if info.data_count is None else info.data_count
        self.declared: frozenset[int] = frozenset(info.escaping)
        # the body at hand
        self.function_index: i64 = 0
        self.end: i64 = 0
        self.position: i64 = 0
        self.offset: i64 = 0  # of the operator at hand
        self.operator: i64 = 0  # its code
        self.local_types: bytes = b""
        self.weights: vec[i64] = zeros(INITIAL_WORDS)
        # operands
        self.stack: vec[i64] = zeros(INITIAL_WORDS)
        self.height: i64 = 0
        self.floor: i64 = 0  # height of the innermost frame
        self.max_height: i64 = 0
        # control
        self.frames: vec[i64] = zeros(FRAME_WORDS * 64)
        self.frame: i64 = -FRAME_WORDS  # where the innermost frame lies
        self.polymorphic: bool = False  # the innermost frame is
        self.live: bool = True
        self.label_count: i64 = 0
        # loops
        self.loop_depth: i64 = 0
        self.weight: i64 = 1  # 8 ** loop depth
        self.loop: i64 = 0  # stamp of the innermost live loop, 0 outside of loops
        self.last_stamp: i64 = 0
        self.written_in: vec[i64] = zeros(INITIAL_WORDS)  # by local: stamp of the loop that last logged it
        self.writes: vec[i64] = zeros(INITIAL_WORDS)  # the log: locals written, innermost loop last
        self.write_count: i64 = 0
        self.loop_words: vec[i64] = zeros(INITIAL_WORDS)
        self.loop_count: i64 = 0
        self.listed_writes: i64 = 0
        self.listed_writes_limit: i64 = 0
        # output
        self.records = BytesWriter()
        self.pool = BytesWriter()
        self.pool_words: i64 = 0
        self.call_weight: i64 = 0
        self.calls: i64 = 0
        self.memory_accesses: i64 = 0

    def validate(self, function_index: int, start: int, end: int) -> Body:
        """Check the body of a function and flatten it.

        Args:
            function_index: in the index space with imports.
            start, end: byte offsets of the code entry's body.

        Raises:
            DecodeError: the body is malformed.
            ValidationError: it is not valid. It may be malformed further on.
            IndexError: the module ends within the body.
        """
        type_index = self.functions[function_index]
        self.function_index = function_index
        self.position = start
        self.end = end
        self.offset = start
        self.read_locals(self.params_of[type_index])
        self.begin(type_index)
        self.run()
        return self.finish(type_index, start)

    # --- the beginning and the end of a body ------------------------------------------------
    def read_locals(self, params: bytes) -> None:
        """Read the declarations of locals; `params` are locals as well."""
        data = self.data
        types = params
        total: i64 = 0
        groups = self.immediate()
        while groups > 0:
            start = self.position
            count = self.immediate()
            total += count
            if total > MAX_LOCALS:
                raise DecodeError("too many locals", int(start))
            if self.position >= self.end:
                raise DecodeError(UNEXPECTED_END, int(self.position))
            code: i64 = data[self.position]
            if int(code) not in VALUE_TYPE_NAMES:
                raise DecodeError(f"malformed value type {int(code):#04x}", int(self.position))
            self.position += 1
            if total <= MAX_FUNCTION_LOCALS:
                types += bytes((int(code),)) * int(count)
            groups -= 1
        if total > MAX_FUNCTION_LOCALS:
            self.invalid(f"implementation limit: {int(total)} locals are more than {MAX_FUNCTION_LOCALS}")
        self.local_types = types

    def begin(self, type_index: i64) -> None:
        """Empty the stacks and open the function's own frame."""
        local_count: i64 = len(self.local_types)
        if local_count > len(self.weights):
            self.weights = grown(self.weights, local_count)
            self.written_in = grown(self.written_in, local_count)
        at: i64 = 0
        while at < local_count:
            self.weights[at] = 0
            at += 1
        self.height = 0
        self.floor = 0
        self.max_height = 0
        self.frame = -FRAME_WORDS
        self.polymorphic = False
        self.live = True
        self.label_count = 0
        self.loop_depth = 0
        self.weight = 1
        self.loop = 0
        self.write_count = 0
        self.loop_count = 0
        self.listed_writes = 0
        self.listed_writes_limit = LOOP_WRITES_OF_SMALL_BODIES + LOOP_WRITES_PER_BYTE * (self.end - self.position)
        self.records.truncate(0)
        self.pool.truncate(0)
        self.pool_words = 0
        self.call_weight = 0
        self.calls = 0
        self.memory_accesses = 0
        self.reserve(0)
        self.open(_BLOCK, type_index)

    def finish(self, type_index: i64, start: i64) -> Body:
        weights = BytesWriter()
        at: i64 = 0
        local_count: i64 = len(self.local_types)
        while at < local_count:
            weight = self.weights[at]
            write_word(weights, 0xFFFF_FFFF if weight > 0xFFFF_FFFF else weight)
            at += 1
        loops = BytesWriter()
        at = 0
        while at < 3 * self.loop_count:
            write_word(loops, self.loop_words[at])
            at += 1
        return Body(
            function_index=self.function_index,
            type_index=type_index,
            offset=start,
            size=self.end - start,
            local_types=self.local_types,
            records=self.records.getvalue(),
            pool=self.pool.getvalue(),
            loops=loops.getvalue(),
            max_stack=self.max_height,
            label_count=self.label_count,
            local_weights=weights.getvalue(),
            call_weight=self.call_weight,
            calls=self.calls,
            memory_accesses=self.memory_accesses,
        )

    # --- the fast tier --------------------------------------------------------------------
    def run(self) -> None:
        """Read operator after operator, up to the function's `end`."""
        data = self.data
        end = self.end
        local_types = self.local_types
        local_count: i64 = len(local_types)
        weights = self.weights
        records = self.records
        has_memory = self.memory_count > 0
        stack = self.stack
        position = self.position
        height = self.height
        floor = self.floor
        live = self.live
        weight = self.weight
        while position < end:
            offset = position
            code: i64 = data[position]
            shape: i64 = SHAPES[code]
            position += 1
            if shape == shapes.LOCAL_GET:
                index: i64 = data[position]
                position += 1
                if index >= 0x80:
                    index, position = unsigned(data, position - 1, end)
                if index >= local_count:
                    self.offset = offset
                    self.invalid(f"unknown local {int(index)}")
                type_: i64 = local_types[index]
                stack[height] = type_
                height += 1
                if live:
                    if height > self.max_height:
                        self.max_height = height
                    weights[index] = weights[index] + weight
                    write_i64_le(records, code | (type_ << 16) | (index << 32))
                    write_i64_le(records, offset << 32)
                continue
            if shape == shapes.I32_CONST:
                value: i64 = data[position]
                position += 1
                if value >= 0x80:
                    value, position = signed(data, position - 1, end, 32)
                elif value >= 0x40:
                    value -= 0x80
                stack[height] = I32
                height += 1
                if live:
                    if height > self.max_height:
                        self.max_height = height
                    write_i64_le(records, code | (value << 32))
                    write_i64_le(records, offset << 32)
                continue
            if shape == shapes.PLAIN:
                top: i64 = TOP[code]
                below: i64 = BELOW[code]
                if below == 0:
                    if height > floor and stack[height - 1] == top:
                        result: i64 = RESULT[code]
                        stack[height - 1] = result
                        if live:
                            write_i64_le(records, code)
                            write_i64_le(records, offset << 32)
                        continue
                elif height >= floor + 2 and stack[height - 1] == top and stack[height - 2] == below:
                    height -= 1
                    result = RESULT[code]
                    stack[height - 1] = result
                    if live:
                        write_i64_le(records, code)
                        write_i64_le(records, offset << 32)
                    continue
            elif shape == shapes.ACCESS:
                alignment: i64 = data[position]
                memory_offset: i64 = data[position + 1]
                if alignment <= LARGEST_ALIGNMENT[code] and memory_offset < 0x80 and has_memory:
                    position += 2
                else:
                    self.offset = offset
                    self.position = position
                    alignment = self.memory_alignment(code)
                    memory_offset = self.memory_offset()
                    position = self.position
                top = TOP[code]
                below = BELOW[code]
                if below == 0:
                    if height > floor and stack[height - 1] == top:
                        result = RESULT[code]
                        stack[height - 1] = result
                        if live:
                            self.memory_accesses += 1
                            write_i64_le(records, code | (alignment << 16) | (memory_offset << 32))
                            write_i64_le(records, offset << 32)
                        continue
                elif height >= floor + 2 and stack[height - 1] == top and stack[height - 2] == below:
                    height -= 2
                    if live:
                        self.memory_accesses += 1
                        write_i64_le(records, code | (alignment << 16) | (memory_offset << 32))
                        write_i64_le(records, offset << 32)
                    continue
                position = offset + 1
            elif shape == shapes.LOCAL_SET or shape == shapes.LOCAL_TEE:
                index = data[position]
                position += 1
                if index >= 0x80:
                    index, position = unsigned(data, position - 1, end)
                if index >= local_count:
                    self.offset = offset
                    self.invalid(f"unknown local {int(index)}")
                type_ = local_types[index]
                if height > floor and stack[height - 1] == type_:
                    if shape == shapes.LOCAL_SET:
                        height -= 1
                    if live:
                        weights[index] = weights[index] + weight
                        if self.loop != 0 and self.written_in[index] != self.loop:
                            self.log_write(index)
                        write_i64_le(records, code | (type_ << 16) | (index << 32))
                        write_i64_le(records, offset << 32)
                    continue
                position = offset + 1
            # the long way
            self.offset = offset
            self.operator = code
            self.position = position
            self.height = height
            self.step(shape)
            position = self.position
            if self.frame < 0:
                if position != end:
                    raise DecodeError("END opcode expected: instructions follow the function's end", int(position))
                return
            height = self.height
            floor = self.floor
            live = self.live
            weight = self.weight
            stack = self.stack
        if position > end:
            raise DecodeError(UNEXPECTED_END, int(end))
        raise DecodeError("END opcode expected", int(end))

    # --- the long way: one operator ---------------------------------------------------------
    def step(self, shape: i64) -> None:
        """Read the immediates of the operator at hand, type it and write its record."""
        code = self.operator
        if shape == shapes.BR_IF:
            self.br_if()
        elif shape == shapes.END:
            self.close()
        elif shape == shapes.CALL:
            self.call()
        elif shape == shapes.BR:
            frame = self.target(self.immediate())
            types = self.label_types(frame)
            self.expect(types)
            if self.live:
                self.branch_record(frame, types)
            self.stop()
        elif shape == shapes.BLOCK:
            self.block()
        elif shape == shapes.GLOBAL_GET:
            index = self.index(len(self.global_types), "global")
            type_: i64 = self.global_types[index]
            self.push(type_)
            self.record(code | (type_ << 16), index, 0)
        elif shape == shapes.GLOBAL_SET:
            index = self.index(len(self.global_types), "global")
            if self.global_mutable[index] == 0:
                self.invalid(f"global is immutable: {int(index)}")
            type_ = self.global_types[index]
            self.pop(type_)
            self.record(code | (type_ << 16), index, 0)
        elif shape == shapes.I64_CONST:
            value, self.position = signed(self.data, self.position, self.end, 64)
            self.apply()
            self.wide_record(value)
        elif shape == shapes.F32_CONST:
            value = i64(read_i32_le(self.data, self.skip(4)))
            self.apply()
            self.record(code, value, 0)
        elif shape == shapes.F64_CONST:
            value = read_i64_le(self.data, self.skip(8))
            self.apply()
            self.wide_record(value)
        elif shape == shapes.PLAIN:
            self.apply()
            self.record(code, 0, 0)
        elif shape == shapes.ACCESS:
            alignment = self.memory_alignment(code)
            memory_offset = self.memory_offset()
            self.apply()
            self.access_record(code | (alignment << 16), memory_offset)
        elif shape == shapes.LOCAL_SET or shape == shapes.LOCAL_TEE:
            # the fast tier met an operand that is not there as it should be
            index = self.index(len(self.local_types), "local")
            type_ = self.local_types[index]
            self.pop(type_)
            if shape == shapes.LOCAL_TEE:
                self.push(type_)
        elif shape == shapes.SELECT:
            self.select()
        elif shape == shapes.DROP:
            type_ = self.pop_any()
            self.record(code | (type_ << 16), 0, 0)
        elif shape == shapes.RETURN:
            types = self.results_of[self.frames[SIGNATURE]]
            self.expect(types)
            arity: i64 = len(types)
            self.record(code | (arity << 16), 0, 0)
            self.stop()
        elif shape == shapes.ELSE:
            self.else_()
        elif shape == shapes.CALL_INDIRECT:
            self.call_indirect()
        elif shape == shapes.PREFIX:
            self.prefixed()
        elif shape == shapes.BR_TABLE:
            self.br_table()
        elif shape == shapes.UNREACHABLE:
            self.record(code, 0, 0)
            self.stop()
        elif shape == shapes.NOP:
            pass
        elif shape == shapes.ILLEGAL:
            raise DecodeError(f"illegal opcode {int(code):#04x}", int(self.offset))
        else:
            self.rare(shape)

    def prefixed(self) -> None:
        """An operator of two numbers: read the second, then go on as for any other."""
        prefix = self.operator
        sub_opcode = self.immediate()
        code = (0x100 if prefix == 0xFC else 0x200) + sub_opcode
        shape: i64 = shapes.ILLEGAL
        if sub_opcode < 0x100:
            shape = SHAPES[code]
        if shape == shapes.ILLEGAL:
            raise DecodeError(f"illegal opcode {int(prefix):#04x} {int(sub_opcode):#04x}", int(self.offset))
        self.operator = code
        if shape == shapes.PLAIN:
            self.apply()
            self.record(code, 0, 0)
        elif shape == shapes.ACCESS:
            alignment = self.memory_alignment(code)
            memory_offset = self.memory_offset()
            self.apply()
            self.access_record(code | (alignment << 16), memory_offset)
        else:
            self.rare(shape)

    def rare(self, shape: i64) -> None:
        """References, tables, bulk memory, lanes."""
        code = self.operator
        if shape == shapes.MEMORY:
            self.zero_byte()
            self.need_memory()
            self.apply()
            if code == _MEMORY_GROW:
                self.count_helper()
            self.record(code, 0, 0)
        elif shape == shapes.LANE:
            lane = self.lane(code)
            self.apply()
            self.record(code | (lane << 24), 0, 0)
        elif shape == shapes.LANE_ACCESS:
            alignment = self.memory_alignment(code)
            memory_offset = self.memory_offset()
            lane = self.lane(code)
            self.apply()
            self.access_record(code | (alignment << 16) | (lane << 24), memory_offset)
        elif shape == shapes.SHUFFLE:
            at = self.skip(16)
            for lane_index in self.data[at : at + 16]:
                if lane_index >= 32:
                    self.invalid(f"invalid lane index {lane_index}")
            self.apply()
            self.vector_record(at)
        elif shape == shapes.V128_CONST:
            at = self.skip(16)
            self.apply()
            self.vector_record(at)
        elif shape == shapes.SELECT_TYPED:
            self.select_typed()
        elif shape == shapes.REF_NULL:
            at = self.skip(1)
            type_: i64 = self.data[at]
            if type_ != FUNCREF and type_ != EXTERNREF:
                raise DecodeError(f"malformed reference type {int(type_):#04x}", int(at))
            self.push(type_)
            self.record(code | (type_ << 16), 0, 0)
        elif shape == shapes.REF_IS_NULL:
            type_ = self.pop_any()
            if type_ != FUNCREF and type_ != EXTERNREF and type_ != ANY:
                self.invalid(f"type mismatch: ref.is_null needs a reference, not {VALUE_TYPE_NAMES[int(type_)]}")
            self.push(I32)
            self.record(code, 0, 0)
        elif shape == shapes.REF_FUNC:
            index = self.index(len(self.functions), "function")
            if int(index) not in self.declared:
                self.invalid(f"undeclared function reference {int(index)}")
            self.push(FUNCREF)
            self.record(code, index, 0)
        elif shape == shapes.MEMORY_FILL:
            self.zero_byte()
            self.need_memory()
            self.helper(0, 0)
        elif shape == shapes.MEMORY_COPY:
            self.zero_byte()
            self.zero_byte()
            self.need_memory()
            self.helper(0, 0)
        elif shape == shapes.MEMORY_INIT:
            index = self.immediate()
            self.zero_byte()
            self.need_data_segment(index, True)
            self.helper(index, 0)
        elif shape == shapes.DATA_DROP:
            index = self.immediate()
            self.need_data_segment(index, False)
            self.helper(index, 0)
        else:
            self.table_operator(shape)

    def table_operator(self, shape: i64) -> None:
        """The operators of section 3.3.6."""
        code = self.operator
        if shape == shapes.TABLE_GET:
            index = self.index(len(self.table_types), "table")
            self.pop(I32)
            self.push(self.table_types[index])
            self.helper(index, 0)
        elif shape == shapes.TABLE_SET:
            index = self.index(len(self.table_types), "table")
            self.pop(self.table_types[index])
            self.pop(I32)
            self.helper(index, 0)
        elif shape == shapes.TABLE_SIZE:
            index = self.index(len(self.table_types), "table")
            self.apply()
            self.record(code, index, 0)
        elif shape == shapes.TABLE_GROW:
            index = self.index(len(self.table_types), "table")
            self.pop(I32)
            self.pop(self.table_types[index])
            self.push(I32)
            self.helper(index, 0)
        elif shape == shapes.TABLE_FILL:
            index = self.index(len(self.table_types), "table")
            self.pop(I32)
            self.pop(self.table_types[index])
            self.pop(I32)
            self.helper(index, 0)
        elif shape == shapes.TABLE_COPY:
            to = self.index(len(self.table_types), "table")
            from_ = self.index(len(self.table_types), "table")
            if self.table_types[to] != self.table_types[from_]:
                self.invalid("type mismatch: table.copy between tables of different types")
            self.helper(to, from_)
        elif shape == shapes.TABLE_INIT:
            segment = self.immediate()
            index = self.index(len(self.table_types), "table")
            self.need(segment, len(self.element_types), "elem segment")
            if self.table_types[index] != self.element_types[segment]:
                self.invalid("type mismatch: table.init from a segment of another type")
            self.helper(segment, index)
        else:  # elem.drop
            segment = self.index(len(self.element_types), "elem segment")
            self.helper(segment, 0)

    # --- control ----------------------------------------------------------------------------
    def block(self) -> None:
        """``block``, ``loop`` or ``if``."""
        code = self.operator
        position = self.position
        first: i64 = self.data[position]
        short: i64 = SHORT_BLOCK_TYPE[first]
        if short != _NO_SHORT_BLOCK_TYPE:
            self.position = position + 1
            signature = self.type_count + short
            block_type = (first & 0x7F) - 0x80
        else:
            signature, self.position = signed(self.data, position, self.end, 33)
            if signature < 0:
                raise DecodeError("malformed block type", int(position))
            if signature >= self.type_count:
                self.invalid(f"unknown type {int(signature)}")
            block_type = signature
        if code == _IF:
            self.pop(I32)
        params = self.params_of[signature]
        if len(params) != 0:
            self.expect(params)
            self.drop(len(params))
        self.record(code, self.label_count + 1, block_type & 0xFFFF_FFFF)
        self.open(code, signature)

    def open(self, code: i64, signature: i64) -> None:
        """Push a control frame, and its parameters."""
        self.frame += FRAME_WORDS
        frame = self.frame
        if frame + FRAME_WORDS > len(self.frames):
            self.frames = grown(self.frames, frame + FRAME_WORDS)
        frames = self.frames
        frames[frame + OPCODE] = code
        frames[frame + SIGNATURE] = signature
        frames[frame + HEIGHT] = self.height
        frames[frame + TARGETED] = 0
        frames[frame + POLYMORPHIC] = 1 if self.polymorphic else 0
        frames[frame + LOOP_NUMBER] = -1
        self.floor = self.height
        self.polymorphic = False
        if not self.live:
            frames[frame + LABEL] = -1
        elif frame == 0:
            frames[frame + LABEL] = 0
        else:
            self.label_count += 1
            frames[frame + LABEL] = self.label_count
            if code == _LOOP:
                self.open_loop()
        if code == _BLOCK and frame == 0:
            return  # parameters of a function are locals, not operands
        params = self.params_of[signature]
        if len(params) != 0:
            self.push_all(params)

    def else_(self) -> None:
        frame = self.frame
        frames = self.frames
        if frames[frame + OPCODE] != _IF:
            raise DecodeError("END opcode expected: `else` without `if`", int(self.offset))
        signature = frames[frame + SIGNATURE]
        self.leave(self.results_of[signature])
        label = frames[frame + LABEL]
        if label >= 0:
            falls_through: i64 = 1 if self.live else 0
            if self.live:
                frames[frame + TARGETED] = 1  # the first arm jumps to the end
            self.live = True
            self.record(_ELSE, label, falls_through)
        frames[frame + OPCODE] = _ELSE
        self.polymorphic = False
        self.push_all(self.params_of[signature])

    def close(self) -> None:
        """``end``."""
        frame = self.frame
        frames = self.frames
        opcode = frames[frame + OPCODE]
        signature = frames[frame + SIGNATURE]
        results = self.results_of[signature]
        self.leave(results)
        label = frames[frame + LABEL]
        flags: i64 = 0
        if self.live:
            flags = END_FALLS_THROUGH
        if frames[frame + TARGETED] != 0:
            flags |= END_IS_TARGET
        if opcode == _IF:
            if self.params_of[signature] != results:
                self.invalid(
                    f"type mismatch: an if without else turns {type_names(self.params_of[signature])} "
                    f"into {type_names(results)}"
                )
            flags |= END_OF_IF_WITHOUT_ELSE | END_IS_TARGET
        if label >= 0:
            if frames[frame + LOOP_NUMBER] >= 0:
                self.close_loop(frame)
            records = self.records
            write_i64_le(records, self.operator | (label << 32))
            write_i64_le(records, flags | (self.offset << 32))
            self.live = flags != 0
        self.frame = frame - FRAME_WORDS
        if frame == 0:
            return
        self.polymorphic = frames[frame + POLYMORPHIC] != 0
        self.floor = frames[frame - FRAME_WORDS + HEIGHT]
        if len(results) != 0:
            self.push_all(results)
            if label >= 0 and self.height > self.max_height:  # also where nothing arrives
                self.max_height = self.height

    def leave(self, results: bytes) -> None:
        """The operands above the frame are exactly `results`; take them off."""
        count: i64 = len(results)
        if self.height - self.floor > count:
            self.mismatch_at_end(results)
        if count != 0:
            self.expect(results)
        elif self.height != self.floor:
            self.mismatch_at_end(results)
        self.height = self.floor

    def stop(self) -> None:
        """Control does not pass: the rest of the frame is polymorphic and dead."""
        self.height = self.floor
        self.polymorphic = True
        self.live = False

    def target(self, depth: i64) -> i64:
        """The frame `depth` blocks out."""
        frame = self.frame - depth * FRAME_WORDS
        if frame < 0:
            self.invalid(f"unknown label {int(depth)}")
        return frame

    def label_types(self, frame: i64) -> bytes:
        """What a branch to the frame carries."""
        signature = self.frames[frame + SIGNATURE]
        if self.frames[frame + OPCODE] == _LOOP:
            return self.params_of[signature]
        return self.results_of[signature]

    def branch_record(self, frame: i64, types: bytes) -> None:
        """Write ``br`` or ``br_if``; only from live code."""
        frames = self.frames
        if frames[frame + OPCODE] != _LOOP:
            frames[frame + TARGETED] = 1
        arity: i64 = len(types)
        self.record(self.operator | (arity << 16), frames[frame + LABEL], frames[frame + HEIGHT])

    def br_if(self) -> None:
        depth = self.immediate()
        self.pop(I32)
        frame = self.target(depth)
        types = self.label_types(frame)
        if len(types) != 0:
            self.expect(types)
            if self.polymorphic:
                self.drop(len(types))
                self.push_all(types)
        if self.live:
            self.branch_record(frame, types)

    def br_table(self) -> None:
        count = self.immediate()
        self.pop(I32)
        if count >= self.end - self.position:
            raise DecodeError(UNEXPECTED_END, int(self.end))
        first = self.position
        at: i64 = 0
        while at <= count:  # the default is the last
            depth = self.immediate()
            at += 1
        frame = self.target(depth)
        arity: i64 = len(self.label_types(frame))
        behind = self.position
        self.position = first
        if self.live:
            self.record(self.operator | (arity << 16), self.pool_words, count)
        checked: i64 = -1
        at = 0
        while at <= count:
            frame = self.target(self.immediate())
            if frame != checked:
                types = self.label_types(frame)
                if len(types) != arity:
                    self.invalid("type mismatch: br_table's labels carry different numbers of values")
                self.expect(types)
                checked = frame
            if self.live:
                if self.frames[frame + OPCODE] != _LOOP:
                    self.frames[frame + TARGETED] = 1
                write_word(self.pool, self.frames[frame + LABEL])
                write_word(self.pool, self.frames[frame + HEIGHT])
                self.pool_words += 2
            at += 1
        self.position = behind
        self.stop()

    # --- calls ------------------------------------------------------------------------------
    def call(self) -> None:
        index = self.index(len(self.functions), "function")
        type_index = self.functions[index]
        self.invoke(type_index)
        self.record(self.operator, index, type_index)

    def call_indirect(self) -> None:
        type_index = self.immediate()
        table = self.index(len(self.table_types), "table")
        if self.table_types[table] != FUNCREF:
            self.invalid(f"type mismatch: call_indirect through table {int(table)}, which holds no functions")
        self.need(type_index, self.type_count, "type")
        self.pop(I32)
        self.invoke(type_index)
        self.record(self.operator, type_index, table)

    def invoke(self, type_index: i64) -> None:
        """Arguments for results."""
        params = self.params_of[type_index]
        if len(params) != 0:
            self.expect(params)
            self.drop(len(params))
        results = self.results_of[type_index]
        if len(results) != 0:
            self.push_all(results)
        if self.live:
            self.calls += 1
            self.call_weight += self.weight

    # --- parametric -------------------------------------------------------------------------
    def select(self) -> None:
        self.pop(I32)
        second = self.pop_any()
        first = self.pop_any()
        if first == ANY:
            first = second
        if second != ANY and first != second:
            self.invalid(f"type mismatch: select between {type_names(bytes((int(first), int(second))))}")
        if first == FUNCREF or first == EXTERNREF:
            self.invalid("type mismatch: select of references needs its type written")
        self.push(first)
        self.record(self.operator | (first << 16), 0, 0)

    def select_typed(self) -> None:
        count = self.immediate()
        at = self.skip(count)
        for code in self.data[at : at + count]:
            if code not in VALUE_TYPE_NAMES:
                raise DecodeError(f"malformed value type {code:#04x}", int(at))
        if count != 1:
            self.invalid("invalid result arity")
        type_: i64 = self.data[at]
        self.pop(I32)
        self.pop(type_)
        self.pop(type_)
        self.push(type_)
        self.record(_SELECT | (type_ << 16), 0, 0)

    # --- loops: what they write -----------------------------------------------------------
    def open_loop(self) -> None:
        frames = self.frames
        frame = self.frame
        frames[frame + LOOP_NUMBER] = self.loop_count
        frames[frame + WRITES_START] = self.write_count
        frames[frame + OUTER_LOOP] = self.loop
        frames[frame + OUTER_WEIGHT] = self.weight
        self.loop_count += 1
        if 3 * self.loop_count > len(self.loop_words):
            self.loop_words = grown(self.loop_words, 3 * self.loop_count)
        self.last_stamp += 1
        self.loop = self.last_stamp
        self.loop_depth += 1
        if self.loop_depth <= 4:
            self.weight = self.weight * 8

    def log_write(self, index: i64) -> None:
        """A local is written in the innermost loop for the first time since an inner loop ended."""
        self.written_in[index] = self.loop
        if self.write_count >= len(self.writes):
            self.writes = grown(self.writes, self.write_count + 1)
        self.writes[self.write_count] = index
        self.write_count += 1

    def close_loop(self, frame: i64) -> None:
        """List the locals the loop writes, each once; they stay logged for the loop around it."""
        frames = self.frames
        self.last_stamp += 1
        stamp = self.last_stamp
        writes = self.writes
        written_in = self.written_in
        pool = self.pool
        start = frames[frame + WRITES_START]
        kept = start
        at = start
        while at < self.write_count:
            index = writes[at]
            at += 1
            if written_in[index] != stamp:
                written_in[index] = stamp
                writes[kept] = index
                kept += 1
                write_word(pool, index)
        count = kept - start
        self.listed_writes += count
        if self.listed_writes > self.listed_writes_limit:
            self.invalid("implementation limit: loops nest too deep for the locals they write")
        entry = 3 * frames[frame + LOOP_NUMBER]
        self.loop_words[entry] = frames[frame + LABEL]
        self.loop_words[entry + 1] = self.pool_words
        self.loop_words[entry + 2] = count
        self.pool_words += count
        self.loop = frames[frame + OUTER_LOOP]
        self.write_count = kept if self.loop != 0 else 0
        self.weight = frames[frame + OUTER_WEIGHT]
        self.loop_depth -= 1

    # --- operands ---------------------------------------------------------------------------
    def push(self, type_: i64) -> None:
        self.stack[self.height] = type_
        self.height += 1
        if self.live and self.height > self.max_height:
            self.max_height = self.height

    def push_all(self, types: bytes) -> None:
        count: i64 = len(types)
        self.reserve(count)
        stack = self.stack
        height = self.height
        at: i64 = 0
        while at < count:
            type_: i64 = types[at]
            stack[height] = type_
            height += 1
            at += 1
        self.height = height
        if self.live and height > self.max_height:
            self.max_height = height

    def pop_any(self) -> i64:
        """Take one operand off, whatever its type."""
        if self.height == self.floor:
            if not self.polymorphic:
                self.invalid(f"type mismatch: {self.name()} needs an operand, the stack is empty")
            return ANY
        self.height -= 1
        return self.stack[self.height]

    def pop(self, type_: i64) -> None:
        """Take one operand of this type off."""
        if self.height == self.floor:
            if not self.polymorphic:
                self.mismatch(bytes((int(type_),)))
            return
        found = self.stack[self.height - 1]
        if found != type_ and found != ANY:
            self.mismatch(bytes((int(type_),)))
        self.height -= 1

    def drop(self, count: i64) -> None:
        """Take operands off that were seen to be there, or that a polymorphic frame gives."""
        height = self.height - count
        self.height = self.floor if height < self.floor else height

    def expect(self, types: bytes) -> None:
        """The topmost operands have these types. They stay."""
        stack = self.stack
        at = self.height
        left: i64 = len(types)
        while left > 0:
            left -= 1
            if at == self.floor:
                if self.polymorphic:
                    return
                self.mismatch(types)
            at -= 1
            found = stack[at]
            type_: i64 = types[left]
            if found != type_ and found != ANY:
                self.mismatch(types)

    def apply(self) -> None:
        """Type an operator by its row."""
        code = self.operator
        type_: i64 = TOP[code]
        if type_ != 0:
            self.pop(type_)
            type_ = BELOW[code]
            if type_ != 0:
                self.pop(type_)
                type_ = LOWEST[code]
                if type_ != 0:
                    self.pop(type_)
        type_ = RESULT[code]
        if type_ != 0:
            self.push(type_)

    def reserve(self, count: i64) -> None:
        """Make room for `count` operands, and one for each byte that is left of the body."""
        if self.height + count > MAX_OPERANDS:
            self.invalid(f"implementation limit: more than {MAX_OPERANDS} operands on the stack")
        needed = self.height + count + self.end - self.position + 1
        if needed > len(self.stack):
            self.stack = grown(self.stack, needed)

    # --- immediates -------------------------------------------------------------------------
    def immediate(self) -> i64:
        """Read an unsigned 32-bit integer."""
        position = self.position
        if position < self.end:
            value: i64 = self.data[position]
            if value < 0x80:
                self.position = position + 1
                return value
        value, self.position = unsigned(self.data, position, self.end)
        return value

    def index(self, count: i64, space: str) -> i64:
        """Read an index into a space of `count` things."""
        index = self.immediate()
        self.need(index, count, space)
        return index

    def need(self, index: i64, count: i64, space: str) -> None:
        if index >= count:
            self.invalid(f"unknown {space} {int(index)}")

    def need_memory(self) -> None:
        if self.memory_count == 0:
            self.invalid("unknown memory 0")

    def need_data_segment(self, index: i64, memory: bool) -> None:
        if not self.has_data_count:
            raise DecodeError("data count section required", int(self.offset))
        if memory:
            self.need_memory()
        self.need(index, self.data_segments, "data segment")

    def skip(self, count: i64) -> i64:
        """Pass over `count` bytes; return the position of the first."""
        position = self.position
        if count > self.end - position:
            raise DecodeError(UNEXPECTED_END, int(position))
        self.position = position + count
        return position

    def zero_byte(self) -> None:
        at = self.skip(1)
        if self.data[at] != 0:
            raise DecodeError("zero byte expected", int(at))

    def memory_alignment(self, code: i64) -> i64:
        """Read the first half of a memory argument: the exponent of its alignment."""
        at = self.position
        alignment = self.immediate()
        if alignment >= 32:
            raise DecodeError("malformed memop flags", int(at))
        self.need_memory()
        if alignment > LARGEST_ALIGNMENT[code]:
            self.invalid("alignment must not be larger than natural")
        return alignment

    def memory_offset(self) -> i64:
        """Read the second half: the offset, as a signed word."""
        offset = self.immediate()
        return offset - 0x1_0000_0000 if offset >= 0x8000_0000 else offset

    def lane(self, code: i64) -> i64:
        at = self.skip(1)
        lane: i64 = self.data[at]
        if lane >= LANES[code]:
            self.invalid(f"invalid lane index {int(lane)}")
        return lane

    # --- records ------------------------------------------------------------------------------
    def record(self, word: i64, a: i64, b: i64) -> None:
        """Write a record, if the code is live. `a` is signed, `b` unsigned."""
        if self.live:
            records = self.records
            write_i64_le(records, word | (a << 32))
            write_i64_le(records, b | (self.offset << 32))

    def wide_record(self, value: i64) -> None:
        """Write a record with a 64-bit constant."""
        low = ((value + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
        self.record(self.operator, low, (value >> 32) & 0xFFFF_FFFF)

    def vector_record(self, at: i64) -> None:
        """Write a record whose 16 bytes, at `at`, go to the pool."""
        if self.live:
            self.record(self.operator, self.pool_words, 0)
            self.pool.write(self.data[at : at + 16])
            self.pool_words += 4

    def access_record(self, word: i64, memory_offset: i64) -> None:
        if self.live:
            self.memory_accesses += 1
            self.record(word, memory_offset, 0)

    def count_helper(self) -> None:
        """The operator becomes a call of a helper."""
        if self.live:
            self.call_weight += self.weight

    def helper(self, a: i64, b: i64) -> None:
        """Type by its row and write an operator that becomes a call of a helper."""
        self.apply()
        self.count_helper()
        self.record(self.operator, a, b)

    # --- what is wrong -----------------------------------------------------------------------
    def invalid(self, reason: str) -> NoReturn:
        raise ValidationError(reason, int(self.offset), int(self.function_index))

    def name(self) -> str:
        """Mnemonic of the operator at hand."""
        return OPERATORS[int(self.operator)].mnemonic

    def operands(self, count: i64) -> bytes:
        """The topmost operands of the frame, `count` at most."""
        at = self.height - count
        if at < self.floor:
            at = self.floor
        found = bytearray()
        while at < self.height:
            found.append(int(self.stack[at]))
            at += 1
        return bytes(found)

    def mismatch(self, types: bytes) -> NoReturn:
        found = type_names(self.operands(len(types)))
        self.invalid(f"type mismatch: {self.name()} needs {type_names(types)}, the stack holds {found}")

    def mismatch_at_end(self, results: bytes) -> NoReturn:
        found = type_names(self.operands(16))
        self.invalid(f"type mismatch: the block's results are {type_names(results)}, the stack holds {found}")
