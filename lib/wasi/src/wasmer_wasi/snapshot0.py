"""`wasi_unstable`, the interface of 2019: what differs from `snapshot1`, in the specification's order.

Four functions have records or numbers of their own here: the order of `whence`, a filestat
of 56 bytes with a 32-bit link count, and a subscription of 56 bytes whose clock begins with
an identifier. `sock_accept` does not exist yet. Everything else is `snapshot1`'s function.
"""

from __future__ import annotations

import os

from wasmer_runtime_core.support.annotations import Final
from wasmer_vfs.status import Status
from wasmer_wasi.errno import EINVAL, SUCCESS
from wasmer_wasi.guest import U32, U64, Context, check
from wasmer_wasi.numbers import FILETYPES
from wasmer_wasi.snapshot1.answers import answers
from wasmer_wasi.snapshot1.files import seek, status_of_descriptor
from wasmer_wasi.snapshot1.paths import status_of_path
from wasmer_wasi.snapshot1.waiting import wait
from wasmer_wasi.state import WasiState
from wasmer_wasi.types import FILESTAT, SNAPSHOT0, SUBSCRIPTION_CLOCK

_FILESTAT: Final = FILESTAT.layout(SNAPSHOT0)
_SUBSCRIPTION_CLOCK: Final = SUBSCRIPTION_CLOCK.layout(SNAPSHOT0)

_WHENCE: Final = (os.SEEK_CUR, os.SEEK_END, os.SEEK_SET)


@answers
def fd_filestat_get(ctx: Context, state: WasiState, fd: int, buf: int) -> int:
    """Write a file's status, in 56 bytes."""
    buf = check(ctx, state, buf, _FILESTAT.size)
    return _write_filestat(state, buf, status_of_descriptor(state, fd))


def _write_filestat(state: WasiState, buf: int, status: Status) -> int:
    dev, ino, kind, nlink, size, atim, mtim, ctim = status
    nlink = min(nlink, U32)
    _FILESTAT.pack_into(state.memory, buf, dev, ino, FILETYPES[kind], nlink, size, atim & U64, mtim & U64, ctim & U64)
    return SUCCESS


@answers
def fd_seek(ctx: Context, state: WasiState, fd: int, offset: int, whence: int, newoffset: int) -> int:
    """Move a file's position and write the new one; whence 0 is from here, 1 the end, 2 the start."""
    if not 0 <= whence < len(_WHENCE):
        return EINVAL
    return seek(ctx, state, fd, offset, _WHENCE[whence], newoffset)


@answers
def path_filestat_get(ctx: Context, state: WasiState, fd: int, flags: int, path: int, path_len: int, buf: int) -> int:
    """Write the status of what a path leads to, in 56 bytes."""
    buf = check(ctx, state, buf, _FILESTAT.size)
    return _write_filestat(state, buf, status_of_path(ctx, state, fd, flags, path, path_len))


@answers
def poll_oneoff(
    ctx: Context, state: WasiState, subscriptions: int, events: int, nsubscriptions: int, nevents: int
) -> int:
    """Wait for the first of several things, subscriptions of 56 bytes, and write what happened."""
    return wait(ctx, state, subscriptions, events, nsubscriptions, nevents, _SUBSCRIPTION_CLOCK)
