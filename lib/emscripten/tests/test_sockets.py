"""Sockets of TCP and UDP: programs that talk to each other and to Python's sockets, and what the list refuses."""

from __future__ import annotations

import errno
import gc
import os
import socket
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Self

import pytest
from test_hostile_numbers import BUFFER, IOVECS, MESSAGE, RESULT, SIZE, call
from worlds import fixture, put_iovecs, put_text, world

from wasmer_emscripten import CAPTURE, Network, Program, load
from wasmer_emscripten.numbers import FROM_HOST
from wasmer_runtime_core.errors import Timeout
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_vfs import NetworkSocket

LONG = 300
"""Seconds after which a test fails that would wait for ever."""
ADDRESS, LENGTH, OTHER = 12000, 12200, 12300


class Server:
    """The fixture as a server in a thread of its own; its port is known when the block begins."""

    def __init__(self, backend: str, what: str, **network: Any) -> None:
        self.output = b""
        self.port = 0
        self.code: int | BaseException | None = None
        self.program: Program | None = None
        self._told = threading.Event()
        self._listed = {"listen": ["127.0.0.1:0"]} | network
        self._thread = threading.Thread(target=self._run, args=(backend, what))

    def _run(self, backend: str, what: str) -> None:
        try:
            with timeout(LONG):
                program = load(fixture("sockets", backend), stdout=self._write, net=Network(**self._listed))
                self.program = program
                self.code = program.main(what)
        except BaseException as failure:
            self.code = failure
        finally:
            self._told.set()

    def _write(self, data: bytes) -> None:
        self.output += data
        if self.output.startswith(b"port ") and b"\n" in self.output:
            self.port = int(self.output.split()[1])
            self._told.set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._told.wait(LONG) and self.port, (self.output, self.code)
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(LONG)
        assert not self._thread.is_alive()

    def lines(self) -> list[str]:
        return self.output.decode().splitlines()[1:]


def client(backend: str, *args: str, **network: Any) -> tuple[int, list[str]]:
    program = load(fixture("sockets", backend), stdout=CAPTURE, net=Network(**network))
    with timeout(LONG):
        code = program.main(*args)
    return code, program.stdout_bytes().decode().splitlines()


def test_a_server_and_its_clients(backend: str) -> None:
    with Server(backend, "serve") as server:
        port, here = str(server.port), f"127.0.0.1:{server.port}"
        assert client(backend, "call", "127.0.0.1", port, "hello there", connect=[here]) == (
            0,
            ["127.0.0.1 is 127.0.0.1", "hello there"],
        )
        assert client(backend, "call-later", port, connect=[here]) == (0, ["connected: yes"])
        with socket.create_connection(("127.0.0.1", server.port), LONG) as connection:
            sent = bytes(range(256)) * 4096  # more than anybody's buffers
            sender = threading.Thread(target=connection.sendall, args=(sent,))
            sender.start()
            received = b""
            while len(received) < len(sent):
                received += connection.recv(1 << 20)
            sender.join(LONG)
            assert received == sent
        assert client(backend, "call", "localhost", port, "end", connect=[f"localhost:{port}"])[1][1:] == ["end"]
    assert server.code == 0
    assert server.lines() == [f"echoed {count} bytes to 127.0.0.1" for count in (11, 0, 1 << 20, 3)]


def test_a_server_of_many(backend: str) -> None:
    with Server(backend, "serve-many") as server, ExitStack() as open_ones:
        connections = [
            open_ones.enter_context(socket.create_connection(("127.0.0.1", server.port), LONG)) for _ in range(20)
        ]
        for turn in range(3):
            for at, each in enumerate(connections):
                each.sendall(b"%d of %d" % (turn, at))
            for at, each in enumerate(connections):
                wanted = b"%d of %d" % (turn, at)
                assert each.recv(len(wanted), socket.MSG_WAITALL) == wanted
        connections[7].sendall(b"end")
        assert connections[7].recv(3, socket.MSG_WAITALL) == b"end"
        open_ones.pop_all().close()
        for each in connections:
            each.close()
    assert server.code == 0 and server.lines() == ["accepted 20"]


