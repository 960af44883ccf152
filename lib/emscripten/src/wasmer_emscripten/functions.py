"""The functions that programs import: rows of name, type and the Python function, and how one is chosen.

A row is made by a decorator where its function is defined. Names have lived through many versions of emcc, and their
types have changed meanwhile; so what an import gets is decided by the type that it wants, never by a version:

* a row of exactly that type;
* else one in which an i64 is wanted as two i32 (programs that were made for engines without BigInt), low half first; a
  result as its low half, the high one in ``tempRet0``;
* a row's last parameters, behind ``?``, may not be wanted, and a result may not;
* else nothing fits, and the import becomes a function that says so when it is called.

What a function raises decides what becomes of it: `syscall` answers with the negated error number, `wasi` with the
number, and a function that has no way to tell ends the program with `WrongArgument`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import CodeType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from wasmer_emscripten.errors import EmscriptenError, WrongArgument
from wasmer_emscripten.guest import U32, U64
from wasmer_emscripten.numbers import FAILURES, errno_of, must_be_answer
from wasmer_emscripten.signatures import letters_of
from wasmer_vfs.waiting import Interrupted

if TYPE_CHECKING:
    from wasmer_emscripten.process import Process
    from wasmer_runtime_core.wasm.types import FunctionType

Answer = int | float | None
Provided = Callable[..., Answer]
"""A function of this package: takes the `Process`, then what the program passed."""


class Row(NamedTuple):
    """One function that programs import.

    Attributes:
        name: as imported, without the underscore of older names.
        params: a letter for each; those behind ``?`` may not be wanted.
        result: a letter, or "".
        function: what is called.
        about: one line for the list of functions.
    """

    name: str
    params: str
    result: str
    function: Provided
    about: str


ROWS: Final[dict[str, list[Row]]] = {}
"""By name. Filled by the decorators when `library` and `syscalls` are imported."""

Function = TypeVar("Function", bound=Provided)


def _row(name: str, type: str, function: Provided, described: Provided) -> None:
    params, _, result = type.partition("->")
    about = (described.__doc__ or "").strip().partition("\n")[0]
    ROWS.setdefault(name, []).append(Row(name, params, result, function, about))


_CALLING: Final[set[CodeType]] = set()
"""That of the functions around rows."""
_EMBIND: Final = "wasmer_emscripten.embind."


def _keep_nothing(failure: BaseException) -> None:
    """Empty the frames of embind that an exception has gone through.

    Its user may keep it, and through its traceback all that was between Python and C++: views of the memory, say, which
    would keep the program from being closed.
    """
    while True:
        traceback = failure.__traceback__
        below = False
        while traceback is not None:
            frame = traceback.tb_frame
            if below and frame.f_code in _CALLING:
                break  # which has done the rest
            below = True
            if str(frame.f_globals.get("__name__")).startswith(_EMBIND):
                try:
                    frame.clear()
                except RuntimeError as running:
                    must_be_answer(running)
            traceback = traceback.tb_next
        if not isinstance(failure, EmscriptenError) or failure.__cause__ is None:
            return
        failure = failure.__cause__


def provides(type: str, *names: str) -> Callable[[Function], Function]:
    """A function that cannot tell the program that something was wrong."""

    def decorate(function: Function) -> Function:
        def calling(process: Process, *args: Any) -> Answer:
            try:
                return function(process, *args)
            except OSError as failure:
                _keep_nothing(failure)
                must_be_answer(failure)
                raise WrongArgument(f"the program called {names[0]}{args}: {failure.strerror}") from failure
            except Interrupted as interrupted:
                raise interrupted.reason from None
            except BaseException as failure:
                _keep_nothing(failure)
                raise

        _CALLING.add(calling.__code__)
        functools.update_wrapper(calling, function)
        for name in names:
            _row(name, type, calling, function)
        return function

    return decorate


def wasi(type: str, *names: str) -> Callable[[Function], Function]:
    """A function that returns nothing and answers 0, or the number of what it raised, as WASI's do."""
    return _answering(type, names, 1)


