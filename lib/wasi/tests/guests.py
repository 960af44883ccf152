"""Three ways to call a WASI function, with one interface: directly, through our runtime, through wasmtime.

All of them run the same scenarios (`scenarios.py`), so that what we answer can be compared
with what wasmtime answers, and what compiled code gets with what a direct call gets.
"""

from __future__ import annotations

import importlib
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from wasmer_wasi import snapshot0, snapshot1
from wasmer_wasi.errno import BY_NUMBER
from wasmer_wasi.functions import FUNCTIONS, TYPE_NAMES
from wasmer_wasi.state import WasiState, WasiStateBuilder
from wasmer_wasi.types import FDSTAT, FILESTAT, SNAPSHOT0
from wasmer_wasi.version import NAMESPACES, WasiVersion

for name in set(snapshot1.FILES.values()):  # a program that calls a function has been linked: its module is there
    importlib.import_module(f"{snapshot1.__name__}.{name}")

PAGES = 2
WHENCE = ({"cur": 0, "end": 1, "set": 2}, {"set": 0, "cur": 1, "end": 2})
ALL = (1 << 30) - 1
RIGHT_READ = 2
RIGHT_WRITE = 64
RESULT = 904
BUFFER = 8192


def plant(base: Path) -> Path:
    """A tree with every kind of file, links that lead astray, and a canary beside it."""
    (base / "canary").write_text("sings")
    root = base / "root"
    root.mkdir()
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "f").write_text("hello world")
    (root / "sub" / "g").write_text("below")
    for name, target in [
        ("to_f", "f"),
        ("to_sub", "sub"),
        ("dangling", "nowhere"),
        ("loop", "loop"),
        ("absolute", "/etc/passwd"),
        ("above", "../canary"),
        ("sub/up_and_out", "../../canary"),
        ("sub/up", "../f"),
        ("chain1", "chain2"),
        ("chain2", "sub/../to_sub/g"),
        ("slash", "sub/"),
        ("here", "."),
    ]:
        os.symlink(target, root / name)
    os.mkfifo(root / "fifo")
    return root


def name_of(number: int) -> str:
    return BY_NUMBER[number].name if number in BY_NUMBER else str(number)