def test_datagrams(backend: str) -> None:
    with Server(backend, "serve-datagrams") as server:
        assert client(backend, "send-datagrams", str(server.port), connect=[f"127.0.0.1:{server.port}"]) == (
            0,
            [f"{count} bytes, the same peer: 1" for count in (10, 20, 30)],
        )
    assert server.code == 0 and server.lines() == [f"{count} bytes from 127.0.0.1" for count in (10, 20, 30)]


# --- what is not given


def test_without_a_network_there_are_none(backend: str) -> None:
    program = load(fixture("sockets", backend), stdout=CAPTURE)
    assert program.main() == 0 and program.stdout_bytes() == b"socket: Permission denied\n"
    for name in ("socket", "bind", "connect", "accept4"):
        assert call(program, f"__syscall_{name}", 2, 1, 0, *[0] * 3) < 0


def test_what_is_not_listed_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        for listed in ([], [f"127.0.0.1:{port + 1 if port < 65535 else 1}"], [f"0.0.0.0:{port}"], [f"[::1]:{port}"]):
            assert client("singlepass", "call", "127.0.0.1", str(port), "x", connect=listed) == (
                1,
                ["127.0.0.1 is 127.0.0.1", "connect: Permission denied"],
            )
        assert client("singlepass", "call", "0.0.0.0", str(port), "x", connect=[f"127.0.0.1:{port}"])[1][1:] == [
            "connect: Permission denied"
        ]
        assert client("singlepass", "call", "localhost", str(port), "x", connect=[f"127.0.0.1:{port}"])[1] == [
            "getaddrinfo: Name does not resolve"
        ]
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert client("singlepass", "serve", listen=[], connect=[f"127.0.0.1:{port}"])[1] == ["bind: Permission denied"]
    assert client("singlepass", "serve-datagrams", listen=["[::1]:0"])[1] == ["bind: Permission denied"]


def test_what_net_takes() -> None:
    for wrong in ("127.0.0.1:80", ["127.0.0.1:80"], True):
        with pytest.raises(TypeError, match="Network"):
            world(net=wrong)


# --- one call after the other


class Talking:
    """A program with a network, and its calls by short names."""

    def __init__(self, **network: Any) -> None:
        self.program = world(net=Network(**network))
        self.guest = self.program.process.guest

    def __call__(self, name: str, *args: int) -> int:
        return self.plainly(name, *args, *(0,) * (6 - len(args)))

    def plainly(self, name: str, *args: int) -> int:
        with timeout(LONG):
            answer: int = call(self.program, f"__syscall_{name}", *args)
        return answer

    def address(self, port: int, ip: str = "127.0.0.1") -> tuple[int, int]:
        self.guest.write(ADDRESS, struct.pack("<H", 2) + struct.pack(">H", port) + socket.inet_aton(ip) + bytes(8))
        return ADDRESS, 16

    def number(self, at: int = RESULT) -> int:
        return self.guest.i32(at)

    def listening(self, kind: int = 1) -> tuple[int, int]:
        """The number of a socket, and its port."""
        made = self("socket", 2, kind)
        assert self("bind", made, *self.address(0)) == 0
        if kind & 1:
            assert self("listen", made, 16) == 0
        self.guest.put_u32(LENGTH, 28)
        assert self("getsockname", made, ADDRESS, LENGTH) == 0 and self.number(LENGTH) == 16
        return made, int.from_bytes(self.guest.read(ADDRESS + 2, 2), "big")


@pytest.fixture
def talking() -> Iterator[Talking]:
    made = Talking(listen=["127.0.0.1:0", "[::1]:0"], connect=["127.0.0.1:9"])
    yield made
    made.program.close()


E = {name: -FROM_HOST[number] for number, name in errno.errorcode.items() if number in FROM_HOST} | {
    "EOPNOTSUPP": -FROM_HOST[errno.EOPNOTSUPP]
}


def test_what_is_no_socket_of_ours(talking: Talking) -> None:
    for family, kind, protocol, wanted in (
        (1, 1, 0, "EAFNOSUPPORT"),
        (16, 3, 0, "EAFNOSUPPORT"),
        (17, 3, 768, "EAFNOSUPPORT"),
        (-1, 1, 0, "EAFNOSUPPORT"),
        (2, 3, 1, "EPROTONOSUPPORT"),
        (2, 1, 17, "EPROTONOSUPPORT"),
        (2, 2, 6, "EPROTONOSUPPORT"),
        (2, 5, 132, "EPROTONOSUPPORT"),
        (2, 1 | 1 << 20, 0, "EPROTONOSUPPORT"),
        (2, 1, 262, "EPROTONOSUPPORT"),
    ):
        assert talking("socket", family, kind, protocol) == E[wanted], (family, kind, protocol)
    for name in (
        "bind",
        "connect",
        "accept4",
        "getsockname",
        "getpeername",
        "listen",
        "shutdown",
        "sendto",
        "recvfrom",
    ):
        assert talking(name, 1) == E["ENOTSOCK"] and talking(name, 99) == E["EBADF"], name


