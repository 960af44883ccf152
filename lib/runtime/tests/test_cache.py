"""Compiled modules on disk: what is kept, found, refused, and what happens when anything around it fails."""

from __future__ import annotations

import errno
import gc
import inspect
import os
import shutil
import signal
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.backends import BACKENDS, compiler_or_skip
from tests.console import console
from wasmer_runtime import Backend, CompilerConfig, Module, api, compile, instantiate, wat2wasm
from wasmer_runtime.cache import CacheError, FileSystemCache, WasmHash, compilations, files, keys
from wasmer_runtime.cache.files import Files, UnsafeDirectoryError
from wasmer_runtime.middleware import BlockTrace, CallTrace, Metering
from wasmer_singlepass_backend import SinglepassCompiler

WASM = wat2wasm(
    '(module (memory 2) (data (i32.const 1) "' + "x" * 70000 + '")'
    '(func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.load8_u (i32.const 1)))))'
)
"""Large enough to be kept, compiled at once."""
OTHER = WASM.replace(b"xxxx", b"yyyy")


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cache"
    monkeypatch.setenv("WASMER_CACHE_DIR", str(path))
    return path


def is_kept(module: Module) -> bool:
    """Whether it comes from the cache."""
    assert instantiate(module).exports.f(2) in (2 + ord("x"), 2 + ord("y"))
    return module.stored is not None


def kept(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir()) if directory.exists() else []


# --- Wasmer's API ---------------------------------------------------------------------------


def test_a_hash_is_text_and_back() -> None:
    one, other = WasmHash.generate(WASM), WasmHash.generate(OTHER)
    assert one == WasmHash.decode(one.encode()) == WasmHash(bytes(one)) != other
    assert len({one, other, WasmHash.generate(bytearray(WASM))}) == 2
    assert len(one.encode()) == 128 and len(bytes(one)) == 64
    for wrong in ("", one.encode()[1:], "g" + one.encode()[1:], one.encode() + "00", " " * 128, "é" * 128):
        with pytest.raises(ValueError):
            WasmHash.decode(wrong)
    with pytest.raises(ValueError, match="64 bytes"):
        WasmHash(b"short")


@pytest.mark.parametrize("backend", BACKENDS)
def test_modules_are_stored_and_loaded(backend: str, tmp_path: Path) -> None:
    compiler_or_skip(backend)
    cache = FileSystemCache(tmp_path / "made" / "with parents")
    key = WasmHash.generate(WASM)
    cache.store(key, compile(WASM, backend))
    assert (tmp_path / "made" / "with parents" / backend / f"{key.encode()}.wasmer").exists()
    for name in (backend, backend.upper(), Backend.from_str(backend)):
        module = FileSystemCache(cache.path).load_with_backend(key, name)
        assert module.backend == backend and is_kept(module)
    if backend == api.DEFAULT_BACKEND:
        assert is_kept(cache.load(key))
    cache.store(key, module)  # what came from there goes there


def test_what_a_cache_does_not_have(tmp_path: Path) -> None:
    cache = FileSystemCache(tmp_path)
    key = WasmHash.generate(WASM)
    for backend in ("singlepass", "llvm", "unheard-of"):
        with pytest.raises(CacheError, match="has no module") as caught:
            cache.load_with_backend(key, backend)
        assert caught.value.kind == "missing"
    cache.store(key, compile(WASM))
    place = tmp_path / "singlepass" / f"{key.encode()}.wasmer"
    place.chmod(0o600)
    place.write_bytes(place.read_bytes()[:5000])
    with pytest.raises(CacheError, match=r"singlepass/.*has 5000 of its") as caught:
        cache.load(key)
    assert caught.value.kind == "truncated"
    cache.store(key, compile(WASM))
    assert is_kept(cache.load(key))
    for name in ("../singlepass", "", ".", ".."):
        with pytest.raises(ValueError, match="name of a backend"):
            cache.load_with_backend(key, name)
    with pytest.raises(TypeError):
        cache.load_with_backend(key, 3)  # type: ignore[arg-type]


