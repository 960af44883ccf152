"""What the .NET runtime imports beside what every program of emcc does: the functions of its own JavaScript.

Most of it belongs to a page and to JavaScript's values, and is refused by name. What is left:

* *time and turns*: the runtime has one timer and one mark that there is work in the background; it sets them, and
  `Turns` tells whoever runs the program what to do next;
* *the task of `Main`*: the runtime says when it is done, and with what (`Host.outcome`);
* *messages* of the runtime itself, which go to the program's standard error;
* *standard error* is passed on, and its end kept: what the runtime dies of it writes there, and nowhere else.

Every number that the runtime passes is looked at before it is used.
"""

from __future__ import annotations

import errno
import functools
import time
from collections.abc import Callable
from struct import Struct
from typing import Any, Final, NamedTuple, final

from wasmer_blazor import slots
from wasmer_blazor.errors import WrongNumber
from wasmer_blazor.slots import Layout
from wasmer_emscripten.errors import NotSupported
from wasmer_emscripten.process import Process
from wasmer_runtime_core.running.interrupts import check_interrupts
from wasmer_vfs.clock import Clock
from wasmer_vfs.random import fill
from wasmer_vfs.waiting import must_be_refusal

U32: Final = 0xFFFF_FFFF
TASK_OF_MAIN: Final = 1
"""The handle under which the runtime knows the task of `Main`; the host gives no other."""
MOST_MESSAGE_BYTES: Final = 1 << 16
MOST_MESSAGES: Final = 32
"""The last messages of the runtime, kept for an error that says why it gave up."""
MOST_HEARD_BYTES: Final = 1 << 16
"""The end of what was written to standard error, kept for the same."""
MOST_TEXT_BYTES: Final = 1 << 20
"""Of a managed string that is read: a message, a stack trace."""
STANDARD_ERROR: Final = 2
MOST_BUFFERS: Final = 4
"""Of one write that is heard: the C library uses two."""
_MILLISECOND: Final = 1_000_000

_I32: Final = Struct("<i")


class Outcome(NamedTuple):
    """How a task or a call ended.

    Attributes:
        value: what it is done with; None: nothing, or it failed.
        message: of the exception that it failed with.
        exception: the runtime's handle of that; None: it did not fail.
    """

    value: int | None = None
    message: str = ""
    exception: int | None = None


@final
class Turns:
    """What the runtime wants to be called for.

    Attributes:
        clock: what time is told by.
        background: there is work in the background.
        due: when its timer is, in nanoseconds of the monotonic clock; None: it is not set.
    """

    __slots__ = ("background", "clock", "due")

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.background = False
        self.due: int | None = None

    def set(self, milliseconds: int) -> None:
        """Set the timer, which is one."""
        self.due = self._now() + max(milliseconds, 0) * _MILLISECOND

    def until_due(self) -> int | None:
        """Nanoseconds until the timer is due; None: it is not set."""
        return None if self.due is None else max(self.due - self._now(), 0)

    def _now(self) -> int:
        return self.clock.readers[time.CLOCK_MONOTONIC]()


