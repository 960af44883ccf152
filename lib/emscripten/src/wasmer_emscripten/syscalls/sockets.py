"""Sockets of TCP and UDP, as far as the program's `Network` goes: EACCES beyond it, and for all where there is none.

The host's sockets never wait; a call that has to, waits where deadlines, cancellations and signals are seen. All of
them are files of the program's table: reading, writing, poll, select, dup, close and FIONBIO are those of any file.
"""

from __future__ import annotations

import errno
import socket as host_sockets
from collections.abc import Callable
from struct import Struct
from typing import Final, Literal

from wasmer_emscripten.functions import syscall
from wasmer_emscripten.guest import MAX_BYTES, U32
from wasmer_emscripten.library.addresses import (
    AF_INET,
    AF_INET6,
    SOCK_DGRAM,
    SOCK_STREAM,
    put_address,
    read_address,
    room_for_address,
)
from wasmer_emscripten.numbers import O_CLOEXEC, O_NONBLOCK
from wasmer_emscripten.process import Process
from wasmer_vfs.errors import refusal
from wasmer_vfs.files import release
from wasmer_vfs.network import Network
from wasmer_vfs.network_sockets import NetworkSocket
from wasmer_vfs.trees import Opened

_FAMILIES: Final[dict[int, Literal["IPv4", "IPv6"]]] = {AF_INET: "IPv4", AF_INET6: "IPv6"}
_TYPES: Final[dict[int, Literal["stream", "datagram"]]] = {SOCK_STREAM: "stream", SOCK_DGRAM: "datagram"}
_PROTOCOLS: Final = {SOCK_STREAM: (0, 6), SOCK_DGRAM: (0, 17)}
"""IPPROTO_TCP, IPPROTO_UDP, or none said."""

MSG_PEEK: Final = 0x2
MSG_TRUNC: Final = 0x20
MSG_DONTWAIT: Final = 0x40
MSG_WAITALL: Final = 0x100
MSG_CONFIRM: Final = 0x800
MSG_NOSIGNAL: Final = 0x4000
MSG_MORE: Final = 0x8000
MSG_CMSG_CLOEXEC: Final = 0x4000_0000
_SENDING: Final = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_CONFIRM | MSG_MORE  # the last two are hints
_RECEIVING: Final = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_PEEK | MSG_WAITALL | MSG_TRUNC | MSG_CMSG_CLOEXEC

_MESSAGE: Final = Struct("<IIIiIII")
"""`struct msghdr`: address and its length, iovecs and their count, control data and their length, flags."""


def network_of(process: Process) -> Network:
    """What the program may reach.

    Raises:
        OSError: EACCES, it was given no network.
    """
    if process.net is None:
        raise refusal(errno.EACCES)
    return process.net


def socket_of(process: Process, number: int) -> NetworkSocket:
    """The socket of a number.

    Raises:
        OSError: EBADF, it is not open; ENOTSOCK, it is something else.
    """
    file = process.descriptors.find(number).file
    if not isinstance(file, NetworkSocket):
        raise refusal(errno.ENOTSOCK)
    return file


def _must_have_room(process: Process) -> Network:
    """
    Raises:
        OSError: EACCES, no network; EMFILE, the program has as many sockets, or open files, as it may have.
    """
    network = network_of(process)
    process.descriptors.must_have_room()
    every = {id(each) for each in list(process.descriptors.open.values()) if isinstance(each.file, NetworkSocket)}
    if len(every) >= network.sockets:
        raise refusal(errno.EMFILE)
    return network


def _insert(process: Process, made: NetworkSocket, flags: int) -> int:
    number = process.descriptors.insert(Opened(path=b"socket:", flags=flags & O_NONBLOCK | 2, file=made))
    if flags & O_CLOEXEC:
        process.close_on_exec.add(number)
    return number


# --- making them, and where they lead


