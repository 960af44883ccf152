"""Programs from their start to their end, over a module that acts the runtime: what is passed, what comes back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import acting
import made
import pytest
from acting import ANSWERED, OF_8, OF_10, done, settled

from wasmer_blazor import (
    CAPTURE,
    DotnetException,
    DotnetState,
    NeverEnds,
    Program,
    ProgramEnded,
    RuntimeAborted,
    UnknownFramework,
    WrongAssembly,
    WrongNumber,
    load,
    open_framework,
    run_dotnet,
)
from wasmer_emscripten import NotSupported, OutOfMemory
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.errors import Timeout, Trap
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_runtime_core.running.objects.limits import Limits
from wasmer_vfs.clock import VirtualClock

MARSHALLED = """
  (i32.store offset=36 (i32.const 65536) (i32.const {handle})) {value}
  (call $marshal (i32.const 65536))"""


def program(folder: Path, options: dict[str, Any] | None = None, *, version: int = 9, **acted: Any) -> Program:
    """A program over a framework whose runtime acts so."""
    native = acting.runtime(**acted)
    framework = made.framework(folder / "_framework", native, version=version)
    return load(made.program("hello"), framework, **(options or {}))


@pytest.mark.parametrize("code", [0, 7, 255])
def test_main_that_is_done_at_once(tmp_path: Path, code: int) -> None:
    with program(tmp_path, main=done(code)) as running:
        assert running.run() == code
        assert running.exit_code == code


def test_main_that_returns_nothing(tmp_path: Path) -> None:
    nothing = "(i32.store8 offset=44 (local.get $row) (i32.const 0))"
    for main in (nothing, ANSWERED.format(kind=1)):
        assert program(tmp_path, main=main).run() == 0


def test_exit_ends_it(tmp_path: Path) -> None:
    assert program(tmp_path, main="(call $exit (i32.const 3))").run() == 3


@pytest.mark.parametrize("turn", ["timer", "background"])
def test_main_whose_task_is_done_later(tmp_path: Path, turn: str) -> None:
    main = {"timer": "(call $schedule (i32.const 40))", "background": "(call $soon)"}[turn]
    clock = VirtualClock()
    running = program(tmp_path, {"clock": clock}, main=main, **{turn: settled(9)})
    assert running.run() == 9
    assert clock.elapsed == (40_000_000 if turn == "timer" else 0)


def test_real_time_passes_for_a_timer(tmp_path: Path) -> None:
    running = program(tmp_path, main="(call $schedule (i32.const 30))", timer=settled(1))
    start = time.monotonic()
    assert running.run() == 1
    assert time.monotonic() - start >= 0.03


@pytest.mark.parametrize(("handle", "value"), [(1, "(i32.store8 offset=60 (i32.const 65536) (i32.const 7))")])
def test_a_task_of_net_8_that_is_done_later(tmp_path: Path, handle: int, value: str) -> None:
    code = " (i32.store offset=48 (i32.const 65536) (i32.const 5))"
    running = program(
        tmp_path,
        main=MARSHALLED.format(handle=0, value="")
        + "(i32.store8 offset=28 (local.get $row) (i32.const 20)) (call $soon)",
        background=MARSHALLED.format(handle=handle, value=value + code),
        imports=acting.MARSHAL,
        era=OF_8,
        version=8,
    )
    assert running.run() == 5


def test_arguments_are_managed_strings_in_an_array(tmp_path: Path) -> None:
    # the array's place is at 96, its length at 104, the kind of its elements at 109: the second's text is written
    main = """
      (call $write (i32.add (i32.load (i32.add (i32.load offset=96 (local.get $row)) (i32.const 32))) (i32.const 4))
        (i32.load (i32.load (i32.add (i32.load offset=96 (local.get $row)) (i32.const 32)))))
    """ + done(0).replace("(i32.const 0)", "(i32.load offset=104 (local.get $row))")
    running = program(tmp_path, {"args": ["first", "zweiüß💡"], "stdout": CAPTURE}, main=main)
    assert running.run() == 2
    assert running.stdout_bytes().decode("utf-16-le") == "zweiüß💡"


@pytest.mark.parametrize("era", [acting.TODAY, OF_10], ids=["9", "10"])
def test_assemblies_are_handed_over_by_name(tmp_path: Path, era: str) -> None:
    adding = """
      (call $write (local.get $name) (call $length (local.get $name)))
      (call $write (local.get $data) (i32.const 4))"""
    (tmp_path / "Other.dll").write_bytes(made.library("Other"))
    source = tmp_path / "called-otherwise.exe"
    source.write_bytes(
        made.program("hello", [("Other", (1, 0, 0, 0)), ("Absent", (1, 0, 0, 0)), ("../x", (1, 0, 0, 0))])
    )
    native = acting.runtime(main=done(0), adding=adding, era=era)
    framework = made.framework(tmp_path / "f", native, version=9)
    running = load(source, framework, stdout=CAPTURE)
    written = running.stdout_bytes()
    expected = [b"System.Private.CoreLib.wasm\0asm", b"System.Runtime.InteropServices.JavaScript.wasm\0asm"]
    for each in (*expected, b"Other.dllMZ", b"hello.dllMZ"):
        assert each in written, each
    assert written.count(b"MZ") == 2


# --- exceptions

THROWN = {
    "trace": "(i32.store offset=32 (local.get $row) (i32.const 3072))",
    "throw": """
      (drop (call $bind)) (call $invoke (i32.const 1) (local.get $row))
      (call $log (i32.const 48) (i32.const 32) (i32.const 4096) (i32.const 1) (i32.const 0))
      (call $write (i32.const 16) (i32.const 7))
      (if (i32.ne (i32.load offset=4 (local.get $row)) (i32.const 9)) (then (unreachable)))
      (call $abort)""",
    "imports": acting.SETTLE
    + """
      (import "env" "mono_wasm_bind_js_import_ST" (func $bind_import (param i32) (result i32)))
      (import "env" "mono_wasm_invoke_jsimport_ST" (func $invoke (param i32 i32)))
      (func $bind (result i32) (call $bind_import (i32.const 0)))""",
    "data": acting.utf16(2048, "deep")
    + acting.utf16(3072, "   at Ex.Main(String[] args)")
    + acting.text(
        4096,
        "Ex+Mine: deep\n ---> System.Exception: inner\n   --- End ---\n"
        "   at System.Runtime.InteropServices.JavaScript.JavaScriptImports.GetGlobalThis()",
    ),
}
REJECTED = """
  (i32.store offset=32 (local.get $row) (i32.const 2048)) (i32.store offset=36 (local.get $row) (i32.const 9))
  (i32.store8 offset=44 (local.get $row) (i32.const 29))"""
FAILED_LATER = """
  (i32.store offset=68 (i32.const 65536) (i32.const 1)) (i32.store8 offset=76 (i32.const 65536) (i32.const 29))
  (i32.store offset=96 (i32.const 65536) (i32.const 2048)) (i32.store offset=100 (i32.const 65536) (i32.const 9))
  (i32.store8 offset=108 (i32.const 65536) (i32.const 16))
  (call $settle (i32.const 65536))"""


@pytest.mark.parametrize("later", [False, True])
def test_an_exception_that_nobody_handles(tmp_path: Path, later: bool) -> None:
    how = {"main": "(call $soon)", "background": FAILED_LATER} if later else {"main": REJECTED}
    running = program(tmp_path, {"stdout": CAPTURE}, **THROWN, **how)
    with pytest.raises(DotnetException) as raised:
        running.run()
    failure = raised.value
    assert (failure.type, failure.message) == ("Ex+Mine", "deep")
    assert failure.stack_trace == "   at Ex.Main(String[] args)"
    expected = "Ex+Mine: deep\n ---> System.Exception: inner\n   --- End ---\n   at Ex.Main(String[] args)"
    assert str(failure) == expected
    assert running.exit_code == 1
    assert running.stdout_bytes() == b"", "what the runtime writes when it is asked is not the program's"


def test_an_exception_of_a_framework_that_was_trimmed(tmp_path: Path) -> None:
    running = program(tmp_path, **THROWN, main=REJECTED, thrown_from="(i32.const 0)")
    with pytest.raises(DotnetException) as raised:
        running.run()
    assert (raised.value.type, str(raised.value)) == ("", "deep\n   at Ex.Main(String[] args)")


def test_what_the_runtime_gives_up_with(tmp_path: Path) -> None:
    main = "(call $log (i32.const 0) (i32.const 32) (i32.const 16) (i32.const 0) (i32.const 0)) (call $abort)"
    running = program(tmp_path, {"stderr": CAPTURE}, main=main)
    with pytest.raises(RuntimeAborted, match="gave up: a thing"):
        running.run()
    assert running.stderr_bytes() == b"a thing\n"


DIED = (
    "Process terminated.\n\nUnhandled Exception:\nA.B+C`1: it is gone\n ---> D: inside\n   --- End ---\n"
    "   at X.Y()\n   at Z()\n"
)


def test_an_exception_of_a_task_that_nobody_waits_for(tmp_path: Path) -> None:
    length = len(DIED)
    main = f"(call $complain (i32.const 2048) (i32.const 5)) (call $complain (i32.const 2053) (i32.const {length - 5}))"
    running = program(tmp_path, {"stderr": CAPTURE}, main=main + "(call $abort)", data=acting.text(2048, DIED))
    with pytest.raises(DotnetException) as raised:
        running.run()
    failure = raised.value
    assert (failure.type, failure.message) == ("A.B+C`1", "it is gone")
    assert failure.stack_trace.endswith("   at X.Y()\n   at Z()")
    assert str(failure).startswith("A.B+C`1: it is gone\n ---> D: inside\n")
    assert running.stderr_bytes().decode() == DIED


def test_what_is_heard_of_standard_error_has_a_limit(tmp_path: Path) -> None:
    main = """(local $left i32) (local.set $left (i32.const 40))
      (loop $next (call $complain (i32.const 0) (i32.const 262144))
        (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))"""
    running = program(tmp_path, {"stderr": None}, main=main + done(0))
    assert running.run() == 0
    assert len(running._runtime.host.heard) == 1 << 16


def test_a_task_that_nothing_can_complete(tmp_path: Path) -> None:
    pending = "(i32.store8 offset=44 (local.get $row) (i32.const 30))"
    with pytest.raises(NeverEnds):
        program(tmp_path, main=pending).run()


def test_a_program_runs_once(tmp_path: Path) -> None:
    running = program(tmp_path, main=done(0))
    running.run()
    with pytest.raises(ProgramEnded):
        running.run()
    running.close()
    running.close()
    with pytest.raises(ProgramEnded):
        running.run()


def test_a_state_is_a_pattern_of_several_programs(tmp_path: Path) -> None:
    native = acting.runtime(main="(call $write (i32.const 16) (i32.const 7))" + done(4))
    framework = open_framework(made.framework(tmp_path, native))
    module = compile_with(framework.native, find_compiler("singlepass"))
    builder = DotnetState.new().args(["a", "b"]).env("NAME", "value").property("P", "1").properties({"Q": "2"})
    state = builder.map_dir("/here", tmp_path).current_dir("/here").random(1).capture_stdout().stderr(None).build()
    assert (state.args, state.environ, state.properties) == (("a", "b"), {"NAME": "value"}, {"P": "1", "Q": "2"})
    for _ in range(2):
        with Program(made.program("hello"), framework, module, state) as running:
            assert running.fs.exists("/here/dotnet.native.wasm")
            assert running.run() == 4
    assert state.stdout_bytes() == b"a thing" * 2
    with pytest.raises(TypeError, match="not captured"):
        state.stderr_bytes()


def test_a_start_that_fails_closes_what_it_opened(tmp_path: Path) -> None:
    closed = []

    class Stream:
        def write(self, data: bytes) -> int:
            return len(data)

        def flush(self) -> None:
            closed.append(True)

    for acted in ({"interop": "(unreachable)"}, {"interop": "(i32.const 0)"}, {"adding": "(call $abort)"}):
        closed.clear()
        with pytest.raises(Exception, match=r"unreachable|trimmed away|gave up"):
            program(tmp_path, {"stdout": Stream()}, **acted)
        assert closed


def test_run_dotnet_closes_what_it_loads(tmp_path: Path) -> None:
    native = acting.runtime(main="(call $write (i32.const 16) (i32.const 7))" + done(4))
    framework = made.framework(tmp_path, native)
    written: list[bytes] = []
    assert run_dotnet(made.program("hello"), framework, stdout=lambda data: written.append(bytes(data))) == 4
    assert b"".join(written) == b"a thing"


# --- what is wrong


def test_programs_that_are_none(tmp_path: Path) -> None:
    framework = made.framework(tmp_path, acting.runtime())
    with pytest.raises(WrongAssembly, match="hello is a library, it has no Main"):
        load(made.library("hello"), framework)
    with pytest.raises(WrongAssembly, match="cannot be run: it is no assembly"):
        load(b"nothing of the kind", framework)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "absent.dll", framework)
    with pytest.raises(WrongAssembly, match=r"is for \.NET 11\.0, and .* has \.NET 9\.0"):
        load(made.program("hello", [("System.Runtime", (11, 0, 0, 0))]), framework)
    with pytest.raises(TypeError, match="several"):
        load(made.program("hello"), framework, args="text")


def test_modules_that_are_no_runtime(tmp_path: Path) -> None:
    for native in (b"\0asm\1\0\0\0", acting.runtime(era="")):
        with pytest.raises(UnknownFramework, match=r"is no \.NET runtime that is known|of a version that is not known"):
            load(made.program("hello"), made.framework(tmp_path, native))


WRONG_TYPES = (
    ('(func (export "free") (param i32))', '(func (export "free") (param i64))'),
    ('(func (export "mono_background_exec") )', '(func (export "mono_background_exec") (param f64))'),
    ("mono_wasm_assembly_find_class", "mono_wasm_assembly_find"),
    ('(func (export "mono_wasm_setenv") (param i32 i32))', '(global (export "mono_wasm_setenv") i32 (i32.const 0))'),
    ("(param i32 i32 i32) (result i32) (i32.const 1))", "(param i32 i32 i32) (result f64) (f64.const nan))"),
)


@pytest.mark.parametrize("pair", WRONG_TYPES, ids=lambda pair: pair[1][:40])
def test_exports_of_other_types(tmp_path: Path, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert pair[0] in acting.COMMON or pair[0].replace(" )", " {background})") in acting.COMMON
    changed = acting.COMMON.replace(pair[0].replace(" )", " {background})"), pair[1]).replace(*pair)
    monkeypatch.setattr(acting, "COMMON", changed)
    with pytest.raises(UnknownFramework, match="as those do"):
        program(tmp_path, main=done(0))


def test_a_framework_without_the_interface(tmp_path: Path) -> None:
    with pytest.raises(UnknownFramework, match="trimmed away"):
        program(tmp_path, interop="(i32.const 0)")


def test_a_deadline_ends_each_wait_and_each_loop(tmp_path: Path) -> None:
    for main in ("(call $schedule (i32.const 100000000))", "(loop $for_ever (br $for_ever))"):
        running = program(tmp_path, main=main)
        with pytest.raises(Timeout), timeout(0.2):
            running.run()
        running.close()


def test_background_work_for_ever_ends_with_a_deadline(tmp_path: Path) -> None:
    running = program(tmp_path, main="(call $soon)", background="(call $soon)")
    with pytest.raises(Timeout), timeout(0.2):
        running.run()


def test_limits_of_memory(tmp_path: Path) -> None:
    (tmp_path / "large.dll").write_bytes(made.library("large") + bytes(1 << 20))
    options = {"limits": Limits(memory_pages=8), "assemblies": [tmp_path / "large.dll"]}
    with pytest.raises(OutOfMemory, match="an assembly"):
        program(tmp_path, options, main=done(0))


HOSTILE = {
    "the task of Main is done with a text": (ANSWERED.format(kind=15), "kind 15"),
    "another task": (settled(0).replace("(i32.const 1)", "(i32.const 2)", 1), "task 2"),
    "slots behind the memory": ("(call $settle (i32.const -16))", "does not lie in its memory"),
    "random bytes behind the memory": ("(drop (call $entropy (i32.const -8) (i32.const 64)))", "does not lie"),
    "random bytes of 4 GiB": ("(drop (call $entropy (i32.const 0) (i32.const -1)))", "does not lie"),
}


@pytest.mark.parametrize("which", HOSTILE)
def test_numbers_that_make_no_sense(tmp_path: Path, which: str) -> None:
    main, says = HOSTILE[which]
    with pytest.raises(WrongNumber, match=says):
        program(tmp_path, main=main).run()


def test_messages_that_are_none_are_passed_over(tmp_path: Path) -> None:
    log = "(call $log (i32.const -1) (i32.const -9) (i32.const {}) (i32.const 1) (i32.const 3))"
    running = program(tmp_path, {"stderr": CAPTURE}, main="".join(map(log.format, (-1, -4, 0, 262_143))) + done(0))
    assert running.run() == 0
    assert running.stderr_bytes().count(b"unreadable") <= 2


def test_many_messages_are_not_kept(tmp_path: Path) -> None:
    main = """(local $left i32) (local.set $left (i32.const 10000))
      (loop $next (call $log (i32.const 0) (i32.const 32) (i32.const 16) (i32.const 0) (i32.const 0))
        (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))"""
    running = program(tmp_path, {"stderr": None}, main=main + done(0))
    assert running.run() == 0
    assert len(running._runtime.host.messages) <= 32


def test_what_belongs_to_javascript_is_refused_by_name(tmp_path: Path) -> None:
    main = f"(drop (call $locale {'(i32.const 0)' * 7}))"
    with pytest.raises(NotSupported, match=r"mono_wasm_get_locale_info.*globalisation is invariant"):
        program(tmp_path, main=main).run()
    assert program(tmp_path, main="(call $clear)" + done(0)).run() == 0


def test_an_import_of_javascript_is_told_to_managed_code(tmp_path: Path) -> None:
    # a signature: 16 and 20 say where the function's name is and how long, 24 and 28 the module's
    names = {
        "data": acting.text(2048, "").replace("\\00", "")
        + f'(data (i32.const 2100) "{utf16_bytes("fetch")}{utf16_bytes("web")}")',
        "imports": acting.SETTLE + '(import "env" "mono_wasm_bind_js_import_ST" (func $bind (param i32) (result i32)))',
    }
    main = """
      (i32.store offset=16 (i32.const 2048) (i32.const 52)) (i32.store offset=20 (i32.const 2048) (i32.const 10))
      (i32.store offset=24 (i32.const 2048) (i32.const 62)) (i32.store offset=28 (i32.const 2048) (i32.const 6))
      (call $write (call $bind (i32.const 2048)) (i32.const 84))"""
    running = program(tmp_path, {"stdout": CAPTURE}, main=main + done(0), **names)
    assert running.run() == 0
    assert running.stdout_bytes().decode("utf-16-le").startswith("JSImport of fetch of web: there is no Java")


def utf16_bytes(text: str) -> str:
    return "".join(f"\\{byte:02x}" for byte in text.encode("utf-16-le"))


def test_a_trap_is_a_trap(tmp_path: Path) -> None:
    with pytest.raises(Trap):
        program(tmp_path, main="(unreachable)").run()
