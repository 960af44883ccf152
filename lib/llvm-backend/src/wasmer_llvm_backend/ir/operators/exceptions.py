"""Exceptions: what throws, and the arms that catch.

A call inside of a try is an ``invoke``. LLVM knows what its second edge finds: stack and registers as behind the call.
It writes a table of these for the language's runtime, and `machine.landings` makes rows of ours from that. The landing
asks one arm after another by tag; what none takes goes on to where the try around asks, or to the caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wasmer_llvm_backend.ir.operators import control
from wasmer_llvm_backend.ir.operators.calls import entry
from wasmer_llvm_backend.ir.operators.context import context_constant, field
from wasmer_llvm_backend.ir.view import Label, Try
from wasmer_llvm_backend.module_text import CALL, CONTEXT_ACCESS
from wasmer_runtime_core.contract.convention import RESULT_SLOT_BYTES
from wasmer_runtime_core.contract.helpers import EXCEPTION_HELPERS
from wasmer_runtime_core.contract.vmctx import EXCEPTION, EXCEPTION_VALUES, STORE, VMCTX
from wasmer_runtime_core.wasm.body.body import (
    CATCH_FALLS_THROUGH,
    CATCH_GIVES_EXCEPTION,
    CATCH_TAG_SHIFT,
    DELEGATE_SHIFT,
    END_FALLS_THROUGH,
)

if TYPE_CHECKING:
    from wasmer_llvm_backend.ir.function import FunctionState

NO_TAG: Final = -1


def throw(f: FunctionState, word: int, a: int, b: int) -> None:
    """The values go to slots as the exception has them."""
    params = f.view.signatures[b].params
    place = "null"
    if params:
        values = f.stack[-len(params) :]
        del f.stack[-len(params) :]
        f.buffer_slots = max(f.buffer_slots, len(params))
        place = "%buffer"
        for at, (type_, value) in enumerate(zip(params, values, strict=True)):
            slot = f.let(f"getelementptr i8, ptr %buffer, i64 {RESULT_SLOT_BYTES * at}")
            f.out.append(f"store {type_} {f.opaque(type_, value)}, ptr {slot}, align 8")
    tag = context_constant(f, "ptr", f.view.tag_offsets[a])
    leave(f, "throw", f", ptr {tag}, ptr {place}")


def throw_ref(f: FunctionState, word: int, a: int, b: int) -> None:
    leave(f, "throw_ref", f", ptr {f.stack.pop()}")


def leave(f: FunctionState, helper: str, arguments: str) -> None:
    """Call a helper that throws."""
    f.invoke(f"void {entry(f, EXCEPTION_HELPERS[helper].slot)}(ptr %0{arguments})", False)
    f.out.append("unreachable")


def try_(f: FunctionState, word: int, a: int, b: int) -> None:
    control.block(f, word, a, b)
    label = f.labels[a]
    opened = Try(a, label.height, label.places, f.handler, f.snapshot())
    f.tries[a] = opened
    f.handler = opened.landing


def ask_first(f: FunctionState, opened: Try) -> None:
    """The calls of a try are behind: here they land. If none can, nobody gets here."""
    f.handler = opened.around
    opened.asks = True
    landing, dispatch = opened.landing, opened.dispatch
    if landing.edges:
        f.join(landing, [])
        f.out.append(f"%pad{dispatch.name} = landingpad {{ ptr, i32 }} cleanup")
        f.jump(dispatch)
    if dispatch.edges:
        f.join(dispatch, [])
    else:
        ask_from(f, opened, dispatch.name)


def ask_from(f: FunctionState, opened: Try, block: str) -> None:
    """Begin a block with the state that is kept."""
    f.start(block)
    f.forget_places(opened.dispatch.places)
    f.locals = dict(opened.saved)
    f.kept = opened.saved
    del f.stack[opened.dispatch.height :]


def catch(f: FunctionState, word: int, a: int, b: int) -> None:
    begin_arm(f, a, b, b >> CATCH_TAG_SHIFT)


def catch_all(f: FunctionState, word: int, a: int, b: int) -> None:
    begin_arm(f, a, b, NO_TAG)


def begin_arm(f: FunctionState, number: int, flags: int, tag: int) -> None:
    """An arm: its values are pushed, the exception itself too if it is wanted."""
    opened = f.tries[number]
    if flags & CATCH_FALLS_THROUGH:
        f.jump(f.labels[number])
    if not opened.asks:
        ask_first(f, opened)
    else:
        ask_from(f, opened, opened.rest)
        opened.rest = ""
    if tag != NO_TAG:
        ask(f, opened, tag)
    keep = 1 if flags & CATCH_GIVES_EXCEPTION else 0
    code = entry(f, EXCEPTION_HELPERS["catch_exception"].slot)
    exception = f.let(f"call ptr {code}(ptr %0, i32 {keep}) {CALL}{f.location()}")
    if keep:
        f.stack.append(exception)


def ask(f: FunctionState, opened: Try, tag: int) -> None:
    """Whether the pending exception has a tag; its values are pushed. The other way is left for the next arm."""
    store = context_constant(f, "ptr", VMCTX["store"].offset)
    exception = field(f, "ptr", store, STORE["pending_exception"].offset)
    found = field(f, "ptr", exception, EXCEPTION["tag"].offset)
    wanted = context_constant(f, "ptr", f.view.tag_offsets[tag])
    is_it = f.let(f"icmp eq ptr {found}, {wanted}")
    f.blocks += 1
    opened.rest = f"r{f.blocks}"
    opened.saved = f.snapshot()
    f.out.append(f"br i1 {is_it}, label %a{f.blocks}, label %{opened.rest}")
    f.start(f"a{f.blocks}")
    for at, type_ in enumerate(f.view.signatures[f.view.tag_types[tag]].params):
        place = f.let(f"getelementptr i8, ptr {exception}, i64 {EXCEPTION_VALUES + RESULT_SLOT_BYTES * at}")
        f.stack.append(f.let(f"load {type_}, ptr {place}, align 8{CONTEXT_ACCESS}"))


def end(f: FunctionState, word: int, a: int, b: int) -> None:
    opened = f.tries.get(a) if f.tries else None
    if opened is None:
        control.end(f, word, a, b)
    else:
        close(f, word, a, b, opened.around and dispatch_of(f, opened.around))


def dispatch_of(f: FunctionState, landing: Label) -> Label:
    """Where the arms are asked behind a landing."""
    return next(opened.dispatch for opened in f.tries.values() if opened.landing is landing)


def delegate(f: FunctionState, word: int, a: int, b: int) -> None:
    target = b >> DELEGATE_SHIFT
    close(f, word, a, b & ((1 << DELEGATE_SHIFT) - 1), f.tries[target].dispatch if target else None)


def close(f: FunctionState, word: int, number: int, flags: int, target: Label | None) -> None:
    """The end of a try: what none of its arms took goes to a label, or to the caller."""
    opened = f.tries[number]
    f.handler = opened.around
    if opened.rest or (not opened.asks and opened.is_reached):
        if flags & END_FALLS_THROUGH:
            f.jump(f.labels[number])
            flags &= ~END_FALLS_THROUGH
        if opened.asks:
            ask_from(f, opened, opened.rest)
        else:
            ask_first(f, opened)
        if target is not None:
            f.jump(target)
        else:
            # an exception that goes on from here passes no try of this function
            f.out.append(f"call void {entry(f, EXCEPTION_HELPERS['resume'].slot)}(ptr %0) {f.call_group}{f.location()}")
            f.out.append("unreachable")
    del f.tries[number]
    control.end(f, word, number, flags)
