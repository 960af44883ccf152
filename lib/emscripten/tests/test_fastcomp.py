"""The ABI of emcc's first backend: places, numbered system calls, pointers to functions, names with one more ``_``."""

from __future__ import annotations

import errno
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from old_worlds import LAST, LAST_GLUE, OLD, OLD_GLUE, old_world, system_call
from worlds import compiled, imitation

from wasmer_emscripten import CAPTURE, Aborted, NotSupported, WrongArgument, load
from wasmer_emscripten.fastcomp.numbered import CALLS, by_pointer, number_of
from wasmer_emscripten.fastcomp.placing import constants
from wasmer_emscripten.functions import known
from wasmer_emscripten.numbers import SHORT, SHORT_TIMES
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.running.module import Module
from wasmer_vfs import MemoryDirectory, VirtualClock


@pytest.fixture
def glue(tmp_path: Path) -> Path:
    path = tmp_path / "old.js"
    path.write_text(OLD_GLUE)
    return path


def info_of(text: str) -> Any:
    module: Module = compiled(text)
    info = module.info
    return info() if callable(info) else info


# --- places and globals


def test_the_host_says_where_things_lie(glue: Path) -> None:
    program = old_world(glue=glue)
    stack, end, heap_end, double, data, nothing = (program.place(which) for which in range(6))
    assert (data, nothing) == (1024, 0)
    assert double >= 1024 + 8976 and heap_end >= double + 8 and stack >= heap_end + 4
    assert end == stack + 65536 and program.process.guest.u32(heap_end) >= end
    assert math.isnan(program.nan()) and program.infinity() == math.inf
    first = program.malloc(10)
    assert first >= end and program.malloc(10) > first


def test_without_glue_there_is_room_for_what_programs_had() -> None:
    with pytest.raises(CompileError, match="no room for its data and its stack"):
        old_world()  # 8 pages, and a stack has 80


def test_a_program_that_has_its_stack_keeps_it(tmp_path: Path) -> None:
    for text in (LAST_GLUE, ""):
        path = tmp_path / "last.js"
        path.write_text(text)
        program = old_world(LAST, glue=path, stdout=CAPTURE)
        assert program.process.guest.u32(20000) >= 85552
        assert program.malloc(8) >= 85552
        assert program.main() == 0 and program.stdout_bytes() == b"hello\n"


def test_constructors_run_in_the_order_of_the_glue(glue: Path) -> None:
    assert old_world(glue=glue).order() == 21


def test_what_a_glue_says_of_places() -> None:
    assert constants(OLD_GLUE) == {"STATIC_BASE": 8976, "TOTAL_STACK": 65536, "functionPointers": 2}
    assert constants("var STACK_BASE=1,DYNAMICTOP_PTR=60128;DYNAMICTOP_PTR = 5") == {"DYNAMICTOP_PTR": 60128}


@pytest.mark.parametrize(
    "text",
    [
        OLD_GLUE.replace("8976", "9999999999"),
        OLD_GLUE.replace("65536", "4294967295"),
        OLD_GLUE.replace("65536", "524288"),
        "DYNAMICTOP_PTR = 524286",
    ],
)
def test_places_outside_the_memory_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "old.js"
    path.write_text(text)
    with pytest.raises(CompileError, match="no room"):
        old_world(LAST if "DYNAMICTOP" in text else OLD, glue=path)


def test_a_module_whose_stack_is_nowhere_is_refused() -> None:
    text = LAST.replace("(i32.const 20016)", "(i32.const 0)").replace("(i32.const 85552)", "(i32.const 5)")
    with pytest.raises(CompileError, match="where its stack is"):
        old_world(text)


# --- pointers to functions


def test_pointers_are_called_by_their_type(glue: Path) -> None:
    program = old_world(glue=glue)
    assert program.apply(3, 21) == 42
    assert program.apply(4, 7) == 0 and program.threw() == 1  # a longjmp, which invoke_* catches
    with pytest.raises(Aborted, match="of type ii that leads nowhere"):
        program.apply(0, 1)


