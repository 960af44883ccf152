"""How a program ends: by itself, by an abort, by an assertion."""

from __future__ import annotations

from typing import Final, NoReturn

from wasmer_emscripten.errors import Aborted, WrongArgument
from wasmer_emscripten.functions import provides
from wasmer_emscripten.guest import U32
from wasmer_emscripten.process import MAX_EXIT_FUNCTIONS, Process
from wasmer_emscripten.signatures import type_of
from wasmer_runtime_core.errors import ExitCode
from wasmer_runtime_core.support.printable import printable

_NOTHING: Final = type_of("->")
_POINTER: Final = type_of("i->")
"""Types of functions for the end."""


@provides("i->", "exit", "emscripten_force_exit")
def exit(process: Process, code: int) -> NoReturn:
    """End the program with a code, when what is registered for its end has run.

    Raises:
        ExitCode: always.
    """
    run_exit_functions(process)
    raise ExitCode(code & U32)


@provides("i->", "proc_exit", "_Exit", "_exit", "__exit")
def proc_exit(process: Process, code: int) -> NoReturn:
    """End the program with a code, at once.

    Raises:
        ExitCode: always.
    """
    raise ExitCode(code & U32)


@provides("->", "abort", "_abort_js")
def abort(process: Process) -> NoReturn:
    """End the program, which has found that something is wrong.

    Raises:
        Aborted: always.
    """
    raise Aborted("the program called abort()")


@provides("i->", "abort")
def abort_with(process: Process, what: int) -> NoReturn:
    """The same, with a number that says what."""
    raise Aborted(f"the program called abort({what})")


@provides("iiii->", "__assert_fail")
def assert_fail(process: Process, condition: int, file: int, line: int, function: int) -> NoReturn:
    """An assertion of the program has failed.

    Raises:
        Aborted: always; it says which.
    """
    where = process.text(file) or "unknown file"
    inside = process.text(function)
    text = f"Assertion failed: {process.text(condition)}, at: {where}, {line & U32}"
    raise Aborted(printable(f"{text}, {inside}" if inside else text))


@provides("i->", "__handle_stack_overflow")
def handle_stack_overflow(process: Process, requested: int) -> NoReturn:
    """A check that was built in has found that the program's own stack is full.

    Raises:
        Aborted: always.
    """
    raise Aborted(
        "the program's stack overflowed: it was built with a small one (-sSTACK_SIZE=… makes it larger); "
        f"the stack pointer was to be {requested & U32:#x}"
    )


@provides("iii->", "segfault", "alignfault")
def spoiled(process: Process, address: int, size: int, store: int) -> NoReturn:
    """A check that was built in (SAFE_HEAP) has found a wrong address."""
    raise Aborted(f"the program used a wrong address: {size & U32} bytes at {address & U32:#x}")


@provides(
    "->", "segfault", "alignfault", "__cxa_pure_virtual", "llvm_trap", "_emscripten_fs_load_embedded_files_failed"
)
def stopped(process: Process) -> NoReturn:
    """A check that was built in has found something wrong."""
    raise Aborted("a check that was built into the program found something wrong")


@provides("i->i", "atexit")
def atexit(process: Process, function: int) -> int:
    """Call a function when the program ends."""
    return _register(process, function, None)


@provides("iii->i", "__cxa_atexit", "__cxa_thread_atexit", "__cxa_thread_atexit_impl")
def cxa_atexit(process: Process, function: int, argument: int, handle: int) -> int:
    """Call a function with an argument when the program ends: destructors of globals."""
    return _register(process, function, argument)


def _register(process: Process, function: int, argument: int | None) -> int:
    if len(process.exit_functions) >= MAX_EXIT_FUNCTIONS:
        raise WrongArgument(f"the program registered more than {MAX_EXIT_FUNCTIONS} functions for its end")
    process.exit_functions.append((function, argument))
    return 0


@provides(
    "->", "_emscripten_runtime_keepalive_clear", "emscripten_runtime_keepalive_push", "emscripten_runtime_keepalive_pop"
)
def keepalive(process: Process) -> None:
    """Whether something is to go on behind `main`, which ends nothing here."""


@provides("->i", "emscripten_runtime_keepalive_check")
def keepalive_check(process: Process) -> int:
    """Whether something goes on behind `main`: 0."""
    return 0


@provides("ii->", "__call_sighandler")
def call_signal_handler(process: Process, function: int, number: int) -> None:
    """Call what a program has set for a signal that it raises itself."""
    process.links.call(function, _POINTER, number)


@provides("i->", "emscripten_throw_string")
def throw_string(process: Process, text: int) -> NoReturn:
    """End the program with a text, which it throws as JavaScript.

    Raises:
        Aborted: always.
    """
    raise Aborted(printable(f"the program threw {process.text(text)!r}"))


@provides("d->", "emscripten_throw_number")
def throw_number(process: Process, number: float) -> NoReturn:
    """The same with a number.

    Raises:
        Aborted: always.
    """
    raise Aborted(f"the program threw {number}")


def run_exit_functions(process: Process) -> None:
    """What was registered, the last first; they may register more. Once: who ends while ending just ends."""
    if process.ending:
        return
    process.ending = True
    functions = process.links.find("__funcs_on_exit", "___funcs_on_exit")
    if functions is not None:
        functions()
    while process.exit_functions:
        function, argument = process.exit_functions.pop()
        if argument is None:
            process.links.call(function, _NOTHING)
        else:
            process.links.call(function, _POINTER, argument)
