"""Programs with threads: they share memory and files, and whatever ends one ends all."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.errors import ExitCode, Timeout, Trap
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.objects.limits import Limits
from wasmer_wasi import ThreadedProgram, WasiState
from wasmer_wasi.threads import AGAIN

HEAD = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (import "env" "memory" (memory 1 4 shared))
  (export "memory" (memory 0))
  (data $texts "A line.\\n")
  (func $line  ;; buffers at 32, text at 48
    (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 60))))
  (func $prepare
    (memory.init $texts (i32.const 48) (i32.const 0) (i32.const 8))
    (i32.store (i32.const 32) (i32.const 48)) (i32.store (i32.const 36) (i32.const 8)))
  (func $forever (drop (memory.atomic.wait32 (i32.const 128) (i32.const 0) (i64.const -1))))
  (func $until (param $count i32) (local $now i32)
    (loop $again
      (local.set $now (i32.atomic.load (i32.const 0)))
      (if (i32.lt_u (local.get $now) (local.get $count))
        (then (drop (memory.atomic.wait32 (i32.const 0) (local.get $now) (i64.const -1))) (br $again)))))
  (func $done
    (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
    (drop (memory.atomic.notify (i32.const 0) (i32.const -1))))"""


def program(start: str, thread: str, **options: Any) -> ThreadedProgram:
    text = f"""{HEAD}
  (func (export "_start") (local $at i32) {start})
  (func (export "wasi_thread_start") (param $thread i32) (param $argument i32) {thread}))"""
    stdout = options.pop("stdout", None)
    state = WasiState.new("threads").stdout(stdout or io.BytesIO()).build()
    made = ThreadedProgram(compile_with(text, find_compiler("singlepass")), state, **options)
    return made


def spawn(count: int) -> str:
    """Threads with the arguments 1, 2 and so on."""
    return f"""(loop $more
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (if (i32.le_s (call $spawn (local.get $at)) (i32.const 0)) (then unreachable))
      (br_if $more (i32.lt_u (local.get $at) (i32.const {count}))))"""


SPIN = "(loop $spin (br $spin))"
FOREVER = "(call $forever)"
SLEEP = """(i64.store offset=24 (i32.const 256) (i64.const 0x7fffffffffffffff))
    (i32.store offset=16 (i32.const 256) (i32.const 1))
    (drop (call $poll (i32.const 256) (i32.const 512) (i32.const 1) (i32.const 600)))"""


def gone(made: ThreadedProgram) -> bool:
    return not [thread for thread in threading.enumerate() if thread.name.startswith("wasi-")] and not made._threads


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_threads_share_memory_and_files() -> None:
    stdout = io.BytesIO()
    made = program(
        f"(call $prepare) {spawn(8)} (call $until (i32.const 8)) (call $line)",
        "(drop (i32.atomic.rmw.add (i32.const 4) (local.get $argument))) (call $line) (call $done)",
        stdout=stdout,
    )
    assert made.run() is None
    assert made.memory.read_struct("II", 0) == (8, 36) and stdout.getvalue() == b"A line.\n" * 9
    assert gone(made)
    with pytest.raises(RuntimeError, match="runs once"):
        made.run()


EXIT = "(call $exit (i32.const 7))"


@pytest.mark.parametrize("others", [SPIN, FOREVER, SLEEP], ids=["spin", "wait", "sleep"])
@pytest.mark.parametrize(
    ("who", "end"),
    [("first", EXIT), ("first", "unreachable"), ("first", ""), ("thread", EXIT), ("thread", "unreachable")],
)
def test_what_ends_one_ends_all(who: str, end: str, others: str) -> None:
    ending = f"(call $until (i32.const 3)) {end}"
    rest = f"(call $done) {others}"
    if who == "first":
        made = program(f"{spawn(3)} {ending}", rest)
    else:
        made = program(
            f"{spawn(3)} {rest}",
            f"(if (i32.eq (local.get $argument) (i32.const 2)) (then {ending}) (else {rest}))",
        )
    if not end:
        made.run()
    else:
        with pytest.raises(ExitCode if "exit" in end else Trap) as caught:
            made.run()
        assert getattr(caught.value, "code", 7) == 7
    assert gone(made) and machine.statistics()["waiters"] == 0
    machine.check_interrupts()  # nothing is left of the cancellations


def test_a_deadline_and_a_signal_end_all() -> None:
    made = program(f"{spawn(3)} {FOREVER}", SPIN)
    with pytest.raises(Timeout):
        made.run(timeout=0.05)
    assert gone(made)
    made = program(f"{spawn(3)} {FOREVER}", FOREVER)

    def interrupt() -> None:
        until(lambda: machine.statistics()["waiters"] == 4)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        made.run()
    thread.join()
    assert gone(made)


def test_there_are_no_more_threads_than_may_be() -> None:
    """A program that asks for one more is told so, and goes on; one that has ended makes room."""
    made = program(
        f"""{spawn(2)} (i32.store (i32.const 8) (call $spawn (i32.const 3)))
        (call $done) (drop (memory.atomic.notify (i32.const 128) (i32.const -1)))""",
        FOREVER,
        most_threads=2,
    )
    made.run()
    assert made.memory.read_struct("i", 8) == (AGAIN,) and gone(made)


def test_endless_spawning_is_bounded() -> None:
    """Each thread starts others, for ever: there are never more than may be, and the deadline ends all."""
    made = program(
        "(drop (call $spawn (i32.const 0))) (call $forever)",
        "(loop $more (drop (call $spawn (i32.const 0))) (br $more))",
        most_threads=4,
    )
    with pytest.raises(Timeout):
        made.run(timeout=0.2)
    assert gone(made)


def test_limits_are_those_of_all_threads() -> None:
    """An instance that cannot be made is the failure of its thread, and of the program."""
    made = program(f"{spawn(3)} {FOREVER}", FOREVER, limits=Limits(instances=2))
    with pytest.raises(Exception, match="instances"):
        made.run(timeout=60)
    assert gone(made)


def test_an_exception_of_a_host_function_comes_out_of_run() -> None:
    text = f"""{HEAD.replace('(import "wasi" ', '(import "host" "f" (func $f)) (import "wasi" ')}
      (func (export "_start") (drop (call $spawn (i32.const 1))) (call $forever))
      (func (export "wasi_thread_start") (param i32 i32) (call $f)))"""

    def fail() -> None:
        raise LookupError("of a thread")

    module = compile_with(text, find_compiler("singlepass"))
    made = ThreadedProgram(module, WasiState.new("x").build(), imports={"host": {"f": fail}})
    with pytest.raises(LookupError, match="of a thread"):
        made.run()
    assert gone(made)


def test_what_is_no_program_with_threads() -> None:
    compiler = find_compiler("singlepass")
    state = WasiState.new("x").build()
    for text, words in (
        ('(module (memory 1 1 shared) (func (export "_start")))', "imports one shared memory"),
        ('(module (import "env" "memory" (memory 1 1)) (func (export "_start")))', "imports one shared memory"),
        ('(module (import "env" "memory" (memory 1 1 shared)) (func (export "_start")))', "exports wasi_thread_start"),
    ):
        with pytest.raises(TypeError, match=words):
            ThreadedProgram(compile_with(text, compiler), state)
