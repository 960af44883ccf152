"""What is not on the list of a `Network` is not reached, whoever asks and however it is written."""

from __future__ import annotations

import errno
import os
import random
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import pytest

from wasmer_runtime_core.errors import Timeout
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_vfs import Address, Interrupted, Network, NetworkSocket
from wasmer_vfs.network import MAX_LOOKUPS, MAX_RESOLVED, Unresolved, plain
from wasmer_vfs.waiting import wait


def at(ip: str, port: int) -> Address:
    return Address(plain(ip_address(ip).packed), port)


def refused(call: Callable[..., Any], *given: Any) -> int:
    with pytest.raises(OSError) as failure:
        call(*given)
    assert failure.value.errno is not None
    return failure.value.errno


# --- what can be listed


@pytest.mark.parametrize(
    "entry",
    ["", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:٣", "127.0.0.1:80 ", "::1:80",
     "[::1]", "[127.0.0.1]:80", "[::1%lo]:80", "*:80", "127.1:80", "2130706433:80", "0x7f000001:80", "017700000001:80",
     "a..b:80", "-a:80", "a_:80", "a b:80", "é.org:80", "a" * 64 + ":80", "x." * 127 + "com:80", "user@host:80",
     "http://a:80", "10.0.0.0/8:80"],
)  # fmt: skip
def test_what_is_no_entry_is_told(entry: str) -> None:
    for what in ("listen", "connect"):
        with pytest.raises(ValueError, match=what):
            Network(**{what: [entry]})  # type: ignore[arg-type]


def test_arguments_are_checked() -> None:
    for given in ("127.0.0.1:80", b"127.0.0.1:80", [80], 80):
        with pytest.raises(TypeError):
            Network(listen=given)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="name of a host"):
        Network(listen=["example.org:80"])
    with pytest.raises(ValueError, match="port 0"):
        Network(connect=["127.0.0.1:0"])
    with pytest.raises(ValueError, match="no more than"):
        Network(connect=["127.0.0.1:80"] * 1025)
    for sockets in (-1, True, "3"):
        with pytest.raises((TypeError, ValueError)):
            Network(sockets=sockets)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Network(resolver=[])  # type: ignore[arg-type]


def test_an_address_is_the_same_however_it_is_written() -> None:
    network = Network(listen=["[::ffff:127.0.0.1]:80", "localhost:81"], connect=["[0:0::1]:443", "10.0.0.1:0080"])
    assert network.may_listen(at("127.0.0.1", 80)) and network.may_listen(at("::1", 81))
    assert network.may_reach(at("::1", 443)) and network.may_reach(at("10.0.0.1", 80))
    for ip, port in (("127.0.0.1", 443), ("::1", 80), ("0.0.0.0", 80), ("::", 443), ("127.0.0.2", 80)):
        assert not network.may_reach(at(ip, port))
    assert not network.may_listen(at("0.0.0.0", 80)) and not network.may_listen(at("127.0.0.1", 0))


# --- names


def resolving(answers: dict[str, list[str]], asked: list[str]) -> Callable[[str], list[str]]:
    def resolve(name: str) -> list[str]:
        asked.append(name)
        if name not in answers:
            raise OSError(socket.EAI_NONAME, "unknown")
        return answers[name]

    return resolve


def test_a_name_that_is_not_listed_is_never_asked_for() -> None:
    asked: list[str] = []
    network = Network(connect=["example.org:443"], resolver=resolving({}, asked))
    names = ["secret.example.org", "example.org.evil.net", "example", "", ".", "example.org..", "exämple.org", "127.1",
             "0x7f.1", "2130706433", "example.org\0", "::1%lo", "localhost", "x" * 70000]  # fmt: skip
    for name in names:
        with pytest.raises(Unresolved):
            network.resolve(name)
    assert asked == []
    with pytest.raises(Unresolved):
        network.resolve("EXAMPLE.org.")
    assert asked == ["example.org"]


def test_what_a_name_resolves_to_is_looked_at() -> None:
    """Whoever owns a name could let it lead to this machine, or to its neighbours."""
    private = ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1%eth0", "fc00::1",
               "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1",
               "255.255.255.255", "ff02::1", "::", "100.64.0.1", "fec0::1", "::7f00:1",
               "64:ff9b:1::7f00:1", "2001:0:7f00:1::"]  # fmt: skip
    answers = {"example.org": private}
    network = Network(connect=["example.org:443"], resolver=resolving(answers, []))
    with pytest.raises(Unresolved):
        network.resolve("example.org")
    assert not any(network.may_reach(at(ip.partition("%")[0], 443)) for ip in private)
    answers["example.org"] = [*private, "1.1.1.1", "2606:4700::1111"]
    assert [str(ip_address(each)) for each in network.resolve("example.org")] == ["1.1.1.1", "2606:4700::1111"]
    assert network.may_reach(at("1.1.1.1", 443)) and not network.may_reach(at("1.1.1.1", 80))
    assert not any(network.may_reach(at(ip.partition("%")[0], 443)) for ip in private)


