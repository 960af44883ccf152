"""Sockets that the host has opened, for a guest that can use but not make them (`network_sockets` has those it makes).

A listening socket can be accepted from, a connected one read, written and shut down; reading
and writing are those of any file, too. No call blocks in the system: it waits
where deadlines, cancellations and signals are seen. Whether a guest wants to wait at all is
kept here; the flags of the host's socket, which others may share, are not changed.
"""

from __future__ import annotations

import os
import socket as host_sockets
from itertools import starmap
from operator import itemgetter
from socket import SocketType

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, final
from wasmer_runtime_core.support.functions import partial
from wasmer_vfs.files import Buffers, Pieces, StreamFile, bytes_waiting
from wasmer_vfs.status import Status
from wasmer_vfs.waiting import lock_of, must_be_refusal, wait_to_read, wait_to_write

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST: Final = itemgetter(0)
AT_ONCE: Final = int(host_sockets.MSG_DONTWAIT)  # plain numbers: what an enum does to unite them may catch exceptions
_QUIETLY: Final = int(host_sockets.MSG_NOSIGNAL | host_sockets.MSG_DONTWAIT)
PEEK: Final = int(host_sockets.MSG_PEEK)
_CUT: Final = int(host_sockets.MSG_TRUNC)


@final
class Socket(StreamFile):
    """A socket of the host.

    Attributes:
        socket: Python's object, without a timeout of its own, which would let its calls wait.
        nonblocking: what would have to wait is EAGAIN.
        stream: it has no boundaries between messages.
        receive_limit, send_limit: nanoseconds after which a wait ends with EAGAIN; None: it lasts as long as it takes.
    """

    __slots__ = ("nonblocking", "receive_limit", "send_limit", "socket", "stream")

    def __init__(self, socket: SocketType, *, nonblocking: bool = False) -> None:
        self.socket = socket
        self.stream = socket.type == host_sockets.SOCK_STREAM
        self.nonblocking = nonblocking
        self.receive_limit: int | None = None
        self.send_limit: int | None = None

    def wait_to_receive(self) -> None:
        """Until there is something to receive, or to accept."""
        wait_to_read(self.socket.fileno(), self.receive_limit)

    def accept(self, *, nonblocking: bool = False) -> Socket:
        """The next connection; `nonblocking` as it shall be for that."""
        while True:
            if not self.nonblocking:
                self.wait_to_receive()
            try:
                return Socket(self._accept_at_once(), nonblocking=nonblocking)
            except BlockingIOError as failure:
                must_be_refusal(failure)
                if self.nonblocking:
                    raise

    def _accept_at_once(self) -> SocketType:
        """While it does not block, which others may see that share it; threads take turns."""
        host = self.socket.fileno()
        with lock_of(host):
            blocking = os.get_blocking(host)
            try:
                os.set_blocking(host, False)
                accepted = made_of(self.socket, map(_FIRST, starmap(self.socket._accept, ((),))))  # type: ignore[attr-defined]
            finally:
                os.set_blocking(host, blocking)
        return accepted

    def receive(self, buffers: Buffers, *, peek: bool = False, wait_all: bool = False) -> tuple[int, bool]:
        """(bytes received, whether a message was longer than the buffers).

        Args:
            peek: leave them there to be received again.
            wait_all: until the buffers are full or there is no more, where that can be said of the socket.
        """
        if wait_all and not peek and self.stream:
            return self._receive_all(buffers), False
        return self.receive_from(buffers, PEEK if peek else 0)[:2]

    def receive_from(self, buffers: Buffers, flags: int, *, at_once: bool = False) -> tuple[int, bool, Any]:
        """(what `receive` returns, and who has sent it: what Python's sockets tell).

        Args:
            flags: `PEEK` and its like, of the host's.
            at_once: do not wait: EAGAIN.
        """
        while True:
            try:
                count, _, found, sender = self.socket.recvmsg_into(buffers, 0, flags | AT_ONCE)
                return count, bool(found & _CUT), sender
            except BlockingIOError as failure:
                must_be_refusal(failure)
                if self.nonblocking or at_once:
                    raise
            self.wait_to_receive()

    def _receive_all(self, buffers: Buffers) -> int:
        """Until the buffers are full, or there is no more."""
        total = 0
        for buffer in buffers:
            start = 0
            while start < len(buffer):
                with buffer[start:] as rest:
                    try:
                        count, _, _ = self.receive_from([rest], 0)
                    except OSError as failure:
                        must_be_refusal(failure)
                        if total + start:
                            return total + start
                        raise
                if not count:
                    return total + start
                start += count
            total += start
        return total

    def read(self, buffers: Buffers) -> int:
        return self.receive_from(buffers, 0)[0]

    def write(self, buffers: Pieces) -> int:
        return self.send(buffers)

    def send(self, buffers: Pieces, *, at_once: bool = False) -> int:
        """All of it, as a process would; as much as the system takes at once, if the guest does not want to wait."""
        count = self.send_to(buffers, None, at_once=at_once)
        if self.nonblocking or at_once or not self.stream:
            return count
        total = count
        for buffer in buffers:
            start = min(count, len(buffer))
            count -= start
            while start < len(buffer):
                with memoryview(buffer)[start:] as rest:
                    try:
                        sent = self.send_to([rest], None)
                    except OSError as failure:  # told when nothing was sent at all
                        must_be_refusal(failure)
                        return total
                start += sent
                total += sent
        return total

    def send_to(self, buffers: Pieces, to: tuple[str, int] | None, *, at_once: bool = False) -> int:
        """What the system takes at once, after waiting until it takes anything.

        Args:
            to: to whom, an address as Python's sockets take it, of a socket that is not connected.
            at_once: do not wait: EAGAIN.
        """
        while True:
            try:
                if to is None:
                    return self.socket.sendmsg(buffers, (), _QUIETLY)
                return self.socket.sendmsg(buffers, (), _QUIETLY, to)
            except BlockingIOError as failure:
                must_be_refusal(failure)
                if self.nonblocking or at_once:
                    raise
            wait_to_write(self.socket.fileno(), self.send_limit)

    def shutdown(self, how: int) -> None:
        """Close one or both directions, as `socket.SHUT_RD` … say."""
        self.socket.shutdown(how)

    def status(self) -> Status:
        return Status(0, 0, "stream socket" if self.stream else "datagram socket", 1, 0, 0, 0, 0)

    def set_flags(self, flags: int) -> None:
        self.nonblocking = bool(flags & os.O_NONBLOCK)

    def pollable(self) -> int:
        return self.socket.fileno()

    def available(self) -> int:
        return bytes_waiting(self.socket.fileno())

    @classmethod
    def of(cls, socket: SocketType) -> Socket:
        """A guest's own descriptor of a socket that stays its owner's."""
        host = socket.fileno()
        blocking = os.get_blocking(host)
        try:
            duplicate = made_of(socket, map(os.dup, (host,)))
        finally:
            if os.get_blocking(host) != blocking:
                os.set_blocking(host, blocking)
        return cls(duplicate, nonblocking=socket.gettimeout() == 0)

    def duplicate(self) -> Socket:
        """The same socket through a descriptor of its own."""
        again = Socket.of(self.socket)
        again.nonblocking = self.nonblocking
        return again

    def close(self) -> None:
        self.socket.close()


def made_of(like: SocketType, descriptors: Iterator[int]) -> SocketType:
    """A socket of the same family around the one descriptor that an iterator gives.

    Both in one step of Python, as `Owned` does, so that no signal's handler can come in between: Python's own
    `accept` and `dup` lose a descriptor there. Where this process has a default timeout, the new object has got it,
    and has made what it stands for not block.
    """
    made: list[SocketType] = []
    made.extend(map(partial(SocketType, like.family, like.type, like.proto), descriptors))
    if made[0].gettimeout() is not None:
        made[0].settimeout(None)
    return made[0]
