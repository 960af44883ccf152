"""C++ exceptions of programs that throw and catch through the host (``-fexceptions``); others need nothing of it.

An exception lies in the program's heap; 24 bytes before it is what the C++ library keeps of it (`HEADER`), which code
of the program reads and writes, too. What is under way is here: the last that was thrown, those that are caught, how
many are neither. Throwing raises `CppException`, which the nearest ``invoke_*`` catches (`jumps`).

Each throw has a reference, which the end of the handler gives up. A program that has the functions for references
itself, as those of emcc 4 and later, gives them up itself: its allocator is behind them, and need not be exported.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, NoReturn

from wasmer_emscripten.errors import Aborted, CppException, WrongArgument
from wasmer_emscripten.functions import provides
from wasmer_emscripten.guest import U32
from wasmer_emscripten.process import Process
from wasmer_emscripten.signatures import type_of

HEADER: Final = 24
"""Bytes before an exception: count of references, type, destructor, caught, rethrown, adjusted pointer."""
TYPE: Final = 4
_DESTRUCTOR: Final = 8
_CAUGHT: Final = 12
_RETHROWN: Final = 13
_ADJUSTED: Final = 16
_DESTRUCTOR_TYPE: Final = type_of("i->")
_RELEASE: Final = ("__cxa_decrement_exception_refcount",)
_KEEP: Final = ("__cxa_increment_exception_refcount",)
_SEEN: Final = ("__cxa_get_exception_ptr",)
"""The program's own functions for what `release`, `keep` and `get_exception_pointer` do for those without."""
MAX_CAUGHT: Final = 65_536
"""Exceptions that can be caught within each other."""
MAX_CATCHES: Final = 64
"""Types in one list of handlers."""


def header_of(process: Process, pointer: int) -> int:
    """Where what is kept of an exception begins."""
    pointer &= U32
    if pointer < HEADER:
        raise WrongArgument(f"the program used an exception at {pointer:#x}, where none can be")
    return process.guest.check(pointer - HEADER, HEADER)


def _byte(process: Process, at: int) -> int:
    return process.guest.read(at, 1)[0]


def _set_byte(process: Process, at: int, value: int) -> None:
    process.guest.write(at, bytes((value,)))


def _own(process: Process, names: tuple[str, ...], ours: Callable[..., Any]) -> Callable[..., Any]:
    """The program's own function, or ours where it has none."""
    return process.links.find(*names) or functools.partial(ours, process)


def _throw(process: Process, pointer: int) -> NoReturn:
    process.exceptions.last = pointer & U32
    raise CppException(process, pointer & U32)


@provides("i->i", "__cxa_allocate_exception")
def allocate_exception(process: Process, size: int) -> int:
    """Memory for an exception, with what is kept of it before it."""
    size &= U32
    if size > U32 - HEADER:
        raise WrongArgument(f"the program threw an exception of {size} bytes")
    start = process.malloc(size + HEADER, "throw")
    process.guest.write(start, bytes(HEADER))
    return start + HEADER


@provides("i->", "__cxa_free_exception")
def free_exception(process: Process, pointer: int) -> None:
    """Give the memory back."""
    process.free(header_of(process, pointer), "throw")


@provides("iii->", "__cxa_throw")
def throw(process: Process, pointer: int, type: int, destructor: int) -> NoReturn:
    """Throw an exception.

    Raises:
        CppException: always.
    """
    header = header_of(process, pointer)
    process.guest.put_u32(header + TYPE, type)
    process.guest.put_u32(header + _DESTRUCTOR, destructor)
    process.guest.put_u32(header + _CAUGHT, 0)
    process.guest.put_u32(header + _ADJUSTED, 0)
    _own(process, _KEEP, keep)(pointer)
    process.exceptions.uncaught += 1
    _throw(process, pointer)


def _matching(process: Process, *types: int) -> int:
    """Which of these types catches the last exception: that is in ``tempRet0`` then; the exception."""
    thrown = process.exceptions.last
    if not thrown:
        process.set_temp_ret0(0)
        return 0
    header = header_of(process, thrown)
    process.guest.put_u32(header + _ADJUSTED, thrown)
    thrown_type = process.guest.u32(header + TYPE)
    if not thrown_type:
        process.set_temp_ret0(0)
        return thrown
    for type in types:
        type &= U32
        if type in (0, thrown_type) or _can_catch(process, type, thrown_type, header + _ADJUSTED):
            process.set_temp_ret0(type)
            return thrown
    process.set_temp_ret0(thrown_type)
    return thrown


def _can_catch(process: Process, type: int, thrown: int, adjusted: int) -> bool:
    can_catch = process.links.need("catch", "__cxa_can_catch", "___cxa_can_catch")
    return bool(can_catch(type, thrown, adjusted))


for _count in range(MAX_CATCHES):
    provides("i" * _count + "->i", f"__cxa_find_matching_catch_{_count + 2}")(_matching)


@provides("i->i", "llvm_eh_typeid_for")
def typeid_for(process: Process, type: int) -> int:
    """The number of a type among handlers: its address."""
    return type


