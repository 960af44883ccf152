"""Ending code that runs too long: deadlines, and what Ctrl-C does.

Generated code checks nothing, so none of this costs anything until it is used. A signal
that arrives while WebAssembly code runs stops it between two instructions; Python's signal
handlers run there, and an exception they raise ends the call. So Ctrl-C gives
KeyboardInterrupt at once, and a handler that raises nothing lets the code go on. When
a deadline passes the call ends with `Timeout` in the same way::

    with timeout(2.5):
        instance.exports.run()

What was stopped may have been in the middle of anything: memories, tables and globals are
as it left them, and the instance can be called again. A deadline that has passed stays passed
until its block ends, and a cancellation (`calls_async`) until its call has ended: no code goes
on because a host function caught `Timeout` or `Cancelled`. For a single call there is
``instance.exports.run(1, timeout=2.5)``. Signal handlers run in the main thread only, as always
in Python; deadlines work in every thread.

Python code is not stopped: what has passed takes effect when a host function comes back to
WebAssembly. A host function that waits for longer than an instant must not wait by itself::

    ready = wait([(reader, select.POLLIN)], 2.5)    # instead of poll, sleep, and a read that blocks

`wait` ends with the files, its own time, the deadline, a cancellation or a signal, whichever comes
first. What waits in other ways (a lock, a library) or computes for long looks with
`check_interrupts` every now and then; `seconds_left` says how long it may take.

This holds for every signal that has a handler in Python, whenever it was set. Nothing tells
of a new handler, and asking at each call would cost more than the call; so this module, when
it is first imported, takes the place of the C functions that change handlers and masks
(those behind `signal.signal`, `signal.getsignal` and `signal.pthread_sigmask`, which look them up
each time, and those of `faulthandler`) with ones that call them and then put things right: our C
handler in front of Python's, one that tells whose exception it was (`support.handlers`) around the
user's, traps before faulthandler, and the signals that traps and deadlines need unblocked in
threads that run code. What else they do, return and raise is as before, but that one real-time
signal is refused as the system refuses SIGKILL: this uses it. What code in C changes is noticed
when an instance is made, or by `watch_signals`; a mask, when a thread first runs code and with
each deadline.
"""

from __future__ import annotations

import faulthandler
from errno import EINVAL

from wasmer_runtime_core.native import machine
from wasmer_runtime_core.native.machine import (
    assert_handlers,
    faults_taken,
    leave_signal,
    private_signal,
    unblock_signals,
    watch_signal,
)
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.handlers import Handler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_signal: Final[Any] = __import__("_signal")  # which checkers do not know
_set_handler: Final = _signal.signal
_get_handler: Final = _signal.getsignal
_set_mask: Final = _signal.pthread_sigmask


def _refuse(number: object) -> None:
    if number == private_signal:
        raise OSError(EINVAL, f"signal {number} is taken by wasmer-runtime-core, which stops code with it")


def _set_handler_and_watch(signalnum: int, handler: Any, /) -> Any:
    _refuse(signalnum)
    known = callable(handler) and handler is not _signal.default_int_handler
    before = _set_handler(signalnum, Handler(handler) if known else handler)
    if callable(handler) or signalnum in _FAULTS:
        watch_signal(signalnum)
    return _as_given(before)


def _get_handler_as_given(signalnum: int, /) -> Any:
    return _as_given(_get_handler(signalnum))


def _as_given(handler: Any) -> Any:
    return handler.handler if isinstance(handler, Handler) else handler


def _set_mask_but_ours(how: int, mask: Any, /) -> Any:
    try:
        return _set_mask(how, mask)
    finally:  # it may run handlers, which may raise
        unblock_signals()


_FAULTS: Final = frozenset((_signal.SIGSEGV, _signal.SIGBUS, _signal.SIGFPE, _signal.SIGILL, _signal.SIGTRAP))


