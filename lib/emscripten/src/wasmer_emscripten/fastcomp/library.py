"""Functions of the C library that were the host's until 2020."""

from __future__ import annotations

from struct import Struct
from typing import Final, NoReturn

from wasmer_emscripten.errors import Aborted, WrongArgument
from wasmer_emscripten.functions import answers, provides
from wasmer_emscripten.guest import U32
from wasmer_emscripten.library.clocks import SECOND, realtime
from wasmer_emscripten.library.dates import gmtime_r, localtime_r, strftime
from wasmer_emscripten.library.heap import resize_heap
from wasmer_emscripten.numbers import AT_FDCWD
from wasmer_emscripten.process import Process
from wasmer_emscripten.syscalls.paths import place_of

_TM_BYTES: Final = 44
_WORDS: Final = Struct("<II")
MAX_VARIABLES: Final = 1024
"""Variables of an environment."""
MAX_ENVIRONMENT: Final = 1 << 20
"""Bytes of all of them."""
MAX_VARIABLE: Final = 131_072
"""Bytes of one."""


def _kept(process: Process, what: str, size: int) -> int:
    """Memory of the program's that stays: the same at each call for the same thing."""
    fastcomp = process.fastcomp
    if fastcomp is None:
        return process.malloc(size, what)
    if what not in fastcomp.kept:
        fastcomp.kept[what] = process.malloc(size, what)
    return fastcomp.kept[what]


# --- the heap


@provides("->i", "enlargeMemory")
def enlarge_memory(process: Process) -> int:
    """Let the memory reach as far as the heap's end, which the program has moved; 0 if it cannot."""
    if process.fastcomp is None:
        return 0
    return resize_heap(process, process.guest.u32(process.fastcomp.places.heap_end))


@provides("->i", "getTotalMemory")
def get_total_memory(process: Process) -> int:
    """Bytes that the memory has."""
    return process.guest.look() & U32


@provides("?i->i", "abortOnCannotGrowMemory")
def abort_on_cannot_grow_memory(process: Process, wanted: int = 0) -> int:
    """End the program, whose memory cannot become as large as it must.

    Raises:
        Aborted: always.
    """
    raise Aborted(f"the program's memory cannot grow to {wanted & U32} bytes: build it with -sALLOW_MEMORY_GROWTH=1")


@provides("i->i", "sbrk")
def sbrk(process: Process, increment: int) -> int:
    """Move the end of the heap: where it was; -1 if there is no room."""
    places = process.heap_place if process.fastcomp is None else process.fastcomp.places
    if places is None:
        raise WrongArgument("the program called sbrk(), and nothing says where its heap ends: give its glue (glue=)")
    place = places.heap_end
    before = process.guest.u32(place)
    after = before + increment
    if not places.heap <= after <= U32 or not resize_heap(process, after):
        return -1
    process.guest.put_u32(place, after)
    return before


# --- checks that were built in


@provides("i->", "abortStackOverflow")
def stack_overflow(process: Process, size: int) -> NoReturn:
    """The program's own stack is full.

    Raises:
        Aborted: always.
    """
    raise Aborted(f"the program's stack has no room for {size & U32} bytes: build it with -sTOTAL_STACK=…")


@provides("->", "ftfault")
def wrong_pointer(process: Process) -> NoReturn:
    """A pointer to a function was called that leads nowhere.

    Raises:
        Aborted: always.
    """
    raise Aborted("the program called a pointer to a function that leads nowhere")


# --- errors and the environment


@provides("i->", "__setErrNo")
def set_errno(process: Process, value: int) -> None:
    """Set `errno`."""
    place = process.links.find("__errno_location")
    if place is not None:
        process.guest.put_u32(place() & U32, value)


def _variables(process: Process) -> dict[bytes, bytes]:
    return dict(each.split(b"=", 1) for each in process.environ if b"=" in each)


@provides("i->", "__buildEnvironment")
def build_environment(process: Process, environ: int) -> None:
    """Write where the program's variables are, which are put into its heap."""
    strings = process.environ
    process.guest.check(environ, 4)
    size = 4 * (len(strings) + 1) + sum(len(each) + 1 for each in strings)
    if process.fastcomp is not None and "the environment" in process.fastcomp.kept:
        process.free(process.fastcomp.kept.pop("the environment"), "environ")
    start = _kept(process, "the environment", size)
    at = start + 4 * (len(strings) + 1)
    for number, each in enumerate(strings):
        process.guest.put_u32(start + 4 * number, at)
        process.guest.write(at, each + b"\0")
        at += len(each) + 1
    process.guest.put_u32(start + 4 * len(strings), 0)
    process.guest.put_u32(environ, start)


@provides("i->i", "getenv")
def getenv(process: Process, name: int) -> int:
    """A pointer to a variable's value; 0 for none."""
    if not name & U32:
        return 0
    key = process.guest.string(name, MAX_VARIABLE)
    value = _variables(process).get(key)
    if value is None:
        return 0
    kept = process.fastcomp.variables if process.fastcomp is not None else {}
    if key in kept:
        before, pointer = kept[key]
        if before == value:
            return pointer
        process.free(kept.pop(key)[1], "getenv")
    pointer = process.malloc(len(value) + 1, "getenv")
    process.guest.write(pointer, value + b"\0")
    kept[key] = value, pointer
    return pointer


