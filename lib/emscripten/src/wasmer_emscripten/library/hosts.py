"""Names of hosts and services: what `netdb.h` has.

A name is looked up if the program's `Network` lists it, else it does not exist. An address has no name: nobody is asked
for one. emcc's `freeaddrinfo` frees one result, so `getaddrinfo` gives one: IPv4 where there is both.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from wasmer_emscripten.errors import OutOfMemory
from wasmer_emscripten.functions import provides
from wasmer_emscripten.guest import U32
from wasmer_emscripten.library.addresses import (
    AF_INET,
    AF_INET6,
    AF_UNSPEC,
    SOCK_DGRAM,
    SOCK_STREAM,
    packed,
    read_address,
)
from wasmer_emscripten.numbers import must_be_answer
from wasmer_emscripten.process import Process
from wasmer_vfs.network import IP, Address, Network, Unresolved

EAI_BADFLAGS: Final = -1
EAI_NONAME: Final = -2
EAI_AGAIN: Final = -3
EAI_FAMILY: Final = -6
EAI_SOCKTYPE: Final = -7
EAI_SERVICE: Final = -8
EAI_MEMORY: Final = -10
EAI_OVERFLOW: Final = -12

AI_PASSIVE: Final = 0x1
AI_CANONNAME: Final = 0x2
AI_NUMERICHOST: Final = 0x4
AI_V4MAPPED: Final = 0x8
AI_ALL: Final = 0x10
AI_ADDRCONFIG: Final = 0x20
AI_NUMERICSERV: Final = 0x400
_FLAGS: Final = AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_V4MAPPED | AI_ALL | AI_ADDRCONFIG | AI_NUMERICSERV
NI_NAMEREQD: Final = 0x8

LONGEST_NAME: Final = 255
_ADDRINFO: Final = Struct("<iiiiIIII")
"""Flags, family, type, protocol; length and place of the address; canonical name; next."""
_HOSTENT: Final = Struct("<IIiiI")
"""Name, aliases, family, length of an address, addresses."""
_PROTOCOLS: Final = {SOCK_STREAM: 6, SOCK_DGRAM: 17}
_SERVICES: Final = {b"domain": 53, b"ftp": 21, b"http": 80, b"https": 443, b"imap": 143, b"pop3": 110, b"smtp": 25,
                    b"ssh": 22, b"telnet": 23}  # fmt: skip
NOTHING: Final = Network()
"""What a program may reach that was given no network."""


def _resolved(process: Process, name: bytes) -> tuple[IP, ...]:
    """
    Raises:
        Unresolved: it has no address that the program may know.
    """
    return (process.net or NOTHING).resolve(name.decode("ascii", "replace"))


def _name(process: Process, pointer: int) -> bytes | None:
    return process.guest.string(pointer, LONGEST_NAME) if pointer & U32 else None


@provides("iiii->i", "getaddrinfo")
def getaddrinfo(process: Process, node: int, service: int, hints: int, result: int) -> int:
    """Write an address for a host and a service; only hosts that are listed have one."""
    result = process.guest.check(result, 4)
    flags, family, type, protocol = process.guest.unpack(_ADDRINFO, hints)[:4] if hints & U32 else (0, AF_UNSPEC, 0, 0)
    host, port_text = _name(process, node), _name(process, service)
    if host is None and port_text is None:
        return EAI_NONAME
    if flags & ~_FLAGS or (flags & AI_CANONNAME and host is None):
        return EAI_BADFLAGS
    if family not in (AF_UNSPEC, AF_INET, AF_INET6):
        return EAI_FAMILY
    type = type or (SOCK_DGRAM if protocol == _PROTOCOLS[SOCK_DGRAM] else SOCK_STREAM)
    if type not in _PROTOCOLS or protocol not in (0, _PROTOCOLS[type]):
        return EAI_SOCKTYPE
    port = _port(port_text or b"0", bool(flags & AI_NUMERICSERV))
    if port is None:
        return EAI_NONAME if flags & AI_NUMERICSERV else EAI_SERVICE
    if host is None:
        ip = _own_address(family, bool(flags & AI_PASSIVE))
    else:
        found = _found(process, host, family, bool(flags & AI_NUMERICHOST))
        if isinstance(found, int):
            return found
        ip = found
    record = packed(Address(ip, port))
    name = host + b"\0" if flags & AI_CANONNAME and host is not None else b""
    try:
        address = process.malloc(len(record), "getaddrinfo")
        canonical = process.malloc(len(name), "getaddrinfo") if name else 0
        info = process.malloc(_ADDRINFO.size, "getaddrinfo")
    except OutOfMemory as failure:
        must_be_answer(failure)
        return EAI_MEMORY
    process.guest.write(address, record)
    process.guest.write(canonical, name)
    fields = (flags, _family(ip), type, _PROTOCOLS[type], len(record), address, canonical, 0)
    process.guest.pack(_ADDRINFO, info, *fields)
    process.guest.put_u32(result, info)
    return 0


def _port(text: bytes, only_a_number: bool) -> int | None:
    if text.isdigit() and len(text) <= 5 and int(text) <= 0xFFFF:
        return int(text)
    return None if only_a_number else _SERVICES.get(text)


def _own_address(family: int, passive: bool) -> IP:
    """Where one listens (`passive`), or reaches oneself."""
    if family == AF_INET6:
        return bytes(16) if passive else bytes(15) + b"\1"
    return bytes(4) if passive else bytes((127, 0, 0, 1))


def _family(ip: IP) -> int:
    return AF_INET if len(ip) == 4 else AF_INET6


def _found(process: Process, host: bytes, family: int, only_a_number: bool) -> IP | int:
    """An address of the family, or the number of what went wrong."""
    try:
        found = NOTHING.resolve(host.decode("ascii", "replace")) if only_a_number else _resolved(process, host)
    except Unresolved as failure:
        must_be_answer(failure)
        return EAI_AGAIN if failure.again else EAI_NONAME
    fitting = [each for each in found if family in (AF_UNSPEC, _family(each))]
    return min(fitting, key=_family) if fitting else EAI_NONAME


@provides("iiiiiii->i", "getnameinfo")
def getnameinfo(
    process: Process, address: int, length: int, host: int, host_size: int, service: int, service_size: int, flags: int
) -> int:
    """Write an address and a port as text: no name of an address is looked up."""
    try:
        found = read_address(process, address, length)
    except OSError as failure:
        must_be_answer(failure)
        return EAI_FAMILY
    if flags & NI_NAMEREQD:
        return EAI_NONAME
    for target, size, text in ((host, host_size, found.text), (service, service_size, str(found.port))):
        size &= U32
        if target & U32 and size:
            if len(text) >= size:
                return EAI_OVERFLOW
            process.guest.write(target, text.encode() + b"\0")
    return 0


@provides("i->i", "gethostbyname")
def gethostbyname(process: Process, name: int) -> int:
    """A `struct hostent` with an address of IPv4; 0 for a host that is not listed."""
    host = process.guest.string(name, LONGEST_NAME)
    found = _found(process, host, AF_INET, False)
    if isinstance(found, int):
        return 0
    size = _HOSTENT.size + 16 + len(host) + 1  # and an empty list, a list of one, an address
    start = process.malloc(size, "gethostbyname")
    lists = start + _HOSTENT.size
    record = _HOSTENT.pack(lists + 16, lists, AF_INET, 4, lists + 4)
    pointers = bytes(4) + (lists + 12).to_bytes(4, "little") + bytes(4)
    process.guest.write(start, record + pointers + found + host + b"\0")
    return start


@provides("i->i", "_emscripten_lookup_name")
def lookup_name(process: Process, name: int) -> int:
    """An address of IPv4, as it lies in memory; 0.0.0.0 for a host that is not listed."""
    found = _found(process, process.guest.string(name, LONGEST_NAME), AF_INET, False)
    return 0 if isinstance(found, int) else int.from_bytes(found, "little")