def _replace(module: Any, name: str, function: Callable[..., Any]) -> None:
    function.__doc__ = getattr(module, name).__doc__
    function.__name__ = function.__qualname__ = name
    setattr(module, name, function)


def _follow_faulthandler() -> None:
    """faulthandler takes faults, and signals it is registered for, with handlers of its own."""

    def enable(*arguments: Any, **options: Any) -> Any:
        result = enable_(*arguments, **options)
        faults_taken(True)
        return result

    def disable() -> Any:
        result = disable_()
        faults_taken(False)
        return result

    def register(signum: int, *arguments: Any, **options: Any) -> Any:
        _refuse(signum)
        result = register_(signum, *arguments, **options)
        leave_signal(signum)
        return result

    def unregister(signum: int, /) -> Any:
        result = unregister_(signum)
        if callable(_signal.getsignal(signum)):
            watch_signal(signum)
        return result

    enable_, disable_ = faulthandler.enable, faulthandler.disable
    register_, unregister_ = faulthandler.register, faulthandler.unregister
    for function in (enable, disable, register, unregister):
        _replace(faulthandler, function.__name__, function)


def _watch_handlers() -> None:
    """Those that are set, and those that will be."""
    for number in _signal.valid_signals():
        if callable(_signal.getsignal(number)):
            watch_signal(number)
    _replace(_signal, "signal", _set_handler_and_watch)
    _replace(_signal, "getsignal", _get_handler_as_given)
    _replace(_signal, "pthread_sigmask", _set_mask_but_ours)
    _follow_faulthandler()


_watch_handlers()


def watch_signals() -> None:
    """Let signals of which a library in C has taken away the handler stop running code again.

    Handlers set with `signal.signal` need no such call, and making an instance includes it.
    """
    assert_handlers()


class timeout(machine.DeadlineBlock):
    """Within ``with timeout(seconds):`` WebAssembly code of this thread ends with `Timeout` after that time.

    They nest, also with the `timeout` of a call, and may end in any order, as blocks of greenlets and tasks do:
    the earliest deadline counts, each until its own block ends. A block is left by the thread that entered it.
    The same object can be used again, not at once.

    Raises:
        ValueError: less than no time.
    """

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        if not seconds >= 0:
            raise ValueError(f"a timeout of {seconds} seconds: it cannot be negative")
        self.seconds = seconds


def seconds_left() -> float | None:
    """Seconds until the earliest deadline of this thread; None: there is none.

    0 or less: it has passed, or the call was cancelled; `check_interrupts` would raise. For a function that hands
    a timeout of its own to something that waits.
    """
    return machine.seconds_left()


def check_interrupts() -> None:
    """What a host function that takes long does every now and then: end, if its call must end.

    Python's signal handlers run if signals have come (in the main thread).

    Raises:
        Timeout: a deadline of this thread has passed.
        Cancelled: the call was cancelled.
        Exception: what a signal handler raised, such as KeyboardInterrupt.
    """
    machine.check_interrupts()


def wait(files: Iterable[tuple[Any, int]] = (), timeout: float | None = None) -> list[tuple[int, int]]:
    """How a host function waits: for files to be ready, or only for time to pass.

    It lets other threads run, and ends at once when anything happens that it must not outlive: then it raises as
    `check_interrupts` does. Outside of a call it is the same, as far as there is a deadline.

    Args:
        files: pairs of a file (a descriptor, or what has a ``fileno()``) and the events of poll(2) that are waited for
            (``select.POLLIN | select.POLLOUT``).
        timeout: seconds to wait at most; None: without a limit; 0: only to look.

    Returns:
        Pairs of a descriptor and the events that came (``POLLERR``, ``POLLHUP``, ``POLLNVAL`` unasked), in the order of
        `files`. Empty when the time is over.

    Raises:
        Timeout, Cancelled, Exception: as `check_interrupts`.
        OSError: poll(2) failed: more files than the process may have open (EINVAL).
        ValueError: less than no time.
    """
    return machine.wait(files, timeout)
