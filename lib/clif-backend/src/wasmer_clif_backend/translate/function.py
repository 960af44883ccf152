"""A body's operators, but for those that direct control, as instructions of CLIF.

Traps are those of core, by number (`trap_kinds`): an access traps as ``heap_oob``, others by code ``user``
and their number. The source of every instruction is the operator's offset in the module, so the site table has it.
"""

from __future__ import annotations

from typing import Final

from librt.strings import read_i32_le

from wasmer_clif_backend.ir.function import ExternalFunction, Function, Signature, StackSlot
from wasmer_clif_backend.ir.function import Parameter as ClifParameter
from wasmer_clif_backend.ir.opcodes import (
    CALL,
    CALL_INDIRECT,
    CAN_MOVE,
    F32CONST,
    F64CONST,
    IADD,
    ICMP,
    INTEGER_CONDITIONS,
    IREDUCE,
    ISHL,
    LOAD,
    NOTRAP,
    PARAMETER,
    READONLY,
    SELECT,
    SEXTEND,
    STACK_ADDR,
    STORE,
    TRAPNZ,
    TRAPZ,
    UEXTEND,
    USHR,
)
from wasmer_clif_backend.ir.types import F32, F64, I8, I32, I64
from wasmer_clif_backend.translate.body import CONTROL, Label, State
from wasmer_clif_backend.translate.operators import (
    BINARY,
    COMPARISONS,
    HELPERS,
    LOADS,
    SIGN_EXTENSIONS,
    STORES,
    UNARY,
    code_of,
)
from wasmer_clif_backend.translate.vector import VectorTranslator
from wasmer_clif_backend.translate.view import BUFFER_BYTES, FunctionShape, ModuleView, helper_name, name_of
from wasmer_runtime_core.context import FUNCTION_RECORD, IMPORT_RECORD, MEMORY_DEFINITION, TABLE_DEFINITION, VMCTX
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.trap_kinds import BY_NAME
from wasmer_runtime_core.vmcalls import VMCALLS
from wasmer_runtime_core.wasm.body import RECORD_BYTES, Body
from wasmer_runtime_core.wasm.internal_operators import (
    ADD_POINTS,
    ADD_POINTS_BY_SIZE,
    ALL_OPERATORS,
    CHECK_POINTS,
    TRACE,
)

_CONSTANT_LOAD: Final = NOTRAP | READONLY | CAN_MOVE
_EQ: Final = INTEGER_CONDITIONS.index("eq")
_NE: Final = INTEGER_CONDITIONS.index("ne")
_UGT: Final = INTEGER_CONDITIONS.index("ugt")
_UGE: Final = INTEGER_CONDITIONS.index("uge")
_OUT_OF_BOUNDS: Final = BY_NAME["MEMORY_OUT_OF_BOUNDS"].number
_UNDEFINED: Final = BY_NAME["UNDEFINED_ELEMENT"].number
_UNINITIALIZED: Final = BY_NAME["UNINITIALIZED_ELEMENT"].number
_TYPE_MISMATCH: Final = BY_NAME["INDIRECT_CALL_TYPE_MISMATCH"].number
_LIMIT: Final = BY_NAME["EXECUTION_LIMIT_EXCEEDED"].number
_POINTS: Final = VMCTX["points_used"].offset
_HELPERS: Final = {call.name: call for call in VMCALLS}
_HELPER_TYPES: Final = {"i32": I32, "i64": I64, "ref": I64}

_CALL: Final = code_of("call")
_CALL_INDIRECT: Final = code_of("call_indirect")
_DROP: Final = code_of("drop")
_SELECT: Final = code_of("select")
_LOCAL_GET: Final = code_of("local.get")
_LOCAL_SET: Final = code_of("local.set")
_LOCAL_TEE: Final = code_of("local.tee")
_GLOBAL_GET: Final = code_of("global.get")
_GLOBAL_SET: Final = code_of("global.set")
_I32_CONST: Final = code_of("i32.const")
_I64_CONST: Final = code_of("i64.const")
_F32_CONST: Final = code_of("f32.const")
_F64_CONST: Final = code_of("f64.const")
_I32_EQZ: Final = code_of("i32.eqz")
_I64_EQZ: Final = code_of("i64.eqz")
_MEMORY_SIZE: Final = code_of("memory.size")
_TABLE_SIZE: Final = code_of("table.size")
_REF_NULL: Final = code_of("ref.null")
_REF_IS_NULL: Final = code_of("ref.is_null")
_REF_FUNC: Final = code_of("ref.func")