def test_python_functions_have_the_places_that_are_reserved(glue: Path) -> None:
    program = old_world(glue=glue)
    first = program.add_function(lambda value: value + 1, "ii")
    second = program.add_function(lambda value: value + 2, "ii")
    assert (first, second) == (1, 2)
    assert program.apply(first, 1) == 2 and program.apply(second, 1) == 3
    with pytest.raises(NotSupported, match="RESERVED_FUNCTION_POINTERS"):
        program.add_function(abs, "ii")
    program.remove_function(first)
    with pytest.raises(ValueError, match="is no pointer"):
        program.remove_function(first)
    with pytest.raises(WrongArgument, match="leads nowhere: 1"):
        program.apply(first, 1)
    assert program.add_function(abs, "ii") == first and program.apply(first, -5) == 5


# --- system calls


def test_files_by_numbers(glue: Path) -> None:
    calls = (3, 4, 5, 6, 10, 33, 39, 54, 140, 145, 146, 180, 181, 183, 194, 195, 197, 220, 221)
    memory = MemoryDirectory({"f": b"text of it"})
    program = old_world(calls=calls, glue=glue, mounts={"/m": memory}, current="/m")
    guest = program.process.guest
    assert program.process.layouts is SHORT
    place = program.malloc(2048)

    assert system_call(program, 5, "gone", 0, 0) == -errno.ENOENT  # numbered as Linux numbers them
    fd = system_call(program, 5, "f", 2, 0)
    assert system_call(program, 3, fd, place, 4) == 4 and guest.read(place, 4) == b"text"
    assert system_call(program, 140, fd, 0, 5, place, 0) == 0 and guest.u32(place) == 5
    assert system_call(program, 140, fd, -1, -2, place, 1) == 0 and guest.u32(place) == 3
    assert system_call(program, 4, fd, program.new_string("T"), 1) == 1
    assert system_call(program, 180, fd, place, 4, 0, 3, 0) == 4 and guest.read(place, 4) == b"T of"
    assert system_call(program, 181, fd, program.new_string("!"), 1, 0, 9, 0) == 1
    vectors = program.new_string(struct.pack("<IIII", place, 2, place + 2, 2))
    assert system_call(program, 146, fd, vectors, 2) == 4
    assert memory.read_bytes("f") == b"texTT ofi!"
    assert system_call(program, 194, fd, 0, 3, 0) == 0 and memory.read_bytes("f") == b"tex"
    assert system_call(program, 197, fd, place) == 0
    fields = struct.unpack_from("<i4xIIIIIi4xiiiiiiiiiI", guest.read(place, 76))
    assert fields[2] == 0o100666 and fields[7] == 3 and fields[8] == 4096 and fields[1] == fields[-1]
    assert system_call(program, 195, "f", place) == 0 and guest.u32(place + 36) == 3
    assert system_call(program, 54, fd, 0x541B, place) == 0 and guest.u32(place) == 0
    assert system_call(program, 221, fd, 3, 0) == 2
    assert system_call(program, 6, fd) == 0 and system_call(program, 6, fd) == -errno.EBADF
    assert system_call(program, 39, "d", 0o777) == 0 and system_call(program, 33, "d", 0) == 0
    assert system_call(program, 183, place, 64) == 3 and guest.read(place, 3) == b"/m\0"
    directory = system_call(program, 5, ".", 0o200000, 0)
    assert system_call(program, 220, directory, place, 2048) == 4 * 268
    names = [guest.string(place + 268 * at + 11, 64) for at in range(4)]
    assert names == [b".", b"..", b"f", b"d"] and guest.read(place + 268 * 3 + 10, 1) == b"\x04"
    assert system_call(program, 10, "f") == 0 and not program.fs.exists("/m/f")


def test_mappings_are_kept_and_written_back(glue: Path) -> None:
    memory = MemoryDirectory({"f": b"mapped"})
    program = old_world(calls=(5, 6, 91, 144, 192), glue=glue, mounts={"/m": memory})
    fd = system_call(program, 5, "/m/f", 2, 0)
    address = system_call(program, 192, 0, 6, 3, 1, fd, 0)
    assert program.process.guest.read(address, 6) == b"mapped"
    program.process.guest.write(address, b"M")
    assert system_call(program, 144, address, 6, 4) == 0 and memory.read_bytes("f") == b"Mapped"
    program.process.guest.write(address, b"W")
    assert system_call(program, 91, address, 5) == 0 and memory.read_bytes("f") == b"Mapped"
    assert system_call(program, 91, address, 6) == 0 and memory.read_bytes("f") == b"Wapped"
    assert not program.process.mappings
    alone = system_call(program, 192, 0, 100, 3, 0x22, -1, 0)
    assert program.process.guest.read(alone, 100) == bytes(100) and len(program.process.mappings) == 1
    kept = system_call(program, 192, 0, 6, 3, 1, fd, 0)
    program.process.guest.write(kept, b"N")
    assert system_call(program, 6, fd) == 0
    assert system_call(program, 91, kept, 6) == 0 and memory.read_bytes("f") == b"Wapped"  # its file is closed


