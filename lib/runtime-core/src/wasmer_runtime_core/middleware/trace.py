"""Traces: a line on stderr for each function, or each block, that is entered.

`CallTrace` writes ``[n] func (i)``: the n-th function that this instance enters, counted
from 0, is function ``i`` of the index space with imports. `BlockTrace` writes
``[BlockTrace] (i, e) -> what % frame``: in function ``i``, at its ``e``-th operator, counted
from 0, ``what`` happened (enter_func, leave_call, block, loop, if, else); the frame is the
function's name and the operator's byte offset.

The lines go to whatever ``sys.stderr`` is then. A traced program calls Python at every
step and is slower by orders of magnitude.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from wasmer_runtime_core.middleware.rebuild import with_records
from wasmer_runtime_core.printable import printable
from wasmer_runtime_core.trap import function_name
from wasmer_runtime_core.vm import InternalField
from wasmer_runtime_core.wasm.body_text import RECORD, Record, read_records
from wasmer_runtime_core.wasm.body_verifier import MAX_WEIGHTED_DEPTH
from wasmer_runtime_core.wasm.internal_operators import INTERNAL_PAGE, TRACE
from wasmer_runtime_core.wasm.operators import BY_MNEMONIC

if TYPE_CHECKING:
    from wasmer_runtime_core.native import machine
    from wasmer_runtime_core.wasm.body import Body
    from wasmer_runtime_core.wasm.module import ModuleInfo

EVENTS: Final = ("call", "enter_func", "leave_call", "block", "loop", "if", "else")
"""By number: what the records of internal.trace tell. The first is `CallTrace`'s."""

_CALL: Final = EVENTS.index("call")
_ENTER: Final = EVENTS.index("enter_func")
_LEAVE_CALL: Final = EVENTS.index("leave_call")
_LOOP: Final = BY_MNEMONIC["loop"].code
_END: Final = BY_MNEMONIC["end"].code
_EVENT_BEHIND: Final = {
    BY_MNEMONIC["call"].code: _LEAVE_CALL,
    BY_MNEMONIC["call_indirect"].code: _LEAVE_CALL,
    **{BY_MNEMONIC[name].code: EVENTS.index(name) for name in ("block", "loop", "if", "else")},
}

_calls_traced: Final = InternalField.allocate()


class CallTrace:
    """A middleware that says which functions are entered."""

    def __call__(self, info: ModuleInfo, bodies: Sequence[Body]) -> list[Body]:
        """Bodies that say when they are entered."""
        return [
            with_records(body, _record(_CALL, body.function_index, 0, body.offset) + body.records, body.call_weight + 1)
            for body in bodies
        ]

    def __repr__(self) -> str:
        return "CallTrace()"


class BlockTrace:
    """A middleware that says which functions and blocks are entered, and which calls return."""

    def __call__(self, info: ModuleInfo, bodies: Sequence[Body]) -> list[Body]:
        """Bodies that say where they are."""
        return [_trace_blocks(body) for body in bodies]

    def __repr__(self) -> str:
        return "BlockTrace()"


def _trace_blocks(body: Body) -> Body:
    function = body.function_index
    out = bytearray(_record(_ENTER, function, 0, body.offset))
    call_weight = body.call_weight + 1
    loops: list[bool] = []  # of the blocks that are open: is it a loop?
    depth = 0  # so many of them are
    number = 0
    for at, record in enumerate(read_records(body)):
        out += body.records[16 * at : 16 * at + 16]
        row = _opens(record)
        if row:
            loops.append(record.code == _LOOP)
            depth += loops[-1]
        elif record.code == _END and loops:
            depth -= loops.pop()
        event = _EVENT_BEHIND.get(record.code)
        if event is not None:
            out += _record(event, function, number, record.offset)
            call_weight += 8 ** min(depth, MAX_WEIGHTED_DEPTH)
        if record.code < INTERNAL_PAGE:
            number += 1
    return with_records(body, bytes(out), call_weight)


def _opens(record: Record) -> bool:
    return BY_MNEMONIC["block"].code <= record.code <= BY_MNEMONIC["if"].code


def _record(event: int, a: int, b: int, offset: int) -> bytes:
    return RECORD.pack(TRACE, event, 0, a, b, offset)


# --- while it runs ----------------------------------------------------------------------------
def report(core: machine.Instance, event: int, a: int, b: int, offset: int) -> None:
    """Called by generated code, for one record of internal.trace."""
    write: Callable[[str], Any] | None = getattr(sys.stderr, "write", None)
    if write is None:
        return
    if event == _CALL:
        number = core.context.get_internal(_calls_traced)
        core.context.set_internal(_calls_traced, number + 1)
        write(f"[{number}] func ({a})\n")
        return
    plan = core.plan
    name = function_name(plan.label if plan is not None else None, a) or f"function[{a}]"  # type: ignore[arg-type]
    write(f"[BlockTrace] ({a}, {b}) -> {EVENTS[event]} % {printable(name)} at byte {offset:#x}\n")
