"""Calls: of functions of the module, imported ones, elements of tables, and core's helpers."""

from __future__ import annotations

from wasmer_clif_backend.ir.columns import column
from wasmer_clif_backend.ir.function import ExternalFunction, Signature, StackSlot
from wasmer_clif_backend.ir.function import Parameter as ClifParameter
from wasmer_clif_backend.ir.opcodes import (
    CALL,
    CALL_INDIRECT,
    IADD,
    INTEGER_CONDITIONS,
    ISHL,
    NOTRAP,
    RETURN_CALL,
    RETURN_CALL_INDIRECT,
    STACK_ADDR,
    TABLE,
    TRAPZ,
    UEXTEND,
)
from wasmer_clif_backend.ir.types import I32, I64
from wasmer_clif_backend.translate.body import State
from wasmer_clif_backend.translate.memory import Memory
from wasmer_clif_backend.translate.operators import code_of
from wasmer_clif_backend.translate.view import CallLayout, ModuleView, helper_name
from wasmer_runtime_core.contract.convention import RESULT_SLOT_BYTES
from wasmer_runtime_core.contract.helper_operators import HELPER_OPERATORS
from wasmer_runtime_core.contract.helpers import EXCEPTION_HELPERS, VMCALLS
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.contract.vmctx import FUNCTION_RECORD, IMPORT_RECORD, TABLE_DEFINITION, TYPE_RECORD
from wasmer_runtime_core.support.annotations import Final, final, i64

_ENTRY: Final = NOTRAP | TABLE
"""Flags of an access to the elements of a table, and to what they point to."""
_EQ: Final = INTEGER_CONDITIONS.index("eq")
_NE: Final = INTEGER_CONDITIONS.index("ne")
_ULT: Final = INTEGER_CONDITIONS.index("ult")
_UGE: Final = INTEGER_CONDITIONS.index("uge")
_NULL: Final = BY_NAME["NULL_REFERENCE"].number
_UNDEFINED: Final = BY_NAME["UNDEFINED_ELEMENT"].number
_UNINITIALIZED: Final = BY_NAME["UNINITIALIZED_ELEMENT"].number
_TYPE_MISMATCH: Final = BY_NAME["INDIRECT_CALL_TYPE_MISMATCH"].number
_TABLE_LENGTH: Final[i64] = TABLE_DEFINITION["length"].offset
_TABLE_BASE: Final[i64] = TABLE_DEFINITION["base"].offset
_IMPORT_CODE: Final[i64] = IMPORT_RECORD["code"].offset
_IMPORT_VMCTX: Final[i64] = IMPORT_RECORD["vmctx"].offset
_RECORD_TYPE: Final[i64] = FUNCTION_RECORD["type"].offset
_RECORD_CODE: Final[i64] = FUNCTION_RECORD["code"].offset
_RECORD_VMCTX: Final[i64] = FUNCTION_RECORD["vmctx"].offset
_TYPE_SUPERTYPES: Final[i64] = TYPE_RECORD["supertypes"].offset
_TYPE_DEPTH: Final[i64] = TYPE_RECORD["depth"].offset
_HELPERS: Final = {**{call.name: call for call in VMCALLS}, **EXCEPTION_HELPERS}
_HELPER_TYPES: Final = {"i32": I32, "index": I32, "i64": I64, "ref": I64}
_MEMORY_GROW: Final[i64] = code_of("memory.grow")
_TABLE_GROW: Final[i64] = code_of("table.grow")


