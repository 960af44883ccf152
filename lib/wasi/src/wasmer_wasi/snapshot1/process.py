"""The process: its arguments and environment, its clocks, its end, and random bytes."""

from __future__ import annotations

import os

from wasmer_runtime_core.errors import ExitCode
from wasmer_runtime_core.support.annotations import Final, NoReturn
from wasmer_vfs import random
from wasmer_wasi.errno import (
    EFAULT,
    EINVAL,
    SUCCESS,
    errno_of,
)
from wasmer_wasi.guest import SIZE, TIME, U32, U64, Context, beyond, check
from wasmer_wasi.snapshot1.answers import answers
from wasmer_wasi.state import NO_STATE, WasiState, lent
from wasmer_wasi.types import (
    SIGNALS,
)


@answers
def args_get(ctx: Context, state: WasiState, argv: int, argv_buf: int) -> int:
    """Write the arguments, each ended by NUL, to `argv_buf`, and pointers to them to `argv`."""
    return _write_strings(ctx, state, state.args, argv, argv_buf)


@answers
def args_sizes_get(ctx: Context, state: WasiState, argc: int, argv_buf_size: int) -> int:
    """Write the number of arguments and the bytes they need."""
    return _write_sizes(ctx, state, state.args, argc, argv_buf_size)


@answers
def environ_get(ctx: Context, state: WasiState, environ: int, environ_buf: int) -> int:
    """Write the environment (`NAME=value`), like `args_get`."""
    return _write_strings(ctx, state, state.environ, environ, environ_buf)


@answers
def environ_sizes_get(ctx: Context, state: WasiState, environ_count: int, environ_buf_size: int) -> int:
    """Write the number of environment variables and the bytes they need."""
    return _write_sizes(ctx, state, state.environ, environ_count, environ_buf_size)


def _write_strings(ctx: Context, state: WasiState, strings: list[bytes], pointers: int, buffer: int) -> int:
    data = b"".join(string + b"\0" for string in strings)
    pointers = check(ctx, state, pointers, 4 * len(strings))
    buffer = check(ctx, state, buffer, len(data))
    state.memory.write(buffer, data)
    for at, string in enumerate(strings):
        SIZE.pack_into(state.memory, pointers + 4 * at, buffer)
        buffer += len(string) + 1
    return SUCCESS


def _write_sizes(ctx: Context, state: WasiState, strings: list[bytes], count: int, size: int) -> int:
    count = check(ctx, state, count, 4)
    size = check(ctx, state, size, 4)
    SIZE.pack_into(state.memory, count, len(strings))
    SIZE.pack_into(state.memory, size, sum(len(string) + 1 for string in strings))
    return SUCCESS


@answers
def clock_res_get(ctx: Context, state: WasiState, clock_id: int, resolution: int) -> int:
    """Write the resolution of a clock in nanoseconds."""
    resolution = check(ctx, state, resolution, 8)
    found = state.clock.resolutions.get(clock_id)
    if found is None:
        return EINVAL
    TIME.pack_into(state.memory, resolution, found)
    return SUCCESS


def clock_time_get(ctx: Context, clock_id: int, precision: int, time: int) -> int:
    """Write the time of a clock in nanoseconds. `precision` is a hint, and not needed."""
    state = ctx.data
    time &= U32
    try:
        if time + 8 > state.memory_bytes and beyond(ctx, state, time + 8):
            return EFAULT
    except NO_STATE:
        return clock_time_get(lent(ctx), clock_id, precision, time)
    read = state.clock.readers.get(clock_id)
    if read is None:
        return EINVAL
    try:
        now = read()
    except OSError as failure:  # a clock of the user's own
        return errno_of(failure)
    TIME.pack_into(state.memory, time, now & U64)
    return SUCCESS


def proc_exit(ctx: Context, code: int) -> NoReturn:
    """End the program.

    Raises:
        ExitCode: always; it carries the code.
    """
    raise ExitCode(code & U32)


def proc_raise(ctx: Context, signal: int) -> int:
    """Send the program a signal. It has no handlers: most end it, as they end a process.

    Raises:
        ExitCode: 128 and the signal's number, which is what a shell says of a process so ended.
    """
    if not 0 <= signal < SIGNALS:
        return EINVAL
    if signal in _HARMLESS_SIGNALS:
        return SUCCESS
    raise ExitCode(128 + signal)


_HARMLESS_SIGNALS: Final = (0, 16, 17, 22, 27)  # none, chld, cont, urg, winch


def sched_yield(ctx: Context) -> int:
    """Let others run."""
    os.sched_yield()
    return SUCCESS


@answers
def random_get(ctx: Context, state: WasiState, buf: int, buf_len: int) -> int:
    """Fill a buffer with random bytes."""
    buf_len &= U32
    buf = check(ctx, state, buf, buf_len)
    random.fill(state.memory, buf, buf_len, state.random)
    return SUCCESS
