"""What a program may reach by TCP and UDP, and where others may reach it: a list, empty unless somebody fills it.

The idea
    A program that makes sockets of its own is asked before each step that others could notice: where it binds, whom it
    connects to, whom it sends a datagram, which name it wants to know. Each is on the list of a `Network`, or refused::

        from wasmer_vfs import Network

        Network(listen=["127.0.0.1:8080"])                       # a server, for this machine
        Network(connect=["example.org:443", "192.0.2.7:5432"])   # a client of these two

The promises
    * Nothing that is not listed is reached, and nothing is heard from it: EACCES. There are no wildcards: ``0.0.0.0``
      and this machine's own addresses are addresses like others.
    * A name that is not listed is never looked up, since a question is a message, too. What a listed name resolves to
      is looked at: only addresses of the public internet are taken, or such as are listed themselves, so whoever owns
      the name cannot make it lead to this machine or to its neighbours by their private addresses. (By their public
      ones it can, as anybody can.) What was looked at is what is connected to: the program connects to an address, and
      no name is resolved again on the way. ``localhost`` is 127.0.0.1 and ::1.
    * Looking up waits where deadlines, cancellations and signals are seen (`waiting`).

The limits
    No UNIX sockets, raw sockets, multicast groups or scopes of IPv6. A socket of IPv6 has no addresses of IPv4.
"""

from __future__ import annotations

import errno
import itertools
import re
import socket as host_sockets
import threading
from ipaddress import IPv6Address, ip_address

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, final
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_vfs.errors import refusal
from wasmer_vfs.waiting import Interrupted, must_be_refusal, plainly, wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

IP = bytes
"""An address as it is sent: 4 bytes of IPv4, 16 of IPv6. `ipaddress` catches exceptions that could be a signal's
handler's; so it is asked where the list is made, and in the threads that look names up, where no handler runs."""

DEFAULT_SOCKETS: Final = 128
MAX_LISTED: Final = 1024
"""Entries of a list."""
MAX_RESOLVED: Final = 64
"""Addresses that are remembered of a name."""
MAX_LOOKUPS: Final = 4
"""Names that are being looked up at once. What nobody waits for any more goes on until the system gives it up."""

_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?\Z"
)
"""A host's name whose last part is no number: the system would read one as an address."""
_LOOPBACK: Final[tuple[IP, ...]] = (bytes((127, 0, 0, 1)), bytes(15) + b"\1")
_WRITTEN: Final = re.compile(r"[0-9a-fA-F:.]{2,45}\Z")
"""What an address can be written with."""
_IPV4_AS_IPV6: Final = bytes(10) + b"\xff\xff"
_PRIVATE_BEHIND_PUBLIC: Final = 0x0064_FF9B
"""The prefix of addresses of IPv6 that stand for one of IPv4 (NAT64), as the first 32 bits."""
_PAUSE: Final = 2_000_000
"""Nanoseconds between two looks whether a name is known now."""


class Address(NamedTuple):
    """An address of IPv4 or IPv6 and a port.

    Attributes:
        ip: 4 bytes or 16.
        port: from 0 to 65535.
    """

    ip: IP
    port: int

    @property
    def text(self) -> str:
        """The address as it is written, without the port."""
        return host_sockets.inet_ntop(_FAMILIES[len(self.ip)], self.ip)

    @property
    def host(self) -> tuple[str, int]:
        """As Python's sockets take it: a text that is not resolved any more."""
        return self.text, self.port

    @classmethod
    def of(cls, told: tuple[str, int] | tuple[str, int, int, int]) -> Address:
        """What Python's sockets tell."""
        return cls(_read(told[0].partition("%")[0]), told[1])


class Unresolved(LookupError):
    """A name has no address that the program may know.

    Attributes:
        again: it may have one later.
    """

    def __init__(self, name: str, *, again: bool = False) -> None:
        self.again = again
        super().__init__(name)


