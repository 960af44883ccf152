"""Sockets that a program makes itself, as far as its `Network` lets it.

A `NetworkSocket` is a `Socket`, asked before each step. What leads to others has to be on the list: where it is bound,
whom it connects to, whom it sends datagrams. A server of UDP may answer whoever has written to it; any other socket of
UDP hears those only that it may send to, and what others write to it is thrown away unseen.

None of it blocks in the system: each wait is one of `waiting`. So the option that lets closing a socket wait for its
peer (`SO_LINGER` with a time) cannot be had, nor one that could lead past the list (`OPTIONS` has those that can).
"""

from __future__ import annotations

import errno
import os
import select
import socket as host_sockets
from itertools import starmap
from operator import itemgetter
from socket import SocketType

from wasmer_runtime_core.support.annotations import Final, Literal, final
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_vfs.errors import refusal
from wasmer_vfs.files import Buffers, Pieces, StreamFile
from wasmer_vfs.network import IPV4_BYTES, Address, Network, must
from wasmer_vfs.sockets import PEEK, Socket, made_of
from wasmer_vfs.status import Status
from wasmer_vfs.waiting import look, must_be_refusal, wait

MAX_BACKLOG: Final = 4096
"""Connections that wait to be accepted."""
MAX_PEERS: Final = 1024
"""Addresses that a server of UDP remembers, to be answered: the last ones that wrote to it."""

_FIRST: Final = itemgetter(0)
_FAMILIES: Final[dict[str, int]] = {"IPv4": host_sockets.AF_INET, "IPv6": host_sockets.AF_INET6}
_TYPES: Final[dict[str, int]] = {"stream": host_sockets.SOCK_STREAM, "datagram": host_sockets.SOCK_DGRAM}

OPTIONS: Final[dict[tuple[int, int], Literal["read", "set"]]] = {
    (host_sockets.SOL_SOCKET, host_sockets.SO_TYPE): "read",
    (host_sockets.SOL_SOCKET, host_sockets.SO_ERROR): "read",
    (host_sockets.SOL_SOCKET, host_sockets.SO_ACCEPTCONN): "read",
    (host_sockets.SOL_SOCKET, host_sockets.SO_DOMAIN): "read",
    (host_sockets.SOL_SOCKET, host_sockets.SO_PROTOCOL): "read",
    (host_sockets.SOL_SOCKET, host_sockets.SO_REUSEADDR): "set",
    (host_sockets.SOL_SOCKET, host_sockets.SO_KEEPALIVE): "set",
    (host_sockets.SOL_SOCKET, host_sockets.SO_BROADCAST): "set",
    (host_sockets.SOL_SOCKET, host_sockets.SO_SNDBUF): "set",
    (host_sockets.SOL_SOCKET, host_sockets.SO_RCVBUF): "set",
    (host_sockets.IPPROTO_TCP, host_sockets.TCP_NODELAY): "set",
    (host_sockets.IPPROTO_TCP, host_sockets.TCP_CORK): "set",
    (host_sockets.IPPROTO_TCP, host_sockets.TCP_KEEPIDLE): "set",
    (host_sockets.IPPROTO_TCP, host_sockets.TCP_KEEPINTVL): "set",
    (host_sockets.IPPROTO_TCP, host_sockets.TCP_KEEPCNT): "set",
    (host_sockets.IPPROTO_TCP, host_sockets.TCP_QUICKACK): "set",
    (host_sockets.IPPROTO_TCP, host_sockets.TCP_USER_TIMEOUT): "set",
    (host_sockets.IPPROTO_IP, host_sockets.IP_TOS): "set",
    (host_sockets.IPPROTO_IP, host_sockets.IP_TTL): "set",
    (host_sockets.IPPROTO_IPV6, host_sockets.IPV6_V6ONLY): "read",
}
"""Options that are numbers, by level and name, and what can be done with them."""


class Received(NamedTuple):
    """What has come.

    Attributes:
        size: bytes; those of the whole message, if that was asked for.
        cut: the message was longer than the buffers.
        sender: who has sent it, where each message has a sender.
    """

    size: int
    cut: bool
    sender: Address | None