def test_a_socket_is_a_file(talking: Talking) -> None:
    made, port = talking.listening()
    with socket.create_connection(("127.0.0.1", port)) as peer:
        talking.guest.put_u32(LENGTH, 7)
        connection = talking("accept4", made, ADDRESS, LENGTH, 0o2000000)
        assert talking.number(LENGTH) == 16 and connection in talking.program.process.close_on_exec
        assert int.from_bytes(talking.guest.read(ADDRESS + 2, 2), "big") == peer.getsockname()[1]
        assert call(talking.program, "__syscall_fstat64", connection, RESULT) == 0
        assert call(talking.program, "fd_seek", connection, 0, 0, RESULT) == -E["ESPIPE"]
        again = call(talking.program, "__syscall_dup", connection)
        assert call(talking.program, "fd_close", connection) == 0
        peer.sendall(b"some bytes")
        put_iovecs(talking.program, IOVECS, (BUFFER, 4), (BUFFER + 4, 6))
        assert call(talking.program, "fd_read", again, IOVECS, 2, RESULT) == 0 and talking.number() == 10
        assert talking.guest.read(BUFFER, 10) == b"some bytes"
        assert call(talking.program, "fd_write", again, IOVECS, 2, RESULT) == 0
        assert peer.recv(10, socket.MSG_WAITALL) == b"some bytes"
        talking.guest.put_u32(RESULT, 1)
        talking.guest.put_u32(RESULT + 4, RESULT)
        assert call(talking.program, "__syscall_ioctl", again, 0x5421, RESULT + 4) == 0  # FIONBIO
        assert call(talking.program, "fd_read", again, IOVECS, 2, RESULT) == -E["EAGAIN"]
        assert call(talking.program, "__syscall_fcntl64", again, 3, 0) & 0o4000
        assert call(talking.program, "fd_close", again) == 0
        assert peer.recv(10) == b""


def polled(talking: Talking, number: int, events: int, milliseconds: int = 0) -> int:
    talking.guest.write(BUFFER, struct.pack("<ihh", number, events, 0))
    count = talking.plainly("poll", BUFFER, 1, milliseconds)
    happened: int = struct.unpack("<ihh", talking.guest.read(BUFFER, 8))[2]
    assert count == (happened != 0)
    return happened


def test_what_is_not_heard_is_nothing_that_has_come() -> None:
    """Else a program that asks whether something has come would wait for it then, or learn of what was sent to it."""
    with socket.socket(type=socket.SOCK_DGRAM) as stranger, socket.socket(type=socket.SOCK_DGRAM) as friend:
        for each in (stranger, friend):
            each.bind(("127.0.0.1", 0))
        talking = Talking(connect=[f"127.0.0.1:{friend.getsockname()[1]}"])
        number = talking("socket", 2, 2)
        assert talking("bind", number, *talking.address(0, "0.0.0.0")) == 0
        talking.guest.put_u32(LENGTH, 28)
        assert talking("getsockname", number, ADDRESS, LENGTH) == 0
        mine = ("127.0.0.1", int.from_bytes(talking.guest.read(ADDRESS + 2, 2), "big"))
        talking.guest.put_u32(LENGTH, RESULT)

        def waiting() -> int:
            assert talking.plainly("ioctl", number, 0x541B, LENGTH) == 0
            return talking.number()

        stranger.sendto(b"strange", mine)
        assert waiting() == 0
        for milliseconds in (0, 20):
            stranger.sendto(b"strange", mine)
            assert polled(talking, number, 1, milliseconds) == 0
            assert polled(talking, number, 5, milliseconds) == 4
        stranger.sendto(b"strange", mine)
        talking.guest.put_u32(BUFFER, 1 << number)
        talking.guest.write(BUFFER + 64, bytes(8))
        assert talking.plainly("_newselect", number + 1, BUFFER, 0, 0, BUFFER + 64) == 0
        stranger.sendto(b"strange", mine)
        friend.sendto(b"hi", mine)
        assert polled(talking, number, 1, 60_000) == 1 and waiting() == 2
        assert talking("recvfrom", number, BUFFER, 10) == 2 and talking.guest.read(BUFFER, 2) == b"hi"
        talking.program.close()


