"""What can go wrong, as exceptions with a position (Wasmer's names, in Python's manner).

::

    Error
     ├─ CompileError
     │   ├─ DecodeError          the bytes or the text are malformed
     │   ├─ ValidationError      well formed, but not valid
     │   ├─ UnsupportedFeatureError   uses a feature that is not here, or is switched off
     │   ├─ ImplementationLimitError  larger than this implementation takes
     │   └─ BackendError         no such backend, or not installed
     ├─ LinkError                imports are missing or do not match: all of them at once
     ├─ CallError
     │   ├─ ResolveError         SignatureError, ExportNotFound, ExportWrongType
     │   └─ RuntimeError         Trap (ExecutionLimitExceeded), UserError, ExitCode, Uncatchable
     ├─ CreationError            a memory or table cannot be made
     ├─ GrowError
     ├─ CacheError
     └─ InternalError            a bug of ours, met while compiling
         └─ FaultError           one met while compiled code ran

A bug of ours says nothing about the module, so it is neither a `CompileError` nor a `RuntimeError`:
who handles those for a module that is not trusted does not take one for the other.

Where Python has a word for the same failure, the class is that too: `ExportNotFound` is a
`KeyError` and an `AttributeError`, `SignatureError` a `TypeError`, `RuntimeError` (also
called `WasmRuntimeError`, for those who do not want to shadow the built-in) a built-in
`RuntimeError`. All of them pickle, so that they cross process pools.

Long for one idea: it is the list of all failures, and each says how it looks to its user.
"""

from __future__ import annotations

import builtins

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_runtime_core.support.printable import LONGEST_IN_A_BACKTRACE, printable, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Error(Exception):
    """Base of everything this project raises on purpose."""


# --- compiling ----------------------------------------------------------------------------


class CompileError(Error):
    """A module could not be compiled."""


class DecodeError(CompileError):
    """The module is malformed.

    Attributes:
        reason: what is wrong, in the specification's words where it has some.
        offset: byte offset in the binary module, or None for a text that becomes none.
        line, column: position in the text, from 1, or None for binary.
    """

    def __init__(
        self, reason: str, offset: int | None = None, line: int | None = None, column: int | None = None
    ) -> None:
        self.reason = reason
        self.offset = offset
        self.line = line
        self.column = column
        if line is not None:
            where = f" (at line {line}, column {column})"
        elif offset is not None:
            where = f" (at byte {offset:#x})"
        else:
            where = ""
        super().__init__(printable(reason) + where)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.reason, self.offset, self.line, self.column))

    def located(self, function_name: str, position: tuple[int, int] | None) -> DecodeError:
        """The same, with the position in the text."""
        return self if position is None else type(self)(self.reason, self.offset, *position)


