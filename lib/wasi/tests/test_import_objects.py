"""The functions find their state in whatever mapping they are handed over; mistakes say what to do."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from wasmer_wasi import (
    MemoryDirectory,
    WasiState,
    WasiVersion,
    generate_import_object,
    generate_import_object_for_version,
    generate_import_object_from_state,
    get_wasi_state,
)
from wasmer_wasi.imports import namespace

runtime = pytest.importorskip("wasmer_runtime", reason="wasmer-runtime is not installed")

SAYS = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "env" "add" (func $add (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\40\\00\\00\\00\\05\\00\\00\\00")
  (func (export "run") (result i32)
    (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32)) (then (return (i32.const -1))))
    (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)) (then (return (i32.const -2))))
    (if (call $clock (i32.const 1) (i64.const 0) (i32.const 16)) (then (return (i32.const -3))))
    (if (call $sizes (i32.const 16) (i32.const 20)) (then (return (i32.const -4))))
    (call $add (i32.load (i32.const 16)))))"""
ENV = {"env": {"add": lambda number: number + 40}}
WASI = "wasi_snapshot_preview1"


def as_dict(wasi: Any) -> Mapping[str, Any]:
    return {**wasi, **ENV}


def as_dicts_of_functions(wasi: Any) -> Mapping[str, Any]:
    return {**{name: dict(functions) for name, functions in wasi.items()}, **ENV}


def with_a_function_replaced(wasi: Any) -> Mapping[str, Any]:
    return {WASI: {**wasi[WASI], "proc_exit": lambda code: None}, **ENV}


def as_namespace(wasi: Any) -> Mapping[str, Any]:
    imports = runtime.ImportObject()
    imports.register(WASI, runtime.Namespace(wasi[WASI]))
    imports.register("env", ENV["env"])
    return imports


def merged(wasi: Any) -> Mapping[str, Any]:
    return wasi | ENV  # type: ignore[no-any-return]


def merged_into_another(wasi: Any) -> Mapping[str, Any]:
    return runtime.ImportObject(ENV) | wasi  # type: ignore[no-any-return]


def extended(wasi: Any) -> Mapping[str, Any]:
    wasi.extend(ENV)
    return wasi  # type: ignore[no-any-return]


def with_a_state_of_ones_own(wasi: Any) -> Mapping[str, Any]:
    return runtime.imports({**wasi, **ENV}, state=lambda: {"mine": 1})  # type: ignore[no-any-return]


def with_a_state_that_has_everything(wasi: Any) -> Mapping[str, Any]:
    from unittest.mock import Mock

    return runtime.imports({**wasi, **ENV}, state=Mock)  # type: ignore[no-any-return]


MAPPINGS = (
    as_dict,
    as_dicts_of_functions,
    with_a_function_replaced,
    as_namespace,
    merged,
    merged_into_another,
    extended,
    with_a_state_of_ones_own,
    with_a_state_that_has_everything,
)


@pytest.mark.parametrize("merge", MAPPINGS)
def test_every_way_to_add_imports(merge: Callable[[Any], Mapping[str, Any]], backend: str) -> None:
    state = WasiState.new("p").arg("a").stdin(b"hello").capture_stdout().build()
    module = runtime.compile(SAYS, backend=backend)
    imports = merge(generate_import_object_from_state(state))
    instances = [module.instantiate(imports) for _ in range(3)]
    assert [instance.exports.run() for instance in instances] == [42, 42, 42]
    assert state.stdout_bytes() == b"hello" * 3
    states = [get_wasi_state(instance.context()) for instance in instances]
    assert len({id(each) for each in [state, *states]}) == 4  # each has a state of its own
    assert all(each.args == [b"p", b"a"] for each in states)


def test_data_of_ones_own_stays_where_it_was(backend: str) -> None:
    imports = with_a_state_of_ones_own(generate_import_object_from_state(WasiState.new("p").stdin(b"hello").build()))
    instance = runtime.compile(SAYS, backend=backend).instantiate(imports)
    assert instance.context().data == {"mine": 1}
    assert instance.exports.run() == 41


def test_data_that_was_replaced(backend: str) -> None:
    imports = as_dict(generate_import_object_from_state(WasiState.new("p").stdin(b"hello").stdout(None).build()))
    instance = runtime.compile(SAYS, backend=backend).instantiate(imports)
    instance.context().data = None
    assert instance.exports.run() == 41


def test_a_function_replaced_in_one_object_is_not_in_another() -> None:
    one, other = generate_import_object(["p"]), generate_import_object(["p"])
    before = other[WASI]["fd_write"].function
    one[WASI]["fd_write"] = replaced = object()
    del one[WASI]["fd_read"]
    assert one[WASI]["fd_write"] is replaced and "fd_read" not in one[WASI]
    assert other[WASI]["fd_write"].function is before and "fd_read" in other[WASI]
    assert len(one[WASI]) == 45 and "fd_write" in repr(one[WASI])


def test_functions_without_a_state_say_so(backend: str) -> None:
    from wasmer_wasi import snapshot1

    module = runtime.compile(SAYS, backend=backend)
    names = ("fd_write", "fd_read", "clock_time_get", "args_sizes_get")
    functions = {name: snapshot1.function(name) for name in names}
    for data in (None, {"mine": 1}):
        imports = runtime.imports({WASI: functions, **ENV}, state=lambda data=data: data)
        with pytest.raises(TypeError, match="has no WASI state: it was not given the imports of wasmer_wasi"):
            module.instantiate(imports).exports.run()


