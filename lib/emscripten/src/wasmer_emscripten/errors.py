"""What a program of emcc can end with, besides its exit code (`ExitCode`) and traps.

All are below core's `RuntimeError`, so one clause catches whatever a program does. Those after which it cannot go on
are `Uncatchable`: no handler of the program's sees them, and no destructor runs.
"""

from __future__ import annotations

from wasmer_runtime_core.errors import RuntimeError, Traced, Uncatchable
from wasmer_runtime_core.running.objects.tags import WasmException
from wasmer_runtime_core.support.printable import printable


class EmscriptenError(RuntimeError):
    """A program of emcc failed; the subclasses say how."""


class Aborted(EmscriptenError, Uncatchable):
    """The program called `abort`, an assertion failed, or its own checks found its stack or heap spoiled."""


class WrongArgument(EmscriptenError, Uncatchable, ValueError):
    """The program gave a function numbers that make no sense, and the function has no way to tell it so."""


class OutOfMemory(EmscriptenError, Uncatchable, MemoryError):
    """The program's own heap had no room for what a function puts there."""


class NotSupported(EmscriptenError, Uncatchable, NotImplementedError):
    """The program called a function that is not here.

    Attributes:
        name: the function.
        remedy: what its user can do.
    """

    def __init__(self, name: str, remedy: str) -> None:
        self.name = name
        self.remedy = remedy
        super().__init__(printable(f"the program called {name}, which is not supported: {remedy}", "\n"))


class SideModuleError(EmscriptenError):
    """A side module, or the program that it is for, cannot be linked.

    Attributes:
        library: the module, by the name under which it was asked for.
        reason: what is wrong, as the program is told by `dlerror`.
        symbol: what it wants that nothing has; "" where something else is wrong.
    """

    def __init__(self, library: str, reason: str, symbol: str = "", remedy: str = "") -> None:
        self.library = library
        self.reason = reason
        self.symbol = symbol
        self._remedy = remedy
        super().__init__(printable(": ".join(part for part in (library, reason, remedy) if part)))

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.library, self.reason, self.symbol, self._remedy))


class BindingError(EmscriptenError, TypeError):
    """What Python does with something of C++ is not possible: a wrong argument, an object that is deleted."""


class Unwinding(EmscriptenError, Traced):
    """What goes through the program's frames to the nearest `invoke_*`, and no further if that is the same program's.

    Attributes:
        process: the `Process` whose frames these are.
    """

    def __init__(self, process: object, message: str) -> None:
        self.process = process
        Traced.__init__(self, message)  # not `super()`: a subclass has a base between


class CppException(Unwinding):
    """A C++ exception that the program threw and did not catch.

    Attributes:
        type: the type's name, as far as it can be read: ``std::runtime_error``.
        message: what its `what()` says, where the program exports `__get_exception_message`; else "".
        pointer: where the exception lies in the program's memory.
        is_outside: Python has it; until a function that the program called raises it.

    Raised in a function that the program calls, it goes on to the program's own handlers.
    """

    def __init__(self, process: object, pointer: int) -> None:
        super().__init__(process, "a C++ exception was thrown")
        self.pointer = pointer
        self.is_outside = False
        self.type = ""
        self.message = ""

    def describe(self, type: str, message: str) -> None:
        """Say what it is: asked for once, where it leaves the program."""
        self.type = type
        self.message = message
        text = ": ".join(part for part in (type or "a C++ exception", message) if part)
        self.args = (printable(text),)


class EncodedCppException(CppException, WasmException):
    """One that was thrown in an encoding of WebAssembly's own (``-fwasm-exceptions``): no `invoke_*` catches it.

    Attributes:
        tag, values: by which code of the program catches it.
    """

    def __init__(self, process: object, pointer: int, thrown: WasmException) -> None:
        super().__init__(process, pointer)
        self.__dict__ |= thrown.__dict__  # tag, values, and the functions that it left


class LongJump(Unwinding):
    """A `longjmp` on its way to its `setjmp`; whoever sees it from outside, sees one whose `setjmp` is gone."""

    def __init__(self, process: object) -> None:
        super().__init__(process, "longjmp to a setjmp whose function has returned")
