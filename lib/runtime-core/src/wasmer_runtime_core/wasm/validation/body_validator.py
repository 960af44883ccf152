"""One function body: bytes in, `Body` out (specification, sections 3.3, 3.4.1 and appendix 7.3).

The algorithm is the specification's own: a stack of operand types (`operand_stack`), a
stack of control frames (`control_stack`), and a frame that is *polymorphic* once control cannot pass, so
that any operands may be taken from it. Along the way the body is decoded, and the records
are written.

Two notions of what cannot run are kept apart. *Polymorphic* is the specification's and
decides what is valid: it ends with the block it began in. *Live* decides what is
written: code behind a block that nothing leaves is typed strictly, but is as dead as the
block's end. A block that opens dead leaves no record, and neither does anything in it.

Two tiers
---------
Real code is three quarters local variables, constants, memory accesses and arithmetic
(`run`): these are read with everything in local variables, one comparison of types and
two writes an operator. All else, every long immediate, and every operand that does not
lie there as the row says goes the long way, through methods that know the polymorphic
rules and the messages. So the fast tier decides only what is plainly right.

Reading past the body's end is not prevented for single bytes, only noticed: at the next
operator, or, when an error comes first, by `scan_body`, which whoever calls `validate`
runs over a body that failed.

Limits
------
Everything grows with the input but for what a few bytes can ask for: locals, operands of
calls and branches, lists of what loops write. Those are bounded by `implementation_limits`,
for the whole module by its size, as are the depth of its blocks and its operands.

Long for one idea: each rule has its method, and the fast tier is one loop over local variables.
"""

from __future__ import annotations

from librt.strings import read_i32_le, read_i64_le, write_i64_le
from librt.vecs import vec

import wasmer_runtime_core.wasm.operators.tables as rules
from wasmer_runtime_core.errors import DecodeError
from wasmer_runtime_core.implementation_limits import LOCALS, LOOP_WRITES, MODULE_LOCALS, OPERANDS
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.wasm.binary.decode import DecodedModule
from wasmer_runtime_core.wasm.binary.scan import MAX_LOCALS, ZERO_EXPECTED
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.operators.rows import ATOMIC_PAGE, BY_MNEMONIC, HAS_MEMORY_INDEX
from wasmer_runtime_core.wasm.operators.tables import BELOW, HELPERS, LARGEST_ALIGNMENT, RESULT, RULES, TOP
from wasmer_runtime_core.wasm.reader import UNEXPECTED_END, signed, unsigned
from wasmer_runtime_core.wasm.subtyping import ANY, ANY_REFERENCE, TypeSpace, is_reference
from wasmer_runtime_core.wasm.types import (
    EXNREF,
    FUNCREF,
    I32,
    KIND,
    NON_NULL,
    ValueTypes,
    kinds,
    value_type_name,
)
from wasmer_runtime_core.wasm.validation.body_reader import BodyReader
from wasmer_runtime_core.wasm.validation.control_stack import ControlStack
from wasmer_runtime_core.wasm.validation.loop_writes import LoopWrites
from wasmer_runtime_core.wasm.validation.object_operators import ObjectOperators
from wasmer_runtime_core.wasm.validation.operand_stack import OperandStack, type_names
from wasmer_runtime_core.wasm.validation.packed import TYPE_SHIFT, zeros
from wasmer_runtime_core.wasm.validation.record_writer import RecordWriter

STRETCH: Final = 1 << 13
"""So many bytes are read between two checkpoints; a function counts for `OF_A_FUNCTION` more, four results for one."""

OF_A_FUNCTION: Final = 32

_SELECT: Final = BY_MNEMONIC["select"].code


