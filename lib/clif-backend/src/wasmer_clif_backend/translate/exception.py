"""Exceptions: what throws, and the arms that catch.

A call inside of a try ends its block in ``br_catch``. Its second edge leads to the try's *landing*, a label like any
other: what locals hold there is what they held at the calls. So allocation, and the proof of it, see an ordinary
branch; emission makes of it a row of the table of handlers and no instruction. The landing asks one arm after another
by tag, each like the ``if`` and ``else`` of the one before; what none takes goes on to the next try around, or to the
caller.
Its blocks are cold, and those of arms are.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.columns import column
from wasmer_clif_backend.ir.opcodes import BR_CATCH, BRIF, INTEGER_CONDITIONS, JUMP, NOTRAP, STORE, TRAP
from wasmer_clif_backend.ir.types import I32, I64
from wasmer_clif_backend.translate.body import UNREACHABLE_TRAP, State
from wasmer_clif_backend.translate.calls import Calls
from wasmer_clif_backend.translate.memory import CONSTANT_FIELD, Memory
from wasmer_clif_backend.translate.operators import code_of
from wasmer_runtime_core.contract.convention import RESULT_SLOT_BYTES
from wasmer_runtime_core.contract.vmctx import EXCEPTION, EXCEPTION_VALUES, VMCTX
from wasmer_runtime_core.contract.vmctx import STORE as STORE_FIELDS
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.body.body import (
    CATCH_FALLS_THROUGH,
    CATCH_GIVES_EXCEPTION,
    CATCH_TAG_SHIFT,
    DELEGATE_SHIFT,
    END_FALLS_THROUGH,
)

_THROW: Final[i64] = code_of("throw")
_THROW_REF: Final[i64] = code_of("throw_ref")
_TRY: Final[i64] = code_of("try")
_CATCH: Final[i64] = code_of("catch")
_DELEGATE: Final[i64] = code_of("delegate")

_EQ: Final = INTEGER_CONDITIONS.index("eq")
_STORE: Final[i64] = VMCTX["store"].offset
_PENDING: Final[i64] = STORE_FIELDS["pending_exception"].offset
_TAG: Final[i64] = EXCEPTION["tag"].offset
_VALUES: Final[i64] = EXCEPTION_VALUES

# What a label is.
_NO_TRY: Final = 0
_OPEN: Final = 1
_CATCHES: Final = 2
"""One of its arms is at hand."""


@final
class Exceptions:
    """The tries of one function after another. Their landings are labels behind those of the body."""

    def __init__(self, state: State, memory: Memory, calls: Calls) -> None:
        self.state: Final = state
        self.memory: Final = memory
        self.calls: Final = calls
        self.tries = False
        self.first_landing: i64 = 0
        self.kind = column(1)
        self.around = column(1)
        """By label of a try: the landing of the try around it."""
        self.entry = column(1)
        """The jump into it, the last instruction of a block."""
        self.is_cold = column(1)
        """Whether it is itself in an arm."""

    def begin(self, label_count: i64) -> None:
        """A function begins."""
        self.tries = False
        self.first_landing = label_count + 1

    def is_try(self, label: i64) -> bool:
        """Whether a label is that of a try."""
        return self.tries and self.kind[label] != _NO_TRY

    def operator(self, code: i64, a: i64, b: i64) -> None:
        """One of `operators.EXCEPTIONS`."""
        if code == _THROW:
            self.throw(a, b)
        elif code == _THROW_REF:
            self.state.reach(1)
            self.leave("throw_ref")
        elif code == _TRY:
            self.open(a, b)
        elif code == _DELEGATE:
            target = b >> DELEGATE_SHIFT
            self.close(a, b, self.first_landing + target if target else i64(0))
        else:
            self.catch(code == _CATCH, a, b)

    # --- throwing -----------------------------------------------------------------------------------------

    def throw(self, tag: i64, type: i64) -> None:
        """The values go to slots as the exception has them."""
        state = self.state
        count: i64 = len(state.view.layouts[type].params)
        state.reach(count)
        state.function.effort.spend(4 * count)
        buffer = state.integer(0, I64)
        if count:
            buffer = self.calls.buffer_address(count + 1)
        bottom = state.height - count
        at: i64 = 0
        while at < count:
            state.make(STORE, 0, state.stack[bottom + at], buffer, 0, RESULT_SLOT_BYTES * at, NOTRAP)
            at += 1
        state.height = bottom
        state.push(self.memory.field(state.view.offsets.tag_offsets[tag], CONSTANT_FIELD))
        state.push(buffer)
        self.leave("throw")

    def leave(self, helper: str) -> None:
        """Call a helper that throws, with the operands on top: code behind it is not reached."""
        state = self.state
        self.calls.helper(helper, [], 0)
        state.settle()
        if state.handler:
            state.may_land()
        state.function.add(state.values.block, TRAP, 0, 0, 0, 0, 0, UNREACHABLE_TRAP)

    # --- tries ----------------------------------------------------------------------------------------------

    def open(self, label: i64, type: i64) -> None:
        """A try begins, in a block of its own: should nothing in it throw, its entry leads to the landing as well."""
        state = self.state
        function = state.function
        labels = state.labels
        if not self.tries:
            self.tries = True
            rows = self.first_landing
            self.kind = column(rows)
            self.around = column(rows)
            self.entry = column(rows)
            self.is_cold = column(rows)
            while rows:
                rows -= 1
                self.kind[rows] = _NO_TRY
        if state.memory is not None:
            state.reach(1 if type < 0 else i64(len(state.view.layouts[type].params)) + 1)
            state.settle()
        state.open(label, type)
        block = state.values.block
        e = state.plain_edge()
        self.entry[label] = function.add(block, JUMP, 0, e)
        state.follow(e)
        landing = self.first_landing + label
        labels.log_at[landing] = labels.log_at[label]
        labels.height[landing] = labels.height[label]
        labels.results[landing] = 0
        labels.head[landing] = 0
        labels.first_edge[landing] = 0
        labels.last_edge[landing] = 0
        labels.heap[label] = state.values.heap
        labels.context[label] = state.values.context
        labels.any[label] = state.values.any
        self.kind[label] = _OPEN
        self.is_cold[label] = state.cold
        self.around[label] = state.handler
        state.handler = landing

    def falls(self, label: i64) -> None:
        """What comes before goes to the end of the try."""
        state = self.state
        if state.memory is not None:
            state.reach(state.labels.results[label])
            state.settle()
        block = state.values.block
        e = state.go(label)
        state.function.add(block, JUMP, 0, e)

    def land(self, label: i64) -> None:
        """The landing of a try stands here: its calls are behind."""
        state = self.state
        labels = state.labels
        function = state.function
        landing = self.first_landing + label
        state.handler = self.around[label]
        state.cold = True
        self.kind[label] = _CATCHES
        state.undo(labels.log_at[label])
        state.label = label
        state.segment = state.log_count
        if labels.first_edge[landing] == 0:
            v = self.entry[label]
            e = function.new_edge(function.block_of[v])
            function.opcode[v] = BR_CATCH
            function.b[v] = e
            function.extra[v] = 1
            state.bring_epochs(e, labels.heap[label], labels.context[label], labels.any[label])
            state.edge_changes[e] = state.changed_since(state.log_count, 0)
            labels.first_edge[landing] = e
            labels.last_edge[landing] = e
        state.bind(landing)

    def catch(self, tagged: bool, label: i64, flags: i64) -> None:
        """An arm begins."""
        state = self.state
        memory = self.memory
        if flags & CATCH_FALLS_THROUGH:
            self.falls(label)
        if self.kind[label] == _OPEN:
            self.land(label)
        else:
            self.go_on_asking(label)
        exception = memory.load(I64, memory.field(_STORE, CONSTANT_FIELD), _PENDING)
        if tagged:
            self.ask(label, exception, flags >> CATCH_TAG_SHIFT)
        keeps: i64 = 1 if flags & CATCH_GIVES_EXCEPTION else 0
        self.calls.helper("catch_exception", [int(state.integer(keeps, I32))], I64)
        if not keeps:
            state.pop()

    def ask(self, label: i64, exception: i64, tag: i64) -> None:
        """Whether the exception has a tag; its values are pushed. The other way is left for the next arm."""
        state = self.state
        labels = state.labels
        function = state.function
        memory = self.memory
        wanted = memory.field(state.view.offsets.tag_offsets[tag], CONSTANT_FIELD)
        is_it = state.compare(_EQ, memory.load(I64, exception, _TAG), wanted)
        then = state.plain_edge()
        labels.otherwise[label] = state.plain_edge()
        labels.saved[label] = state.changed_since(labels.log_at[label], 0)
        labels.heap[label] = state.values.heap
        labels.context[label] = state.values.context
        labels.any[label] = state.values.any
        function.add(state.values.block, BRIF, 0, is_it, then, labels.otherwise[label])
        state.follow(then)
        params = state.view.layouts[state.view.info.tags[tag]].params
        function.effort.spend(4 * i64(len(params)))
        at: i64 = 0
        for type in params:
            state.push(memory.load(type, exception, _VALUES + RESULT_SLOT_BYTES * at))
            at += 1

    def go_on_asking(self, label: i64) -> None:
        """The last arm was not it: with the state that it began with."""
        state = self.state
        labels = state.labels
        state.undo(labels.log_at[label])
        state.drop_to(labels.height[label])
        state.label = label
        state.segment = state.log_count
        state.values.heap = labels.heap[label]
        state.values.context = labels.context[label]
        state.values.any = labels.any[label]
        state.follow(labels.otherwise[label])
        state.take_over(labels.saved[label], 0)
        labels.otherwise[label] = 0

    def end(self, label: i64, flags: i64) -> None:
        """The end of a try: what none of its arms took goes on to the try around, or to the caller."""
        self.close(label, flags, self.around[label])

    def close(self, label: i64, flags: i64, target: i64) -> None:
        """The same; `target`: the landing that the rest goes to, 0: the caller's."""
        state = self.state
        labels = state.labels
        rest = labels.otherwise[label] != 0
        if self.kind[label] == _OPEN:
            rest = labels.first_edge[self.first_landing + label] != 0
        if rest:
            if flags & END_FALLS_THROUGH:
                self.falls(label)
                flags &= ~END_FALLS_THROUGH
            if self.kind[label] == _OPEN:
                self.land(label)
            else:
                self.go_on_asking(label)
            self.pass_on(target)
        elif flags & END_FALLS_THROUGH and state.memory is not None:
            state.reach(labels.results[label])
            state.settle()
        state.handler = self.around[label]
        state.cold = self.is_cold[label] != 0
        self.kind[label] = _NO_TRY
        state.end(label, flags)

    def pass_on(self, target: i64) -> None:
        """What is pending goes to a landing, or to the caller."""
        state = self.state
        if not target:
            self.calls.helper("resume", [], 0)
            state.function.add(state.values.block, TRAP, 0, 0, 0, 0, 0, UNREACHABLE_TRAP)
            return
        block = state.values.block
        e = state.go(target)
        state.function.add(block, JUMP, 0, e)