def test_a_neighbour_is_reached_by_name_if_its_address_is_listed_too() -> None:
    answers = {"db.internal": ["10.0.0.5", "10.0.0.6"]}
    network = Network(connect=["db.internal:5432", "10.0.0.5:5432"], resolver=resolving(answers, []))
    assert [str(ip_address(each)) for each in network.resolve("db.internal")] == ["10.0.0.5"]
    assert not network.may_reach(at("10.0.0.6", 5432))


def test_a_name_adds_no_port_to_a_neighbour() -> None:
    answers = {"example.org": ["10.0.0.5", "1.1.1.1"]}
    listed = ["example.org:80", "example.org:443", "10.0.0.5:443"]
    network = Network(connect=listed, resolver=resolving(answers, []))
    assert len(network.resolve("example.org")) == 2
    assert network.may_reach(at("10.0.0.5", 443)) and not network.may_reach(at("10.0.0.5", 80))
    assert network.may_reach(at("1.1.1.1", 443)) and network.may_reach(at("1.1.1.1", 80))


def test_a_name_is_not_known_now_if_there_is_no_thread_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    network = Network(connect=["example.org:443"], resolver=resolving({}, []))
    monkeypatch.setattr(threading.Thread, "start", none)
    for _ in range(MAX_LOOKUPS + 1):
        with pytest.raises(Unresolved) as unresolved:
            network.resolve("example.org")
        assert unresolved.value.again


def test_addresses_of_a_name_do_not_pile_up() -> None:
    answers = {"example.org": ["1.1.1.1"]}
    network = Network(connect=["example.org:443"], resolver=resolving(answers, []))
    for number in range(10):
        answers["example.org"] = [f"1.2.{number}.{last}" for last in range(40)]
        network.resolve("example.org")
    assert len(network._resolved["example.org"]) == MAX_RESOLVED
    assert network.may_reach(at("1.2.9.1", 443)) and not network.may_reach(at("1.2.0.1", 443))


def test_a_resolver_that_never_answers_ends_at_deadlines() -> None:
    ended = threading.Event()

    def never(name: str) -> list[str]:
        ended.wait(600)
        return []

    network = Network(connect=["example.org:443"], resolver=never)
    try:
        for _ in range(MAX_LOOKUPS):
            with pytest.raises(Interrupted) as interrupted, timeout(0.02):
                network.resolve("example.org")
            assert isinstance(interrupted.value.reason, Timeout)
        with pytest.raises(Unresolved) as unresolved:  # no more threads than that are left behind
            network.resolve("example.org")
        assert unresolved.value.again
    finally:
        ended.set()
    for thread in network._lookups:
        thread.join(60)
    with pytest.raises(Unresolved):
        network.resolve("example.org")


def test_a_forked_child_does_not_wait_for_an_answer_to_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that looks a name up is not in the child of a signal's handler that forks meanwhile."""
    ended = threading.Event()
    children: list[int] = []

    def never(name: str) -> list[str]:
        ended.wait(600)
        return ["1.1.1.1"]

    def forking(files: list[Any], nanoseconds: int | None) -> list[Any]:
        if children:
            ended.set()
            return wait(files, nanoseconds)
        children.append(os.fork())
        if not children[0]:
            signal.alarm(60)
        return wait(files, nanoseconds)

    network = Network(connect=["example.org:443"], resolver=never)
    monkeypatch.setattr("wasmer_vfs.network.wait", forking)
    code = 1
    try:
        network.resolve("example.org")
    except Unresolved as unresolved:
        code = 0 if unresolved.again else 1
    finally:
        if children and not children[0]:
            os._exit(code)
    assert code == 1 and os.waitpid(children[0], 0)[1] == 0
    assert network.may_reach(at("1.1.1.1", 443))


def test_what_a_resolver_of_the_users_own_raises_comes_out() -> None:
    def broken(name: str) -> list[str]:
        raise KeyError(name)

    with pytest.raises(Interrupted) as interrupted:
        Network(connect=["example.org:443"], resolver=broken).resolve("example.org")
    assert isinstance(interrupted.value.reason, KeyError)


# --- sockets


