"""C++ exceptions that leave the program: what Python is told of them.

Those that are thrown through the host (`library.exceptions`) are a `CppException` from the beginning. Those that are
thrown in WebAssembly's own encodings (``-fwasm-exceptions``) arrive as core's `WasmException` with one value, the
address of what unwinding knows of it, behind which the exception itself lies. So they are known by that: it begins with
the class that the C++ library writes there. The tag tells more only where the program exports it, or imports it from
here.

The program's own functions are asked where it exports them (``-sEXPORT_EXCEPTION_HANDLING_HELPERS``): what they say is
taken for what it is, a text at most.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wasmer_emscripten.calling import Stack
from wasmer_emscripten.errors import CppException, EncodedCppException
from wasmer_emscripten.guest import U32
from wasmer_emscripten.library.encoded import CPP_EXCEPTION, POINTER
from wasmer_emscripten.library.exceptions import TYPE, header_of
from wasmer_emscripten.library.type_names import demangled
from wasmer_emscripten.numbers import must_be_answer
from wasmer_emscripten.process import Process
from wasmer_runtime_core.errors import RuntimeError
from wasmer_runtime_core.running.objects.tags import WasmException

THROWN: Final = (CppException, WasmException)
"""What `leave` is to be told of."""

# What lies before the end of what unwinding knows (libc++abi, `cxa_exception.h`, where pointers have 32 bits).
_UNWINDING: Final = 32
"""Bytes that unwinding knows: class, a function, two words, padding. Behind them the exception begins."""
_HEADER: Final = 48
"""Bytes of the C++ library's before these, its type first."""
_PRIMARY: Final = 4
"""Bytes from these back to the exception that one stands for, if that was thrown again (`std::rethrow_exception`)."""
_CLASS: Final = 0x434C4E47_432B2B00
"""The class of an exception of C++: ``CLNGC++``, and 0."""
_DEPENDENT: Final = 1
"""Added to the class of one that stands for another."""


def leave(process: Process, thrown: BaseException) -> None:
    """Say of an exception that leaves the program what it is. This runs code of the program.

    Whatever the program made up, this raises nothing of its own but what ends every call: a deadline, a cancellation, a
    signal's handler.

    Raises:
        CppException: in place of a `WasmException` that is one of C++. Code that it is raised in again catches it.
    """
    if isinstance(thrown, CppException):
        if thrown.process is process and not thrown.is_outside:
            thrown.is_outside = True
            if not isinstance(thrown, EncodedCppException):  # those are counted by the program
                process.exceptions.uncaught = max(process.exceptions.uncaught - 1, 0)
        if thrown.process is process and not thrown.type:
            thrown.describe(_told(_type_of, process, thrown), _told(_message_of, process, thrown))
    elif isinstance(thrown, WasmException):
        found = _of_cpp(process, thrown)
        if found is not None:
            leave(process, found)
            raise found.with_traceback(thrown.__traceback__) from None


def _of_cpp(process: Process, thrown: WasmException) -> EncodedCppException | None:
    """The exception of this program's C++ that one of WebAssembly is; None: it is none."""
    known = process.tag(CPP_EXCEPTION)
    if thrown.tag.type != POINTER or (known is not None and known is not thrown.tag):
        return None
    unwinding = thrown.values[0] & U32
    try:
        found = process.guest.u64(unwinding) - _CLASS
        if found == _DEPENDENT:
            pointer = process.guest.u32(unwinding - _PRIMARY)
        elif found == 0:
            pointer = unwinding + _UNWINDING
        else:
            return None
    except OSError as failure:
        must_be_answer(failure)
        return None
    return EncodedCppException(process, pointer & U32, thrown)


def _told(ask: Callable[[Process, CppException], str], process: Process, thrown: CppException) -> str:
    """What a function says of an exception; "" if it fails."""
    try:
        return ask(process, thrown)
    except (OSError, RuntimeError, MemoryError, RecursionError) as failure:
        must_be_answer(failure)
        return ""


def _type_of(process: Process, thrown: CppException) -> str:
    if isinstance(thrown, EncodedCppException):
        at = thrown.pointer - _UNWINDING - _HEADER
    else:
        at = header_of(process, thrown.pointer) + TYPE
    type = process.guest.u32(at)
    return demangled(process.text(process.guest.u32(type + 4), 512)) if type else ""


def _message_of(process: Process, thrown: CppException) -> str:
    """What `what()` says, by the function that emcc's library has for it."""
    get = process.links.find("__get_exception_message", "___get_exception_message")
    if get is None:
        return ""
    with Stack(process, process.links) as stack:
        room = stack.allocate(8)
        process.guest.write(room, bytes(8))
        get(thrown.pointer, room, room + 4)
        name, message = process.guest.u32(room), process.guest.u32(room + 4)
        text = process.text(message) if message else ""
        for each in (name, message):
            if each:
                process.free(each, "catch")
    return text
