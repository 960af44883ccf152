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

from wasmer_runtime.cli import deferred as click
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
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

TRAP_EXIT_CODE: Final = 128 + 6
INTERRUPT_EXIT_CODE: Final = 128 + 2
TIMEOUT_EXIT_CODE: Final = 124

OF_THE_FILE: Final = (CompileError, LinkError, CacheError, InternalError)
"""What is wrong with the module, and not with what it does."""

LINES: Final = "\n"
"""What `printable` leaves in messages of several lines: each name in them has been through it before."""

QUIET: Final = "wasmer_runtime.cli.quiet"
"""What it is kept under whether to be quiet."""


NEEDS_WASI: Final = "this program needs WASI, which is not installed: pip install 'wasmer-runtime[wasi]'"


class CommandError(Error):
    """Something about the command line itself, said in the message: one line."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


def must_be_installed(package: str, message: str) -> None:
    """Refuse to go on without a package that only some programs need.

    Raises:
        CommandError: it is not installed, with this message.
    """
    try:
        __import__(package)
    except ModuleNotFoundError as error:
        if error.name != package:  # it lacks something itself
            raise
        raise CommandError(message) from None


def report(error: BaseException) -> int | None:
    """Write `error` to standard error.

    Returns:
        the exit code, or None for what click reports itself.
    """
    if is_clicks(error):
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
        say(printable(note, LINES))
    return TRAP_EXIT_CODE if isinstance(error, Trap) else TIMEOUT_EXIT_CODE if isinstance(error, Timeout) else 1


def complain(message: str) -> None:
    """``Error: message`` on standard error, coloured on a terminal."""
    say(f"{_coloured('Error:', 31)} {printable(message, LINES)}")


def warn(message: str) -> None:
    """``Warning: message`` on standard error, coloured on a terminal; nothing with ``--quiet``."""
    if not is_quiet():
        say(f"{_coloured('Warning:', 33)} {printable(message)}")


def say(line: str) -> None:
    """Write a line to standard error."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def show(line: str) -> None:
    """Write a line to standard output."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _coloured(word: str, colour: int) -> str:
    """A word for standard error, bold and in a colour of the terminal, if it is one."""
    return f"\x1b[{colour}m\x1b[1m{word}\x1b[0m" if sys.stderr.isatty() else word


def is_clicks(error: BaseException) -> bool:
    """Whether click shows it, or ends the process by it. (Nothing of it is raised where there is no click.)"""
    if "click" not in sys.modules:
        return False
    return isinstance(error, (click.ClickException, click.exceptions.Exit, click.Abort))


def quiet_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--quiet`` to a command, which need not know of it."""

    def remember(context: click.Context, option: click.Parameter, value: bool) -> None:
        context.meta[QUIET] = value

    return click.option(
        "-q", "--quiet", is_flag=True, expose_value=False, callback=remember, help="No warnings, no progress bar."
    )(command)


def is_quiet() -> bool:
    """Whether the command was told to be."""
    return bool(click.meta().get(QUIET))


def flush() -> None:
    """What was printed through Python comes before what is reported."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        pass