@final
class Host:
    """The host of one runtime.

    Attributes:
        process: what the runtime has as a program of emcc: its memory, its files.
        layout: how slots lie in it.
        turns: what it wants to be called for.
        outcome: how the task of `Main` ended; None: it has not.
        messages: the last ones of the runtime.
        heard: the end of what was written to standard error.
        throwing: the handle of the exception that the next call of the host throws; None: calls are refused.
        silent: messages are kept, and written nowhere.
        strings: makes and reads managed strings; None until the runtime is there.
    """

    __slots__ = ("heard", "layout", "messages", "outcome", "process", "silent", "strings", "throwing", "turns")

    def __init__(self, process: Process, layout: Layout) -> None:
        self.process = process
        self.layout = layout
        self.turns = Turns(process.clock)
        self.outcome: Outcome | None = None
        self.messages: list[tuple[str, str]] = []
        self.heard = bytearray()
        self.throwing: int | None = None
        self.silent = False
        self.strings: Any = None

    # --- slots

    def _slots(self, row: int, count: int) -> list[int]:
        """Where the first slots of a row lie that the runtime has passed."""
        row = self.process.guest.check(row, self.layout.size * count)
        return [self.layout.slot(row, number) for number in range(count)]

    def kind(self, slot: int) -> int:
        return self.process.guest.read(slot + slots.KIND, 1)[0]

    def put_kind(self, slot: int, kind: int) -> None:
        self.process.guest.write(slot + slots.KIND, bytes((kind,)))

    def number(self, slot: int, field: int = slots.VALUE) -> int:
        return self.process.guest.i32(slot + field)

    def put_number(self, slot: int, field: int, value: int) -> None:
        self.process.guest.put_u32(slot + field, value)

    def failed(self, slot: int) -> Outcome:
        """What a slot says of an exception."""
        return Outcome(None, self.strings.read(slot), self.number(slot, slots.HANDLE))

    def done(self, slot: int) -> Outcome:
        """What a slot says of a result."""
        kind = self.kind(slot)
        if kind in (slots.NONE, slots.VOID):
            return Outcome()
        if kind != slots.INT32:
            raise WrongNumber(
                f"the task of Main is done with a value of kind {kind}: void and int are what Main returns"
            )
        return Outcome(self.number(slot))

    # --- functions

    def message(self, domain: int, level: int, text: int, fatal: int, data: int) -> None:
        """`mono_wasm_trace_logger`: a message of the runtime itself."""
        said = self._text(text)
        self.messages.append((self._text(level), said))
        del self.messages[:-MOST_MESSAGES]
        if self.silent or not said:
            return
        try:
            opened = self.process.descriptors.find(STANDARD_ERROR)
            if opened.file is not None:
                opened.file.write([memoryview(said.encode() + b"\n")])
        except OSError as failure:
            must_be_refusal(failure)  # standard error is closed or full: the message is kept all the same

    def write(self, write: Callable[..., Any], fd: int, buffers: int, count: int, written: int) -> Any:
        """`fd_write`: what is written to standard error is heard, too."""
        if fd == STANDARD_ERROR and 0 < count <= MOST_BUFFERS:
            guest = self.process.guest
            for at in range(count):
                start, length = guest.u32(buffers + 8 * at), guest.u32(buffers + 8 * at + 4)
                self.heard += guest.read(start, min(length, MOST_HEARD_BYTES))
            del self.heard[:-MOST_HEARD_BYTES]
        return write(fd, buffers, count, written)

    def random(self, pointer: int, length: int) -> int:
        """`mono_wasm_browser_entropy`: random bytes."""
        guest = self.process.guest
        length &= U32
        start = guest.check(pointer, length)
        fill(guest.memory, start, length, self.process.random)
        return 0

    def settle(self, row: int) -> None:
        """`mono_wasm_resolve_or_reject_promise`: the task of `Main` is done (.NET 9 and 10)."""
        exception, _, task, value = self._slots(row, 4)
        if self.number(task, slots.HANDLE) != TASK_OF_MAIN:
            raise self._unknown_task(task)
        if self.outcome is None:
            rejected = self.kind(task) == slots.REJECTED
            self.outcome = self.failed(value) if rejected else self.done(value)
        self.put_kind(exception, slots.NONE)

    def marshal(self, row: int) -> None:
        """`mono_wasm_marshal_promise`: a task that is made, or done, or both (.NET 8)."""
        exception, result, task, value = self._slots(row, 4)
        handle = self.number(task, slots.HANDLE)
        if handle not in (0, TASK_OF_MAIN):
            raise self._unknown_task(task)
        self.put_number(result, slots.HANDLE, TASK_OF_MAIN)
        if self.outcome is None:
            if self.kind(exception) != slots.NONE:
                self.outcome = self.failed(exception)
            elif self.kind(value) != slots.TASK and (handle or self.kind(value) != slots.NONE):
                self.outcome = self.done(value)
        self.put_kind(result, slots.TASK)
        self.put_kind(exception, slots.NONE)

    def _unknown_task(self, task: int) -> WrongNumber:
        handle = self.number(task, slots.HANDLE)
        return WrongNumber(f"the runtime speaks of task {handle}; the host knows one, of Main, which is {TASK_OF_MAIN}")

    def bind(self, signature: int) -> int:
        """`mono_wasm_bind_js_import_ST`: a function of JavaScript is looked for (.NET 9 and 10): there is none."""
        if self.throwing is not None:
            return 0
        names = []
        for field in (16, 24):
            offset, length = self.number(signature, field), self.number(signature, field + 4) & U32
            names.append(self._utf16(signature + offset, length) if offset else "")
        return int(self.strings.utf16(self._refused(*names)))

    def bind_of_8(self, name: int, module: int, signature: int, handle: int, failed: int, result: int) -> None:
        """`mono_wasm_bind_js_function`: the same of .NET 8."""
        guest = self.process.guest
        guest.put_u32(handle, 1)
        guest.put_u32(failed, 0)
        guest.put_u32(result, 0)
        if self.throwing is None:
            guest.put_u32(failed, 1)
            self.strings.make(result, self._refused(self.strings.read(name), self.strings.read(module)))

    def _refused(self, function: str, module: str) -> str:
        where = f" of {module}" if module else ""
        return f"JSImport of {function}{where}: there is no JavaScript, so the function is not there"

    def invoke(self, function: int, row: int) -> None:
        """`mono_wasm_invoke_jsimport_ST`, `mono_wasm_invoke_import`: such a function is called."""
        if self.throwing is None:
            raise NotSupported("a function of JavaScript", "there is none: leave out what imports it (JSImport)")
        (slot,) = self._slots(row, 1)
        self.put_number(slot, slots.HANDLE, self.throwing)
        self.put_kind(slot, slots.EXCEPTION)

    def _text(self, pointer: int) -> str:
        return self.process.text(pointer, MOST_MESSAGE_BYTES)

    def _utf16(self, pointer: int, length: int) -> str:
        return self.process.guest.read(pointer, min(length, MOST_MESSAGE_BYTES)).decode("utf-16-le", "replace")