def test_both_ways_to_ask_whether_something_has_come(talking: Talking) -> None:
    """POLLRDNORM and POLLIN, POLLWRNORM and POLLOUT; what was not asked for is not told."""
    listening, port = talking.listening()
    with socket.create_connection(("127.0.0.1", port)) as other:
        number = talking("accept4", listening)
        other.sendall(b"x")
        for events in (1, 64, 65, 4, 256, 260, 1 | 256):
            assert polled(talking, number, events, 60_000) == events
        assert talking.plainly("pipe", RESULT) == 0
        reader, writer = talking.number(), talking.number(RESULT + 4)
        assert polled(talking, writer, 256) == 256 and polled(talking, reader, 64) == 0
        talking.guest.put_u32(RESULT, 0)
        assert call(talking.program, "fd_write", writer, RESULT, 0, RESULT + 8) == 0
        at = talking.plainly("openat", -100, put_text(talking.program, BUFFER + 100, "/"), 0, 0)
        assert polled(talking, at, 64 | 256) == 64 | 256


def test_flags_that_are_not_here_are_told(talking: Talking) -> None:
    """MSG_FASTOPEN connects, MSG_ERRQUEUE and MSG_OOB take from elsewhere."""
    made, _ = talking.listening(2)
    for bit in range(32):
        flag = 1 << bit if bit < 31 else -(1 << 31)
        if flag & ~0x4000C8C0 or bit == 31:
            assert talking("sendto", made, BUFFER, 1, flag, *talking.address(9)) == E["EOPNOTSUPP"], hex(flag)
        if flag & ~0x40004162 or bit == 31:
            assert talking("recvfrom", made, BUFFER, 1, flag | 0x40) == E["EOPNOTSUPP"], hex(flag)


def test_addresses_of_all_lengths(talking: Talking) -> None:
    made = talking("socket", 2, 2)
    record = struct.pack("<H", 2) + struct.pack(">H", 9) + socket.inet_aton("127.0.0.1") + bytes(8)
    talking.guest.write(ADDRESS, record.ljust(128, b"\xff"))
    for length in range(-2, 131):
        wanted = 0 if 16 <= length <= 128 else E["EINVAL"]
        assert talking("connect", made, ADDRESS, length) == wanted, length
    six = talking("socket", 10, 2)
    six_record = struct.pack("<H", 10) + struct.pack(">HI16sI", 9, 0, socket.inet_pton(socket.AF_INET6, "::1"), 0)
    talking.guest.write(ADDRESS, six_record)
    for length in (0, 1, 2, 16, 27, 28, 128):
        assert talking("connect", six, ADDRESS, length) == (E["EACCES"] if length >= 28 else E["EINVAL"]), length
    for ip, scope in (("::ffff:127.0.0.1", 1), ("fe80::1", 2)):
        packed = struct.pack(">HI16sI", 9, 0, socket.inet_pton(socket.AF_INET6, ip), scope)
        talking.guest.write(ADDRESS + 2, packed)
        assert talking("connect", six, ADDRESS, 28) == E["EACCES"]
    for family in (0, 1, 17, 0xFFFF):
        talking.guest.put_u16(ADDRESS, family)
        assert talking("connect", made, ADDRESS, 28) == E["EAFNOSUPPORT"]


def test_what_is_told_is_cut_to_its_room(talking: Talking) -> None:
    made, _ = talking.listening()
    for room in (0, 1, 2, 15, 16, 17, 1 << 30):
        talking.guest.write(ADDRESS, b"\xee" * 20)
        talking.guest.put_u32(LENGTH, room)
        assert talking("getsockname", made, ADDRESS, LENGTH) == 0
        assert talking.number(LENGTH) == 16
        assert talking.guest.read(ADDRESS, 20)[min(room, 16) :] == b"\xee" * (20 - min(room, 16))
    talking.guest.put_u32(LENGTH, 1 << 31)
    assert talking("getsockname", made, ADDRESS, LENGTH) == E["EINVAL"]