@pytest.fixture
def made() -> Iterator[Callable[..., NetworkSocket]]:
    every: list[NetworkSocket] = []

    def make(network: Network, type: Any = "stream", family: Any = "IPv4") -> NetworkSocket:
        every.append(NetworkSocket.make(network, family, type))
        return every[-1]

    yield make
    for each in every:
        each.close()


LOOPBACK = at("127.0.0.1", 0)


@pytest.fixture
def others() -> Iterator[socket.socket]:
    """A socket of somebody else's, of UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        yield made


def test_nothing_is_listed_at_first(made: Callable[..., NetworkSocket], others: socket.socket) -> None:
    network = Network()
    address = Address.of(others.getsockname())
    for type in ("stream", "datagram"):
        each = made(network, type)
        assert refused(each.bind, LOOPBACK) == errno.EACCES
        assert refused(each.connect, address) == errno.EACCES
    assert refused(made(network).listen, 5) == errno.EACCES
    assert refused(made(network, "datagram").send, [b"x"], address) == errno.EACCES
    assert not select.select([others], [], [], 0)[0]


def test_an_address_that_the_system_chooses_is_none_to_be_reached_at(made: Callable[..., NetworkSocket]) -> None:
    network = Network(listen=["127.0.0.1:0"])
    each = made(network)
    each.bind(at("0.0.0.0", 0))
    assert refused(each.listen, 5) == errno.EACCES
    with pytest.raises(OSError):  # bound once
        each.bind(LOOPBACK)
    assert refused(each.listen, 5) == errno.EACCES


@pytest.mark.parametrize("family", ["IPv4", "IPv6"])
@pytest.mark.parametrize("how", ["listens", "connects", "connects at once", "is new"])
def test_a_socket_that_has_lost_its_address_does_not_listen_at_another(
    how: str, family: Any, made: Callable[..., NetworkSocket]
) -> None:
    """The system would choose one of all interfaces, where a listed address was not to be had any more."""
    ip = "127.0.0.1" if family == "IPv4" else "::1"
    own = at(ip, 0)
    host = f"[{ip}]" if family == "IPv6" else ip
    with socket.socket(socket.AF_INET if family == "IPv4" else socket.AF_INET6) as other:
        other.bind((ip, 0))
        other.listen(1)
        taken = at(ip, other.getsockname()[1])
        with socket.socket(other.family) as nobody:
            nobody.bind((ip, 0))
            deaf = at(ip, nobody.getsockname()[1])
            network = Network(listen=[f"{host}:0", f"{host}:{taken.port}"], connect=[f"{host}:{deaf.port}"])
            each = made(network, "stream", family)
            each.inner.nonblocking = how == "connects at once"
            if how != "is new":
                each.bind(own)
            if how == "listens":
                each.listen(1)
                each.shutdown(socket.SHUT_RDWR)
            elif how != "is new":
                assert refused(each.connect, deaf) in (errno.ECONNREFUSED, errno.EINPROGRESS)
                select.select([], [each.pollable()], [], 60)
            assert refused(each.bind, taken) in (errno.EADDRINUSE, errno.EINVAL)
            assert refused(each.listen, 5) in (errno.EACCES, errno.EINVAL)
            assert not each.option(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def test_whatever_is_called_a_socket_listens_where_it_may(made: Callable[..., NetworkSocket]) -> None:
    """Calls in any order, many of which fail; what listens is looked at after each."""
    generator = random.Random(1)
    with socket.socket() as other, socket.socket() as deaf:
        for each in (other, deaf):
            each.bind(("127.0.0.1", 0))
        other.listen(8)
        ports = [each.getsockname()[1] for each in (other, deaf)]
        entries = [f"127.0.0.1:{port}" for port in ports]
        network = Network(listen=["127.0.0.1:0", *entries], connect=entries)
        addresses = [LOOPBACK, at("0.0.0.0", 0), *(at("127.0.0.1", port) for port in ports)]
        listened = 0
        calls: list[Callable[[NetworkSocket], Any]] = [
            lambda each: each.bind(generator.choice(addresses)),
            lambda each: each.bind(generator.choice(addresses)),
            lambda each: each.listen(1),
            lambda each: each.connect(generator.choice(addresses)),
            lambda each: each.shutdown(generator.choice((socket.SHUT_RD, socket.SHUT_RDWR))),
        ]
        for _ in range(1500):
            one = made(network)
            one.inner.nonblocking = True
            for _ in range(generator.randrange(4, 16)):
                with suppress(OSError):
                    generator.choice(calls)(one)
                if one.option(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    listened += 1
                    assert one.name().text == "127.0.0.1"
            one.close()
        assert listened > 100


def test_what_changes_no_address_leaves_a_server_listed(made: Callable[..., NetworkSocket]) -> None:
    network = Network(listen=["127.0.0.1:0"], connect=["127.0.0.1:9"])
    for type in ("stream", "datagram"):
        each = made(network, type)
        each.bind(LOOPBACK)
        assert refused(each.bind, LOOPBACK) == errno.EINVAL and each.is_listed
        if type == "stream":
            each.listen(1)
            assert refused(each.connect, at("127.0.0.1", 9)) == errno.EISCONN
            each.listen(2)
        else:
            each.connect(at("127.0.0.1", 9))
            assert each.is_listed


def test_a_client_of_datagrams_hears_those_only_whom_it_may_send_to(
    made: Callable[..., NetworkSocket], others: socket.socket
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        network = Network(connect=[f"127.0.0.1:{others.getsockname()[1]}"])
        client = made(network, "datagram")
        client.send([b"question"], Address.of(others.getsockname()))
        assert others.recv(100) == b"question"
        mine = ("127.0.0.1", client.name().port)
        for _ in range(3):
            stranger.sendto(b"STRANGE", mine)
        others.sendto(b"answer", mine)
        data = bytearray(20)
        with timeout(60):
            received = client.receive([memoryview(data)])
        assert bytes(data[: received.size]) == b"answer" and received.sender == Address.of(others.getsockname())
        stranger.sendto(b"STRANGE", mine)
        data = bytearray(20)
        for call in (
            lambda: client.receive([memoryview(data)], at_once=True),
            lambda: client.receive([memoryview(data)], at_once=True, peek=True),
        ):
            assert refused(call) == errno.EAGAIN and not any(data)  # nothing of it was seen
        stranger.sendto(b"STRANGE", mine)
        assert client.available() == 0 and not client.has_come()
        others.sendto(b"answer", mine)
        assert client.available() == 6 and client.has_come()


def test_a_server_of_datagrams_answers_whoever_wrote_to_it(made: Callable[..., NetworkSocket]) -> None:
    server = made(Network(listen=["127.0.0.1:0"]), "datagram")
    server.bind(LOOPBACK)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first, socket.socket(type=socket.SOCK_DGRAM) as second:
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
        first.sendto(b"hello", ("127.0.0.1", server.name().port))
        with timeout(60):
            sender = server.receive([memoryview(bytearray(9))]).sender
        assert sender == Address.of(first.getsockname())
        assert server.send([b"hello, too"], sender) == 10
        assert refused(server.send, [b"x"], Address.of(second.getsockname())) == errno.EACCES
        assert refused(server.connect, Address.of(second.getsockname())) == errno.EACCES


def test_options_that_could_lead_elsewhere_are_not_there(made: Callable[..., NetworkSocket]) -> None:
    each = made(Network())
    numbers = {(level, name) for level in (0, 1, 6, 17, 41) for name in range(80)}
    settable = set()
    for level, name in sorted(numbers):
        try:
            each.set_option(level, name, 1)
            settable.add((level, name))
        except OSError as failure:
            assert failure.errno in (errno.ENOPROTOOPT, errno.EINVAL), (level, name)
    assert settable == {(0, 1), (0, 2), (1, 2), (1, 6), (1, 7), (1, 8), (1, 9), (6, 1), (6, 3), (6, 4), (6, 5), (6, 6),
                        (6, 12), (6, 18), (41, 26)}  # fmt: skip


def test_an_address_of_another_family_is_no_name(made: Callable[..., NetworkSocket]) -> None:
    """Python's sockets would ask the system's resolver for it."""
    network = Network(listen=["127.0.0.1:0", "[::1]:0"], connect=["127.0.0.1:9", "[::1]:9"])
    for family, ip in (("IPv4", "::1"), ("IPv6", "127.0.0.1"), ("IPv6", "::ffff:127.0.0.1")):
        for type in ("stream", "datagram"):
            each = made(network, type, family)
            assert refused(each.bind, at(ip, 0)) == errno.EAFNOSUPPORT
            assert refused(each.connect, at(ip, 9)) == errno.EAFNOSUPPORT
        assert refused(each.send, [b"x"], at(ip, 9)) == errno.EAFNOSUPPORT


def test_a_socket_of_ipv6_has_no_addresses_of_ipv4(made: Callable[..., NetworkSocket]) -> None:
    each = made(Network(), "stream", "IPv6")
    assert each.option(41, 26) == 1
    assert refused(each.set_option, 41, 26, 0) == errno.ENOPROTOOPT
    assert each.option(41, 26) == 1