def system_resolver(name: str) -> list[str]:
    """The addresses of a host, as this machine finds them. Waits for the network."""
    found = host_sockets.getaddrinfo(name, None, type=host_sockets.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


@final
class Network:
    """Where a program may listen, and what it may connect to. Several programs can have the same one.

    Attributes:
        sockets: the most that a program has open at once.
    """

    @plainly
    def __init__(
        self,
        *,
        listen: Iterable[str] = (),
        connect: Iterable[str] = (),
        sockets: int = DEFAULT_SOCKETS,
        resolver: Callable[[str], Iterable[str]] = system_resolver,
    ) -> None:
        """
        Args:
            listen: where it may bind sockets, ``ADDRESS:PORT`` each, ``[ADDRESS]:PORT`` for IPv6. Port 0 is one that
                the system chooses.
            connect: whom it may connect to and send datagrams, ``HOST:PORT`` each: a host's name, or an address.
            sockets: the most that a program has open at once.
            resolver: gives the addresses of a name, or raises `OSError`. It is called in a thread of its own.

        Raises:
            TypeError, ValueError: an entry is not of its form; it says which.
        """
        if isinstance(sockets, bool) or not isinstance(sockets, int):
            raise TypeError(f"sockets: a number is needed; this is {sockets!r}")
        if sockets < 0:
            raise ValueError(f"sockets: a program cannot have {sockets} of them")
        if not callable(resolver):
            raise TypeError(f"resolver: a function is needed; this is {resolver!r}")
        self.sockets = sockets
        self._resolver = resolver
        self._listen: set[Address] = set()
        self._connect: set[Address] = set()
        self._names: dict[str, set[int]] = {}
        self._resolved: dict[str, tuple[IP, ...]] = {}
        self._lookups: list[threading.Thread] = []
        for entry in _entries("listen", listen):
            host, port = _split("listen", entry)
            if not isinstance(host, str):
                self._listen.add(Address(host, port))
            elif host == "localhost":
                self._listen.update(Address(each, port) for each in _LOOPBACK)
            else:
                raise ValueError(f"listen: {entry!r}: a program listens at an address, and this is the name of a host")
        for entry in _entries("connect", connect):
            host, port = _split("connect", entry)
            if not port:
                raise ValueError(f"connect: {entry!r}: nobody listens at port 0")
            if isinstance(host, str):
                self._names.setdefault(host, set()).add(port)
            else:
                self._connect.add(Address(host, port))

    def __repr__(self) -> str:
        return f"<network: {len(self._listen)} to listen at, {len(self._connect) + len(self._names)} to connect to>"

    def may_listen(self, address: Address) -> bool:
        """Whether a socket may be bound there, for others to reach."""
        return address in self._listen

    def may_reach(self, address: Address) -> bool:
        """Whether it may be connected to, and sent to: it is listed, or a listed name was resolved to it."""
        if address in self._connect:
            return True
        return any(
            address.port in ports and address.ip in self._known(name) for name, ports in list(self._names.items())
        )

    def _known(self, name: str) -> tuple[IP, ...]:
        return _LOOPBACK if name == "localhost" else self._resolved.get(name, ())

    def resolve(self, text: str) -> tuple[IP, ...]:
        """The addresses of a host: of a text that is one, that; of a name that is listed, those that may be reached.

        Raises:
            Unresolved: the name is not listed, or nothing that may be reached is behind it.
        """
        if _WRITTEN.match(text):
            try:
                return (plain(_read(text)),)
            except OSError as failure:
                must_be_refusal(failure)
        name = text.lower().removesuffix(".")
        if name not in self._names:
            raise Unresolved(text)
        if name == "localhost":
            return _LOOPBACK
        ports = self._names[name]
        answer = dict(self._look_up(name))
        found = tuple(
            each
            for each, public in answer.items()
            if public or any(Address(each, port) in self._connect for port in ports)
        )
        if not found:
            raise Unresolved(text)
        public = [each for each in found if answer[each]]  # any other is reached at the ports that it is listed with
        kept = [each for each in self._resolved.get(name, ()) if each not in public]
        self._resolved[name] = (*public, *kept)[:MAX_RESOLVED]
        return found

    def _look_up(self, name: str) -> list[tuple[IP, bool]]:
        """What the resolver answers, and whether it is public. In a thread, for which nothing but this call waits."""
        for each in list(self._lookups):  # in place: another thread may be adding its own
            if each.ident is not None and not each.is_alive():
                self._lookups.remove(each)
        if len(self._lookups) >= MAX_LOOKUPS:
            raise Unresolved(name, again=True)
        answers: list[list[tuple[IP, bool]] | BaseException] = []

        def ask() -> None:
            try:
                found = itertools.islice(self._resolver(name), MAX_RESOLVED)
                answers.append([_judged(str(each)) for each in found])
            except BaseException as failure:
                answers.append(failure)

        thread = threading.Thread(target=ask, name=f"looking up {name}", daemon=True)
        try:
            self._lookups.append(thread)
            thread.start()
        except RuntimeError as failure:  # the system has no room for another
            must_be_refusal(failure)
            raise Unresolved(name, again=True) from None
        finally:
            if thread.ident is None and thread in self._lookups:
                self._lookups.remove(thread)
        while not answers:
            if not thread.is_alive() and not answers:  # a signal's handler has forked: it is in the other process
                raise Unresolved(name, again=True)
            wait([], _PAUSE)
        answer = answers[0]
        if isinstance(answer, list):
            return answer
        if isinstance(answer, OSError):
            raise Unresolved(name, again=answer.errno == host_sockets.EAI_AGAIN)
        raise Interrupted(answer)


def _entries(what: str, given: Iterable[str]) -> list[str]:
    if isinstance(given, (str, bytes)):
        raise TypeError(f"{what} takes several, as a list: [{given!r}]")
    entries = list(given)
    if len(entries) > MAX_LISTED:
        raise ValueError(f"{what}: {len(entries)} entries, and no more than {MAX_LISTED} are looked through")
    return entries


def _split(what: str, entry: str) -> tuple[IP | str, int]:
    """The host, an address where it is one, and the port of an entry."""
    if not isinstance(entry, str):
        raise TypeError(f"{what}: a text is needed, HOST:PORT; this is {entry!r}")
    host, colon, port = entry.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not (port.isascii() and port.isdecimal() and len(port) <= 5) or int(port) > 0xFFFF:
        raise ValueError(f"{what}: {entry!r} is not HOST:PORT, with a port from 0 to 65535")
    if bracketed == (":" not in host):
        raise ValueError(f"{what}: {entry!r}: an address of IPv6 is written in brackets, [ADDRESS]:PORT")
    try:
        return _address(host[1:-1] if bracketed else host), int(port)
    except ValueError as failure:
        must_be_refusal(failure)
    name = host.lower().removesuffix(".")
    if bracketed or not _NAME.match(name):
        raise ValueError(f"{what}: {entry!r}: {host!r} is neither an address nor the name of a host")
    return name, int(port)


def _address(text: str) -> IP:
    """
    Raises:
        ValueError: it is none, or has a scope.
    """
    if "%" in text:
        raise ValueError(f"{text!r} has a scope")
    return plain(ip_address(text).packed)


IPV4_BYTES: Final = 4
IPV6_BYTES: Final = 16
_FAMILIES: Final[dict[int, int]] = {IPV4_BYTES: host_sockets.AF_INET, IPV6_BYTES: host_sockets.AF_INET6}


def _read(text: str) -> IP:
    """
    Raises:
        OSError: it is no address.
    """
    return host_sockets.inet_pton(host_sockets.AF_INET6 if ":" in text else host_sockets.AF_INET, text)


def plain(ip: IP) -> IP:
    """An address of IPv4 that is written as one of IPv6 is one of IPv4."""
    return ip[12:] if len(ip) == IPV6_BYTES and ip.startswith(_IPV4_AS_IPV6) else ip


def _judged(text: str) -> tuple[IP, bool]:
    """An address, and whether it is one of the public internet, which stands for no other that is none."""
    ip = ip_address(plain(ip_address(text.partition("%")[0]).packed))
    public = ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)
    if public and isinstance(ip, IPv6Address):
        public = (
            not ip.is_site_local
            and ip.sixtofour is None
            and ip.teredo is None
            and int(ip) >> 96 != _PRIVATE_BEHIND_PUBLIC
        )
    return ip.packed, public


def must(allowed: bool) -> None:
    """
    Raises:
        OSError: EACCES, it is not on the list.
    """
    if not allowed:
        raise refusal(errno.EACCES)