class ValidationError(CompileError):
    """The module is well formed but not valid.

    Attributes:
        reason: what is wrong, in the specification's words where it has some.
        offset: byte offset in the module, or None; of a text in the binary module that it becomes.
        function: index of the function, or None outside of code.
        function_name: its name, or "".
        line, column: position in the text, from 1, or None for binary.
    """

    def __init__(
        self,
        reason: str,
        offset: int | None = None,
        function: int | None = None,
        function_name: str = "",
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        self.reason = reason
        self.offset = offset
        self.function = function
        self.function_name = function_name
        self.line = line
        self.column = column
        where = []
        if function is not None:
            named = f" named {printable(shortened(function_name))}" if function_name else ""
            where.append(f"in function {function}{named}")
        if line is not None:
            where.append(f"at line {line}, column {column}")
        elif offset is not None:
            where.append(f"at byte {offset:#x}")
        super().__init__(f'Validation error "{printable(reason)}"' + (f" ({', '.join(where)})" if where else ""))

    def __reduce__(self) -> tuple[Any, ...]:
        values = (self.reason, self.offset, self.function, self.function_name, self.line, self.column)
        return (type(self), values)

    def located(self, function_name: str, position: tuple[int, int] | None) -> ValidationError:
        """The same, with the function's name and the position in the text."""
        line, column = position or (None, None)
        return type(self)(self.reason, self.offset, self.function, function_name, line, column)


class UnsupportedFeatureError(CompileError):
    """The module uses a feature of WebAssembly that is not here, or that its configuration switches off.

    It may be well formed and valid for a runtime that has the feature. `features` has the table.

    Attributes:
        feature: which, by its name there: "tail_call", "threads" …
        title: the same in words.
        use: what it was told by: "return_call", "a shared memory" …
        switched_off: the feature is here, and the configuration switches it off.
        backend: which does not compile it; "" where that is not the reason.
        without: what is wrong with the module where nobody knows the feature.
        offset: byte offset in the binary module, or None.
        function: index of the function, or None outside of code, and for text.
        line, column: position in the text, from 1, or None for binary.
    """

    def __init__(
        self,
        feature: str,
        title: str,
        use: str,
        switched_off: bool,
        without: DecodeError | ValidationError,
        function: int | None = None,
        backend: str = "",
    ) -> None:
        self.feature = feature
        self.backend = backend
        self.title = title
        self.use = use
        self.switched_off = switched_off
        self.without = without
        self.offset = without.offset
        self.line, self.column = without.line, without.column
        self.function = function
        if isinstance(without, ValidationError) and function is None:
            self.function = without.function
        where = []
        if self.function is not None:
            where.append(f"in function {self.function}")
        if self.line is not None:
            where.append(f"at line {self.line}, column {self.column}")
        elif self.offset is not None:
            where.append(f"at byte {self.offset:#x}")
        if switched_off:
            refusal = f'which this configuration switches off: CompilerConfig(features={{"{feature}": False}})'
        elif backend:
            refusal = f"which the {backend} backend does not compile; another one may"
        else:
            refusal = "which this version does not run"
        super().__init__(printable(f"uses {title} ({use}), {refusal}") + (f" ({', '.join(where)})" if where else ""))

    def __reduce__(self) -> tuple[Any, ...]:
        values = (self.feature, self.title, self.use, self.switched_off, self.without, self.function, self.backend)
        return (type(self), values)

    def over(self, without: DecodeError | ValidationError) -> UnsupportedFeatureError:
        """The same, of a module that is found wrong without the feature in these words."""
        values = (self.feature, self.title, self.use, self.switched_off, without, self.function, self.backend)
        return type(self)(*values)


class ImplementationLimitError(CompileError):
    """The module has more of something than this implementation takes (specification, appendix 7.2).

    It may be well formed and valid. `implementation_limits` has the table; a configuration raises
    any of them.

    Attributes:
        limit: which: "locals", "code_bytes" …
        bounds: what it counts, in words.
        found: how many the module has; where counting stopped, one more than it may have.
        most: how many it may have.
        offset: byte offset in the binary module, or None.
        function: index of the function, or None outside of code.
    """

    def __init__(
        self, limit: str, bounds: str, found: int, most: int, offset: int | None = None, function: int | None = None
    ) -> None:
        self.limit = limit
        self.bounds = bounds
        self.found = found
        self.most = most
        self.offset = offset
        self.function = function
        where = []
        if function is not None:
            where.append(f"in function {function}")
        if offset is not None:
            where.append(f"at byte {offset:#x}")
        super().__init__(
            f"implementation limit: {found:,} {bounds}; there may be {most:,}"
            + (f" ({', '.join(where)})" if where else "")
            + f'. To raise it: CompilerConfig(implementation_limits={{"{limit}": …}})'
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.limit, self.bounds, self.found, self.most, self.offset, self.function))


# --- bugs of ours -------------------------------------------------------------------------


class InternalError(Error):
    """A bug of this project, met while a module was compiled. Please report it with the module.

    Attributes:
        message: what was found, and at which operator.
    """

    WORDS = 'Internal compiler error: "{}"'

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(self.WORDS.format(message))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.message,))


class FaultError(InternalError):
    """Compiled code did what no code of ours should: a fault that the tables of its traps do not list.

    The call was unwound, as by a trap. What the instance's memory holds now is not known: drop the
    instance, and please report the module.

    Attributes:
        message: the signal, where the code was, and the functions that ran.
    """

    WORDS = "Internal error, compiled code faulted: {}"


# --- linking ------------------------------------------------------------------------------
# One class per thing that can be wrong with one import; `LinkError` carries them all.
# `specification` is what the specification's scripts call it.

UNKNOWN_IMPORT = "unknown import"
INCOMPATIBLE_IMPORT = "incompatible import type"


class ImportNotFound(NamedTuple):
    """Nothing was given for this import."""

    namespace: str
    name: str
    expected: str
    """What the module wants: ``"function [i32] -> []"``, ``"memory {min: 1}"``, …"""

    @property
    def specification(self) -> str:
        return UNKNOWN_IMPORT

    def __str__(self) -> str:
        return printable(f"Import not found, namespace: {self.namespace}, name: {self.name} (expected {self.expected})")