def _set(process: Process, name: bytes, value: bytes | None) -> None:
    others = [each for each in process.environ if not each.startswith(name + b"=")]
    if value is not None:
        others.append(name + b"=" + value)
        if len(others) > MAX_VARIABLES or sum(map(len, others)) > MAX_ENVIRONMENT:
            raise MemoryError
    elif process.fastcomp is not None and name in process.fastcomp.variables:
        process.free(process.fastcomp.variables.pop(name)[1], "getenv")
    process.environ = others
    place = process.links.find("_get_environ")
    if place is not None:
        build_environment(process, place())


@answers("iii", "setenv")
def setenv(process: Process, name: int, value: int, replace: int) -> None:
    """Set a variable."""
    key = process.guest.string(name, MAX_VARIABLE)
    if not key or b"=" in key:
        raise ValueError(key)
    if replace or key not in _variables(process):
        _set(process, key, process.guest.string(value, MAX_VARIABLE))


@answers("i", "unsetenv")
def unsetenv(process: Process, name: int) -> None:
    """Remove a variable."""
    key = process.guest.string(name, MAX_VARIABLE)
    if not key or b"=" in key:
        raise ValueError(key)
    _set(process, key, None)


@answers("i", "putenv")
def putenv(process: Process, text: int) -> None:
    """Set a variable, ``NAME=value``; remove it, ``NAME``."""
    key, equals, value = process.guest.string(text, MAX_VARIABLE).partition(b"=")
    if not key:
        raise ValueError(text)
    _set(process, key, value if equals else None)


# --- times


@provides("i->i", "localtime")
def localtime(process: Process, pointer: int) -> int:
    """The date and time of a moment in the program's zone, in memory that the next call uses again."""
    return localtime_r(process, pointer, _kept(process, "localtime", _TM_BYTES))


@provides("i->i", "gmtime")
def gmtime(process: Process, pointer: int) -> int:
    """The same in UTC."""
    return gmtime_r(process, pointer, _kept(process, "localtime", _TM_BYTES))


_LONGEST_DATE: Final = 64


def _put_date(process: Process, tm: int, target: int) -> int:
    form = _kept(process, "asctime's form", 32)
    process.guest.write(form, b"%a %b %e %H:%M:%S %Y\n\0")
    strftime(process, target, _LONGEST_DATE, form, tm)
    return target


@provides("i->i", "asctime")
def asctime(process: Process, tm: int) -> int:
    """A date and time as text, in memory that the next call uses again."""
    return _put_date(process, tm, _kept(process, "asctime", _LONGEST_DATE))


@provides("i->i", "ctime")
def ctime(process: Process, pointer: int) -> int:
    """A moment as text, in the program's zone."""
    tm = localtime(process, pointer)
    return asctime(process, tm) if tm else 0


@answers("ii", "utimes")
def utimes(process: Process, path: int, times: int) -> None:
    """Set the times of access and change, in seconds and microseconds."""
    chosen = [realtime(process)] * 2
    if times & U32:
        for at in range(2):
            seconds, microseconds = process.guest.unpack(_WORDS, (times & U32) + at * _WORDS.size)
            if microseconds >= 1_000_000:
                raise ValueError(microseconds)
            chosen[at] = seconds * SECOND + microseconds * 1000
    place = place_of(process, AT_FDCWD, path)
    place.directory.path_set_times(place.path, True, *chosen)


# --- one thread


@provides("i->", "__lock", "__unlock")
def lock(process: Process, pointer: int) -> None:
    """A lock, which is had at once by the only thread there is."""


@provides("i?i->i", "pthread_mutex_init", "pthread_cond_init", "pthread_mutexattr_settype", "pthread_rwlock_init")
@provides("i->i", "pthread_mutex_lock", "pthread_mutex_unlock", "pthread_mutex_destroy",
          "pthread_mutexattr_init", "pthread_mutexattr_destroy", "pthread_cond_signal", "pthread_cond_broadcast",
          "pthread_cond_destroy", "pthread_rwlock_rdlock", "pthread_rwlock_wrlock", "pthread_rwlock_unlock",
          "pthread_rwlock_destroy")  # fmt: skip
def alone(process: Process, *_: int) -> int:
    """A lock, or a signal to other threads: done at once by the only thread there is."""
    return 0


# --- the stack


@provides("->i", "llvm_stacksave")
def stack_save(process: Process) -> int:
    """Where the stack ends."""
    save = process.links.stack_save
    return int(save()) if save is not None else 0


@provides("i->", "llvm_stackrestore")
def stack_restore(process: Process, pointer: int) -> None:
    """Let the stack end there again."""
    restore = process.links.stack_restore
    if restore is not None:
        restore(pointer)
