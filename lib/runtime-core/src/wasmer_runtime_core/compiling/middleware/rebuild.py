"""A body like another, but for some of its fields."""

from __future__ import annotations

from wasmer_runtime_core.wasm.body.body import Body


def with_records(body: Body, records: bytes, call_weight: int | None = None) -> Body:
    """The body with other records.

    For records that differ only by internal operators: all else that the body says still holds,
    but for its call weight if calls of helpers were added.
    """
    return Body(
        body.function_index,
        body.type_index,
        body.offset,
        body.size,
        body.local_types,
        records,
        body.pool,
        body.loops,
        body.max_stack,
        body.label_count,
        body.local_weights,
        body.call_weight if call_weight is None else call_weight,
        body.calls,
        body.memory_accesses,
    )