class _Mismatch(NamedTuple):
    """Something of another kind or type than what is wanted."""

    namespace: str
    name: str
    expected: str
    found: str

    @property
    def specification(self) -> str:
        return INCOMPATIBLE_IMPORT

    def _message(self, what: str, aspect: str) -> str:
        return printable(
            f"Incorrect {what}, namespace: {self.namespace}, name: {self.name}, "
            f"expected {aspect}: {self.expected}, found {aspect}: {self.found}"
        )


class IncorrectImportType(_Mismatch):
    """A function where a memory is wanted, and the like."""

    __slots__ = ()

    def __str__(self) -> str:
        return self._message("import type", "type")


class IncorrectImportSignature(_Mismatch):
    """A function of another signature."""

    __slots__ = ()

    def __str__(self) -> str:
        return self._message("import signature", "signature")


class IncorrectMemoryDescriptor(_Mismatch):
    """A memory that is too small, may grow too far, or is shared when it should not be."""

    __slots__ = ()

    def __str__(self) -> str:
        return self._message("memory descriptor", "memory descriptor")


class IncorrectTableDescriptor(_Mismatch):
    """A table that is too small, may grow too far, or holds another type."""

    __slots__ = ()

    def __str__(self) -> str:
        return self._message("table descriptor", "table descriptor")


class IncorrectGlobalDescriptor(_Mismatch):
    """A global of another type or mutability."""

    __slots__ = ()

    def __str__(self) -> str:
        return self._message("global descriptor", "global descriptor")


class IncorrectTagDescriptor(_Mismatch):
    """A tag for values of other types."""

    __slots__ = ()

    def __str__(self) -> str:
        return self._message("tag descriptor", "tag descriptor")


class GenericLinkError(NamedTuple):
    """Anything else, said in `message`."""

    message: str

    @property
    def specification(self) -> str:
        return INCOMPATIBLE_IMPORT

    def __str__(self) -> str:
        return printable(self.message)


LinkErrorItem = (
    ImportNotFound
    | IncorrectImportType
    | IncorrectImportSignature
    | IncorrectMemoryDescriptor
    | IncorrectTableDescriptor
    | IncorrectGlobalDescriptor
    | IncorrectTagDescriptor
    | GenericLinkError
)


MOST_LISTED: Final = 100
"""Link errors in a message; `LinkError.errors` has all of them."""


class LinkError(Error):
    """A module cannot be instantiated with these imports.

    The message has a line for each, those of a namespace together.

    Attributes:
        errors: every import that is missing or does not match, in the module's order.
        hint: what to do about it, or "".
    """

    def __init__(self, errors: Sequence[LinkErrorItem], hint: str = "") -> None:
        self.errors = tuple(errors)
        self.hint = hint
        if len(self.errors) == 1:
            text = f"link error: {self.errors[0]}"
        else:
            count = len(self.errors)
            groups: dict[str, list[str]] = {}
            for error in self.errors[:MOST_LISTED]:
                groups.setdefault(getattr(error, "namespace", ""), []).append(str(error))
            lines = [line for group in groups.values() for line in group]
            text = f"{count} link errors:" + "".join(
                f"\n  ({at} of {count}) {line}" for at, line in enumerate(lines, 1)
            )
            if count > MOST_LISTED:
                text += f"\n  … and {count - MOST_LISTED} more"
        super().__init__(text + (f"\n{hint}" if hint else ""))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.errors, self.hint))


# --- calling ------------------------------------------------------------------------------


class CallError(Error):
    """A call failed: its function was not found, or it did not end well."""


class ResolveError(CallError):
    """An export cannot be used in the way that was asked for."""


class SignatureError(ResolveError, TypeError):
    """Arguments, or a typed access, that do not fit the function's signature.

    Attributes:
        expected: the function's signature.
        found: what was given.
    """

    def __init__(self, expected: str, found: str, name: str = "") -> None:
        self.expected = str(expected)
        self.found = str(found)
        self.name = name
        of = f" of {name}" if name else ""
        super().__init__(printable(f"signature{of} does not fit: expected {self.expected}, found {self.found}"))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.expected, self.found, self.name))