@syscall("iii?iii", "socket")
def socket(process: Process, family: int, type: int, protocol: int, *_: int) -> int:
    """Make a socket of TCP or UDP; EACCES without a network."""
    flags, kind = type & (O_NONBLOCK | O_CLOEXEC), type & ~(O_NONBLOCK | O_CLOEXEC)
    network = network_of(process)
    if family not in _FAMILIES:
        raise refusal(errno.EAFNOSUPPORT)
    if kind not in _TYPES or protocol not in _PROTOCOLS[kind]:
        raise refusal(errno.EPROTONOSUPPORT)
    _must_have_room(process)
    made = NetworkSocket.make(network, _FAMILIES[family], _TYPES[kind], nonblocking=bool(flags & O_NONBLOCK))
    return _insert(process, made, flags)


@syscall("iii?iii", "bind")
def bind(process: Process, fd: int, address: int, length: int, *_: int) -> None:
    """Give a socket an address; EACCES if it is not listed."""
    socket_of(process, fd).bind(read_address(process, address, length))


@syscall("ii?iiii", "listen")
def listen(process: Process, fd: int, backlog: int, *_: int) -> None:
    """Let others connect; EACCES if its address is not listed."""
    socket_of(process, fd).listen(backlog)


@syscall("iiii?ii", "accept4")
def accept4(process: Process, fd: int, address: int, length: int, flags: int, *_: int) -> int:
    """The next connection; waits for one."""
    listening = socket_of(process, fd)
    if flags & ~(O_NONBLOCK | O_CLOEXEC):
        raise refusal(errno.EINVAL)
    room = room_for_address(process, address, length)
    _must_have_room(process)
    made, peer = listening.accept(nonblocking=bool(flags & O_NONBLOCK))
    number = _insert(process, made, flags)
    put_address(process, address, length, room, peer)
    return number


@syscall("iii?iii", "connect")
def connect(process: Process, fd: int, address: int, length: int, *_: int) -> None:
    """Connect to an address; EACCES if it is not listed. Waits."""
    socket_of(process, fd).connect(read_address(process, address, length))


@syscall("iii?iii", "getsockname")
def getsockname(process: Process, fd: int, address: int, length: int, *_: int) -> None:
    """Write a socket's own address."""
    opened = socket_of(process, fd)
    put_address(process, address, length, room_for_address(process, address, length), opened.name())


@syscall("iii?iii", "getpeername")
def getpeername(process: Process, fd: int, address: int, length: int, *_: int) -> None:
    """Write the address of its other end."""
    opened = socket_of(process, fd)
    put_address(process, address, length, room_for_address(process, address, length), opened.peer())


@syscall("ii?iiii", "shutdown")
def shutdown(process: Process, fd: int, how: int, *_: int) -> None:
    """Close one or both directions."""
    if not 0 <= how <= host_sockets.SHUT_RDWR:
        raise refusal(errno.EINVAL)
    socket_of(process, fd).shutdown(how)


# --- what goes through them


def _flags(flags: int, known: int) -> int:
    """
    Raises:
        OSError: EOPNOTSUPP, one of them is none of those that are here.
    """
    flags &= U32
    if flags & ~known:
        raise refusal(errno.EOPNOTSUPP)
    return flags


@syscall("iiiiii", "sendto")
def sendto(process: Process, fd: int, data: int, count: int, flags: int, address: int, length: int) -> int:
    """Send, to an address if one is given: EACCES if it is not listed. Waits while there is no room."""
    opened = socket_of(process, fd)
    flags = _flags(flags, _SENDING)
    to = read_address(process, address, length) if address & U32 else None
    view = process.guest.view(data, count & U32)
    try:
        with view[:MAX_BYTES] as piece:
            return opened.send([piece], to, at_once=bool(flags & MSG_DONTWAIT))
    finally:
        release([view])