def test_what_can_be_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        FileSystemCache(tmp_path / "file")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError):
        FileSystemCache(tmp_path / "read-only")


# --- the cache of `compile` -------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_module_is_compiled_once(backend: str, directory: Path) -> None:
    compiler_or_skip(backend)
    config = CompilerConfig(release_gil=True)
    first, second = (compile(WASM, backend, config) for _ in range(2))
    assert not is_kept(first) and is_kept(second)
    assert second.serialize() == first.serialize() and second.config == first.config == config
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()] == [0o400]
    assert not is_kept(compile(OTHER, backend, config))


@pytest.mark.parametrize("backend", ["auto", "singlepass", "cranelift"])
def test_a_large_module_is_mapped_as_soon_as_it_is_kept(
    backend: str, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler_or_skip(backend.replace("auto", "singlepass"))
    monkeypatch.setattr(compilations, "LARGE_MODULE_BYTES", len(WASM))
    config = CompilerConfig(release_gil=True)
    for _ in range(2):
        module = compile(WASM, backend, config)
        assert is_kept(module) and module.config == config
        assert (module.tiers is not None) == (backend == "auto")
    monkeypatch.setenv("WASMER_CACHE_DIR", "/proc/nowhere")  # it cannot be kept: the one that was compiled is there
    assert not is_kept(compile(WASM, backend, config))


def test_what_is_not_kept(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unknown:
        def __call__(self, info: Any, bodies: Sequence[Any]) -> Sequence[Any]:
            return bodies

    class Changing(Unknown):
        def cache_key(self) -> None:
            return None

    for module in (
        lambda: compile("(module)"),
        lambda: compile(WASM, cache=False),
        lambda: compile(WASM, config=CompilerConfig(middlewares=(lambda info, bodies: bodies,))),
        lambda: compile(WASM, config=CompilerConfig(middlewares=(Metering(5), Unknown()))),
        lambda: compile(WASM, config=CompilerConfig(middlewares=(Changing(),))),
        lambda: compile(WASM, config=CompilerConfig(backend_specific_config=object())),
    ):
        for _ in range(2):
            assert module().stored is None
    monkeypatch.setenv("WASMER_CACHE_DIR", "")
    for _ in range(2):
        assert not is_kept(compile(WASM))
    assert kept(directory) == []


def test_everything_that_changes_code_is_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def configured(**options: Any) -> str | None:
        return keys.compilation_key(WASM, "singlepass", CompilerConfig(**options))

    class Named:
        def __init__(self, key: str) -> None:
            self.key = key

        def __call__(self, info: Any, bodies: Sequence[Any]) -> Sequence[Any]:
            return bodies

        def cache_key(self) -> str:
            return self.key

    def keys_now() -> list[str | None]:
        return [
            configured(),
            keys.compilation_key(OTHER, "singlepass", CompilerConfig()),
            keys.compilation_key(WASM, "cranelift", CompilerConfig()),
            keys.compilation_key(WASM, "llvm", CompilerConfig()),
            keys.compilation_key(WASM, SinglepassCompiler(frozenset()), CompilerConfig()),
            keys.compilation_key(WASM, SinglepassCompiler(frozenset(["popcnt"])), CompilerConfig()),
            configured(memory_bound_check_mode="enable"),
            configured(memory_bound_check_mode="disable"),
            configured(release_gil=True),
            configured(deterministic=True),
            configured(features={"simd": False}),
            configured(features={"simd": True}),
            configured(implementation_limits={"locals": 7}),
            configured(implementation_limits={"locals": 8}),
            configured(middlewares=(Metering(1),)),
            configured(middlewares=(Metering(2),)),
            configured(middlewares=(CallTrace(),)),
            configured(middlewares=(BlockTrace(),)),
            configured(middlewares=(CallTrace(), BlockTrace())),
            configured(middlewares=(BlockTrace(), CallTrace())),
            configured(middlewares=(Named("a"),)),
            configured(middlewares=(Named("b"),)),
            configured(middlewares=(Named("a"), Named("b"))),
            configured(middlewares=(Named("a' b"),)),
            configured(backend_specific_config=Named("c")),
        ]

    tried = {name for name in CompilerConfig._fields if f"configured({name}=" in inspect.getsource(keys_now)}
    assert tried == set(CompilerConfig._fields)
    found = keys_now()
    assert None not in found and len(set(found)) == len(found)
    assert keys_now() == found
    assert configured() == keys.compilation_key(WASM, SinglepassCompiler(), CompilerConfig())
    with monkeypatch.context() as patch:  # another processor
        patch.setattr(keys, "host_features", lambda: frozenset(["sse3"]))
        assert not set(keys_now()).intersection(found)
    with monkeypatch.context() as patch:  # no address space left
        patch.setattr(keys, "can_reserve", lambda: False)
        assert configured() == configured(memory_bound_check_mode="enable") == found[6]
    for package in ("wasmer_runtime_core", "wasmer_singlepass_backend"):  # another version
        with monkeypatch.context() as patch:
            patch.setitem(keys.package_stamp, package, "another")
            assert configured() != found[0]


def test_a_package_is_told_from_another_of_the_same_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "some_backend"
    (package / "inner").mkdir(parents=True)
    for name in ("__init__.py", "inner/code.py", "inner/code.so", "inner/notes.txt"):
        (package / name).write_text("1")

    def stamp() -> str:
        found: str = type(keys.package_stamp)(keys.package_stamp._work_out)["some_backend"]
        return found

    worked_on = stamp()
    assert stamp() == worked_on
    (package / "inner/notes.txt").write_text("22")
    assert stamp() == worked_on
    (package / "inner/code.so").write_text("22")
    changed = stamp()
    assert changed != worked_on
    record = tmp_path / "some_backend-1.0.dist-info"
    record.mkdir()
    (record / "RECORD").write_text("some_backend.pth,sha256=1,2\n")
    assert stamp() == changed
    (record / "RECORD").write_text("some_backend/__init__.py,sha256=1,2\n")
    installed = stamp()
    (package / "inner/code.py").write_text("333")
    assert stamp() == installed != changed
    (record / "RECORD").write_text("some_backend/__init__.py,sha256=2,2\n")
    assert stamp() != installed
    with pytest.raises(FileNotFoundError):
        keys.package_stamp["no_package_of_this_name"]
    assert keys.compilation_key(WASM, "llvm", CompilerConfig()) is not None or "llvmlite" not in sys.modules


def test_what_is_kept_is_used_without_a_compiler(directory: Path) -> None:
    """Nor is the package of one imported."""
    import subprocess

    compile(WASM)
    script = (
        "import sys; from wasmer_runtime import compile; from pathlib import Path\n"
        f"assert compile(Path({str(directory.parent / 'm.wasm')!r})).instantiate().exports.f(1) == 121\n"
        "print([name for name in sys.modules if name.startswith(('wasmer_singlepass', 'wasmer_runtime_core.codegen'))])"
    )
    (directory.parent / "m.wasm").write_bytes(WASM)
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.stdout == "[]\n", ran.stderr


# --- where it is ------------------------------------------------------------------------------


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.delenv("WASMER_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(home))
    assert compilations.place() == str(home / ".cache" / "wasmer-runtime")
    assert not is_kept(compile(WASM)) and is_kept(compile(WASM))
    assert stat.S_IMODE((home / ".cache").stat().st_mode) == 0o700
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert compilations.place() == str(tmp_path / "xdg" / "wasmer-runtime")
    assert not is_kept(compile(WASM)) and is_kept(compile(WASM))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert compilations.place() == str(home / ".cache" / "wasmer-runtime")
    monkeypatch.setenv("WASMER_CACHE_DIR", str(tmp_path / "a" / "b" / "c"))
    assert not is_kept(compile(WASM)) and is_kept(compile(WASM))


def test_a_home_that_is_not_there_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WASMER_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    assert not is_kept(compile(WASM)) and not is_kept(compile(WASM))
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # nobody knows one
    assert compilations.place() is None
    assert not is_kept(compile(WASM))


def test_a_directory_of_somebody_else_is_not_used(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile(WASM)
    before = kept(directory)
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "geteuid", lambda: os.getuid() + 1)
        assert not is_kept(compile(WASM)) and not is_kept(compile(OTHER))
        with pytest.raises(UnsafeDirectoryError, match="belongs to user"):
            Files(str(directory))
        shown = CliRunner().invoke(console, ["cache", "list"])
        assert shown.exit_code == 1 and "belongs to user" in shown.output
    for mode in (0o770, 0o707, 0o702):
        directory.chmod(mode)
        assert not is_kept(compile(WASM)) and not is_kept(compile(OTHER))
    directory.chmod(0o755)
    assert is_kept(compile(WASM)) and kept(directory) == before


def test_what_lies_where_it_should_be(tmp_path: Path, directory: Path) -> None:
    directory.write_text("a file")
    assert not is_kept(compile(WASM)) and not is_kept(compile(WASM))
    directory.unlink()
    directory.symlink_to(tmp_path / "nowhere")
    assert not is_kept(compile(WASM)) and not is_kept(compile(WASM))
    directory.unlink()
    compile(WASM)
    (name,) = kept(directory)
    (directory / name).unlink()
    (directory / name).mkdir()  # where a module should lie
    assert not is_kept(compile(WASM)) and not is_kept(compile(WASM))
    (directory / name).rmdir()
    os.mkfifo(directory / name)
    assert not is_kept(compile(WASM)) and is_kept(compile(WASM))


def test_a_damaged_file_is_compiled_again(directory: Path) -> None:
    compile(WASM)
    (path,) = directory.iterdir()
    whole = path.read_bytes()
    for wrong in (b"", b"no module", whole[:-1], whole[:3000] + b"!" + whole[3001:], whole + b"more"):
        path.chmod(0o600)
        path.write_bytes(wrong)
        assert not is_kept(compile(WASM))
        assert path.read_bytes() == whole and is_kept(compile(WASM))


# --- how much is kept --------------------------------------------------------------------------


def used(directory: Path) -> list[str]:
    with Files(str(directory)) as opened:
        return [entry.name for entry in opened.entries()]


def test_what_was_used_least_recently_goes_first(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = [WASM.replace(b"xxxx", bytes([ord("a") + n]) * 4) for n in range(6)]
    now = [1_000_000.0]
    monkeypatch.setattr(files.time, "time", lambda: now[0])
    monkeypatch.setenv("WASMER_CACHE_MEGABYTES", "1")
    size = len(compile(modules[0]).serialize())
    monkeypatch.setattr(compilations, "limit", lambda: 3 * size + 100)
    names = []
    for module in modules[:3]:
        compile(module)
        (name,) = set(used(directory)) - set(names)
        names.append(name)
        os.utime(directory / f"{name}.wasmer", (now[0], now[0]))
        now[0] += 10_000
    assert compile(modules[0]).stored is not None  # used again
    compile(modules[3])
    left = used(directory)
    assert names[0] in left and names[1] not in left and len(left) == 2
    monkeypatch.setattr(compilations, "limit", lambda: size - 1)
    assert compile(modules[5]).stored is None and compile(modules[5]).stored is None  # larger than all may be
    assert len(used(directory)) == 2


@pytest.mark.parametrize("jump", [-(10**9), 10**9, -1.5, 10**5])
def test_a_clock_may_jump(directory: Path, monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    compile(WASM)
    now = os.stat(directory).st_mtime
    monkeypatch.setattr(files.time, "time", lambda: now + jump)
    assert is_kept(compile(WASM)) and is_kept(compile(WASM))
    compile(OTHER)
    assert is_kept(compile(OTHER)) and is_kept(compile(WASM))


@pytest.mark.parametrize("ahead", [5_000, 10**9])
def test_files_of_a_time_to_come_do_not_crowd_out_those_of_today(
    directory: Path, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    """A clock was ahead, and was set right: what nobody has used since is what goes first."""
    modules = [WASM.replace(b"xxxx", bytes([ord("a") + n]) * 4) for n in range(6)]
    monkeypatch.setattr(compilations, "limit", lambda: int(3.5 * len(compile(WASM, cache=False).serialize())))
    for module in modules[:3]:
        compile(module)
    now = os.stat(directory).st_mtime
    for path in directory.iterdir():
        os.utime(path, (now + ahead, now + ahead))
    assert compile(modules[0]).stored is not None  # used today
    for module in modules[3:5]:
        compile(module)
        assert compile(module).stored is not None and compile(modules[0]).stored is not None


def test_what_others_put_into_the_directory_stays(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be one in which a program keeps more than its cache."""
    compile(WASM)
    (ours,) = kept(directory)
    digits = ours.removesuffix(".wasmer")
    others = ["program.wasmer", "a.new", ".program.wasmer.77.new", "notes", f"{digits[1:]}.wasmer", f"{digits}.wasm"]
    others += [f"{digits[1:]}g.wasmer", f"{digits.upper()}x.wasmer", ".new", ".1-.new", ".-1.new", "1-1.new", ".wasmer"]
    others += [".1-1-1.new", ".1-1.new.new", "..1-1.new", ".x-1.new", "link.wasmer"]
    for name in others[:-1]:
        (directory / name).write_bytes(b"x" * 1000)
        os.utime(directory / name, (1, 1))
    (directory / others[-1]).symlink_to(directory / "notes")
    (directory / ".12-34.new").write_bytes(b"half")
    os.utime(directory / ".12-34.new", (1, 1))
    monkeypatch.setattr(compilations, "limit", lambda: int(1.5 * len(compile(WASM, cache=False).serialize())))
    compile(OTHER)
    assert ours not in kept(directory) and ".12-34.new" not in kept(directory)
    assert set(others) < set(kept(directory)) and used(directory) != []
    assert CliRunner().invoke(console, ["cache", "clean"]).output.startswith("1 removed")
    assert sorted(others) == kept(directory)


def test_what_was_left_is_removed_later(directory: Path) -> None:
    compile(WASM)
    for name, age in ((".1-1.new", 100_000), (".2-2.new", 0)):
        (directory / name).write_bytes(b"half")
        os.utime(directory / name, (os.stat(directory).st_mtime - age,) * 2)
    assert is_kept(compile(WASM))
    compile(OTHER)
    assert [name for name in kept(directory) if name.endswith(".new")] == [".2-2.new"]


def test_the_limit_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, megabytes in (("5", 5), ("", 1024), ("many", 1024), ("-3", 0), ("1e3", 1024)):
        monkeypatch.setenv("WASMER_CACHE_MEGABYTES", text)
        assert compilations.limit() == megabytes << 20


# --- whatever fails ---------------------------------------------------------------------------


class Counted:
    """`os`, whose calls are counted; at one of them something happens instead."""

    CALLS = ("mkdir", "open", "fstat", "stat", "utime", "write", "close", "rename", "unlink", "listdir")

    def __init__(self, at: int, what: Any) -> None:
        self.at, self.what, self.calls = at, what, 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        if name not in self.CALLS:
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            if self.calls == self.at:
                return self.what(name, found, *arguments, **named)
            return found(*arguments, **named)

        return call


def steps(directory: Path, monkeypatch: pytest.MonkeyPatch, what: Any) -> Iterator[int]:
    """Numbers of calls at which it happens, until a whole compilation comes to none of them."""
    for at in range(1, 100):
        counted = Counted(at, what)
        with monkeypatch.context() as patch:
            patch.setattr(files, "os", counted)
            yield at
        shutil.rmtree(directory, ignore_errors=True)
        if counted.calls < at:
            return
    pytest.fail("there is no end of it")


def refuse(number: int) -> Any:
    def call(name: str, function: Any, *arguments: Any, **named: Any) -> Any:
        if name == "close":
            function(*arguments)  # a descriptor is gone, whatever `close` says
        raise OSError(number, os.strerror(number))

    return call


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO, errno.EMFILE, errno.ENOENT])
def test_any_step_may_be_refused(directory: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    gc.collect()  # what other tests left behind does not close its descriptors meanwhile
    descriptors = len(os.listdir("/proc/self/fd"))
    for at in steps(directory, monkeypatch, refuse(number)):
        module = WASM.replace(b"xxxx", f"{at:04}".encode())
        for _ in range(3):
            assert compile(module).instantiate().exports.f(0) == ord("0")
        for path in directory.iterdir() if directory.exists() else ():
            if path.suffix == ".wasmer":
                Module.deserialize(path)
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_disk_may_be_full_amid_a_file(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = [20_000]

    def write(file: int, content: Any) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = os.write(file, content[: min(room[0], 7_000)])
        room[0] -= written
        return written

    counted = Counted(0, None)
    counted.write = write  # type: ignore[attr-defined]
    monkeypatch.setattr(files, "os", counted)
    assert not is_kept(compile(WASM)) and not is_kept(compile(WASM))
    assert kept(directory) == []
    room[0] = 10**9  # in many pieces
    assert not is_kept(compile(WASM)) and is_kept(compile(WASM))


def test_a_process_may_be_killed_at_any_step(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What others find is whole or not there, and they go on."""

    def kill(name: str, function: Any, *arguments: Any, **named: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    def half(name: str, function: Any, *arguments: Any, **named: Any) -> Any:
        if name == "write":
            function(arguments[0], arguments[1][:10_000])
        os.kill(os.getpid(), signal.SIGKILL)

    for what in (kill, half):
        for at in range(1, 100):
            module = WASM.replace(b"xxxx", f"{at:02}{what.__name__[:2]}".encode())
            child = os.fork()
            if not child:
                counted = Counted(at, what)
                files.os = counted  # type: ignore[assignment]
                try:
                    compile(module)
                    compile(module)
                finally:
                    os._exit(7)
            ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            assert ended in (-signal.SIGKILL, 7)
            for path in directory.iterdir() if directory.exists() else ():
                if path.suffix == ".wasmer":
                    Module.deserialize(path)
            compile(module)
            assert compile(module).stored is not None
            shutil.rmtree(directory)
            if ended == 7:
                break
        assert at > 10


def test_many_processes_use_it_at_once(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for two of the four modules that they want."""
    modules = [WASM.replace(b"xxxx", bytes([ord("a") + n]) * 4) for n in range(4)]
    most = int(2.5 * len(compile(modules[0], cache=False).serialize()))
    monkeypatch.setattr(compilations, "limit", lambda: most)
    children = []
    for number in range(4):
        child = os.fork()
        if not child:
            code = 1
            try:
                for step in range(12):
                    n = (step * (number + 1) + number) % 4
                    module = compile(modules[n])
                    if module.instantiate().exports.f(0) != ord("a") + n:
                        os._exit(2)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    assert sum(path.stat().st_size for path in directory.iterdir()) <= 2 * most
    for path in directory.iterdir():
        Module.deserialize(path)


# --- the command line ----------------------------------------------------------------------------


def test_programs_are_kept(directory: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.wasm"
    program.write_bytes(WASM)
    invoke = ["run", str(program), "--invoke", "f"]
    for options, files_then in ((["--disable-cache"], 0), ([], 1), ([], 1), (["--backend", "singlepass"], 1)):
        ran = CliRunner().invoke(console, [*invoke, *options, "--", "1"])
        assert ran.output == "f([I32(1)]) returned [I32(121)]\n"
        assert len(kept(directory)) == files_then
    shown = CliRunner().invoke(console, ["cache", "list"])
    assert kept(directory)[0].removesuffix(".wasmer") in shown.output
    assert CliRunner().invoke(console, ["cache", "dir"]).output == f"{directory}\n"
    assert CliRunner().invoke(console, ["cache", "clean"]).output.startswith("1 removed, ")
    assert kept(directory) == []
    assert CliRunner().invoke(console, ["cache", "list"]).output == ""


def test_there_may_be_no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WASMER_CACHE_DIR", "")
    for command in ("dir", "list", "clean"):
        shown = CliRunner().invoke(console, ["cache", command])
        assert shown.exit_code == 1 and "there is no cache" in shown.output
    monkeypatch.setenv("WASMER_CACHE_DIR", str(tmp_path / "not yet"))
    assert CliRunner().invoke(console, ["cache", "list"]).output == ""
    assert CliRunner().invoke(console, ["cache", "clean"]).output == "0 removed, 0 bytes\n"


def test_a_program_is_compiled_to_a_file_and_run_from_it(tmp_path: Path) -> None:
    program = tmp_path / "program.wat"
    program.write_text('(module (func (export "main") (result i32) (i32.const 42)))')
    for options, target in (([], "program.wasmer"), (["-o", str(tmp_path / "other.bin")], "other.bin")):
        made = CliRunner().invoke(console, ["compile", str(program), *options])
        assert (made.exit_code, made.output) == (0, "")
        for words in (["run"], []):
            ran = CliRunner().invoke(console, [*words, str(tmp_path / target)])
            assert ran.output == "main([]) returned [I32(42)]\n"
    assert {path.name for path in tmp_path.iterdir()} == {"program.wat", "program.wasmer", "other.bin"}
    ran = CliRunner().invoke(console, ["run", str(tmp_path / "program.wasmer"), "--points", "5"])
    assert "compiled already" in ran.output and "returned [I32(42)]" in ran.output
    again = CliRunner().invoke(console, ["compile", str(tmp_path / "program.wasmer")])
    assert again.exit_code == 1 and "compiled already" in again.output
    (tmp_path / "program.wasmer").write_bytes((tmp_path / "program.wasmer").read_bytes()[:-1])
    ran = CliRunner().invoke(console, ["run", str(tmp_path / "program.wasmer")])
    assert ran.exit_code == 1 and "of its" in ran.output
    missing = CliRunner().invoke(console, ["compile", str(tmp_path / "nothing.wasm")])
    assert missing.exit_code == 1 and "nothing.wasm" in missing.output
    nowhere = CliRunner().invoke(console, ["compile", str(program), "-o", str(tmp_path / "no" / "where")])
    assert nowhere.exit_code == 1


def test_a_file_is_written_through_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a directory to which others can write, too, a name that can be guessed may be a link to something else."""
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "program.wasm"
    program.write_bytes(WASM)
    (tmp_path / "precious").write_bytes(b"precious")
    monkeypatch.setattr(files.time, "monotonic_ns", lambda: 77)
    for guessed in (f".program.wasmer.{os.getpid()}.new", f".{os.getpid()}-77.new"):
        (tmp_path / guessed).symlink_to("precious")
    assert CliRunner().invoke(console, ["compile", "program.wasm"]).exit_code != 0
    assert (tmp_path / "precious").read_bytes() == b"precious" and not (tmp_path / "program.wasmer").exists()
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.wasmer").symlink_to("precious")  # the target itself is replaced
    result = CliRunner().invoke(console, ["compile", "program.wasm"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "precious").read_bytes() == b"precious" and not (tmp_path / "program.wasmer").is_symlink()
    Module.deserialize(tmp_path / "program.wasmer")
