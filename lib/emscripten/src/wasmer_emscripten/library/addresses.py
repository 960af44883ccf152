"""Addresses as programs write them: `struct sockaddr` of IPv4 and IPv6; numbers of families and types of sockets.

A program says how long what it points to is. A shorter record than its family needs is EINVAL, and of a longer one the
rest is not looked at. What is told is cut to the room that there is, with the whole length beside it, as on Linux.
"""

from __future__ import annotations

import errno
from struct import Struct
from typing import TYPE_CHECKING, Final

from wasmer_emscripten.guest import U32
from wasmer_vfs.errors import refusal
from wasmer_vfs.network import Address, plain

if TYPE_CHECKING:
    from wasmer_emscripten.process import Process

AF_UNSPEC: Final = 0
AF_INET: Final = 2
AF_INET6: Final = 10

SOCK_STREAM: Final = 1
SOCK_DGRAM: Final = 2

_FAMILY: Final = Struct("<H")
_IPV4: Final = Struct(">H4s8x")
"""Behind the family: port, address."""
_IPV6: Final = Struct(">HI16sI")
"""The same: port, flow, address, scope."""
MOST: Final = 128
"""Bytes of the longest address there is (`struct sockaddr_storage`)."""


def packed(address: Address) -> bytes:
    """The record of an address."""
    ip, port = address
    if len(ip) == 4:
        return _FAMILY.pack(AF_INET) + _IPV4.pack(port, ip)
    return _FAMILY.pack(AF_INET6) + _IPV6.pack(port, 0, ip, 0)


def unpacked(data: bytes) -> Address:
    """What a record says.

    Raises:
        OSError: EAFNOSUPPORT, it is of no family that is here; EINVAL, it is too short; EACCES, it has a scope, which
            no list has.
    """
    if len(data) < _FAMILY.size:
        raise refusal(errno.EINVAL)
    family = _FAMILY.unpack_from(data)[0]
    if family not in (AF_INET, AF_INET6):
        raise refusal(errno.EAFNOSUPPORT)
    layout = _IPV4 if family == AF_INET else _IPV6
    if len(data) < _FAMILY.size + layout.size:
        raise refusal(errno.EINVAL)
    if family == AF_INET:
        port, ip = _IPV4.unpack_from(data, _FAMILY.size)
        return Address(ip, port)
    port, _, ip, scope = _IPV6.unpack_from(data, _FAMILY.size)
    if scope:
        raise refusal(errno.EACCES)
    return Address(plain(ip), port)


def read_address(process: Process, pointer: int, length: int) -> Address:
    """The address that a program passes.

    Raises:
        OSError: EINVAL, its length is none of an address; as `unpacked`.
    """
    if not 0 <= length <= MOST:
        raise refusal(errno.EINVAL)
    return unpacked(process.guest.read(pointer, length))


def room_for_address(process: Process, pointer: int, length: int) -> int:
    """Look at the place for an address, before anything is done; its size, 0 for none.

    Args:
        pointer: where it is to be written, or 0.
        length: where its size is, and where that of the address will be.

    Raises:
        OSError: EFAULT; EINVAL, a negative size.
    """
    if not pointer & U32:
        return 0
    room = process.guest.i32(length)
    if room < 0:
        raise refusal(errno.EINVAL)
    room = min(room, MOST)
    process.guest.check(pointer, room)
    return room


def put_address(process: Process, pointer: int, length: int, room: int, address: Address | None) -> None:
    """Write as much of an address as there is room for, and its whole length; nothing if `pointer` is 0."""
    if not pointer & U32:
        return
    data = b"" if address is None else packed(address)
    process.guest.write(pointer, data[:room])
    process.guest.put_u32(length, len(data))