@final
class Calls:
    """Makes the calls of one function after another; what it needs for that it makes once."""

    def __init__(self, view: ModuleView, state: State, memory: Memory) -> None:
        self.view: Final = view
        self.state: Final = state
        self.memory: Final = memory
        self.buffer_slot: i64 = -1
        self._stamp: i64 = 0
        # By function index, by type index: the number in the function at hand, if the stamp is its.
        self._external = column(len(view.names))
        self._external_stamp = column(len(view.names))
        self._signature = column(len(view.layouts))
        self._signature_stamp = column(len(view.layouts))
        self._helpers: dict[str, int] = {}
        """By name: the number in the function at hand."""
        self._helper_signatures: dict[str, Signature] = {}
        """By name, for all functions: where arguments are is worked out once for each."""

    def begin(self) -> None:
        """A function begins."""
        self._stamp += 1
        self._helpers = {}
        self.buffer_slot = -1

    def call(self, index: i64, type: i64, in_place: bool) -> None:
        """A function of the module through its table of code addresses, an imported one through its record."""
        state = self.state
        if index >= self.view.imported:
            self.call_of(CALL, self.external(index, type), 0, state.vmctx, self.view.layouts[type], in_place)
            return
        record: i64 = self.view.offsets.import_offsets[index]
        code = self.memory.field(record + _IMPORT_CODE)
        vmctx = self.memory.field(record + _IMPORT_VMCTX)
        self.call_of(CALL_INDIRECT, self.signature(type), code, vmctx, self.view.layouts[type], in_place)

    def call_indirect(self, type: i64, table: i64, in_place: bool) -> None:
        """An element of a table: there, not null, of the type."""
        state = self.state
        memory = self.memory
        index = state.pop()
        if not self.view.wide_tables[table]:
            index = state.make(UEXTEND, I64, index)
        # Constant, but read anew behind each call: to keep them across would take registers, of which few are kept.
        definition = memory.field(self.view.offsets.table_offsets[table])
        length = memory.load(I64, definition, _TABLE_LENGTH, _ENTRY)
        state.trap_if(state.compare(_UGE, index, length), _UNDEFINED)
        base = memory.load(I64, definition, _TABLE_BASE, _ENTRY)
        scaled = state.make(ISHL, I64, index, state.integer(3, I32))
        record = memory.load(I64, state.make(IADD, I64, base, scaled), 0, _ENTRY)
        state.make(TRAPZ, 0, record, 0, 0, 0, _UNINITIALIZED)
        wanted = memory.field(self.view.offsets.type_offsets[type])
        have = memory.load(I64, record, _RECORD_TYPE, _ENTRY)
        depth: i64 = self.view.offsets.open_types.get(int(type), -1)
        if depth >= 0:  # it, or what has it in its list of supertypes
            above = memory.load(I32, have, _TYPE_DEPTH, _ENTRY)
            state.trap_if(state.compare(_ULT, above, state.integer(depth, I32)), _TYPE_MISMATCH)
            have = memory.load(I64, memory.load(I64, have, _TYPE_SUPERTYPES, _ENTRY), 8 * depth, _ENTRY)
        state.trap_if(state.compare(_NE, have, wanted), _TYPE_MISMATCH)
        self.call_record(record, type, in_place)

    def call_record(self, record: i64, type: i64, in_place: bool) -> None:
        """The function that a record tells of."""
        state = self.state
        code = self.memory.load(I64, record, _RECORD_CODE, _ENTRY)
        vmctx = self.memory.load(I64, record, _RECORD_VMCTX, _ENTRY)
        signature = self.signature(type)
        layout = self.view.layouts[type]
        if in_place and state.memory is None:
            # As a rule the callee's vmctx is this one. Told by a branch, the next round does not wait for these loads.
            height = state.height
            other = state.part(state.compare(_EQ, vmctx, state.vmctx))
            self.call_of(CALL_INDIRECT, signature, code, state.vmctx, layout, True)
            state.follow(other)
            state.height = height
        self.call_of(CALL_INDIRECT, signature, code, vmctx, layout, in_place)

    def call_of(self, opcode: i64, extra: i64, callee: i64, vmctx: i64, layout: CallLayout, in_place: bool) -> None:
        """The arguments are on the stack, the results will be; in place of this function, its caller has them."""
        if not in_place:
            self.finish_call(opcode, extra, callee, vmctx, layout)
            return
        state = self.state
        jump: i64 = RETURN_CALL if opcode == CALL else RETURN_CALL_INDIRECT
        state.call_in_place(jump, callee, self.arguments(vmctx, state.buffer, layout), extra)

    def call_ref(self, type: i64, in_place: bool) -> None:
        """What is referred to: not null; the validator has seen to its type."""
        state = self.state
        record = state.pop()
        state.make(TRAPZ, 0, record, 0, 0, 0, _NULL)
        self.call_record(record, type, in_place)

    def finish_call(self, opcode: i64, extra: i64, callee: i64, vmctx: i64, layout: CallLayout) -> None:
        """The arguments are on the stack, the results will be."""
        state = self.state
        buffer: i64 = 0
        if layout.buffered:
            buffer = self.buffer_address(len(layout.results))
        given = self.arguments(vmctx, buffer, layout)
        type: i64 = 0
        results: i64 = len(layout.results)
        if results:
            type = layout.signature.results[0].type
        if state.handler:
            state.settle()
        state.called()
        v = state.make(opcode, type, callee, given, 0, 0, extra)
        if state.handler:
            state.may_land()
        if results:
            state.push(state.received(v, layout.results[0]))
        at: i64 = 1
        while at < results:
            slot = self.buffer_address(results)
            state.push(self.memory.load(layout.results[at], slot, RESULT_SLOT_BYTES * (at - 1), NOTRAP))
            at += 1

    def arguments(self, vmctx: i64, buffer: i64, layout: CallLayout) -> i64:
        """The list of what a call passes: the topmost operands, which are taken, behind the others."""
        state = self.state
        function = state.function
        count: i64 = len(layout.params)
        state.reach(count)
        function.effort.spend(4 * (count + len(layout.results)))
        first: i64 = 1
        if layout.buffered:
            first = 2
        bottom = state.height - count
        given = function.list_of(first + count)
        function.pool[given + 1] = vmctx
        if layout.buffered:
            function.pool[given + 2] = buffer
        at: i64 = 0
        while at < count:
            function.pool[given + 1 + first + at] = state.stack[bottom + at]
            at += 1
        state.height = bottom
        return given

    def helper_operator(self, code: i64, a: i64, b: i64) -> None:
        """An operator that a helper does."""
        row = HELPER_OPERATORS[int(code)]
        more = [int(self.state.integer(one, I32)) for one in (a, b)[: row.immediates]]
        result = _HELPER_TYPES[row.call.results[0]] if row.call.results else 0
        if (code == _MEMORY_GROW and self.view.wide_memories[a]) or (code == _TABLE_GROW and self.view.wide_tables[a]):
            result = I64
        self.helper(row.call.name, more, result)

    def helper(self, name: str, immediates: list[int], result: int) -> None:
        """A call of one of core's helpers: operands, then numbers of the record.

        An index of a helper has 64 bits, so an i32 is extended here, as it is not for other calls.
        """
        state = self.state
        function = state.function
        types = [_HELPER_TYPES[type] for type in _HELPERS[name].types]
        count = len(types) - len(immediates)
        arguments = [int(state.pop()) for _ in range(count)][::-1] + immediates
        number = self._helpers.get(name, -1)
        if number < 0:
            number = len(function.functions)
            function.functions.append(ExternalFunction(helper_name(name), len(function.signatures)))
            function.signatures.append(self._helper_signature(name))
            self._helpers[name] = number
        given = [int(state.vmctx)] + [int(state.passed(v)) for v in arguments]
        state.called()
        v = state.make(CALL, I64 if result else 0, 0, function.new_list(given), 0, 0, number)
        if result:
            state.push(state.received(v, result))

    def _helper_signature(self, name: str) -> Signature:
        """What a helper takes behind the vmctx and gives, each in 64 bits."""
        found = self._helper_signatures.get(name)
        if found is None:
            call = _HELPERS[name]
            parameters = [ClifParameter(I64)] * (len(call.types) + 1)
            found = Signature(parameters, [ClifParameter(I64)] if call.results else [])
            self._helper_signatures[name] = found
        return found

    def buffer_address(self, results: i64) -> i64:
        """The address of the stack slot for the results of calls, as large as any call needs it."""
        function = self.state.function
        if self.buffer_slot < 0:
            self.buffer_slot = len(function.slots)
            function.slots.append(StackSlot(0))
        slot = function.slots[self.buffer_slot]
        slot.size = max(slot.size, int(RESULT_SLOT_BYTES * (results - 1)))
        return self.state.make(STACK_ADDR, I64, 0, 0, 0, 0, self.buffer_slot)

    def signature(self, type: i64) -> i64:
        """The number in the function of the signature of a type."""
        if self._signature_stamp[type] != self._stamp:
            signatures = self.state.function.signatures
            self._signature_stamp[type] = self._stamp
            self._signature[type] = len(signatures)
            signatures.append(self.view.layouts[type].called)
        return self._signature[type]

    def external(self, index: i64, type: i64) -> i64:
        """The number in the function of a function that is called."""
        if self._external_stamp[index] != self._stamp:
            functions = self.state.function.functions
            self._external_stamp[index] = self._stamp
            self._external[index] = len(functions)
            functions.append(ExternalFunction(self.view.names[index], int(self.signature(type))))
        return self._external[index]