def translate(view: ModuleView, body: Body, bounds_checks: bool) -> Function:
    """The function of a body.

    Args:
        bounds_checks: compare every access with the memory's length; else guard pages find it.

    Raises:
        CompileError: an operator that is not translated yet.
    """
    return _Translator(view, body, bounds_checks).run()


class _Translator:
    def __init__(self, view: ModuleView, body: Body, bounds_checks: bool) -> None:
        self.view: Final = view
        self.body: Final = body
        self.bounds_checks: Final = bounds_checks
        self.state: Final = State(view, body)
        self.vectors: Final = VectorTranslator(self.state, self.address)
        self.memory_base = 0
        self.buffer_slot = -1

    def run(self) -> Function:
        """The walk."""
        state = self.state
        self.enter()
        records = self.body.records
        for at in range(0, len(records), RECORD_BYTES):
            word = int(read_i32_le(records, at)) & 0xFFFF_FFFF
            a = int(read_i32_le(records, at + 4))
            b = int(read_i32_le(records, at + 8))
            state.function.at = int(read_i32_le(records, at + 12))
            code = word & 0xFFFF
            if code in CONTROL:
                state.control(code, word >> 16, a, b)
            else:
                self.operator(code, word, a, b)
        return state.function

    def enter(self) -> None:
        """Parameters, locals that are zero at first, the base of memory 0."""
        state = self.state
        function = state.function
        shape = state.shape
        function.name = name_of(self.body.function_index)
        function.signature = shape.signature
        function.at = self.body.offset
        state.block = int(function.block())
        given = [
            state.add(PARAMETER, int(one.type), immediate=number)
            for number, one in enumerate(shape.signature.parameters)
        ]
        state.vmctx = given[0]
        if shape.buffered:
            state.buffer = given[1]
        first = 2 if shape.buffered else 1
        state.locals = [state.received(v, type) for v, type in zip(given[first:], shape.params, strict=True)]
        zeros: dict[int, int] = {}
        for type in state.local_types[len(shape.params) :]:
            if type not in zeros:
                zeros[type] = state.zero(type)
            state.locals.append(zeros[type])
        if self.body.memory_accesses and not self.bounds_checks:
            self.memory_base = self.field(VMCTX["memory_base"].offset, _CONSTANT_LOAD)
        state.labels[0] = Label(0, 0, [], shape.results)

    # --- pieces ------------------------------------------------------------------------------------------

    def load(self, type: int, at: int, offset: int, flags: int = NOTRAP) -> int:
        """What lies at an address."""
        return self.state.add(LOAD, type, at, immediate=offset, extra=flags)

    def field(self, offset: int, flags: int = NOTRAP) -> int:
        """A field of the vmctx."""
        return self.load(I64, self.state.vmctx, offset, flags)

    def compare(self, condition: int, x: int, y: int) -> int:
        """A comparison of integers, as an i8."""
        return self.state.add(ICMP, I8, x, y, immediate=condition)

    def wide(self, v: int) -> int:
        """An i32 without sign as an i64."""
        return self.state.add(UEXTEND, I64, v)

    def trap_if(self, condition: int, kind: int) -> None:
        """Trap if a comparison holds."""
        self.state.add(TRAPNZ, 0, condition, extra=kind)

    # --- operators ------------------------------------------------------------------------------------------

    def operator(self, code: int, word: int, a: int, b: int) -> None:
        """One operator that does not direct control."""
        state = self.state
        stack = state.stack
        if code == _LOCAL_GET:
            stack.append(state.locals[a])
        elif code == _LOCAL_SET:
            state.write(a, stack.pop())
        elif code == _LOCAL_TEE:
            state.write(a, stack[-1])
        elif code == _I32_CONST:
            stack.append(state.integer(a, I32))
        elif code == _I64_CONST:
            stack.append(state.integer((b << 32) | (a & 0xFFFF_FFFF), I64))
        elif code in BINARY:
            opcode, type = BINARY[code]
            y = stack.pop()
            x = stack.pop()
            stack.append(state.add(opcode, type, x, y))
        elif code in COMPARISONS:
            opcode, number = COMPARISONS[code]
            y = stack.pop()
            x = stack.pop()
            stack.append(state.add(UEXTEND, I32, state.add(opcode, I8, x, y, immediate=number)))
        elif code in LOADS:
            opcode, type, size = LOADS[code]
            at, offset = self.address(stack.pop(), a, b, size)
            stack.append(state.add(opcode, type, at, immediate=offset))
        elif code in STORES:
            opcode, size = STORES[code]
            value = stack.pop()
            at, offset = self.address(stack.pop(), a, b, size)
            state.add(opcode, 0, value, at, immediate=offset)
        elif code in UNARY:
            opcode, type = UNARY[code]
            stack.append(state.add(opcode, type, stack.pop()))
        elif code == _CALL:
            self.call(a, self.view.shapes[b])
        elif code == _CALL_INDIRECT:
            self.call_indirect(a, b)
        elif code == _DROP:
            stack.pop()
        elif code == _SELECT:
            condition = stack.pop()
            y = stack.pop()
            x = stack.pop()
            stack.append(state.add(SELECT, state.type_of(x), condition, x, y))
        elif code in HELPERS:
            name, immediates, result = HELPERS[code]
            more = [state.integer(one, I32) for letter, one in (("a", a), ("b", b)) if letter in immediates]
            self.helper(name, more, result)
        else:
            self.rare(code, word, a, b)

    def rare(self, code: int, word: int, a: int, b: int) -> None:
        """The others."""
        state = self.state
        stack = state.stack
        if code == _GLOBAL_GET:
            at, offset = self.global_at(a)
            stack.append(self.load(self.view.global_types[a], at, offset))
        elif code == _GLOBAL_SET:
            value = stack.pop()
            at, offset = self.global_at(a)
            state.add(STORE, 0, value, at, immediate=offset, extra=NOTRAP)
        elif code == _F32_CONST:
            stack.append(state.add(F32CONST, F32, immediate=a & 0xFFFF_FFFF))
        elif code == _F64_CONST:
            stack.append(state.add(F64CONST, F64, immediate=(b << 32) | (a & 0xFFFF_FFFF)))
        elif code == _I32_EQZ or code == _I64_EQZ:
            x = stack.pop()
            zero = state.integer(0, state.type_of(x))
            stack.append(state.add(UEXTEND, I32, self.compare(_EQ, x, zero)))
        elif code in SIGN_EXTENSIONS:
            narrow, type = SIGN_EXTENSIONS[code]
            stack.append(state.add(SEXTEND, type, state.add(IREDUCE, narrow, stack.pop())))
        elif code == _MEMORY_SIZE:
            definition = self.field(self.view.offsets.memory_offsets[a], _CONSTANT_LOAD)
            length = self.load(I64, definition, MEMORY_DEFINITION["length"].offset)
            stack.append(state.add(IREDUCE, I32, state.add(USHR, I64, length, state.integer(16, I64))))
        elif code == _TABLE_SIZE:
            definition = self.field(self.view.offsets.table_offsets[a], _CONSTANT_LOAD)
            stack.append(state.add(IREDUCE, I32, self.load(I64, definition, TABLE_DEFINITION["length"].offset)))
        elif code == _REF_NULL:
            stack.append(state.integer(0, I64))
        elif code == _REF_IS_NULL:
            x = stack.pop()
            stack.append(state.add(UEXTEND, I32, self.compare(_EQ, x, state.integer(0, I64))))
        elif code == _REF_FUNC:
            offset = self.view.offsets.record_offsets[a]
            stack.append(state.add(IADD, I64, state.vmctx, state.integer(offset, I64)))
        else:
            self.internal(code, word, a, b)

    def internal(self, code: int, word: int, a: int, b: int) -> None:
        """What middlewares put in, and vectors."""
        state = self.state
        if code == ADD_POINTS:
            self.add_points(state.integer(a, I64))
        elif code == ADD_POINTS_BY_SIZE:
            points = self.wide(state.stack[-1])
            if a:
                points = state.add(ISHL, I64, points, state.integer(a, I32))
            if b:
                points = state.add(USHR, I64, points, state.integer(b, I32))
            self.add_points(points)
        elif code == CHECK_POINTS:
            limit = state.integer((b << 32) | (a & 0xFFFF_FFFF), I64)
            self.trap_if(self.compare(_UGE, self.field(_POINTS), limit), _LIMIT)
        elif code == TRACE:
            words = ((word >> 16) & 0xFF, a, b, int(state.function.at))
            self.helper("trace", [state.integer(one, I32) for one in words], 0)
        elif not self.vectors.operator(code, word, a, b):
            row = ALL_OPERATORS.get(code)
            name = row.mnemonic if row is not None else hex(code)
            raise CompileError(f"the cranelift backend has no {name} yet (at byte {int(state.function.at):#x})")

    def add_points(self, points: int) -> None:
        """Count."""
        state = self.state
        sum = state.add(IADD, I64, self.field(_POINTS), points)
        state.add(STORE, 0, sum, state.vmctx, immediate=_POINTS, extra=NOTRAP)

    # --- memory and globals -----------------------------------------------------------------------------------

    def address(self, index: int, offset: int, memory: int, size: int) -> tuple[int, int]:
        """The address of an access, and what is still to be added to it.

        Guard pages find what lies beyond a memory that is reserved; where they are not there, or for other
        memories, the end of the access is compared with the length.
        """
        state = self.state
        offset &= 0xFFFF_FFFF
        memory &= 0xFFFF
        at = self.wide(index)
        if not self.bounds_checks and memory == 0:
            if offset > 0x7FFF_FFFF:
                at = state.add(IADD, I64, at, state.integer(offset, I64))
                offset = 0
            return state.add(IADD, I64, self.memory_base, at), offset
        if offset:
            at = state.add(IADD, I64, at, state.integer(offset, I64))
        definition = self.field(self.view.offsets.memory_offsets[memory], _CONSTANT_LOAD)
        end = state.add(IADD, I64, at, state.integer(size, I64))
        length = self.load(I64, definition, MEMORY_DEFINITION["length"].offset)
        self.trap_if(self.compare(_UGT, end, length), _OUT_OF_BOUNDS)
        return state.add(IADD, I64, self.load(I64, definition, MEMORY_DEFINITION["base"].offset), at), 0

    def global_at(self, index: int) -> tuple[int, int]:
        """Where a global lies: its own place in the vmctx, or an imported one's."""
        offset = self.view.offsets.global_offsets[index]
        if index < self.view.offsets.imported_globals:
            return self.field(offset, _CONSTANT_LOAD), 0
        return self.state.vmctx, offset

    # --- calls ------------------------------------------------------------------------------------------------

    def call(self, index: int, shape: FunctionShape) -> None:
        """A function of the module through its table of code addresses, an imported one through its record."""
        state = self.state
        if index >= self.view.imported:
            external = self.external(name_of(index), shape.signature)
            self.finish_call(CALL, external, 0, state.vmctx, shape)
            return
        record = self.view.offsets.import_offsets[index]
        code = self.field(record + IMPORT_RECORD["code"].offset)
        vmctx = self.field(record + IMPORT_RECORD["vmctx"].offset)
        self.finish_call(CALL_INDIRECT, self.signature(shape.signature), code, vmctx, shape)

    def call_indirect(self, type: int, table: int) -> None:
        """An element of a table: there, not null, of the type."""
        state = self.state
        shape = self.view.shapes[type]
        index = self.wide(state.pop())
        definition = self.field(self.view.offsets.table_offsets[table], _CONSTANT_LOAD)
        length = self.load(I64, definition, TABLE_DEFINITION["length"].offset)
        self.trap_if(self.compare(_UGE, index, length), _UNDEFINED)
        base = self.load(I64, definition, TABLE_DEFINITION["base"].offset)
        scaled = state.add(ISHL, I64, index, state.integer(3, I32))
        record = self.load(I64, state.add(IADD, I64, base, scaled), 0)
        state.add(TRAPZ, 0, record, extra=_UNINITIALIZED)
        wanted = self.field(self.view.offsets.signature_offsets[type], _CONSTANT_LOAD)
        have = self.load(I64, record, FUNCTION_RECORD["signature"].offset)
        self.trap_if(self.compare(_NE, have, wanted), _TYPE_MISMATCH)
        code = self.load(I64, record, FUNCTION_RECORD["code"].offset)
        vmctx = self.load(I64, record, FUNCTION_RECORD["vmctx"].offset)
        self.finish_call(CALL_INDIRECT, self.signature(shape.signature), code, vmctx, shape)

    def finish_call(self, opcode: int, extra: int, callee: int, vmctx: int, shape: FunctionShape) -> None:
        """The arguments are on the stack, the results will be."""
        state = self.state
        count = len(shape.params)
        arguments = state.top(count)
        del state.stack[len(state.stack) - count :]
        given = [vmctx]
        if shape.buffered:
            given.append(state.add(STACK_ADDR, I64, extra=self.buffer(len(shape.results))))
        given += [state.passed(v) for v in arguments]
        type = int(shape.signature.results[0].type) if shape.results else 0
        v = state.add(opcode, type, callee, int(state.function.new_list(given)), extra=extra)
        for number, result in enumerate(shape.results):
            if number == 0:
                state.stack.append(state.received(v, result))
            else:
                at = state.add(STACK_ADDR, I64, extra=self.buffer_slot)
                state.stack.append(self.load(result, at, BUFFER_BYTES * (number - 1)))

    def helper(self, name: str, immediates: list[int], result: int) -> None:
        """A call of one of core's helpers: operands, then numbers of the record."""
        state = self.state
        row = _HELPERS[name]
        types = [_HELPER_TYPES[one.split(":")[1]] for one in row.params]
        count = len(types) - len(immediates)
        arguments = state.top(count) + immediates
        del state.stack[len(state.stack) - count :]
        signature = Signature([ClifParameter(I64)] * (len(types) + 1), [ClifParameter(I64)] if result else [])
        external = self.external(helper_name(name), signature)
        given = [state.vmctx] + [state.passed(v) for v in arguments]
        v = state.add(CALL, I64 if result else 0, 0, int(state.function.new_list(given)), extra=external)
        if result:
            state.stack.append(state.received(v, result))

    def buffer(self, results: int) -> int:
        """The stack slot for the results of calls, as large as any call needs it."""
        function = self.state.function
        if self.buffer_slot < 0:
            self.buffer_slot = len(function.slots)
            function.slots.append(StackSlot(0))
        slot = function.slots[self.buffer_slot]
        slot.size = max(slot.size, BUFFER_BYTES * (results - 1))
        return self.buffer_slot

    def signature(self, signature: Signature) -> int:
        """The number of a signature in the function."""
        state = self.state
        number = state.signatures.get(id(signature), -1)
        if number < 0:
            number = len(state.function.signatures)
            state.function.signatures.append(signature)
            state.signatures[id(signature)] = number
        return number

    def external(self, name: str, signature: Signature) -> int:
        """The number of a function that is called."""
        state = self.state
        number = state.externals.get(name, -1)
        if number < 0:
            number = len(state.function.functions)
            state.function.functions.append(ExternalFunction(name, self.signature(signature)))
            state.externals[name] = number
        return number
