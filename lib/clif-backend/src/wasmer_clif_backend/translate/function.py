"""A body becomes a function of CLIF in SSA form, in one walk over its records: `Translator`, with the operators.

Those that direct control are in `translate.body`, those on vectors in `translate.vector`.

Traps are those of core, by number (`trap_kinds`): an access traps as ``heap_oob``, others by code ``user``
and their number. The source of every instruction is the operator's offset in the module, so the site table has it.
"""

from __future__ import annotations

from librt.strings import read_i32_le

from wasmer_clif_backend.effort import Effort
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.opcodes import (
    F32CONST,
    F64CONST,
    IADD,
    ICMP,
    INTEGER_CONDITIONS,
    IREDUCE,
    ISHL,
    PARAMETER,
    SELECT,
    SEXTEND,
    STORE,
    TRAPZ,
    UEXTEND,
    UMIN,
    USHR,
)
from wasmer_clif_backend.ir.types import F32, F64, I8, I32, I64
from wasmer_clif_backend.translate.body import CONTROL, State
from wasmer_clif_backend.translate.calls import Calls
from wasmer_clif_backend.translate.in_memory import OPERANDS_OF_ONE
from wasmer_clif_backend.translate.memory import CONSTANT_FIELD, FIELD, Memory
from wasmer_clif_backend.translate.operators import (
    BINARY,
    COMPARISONS,
    EXCEPTIONS,
    LOADS,
    SIGN_EXTENSIONS,
    STORES,
    UNARY,
    code_of,
)
from wasmer_clif_backend.translate.vector import VectorTranslator
from wasmer_clif_backend.translate.view import ModuleView
from wasmer_runtime_core.contract.helper_operators import HELPER_OPERATORS
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.contract.vmctx import (
    MEMORY_DEFINITION,
    TABLE_DEFINITION,
    VMCTX,
)
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, final, i64
from wasmer_runtime_core.wasm import types as kinds
from wasmer_runtime_core.wasm.body.body import RECORD_BYTES, Body
from wasmer_runtime_core.wasm.operators.internal import (
    ADD_POINTS,
    ADD_POINTS_BY_SIZE,
    ALL_OPERATORS,
    CANONICAL_F32,
    CANONICAL_F64X2,
    CHECK_POINTS,
    INTERNAL_PAGE,
    MOST_SIZE,
    SHARED,
    TRACE,
)
from wasmer_runtime_core.wasm.operators.rows import ATOMIC_PAGE, OBJECT_PAGE
from wasmer_runtime_core.wasm.types import PAGE_BYTES

if TYPE_CHECKING:
    from wasmer_clif_backend.translate.atomic import Atomics
    from wasmer_clif_backend.translate.exception import Exceptions
    from wasmer_clif_backend.translate.objects import Objects

_EQ: Final = INTEGER_CONDITIONS.index("eq")
_UGE: Final = INTEGER_CONDITIONS.index("uge")
_NULL: Final = BY_NAME["NULL_REFERENCE"].number
_LIMIT: Final = BY_NAME["EXECUTION_LIMIT_EXCEEDED"].number
_POINTS: Final[i64] = VMCTX["points_used"].offset
_POINTS_AT: Final[i64] = VMCTX["points_at"].offset
_MEMORY_BASE: Final[i64] = VMCTX["memory_base"].offset
_WIDE_SIZE: Final[i64] = kinds.I64
_PAGE_SHIFT: Final[i64] = PAGE_BYTES.bit_length() - 1
_MEMORY_LENGTH: Final[i64] = MEMORY_DEFINITION["length"].offset
_TABLE_LENGTH: Final[i64] = TABLE_DEFINITION["length"].offset

