"""From a module to a program: which can be run, what it is given, how it ends."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import guests
import pytest
from guests import FRAME, NAMES, Guest

from wasmer_go import CAPTURE, GoError, GoState, Program, ProgramExited, UnknownGoVersion, is_go_module, load
from wasmer_go.program import put_arguments
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.errors import LinkError
from wasmer_runtime_core.running.module import Module
from wasmer_vfs import MemoryDirectory


def compiled(text: str) -> Module:
    return compile_with(text, find_compiler("singlepass"))


def test_which_are_programs_of_go() -> None:
    assert is_go_module(guests.module("go")) and is_go_module(guests.module("gojs"))
    assert is_go_module(guests.module().info)
    for text in (
        "(module)",
        '(module (import "env" "syscall/js.valueGet" (func)))',
        '(module (import "go" "global" (global i32)))',
        '(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32))))',
    ):
        assert not is_go_module(compiled(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(module)", "imports nothing from the namespaces go and gojs"),
        (guests.text(names=[*NAMES, "runtime.ofTomorrow"]), "runtime.ofTomorrow, which no known version"),
        (guests.text(names=[each for each in NAMES if "finalizeRef" not in each]), "1.12 or 1.13"),
        (guests.text().replace('"resume"', '"other"').replace('"mem"', '"memory"'), "does not export resume, mem"),
    ],
)
def test_modules_of_no_known_version(text: str, said: str) -> None:
    with pytest.raises(UnknownGoVersion, match=said) as caught:
        load(text)
    if "ofTomorrow" in text:
        assert caught.value.names == ("runtime.ofTomorrow",) and "Go 1.14 to 1.27" in str(caught.value)


def test_other_imports_are_said() -> None:
    text = guests.text().replace("(module", '(module (import "env" "other" (global i32))')
    with pytest.raises(LinkError, match="other"):
        load(text)


def test_arguments_and_environment() -> None:
    guest = Guest(GoState.new("name").args(["-v", "gr\u00fc\u00df"]).env("B", "2").env("A", "1").current_dir("/tmp"))
    count, address = put_arguments(guest.process)
    assert count == 3
    pointers = struct.unpack_from("<8Q", guest.memory, address)
    texts = [bytes(guest.memory.read(at, 40)).partition(b"\0")[0] if at else None for at in pointers]
    assert texts == [b"name", b"-v", "gr\u00fc\u00df".encode(), None, b"A=1", b"B=2", b"PWD=/tmp", None]
    assert all(at % 8 == 0 for at in pointers)


@pytest.mark.parametrize("count", [1, 1000])
def test_more_arguments_than_there_is_room_for(count: int) -> None:
    program = load(guests.module(), args=["x" * (8192 // count)] * count)
    with pytest.raises(GoError, match="room for 8192"):
        program.run()


def test_exit_codes() -> None:
    for code, seen in ((0, 0), (7, 7), (256, 0), (-1, 255)):
        guest = Guest()
        guest._pack("<i", FRAME + 8, code)
        guest.on_run(("runtime.wasmExit", FRAME))
        assert guest.program.run() == seen
        with pytest.raises(ProgramExited):
            guest.program.start()


def test_start_and_wait() -> None:
    guest = Guest()
    guest.number(8, 1)
    guest.on_run(("runtime.scheduleTimeoutEvent", FRAME))
    guest.number(0x208, 1)
    guest.on_resume(("runtime.clearTimeoutEvent", FRAME + 0x200))
    guest.program.start()
    assert not guest.program.wait(timeout=0)
    assert guest.program.wait() and guest.program.exit_code is None


def test_a_start_that_ends_it() -> None:
    guest = Guest()
    guest._pack("<i", FRAME + 8, 4)
    guest.on_run(("runtime.wasmExit", FRAME))
    with pytest.raises(ProgramExited, match="code 4"):
        guest.program.start()


def test_each_program_has_its_own() -> None:
    shared = MemoryDirectory({"f": b""})
    state = GoState.new("guest").map_dir("/m", shared).global_("name", [1]).capture_stdout().build()
    one, two = Program(guests.module(), state), Program(guests.module(), state)
    one.process.world.set("mine", 1.0)
    assert "mine" in one.globals and "mine" not in two.globals
    assert one.globals["name"] is two.globals["name"]
    one.fs.write_bytes("/tmp/a", b"1")
    one.fs.write_bytes("/m/a", b"2")
    assert not two.fs.exists("/tmp/a") and two.fs.read_bytes("/m/a") == b"2"
    one.close()
    two.close()


def test_the_end_of_a_block() -> None:
    with load(guests.module(), stdout=CAPTURE) as program:
        assert program.exit_code is None
    with pytest.raises(ProgramExited):
        program.run()
    assert program.stdout_bytes() == b""


@pytest.mark.parametrize(
    ("option", "value", "kind"),
    [
        ("args", "text", TypeError),
        ("args", ["a\0b"], ValueError),
        ("env", {"A=B": "c"}, ValueError),
        ("env", {"": "c"}, ValueError),
        ("stdin", "text", TypeError),
        ("stdout", "path", TypeError),
        ("mounts", {"relative": "."}, ValueError),
        ("mounts", {"/m": 5}, TypeError),
        ("mounts", {"/m": "/does/not/exist"}, OSError),
        ("current", "/nothing", OSError),
        ("globals", {"n": 2**53 + 1}, ValueError),
    ],
)
def test_options_of_the_wrong_form(option: str, value: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        load(guests.module(), **{option: value})


def test_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "guest.wat").write_text(guests.text())
    load(tmp_path / "guest.wat").close()