class ExportNotFound(ResolveError, KeyError, AttributeError):
    """The instance exports nothing of this name.

    Attributes:
        name: the name that was asked for.
        available: the names there are.
    """

    def __init__(self, name: str, available: Sequence[str] = ()) -> None:
        super().__init__(name)
        self.name = name
        self.available = tuple(available)

    def __str__(self) -> str:
        text = f"Export not found: {self.name}"
        if self.available:
            shown = ", ".join(map(shortened, self.available[:8]))
            text += f" (there is: {shown}{', …' if len(self.available) > 8 else ''})"
        return printable(text)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.name, self.available))


class ExportWrongType(ResolveError, TypeError):
    """The export is of another kind: a memory where a function is wanted.

    Attributes:
        name: of the export.
        expected, found: kinds: "function", "memory", "table", "global".
    """

    def __init__(self, name: str, expected: str = "", found: str = "") -> None:
        self.name = name
        self.expected = expected
        self.found = found
        detail = f" (expected a {expected}, found a {found})" if expected else ""
        super().__init__(printable(f"Export has the wrong type: {name}{detail}"))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.name, self.expected, self.found))


class RuntimeError(CallError, builtins.RuntimeError):
    """WebAssembly code began to run and did not end normally."""


WasmRuntimeError = RuntimeError


class Frame(NamedTuple):
    """One WebAssembly function of a backtrace."""

    function_index: int
    function_name: str  # from the name section, an export, or ""
    offset: int  # of the operator, in bytes from the start of the module; 0: not known
    module_name: str = ""
    source: str = ""  # "/src/file.c:12:3" where the module has debug information
    inlined: bool = False  # into the function of this index, by the compiler that made the module

    def __str__(self) -> str:
        name = shortened(self.function_name, LONGEST_IN_A_BACKTRACE) or f"function[{self.function_index}]"
        module = f"{shortened(self.module_name, LONGEST_IN_A_BACKTRACE)}!" if self.module_name else ""
        source = f" at {shortened(self.source, LONGEST_IN_A_BACKTRACE)}" if self.source else ""
        of = "inlined into function" if self.inlined else "function"
        at = (
            f", at byte {self.offset:#x}" if self.offset else ""
        )  # code that was stopped may have been between operators
        return printable(f"{module}{name}{source} ({of} {self.function_index}{at})")


MOST_ALIKE: Final = 3
"""Of the same frames again and again, as recursion without end leaves them, so many rounds are shown."""
LONGEST_ROUND: Final = 8
"""Frames of a round that is looked for."""


def backtrace_lines(frames: Sequence[Frame]) -> list[str]:
    """Frames for a backtrace, a line each; of rounds that are all alike the first ones, and how many there are more."""
    lines: list[str] = []
    at = 0
    while at < len(frames):
        size, rounds = _rounds(frames, at)
        shown = min(rounds, MOST_ALIKE) * size
        lines += [f"  {number}: {frames[number]}" for number in range(at, at + shown)]
        at += rounds * size
        if rounds > MOST_ALIKE:
            what = "like it" if size == 1 else f"rounds of these {size}"
            lines.append(f"  … {rounds - MOST_ALIKE} more {what}")
    return lines


def _rounds(frames: Sequence[Frame], at: int) -> tuple[int, int]:
    """The size of the shortest round of frames that begins here and comes often, and how often; else one frame."""
    for size in range(1, LONGEST_ROUND + 1):
        rounds = 1
        while frames[at : at + size] == frames[at + rounds * size : at + (rounds + 1) * size]:
            rounds += 1
        if rounds > MOST_ALIKE:
            return size, rounds
    return 1, 1


MOST_ENTRIES: Final = 64
"""Entries into WebAssembly that an exception passed through and has frames of."""