_END: Final[i64] = code_of("end")
_CALL: Final[i64] = code_of("call")
_CALL_INDIRECT: Final[i64] = code_of("call_indirect")
_RETURN_CALL: Final[i64] = code_of("return_call")
_RETURN_CALL_INDIRECT: Final[i64] = code_of("return_call_indirect")
_RETURN_CALL_REF: Final[i64] = code_of("return_call_ref")
_GLOBAL_GET: Final[i64] = code_of("global.get")
_GLOBAL_SET: Final[i64] = code_of("global.set")
_MEMORY_SIZE: Final[i64] = code_of("memory.size")
_TABLE_SIZE: Final[i64] = code_of("table.size")
_CALL_REF: Final[i64] = code_of("call_ref")
_REF_AS_NON_NULL: Final[i64] = code_of("ref.as_non_null")
_REF_NULL: Final[i64] = code_of("ref.null")
_REF_IS_NULL: Final[i64] = code_of("ref.is_null")
_REF_FUNC: Final[i64] = code_of("ref.func")
_REF_EQ: Final[i64] = code_of("ref.eq")

# What an operator is, so that one look in a table finds the branch that is for it.
_OTHER: Final = 0
_LOCAL_GET: Final = 1
_LOCAL_SET: Final = 2
_LOCAL_TEE: Final = 3
_CONST_32: Final = 4
_CONST_64: Final = 5
_BINARY: Final = 6
_COMPARISON: Final = 7
_LOAD: Final = 8
_STORE: Final = 9
_UNARY: Final = 10
_CONTROL: Final = 11
_DROP: Final = 12
_SELECT: Final = 13
_EQZ: Final = 14
_SIGN_EXTENSION: Final = 15
_FLOAT_32: Final = 16
_FLOAT_64: Final = 17
_HELPER: Final = 18
_EXCEPTION: Final = 19
_ATOMIC: Final = 20

_CODES: Final = INTERNAL_PAGE
"""Codes beyond are other."""


class _Tables:
    """By operator's code: its kind, the instruction, the type or the condition, the bytes of an access."""

    def __init__(self) -> None:
        kinds = bytearray(_CODES)
        opcodes = bytearray(_CODES)
        types = bytearray(_CODES)
        sizes = bytearray(_CODES)
        for name, kind in (
            ("local.get", _LOCAL_GET),
            ("local.set", _LOCAL_SET),
            ("local.tee", _LOCAL_TEE),
            ("i32.const", _CONST_32),
            ("i64.const", _CONST_64),
            ("f32.const", _FLOAT_32),
            ("f64.const", _FLOAT_64),
            ("i32.eqz", _EQZ),
            ("i64.eqz", _EQZ),
            ("drop", _DROP),
            ("select", _SELECT),
            *((name, _CONTROL) for name in CONTROL),
            *((name, _EXCEPTION) for name in EXCEPTIONS),
        ):
            kinds[code_of(name)] = kind
        for code, (opcode, type) in BINARY.items():
            kinds[code], opcodes[code], types[code] = _BINARY, opcode, type
        for code, (opcode, type) in UNARY.items():
            kinds[code], opcodes[code], types[code] = _UNARY, opcode, type
        for code, (opcode, condition) in COMPARISONS.items():
            kinds[code], opcodes[code], types[code] = _COMPARISON, opcode, condition
        for code, (opcode, type, size) in LOADS.items():
            kinds[code], opcodes[code], types[code], sizes[code] = _LOAD, opcode, type, size
        for code, (opcode, size) in STORES.items():
            kinds[code], opcodes[code], sizes[code] = _STORE, opcode, size
        for code, (narrow, type) in SIGN_EXTENSIONS.items():
            kinds[code], opcodes[code], types[code] = _SIGN_EXTENSION, narrow, type
        for code in range(ATOMIC_PAGE, ATOMIC_PAGE + 0x100):
            kinds[code] = _ATOMIC
        for code in HELPER_OPERATORS:
            kinds[code] = _HELPER
        self.kinds = bytes(kinds)
        self.opcodes = bytes(opcodes)
        self.types = bytes(types)
        self.sizes = bytes(sizes)


_TABLES: Final = _Tables()
_KINDS: Final = _TABLES.kinds
_OPCODES: Final = _TABLES.opcodes
_TYPES: Final = _TABLES.types
_SIZES: Final = _TABLES.sizes