@provides("i->i", "__cxa_begin_catch")
def begin_catch(process: Process, pointer: int) -> int:
    """A handler begins; the exception as it sees it."""
    header = header_of(process, pointer)
    exceptions = process.exceptions
    if len(exceptions.caught) >= MAX_CAUGHT:
        raise WrongArgument(f"the program caught {MAX_CAUGHT} exceptions within each other")
    if not _byte(process, header + _CAUGHT):
        _set_byte(process, header + _CAUGHT, 1)
        exceptions.uncaught -= 1
    _set_byte(process, header + _RETHROWN, 0)
    exceptions.caught.append(pointer & U32)
    return int(_own(process, _SEEN, get_exception_pointer)(pointer))


@provides("i->i", "__cxa_get_exception_ptr")
def get_exception_pointer(process: Process, pointer: int) -> int:
    """The exception as its handler sees it: where a base class of it begins; of a pointer, what it points to."""
    header = header_of(process, pointer)
    is_pointer = process.links.find("__cxa_is_pointer_type", "___cxa_is_pointer_type")
    if is_pointer is not None and is_pointer(process.guest.u32(header + TYPE)):
        return process.guest.u32(pointer)
    return process.guest.u32(header + _ADJUSTED) or pointer & U32


@provides("->", "__cxa_end_catch")
def end_catch(process: Process) -> None:
    """A handler has ended."""
    exceptions = process.exceptions
    set_threw = process.links.find("setThrew", "_setThrew")
    if set_threw is not None:
        set_threw(0, 0)
    if not exceptions.caught:
        raise WrongArgument("the program ended a handler that had not begun")
    _own(process, _RELEASE, release)(exceptions.caught.pop())
    exceptions.last = 0


@provides("i->", "__cxa_decrement_exception_refcount")
def release(process: Process, pointer: int) -> None:
    """One reference less; with the last one the exception is destroyed."""
    if not pointer & U32:
        return
    header = header_of(process, pointer)
    count = process.guest.u32(header)
    if not count:
        raise WrongArgument(f"the program gave up an exception at {pointer & U32:#x} that nobody had")
    process.guest.put_u32(header, count - 1)
    if count == 1:
        destructor = process.guest.u32(header + _DESTRUCTOR)
        if destructor:
            process.links.call(destructor, _DESTRUCTOR_TYPE, pointer & U32)
        process.free(header, "catch")


@provides("i->", "__cxa_increment_exception_refcount")
def keep(process: Process, pointer: int) -> None:
    """One reference more."""
    if pointer & U32:
        header = header_of(process, pointer)
        process.guest.put_u32(header, process.guest.u32(header) + 1)


@provides("->", "__cxa_rethrow")
def rethrow(process: Process) -> NoReturn:
    """Throw what is being handled once more.

    Raises:
        CppException: always.
        Aborted: nothing is being handled.
    """
    exceptions = process.exceptions
    if not exceptions.caught:
        raise Aborted("the program threw again where there was no exception to throw")
    _throw_again(process, exceptions.caught[-1])  # whose handler still ends, and gives up its own reference


@provides("i->", "__resumeException")
def resume(process: Process, pointer: int) -> NoReturn:
    """Go on to the next handler.

    Raises:
        CppException: always.
    """
    _throw(process, process.exceptions.last or pointer)


@provides("->i", "__cxa_current_primary_exception")
def current_primary_exception(process: Process) -> int:
    """The exception that is being handled, with one reference more; 0: none."""
    if not process.exceptions.caught:
        return 0
    pointer = process.exceptions.caught[-1]
    _own(process, _KEEP, keep)(pointer)
    return pointer


@provides("->i", "__cxa_current_exception_type")
def current_exception_type(process: Process) -> int:
    """The type of the exception that is being handled; 0: none is."""
    caught = process.exceptions.caught
    return process.guest.u32(header_of(process, caught[-1]) + TYPE) if caught else 0


@provides("i->", "__cxa_rethrow_primary_exception")
def rethrow_primary_exception(process: Process, pointer: int) -> None:
    """Throw an exception that was kept (`std::rethrow_exception`)."""
    if not pointer & U32:
        return
    if len(process.exceptions.caught) >= MAX_CAUGHT:
        raise WrongArgument(f"the program caught {MAX_CAUGHT} exceptions within each other")
    _throw_again(process, pointer)


def _throw_again(process: Process, pointer: int) -> NoReturn:
    header = header_of(process, pointer)
    _set_byte(process, header + _RETHROWN, 1)
    _set_byte(process, header + _CAUGHT, 0)
    _own(process, _KEEP, keep)(pointer)
    process.exceptions.uncaught += 1
    _throw(process, pointer)


@provides("->i", "__cxa_uncaught_exceptions", "__cxa_uncaught_exception")
def uncaught_exceptions(process: Process) -> int:
    """How many are on their way to a handler."""
    return process.exceptions.uncaught


@provides("i->", "__cxa_call_unexpected")
def call_unexpected(process: Process, pointer: int) -> NoReturn:
    """A function threw what it had said it would not.

    Raises:
        Aborted: always.
    """
    raise Aborted("the program threw an exception that its function had ruled out")