@final
class NetworkSocket(StreamFile):
    """A socket of TCP or UDP that a program has made, or accepted.

    Attributes:
        inner: the host's, whose flags nobody else sees.
        is_listed: others may reach it: it is bound where the list says, or was accepted.
    """

    __slots__ = ("_network", "_peers", "inner", "is_listed")

    def __init__(self, network: Network, inner: Socket, *, is_listed: bool = False) -> None:
        self._network = network
        self._peers: dict[Address, None] = {}
        self.inner = inner
        self.is_listed = is_listed

    @classmethod
    def make(
        cls,
        network: Network,
        family: Literal["IPv4", "IPv6"],
        type: Literal["stream", "datagram"],
        *,
        nonblocking: bool = False,
    ) -> NetworkSocket:
        """A new one, which stands for nothing yet."""
        made = cls(network, Socket(SocketType(_FAMILIES[family], _TYPES[type], 0), nonblocking=nonblocking))
        made.inner.socket.settimeout(0)
        if family == "IPv6":
            made.inner.socket.setsockopt(host_sockets.IPPROTO_IPV6, host_sockets.IPV6_V6ONLY, 1)
        return made

    # --- where it leads

    def bind(self, address: Address) -> None:
        """Give it an address of its own. Any socket may have one that the system chooses, at which nobody is heard.

        Raises:
            OSError: EACCES, the address is not listed.
        """
        self._must_be_of_the_family(address)
        listed = self._network.may_listen(address)
        must(listed or not (any(address.ip) or address.port))
        before = self._forget_its_address()
        try:
            self.inner.socket.bind(address.host)
        except OSError as failure:
            must_be_refusal(failure)
            self.is_listed = before and failure.errno == errno.EINVAL  # it has one, and keeps it
            raise
        self.is_listed = listed

    def _forget_its_address(self) -> bool:
        """Before a step that may take its address away: whether that was listed.

        The system takes it where binding or connecting fails, and where a socket that listens is shut down; then
        listening would choose another one, of all interfaces.
        """
        before, self.is_listed = self.is_listed, False
        return before

    def listen(self, backlog: int) -> None:
        """Let others connect to it.

        Raises:
            OSError: EACCES, it is not bound to a listed address.
        """
        must(self.is_listed)
        self.inner.socket.listen(min(backlog, MAX_BACKLOG) if backlog >= 0 else MAX_BACKLOG)

    def accept(self, *, nonblocking: bool = False) -> tuple[NetworkSocket, Address]:
        """The next connection, and who has made it; `nonblocking` as it shall be for that."""
        inner = self.inner
        while True:
            try:
                accept = inner.socket._accept  # type: ignore[attr-defined]
                taken = Socket(made_of(inner.socket, map(_FIRST, starmap(accept, ((),)))), nonblocking=nonblocking)
                break
            except BlockingIOError as failure:
                must_be_refusal(failure)
                if inner.nonblocking:
                    raise
            inner.wait_to_receive()
        made = NetworkSocket(self._network, taken, is_listed=True)
        try:
            return made, made.peer()
        except OSError as failure:  # it is gone already
            must_be_refusal(failure)
            made.close()
            raise refusal(errno.ECONNABORTED) from None

    def connect(self, address: Address) -> None:
        """Connect it; waits until it is, unless the program does not want to: EINPROGRESS.

        Raises:
            OSError: EACCES, the address is not listed; what the system says.
        """
        self._must_be_of_the_family(address)
        must(self._may_reach(address))
        inner = self.inner
        before = self._forget_its_address() if inner.stream else self.is_listed
        try:
            inner.socket.connect(address.host)
            self.is_listed = before
        except OSError as failure:
            must_be_refusal(failure)
            if not isinstance(failure, BlockingIOError):
                self.is_listed = before and (not inner.stream or failure.errno == errno.EISCONN)
                raise
            if inner.nonblocking:
                raise
            if not wait([(inner.socket.fileno(), select.POLLOUT)], inner.send_limit):
                raise refusal(errno.EINPROGRESS) from None
            error = inner.socket.getsockopt(host_sockets.SOL_SOCKET, host_sockets.SO_ERROR)
            if error:
                raise refusal(error) from None

    def _must_be_of_the_family(self, address: Address) -> None:
        """Asked before Python's socket gets an address, which takes one of another family for a name to look up.

        Raises:
            OSError: EAFNOSUPPORT, it is of another family.
        """
        if (len(address.ip) == IPV4_BYTES) != (self.inner.socket.family == host_sockets.AF_INET):
            raise refusal(errno.EAFNOSUPPORT)

    def _may_reach(self, address: Address) -> bool:
        return address in self._peers or self._network.may_reach(address)

    def name(self) -> Address:
        """Its own address."""
        return Address.of(self.inner.socket.getsockname())

    def peer(self) -> Address:
        """That of who is at its other end."""
        return Address.of(self.inner.socket.getpeername())

    # --- what goes through it

    def receive(
        self,
        buffers: Buffers,
        *,
        peek: bool = False,
        wait_all: bool = False,
        whole: bool = False,
        at_once: bool = False,
    ) -> Received:
        """Take what has come.

        Args:
            peek: leave it there to be received again.
            wait_all: wait until the buffers are full, where there are no messages.
            whole: count all bytes of a message, also those that the buffers had no room for.
            at_once: do not wait: EAGAIN.
        """
        inner = self.inner
        if inner.stream:
            if wait_all and not peek and not at_once:
                return Received(inner.receive(buffers, wait_all=True)[0], False, None)
            count, cut, _ = inner.receive_from(buffers, PEEK if peek else 0, at_once=at_once)
            return Received(count, cut, None)
        if not self.is_listed:
            self._drop_what_is_not_listed(at_once)
        flags = (PEEK if peek else 0) | (_WHOLE if whole else 0)
        count, cut, told = inner.receive_from(buffers, flags, at_once=at_once)
        sender = Address.of(told) if told else None
        if sender is not None and self.is_listed:
            self._peers.pop(sender, None)
            if len(self._peers) >= MAX_PEERS:
                del self._peers[next(iter(self._peers))]
            self._peers[sender] = None
        return Received(count, cut, sender)

    def _drop_what_is_not_listed(self, at_once: bool) -> None:
        """Until the next message is of somebody whom this socket may send to. Only the sender is looked at."""
        while True:
            told = self.inner.receive_from([], PEEK, at_once=at_once)[2]
            if not told or self._network.may_reach(Address.of(told)):
                return
            self.inner.receive_from([], 0, at_once=True)
            look()

    def has_come(self) -> bool:
        """Whether the program may know that something has come, when the system says that it has.

        What a socket of UDP does not hear is thrown away here, so a program that asks before it receives does not wait
        for a message that nobody has sent it, and learns nothing of one that somebody else has.
        """
        if self.inner.stream or self.is_listed:
            return True
        try:
            self._drop_what_is_not_listed(at_once=True)
        except BlockingIOError as failure:
            must_be_refusal(failure)
            return False
        except OSError as failure:  # what receiving will say
            must_be_refusal(failure)
        return True

    def send(self, buffers: Pieces, to: Address | None = None, *, at_once: bool = False) -> int:
        """Send all of it; what the system takes at once, if the program does not want to wait.

        Args:
            to: to whom, of a socket that has messages. One of TCP does not look at it.
            at_once: do not wait, whatever was set.

        Raises:
            OSError: EACCES, nobody may send there.
        """
        inner = self.inner
        if inner.stream or to is None:
            return inner.send(buffers, at_once=at_once)
        self._must_be_of_the_family(to)
        must(self._may_reach(to))
        return inner.send_to(buffers, to.host, at_once=at_once)

    def read(self, buffers: Buffers) -> int:
        return self.receive(buffers).size

    def write(self, buffers: Pieces) -> int:
        return self.inner.write(buffers)

    def shutdown(self, how: int) -> None:
        """Close one or both directions, as `socket.SHUT_RD` … say."""
        if self.inner.stream:
            self._forget_its_address()
        self.inner.shutdown(how)

    # --- options

    def option(self, level: int, name: int) -> int:
        """What an option is set to.

        Raises:
            OSError: ENOPROTOOPT, it is none of `OPTIONS`.
        """
        if (level, name) not in OPTIONS:
            raise refusal(errno.ENOPROTOOPT)
        return self.inner.socket.getsockopt(level, name)

    def set_option(self, level: int, name: int, value: int) -> None:
        """Set an option.

        Raises:
            OSError: ENOPROTOOPT, it is none of `OPTIONS`, or cannot be set.
        """
        if (level, name) == (host_sockets.IPPROTO_IPV6, host_sockets.IPV6_V6ONLY) and value:
            return  # it is
        if OPTIONS.get((level, name)) != "set":
            raise refusal(errno.ENOPROTOOPT)
        self.inner.socket.setsockopt(level, name, value)

    def reset_when_closed(self, on: bool) -> None:
        """Whether closing it drops what was not sent, and tells its peer so: `SO_LINGER` with no time."""
        linger = int(on).to_bytes(4, "little") + bytes(4)
        self.inner.socket.setsockopt(host_sockets.SOL_SOCKET, host_sockets.SO_LINGER, linger)

    def is_reset_when_closed(self) -> bool:
        """What was set."""
        return self.inner.socket.getsockopt(host_sockets.SOL_SOCKET, host_sockets.SO_LINGER, 8)[0] != 0

    # --- as a file

    def status(self) -> Status:
        return self.inner.status()

    def set_flags(self, flags: int) -> None:
        self.inner.nonblocking = bool(flags & os.O_NONBLOCK)

    def pollable(self) -> int:
        return self.inner.socket.fileno()

    def available(self) -> int:
        return self.inner.available() if self.has_come() else 0

    def close(self) -> None:
        self.inner.close()

    def __del__(self) -> None:
        inner = getattr(self, "inner", None)  # none, if a signal's handler raised while it was made
        if inner is not None:
            inner.close()


_WHOLE: Final = int(host_sockets.MSG_TRUNC)
