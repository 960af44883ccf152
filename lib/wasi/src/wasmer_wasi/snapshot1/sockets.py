"""Calls of sockets: `sock_…`."""

from __future__ import annotations

from socket import SHUT_RD, SHUT_RDWR, SHUT_WR

from wasmer_runtime_core.support.annotations import Final
from wasmer_vfs.files import release
from wasmer_vfs.sockets import Socket
from wasmer_wasi.descriptors import Descriptor
from wasmer_wasi.errno import (
    EINVAL,
    ENOTSOCK,
    SUCCESS,
    WasiError,
)
from wasmer_wasi.guest import FLAGS, SIZE, U32, Context, check, gather
from wasmer_wasi.snapshot1.answers import answers
from wasmer_wasi.state import WasiState
from wasmer_wasi.types import (
    ALL_RIGHTS,
    FDFLAG_NONBLOCK,
    RIFLAG_PEEK,
    RIFLAG_WAITALL,
    RIGHT_FD_READ,
    RIGHT_FD_WRITE,
    RIGHT_SOCK_ACCEPT,
    RIGHT_SOCK_SHUTDOWN,
    ROFLAG_DATA_TRUNCATED,
    SDFLAG_RD,
    SDFLAG_WR,
)

HOST_SDFLAGS: Final = {SDFLAG_RD: SHUT_RD, SDFLAG_WR: SHUT_WR, SDFLAG_RD | SDFLAG_WR: SHUT_RDWR}
"""`shutdown`'s number for each value of sdflags."""


@answers
def sock_accept(ctx: Context, state: WasiState, fd: int, flags: int, accepted_fd: int) -> int:
    """Accept a connection from a listening socket and write its descriptor."""
    accepted_fd = check(ctx, state, accepted_fd, 4)
    socket = _socket(state, fd, RIGHT_SOCK_ACCEPT)
    if flags & ~FDFLAG_NONBLOCK:
        return EINVAL
    state.descriptors.must_have_room()
    new = Descriptor.of(socket.accept(nonblocking=bool(flags)), True, True, ALL_RIGHTS, flags)
    SIZE.pack_into(state.memory, accepted_fd, state.descriptors.insert(new))
    return SUCCESS


def _socket(state: WasiState, fd: int, right: int) -> Socket:
    descriptor = state.descriptors.get(fd & U32)
    if not isinstance(descriptor.file, Socket):
        raise WasiError(ENOTSOCK)
    if not descriptor.rights & right:
        raise WasiError(descriptor.refusal(right))
    return descriptor.file


@answers
def sock_recv(
    ctx: Context,
    state: WasiState,
    fd: int,
    ri_data: int,
    ri_data_len: int,
    ri_flags: int,
    ro_datalen: int,
    ro_flags: int,
) -> int:
    """Receive from a socket."""
    ro_datalen = check(ctx, state, ro_datalen, 4)
    ro_flags = check(ctx, state, ro_flags, 2)
    buffers = gather(ctx, state, ri_data, ri_data_len)
    try:
        socket = _socket(state, fd, RIGHT_FD_READ)
        if ri_flags & ~(RIFLAG_PEEK | RIFLAG_WAITALL):
            return EINVAL
        peek, wait_all = bool(ri_flags & RIFLAG_PEEK), bool(ri_flags & RIFLAG_WAITALL)
        count, truncated = socket.receive(buffers, peek=peek, wait_all=wait_all)
    finally:
        release(buffers)
    SIZE.pack_into(state.memory, ro_datalen, count)
    FLAGS.pack_into(state.memory, ro_flags, ROFLAG_DATA_TRUNCATED if truncated else 0)
    return SUCCESS


@answers
def sock_send(
    ctx: Context, state: WasiState, fd: int, si_data: int, si_data_len: int, si_flags: int, so_datalen: int
) -> int:
    """Send through a socket."""
    so_datalen = check(ctx, state, so_datalen, 4)
    buffers = gather(ctx, state, si_data, si_data_len)
    try:
        socket = _socket(state, fd, RIGHT_FD_WRITE)
        if si_flags:
            return EINVAL
        SIZE.pack_into(state.memory, so_datalen, socket.write(buffers))
    finally:
        release(buffers)
    return SUCCESS


@answers
def sock_shutdown(ctx: Context, state: WasiState, fd: int, how: int) -> int:
    """Close one or both directions of a connection."""
    socket = _socket(state, fd, RIGHT_SOCK_SHUTDOWN)
    if how not in HOST_SDFLAGS:
        return EINVAL
    socket.shutdown(HOST_SDFLAGS[how])
    return SUCCESS
