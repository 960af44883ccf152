"""Imported for its effect: tells the C part what to call for a trap, an exception's frames, and a traced module."""

from __future__ import annotations

from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.backtrace import annotate, function_name, make_trap
from wasmer_runtime_core.wasm.module import ModuleInfo


def _name_or_none(info: ModuleInfo | None, index: int) -> str | None:
    return function_name(info, index) or None


def _trace(core: machine.Instance, event: int, a: int, b: int, offset: int) -> None:
    """What a traced module calls; also one that was compiled elsewhere."""
    from wasmer_runtime_core.running.tracing import report

    machine.configure(trace=report)
    report(core, event, a, b, offset)


machine.configure(make_trap=make_trap, annotate=annotate, function_name=_name_or_none, trace=_trace)