class Guest:
    """Memory and functions of a program that does what a test tells it."""

    version: int

    def call(self, name: str, *args: int) -> str:
        """Call a function; the name of the errno."""
        raise NotImplementedError

    def write(self, at: int, data: bytes) -> None:
        raise NotImplementedError

    def read(self, at: int, size: int) -> bytes:
        raise NotImplementedError

    def close(self) -> None:
        pass

    def u32(self, at: int = RESULT) -> int:
        return int.from_bytes(self.read(at, 4), "little")

    def u64(self, at: int = RESULT) -> int:
        return int.from_bytes(self.read(at, 8), "little")

    def path(self, path: str | bytes, at: int = 1000) -> tuple[int, int]:
        """Write a path to memory; its pointer and length."""
        data = path if isinstance(path, bytes) else path.encode()
        self.write(at, data)
        return at, len(data)

    def open(
        self, path: str | bytes, fd: int = 3, *, follow: int = 1, oflags: int = 0, rights: int = ALL, flags: int = 0
    ) -> int | str:
        """path_open: the descriptor, or the name of the errno."""
        answer = self.call("path_open", fd, follow, *self.path(path), oflags, rights, ALL, flags, RESULT)
        return self.u32() if answer == "SUCCESS" else answer

    def must_open(self, path: str | bytes, fd: int = 3, **options: int) -> int:
        opened = self.open(path, fd, **options)
        assert isinstance(opened, int), f"{path!r}: {opened}"
        return opened

    def get(self, name: str, *args: int, size: int = 4) -> tuple[str, int]:
        """Call a function whose last argument is a pointer to a result."""
        answer = self.call(name, *args, RESULT)
        return answer, int.from_bytes(self.read(RESULT, size), "little") if answer == "SUCCESS" else 0

    def iovecs(self, *ranges: tuple[int, int]) -> tuple[int, int]:
        data = b"".join(struct.pack("<II", *pair) for pair in ranges)
        self.write(800, data)
        return 800, len(ranges)

    def write_file(self, fd: int, data: bytes) -> tuple[str, int]:
        self.write(BUFFER, data)
        return self.get("fd_write", fd, *self.iovecs((BUFFER, len(data))))

    def read_file(self, fd: int, size: int) -> tuple[str, bytes]:
        answer, count = self.get("fd_read", fd, *self.iovecs((BUFFER, size)))
        return answer, self.read(BUFFER, count)

    def seek(self, fd: int, offset: int, whence: str) -> tuple[str, int]:
        return self.get("fd_seek", fd, offset, WHENCE[self.version][whence], size=8)

    def fdstat(self, fd: int) -> tuple[Any, ...] | str:
        answer = self.call("fd_fdstat_get", fd, 704)
        layout = FDSTAT.layout(self.version)
        return layout.unpack(self.read(704, layout.size)) if answer == "SUCCESS" else answer

    def filestat(self, answer: str) -> tuple[Any, ...] | str:
        layout = FILESTAT.layout(self.version)
        return layout.unpack(self.read(600, layout.size)) if answer == "SUCCESS" else answer

    def fd_stat(self, fd: int) -> tuple[Any, ...] | str:
        return self.filestat(self.call("fd_filestat_get", fd, 600))

    def path_stat(self, path: str | bytes, follow: int = 1, fd: int = 3) -> tuple[Any, ...] | str:
        return self.filestat(self.call("path_filestat_get", fd, follow, *self.path(path), 600))

    def readdir(self, fd: int, size: int = 4096, cookie: int = 0) -> list[tuple[int, int, bytes, int]] | str:
        """(next cookie, inode, name, kind) of each whole entry."""
        answer, used = self.get("fd_readdir", fd, BUFFER, size, cookie)
        if answer != "SUCCESS":
            return answer
        data = self.read(BUFFER, used)
        entries = []
        at = 0
        while at + 24 <= len(data):
            following, ino, length, kind = struct.unpack_from("<QQIB", data, at)
            name = data[at + 24 : at + 24 + length]
            if len(name) == length:
                entries.append((following, ino, name, kind))
            at += 24 + length
        return entries

    def two_paths(self, name: str, old: str | bytes, new: str | bytes, old_fd: int = 3, new_fd: int = 3) -> str:
        """path_rename or path_link."""
        first = self.path(old, 4000)
        second = self.path(new, 6000)
        middle = (0,) if name == "path_link" else ()
        return self.call(name, old_fd, *middle, *first, new_fd, *second)

    def symlink(self, text: str | bytes, path: str | bytes) -> str:
        return self.call("path_symlink", *self.path(text, 4000), 3, *self.path(path, 6000))

    def clock_subscription(self, userdata: int, clock: int, timeout: int, flags: int = 0) -> bytes:
        if self.version == SNAPSHOT0:
            return struct.pack("<QB7xQI4xQQH6x", userdata, 0, 0xFEED, clock, timeout, 0, flags)
        return struct.pack("<QB7xI4xQQH6x", userdata, 0, clock, timeout, 0, flags)

    def fd_subscription(self, userdata: int, tag: int, fd: int) -> bytes:
        return struct.pack("<QB7xI", userdata, tag, fd).ljust(56 if self.version == SNAPSHOT0 else 48, b"\0")

    def poll(self, *subscriptions: bytes) -> tuple[str, list[tuple[int, ...]]]:
        """The answer and (userdata, error, type, nbytes, flags) of each event."""
        self.write(2000, b"".join(subscriptions))
        answer, count = self.get("poll_oneoff", 2000, 4000, len(subscriptions))
        return answer, [struct.unpack("<QHB5xQH6x", self.read(4000 + 32 * at, 32)) for at in range(count)]


class Memory(bytearray):
    """Stands for core's `Memory`, without its pages, so that it can have any length."""

    def read(self, offset: int, length: int) -> bytes:
        assert 0 <= offset <= offset + length <= len(self)
        return bytes(self[offset : offset + length])

    def write(self, offset: int, data: bytes) -> None:
        assert 0 <= offset <= offset + len(data) <= len(self)
        self[offset : offset + len(data)] = data


class Context:
    """Stands for core's `Ctx`: a memory and a state."""

    def __init__(self, data: WasiState, size: int = PAGES * 65536) -> None:
        self.data = data
        self.bytes = Memory(size)

    def memory(self, which: int | str, /) -> Memory:
        return self.bytes


def builder(root: Path, read_only: bool = False) -> WasiStateBuilder:
    """What every guest is given: two arguments, a variable, /d, nothing to read, captured output."""
    made = WasiState.new("prog").arg("a").env("K", "V").map_dir("/d", root, read_only=read_only)
    return made.stdin(None).stdout(lambda data: None).stderr(lambda data: None)


