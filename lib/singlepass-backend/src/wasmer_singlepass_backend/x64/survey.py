"""The look ahead: one short pass over a body before the first instruction is written.

Is the vmctx read, are there vectors, how much room do calls need? And which locals does the straight line up to the
first control operator write before it reads them? Those need not be zeroed.
"""

from __future__ import annotations

from librt.strings import read_i32_le

import wasmer_runtime_core.wasm.operators.effects as effects
from wasmer_runtime_core.contract.convention import RESULT_SLOT_BYTES
from wasmer_runtime_core.support.annotations import Final, i64
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.wasm.body.body import RECORD_BYTES, Body
from wasmer_runtime_core.wasm.operators.internal import ALL_OPERATORS
from wasmer_runtime_core.wasm.operators.rows import Operator
from wasmer_runtime_core.wasm.types import V128
from wasmer_singlepass_backend.uses import CODES
from wasmer_singlepass_backend.x64.frame import USES_VECTORS, USES_VMCTX
from wasmer_singlepass_backend.x64.function import FunctionCompiler

SURVEYED_BYTES: Final = 1 << 20
"""So much of the records is looked through between two checkpoints."""

# What an operator is to the survey.
PLAIN: Final = 0
READS_LOCAL: Final = 1
WRITES_LOCAL: Final = 2
VECTOR: Final = 3
CONTROL: Final = 4
READS_VMCTX: Final = 5
CALL: Final = 6
CALL_INDIRECT: Final = 7
RETURN_CALL: Final = 8
RETURN_CALL_INDIRECT: Final = 9
THROW: Final = 10

_VMCTX_PARTS: Final = frozenset(("function", "table", "global", "memory", "data", "element", "reference"))
"""Words of immediates: parts of an instance that are reached through its vmctx."""
_VMCTX_EFFECTS: Final = effects.HELPER | effects.READS["points"]
_BY_MNEMONIC: Final = {
    "call": CALL,
    "call_indirect": CALL_INDIRECT,
    "return_call": RETURN_CALL,
    "return_call_indirect": RETURN_CALL_INDIRECT,
    "call_ref": CALL_INDIRECT,
    "return_call_ref": RETURN_CALL_INDIRECT,
    "throw": THROW,
    "local.get": READS_LOCAL,
    "local.set": WRITES_LOCAL,
    "local.tee": WRITES_LOCAL,
}


def _kind(row: Operator) -> int:
    if "v128" in row.params + row.results:
        return VECTOR
    if row.mnemonic in _BY_MNEMONIC:
        return _BY_MNEMONIC[row.mnemonic]
    if row.effects & _VMCTX_EFFECTS or not _VMCTX_PARTS.isdisjoint(row.immediate.split()):
        return READS_VMCTX
    return CONTROL if row.effects & effects.CONTROL else PLAIN


def _kinds() -> bytes:
    kinds = bytearray(CODES)
    for code, row in ALL_OPERATORS.items():
        kinds[code] = _kind(row)
    return bytes(kinds)


KINDS: Final = _kinds()
"""By operator code."""


def survey(f: FunctionCompiler, body: Body) -> None:
    """Leaves what it finds in ``f.survey_…`` and in the first uses of locals."""
    records = body.records
    view = f.view
    uses: i64 = 0
    stack_bytes: i64 = 0
    buffer_bytes: i64 = 0
    tail_bytes: i64 = -1
    kinds = KINDS
    f.begin_written(i64(len(body.local_types)))
    straight = True
    count: i64 = len(records)
    at: i64 = 0
    while at < count:
        stop = at + SURVEYED_BYTES
        if stop > count:
            stop = count
        while at < stop:
            kind = kinds[i64(read_i32_le(records, at)) & 0xFFFF]
            if kind == PLAIN:
                pass
            elif kind <= WRITES_LOCAL:
                if straight:
                    f.first_use(i64(read_i32_le(records, at + 4)), kind == WRITES_LOCAL)
            elif kind == CONTROL:
                straight = False
            elif kind == VECTOR:
                uses |= USES_VECTORS
            elif kind == THROW:
                straight = False
                thrown = RESULT_SLOT_BYTES * view.layouts[i64(read_i32_le(records, at + 8))].param_count
                if thrown > buffer_bytes:
                    buffer_bytes = thrown
            else:
                uses |= USES_VMCTX
                if kind != READS_VMCTX:
                    index: i64 = at + 8 if kind == CALL or kind == RETURN_CALL else at + 4
                    layout = view.layouts[i64(read_i32_le(records, index))]
                    if kind >= RETURN_CALL:
                        straight = False
                        if layout.stack_bytes > tail_bytes:
                            tail_bytes = layout.stack_bytes
                        at += RECORD_BYTES
                        continue
                    if layout.stack_bytes > stack_bytes:
                        stack_bytes = layout.stack_bytes
                    if layout.buffer_bytes > buffer_bytes:
                        buffer_bytes = layout.buffer_bytes
            at += RECORD_BYTES
        if at < count:
            checkpoint()
    if V128 in body.local_types or view.vectors:
        uses |= USES_VECTORS
    f.survey_uses = uses
    f.survey_stack_bytes = stack_bytes
    f.survey_buffer_bytes = buffer_bytes
    f.survey_tail_bytes = tail_bytes