def test_messages(talking: Talking) -> None:
    made, port = talking.listening(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        put_iovecs(talking.program, IOVECS, (BUFFER, 3), (BUFFER + 3, 4))
        talking.guest.write(MESSAGE, struct.pack("<IIIiIII", ADDRESS, 28, IOVECS, 2, 0, 77, 0))
        for sent, count, cut in ((b"0123456789", 7, 0x20), (b"0123456", 7, 0), (b"", 0, 0)):
            peer.sendto(sent, ("127.0.0.1", port))
            assert talking("recvmsg", made, MESSAGE) == count
            assert talking.guest.read(BUFFER, count) == sent[:count]
            _, length, _, _, _, control, flags = talking.guest.unpack(struct.Struct("<IIIiIII"), MESSAGE)
            assert (length, control, flags) == (16, 0, cut)
        assert talking("sendmsg", made, MESSAGE) == 7 and peer.recv(100) == b"0123456"
        talking.guest.put_u32(MESSAGE + 20, 12)
        assert talking("sendmsg", made, MESSAGE) == E["EOPNOTSUPP"]  # data beside the data
        peer.sendto(b"0123456789", ("127.0.0.1", port))
        assert talking("recvfrom", made, BUFFER, 4, 0x20 | 2) == 10  # how long it is, left there
        assert talking("recvfrom", made, BUFFER, 4) == 4


def test_options(talking: Talking) -> None:
    made, _ = talking.listening()

    def ask(level: int, name: int, room: int = 16) -> tuple[int, int]:
        talking.guest.put_u32(SIZE, room)
        return talking("getsockopt", made, level, name, RESULT, SIZE), talking.number(SIZE)

    def give(level: int, name: int, *values: int) -> int:
        talking.guest.write(RESULT, struct.pack(f"<{len(values)}i", *values))
        return talking("setsockopt", made, level, name, RESULT, 4 * len(values))

    assert ask(1, 3) == (0, 4) and talking.number() == 1
    assert ask(1, 30) == (0, 4) and talking.number() == 1
    assert give(1, 2, 1) == 0 and ask(1, 2, 2) == (0, 2) and talking.number() & 0xFFFF == 1
    assert give(6, 1, 1) == 0 and ask(6, 1) == (0, 4) and talking.number() == 1
    assert give(1, 2) == E["EINVAL"] and give(1, 15, 1) == E["ENOPROTOOPT"] and give(1, 3, 1) == E["ENOPROTOOPT"]
    assert give(1, 13, 1, 5) == E["ENOPROTOOPT"]  # closing would wait for five seconds
    assert give(1, 13, 1, 0) == 0 and ask(1, 13) == (0, 8) and talking.number() == 1 and talking.number(RESULT + 4) == 0
    assert give(1, 13, 0, 5) == 0 and ask(1, 13) == (0, 8) and talking.number() == 0
    assert give(1, 66, 0, 0, 1000, 0) == 0 and ask(1, 66) == (0, 16) and talking.number(RESULT + 8) == 1000
    assert ask(1, 20) == (0, 8) and talking.number(RESULT + 4) == 1000
    assert talking("accept4", made) == E["EAGAIN"]  # after a millisecond
    assert give(1, 66, 0, 0, 1_000_000, 0) == E["EDOM"]
    assert talking("getsockopt", made, 1, 3, -8, SIZE) == E["EFAULT"]
    assert ask(1, 3, -1)[0] == E["EINVAL"]


def test_an_error_of_the_socket_is_the_programs_number(talking: Talking) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        later = Talking(connect=[f"127.0.0.1:{port}"])
        made = later("socket", 2, 1 | 0o4000)
        answer = later("connect", made, *later.address(port))
        if answer == E["EINPROGRESS"]:
            later.guest.write(BUFFER, struct.pack("<ihh", made, 4, 0))
            assert call(later.program, "__syscall_poll", BUFFER, 1, LONG * 1000) == 1
            later.guest.put_u32(SIZE, 4)
            assert later("getsockopt", made, 1, 4, RESULT, SIZE) == 0
            answer = -later.number()
        assert answer == E["ECONNREFUSED"]
        assert later("connect", later("socket", 2, 1), *later.address(port)) == E["ECONNREFUSED"]


def test_by_one_number(talking: Talking) -> None:
    """`socketcall`, of older programs: socket, bind, getsockname, sendto."""

    def by_number(number: int, *args: int) -> int:
        talking.guest.write(RESULT, struct.pack(f"<{len(args)}i", *args))
        answer: int = call(talking.program, "__syscall_socketcall", number, RESULT)
        return answer

    made = by_number(1, 2, 2, 0)
    assert made >= 3 and by_number(2, made, *talking.address(0)) == 0
    talking.guest.put_u32(LENGTH, 16)
    assert by_number(6, made, ADDRESS, LENGTH) == 0
    assert by_number(11, made, BUFFER, 5, 0, *talking.address(9)) == 5
    assert by_number(11, made, BUFFER, 5, 0, *talking.address(10)) == E["EACCES"]
    assert by_number(10, made, BUFFER, 5, 0x40) in (E["EAGAIN"], E["ECONNREFUSED"])
    assert by_number(0) == by_number(99) == by_number(-1) == E["EINVAL"]


# --- names


def text_of(program: Program, pointer: int) -> str:
    return program.string(pointer)


def test_hosts_and_services() -> None:
    asked: list[str] = []

    def resolver(name: str) -> list[str]:
        asked.append(name)
        return ["2606:4700::1111", "1.1.1.1", "10.0.0.1"]

    program = world(net=Network(connect=["example.org:443", "localhost:80"], resolver=resolver))
    guest = program.process.guest

    def ask(host: str | None, service: str | None, **hints: int) -> int | tuple[Any, ...]:
        wanted = struct.pack("<4i", *(hints.get(each, 0) for each in ("flags", "family", "type", "protocol")))
        guest.write(OTHER, wanted + bytes(16))
        node = 0 if host is None else put_text(program, BUFFER, host)
        name = 0 if service is None else put_text(program, BUFFER + 1024, service)
        answer: int = call(program, "getaddrinfo", node, name, OTHER, RESULT)
        if answer:
            return answer
        _, family, kind, protocol, length, address, _, following = guest.unpack(struct.Struct("<8i"), guest.u32(RESULT))
        assert following == 0
        assert call(program, "getnameinfo", address, length, BUFFER + 2048, 64, BUFFER + 2200, 8, 0) == 0
        return text_of(program, BUFFER + 2048), text_of(program, BUFFER + 2200), family, kind, protocol

    assert ask("example.org", "https") == ("1.1.1.1", "443", 2, 1, 6)
    assert ask("example.org", "443", family=10) == ("2606:4700::1111", "443", 10, 1, 6)
    assert ask("localhost", "80", type=2) == ("127.0.0.1", "80", 2, 2, 17)
    assert ask("localhost", None, family=10, protocol=17) == ("::1", "0", 10, 2, 17)
    assert ask("10.1.2.3", "80", flags=4) == ("10.1.2.3", "80", 2, 1, 6)  # told, not allowed
    assert ask(None, "80", flags=1) == ("0.0.0.0", "80", 2, 1, 6)
    assert ask(None, "80", family=10) == ("::1", "80", 10, 1, 6)
    assert asked == ["example.org"] * 2
    assert ask("example.org", None, flags=4) == ask("evil.org", None) == ask(None, None) == -2
    assert ask("example.org", "no-such") == -8 and ask("example.org", "http", flags=1024) == -2
    assert ask("10.1.2.3", None, family=1) == -6 and ask("10.1.2.3", None, family=10) == -2
    assert ask("10.1.2.3", None, type=3) == -7 and ask("10.1.2.3", None, flags=1 << 20) == -1
    assert ask("10.1.2.3", "65536") == -8
    assert call(program, "getnameinfo", ADDRESS, 16, BUFFER, 64, 0, 0, 0) == -6  # no address
    found = call(program, "gethostbyname", put_text(program, BUFFER, "localhost"))
    name, aliases, family, length, addresses = guest.unpack(struct.Struct("<5i"), found)
    assert (text_of(program, name), guest.u32(aliases), family, length) == ("localhost", 0, 2, 4)
    assert guest.read(guest.u32(addresses), 4) == b"\x7f\0\0\1" and guest.u32(addresses + 4) == 0
    assert call(program, "gethostbyname", put_text(program, BUFFER, "evil.org")) == 0
    assert call(program, "_emscripten_lookup_name", put_text(program, BUFFER, "localhost")) == 0x0100007F
    assert asked == ["example.org"] * 2


# --- how many, and until when


def test_sockets_have_a_limit() -> None:
    talking = Talking(listen=["127.0.0.1:0"], sockets=3)
    made, port = talking.listening()
    others = [talking("socket", 2, 2), talking("socket", 10, 1)]
    assert talking("socket", 2, 1) == E["EMFILE"]
    assert call(talking.program, "__syscall_dup", made) >= 0  # the same one
    with socket.create_connection(("127.0.0.1", port)):
        assert talking("accept4", made) == E["EMFILE"]
        assert call(talking.program, "fd_close", others[0]) == 0
        assert talking("accept4", made) >= 0
    talking.program.close()
    assert Talking(sockets=0)("socket", 2, 1) == E["EMFILE"]


def sockets_of_the_process() -> int:
    """Those of this process, whoever has made them, but for what earlier tests have left to the collector."""
    gc.collect()
    found = 0
    for number in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{number}").startswith("socket:")
        except FileNotFoundError:  # that of the list itself
            continue
    return found


@pytest.mark.parametrize("how", ["close", "dropped"])
def test_sockets_are_closed_with_the_program(how: str) -> None:
    talking = Talking(listen=["127.0.0.1:0"])
    before = sockets_of_the_process()
    _, port = talking.listening()
    talking.listening(2)
    assert sockets_of_the_process() == before + 2
    if how == "close":
        talking.program.close()
    else:
        del talking
    assert sockets_of_the_process() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), LONG)


