"""``invoke_*``: calls from which C++ exceptions and longjmp come back; and longjmp itself.

A program compiled so makes every call that may be left early through an ``invoke_TYPE`` of the host's. Only that
catches, and only two things: an exception of C++ and a longjmp, both of the same program. Exits, traps, deadlines,
what a signal's handler raises and exceptions of the user's functions pass through. Then the stack pointer is as it was
before, the program is told by its own ``setThrew``, and the call has returned 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from wasmer_emscripten.errors import CppException, EncodedCppException, LongJump, Unwinding
from wasmer_emscripten.functions import joining, provides, splitting
from wasmer_emscripten.guest import U32
from wasmer_emscripten.process import Process
from wasmer_emscripten.signatures import is_signature, letters_of, type_of, type_of_signature
from wasmer_runtime_core.wasm.types import FunctionType

PREFIX = "invoke_"


def invoke(process: Process, wanted: FunctionType, name: str) -> Callable[..., Any]:
    """The function that stands for an import ``invoke_*`` of this type: an index of the table, then the arguments.

    Where the name has an i64, and the type two i32 instead (programs that were made for engines without BigInt), what
    is called takes it whole. The first backend's ``dynCall_*`` take the halves, too.
    """
    whole = name.removeprefix(PREFIX)
    if "j" in whole and is_signature(whole) and process.fastcomp is None:
        callee = type_of_signature(whole)
        params, results = "i" + letters_of(callee.params), letters_of(callee.results)
        halves = type_of(f"{params.replace('I', 'ii')}->{results.replace('I', 'i')}")
        if wanted == halves:
            joined = joining(_invoke(process, callee), params)
            return splitting(process, joined) if results == "I" else joined
    return _invoke(process, FunctionType(wanted.params[1:], wanted.results))


def _invoke(process: Process, callee: FunctionType) -> Callable[..., Any]:
    returns = bool(callee.results)

    def invoking(index: int, *args: Any) -> Any:
        links = process.links
        save, restore = links.stack_save, links.stack_restore
        if save is None or restore is None:
            save = links.need(PREFIX + "*", "stackSave")
            restore = links.need(PREFIX + "*", "stackRestore")
        stack = save()
        try:
            return links.call(index, callee, *args)
        except Unwinding as unwinding:
            if unwinding.process is not process or isinstance(unwinding, EncodedCppException):
                raise
            come_back(process, unwinding)
            restore(stack)
            links.need(PREFIX + "*", "setThrew", "_setThrew")(1, 0)
            return 0 if returns else None

    return invoking


def come_back(process: Process, unwinding: Unwinding) -> None:
    """Of a C++ exception that Python had: it is on its way to a handler again."""
    if isinstance(unwinding, CppException) and unwinding.is_outside:
        unwinding.is_outside = False
        process.exceptions.uncaught += 1


@provides("->", "_emscripten_throw_longjmp", "emscripten_longjmp", "_emscripten_longjmp")
def throw_longjmp(process: Process) -> NoReturn:
    """Go back to the nearest `invoke_*`; the program finds its `setjmp` there.

    Raises:
        LongJump: always.
    """
    raise LongJump(process)


@provides("ii->", "emscripten_longjmp", "emscripten_longjmp_jmpbuf", "longjmp")
def longjmp(process: Process, buffer: int, value: int) -> NoReturn:
    """The same for programs that leave the rest to the host: which `setjmp`, and what it shall return.

    Raises:
        LongJump: always.
    """
    process.links.need("longjmp", "setThrew", "_setThrew")(buffer & U32, value or 1)
    raise LongJump(process)


@provides("i->", "setTempRet0")
def set_temp_ret0(process: Process, value: int) -> None:
    """Keep the high half of a result."""
    process.temp_ret0 = value & U32


@provides("->i", "getTempRet0")
def get_temp_ret0(process: Process) -> int:
    """The high half of a result."""
    return process.temp_ret0