@final
class BodyValidator:
    """Validates one body after another of a module; keeps its stacks between them."""

    def __init__(self, module: DecodedModule) -> None:
        info = module.info
        # what the module declares, flat
        self.functions: vec[i64] = vec[i64](info.functions)
        self.param_types: Final = [type_.params for type_ in info.types]
        self.global_types: vec[i64] = vec[i64]([global_.value for global_ in info.globals])
        self.global_mutable: Final = bytes([global_.mutable for global_ in info.globals])
        self.table_types: vec[i64] = vec[i64]([table.element for table in info.tables])
        self.element_types: vec[i64] = vec[i64]([segment.type for segment in info.elements])
        self.memory_count: i64 = len(info.memories)
        self.memory_index_types: vec[i64] = vec[i64]([memory.index_type for memory in info.memories])
        self.table_index_types: vec[i64] = vec[i64]([table.index_type for table in info.tables])
        self.first_is_narrow: bool = len(info.memories) > 0 and info.memories[0].index_type == I32
        self.declared: Final = frozenset(info.escaping)
        # the body at hand
        self.space: Final[TypeSpace] = module.types
        self.reader: Final = BodyReader(module.data, module.limits, module.types)
        self.operands: Final = OperandStack(self.reader, module.types)
        self.loops: Final = LoopWrites(self.reader.most(LOOP_WRITES))
        self.writer: Final = RecordWriter(self.reader, self.operands, self.loops)
        self.control: Final = ControlStack(info, self.reader, self.operands, self.loops, self.writer)
        self.objects: Final = ObjectOperators(info, self.reader, self.operands, self.control)
        self.memory: i64 = 0  # of the access at hand
        self.local_types: bytes = b""  # their kinds
        self.narrow_locals: i64 = 0  # so many in front are of no more than their kind
        self.whole_types: vec[i64] = zeros(0)  # of locals, where some are more
        self.most_locals: i64 = self.reader.most(LOCALS)
        self.module_locals: i64 = 0  # of the bodies so far
        self.most_module_locals: i64 = self.reader.most(MODULE_LOCALS)
        self.left: i64 = STRETCH  # until the next checkpoint

    def validate(self, function_index: int, start: int, end: int) -> Body:
        """Check the body of a function and flatten it.

        Args:
            function_index: in the index space with imports.
            start, end: byte offsets of the code entry's body.

        Raises:
            DecodeError: the body is malformed.
            UnsupportedFeatureError: it uses a feature that is not here.
            ValidationError: it is not valid. It may be malformed further on.
            IndexError: the module ends within the body.
        """
        type_index = self.functions[function_index]
        self.reader.begin(function_index, start, end)
        self.read_locals(self.param_types[type_index])
        self.begin(type_index)
        self.run()
        if self.operands.deepest > self.operands.most:
            self.reader.exceeded(OPERANDS, self.operands.deepest)
        writer = self.writer
        if self.control.hidden_locals > 0:
            self.local_types += bytes((EXNREF,)) * self.control.hidden_locals
        return Body(  # by position: by name it would cost twice as much
            function_index,
            type_index,
            start,
            end - start,
            self.local_types,
            writer.records.getvalue(),
            writer.pool.getvalue(),
            self.loops.loops(),
            self.operands.deepest,
            self.control.label_count,
            self.loops.weights(len(self.local_types)),
            writer.call_weight,
            writer.calls,
            writer.memory_accesses,
        )

    def read_locals(self, params: ValueTypes) -> None:
        """Read the declarations of locals (section 5.5.13); `params` are locals as well."""
        reader = self.reader
        groups = reader.u32()
        types = [params if isinstance(params, bytes) else kinds(params)]  # a call takes longer than the look
        narrow = isinstance(params, bytes)
        start_of_groups = reader.position
        total: i64 = 0
        while groups > 0:
            start = reader.position
            count = reader.u32()
            total += count
            if total > MAX_LOCALS:
                raise DecodeError("too many locals", start)
            code = reader.value_type()
            if code > KIND:
                narrow = False
            if total <= self.most_locals:
                types.append(bytes((code & KIND,)) * count)
            self.spend(2)
            groups -= 1
        total += len(params)
        if total > self.most_locals:
            reader.exceeded(LOCALS, total)
        self.module_locals += total
        if self.module_locals > self.most_module_locals:
            reader.exceeded(MODULE_LOCALS, self.module_locals)
        self.local_types = b"".join(types)
        self.narrow_locals = total
        if not narrow:
            self.keep_whole(params, start_of_groups)

    def keep_whole(self, params: ValueTypes, start: i64) -> None:
        """Keep the whole types of locals: of the parameters, and of the groups at `start`, which were read before."""
        reader = self.reader
        behind = reader.position
        reader.position = start
        self.whole_types = zeros(len(self.local_types))
        at: i64 = 0
        for type_ in params:
            self.whole_types[at] = type_
            at += 1
        while reader.position < behind:
            count = reader.u32()
            code = reader.value_type()
            while count > 0:
                self.whole_types[at] = code
                at += 1
                count -= 1
        at = 0
        while self.whole_types[at] <= KIND:
            at += 1
        self.narrow_locals = at
        self.control.initialized = zeros(len(self.local_types))
        at = 0
        while at < len(self.local_types):  # parameters are, and what has null
            if at < len(params) or self.whole_types[at] & NON_NULL == 0:
                self.control.initialized[at] = 1
            at += 1

    def begin(self, type_index: i64) -> None:
        """Empty the stacks and open the function's own frame."""
        self.operands.begin()
        self.loops.begin(len(self.local_types))
        self.writer.begin()
        self.control.begin(type_index, len(self.local_types))

    def run(self) -> None:
        """Read operator after operator, up to the function's `end`, with checkpoints."""
        reader = self.reader
        end = reader.end
        self.spend(OF_A_FUNCTION)
        while self.control.top >= 0:
            start = reader.position
            if start >= end:
                raise DecodeError(UNEXPECTED_END if start > end else "END opcode expected", end)
            stop = start + self.left
            self.read(end if stop > end else stop)
            self.spend(reader.position - start)
        if reader.position != end:
            raise DecodeError("END opcode expected: instructions follow the function's end", reader.position)

    def spend(self, work: i64) -> None:
        """So much of the way to the next checkpoint is behind us."""
        self.left -= work
        if self.left <= 0:
            checkpoint()
            self.left = STRETCH

    # --- the fast tier --------------------------------------------------------------------
    def read(self, stop: i64) -> None:
        """Read operators up to `stop`, or to the function's `end` before it."""
        reader = self.reader
        operands = self.operands
        loops = self.loops
        control = self.control
        writer = self.writer
        records = writer.records
        data = reader.data
        end = reader.end
        local_types = self.local_types
        narrow_locals = self.narrow_locals
        uses = loops.uses
        first_is_narrow = self.first_is_narrow
        stack = operands.types
        position = reader.position
        height = operands.height
        floor = operands.floor
        live = operands.live
        weight = loops.weight
        while position < stop:
            offset = position
            code: i64 = data[position]
            rule: i64 = RULES[code]
            position += 1
            if rule == rules.LOCAL_GET:
                index: i64 = data[position]
                position += 1
                if index >= 0x80:
                    index, position = unsigned(data, position - 1, end)
                if index < narrow_locals:
                    type_: i64 = local_types[index]
                    stack[height] = type_
                    height += 1
                    if live:
                        if height > operands.deepest:
                            operands.deepest = height
                        uses[index] = uses[index] + weight
                        write_i64_le(records, code | (type_ << 16) | (index << 32))
                        write_i64_le(records, offset << 32)
                    continue
                position = offset + 1
            elif rule == rules.I32_CONST:
                value: i64 = data[position]
                position += 1
                if value >= 0x80:
                    value, position = signed(data, position - 1, end, 32)
                elif value >= 0x40:
                    value -= 0x80
                stack[height] = I32
                height += 1
                if live:
                    if height > operands.deepest:
                        operands.deepest = height
                    write_i64_le(records, code | (value << 32))
                    write_i64_le(records, offset << 32)
                continue
            elif rule == rules.PLAIN:
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
            elif rule == rules.ACCESS:
                alignment: i64 = data[position]
                memory_offset: i64 = data[position + 1]
                if alignment <= LARGEST_ALIGNMENT[code] and memory_offset < 0x80 and first_is_narrow:
                    position += 2
                else:
                    reader.offset = offset
                    reader.operator = code
                    reader.position = position
                    if alignment >= HAS_MEMORY_INDEX or not first_is_narrow:
                        operands.height = height
                        self.access()
                        position = reader.position
                        height = operands.height
                        continue
                    alignment = self.alignment()
                    memory_offset = self.offset()
                    if memory_offset >= 0x8000_0000:
                        memory_offset -= 0x1_0000_0000
                    position = reader.position
                top = TOP[code]
                below = BELOW[code]
                if below == 0:
                    if height > floor and stack[height - 1] == top:
                        result = RESULT[code]
                        stack[height - 1] = result
                        if live:
                            writer.memory_accesses += 1
                            write_i64_le(records, code | (alignment << 16) | (memory_offset << 32))
                            write_i64_le(records, offset << 32)
                        continue
                elif height >= floor + 2 and stack[height - 1] == top and stack[height - 2] == below:
                    height -= 2
                    if live:
                        writer.memory_accesses += 1
                        write_i64_le(records, code | (alignment << 16) | (memory_offset << 32))
                        write_i64_le(records, offset << 32)
                    continue
                position = offset + 1
            elif rule == rules.LOCAL_SET or rule == rules.LOCAL_TEE:
                index = data[position]
                position += 1
                if index >= 0x80:
                    index, position = unsigned(data, position - 1, end)
                if index < narrow_locals:
                    type_ = local_types[index]
                    if height > floor and stack[height - 1] == type_:
                        if rule == rules.LOCAL_SET:
                            height -= 1
                        if live:
                            uses[index] = uses[index] + weight
                            if loops.stamp != 0 and loops.written_in[index] != loops.stamp:
                                loops.write(index)
                            write_i64_le(records, code | (type_ << 16) | (index << 32))
                            write_i64_le(records, offset << 32)
                        continue
                position = offset + 1
            # the long way
            reader.offset = offset
            reader.operator = code
            reader.position = position
            operands.height = height
            self.step(rule)
            position = reader.position
            if control.top < 0:
                return
            height = operands.height
            floor = operands.floor
            live = operands.live
            weight = loops.weight
            stack = operands.types
        reader.position = position
        operands.height = height

    # --- the long way: one operator ---------------------------------------------------------
    def step(self, rule: i64) -> None:
        """Read the immediates of the operator at hand, type it and write its record."""
        reader = self.reader
        operands = self.operands
        code = reader.operator
        if rule == rules.BR_IF:
            self.control.br_if()
        elif rule == rules.END:
            self.control.close()
        elif rule == rules.CALL:
            index = reader.index(len(self.functions), "function")
            type_index = self.functions[index]
            self.invoke(type_index)
            self.writer.write(code, index, type_index)
        elif rule == rules.BR:
            self.control.br()
        elif rule == rules.BLOCK:
            self.control.open()
        elif rule == rules.GLOBAL_GET:
            index = reader.index(len(self.global_types), "global")
            type_: i64 = self.global_types[index]
            operands.push(type_)
            self.writer.write_typed(type_, index)
        elif rule == rules.GLOBAL_SET:
            index = reader.index(len(self.global_types), "global")
            if self.global_mutable[index] == 0:
                reader.invalid(f"global is immutable: {index}")
            type_ = self.global_types[index]
            operands.pop(type_)
            self.writer.write_typed(type_, index)
        elif rule == rules.I64_CONST:
            value = reader.s64()
            operands.apply()
            self.writer.write_wide(value)
        elif rule == rules.F32_CONST:
            value = i64(read_i32_le(reader.data, reader.skip(4)))
            operands.apply()
            self.writer.write(code, value, 0)
        elif rule == rules.F64_CONST:
            value = read_i64_le(reader.data, reader.skip(8))
            operands.apply()
            self.writer.write_wide(value)
        elif rule == rules.PLAIN:
            operands.apply()
            self.writer.write(code, 0, 0)
        elif rule == rules.ACCESS:
            self.access()
        elif rule == rules.LOCAL_GET or rule == rules.LOCAL_SET or rule == rules.LOCAL_TEE:
            self.local(rule)
        elif rule == rules.SELECT:
            self.select()
        elif rule == rules.DROP:
            type_ = operands.pop_any()
            self.writer.write_typed(type_, 0)
        elif rule == rules.RETURN:
            self.control.return_()
        elif rule == rules.ELSE:
            self.control.else_()
        elif rule == rules.CALL_INDIRECT:
            self.call_indirect()
        elif rule == rules.PREFIX:
            self.prefixed()
        elif rule == rules.BR_TABLE:
            self.control.br_table()
        elif rule == rules.UNREACHABLE:
            self.writer.write(code, 0, 0)
            operands.stop()
        elif rule == rules.NOP:
            pass
        elif rule == rules.ILLEGAL:
            raise reader.refused(DecodeError(f"illegal opcode {code:#04x}", reader.offset), "operator")
        else:
            self.rare(rule)

    def prefixed(self) -> None:
        """An operator of two numbers: read the second, then go on as for any other."""
        reader = self.reader
        prefix = reader.operator
        sub_opcode = reader.u32()
        page: i64 = rules.PAGES[prefix]
        length: i64 = rules.LENGTHS[prefix]
        code = sub_opcode + (page << 8)
        rule: i64 = rules.ILLEGAL
        if sub_opcode < length << 8:
            rule = RULES[code]
        if rule == rules.ILLEGAL:
            error = DecodeError(f"illegal opcode {prefix:#04x} {sub_opcode:#04x}", reader.offset)
            raise reader.refused(error, "operator")
        reader.operator = code
        if rule == rules.PLAIN:
            self.operands.apply()
            self.writer.write(code, 0, 0)
        elif rule == rules.ACCESS:
            self.access()
        else:
            self.rare(rule)

    def rare(self, rule: i64) -> None:
        """Lanes, references, bulk memory; tables have their own."""
        reader = self.reader
        operands = self.operands
        code = reader.operator
        if rule == rules.MEMORY_SIZE:
            index = reader.index(self.memory_count, "memory")
            operands.push(self.memory_index_types[index])
            self.indexed(index, 0)
        elif rule == rules.MEMORY_GROW:
            index = reader.index(self.memory_count, "memory")
            operands.pop(self.memory_index_types[index])
            operands.push(self.memory_index_types[index])
            self.indexed(index, 0)
        elif rule == rules.LANE:
            lane = reader.lane()
            operands.apply()
            self.writer.write(code | (lane << 24), 0, 0)
        elif rule == rules.LANE_ACCESS:
            alignment = self.alignment()
            memory_offset = self.offset()
            lane = reader.lane()
            operands.apply_at(self.memory_index_types[self.memory])
            self.writer.write_access(code | (alignment << 16) | (lane << 24), memory_offset, self.memory)
        elif rule == rules.SHUFFLE:
            at = reader.skip(16)
            for lane_index in reader.data[at : at + 16]:
                if lane_index >= 32:
                    reader.invalid(f"invalid lane index {lane_index}")
            operands.apply()
            self.writer.write_vector(at)
        elif rule == rules.V128_CONST:
            at = reader.skip(16)
            operands.apply()
            self.writer.write_vector(at)
        elif rule == rules.SELECT_TYPED:
            self.select_typed()
        elif rule == rules.REF_NULL:
            type_ = reader.heap_type()
            operands.push(type_)
            self.writer.write_typed(type_, 0)
        elif rule == rules.REF_IS_NULL:
            operands.pop_reference()
            operands.push(I32)
            self.writer.write(code, 0, 0)
        elif rule == rules.REF_FUNC:
            index = reader.index(len(self.functions), "function")
            if index not in self.declared:
                reader.invalid(f"undeclared function reference {index}")
            operands.push(self.space.references[self.functions[index]] | NON_NULL)
            self.writer.write(code, index, 0)
        elif rule == rules.CALL_REF:
            type_index = self.referred_callee()
            self.invoke(type_index)
            self.writer.write(code, type_index, 0)
        elif rule == rules.REF_AS_NON_NULL:
            type_ = operands.pop_reference()
            operands.push(type_ | NON_NULL)
            self.writer.write_typed(type_, 0)
        elif rule == rules.BR_ON_NULL:
            self.control.br_on_null()
        elif rule == rules.BR_ON_NON_NULL:
            self.control.br_on_non_null()
        elif rule == rules.MEMORY_FILL:
            index = reader.index(self.memory_count, "memory")
            operands.pop(self.memory_index_types[index])
            operands.pop(I32)
            operands.pop(self.memory_index_types[index])
            self.indexed(index, 0)
        elif rule == rules.MEMORY_COPY:
            index = reader.index(self.memory_count, "memory")
            source = reader.index(self.memory_count, "memory")
            self.pop_ranges(self.memory_index_types[index], self.memory_index_types[source])
            self.indexed(index, source)
        elif rule == rules.MEMORY_INIT:
            segment = reader.u32()
            index = reader.u32()
            self.control.need_data_count()
            reader.need(index, self.memory_count, "memory")
            reader.need(segment, self.control.data_count, "data segment")
            self.pop_ranges(self.memory_index_types[index], I32)
            self.indexed(segment, index)
        elif rule == rules.DATA_DROP:
            index = reader.u32()
            self.control.need_data_count()
            reader.need(index, self.control.data_count, "data segment")
            self.indexed(index, 0)
        elif rule == rules.RETURN_CALL:
            index = reader.index(len(self.functions), "function")
            type_index = self.functions[index]
            self.call_in_place(type_index, index, type_index)
        elif rule == rules.RETURN_CALL_INDIRECT:
            type_index, index = self.indirect_callee()
            self.call_in_place(type_index, type_index, index)
        elif rule == rules.RETURN_CALL_REF:
            type_index = self.referred_callee()
            self.call_in_place(type_index, type_index, 0)
        elif rule == rules.FENCE:
            at = reader.skip(1)
            if reader.data[at] != 0:
                raise DecodeError(ZERO_EXPECTED, at)
            self.writer.write(code, 0, 0)
        elif rule >= rules.REF_EQ:
            self.objects.step(rule)
        elif rule >= rules.THROW:
            self.control.exceptions = True
            self.exception_operator(rule)
        else:
            self.table_operator(rule)

    def table_operator(self, rule: i64) -> None:
        """The operators of section 3.3.6."""
        reader = self.reader
        operands = self.operands
        tables: i64 = len(self.table_types)
        if rule == rules.TABLE_INIT:
            segment = reader.u32()
            index = reader.index(tables, "table")
            reader.need(segment, len(self.element_types), "elem segment")
            if not self.space.matches(self.element_types[segment], self.table_types[index]):
                reader.invalid("type mismatch: table.init from a segment of another type")
            self.pop_ranges(self.table_index_types[index], I32)
            self.indexed(segment, index)
            return
        if rule == rules.ELEM_DROP:
            self.indexed(reader.index(len(self.element_types), "elem segment"), 0)
            return
        index = reader.index(tables, "table")
        type_: i64 = self.table_types[index]
        index_type = self.table_index_types[index]
        if rule == rules.TABLE_GET:
            operands.pop(index_type)
            operands.push(type_)
            self.indexed(index, 0)
        elif rule == rules.TABLE_SET:
            operands.pop(type_)
            operands.pop(index_type)
            self.indexed(index, 0)
        elif rule == rules.TABLE_SIZE:
            operands.push(index_type)
            self.indexed(index, 0)
        elif rule == rules.TABLE_GROW:
            operands.pop(index_type)
            operands.pop(type_)
            operands.push(index_type)
            self.indexed(index, 0)
        elif rule == rules.TABLE_FILL:
            operands.pop(index_type)
            operands.pop(type_)
            operands.pop(index_type)
            self.indexed(index, 0)
        else:  # table.copy
            source = reader.index(tables, "table")
            if not self.space.matches(self.table_types[source], type_):
                reader.invalid("type mismatch: table.copy between tables of different types")
            self.pop_ranges(index_type, self.table_index_types[source])
            self.indexed(index, source)

    def exception_operator(self, rule: i64) -> None:
        """Throwing and catching, in both encodings."""
        reader = self.reader
        operands = self.operands
        control = self.control
        if rule == rules.TRY_TABLE:
            control.open_try_table()
        elif rule == rules.CATCH:
            control.catch()
        elif rule == rules.DELEGATE:
            control.delegate()
        elif rule == rules.RETHROW:
            control.rethrow()
        elif rule == rules.THROW:
            tag = reader.index(len(control.tag_types), "tag")
            type_index = control.tag_types[tag]
            operands.pop_all(control.params_of[type_index])
            self.writer.count_helper()
            self.writer.write(reader.operator, tag, type_index)
            operands.stop()
        else:  # throw_ref
            operands.pop(EXNREF)
            self.writer.count_helper()
            self.writer.write(reader.operator, 0, 0)
            operands.stop()

    # --- locals -----------------------------------------------------------------------------
    def local(self, rule: i64) -> None:
        """A local of more than its kind, or an operand that does not lie there as it should."""
        operands = self.operands
        loops = self.loops
        index = self.reader.index(len(self.local_types), "local")
        type_: i64 = self.local_types[index]
        if self.narrow_locals < len(self.local_types):
            type_ = self.whole_types[index]
            if type_ & NON_NULL != 0:
                if rule != rules.LOCAL_GET:
                    self.control.set_local(index)
                elif self.control.initialized[index] == 0:
                    self.reader.invalid(f"uninitialized local {index}: a {value_type_name(int(type_))} is set first")
        if rule != rules.LOCAL_GET:
            operands.pop(type_)
        if rule != rules.LOCAL_SET:
            operands.push(type_)
        if operands.live:
            loops.uses[index] = loops.uses[index] + loops.weight
            if rule != rules.LOCAL_GET and loops.stamp != 0 and loops.written_in[index] != loops.stamp:
                loops.write(index)
        self.writer.write_typed(type_, index)

    # --- calls ------------------------------------------------------------------------------
    def call_indirect(self) -> None:
        """Call the function at a place in a table, if it has the type."""
        type_index, table = self.indirect_callee()
        self.invoke(type_index)
        self.writer.write(self.reader.operator, type_index, table)

    def indirect_callee(self) -> tuple[i64, i64]:
        """Read the type of a function and the table it is in, and take its place there."""
        reader = self.reader
        type_index = reader.u32()
        table = reader.index(len(self.table_types), "table")
        if not self.space.matches(self.table_types[table], FUNCREF):
            reader.invalid(f"type mismatch: {reader.mnemonic()} through table {table}, which holds no functions")
        self.control.need_function_type(type_index)
        self.operands.pop(self.table_index_types[table])
        return type_index, table

    def call_in_place(self, type_index: i64, a: i64, b: i64) -> None:
        """A call in place of this function: arguments, and what the callee returns, this function does."""
        operands = self.operands
        operands.pop_all(self.control.params_of[type_index])
        self.control.need_own_results(type_index)
        self.writer.write(self.reader.operator, a, b)
        operands.stop()

    def referred_callee(self) -> i64:
        """Read the type of the function that is referred to, and take the reference."""
        type_index = self.reader.u32()
        self.control.need_function_type(type_index)
        self.operands.pop(self.space.references[type_index])
        return type_index

    def invoke(self, type_index: i64) -> None:
        """Arguments for results."""
        operands = self.operands
        operands.pop_all(self.control.params_of[type_index])
        results = self.control.results_of[type_index]
        if len(results) != 0:
            operands.push_all(results)
            self.spend(len(results) >> TYPE_SHIFT >> 2)
        self.writer.count_call()

    # --- parametric -------------------------------------------------------------------------
    def select(self) -> None:
        """``select`` of numbers or vectors, whose type is that of its operands."""
        operands = self.operands
        operands.pop(I32)
        second = operands.pop_any()
        first = operands.pop_any()
        if first == ANY:
            first = second
        if second != ANY and first != second:
            self.reader.invalid(f"type mismatch: select between {type_names([int(first), int(second)])}")
        if is_reference(first) or first == ANY_REFERENCE:
            self.reader.invalid("type mismatch: select of references needs its type written")
        operands.push(first)
        self.writer.write(self.reader.operator | (first << 16), 0, 0)

    def select_typed(self) -> None:
        """``select`` with its type written."""
        reader = self.reader
        operands = self.operands
        count = reader.u32()
        type_: i64 = ANY
        left = count
        while left > 0:
            type_ = reader.value_type()
            self.spend(1)
            left -= 1
        if count != 1:
            reader.invalid("invalid result arity")
        operands.pop(I32)
        operands.pop(type_)
        operands.pop(type_)
        operands.push(type_)
        self.writer.write(_SELECT | ((type_ & KIND) << 16), 0, 0)

    # --- memory ---------------------------------------------------------------------------------
    def alignment(self) -> i64:
        """Read which `memory` an access is of, and its alignment, and see that these may be."""
        reader = self.reader
        alignment = reader.alignment()
        self.memory = 0
        if alignment >= HAS_MEMORY_INDEX:
            alignment -= HAS_MEMORY_INDEX
            self.memory = reader.u32()
        reader.need(self.memory, self.memory_count, "memory")
        if alignment > LARGEST_ALIGNMENT[reader.operator]:
            reader.invalid("alignment must not be larger than natural")
        if reader.operator >= ATOMIC_PAGE and alignment < LARGEST_ALIGNMENT[reader.operator]:
            reader.invalid("atomic alignment must be natural")
        return alignment

    def offset(self) -> i64:
        """Read the offset of an access, and see that `memory` may have it."""
        memory_offset = self.reader.memory_offset()
        if (memory_offset < 0 or memory_offset > 0xFFFF_FFFF) and self.memory_index_types[self.memory] == I32:
            self.reader.invalid("offset out of range: the memory has a 32-bit index")
        return memory_offset

    def access(self) -> None:
        """A load or store, or an atomic access."""
        alignment = self.alignment()
        memory_offset = self.offset()
        self.operands.apply_at(self.memory_index_types[self.memory])
        if HELPERS[self.reader.operator] != 0:
            self.writer.count_helper()
        self.writer.write_access(self.reader.operator | (alignment << 16), memory_offset, self.memory)

    def pop_ranges(self, target: i64, source: i64) -> None:
        """Take a length, and where its bytes or elements lie and go to, of indices of these types."""
        operands = self.operands
        operands.pop(target if source == target else i64(I32))
        operands.pop(source)
        operands.pop(target)

    def indexed(self, a: i64, b: i64) -> None:
        """Write an operator of memories, tables and segments, which is typed; `a`, `b` are which."""
        code = self.reader.operator
        if HELPERS[code] != 0:
            self.writer.count_helper()
        self.writer.write(code, a, b)