def test_sockets_are_closed_when_main_ends() -> None:
    """Also by a deadline: nobody waits at a port whose server is gone."""
    written: list[bytes] = []
    program = load(fixture("sockets"), stdout=written.append, net=Network(listen=["127.0.0.1:0"]))
    with pytest.raises(Timeout), timeout(0.2):
        program.main("serve")
    if written:  # else it was not that far
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(written[0].split()[1])), LONG)
    assert not [each for each in program.process.descriptors.open if each > 2]


def test_a_program_that_runs_is_not_closed_by_halves() -> None:
    with Server("singlepass", "serve") as server:
        assert server.program is not None
        with pytest.raises(RuntimeError, match="running"):
            server.program.close()
        assert client("singlepass", "call", "127.0.0.1", str(server.port), "end", connect=[f"127.0.0.1:{server.port}"])
    assert server.code == 0
    server.program.close()
    server.program.close()


def test_calls_that_fail_lose_nothing() -> None:
    talking = Talking(listen=["127.0.0.1:0"])
    made, port = talking.listening()
    before = sockets_of_the_process()
    with socket.create_connection(("127.0.0.1", port)):
        for pointer, length in ((-4, LENGTH), (ADDRESS, -2)):
            talking.guest.put_u32(LENGTH, 16)
            assert talking("accept4", made, pointer, length) == E["EFAULT"]
        assert talking("accept4", made, ADDRESS, LENGTH, 1) == E["EINVAL"]
        assert talking("accept4", made) >= 0  # it still waits there
        assert sockets_of_the_process() == before + 2
    talking.program.close()


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), OSError(errno.ENOTCONN, "it is gone")])
@pytest.mark.parametrize("where", ["peer", "__init__"])
def test_a_connection_is_not_lost_on_its_way(
    where: str, raised: BaseException, monkeypatch: pytest.MonkeyPatch, talking: Talking
) -> None:
    """Whatever is raised between the system's accept and the number, a signal's handler's included."""
    made, port = talking.listening()
    before = sockets_of_the_process()

    def fail(*_: object, **__: object) -> None:
        raise raised

    with socket.create_connection(("127.0.0.1", port)):
        monkeypatch.setattr(NetworkSocket, where, fail)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # of Python's own object, which nobody has closed yet
            if isinstance(raised, KeyboardInterrupt):
                with pytest.raises(KeyboardInterrupt):
                    talking("accept4", made)
                raised.__traceback__ = None  # its frames have what they were making
            else:
                assert talking("accept4", made) == (E["ECONNABORTED"] if where == "peer" else E["ENOTCONN"])
                raised.__traceback__ = None
            monkeypatch.undo()
        assert sockets_of_the_process() == before + 1
    assert list(talking.program.process.descriptors.open) == [0, 1, 2, made]
