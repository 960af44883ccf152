"""Pointers to functions of programs of the first backend.

A pointer counts among functions of one type; the program's own export ``dynCall_TYPE`` knows where these begin in its
table. A pointer to a function of the host's is one of the first; what it leads to calls the import ``jsCall_TYPE``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NoReturn

from wasmer_emscripten.errors import Aborted, NotSupported, WrongArgument
from wasmer_emscripten.functions import leaving_high
from wasmer_runtime_core.support.printable import printable
from wasmer_runtime_core.wasm.types import I32

if TYPE_CHECKING:
    from wasmer_emscripten.process import Process
    from wasmer_runtime_core.wasm.types import FunctionType

JS_CALL: Final = "jsCall_"
NULL: Final = "nullFunc_"
FIRST: Final = 1
"""The first pointer to a function of the host's: 0 leads nowhere."""
_HALF: Final = bytes((I32,))


def js_call(process: Process, wanted: FunctionType) -> Callable[..., Any]:
    """What an import ``jsCall_*`` is given: it calls a function of the host's."""

    def calling(index: int, *args: Any) -> Any:
        fastcomp = process.fastcomp
        functions = fastcomp.functions if fastcomp is not None else []
        function = functions[index] if 0 <= index < len(functions) else None
        if function is None:
            raise WrongArgument(f"the program called a pointer to a function that leads nowhere: {index + FIRST}")
        return function(*args)

    return leaving_high(process, calling) if wanted.results == _HALF else calling


def null_function(name: str) -> Callable[..., NoReturn]:
    """What an import ``nullFunc_*`` is given: a pointer that leads nowhere was called."""
    letters = printable(name.removeprefix(NULL))[:64]

    def calling(*_: Any) -> NoReturn:
        raise Aborted(f"the program called a pointer to a function of type {letters} that leads nowhere")

    return calling


def add(process: Process, function: Callable[..., Any]) -> int:
    """A pointer to a Python function.

    Raises:
        NotSupported: the program has no more room for one.
    """
    fastcomp = process.fastcomp
    assert fastcomp is not None
    for at, there in enumerate(fastcomp.functions):
        if there is None:
            fastcomp.functions[at] = function
            return at + FIRST
    raise NotSupported(
        "add_function",
        f"the program has room for {len(fastcomp.functions)} pointers to functions of its host, as its glue says "
        "(glue=): build it with -sRESERVED_FUNCTION_POINTERS=…",
    )


def remove(process: Process, pointer: int) -> None:
    """Take one back."""
    fastcomp = process.fastcomp
    assert fastcomp is not None
    fastcomp.functions[pointer - FIRST] = None
