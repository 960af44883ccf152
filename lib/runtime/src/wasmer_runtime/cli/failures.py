"""How a failure looks on the command line, and the exit code it becomes.

=====================  =========  ======================================================
failure                exit code  on standard error
=====================  =========  ======================================================
`ExitCode`             its code   nothing: the program has ended as it wanted to
`Trap`                 134        ``Error:`` with the message, then the wasm backtrace
`Timeout`              124        the same, as of ``timeout`` of the GNU system
`Error`, `OSError`     1          ``Error:`` with the message; what is wrong with a module begins with its file's name
another exception      1          the same, naming its class: a host function raised it
`KeyboardInterrupt`    130        nothing
=====================  =========  ======================================================

With ``WASMER_BACKTRACE=1`` in the environment Python's own traceback is shown too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, Final

import click

from wasmer_runtime.cli.files import named_file
from wasmer_runtime_core.errors import (
    BackendError,
    CacheError,
    CompileError,
    Error,
    ExitCode,
    InternalError,
    LinkError,
    Timeout,
    Trap,
)
from wasmer_runtime_core.support.printable import printable

TRAP_EXIT_CODE: Final = 128 + 6
INTERRUPT_EXIT_CODE: Final = 128 + 2
TIMEOUT_EXIT_CODE: Final = 124

OF_THE_FILE: Final = (CompileError, LinkError, CacheError, InternalError)
"""What is wrong with the module, and not with what it does."""

LINES: Final = "\n"
"""What `printable` leaves in messages of several lines: each name in them has been through it before."""

QUIET: Final = "wasmer_runtime.cli.quiet"
"""Where click keeps whether to be quiet."""


class CommandError(Error):
    """Something about the command line itself, said in the message: one line."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


def report(error: BaseException) -> int | None:
    """Write `error` to standard error.

    Returns:
        the exit code, or None for what click reports itself.
    """
    if isinstance(error, (click.ClickException, click.exceptions.Exit, click.Abort)):
        return None
    flush()
    if isinstance(error, ExitCode):
        return error.code
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPT_EXIT_CODE
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has enough; nothing more can be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if os.environ.get("WASMER_BACKTRACE", "0") not in ("", "0"):
        import traceback

        traceback.print_exception(error)
    message = str(error)
    file = named_file()
    if file and isinstance(error, OF_THE_FILE) and not isinstance(error, BackendError):
        message = f"{printable(file)}: {message}"
    if not isinstance(error, (Error, OSError)):
        message = printable(f"{type(error).__name__}: {message}" if message else type(error).__name__)
    complain(message)
    for note in getattr(error, "__notes__", ()):
        click.echo(printable(note, LINES), err=True)
    return TRAP_EXIT_CODE if isinstance(error, Trap) else TIMEOUT_EXIT_CODE if isinstance(error, Timeout) else 1


def complain(message: str) -> None:
    """``Error: message`` on standard error, coloured on a terminal."""
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {printable(message, LINES)}", err=True)


def warn(message: str) -> None:
    """``Warning: message`` on standard error, coloured on a terminal; nothing with ``--quiet``."""
    if not is_quiet():
        click.echo(f"{click.style('Warning:', fg='yellow', bold=True)} {printable(message)}", err=True)


def quiet_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--quiet`` to a command, which need not know of it."""

    def remember(context: click.Context, option: click.Parameter, value: bool) -> None:
        context.meta[QUIET] = value

    return click.option(
        "-q", "--quiet", is_flag=True, expose_value=False, callback=remember, help="No warnings, no progress bar."
    )(command)


def is_quiet() -> bool:
    """Whether the command was told to be."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(QUIET))


def flush() -> None:
    """What was printed through Python comes before what is reported."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        pass