@final
class Translator:
    """Translates bodies of one module, one after another; what it needs for that it makes once.

    Args:
        bounds_checks: compare every access with the memory's length; else guard pages find it.
    """

    def __init__(self, view: ModuleView, bounds_checks: bool) -> None:
        self.view: Final = view
        self.state: Final = State(view)
        self.memory: Final = Memory(self.state, bounds_checks)
        self.vectors: Final = VectorTranslator(self.state, self.memory)
        self.calls: Final = Calls(view, self.state, self.memory)
        self.exceptions: Exceptions | None = None  # there once a body has some
        self.objects: Objects | None = None  # likewise
        self.atomics: Atomics | None = None  # likewise
        self.label_count: i64 = 0

    @property
    def flow(self) -> Flow:
        """Of the last function."""
        return self.state.flow

    def translate(self, body: Body, effort: Effort | None = None, in_memory: bool = False) -> Function:
        """The function of a body: this object's own, until it translates the next one.

        Args:
            effort: counts what is done; without limits if not given.
            in_memory: locals and operands go to the frame (`translate.in_memory`).

        Raises:
            CompileError: an operator is not there.
            ImplementationLimitError: it becomes too much code.
            TooMuchEffort: it takes more than it may.
        """
        self.enter(body, effort or Effort(), in_memory)
        state = self.state
        function = state.function
        stack = state.stack
        locals = state.locals
        records = body.records
        at: i64 = 0
        end: i64 = len(records)
        while at < end:
            if at & 0x1FFF == 0:
                function.effort.spend(0x1000)
            word: i64 = i64(read_i32_le(records, at))
            code = word & 0xFFFF
            a: i64 = i64(read_i32_le(records, at + 4))
            kind: i64 = _OTHER
            if code < _CODES:
                kind = _KINDS[code]
            if in_memory and kind != _CONTROL and kind != _EXCEPTION:
                state.reach(OPERANDS_OF_ONE)
            if kind == _LOCAL_GET:
                state.push(state.read(a) if in_memory else locals[a])
                at += RECORD_BYTES
                continue
            function.at = i64(read_i32_le(records, at + 12))
            if kind == _CONST_32:
                state.push(state.integer(a, I32))
            elif kind == _BINARY:
                y = state.pop()
                x = state.pop()
                state.push(state.make(_OPCODES[code], _TYPES[code], x, y))
            elif kind == _LOCAL_SET:
                state.write(a, state.pop())
            elif kind == _LOCAL_TEE:
                state.write(a, stack[state.height - 1])
            elif kind == _LOAD:
                address = self.memory.address(state.pop(), a, i64(read_i32_le(records, at + 8)), _SIZES[code])
                state.push(
                    state.make(_OPCODES[code], _TYPES[code], address, 0, 0, self.memory.offset, self.memory.flags)
                )
            elif kind == _CONTROL:
                b: i64 = i64(read_i32_le(records, at + 8))
                exceptions = self.exceptions
                if code == _END and exceptions is not None and exceptions.is_try(a):
                    exceptions.end(a, b)
                else:
                    state.control(code, (word >> 16) & 0xFFFF, a, b)
            elif kind == _STORE:
                value = state.pop()
                address = self.memory.address(state.pop(), a, i64(read_i32_le(records, at + 8)), _SIZES[code])
                state.make(_OPCODES[code], 0, value, address, 0, self.memory.offset, self.memory.flags)
            elif kind == _COMPARISON:
                y = state.pop()
                x = state.pop()
                held = state.make(_OPCODES[code], I8, x, y, 0, _TYPES[code])
                state.push(state.make(UEXTEND, I32, held))
            elif kind == _EQZ:
                x = state.pop()
                held = state.make(ICMP, I8, x, state.integer(0, state.type_of(x)), 0, _EQ)
                state.push(state.make(UEXTEND, I32, held))
            elif kind == _UNARY:
                state.push(state.make(_OPCODES[code], _TYPES[code], state.pop()))
            elif kind == _SELECT:
                condition = state.pop()
                y = state.pop()
                x = state.pop()
                state.push(state.make(SELECT, state.type_of(x), condition, x, y))
            elif kind == _DROP:
                state.pop()
            else:
                self.other(kind, code, word, a, i64(read_i32_le(records, at + 8)))
            at += RECORD_BYTES
        return function

    def enter(self, body: Body, effort: Effort, in_memory: bool) -> None:
        """Parameters, locals that are zero at first, the base of memory 0."""
        state = self.state
        state.begin(body, effort, in_memory)
        effort.spend(4 * i64(len(body.local_types)))
        self.calls.begin()
        self.label_count = body.label_count
        if self.exceptions is not None:
            self.exceptions.begin(self.label_count)
        function = state.function
        layout = state.layout
        function.name = self.view.names[body.function_index]
        function.signature = layout.signature
        function.at = body.offset
        state.begin_block(0)
        number: i64 = 0
        first: i64 = 1
        if layout.buffered:
            first = 2
        for given in layout.signature.parameters:
            v = function.add(1, PARAMETER, given.type, 0, 0, 0, number)
            if number == 0:
                state.vmctx = v
            elif number < first:
                state.buffer = v
            else:
                state.locals[number - first] = v
            number += 1
        local: i64 = 0
        locals: i64 = len(body.local_types)
        while local < locals:
            type = state.local_types[local]
            if local < number - first:
                state.locals[local] = state.received(state.locals[local], type)
            else:
                state.locals[local] = state.zero(type)
            if in_memory:
                state.write(local, state.locals[local])
            local += 1
        self.memory.base = 0
        if body.memory_accesses and not self.memory.bounds_checks:
            self.memory.base = self.memory.field(_MEMORY_BASE, CONSTANT_FIELD)
            function.memory_base = self.memory.base
            function.memory_bytes = self.view.memory_bytes
        state.open_function(len(layout.results))

    # --- operators ------------------------------------------------------------------------------------------

    def other(self, kind: i64, code: i64, word: i64, a: i64, b: i64) -> None:
        """What `translate` does not do itself."""
        state = self.state
        if code == _CALL:
            self.calls.call(a, b, False)
        elif code == _GLOBAL_GET:
            at = self.global_at(a)
            state.push(self.memory.load(self.view.global_types[a], at, self.memory.offset))
        elif code == _GLOBAL_SET:
            value = state.pop()
            at = self.global_at(a)
            state.make(STORE, 0, value, at, 0, self.memory.offset, FIELD)
        elif kind == _CONST_64:
            state.push(state.integer(_long(a, b), I64))
        elif kind == _FLOAT_64:
            state.push(state.make(F64CONST, F64, 0, 0, 0, _long(a, b)))
        elif kind == _FLOAT_32:
            state.push(state.make(F32CONST, F32, 0, 0, 0, a & 0xFFFF_FFFF))
        elif code == _CALL_INDIRECT:
            self.calls.call_indirect(a, b, False)
        elif kind == _SIGN_EXTENSION:
            narrow = state.make(IREDUCE, _OPCODES[code], state.pop())
            state.push(state.make(SEXTEND, _TYPES[code], narrow))
        elif kind == _EXCEPTION:
            self.with_exceptions().operator(code, a, b)
        elif kind == _HELPER:
            self.calls.helper_operator(code, a, b)
        elif kind == _ATOMIC:
            self.with_atomics().operator(code, a, b)
        elif code == _MEMORY_SIZE:
            definition = self.memory.field(self.view.offsets.memory_offsets[a], CONSTANT_FIELD)
            length = self.memory.load(I64, definition, _MEMORY_LENGTH)
            pages = state.make(USHR, I64, length, state.integer(_PAGE_SHIFT, I32))
            state.push(pages if self.view.wide_memories[a] else state.make(IREDUCE, I32, pages))
        elif code == _TABLE_SIZE:
            definition = self.memory.field(self.view.offsets.table_offsets[a], CONSTANT_FIELD)
            length = self.memory.load(I64, definition, _TABLE_LENGTH)
            state.push(length if self.view.wide_tables[a] else state.make(IREDUCE, I32, length))
        elif code == _REF_NULL:
            state.push(state.integer(0, I64))
        elif code == _REF_IS_NULL:
            held = state.compare(_EQ, state.pop(), state.integer(0, I64))
            state.push(state.make(UEXTEND, I32, held))
        elif code == _CALL_REF:
            self.calls.call_ref(a, False)
        elif code == _REF_AS_NON_NULL:
            state.make(TRAPZ, 0, state.stack[state.height - 1], 0, 0, 0, _NULL)
        elif code == _REF_FUNC:
            offset: i64 = self.view.offsets.record_offsets[int(a)]
            state.push(state.make(IADD, I64, state.vmctx, state.integer(offset, I64)))
        elif code == _RETURN_CALL:
            self.calls.call(a, b, True)
        elif code == _RETURN_CALL_INDIRECT:
            self.calls.call_indirect(a, b, True)
        elif code == _RETURN_CALL_REF:
            self.calls.call_ref(a, True)
        else:
            self.internal(code, word, a, b)

    def with_exceptions(self) -> Exceptions:
        """What translates them: loaded with the first body that has some."""
        if self.exceptions is None:
            from wasmer_clif_backend.translate.exception import Exceptions

            self.exceptions = Exceptions(self.state, self.memory, self.calls)
            self.exceptions.begin(self.label_count)
        return self.exceptions

    def with_objects(self) -> Objects:
        """What translates them: loaded with the first body that has some."""
        if self.objects is None:
            from wasmer_clif_backend.translate.objects import Objects

            self.objects = Objects(self.state, self.memory, self.calls)
        return self.objects

    def with_atomics(self) -> Atomics:
        """What translates them: loaded with the first one."""
        if self.atomics is None:
            from wasmer_clif_backend.translate.atomic import Atomics

            self.atomics = Atomics(self.state, self.memory)
        return self.atomics

    def internal(self, code: i64, word: i64, a: i64, b: i64) -> None:
        """What middlewares put in, and vectors."""
        state = self.state
        if code == ADD_POINTS:
            self.add_points(word, state.integer(a, I64))
        elif code == ADD_POINTS_BY_SIZE:
            points = state.stack[state.height - 1]
            if (word >> 16) & 0xFF == _WIDE_SIZE:
                points = state.make(UMIN, I64, points, state.integer(MOST_SIZE, I64))
            else:
                points = state.make(UEXTEND, I64, points)
            if a:
                points = state.make(ISHL, I64, points, state.integer(a, I32))
            if b:
                points = state.make(USHR, I64, points, state.integer(b, I32))
            self.add_points(word, points)
        elif code == CHECK_POINTS:
            limit = state.integer(_long(a, b), I64)
            state.trap_if(state.compare(_UGE, self.points(word), limit), _LIMIT)
        elif code == TRACE:
            words = ((word >> 16) & 0xFF, a, b, state.function.at)
            self.calls.helper("trace", [int(state.integer(one, I32)) for one in words], 0)
        elif CANONICAL_F32 <= code <= CANONICAL_F64X2:
            from wasmer_clif_backend.translate.nans import canonical  # seldom asked for

            canonical(state, code)
        elif code == _REF_EQ or OBJECT_PAGE <= code < INTERNAL_PAGE:
            self.with_objects().operator(code, word, a, b)
        elif not self.vectors.operator(int(code), int(word), int(a), int(b)):
            row = ALL_OPERATORS.get(int(code))
            name = row.mnemonic if row is not None else hex(code)
            raise CompileError(f"the cranelift backend has no {name} yet (at byte {int(state.function.at):#x})")

    def points(self, word: i64) -> i64:
        """Those used."""
        if (word >> 24) & 0xFF == SHARED:
            return self.memory.load(I64, self.memory.field(_POINTS_AT), 0)
        return self.memory.field(_POINTS)

    def add_points(self, word: i64, points: i64) -> None:
        """Count."""
        state = self.state
        sum = state.make(IADD, I64, self.points(word), points)
        if (word >> 24) & 0xFF == SHARED:
            state.make(STORE, 0, sum, self.memory.field(_POINTS_AT), 0, 0, FIELD)
        else:
            state.make(STORE, 0, sum, state.vmctx, 0, _POINTS, FIELD)

    def global_at(self, index: i64) -> i64:
        """Where a global lies, but for `memory.offset`: its own place in the vmctx, or an imported one's."""
        offsets = self.view.offsets
        offset: i64 = offsets.global_offsets[index]
        if index < offsets.imported_globals:
            self.memory.offset = 0
            return self.memory.field(offset, CONSTANT_FIELD)
        self.memory.offset = offset
        return self.state.vmctx


def _long(low: i64, high: i64) -> i64:
    """Two halves of 64 bits."""
    return (high << 32) | (low & 0xFFFF_FFFF)
