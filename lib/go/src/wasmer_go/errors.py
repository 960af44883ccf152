"""What a Go program can end with, besides its exit code (`ExitCode`) and traps.

All are below core's `RuntimeError`, so one clause catches whatever a program does.
"""

from __future__ import annotations

from typing import Any

from wasmer_runtime_core.errors import RuntimeError
from wasmer_runtime_core.support.printable import printable


class GoError(RuntimeError):
    """A Go program failed, or its module is none that can be run; the subclasses say how."""


class UnknownGoVersion(GoError):
    """The module imports what no known version of Go imports, or not what every version imports.

    Attributes:
        names: the imports.
    """

    def __init__(self, message: str, names: tuple[str, ...] = ()) -> None:
        self.names = names
        super().__init__(printable(message))

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.args[0], self.names))


class WrongNumber(GoError, ValueError):
    """The program gave a function an address, a length or the number of a value that make no sense."""


class TooManyValues(GoError, MemoryError):
    """The program holds more of the host's values, or more bytes in them, than it may (`GoState`)."""


class ProgramExited(GoError):
    """A function of the program was called, and the program has ended, before or because of that.

    Attributes:
        code: its exit code.
    """

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"the Go program has exited, with code {code}: none of its functions can be called")

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.code,))


class Thrown(GoError):
    """A value that was thrown as JavaScript throws, and that nobody has caught.

    Attributes:
        value: what was thrown: an `Error` mostly.
    """

    def __init__(self, value: Any) -> None:
        self.value = value
        super().__init__(printable(str(value)))

    def __reduce__(self) -> tuple[object, ...]:
        return (_thrown_again, (str(self),))


def _thrown_again(text: str) -> Thrown:
    return Thrown(text)