def test_arguments_outside_the_memory_are_told(glue: Path) -> None:
    program = old_world(calls=tuple(CALLS), glue=glue)
    for number, call in CALLS.items():
        if "i" in call.arguments and known(f"__syscall_{call.name}"):
            answer = getattr(program, f"_do___syscall{number}")(number, -4)
            assert answer == -errno.EFAULT, (number, call)


def test_every_numbered_call_fits_a_row() -> None:
    missing = {"setpgid", "setsid", "getrusage", "wait4"}
    assert {call.name for call in CALLS.values() if not known(f"__syscall_{call.name}")} <= missing


def test_what_passes_its_own_arguments_is_told_from_what_passes_a_pointer() -> None:
    def imports(*rows: tuple[str, int]) -> str:
        return "\n".join(
            f'(import "env" "{name}" (func (param {"i32 " * count}) (result i32)))' for name, count in rows
        )

    assert by_pointer(info_of(imitation(imports(("__syscall5", 2), ("__syscall33", 2)))), {})
    assert not by_pointer(info_of(imitation(imports(("__syscall5", 3), ("__syscall33", 2)))), {})
    assert not by_pointer(info_of(imitation(imports(("__syscall33", 2)))), {})
    assert (
        number_of("___syscall12") == 12 and number_of("__syscall_open") is None and number_of("_syscall99999") is None
    )


def test_the_last_of_them_had_wasis_functions(tmp_path: Path) -> None:
    path = tmp_path / "last.js"
    path.write_text(LAST_GLUE)
    program = old_world(LAST, calls=(5,), glue=path, mounts={"/m": MemoryDirectory({"f": b"0123456789"})})
    assert program.process.layouts is SHORT_TIMES
    assert system_call(program, 5, "/gone", 0, 0) == -44
    fd = system_call(program, 5, "/m/f", 0, 0)
    assert program.seek(fd, 7, 0) == 0 and program.process.guest.u64(1104) == 7


# --- the C library


