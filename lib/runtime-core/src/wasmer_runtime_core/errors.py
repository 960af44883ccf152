"""What can go wrong, as exceptions with a position (Wasmer's names, in Python's manner).

::

    Error
     ├─ CompileError
     │   ├─ DecodeError          the bytes or the text are malformed
     │   ├─ ValidationError      well formed, but not valid
     │   └─ InternalError        a bug of ours
     ├─ LinkError                imports are missing or do not match: all of them at once
     ├─ CallError
     │   ├─ ResolveError         no such export, wrong kind, wrong signature
     │   └─ RuntimeError         Trap, UserError, Timeout, ExitCode …
     ├─ CreationError            a memory or table cannot be made
     ├─ GrowError
     └─ CacheError
"""

from __future__ import annotations


class Error(Exception):
    """Base of everything this project raises on purpose."""


class CompileError(Error):
    """A module could not be compiled."""


class DecodeError(CompileError):
    """The module is malformed.

    Attributes:
        reason: what is wrong, in the specification's words where it has some.
        offset: byte offset in the binary module, or None for text.
        line, column: position in the text, from 1, or None for binary.
    """

    def __init__(
        self, reason: str, offset: int | None = None, line: int | None = None, column: int | None = None
    ) -> None:
        self.reason = reason
        self.offset = offset
        self.line = line
        self.column = column
        if offset is not None:
            where = f" (at byte {offset:#x})"
        elif line is not None:
            where = f" (at line {line}, column {column})"
        else:
            where = ""
        super().__init__(reason + where)

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.reason, self.offset, self.line, self.column))


class ValidationError(CompileError):
    """The module is well formed but not valid.

    Attributes:
        reason: what is wrong, in the specification's words where it has some.
        offset: byte offset in the module, or None.
        function: index of the function, or None outside of code.
    """

    def __init__(self, reason: str, offset: int | None = None, function: int | None = None) -> None:
        self.reason = reason
        self.offset = offset
        self.function = function
        where = []
        if function is not None:
            where.append(f"in function {function}")
        if offset is not None:
            where.append(f"at byte {offset:#x}")
        super().__init__(f'Validation error "{reason}"' + (f" ({', '.join(where)})" if where else ""))

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.reason, self.offset, self.function))


class InternalError(CompileError):
    """A bug of this project. Please report it with the module."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(f'Internal compiler error: "{message}"')

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.message,))
