"""Traces: a line on stderr per function, or per block, that is entered.

`CallTrace` writes ``[n] func (i)``: the n-th function that this instance enters, counted
from 0, is function ``i`` of the index space with imports. `BlockTrace` writes
``[BlockTrace] (i, e) -> what % frame``: in function ``i``, at its ``e``-th operator, counted
from 0, ``what`` happened (enter_func, leave_call, block, loop, if, else); the frame is the
function's name and the operator's byte offset.

The lines go to whatever ``sys.stderr`` is then. A traced program calls Python at every
step and is slower by orders of magnitude.
"""

from __future__ import annotations

from wasmer_runtime_core.compiling.middleware.rebuild import with_records
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final
from wasmer_runtime_core.support.checkpoint import watched
from wasmer_runtime_core.wasm.body.text import RECORD, read_records
from wasmer_runtime_core.wasm.body.verifier import MAX_WEIGHTED_DEPTH
from wasmer_runtime_core.wasm.operators.effects import CALLS, OPENS, STOPS
from wasmer_runtime_core.wasm.operators.internal import INTERNAL_PAGE, TRACE, TRACE_EVENTS
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC, OPERATORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmer_runtime_core.wasm.body.body import Body
    from wasmer_runtime_core.wasm.module import ModuleInfo

_CALL: Final = TRACE_EVENTS.index("call")
_ENTER: Final = TRACE_EVENTS.index("enter_func")
_LEAVE_CALL: Final = TRACE_EVENTS.index("leave_call")
_LOOP: Final = BY_MNEMONIC["loop"].code
_END: Final = BY_MNEMONIC["end"].code
_OPENING: Final = frozenset(code for code, row in OPERATORS.items() if row.effects & OPENS)
_EVENT_BEHIND: Final = {
    **{code: _LEAVE_CALL for code, row in OPERATORS.items() if row.effects & (CALLS | STOPS) == CALLS},
    **{BY_MNEMONIC[name].code: TRACE_EVENTS.index(name) for name in ("block", "loop", "if", "else")},
}


class CallTrace:
    """A middleware that says which functions are entered."""

    def __call__(self, info: ModuleInfo, bodies: Sequence[Body]) -> list[Body]:
        """Bodies that say when they are entered."""
        return [
            with_records(body, _record(_CALL, body.function_index, 0, body.offset) + body.records, body.call_weight + 1)
            for body in watched(bodies)
        ]

    def cache_key(self) -> str:
        """What a compiled module depends on: nothing."""
        return ""

    def __repr__(self) -> str:
        return "CallTrace()"


class BlockTrace:
    """A middleware that says which functions and blocks are entered, and which calls return."""

    def __call__(self, info: ModuleInfo, bodies: Sequence[Body]) -> list[Body]:
        """Bodies that say where they are."""
        return [_trace_blocks(body) for body in bodies]

    def cache_key(self) -> str:
        """What a compiled module depends on: nothing."""
        return ""

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
        if record.code in _OPENING:
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


def _record(event: int, a: int, b: int, offset: int) -> bytes:
    return RECORD.pack(TRACE, event, 0, a, b, offset)
