"""Clocks and sleep. A sleep is a wait of core's: it ends with deadlines, cancellations and signals."""

from __future__ import annotations

import errno
import time
from typing import Final

from wasmer_emscripten.functions import answers, provides, syscall, wasi
from wasmer_emscripten.guest import U32
from wasmer_emscripten.process import Process
from wasmer_vfs.clock import SystemClock
from wasmer_vfs.errors import refusal
from wasmer_vfs.waiting import Interrupted, wait

SECOND: Final = 1_000_000_000
LONGEST: Final = 1 << 62
"""Nanoseconds of the longest wait."""


def realtime(process: Process) -> int:
    """Nanoseconds since 1970."""
    return process.clock.readers[time.CLOCK_REALTIME]()


def sleep(process: Process, nanoseconds: int) -> None:
    """Let time pass."""
    if nanoseconds <= 0:
        return
    nanoseconds = min(nanoseconds, LONGEST)
    if type(process.clock) is SystemClock:
        try:
            wait([], nanoseconds)
        except Interrupted as interrupted:
            raise interrupted.reason from None
    else:
        process.clock.sleep(nanoseconds)


@provides("->d", "emscripten_date_now", "_emscripten_date_now")
def date_now(process: Process) -> float:
    """Milliseconds since 1970."""
    return float(realtime(process) // 1_000_000)


@provides("->d", "emscripten_get_now", "emscripten_performance_now")
def get_now(process: Process) -> float:
    """Milliseconds since some moment, as JavaScript's `performance.now`."""
    return process.clock.readers[time.CLOCK_MONOTONIC]() / 1e6


@provides("->d", "emscripten_get_now_res")
def get_now_res(process: Process) -> float:
    """How exact that is, in nanoseconds."""
    return float(process.clock.resolutions[time.CLOCK_MONOTONIC])


@provides("->i", "_emscripten_get_now_is_monotonic", "emscripten_get_now_is_monotonic")
def get_now_is_monotonic(process: Process) -> int:
    """It never goes back."""
    return 1


@wasi("iIi->i", "clock_time_get")
def clock_time_get(process: Process, clock: int, precision: int, target: int) -> None:
    """Write the time of a clock in nanoseconds."""
    process.guest.put_u64(target, _read(process, clock))


@wasi("ii->i", "clock_res_get")
def clock_res_get(process: Process, clock: int, target: int) -> None:
    """Write the resolution of a clock in nanoseconds."""
    found = process.clock.resolutions.get(clock)
    if found is None:
        raise refusal(errno.EINVAL)
    process.guest.put_u64(target, found)


def _read(process: Process, clock: int) -> int:
    read = process.clock.readers.get(clock)
    if read is None:
        raise refusal(errno.EINVAL)
    return read()


def _put_time(process: Process, target: int, nanoseconds: int) -> None:
    seconds, rest = divmod(nanoseconds, SECOND)
    if process.layouts.timespec.size == 8:
        seconds = (seconds + 0x8000_0000 & U32) - 0x8000_0000
    process.guest.pack(process.layouts.timespec, target, seconds, rest)


@answers("ii->i", "clock_gettime", "__clock_gettime")
def clock_gettime(process: Process, clock: int, target: int) -> None:
    """Write the time of a clock as seconds and nanoseconds."""
    _put_time(process, target, _read(process, clock))


@answers("ii->i", "clock_getres", "__clock_getres")
def clock_getres(process: Process, clock: int, target: int) -> None:
    """Write the resolution of a clock as seconds and nanoseconds."""
    found = process.clock.resolutions.get(clock)
    if found is None:
        raise refusal(errno.EINVAL)
    _put_time(process, target, found)


@answers("ii->i", "gettimeofday")
def gettimeofday(process: Process, target: int, zone: int) -> None:
    """Write the time as seconds and microseconds."""
    seconds, rest = divmod(realtime(process), SECOND)
    if process.layouts.timespec.size == 8:
        process.guest.write(target, (seconds & U32).to_bytes(4, "little") + (rest // 1000).to_bytes(4, "little"))
    else:
        process.guest.pack(process.layouts.timespec, target, seconds, rest // 1000)


@provides("i->I", "time")
def time_of_day(process: Process, target: int) -> int:
    """Seconds since 1970, written to `target`, too, if that is not null."""
    seconds = realtime(process) // SECOND
    if target:
        if process.layouts.timespec.size == 8:
            process.guest.put_u32(target, seconds)
        else:
            process.guest.put_u64(target, seconds)
    return seconds


@provides("->i", "clock")
def processor_time(process: Process) -> int:
    """Microseconds of processor time, as `clock` counts them."""
    return process.clock.readers[time.CLOCK_PROCESS_CPUTIME_ID]() // 1000 & 0x7FFF_FFFF


@provides("ii->d", "difftime")
def difftime(process: Process, late: int, early: int) -> float:
    """Seconds between two times."""
    return float(late - early)


@provides("II->d", "difftime")
def difftime_wide(process: Process, late: int, early: int) -> float:
    """The same with times of 64 bits."""
    return float(late - early)


@provides("i->", "emscripten_sleep")
def emscripten_sleep(process: Process, milliseconds: int) -> None:
    """Let milliseconds pass. Programs built with Asyncify find that they have: nothing needs to be unwound here."""
    sleep(process, (milliseconds & U32) * 1_000_000)


@provides("d->", "emscripten_thread_sleep", "_emscripten_thread_sleep")
def thread_sleep(process: Process, milliseconds: float) -> None:
    """Let milliseconds pass."""
    if milliseconds > 0:  # false for what is no number, too
        sleep(process, int(min(milliseconds, 1e12) * 1_000_000))


@provides("i->i", "usleep")
def usleep(process: Process, microseconds: int) -> int:
    """Let microseconds pass."""
    sleep(process, (microseconds & U32) * 1000)
    return 0


@answers("ii->i", "nanosleep", "__nanosleep")
def nanosleep(process: Process, request: int, remaining: int) -> None:
    """Let the time pass that a record says."""
    seconds, nanoseconds = process.guest.unpack(process.layouts.timespec, request)
    if not 0 <= nanoseconds < SECOND or seconds < 0:
        raise refusal(errno.EINVAL)
    sleep(process, seconds * SECOND + nanoseconds)


@provides("->i", "sched_yield")
@syscall("->i", "sched_yield")
def sched_yield(process: Process) -> int:
    """Let others run."""
    return 0