@syscall("iiiiii", "recvfrom")
def recvfrom(process: Process, fd: int, data: int, count: int, flags: int, address: int, length: int) -> int:
    """Receive, and write who has sent it. Waits for something."""
    opened = socket_of(process, fd)
    flags = _flags(flags, _RECEIVING)
    room = room_for_address(process, address, length)
    view = process.guest.view(data, count & U32)
    try:
        with view[:MAX_BYTES] as buffer:
            received = opened.receive(
                [buffer],
                peek=bool(flags & MSG_PEEK),
                wait_all=bool(flags & MSG_WAITALL),
                whole=bool(flags & MSG_TRUNC),
                at_once=bool(flags & MSG_DONTWAIT),
            )
    finally:
        release([view])
    put_address(process, address, length, room, received.sender)
    return received.size


@syscall("iii?iii", "sendmsg")
def sendmsg(process: Process, fd: int, message: int, flags: int, *_: int) -> int:
    """The same of several buffers. Control data are EOPNOTSUPP."""
    opened = socket_of(process, fd)
    flags = _flags(flags, _SENDING)
    address, length, iovs, count, _control, control_length, _ = process.guest.unpack(_MESSAGE, message)
    if control_length:
        raise refusal(errno.EOPNOTSUPP)
    to = read_address(process, address, length) if address else None
    buffers = process.guest.gather(iovs, count)
    try:
        return opened.send(buffers, to, at_once=bool(flags & MSG_DONTWAIT))
    finally:
        release(buffers)


@syscall("iii?iii", "recvmsg")
def recvmsg(process: Process, fd: int, message: int, flags: int, *_: int) -> int:
    """The same into several buffers. There are no control data."""
    guest = process.guest
    opened = socket_of(process, fd)
    flags = _flags(flags, _RECEIVING)
    message = guest.check(message, _MESSAGE.size)
    address, _, iovs, count, _, _, _ = guest.unpack(_MESSAGE, message)
    room = room_for_address(process, address, message + 4)
    buffers = guest.gather(iovs, count)
    try:
        received = opened.receive(
            buffers,
            peek=bool(flags & MSG_PEEK),
            wait_all=bool(flags & MSG_WAITALL),
            whole=bool(flags & MSG_TRUNC),
            at_once=bool(flags & MSG_DONTWAIT),
        )
    finally:
        release(buffers)
    put_address(process, address, message + 4, room, received.sender)
    guest.put_u32(message + 20, 0)
    guest.put_u32(message + 24, MSG_TRUNC if received.cut else 0)
    return received.size


# --- all of them by one number, as older programs call them

_CALLS: Final[dict[int, tuple[Callable[..., int | None], int]]] = {
    1: (socket, 3),
    2: (bind, 3),
    3: (connect, 3),
    4: (listen, 2),
    5: (lambda process, fd, address, length: accept4(process, fd, address, length, 0), 3),
    6: (getsockname, 3),
    7: (getpeername, 3),
    9: (lambda process, fd, data, count, flags: sendto(process, fd, data, count, flags, 0, 0), 4),
    10: (lambda process, fd, data, count, flags: recvfrom(process, fd, data, count, flags, 0, 0), 4),
    11: (sendto, 6),
    12: (recvfrom, 6),
    13: (shutdown, 2),
    16: (sendmsg, 3),
    17: (recvmsg, 3),
    18: (accept4, 4),
}
"""What `socketcall` numbers, and how many arguments each takes. Options register theirs."""
_ARGUMENTS: Final = {count: Struct(f"<{count}i") for count in range(2, 7)}


@syscall("ii", "socketcall")
def socketcall(process: Process, call: int, arguments: int) -> int:
    """One of these by its number, its arguments in memory."""
    if call not in _CALLS:
        raise refusal(errno.EINVAL)
    function, count = _CALLS[call]
    given = process.guest.unpack(_ARGUMENTS[count], arguments)
    return function(process, *given) or 0


def numbered(call: int, count: int, function: Callable[..., int | None]) -> None:
    """Let `socketcall` know another one."""
    _CALLS[call] = (function, count)