def syscall(type: str, *names: str) -> Callable[[Function], Function]:
    """A system call: answers what it returns, or the negated number of what it raised.

    It is imported as ``__syscall_NAME``, in older programs as ``__sys_NAME``.
    """
    return _answering(type, [f"{prefix}{name}" for name in names for prefix in ("__syscall_", "__sys_")], -1)


def answers(type: str, *names: str) -> Callable[[Function], Function]:
    """The same with a name of its own."""
    return _answering(type, names, -1)


def _answering(type: str, names: list[str] | tuple[str, ...], sign: int) -> Callable[[Function], Function]:
    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def calling(process: Process, *args: Any) -> Answer:
            try:
                return function(process, *args) or 0
            except FAILURES as failure:
                if isinstance(failure, WrongArgument):  # a ValueError, too
                    raise
                return sign * errno_of(failure, process.errors)
            except Interrupted as interrupted:
                raise interrupted.reason from None

        for name in names:
            _row(name, type if "->" in type else f"{type}->i", calling, function)
        return function

    return decorate


# --- choosing one


def find(process: Process, name: str, wanted: FunctionType) -> Callable[..., Answer] | None:
    """What an import of this name and type is given, or None if nothing of the name fits."""
    params, results = letters_of(wanted.params), letters_of(wanted.results)
    for row in ROWS.get(name, ROWS.get(name.removeprefix("_"), ())):
        found = _fitted(process, row, params, results)
        if found is not None:
            return found
    return None


def fits(name: str, wanted: FunctionType) -> bool:
    """Whether there is a row of this name for an import of this type."""
    params, results = letters_of(wanted.params), letters_of(wanted.results)
    return any(
        params in (offered, offered.replace("I", "ii")) and results in (row.result, "", row.result.replace("I", "i"))
        for row in ROWS.get(name, ())
        for offered in _lengths(row.params)
    )


def known(name: str) -> list[str]:
    """The types of all rows of a name, for a message."""
    return [f"{row.params}->{row.result}" for row in ROWS.get(name, ())]


def _fitted(process: Process, row: Row, params: str, results: str) -> Callable[..., Answer] | None:
    function = functools.partial(row.function, process)
    for offered in _lengths(row.params):
        if params == offered:
            fitted: Callable[..., Answer] = function
        elif params == offered.replace("I", "ii"):
            fitted = joining(function, offered)
        else:
            continue
        if results == row.result:
            return fitted
        if not results:
            return _dropping(fitted)
        if results == "i" and row.result == "I":
            return splitting(process, fitted)
    return None


def _lengths(params: str) -> Iterator[str]:
    """All that a row offers: with all of its optional parameters, then with fewer."""
    needed, _, optional = params.partition("?")
    for count in range(len(optional), -1, -1):
        yield needed + optional[:count]


def joining(function: Callable[..., Answer], offered: str) -> Callable[..., Answer]:
    """Takes each i64 as two i32."""

    def joining(*args: Any) -> Answer:
        values = iter(args)
        joined = []
        for letter in offered:
            value = next(values)
            if letter == "I":
                value = (value & U32) | next(values) << 32
            joined.append(value)
        return function(*joined)

    return joining


def _dropping(function: Callable[..., Answer]) -> Callable[..., Answer]:
    def dropping(*args: Any) -> None:
        function(*args)

    return dropping


def leaving_high(process: Process, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the user's that may return an i64, of which the program says no more than that it takes an i32."""

    @functools.wraps(function)
    def leaving(*args: Any) -> Any:
        value = function(*args)
        if not isinstance(value, int):
            return value
        process.set_temp_ret0(value >> 32)
        return value & U32

    return leaving


def splitting(process: Process, function: Callable[..., Answer]) -> Callable[..., Answer]:
    """Returns the low half of an i64 and leaves the high one where the program looks for it."""

    def splitting(*args: Any) -> int:
        value = int(function(*args) or 0) & U64
        process.set_temp_ret0(value >> 32)
        return value & U32

    return splitting
