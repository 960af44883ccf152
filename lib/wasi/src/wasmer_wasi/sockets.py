"""Sockets that the host has opened, for a guest that can use but not make them.

A listening socket can be accepted from, a connected one read, written and shut down; reading
and writing also work through `fd_read` and `fd_write`.
"""

from __future__ import annotations

import os
import socket as host_sockets
from typing import final

from wasmer_wasi.errno import EINVAL, ENOTSUP, ESPIPE, WasiError
from wasmer_wasi.files import Buffers, HostFile, Status
from wasmer_wasi.types import (
    FDFLAG_NONBLOCK,
    FILETYPE_SOCKET_DGRAM,
    FILETYPE_SOCKET_STREAM,
    RIFLAG_PEEK,
    RIFLAG_WAITALL,
    ROFLAG_DATA_TRUNCATED,
    SDFLAG_RD,
    SDFLAG_WR,
)


@final
class Socket:
    """A socket of the host.

    Attributes:
        socket: Python's object.
    """

    __slots__ = ("socket",)

    def __init__(self, socket: host_sockets.socket) -> None:
        self.socket = socket

    def accept(self, flags: int) -> Socket:
        """The next connection; `flags` are fdflags, of which only NONBLOCK means something here."""
        connection, _ = self.socket.accept()
        connection.setblocking(not flags & FDFLAG_NONBLOCK)
        return Socket(connection)

    def receive(self, buffers: Buffers, flags: int) -> tuple[int, int]:
        """(bytes received, roflags)."""
        host = host_sockets.MSG_PEEK if flags & RIFLAG_PEEK else 0
        if flags & RIFLAG_WAITALL:
            host |= host_sockets.MSG_WAITALL
        count, _, found, _ = self.socket.recvmsg_into(buffers, 0, host)
        return count, ROFLAG_DATA_TRUNCATED if found & host_sockets.MSG_TRUNC else 0

    def read(self, buffers: Buffers) -> int:
        return self.receive(buffers, 0)[0]

    def write(self, buffers: Buffers) -> int:
        return self.socket.sendmsg(buffers, (), host_sockets.MSG_NOSIGNAL)

    def shutdown(self, how: int) -> None:
        """Close one or both directions; `how` are sdflags."""
        if how == SDFLAG_RD:
            self.socket.shutdown(host_sockets.SHUT_RD)
        elif how == SDFLAG_WR:
            self.socket.shutdown(host_sockets.SHUT_WR)
        elif how == SDFLAG_RD | SDFLAG_WR:
            self.socket.shutdown(host_sockets.SHUT_RDWR)
        else:
            raise WasiError(EINVAL)

    def read_at(self, buffers: Buffers, offset: int) -> int:
        raise WasiError(ESPIPE)

    def write_at(self, buffers: Buffers, offset: int) -> int:
        raise WasiError(ESPIPE)

    def seek(self, offset: int, whence: int) -> int:
        raise WasiError(ESPIPE)

    def status(self) -> Status:
        stream = self.socket.type == host_sockets.SOCK_STREAM
        return Status(0, 0, FILETYPE_SOCKET_STREAM if stream else FILETYPE_SOCKET_DGRAM, 1, 0, 0, 0, 0)

    def set_size(self, size: int) -> None:
        raise WasiError(EINVAL)

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        raise WasiError(ENOTSUP)

    def sync(self, *, data_only: bool) -> None:
        raise WasiError(EINVAL)

    def allocate(self, offset: int, length: int) -> None:
        raise WasiError(ESPIPE)

    def advise(self, offset: int, length: int, advice: int) -> None:
        raise WasiError(ESPIPE)

    def set_flags(self, flags: int) -> None:
        self.socket.setblocking(not flags & FDFLAG_NONBLOCK)

    def pollable(self) -> int:
        return self.socket.fileno()

    def available(self) -> int:
        return HostFile(self.socket.fileno(), owned=False).available()

    def duplicate(self) -> Socket:
        """The same socket through a descriptor of its own."""
        return Socket(host_sockets.socket(fileno=os.dup(self.socket.fileno())))

    def close(self) -> None:
        self.socket.close()