def test_environment_and_times(glue: Path) -> None:
    functions = [
        ("_getenv", "i", "i"), ("___buildEnvironment", "i", ""), ("_setenv", "iii", "i"), ("_unsetenv", "i", "i"),
        ("_putenv", "i", "i"), ("_time", "i", "i"), ("_gmtime", "i", "i"), ("_ctime", "i", "i"), ("_utimes", "ii", "i"),
        ("___setErrNo", "i", ""), ("_sbrk", "i", "i"), ("enlargeMemory", "", "i"), ("getTotalMemory", "", "i"),
        ("abortOnCannotGrowMemory", "i", "i"), ("_pthread_mutex_lock", "i", "i"), ("_llvm_stacksave", "", "i"),
    ]  # fmt: skip
    program = old_world(
        functions=functions, glue=glue, env={"A": "b", "TZ": "UTC"}, clock=VirtualClock(1_600_000_000 * 10**9)
    )
    guest = program.process.guest
    do = program.__getattr__

    def variables() -> list[bytes]:
        do("_do___buildEnvironment")(1032)
        at, found = guest.u32(1032), []
        while guest.u32(at):
            found.append(guest.string(guest.u32(at), 64))
            at += 4
        return found

    assert b"A=b" in variables() and b"HOME=/home/web_user" in variables()
    value = do("_do_getenv")(program.new_string("A"))
    assert program.string(value) == "b" and do("_do_getenv")(program.new_string("gone")) == 0
    assert do("_do_getenv")(program.new_string("A")) == value  # the same memory
    assert do("_do_setenv")(program.new_string("A"), program.new_string("c"), 0) == 0 and b"A=b" in variables()
    assert do("_do_setenv")(program.new_string("A"), program.new_string("c"), 1) == 0 and b"A=c" in variables()
    assert do("_do_setenv")(program.new_string("A=x"), program.new_string("c"), 1) == -errno.EINVAL
    assert do("_do_putenv")(program.new_string("N=1=2")) == 0 and b"N=1=2" in variables()
    assert program.string(do("_do_getenv")(program.new_string("A"))) == "c"
    assert do("_do_unsetenv")(program.new_string("A")) == 0 and do("_do_getenv")(program.new_string("A")) == 0
    assert not program.process.fastcomp.variables  # type: ignore[union-attr]
    assert not any(each.startswith(b"A=") for each in variables())

    place = program.malloc(64)
    assert do("_do_time")(place) == 1_600_000_000 == guest.u32(place)
    tm = do("_do_gmtime")(place)
    assert guest.unpack(struct.Struct("<6i"), tm) == (40, 26, 12, 13, 8, 120)
    assert program.string(do("_do_ctime")(place)) == "Sun Sep 13 12:26:40 2020\n"
    do("_do___setErrNo")(7)
    assert guest.u32(8) == 7
    program.fs.write_bytes("/tmp/f", b"")
    assert do("_do_utimes")(program.new_string("/tmp/f"), program.new_string(struct.pack("<4I", 1, 2, 3, 4))) == 0
    assert program.fs.stat("/tmp/f")[-2] == 3 * 10**9 + 4000
    assert do("_do_utimes")(program.new_string("/gone"), 0) == -errno.ENOENT

    before = do("_do_sbrk")(0)
    assert do("_do_sbrk")(32) == before and do("_do_sbrk")(0) == before + 32
    assert do("_do_sbrk")(-(1 << 30)) == -1
    assert do("_dogetTotalMemory")() == 8 * 65536
    guest.put_u32(program.process.fastcomp.places.heap_end, 9 * 65536)  # type: ignore[union-attr]
    assert do("_doenlargeMemory")() == 1 and do("_dogetTotalMemory")() >= 9 * 65536
    with pytest.raises(Aborted, match="ALLOW_MEMORY_GROWTH"):
        do("_doabortOnCannotGrowMemory")(1 << 30)
    assert do("_do_pthread_mutex_lock")(place) == 0
    assert do("_do_llvm_stacksave")() == program.stackSave()


def test_an_environment_has_a_limit(glue: Path) -> None:
    program = old_world(functions=[("_setenv", "iii", "i")], glue=glue)
    long = program.new_string(b"x" * 100_000)
    answers = [program.__getattr__("_do_setenv")(program.new_string(f"V{at}"), long, 1) for at in range(12)]
    assert answers[0] == 0 and answers[-1] == -errno.ENOMEM
    assert sum(map(len, program.process.environ)) <= 1 << 20


def test_numbers_are_javascripts(glue: Path) -> None:
    program = old_world(
        glue=glue, functions=[("_llvm_log10_f64", "d", "d"), ("_llvm_exp2_f64", "d", "d"), ("_round", "d", "d")]
    )
    nan = math.nan
    for base, exponent, expected in (
        (2, 10, 1024), (-8, 1 / 3, nan), (0, -1, math.inf), (-0.0, -1, -math.inf), (-0.0, -2, math.inf),
        (1, math.inf, nan), (nan, 0, 1), (1e300, 2, math.inf), (-1e300, 3, -math.inf), (2, -2000, 0),
    ):  # fmt: skip
        answer = program.pow(base, exponent)
        assert answer == expected or (math.isnan(answer) and math.isnan(expected)), (base, exponent, answer)
    assert program.rem(7.5, -2) == 1.5 and math.isnan(program.rem(1, 0)) and math.isnan(program.rem(math.inf, 1))
    assert [program.int(each) for each in (1.9, -1.9, 4294967298.5, nan, math.inf)] == [1, -1, 2, 0, 0]
    log10, exp2, rounded = (getattr(program, f"_do_{name}") for name in ("llvm_log10_f64", "llvm_exp2_f64", "round"))
    assert log10(1000) == 3 and log10(0) == -math.inf and math.isnan(log10(-1))
    assert exp2(0.5) == 2**0.5 and exp2(5000) == math.inf
    assert [rounded(each) for each in (0.5, -0.5, 2.5, -2.4, 1e300)] == [1, -1, 3, -2, 1e300]


def test_imported_globals_that_nobody_knows_are_listed(glue: Path) -> None:
    text = OLD.replace('"ABORT"', '"SOMETHING"').replace("{imports}", "").replace("{more}", "")
    with pytest.raises(Exception, match="SOMETHING"):
        load(compiled(text), glue=glue)