def _set_background(host: Host) -> None:
    host.turns.background = True


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "mono_wasm_schedule_timer": lambda host, milliseconds: host.turns.set(milliseconds),
    "schedule_background_exec": _set_background,
    "mono_wasm_trace_logger": Host.message,
    "mono_wasm_browser_entropy": Host.random,
    "dotnet_browser_entropy": Host.random,
    "mono_wasm_process_current_pid": lambda host: 42,
    "mono_wasm_resolve_or_reject_promise": Host.settle,
    "mono_wasm_marshal_promise": Host.marshal,
    "mono_wasm_bind_js_import_ST": Host.bind,
    "mono_wasm_bind_js_function": Host.bind_of_8,
    "mono_wasm_invoke_jsimport_ST": Host.invoke,
    "mono_wasm_invoke_import": Host.invoke,
    "mono_interp_tier_prepare_jiterpreter": lambda host, *_: 1,  # a trace that is never compiled
}
"""What the runtime imports, and what it gets: functions of the host and of its arguments."""

NOTHING: Final = frozenset(
    (
        "mono_interp_flush_jitcall_queue",
        "mono_jiterp_free_method_data_js",
        "mono_wasm_add_dbg_command_received",
        "mono_wasm_asm_loaded",
        "mono_wasm_cancel_promise",
        "mono_wasm_console_clear",
        "mono_wasm_debugger_log",
        "mono_wasm_fire_debugger_agent_message_with_data",
        "mono_wasm_free_method_data",
        "mono_wasm_profiler_enter",
        "mono_wasm_profiler_leave",
        "mono_wasm_release_cs_owned_object",
        "mono_wasm_set_entrypoint_breakpoint",
    )
)
"""What tells a host that compiles, debugs or draws: there is nothing to do."""

_PREFIXES: Final = ("mono_", "dotnet_")


def is_of_dotnet(name: str) -> bool:
    """Whether an import is one of the .NET runtime's own."""
    return name in FUNCTIONS or name.startswith(_PREFIXES)


def function_for(host: Host, name: str, results: int) -> Callable[..., Any]:
    """What an import of the runtime's own gets.

    Args:
        results: how many results its type has.
    """
    function = FUNCTIONS.get(name)
    if function is None:
        if name not in NOTHING:
            return functools.partial(_refuse, name)
        answer = 0 if results else None
        return lambda *_: answer

    return guarded(name, functools.partial(function, host))


def guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose arguments are the runtime's: what does not lie in its memory is `WrongNumber`."""

    def call(*args: int) -> Any:
        try:
            return function(*args)
        except OSError as failure:
            must_be_refusal(failure)
            if failure.errno != errno.EFAULT:
                raise
            raise WrongNumber(f"the runtime called {name}{args}: that does not lie in its memory") from failure

    return call


def _refuse(name: str, *_: int) -> None:
    check_interrupts()
    remedy = (
        "globalisation is invariant here, without the data of cultures"
        if any(
            word in name for word in ("locale", "culture", "case", "calendar", "week", "compare", "index_of", "with")
        )
        else "it belongs to JavaScript and its page; leave out what needs it"
    )
    raise NotSupported(name, remedy)
