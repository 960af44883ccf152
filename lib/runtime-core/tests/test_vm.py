"""`Ctx`, what a host function sees of the instance that called it."""

from __future__ import annotations

import gc

import pytest

from wasmer_runtime_core.running.ctx import Ctx
from wasmer_runtime_core.running.internal_fields import INTERNALS_SIZE, InternalField


class Core:
    """An instance's machine side."""


class Instance:
    """What a context needs of one."""

    def __init__(self) -> None:
        self.core = Core()

    def memory(self, index: int) -> str:
        return f"memory {index}"

    def table(self, index: int) -> list[object]:
        return [None, lambda *values: values]


def test_it_reaches_its_instance_and_does_not_hold_it() -> None:
    ctx = Ctx(data=5)
    with pytest.raises(ReferenceError, match="the instance of this context is gone"):
        _ = ctx.instance
    instance = Instance()
    ctx.instance = instance  # type: ignore[assignment]
    assert ctx.instance is instance  # type: ignore[comparison-overlap]
    assert ctx.memory(2) == "memory 2"  # type: ignore[comparison-overlap]
    assert ctx.memory_and_data() == ("memory 0", 5)  # type: ignore[comparison-overlap]
    del instance
    gc.collect()
    with pytest.raises(ReferenceError):
        ctx.memory(0)


def test_calls_by_table_index() -> None:
    ctx, instance = Ctx(), Instance()
    ctx.instance = instance  # type: ignore[assignment]
    assert ctx.call_with_table_index(1, [2, 3]) == (2, 3)
    with pytest.raises(LookupError, match=r"Export not found: table\[0\]"):
        ctx.call_with_table_index(0)
    with pytest.raises(IndexError):
        ctx.call_with_table_index(2)


def test_internal_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InternalField, "_numbers", iter(range(INTERNALS_SIZE - 2, INTERNALS_SIZE)))
    first, second = InternalField.allocate(), InternalField.allocate()
    assert first.index != second.index
    with pytest.raises(OverflowError, match="all are taken"):
        InternalField.allocate()
    ctx = Ctx()
    assert ctx.get_internal(first) == 0
    ctx.set_internal(first, 2**64 + 3)
    assert (ctx.get_internal(first), ctx.get_internal(second)) == (3, 0)
    assert Ctx().get_internal(first) == 0


def test_the_finalizer_runs_once_with_the_data() -> None:
    ended: list[object] = []
    ctx = Ctx("data", ended.append)
    assert ended == []
    del ctx
    gc.collect()
    assert ended == ["data"]


def test_there_are_as_many_fields_as_wasmer_had() -> None:
    assert INTERNALS_SIZE == 256
