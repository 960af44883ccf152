"""What a .NET program can end with, besides its exit code (`ExitCode`) and traps.

All are below core's `RuntimeError`, so one clause catches whatever a program does.
"""

from __future__ import annotations

from wasmer_runtime_core.errors import RuntimeError, Uncatchable
from wasmer_runtime_core.support.printable import printable


class DotnetError(RuntimeError):
    """A .NET program failed, or it cannot be run; the subclasses say how."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message, "\n"))


class UnknownFramework(DotnetError, ValueError):
    """A directory has no .NET runtime, or one of a version that is not known."""


class WrongAssembly(DotnetError, ValueError):
    """A file is no assembly of .NET, has no `Main`, or is for another version than the framework's."""


class WrongNumber(DotnetError, Uncatchable, ValueError):
    """The runtime gave a function an address or a length that makes no sense."""


class RuntimeAborted(DotnetError):
    """The .NET runtime gave up: `Environment.FailFast`, or an error in its own code. It said why before."""


class ProgramEnded(DotnetError):
    """The program has run already: a runtime runs one `Main`."""


class NeverEnds(DotnetError):
    """The task of the program's `Main` is not done, and nothing is left that could be waited for."""


class DotnetException(DotnetError):
    """An exception of .NET that the program has not handled. As text it is what .NET writes of it.

    Attributes:
        type: the name of its class, as .NET writes it (``System.InvalidOperationException``); "" where the framework
            has been trimmed of what tells it.
        message: its message.
        stack_trace: its stack trace, a line per frame; "" where it has none.
    """

    def __init__(self, text: str, type: str = "", message: str = "", stack_trace: str = "") -> None:
        self.type = type
        self.message = message
        self.stack_trace = stack_trace
        super().__init__(text)

    def __reduce__(self) -> tuple[object, ...]:
        return (self.__class__, (self.args[0], self.type, self.message, self.stack_trace))