class DirectGuest(Guest):
    """Calls the Python functions."""

    def __init__(self, root: Path, version: int, state: WasiState | None = None, read_only: bool = False) -> None:
        self.version = version
        self.state = builder(root, read_only).build() if state is None else state
        self.context = Context(self.state)

    def call(self, name: str, *args: int) -> str:
        function = snapshot1.function(name)
        if self.version == SNAPSHOT0:
            function = getattr(snapshot0, name, function)
        return name_of(function(self.context, *args))

    def write(self, at: int, data: bytes) -> None:
        self.context.bytes[at : at + len(data)] = data

    def read(self, at: int, size: int) -> bytes:
        return bytes(self.context.bytes[at : at + size])

    def close(self) -> None:
        self.state.close()


def wrapper_module(namespace: str, version: int) -> str:
    """A module that exports every WASI function it imports, and a memory."""
    imports = []
    exports = []
    for name, params, result, since in FUNCTIONS:
        if since > version:
            continue
        types = " ".join(TYPE_NAMES[letter] for letter in params)
        signature = (f"(param {types})" if types else "") + (" (result i32)" if result else "")
        arguments = " ".join(f"local.get {at}" for at in range(len(params)))
        imports.append(f'(import "{namespace}" "{name}" (func ${name} {signature}))')
        exports.append(f'(func (export "{name}") {signature} {arguments} call ${name})')
    return "\n".join(["(module", *imports, f'(memory (export "memory") {PAGES})', *exports, ")"])


def namespace_of(version: int) -> str:
    return NAMESPACES[WasiVersion.SNAPSHOT0 if version == SNAPSHOT0 else WasiVersion.SNAPSHOT1]


class RuntimeGuest(Guest):
    """Calls through a module compiled by one of our backends."""

    def __init__(
        self, root: Path, version: int, backend: str, state: WasiState | None = None, latest: bool = False
    ) -> None:
        from wasmer_runtime import compile, instantiate
        from wasmer_wasi import generate_import_object_from_state

        self.version = version
        self.state = builder(root).build() if state is None else state
        wasi = WasiVersion.SNAPSHOT0 if version == SNAPSHOT0 else WasiVersion.SNAPSHOT1
        if latest:
            wasi = WasiVersion.LATEST
        module = compile(wrapper_module(namespace_of(version), version), backend=backend)
        self.instance = instantiate(module, generate_import_object_from_state(self.state, wasi))
        self.memory = memoryview(self.instance.exports.memory)

    def call(self, name: str, *args: int) -> str:
        return name_of(self.instance.exports[name](*args))

    def write(self, at: int, data: bytes) -> None:
        self.memory[at : at + len(data)] = data

    def read(self, at: int, size: int) -> bytes:
        return bytes(self.memory[at : at + size])

    def close(self) -> None:
        self.state.close()


class WasmtimeGuest(Guest):
    """Calls wasmtime's functions: the answers to compare with."""

    def __init__(self, root: Path, read_only: bool = False) -> None:
        wasmtime = pytest.importorskip("wasmtime", reason="wasmtime is not installed: nothing to compare with")
        from wasmer_wasi.types import SNAPSHOT1

        self.version = SNAPSHOT1
        engine = wasmtime.Engine()
        self.store = wasmtime.Store(engine)
        config = wasmtime.WasiConfig()
        config.argv = ["prog", "a"]
        config.env = [("K", "V")]
        config.preopen_dir(str(root), "/d", not read_only)
        self.store.set_wasi(config)
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        module = wasmtime.Module(engine, wrapper_module(namespace_of(SNAPSHOT1), SNAPSHOT1))
        self.exports = linker.instantiate(self.store, module).exports(self.store)
        self.memory = self.exports["memory"]

    def call(self, name: str, *args: int) -> str:
        import wasmtime

        try:
            return name_of(self.exports[name](self.store, *args))
        except wasmtime.WasmtimeError:
            return "TRAP"  # what wasmtime does for values and pointers that make no sense

    def write(self, at: int, data: bytes) -> None:
        self.memory.write(self.store, data, at)

    def read(self, at: int, size: int) -> bytes:
        return bytes(self.memory.read(self.store, at, at + size))


def backends() -> list[Any]:
    """The backends that are installed, as parameters."""
    try:
        from wasmer_runtime import Backend
    except ImportError:
        return [pytest.param("none", marks=pytest.mark.skip(reason="wasmer-runtime is not installed"))]
    names = [str(backend) for backend in Backend.variants() if str(backend) != "auto"]
    if not names:
        return [pytest.param("none", marks=pytest.mark.skip(reason="no backend is installed"))]
    return names