# --- mistakes


def test_a_state_belongs_to_one_instance(backend: str) -> None:
    """Or a call of the other one would read and write the first one's memory."""
    module = runtime.compile(SAYS, backend=backend)
    pattern = WasiState.new("p").capture_stdout().build()
    shared = runtime.imports({WASI: namespace(WasiVersion.LATEST), **ENV}, state=lambda: pattern)
    brought = {name: each.with_state(lambda: pattern) for name, each in namespace(WasiVersion.LATEST).items()}
    first = module.instantiate(shared)
    for imports in (shared, {WASI: brought, **ENV}, runtime.imports({WASI: brought, **ENV}, state=dict)):
        with pytest.raises(TypeError, match=r"belongs to another instance: .* state=pattern\.copy"):
            module.instantiate(imports)
    own = runtime.imports({WASI: namespace(WasiVersion.LATEST), **ENV}, state=pattern.copy)
    assert module.instantiate(own) and module.instantiate(own)
    first.exports.run()
    del first
    gc.collect()
    module.instantiate(shared).exports.run()


def test_what_an_import_object_is_made_of() -> None:
    builder = WasiState.new("p")
    with pytest.raises(TypeError, match=r"not the builder of one: call its build\(\) first"):
        generate_import_object_from_state(builder)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"expected a WasiState, as .* makes it, not 'p'"):
        generate_import_object_from_state("p")  # type: ignore[arg-type]
    state = builder.build()
    for version in ("snapshot1", "latest", 1, None):
        with pytest.raises(TypeError, match=r"WasiVersion\.SNAPSHOT1, WasiVersion\.LATEST, not .*WasiVersion\.parse"):
            generate_import_object_from_state(state, version)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="WasiVersion"):
            generate_import_object_for_version(version, ["p"])  # type: ignore[arg-type]
    assert generate_import_object_from_state(state, WasiVersion.SNAPSHOT0)


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: WasiState.new("p").args("a b"), r"args takes several, as a list: \['a b'\]"),
        (lambda: WasiState.new("p").args(b"a"), "args takes several"),
        (lambda: WasiState.new("p").envs("A=b"), "envs takes several"),
        (lambda: WasiState.new("p").envs(["A=b"]), "envs takes pairs of a name and a value; this is 'A=b'"),
        (lambda: WasiState.new("p").preopen_dirs("/tmp"), "preopen_dirs takes several"),
        (lambda: WasiState.new("p").preopen_dirs(Path("/tmp")), "preopen_dirs takes several"),
        (lambda: WasiState.new("p").map_dirs("/tmp"), "map_dirs takes several"),
        (lambda: WasiState.new("p").map_dirs(["/tmp"]), "map_dirs takes pairs of an alias and a directory"),
        (lambda: WasiState.new("p").preopen("/", 5), "a directory is a path, a HostDirectory or a MemoryDirectory"),
        (lambda: WasiState.new("p").preopen("/", {"f": b""}), "a directory is a path"),
        (lambda: WasiState.new("p").socket(5), "socket.socket; this is 5"),
        (lambda: WasiState.new("p").clock(5), "a clock is a VirtualClock"),
        (lambda: WasiState.new("p").random(5), "random bytes come from a function; this is 5"),
        (lambda: WasiState.new("p").setup_fs(5), "setup_fs takes a function; this is 5"),
        (lambda: generate_import_object("p"), r"as a list: \['p'\]"),
        (lambda: generate_import_object(["p"], "A=b"), r"as a list: \['A=b'\]"),
        (lambda: generate_import_object(["p"], [], "/tmp"), "preopen_dirs takes several"),
        (lambda: generate_import_object(["p"], [], [], "/tmp"), "map_dirs takes several"),
    ],
)
def test_mistakes(mistake: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        mistake()


def test_mappings_do_for_pairs(tmp_path: Path) -> None:
    state = WasiState.new("p").envs({"A": "b", "C": "d"}).map_dirs({"/x": tmp_path, "/y": tmp_path}).build()
    assert state.environ == [b"A=b", b"C=d"]
    assert [state.descriptors.open[fd].preopen for fd in (3, 4)] == [b"/x", b"/y"]


def test_read_only_holds_for_directory_objects(tmp_path: Path) -> None:
    from guests import DirectGuest

    from wasmer_wasi import HostDirectory

    for directory in (MemoryDirectory({"f": b"text"}), HostDirectory.at(tmp_path)):
        state = WasiState.new("p").preopen("/d", directory, read_only=True).stdin(None).build()
        for each in (state, state.copy()):
            guest = DirectGuest(Path(), 1, each)
            assert guest.call("path_create_directory", 3, *guest.path("new")) == "PERM"
            assert guest.open("new", oflags=1) == "PERM"
        state.close()
        directory.create_directory(b"its owner can")
        assert len(directory.entries()) > 2  # and it is still open


def test_sockets_stay_their_owners() -> None:
    ours, guests = socket.socketpair()
    guests.settimeout(5)
    state = WasiState.new("p").socket(guests).stdin(None).build()
    state.close()
    ours.sendall(b"still here")
    assert guests.recv(20) == b"still here" and guests.gettimeout() == 5
    ours.close()
    guests.close()