class Traced(RuntimeError):
    """WebAssembly code did not end normally, and where it was is told when it is asked for: many are caught unseen.

    Attributes:
        frames: the wasm functions that ran, innermost first.
    """

    def __init__(self, text: str, frames: Sequence[Frame] = ()) -> None:
        super().__init__(text)
        self._parts: list[tuple[Frame, ...] | Callable[[], tuple[Frame, ...]]] = [tuple(frames)]
        self._more_notes: list[str] = []
        self._entries = 0

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The wasm functions that ran, innermost first; names and lines are looked up when asked for.

        Each part gives way to what it gives, in one step: others may ask meanwhile, or a signal's handler raise.
        """
        found: list[Frame] = []
        for at, part in enumerate(self._parts):
            if not isinstance(part, tuple):
                part = self._parts[at] = part()
            found += part
        return tuple(found)

    def add_frames(self, look_up: Callable[[], tuple[Frame, ...]]) -> None:
        """More frames, of an entry further out; `look_up` gives them when they are asked for.

        Not without end: a host may raise one object again and again.
        """
        if self._entries < MOST_ENTRIES:
            self._entries += 1
            self._parts.append(look_up)

    @property
    def __notes__(self) -> list[str]:  # type: ignore[override]
        """The backtrace, made when it is shown, and whatever `add_note` added."""
        if not self.frames:
            return list(self._more_notes)
        return ["wasm backtrace:\n" + "\n".join(backtrace_lines(self.frames)), *self._more_notes]

    def add_note(self, note: str) -> None:
        """As for every exception."""
        self._more_notes.append(note)


class Trap(Traced):
    """WebAssembly code ended in a trap (specification, section 4.2.1).

    Attributes:
        message: the specification's words: "integer divide by zero".
        kind: name of the row of `contract.traps`: "INTEGER_DIVIDE_BY_ZERO".
        trap_info: Wasmer's `WasmTrapInfo` member: "IllegalArithmetic".
        frames: the wasm functions that ran, innermost first.
    """

    def __init__(self, message: str, kind: str = "", trap_info: str = "Unknown", frames: Sequence[Frame] = ()) -> None:
        super().__init__(f"WebAssembly trap occurred during runtime: {message}", frames)
        self.message = message
        self.kind = kind
        self.trap_info = trap_info

    def __reduce__(self) -> tuple[Any, ...]:
        state = {name: value for name, value in self.__dict__.items() if name != "_parts"}
        return (type(self), (self.message, self.kind, self.trap_info, self.frames), state)


class ExecutionLimitExceeded(Trap):
    """The instance has used as many points as `Metering` grants it."""


class UserError(RuntimeError):
    """A host function ended the call early with a value of its own.

    Attributes:
        data: whatever the host function gave.
    """

    def __init__(self, data: object) -> None:
        self.data = data
        super().__init__(f"WebAssembly call ended early: {data!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.data,))


class Timeout(RuntimeError, TimeoutError):
    """A deadline passed while WebAssembly code was running (`interrupts.timeout`)."""


class Cancelled(RuntimeError):
    """The task of this call was cancelled (`calls_async`): its code ends, and what a host function waits for."""


class Uncatchable(RuntimeError):
    """What ends a program, and none of its code may catch, not by ``catch_all`` either.

    A host function raises a subclass where the program cannot go on.
    """


class ExitCode(RuntimeError):
    """The program asked to end (WASI's proc_exit, Emscripten's exit). Not a failure.

    Attributes:
        code: what a process would return.
    """

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"the program ended with exit code {code}")

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.code,))


# --- memories, tables, caches, backends -----------------------------------------------------


class CreationError(Error):
    """A memory or a table cannot be made."""


class UnableToCreateMemory(CreationError):
    """The operating system refused the memory."""


class UnableToCreateTable(CreationError):
    """The operating system refused the table."""


class TooManyInstances(CreationError):
    """The `Limits` given allow no further instance while the others live."""


class InvalidDescriptor(CreationError, ValueError):
    """The descriptor contradicts itself, said in the message."""


class GrowError(Error):
    """A memory or a table cannot grow that far."""


class MemoryGrowError(GrowError):
    """A memory cannot grow that far."""


class TableGrowError(GrowError):
    """A table cannot grow that far."""


class PageError(GrowError, OverflowError):
    """Adding pages passes the 65536 that a memory may have.

    Attributes:
        left, added: the two counts of pages.
    """

    def __init__(self, left: int, added: int) -> None:
        self.left = left
        self.added = added
        super().__init__(f"Exceeded max pages: {left} + {added}")

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.left, self.added))


class CacheError(Error):
    """A compiled module cannot be stored or loaded.

    Attributes:
        kind: ``"foreign"`` (no artifact), ``"truncated"``, ``"damaged"``, ``"version"`` (of another version of this
            package), ``"processor"`` (for another one, or one that has more than this), ``"missing"`` (a cache has
            none); ``""`` for anything else.
    """

    def __init__(self, message: str = "", kind: str = "") -> None:
        self.kind = kind
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (str(self), self.kind))


class BackendError(CompileError, LookupError):
    """No such backend, or it is not installed; the message says what to install."""
