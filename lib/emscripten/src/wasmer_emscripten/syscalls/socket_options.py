"""Options of sockets: those that lead nowhere else, by the program's numbers."""

from __future__ import annotations

import errno
import socket as host_sockets
from struct import Struct
from typing import Final

from wasmer_emscripten.functions import syscall
from wasmer_emscripten.library.clocks import LONGEST, SECOND
from wasmer_emscripten.process import Process
from wasmer_emscripten.syscalls.sockets import numbered, socket_of
from wasmer_vfs.errors import refusal

SOL_SOCKET: Final = 1
SO_ERROR: Final = 4
SO_LINGER: Final = 13
RECEIVE_LIMITS: Final = (20, 66)
"""`SO_RCVTIMEO`, with times of 32 bits and of 64."""
SEND_LIMITS: Final = (21, 67)
"""`SO_SNDTIMEO`, the same."""

NUMBERS: Final = {
    (SOL_SOCKET, 2): (host_sockets.SOL_SOCKET, host_sockets.SO_REUSEADDR),
    (SOL_SOCKET, 3): (host_sockets.SOL_SOCKET, host_sockets.SO_TYPE),
    (SOL_SOCKET, SO_ERROR): (host_sockets.SOL_SOCKET, host_sockets.SO_ERROR),
    (SOL_SOCKET, 6): (host_sockets.SOL_SOCKET, host_sockets.SO_BROADCAST),
    (SOL_SOCKET, 7): (host_sockets.SOL_SOCKET, host_sockets.SO_SNDBUF),
    (SOL_SOCKET, 8): (host_sockets.SOL_SOCKET, host_sockets.SO_RCVBUF),
    (SOL_SOCKET, 9): (host_sockets.SOL_SOCKET, host_sockets.SO_KEEPALIVE),
    (SOL_SOCKET, 30): (host_sockets.SOL_SOCKET, host_sockets.SO_ACCEPTCONN),
    (SOL_SOCKET, 38): (host_sockets.SOL_SOCKET, host_sockets.SO_PROTOCOL),
    (SOL_SOCKET, 39): (host_sockets.SOL_SOCKET, host_sockets.SO_DOMAIN),
    (0, 1): (host_sockets.IPPROTO_IP, host_sockets.IP_TOS),
    (0, 2): (host_sockets.IPPROTO_IP, host_sockets.IP_TTL),
    (6, 1): (host_sockets.IPPROTO_TCP, host_sockets.TCP_NODELAY),
    (6, 3): (host_sockets.IPPROTO_TCP, host_sockets.TCP_CORK),
    (6, 4): (host_sockets.IPPROTO_TCP, host_sockets.TCP_KEEPIDLE),
    (6, 5): (host_sockets.IPPROTO_TCP, host_sockets.TCP_KEEPINTVL),
    (6, 6): (host_sockets.IPPROTO_TCP, host_sockets.TCP_KEEPCNT),
    (6, 12): (host_sockets.IPPROTO_TCP, host_sockets.TCP_QUICKACK),
    (6, 18): (host_sockets.IPPROTO_TCP, host_sockets.TCP_USER_TIMEOUT),
    (41, 26): (host_sockets.IPPROTO_IPV6, host_sockets.IPV6_V6ONLY),
}
"""Level and name of options that are numbers: the program's, the host's."""

_NUMBER: Final = Struct("<i")
_LINGER: Final = Struct("<ii")
_SHORT_TIME: Final = Struct("<ii")
_LONG_TIME: Final = Struct("<qi4x")


def _value(process: Process, layout: Struct, value: int, length: int) -> tuple[int, ...]:
    """The value that a program passes.

    Raises:
        OSError: EINVAL, it is too short.
    """
    if length < layout.size:
        raise refusal(errno.EINVAL)
    return process.guest.unpack(layout, value)


@syscall("iiiii?i", "setsockopt")
def setsockopt(process: Process, fd: int, level: int, name: int, value: int, length: int, *_: int) -> None:
    """Set an option; ENOPROTOOPT for one that is not here."""
    opened = socket_of(process, fd)
    if level == SOL_SOCKET and name == SO_LINGER:
        on, seconds = _value(process, _LINGER, value, length)
        if on and seconds:  # closing would wait for the peer, and no deadline would end it
            raise refusal(errno.ENOPROTOOPT)
        opened.reset_when_closed(bool(on))
    elif level == SOL_SOCKET and name in RECEIVE_LIMITS:
        opened.inner.receive_limit = _nanoseconds(process, _layout_of_time(name), value, length)
    elif level == SOL_SOCKET and name in SEND_LIMITS:
        opened.inner.send_limit = _nanoseconds(process, _layout_of_time(name), value, length)
    elif (level, name) in NUMBERS:
        (number,) = _value(process, _NUMBER, value, length)
        opened.set_option(*NUMBERS[level, name], number)
    else:
        raise refusal(errno.ENOPROTOOPT)


def _layout_of_time(name: int) -> Struct:
    return _LONG_TIME if name in (RECEIVE_LIMITS[1], SEND_LIMITS[1]) else _SHORT_TIME


def _nanoseconds(process: Process, layout: Struct, value: int, length: int) -> int | None:
    """A limit of time; none is written as 0."""
    seconds, microseconds = _value(process, layout, value, length)
    if not 0 <= microseconds < 1_000_000:
        raise refusal(errno.EDOM)
    if seconds < 0:
        return 0
    return min(seconds * SECOND + microseconds * 1000, LONGEST) or None


@syscall("iiiii?i", "getsockopt")
def getsockopt(process: Process, fd: int, level: int, name: int, value: int, length: int, *_: int) -> None:
    """Write an option; ENOPROTOOPT for one that is not here."""
    opened = socket_of(process, fd)
    guest = process.guest
    room = guest.i32(length)
    if room < 0:
        raise refusal(errno.EINVAL)
    if level == SOL_SOCKET and name == SO_LINGER:
        data = _LINGER.pack(opened.is_reset_when_closed(), 0)
    elif level == SOL_SOCKET and name in (*RECEIVE_LIMITS, *SEND_LIMITS):
        limit = opened.inner.receive_limit if name in RECEIVE_LIMITS else opened.inner.send_limit
        seconds, nanoseconds = divmod(limit or 0, SECOND)
        layout = _layout_of_time(name)
        data = layout.pack(min(seconds, 0x7FFF_FFFF), nanoseconds // 1000)
    elif (level, name) in NUMBERS:
        guest.check(value, min(room, _NUMBER.size))  # before an error is told, which is told once
        data = _NUMBER.pack(_as_told(process, opened.option(*NUMBERS[level, name]), level, name))
    else:
        raise refusal(errno.ENOPROTOOPT)
    data = data[:room]
    guest.write(value, data)
    guest.put_u32(length, len(data))


def _as_told(process: Process, value: int, level: int, name: int) -> int:
    """What the host says, as the program counts it: an error by its own number."""
    if not value or (level, name) != (SOL_SOCKET, SO_ERROR):
        return value
    return process.errors.get(value, process.errors[errno.EIO])


numbered(14, 5, setsockopt)
numbered(15, 5, getsockopt)
