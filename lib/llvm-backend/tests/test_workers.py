"""Worker processes: which modules they compile, and how they end."""

from __future__ import annotations

import ast
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import wasmer_llvm_backend
from wasmer_llvm_backend import LLVMCallbacks, LLVMCompiler, LLVMWarning, partition, unit, workers
from wasmer_llvm_backend.machine import target
from wasmer_llvm_backend.machine.target import llvm
from wasmer_llvm_backend.unit import Job, Product
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.contract.backend import CompiledModule, CompilerConfig
from wasmer_runtime_core.errors import CompileError

STEP = "(local.set 1 (i32.add (i32.mul (local.get 1) (local.get 0)) (i32.load (local.get 1))))"
FUNCTION = "(func $step (param i32) (result i32) (local i32)" + STEP * 20 + "(local.get 1))"
SMALL = f"(module (memory 1) {FUNCTION})"
LARGE = "(module (memory 1)" + FUNCTION.replace("$step", "") * 40 + ")"
EMPTY = Job("define void @f0() nounwind {\n  ret void\n}\n", "native", 1)


def compiled(text: str, used: LLVMCompiler) -> CompiledModule:
    compilation = run(Compilation(text), until="validate")
    return used.compile(compilation.info, compilation.bodies, CompilerConfig())


strangers: set[str] = set()
"""Processes that other tests have started."""


def children() -> set[str]:
    """Processes that this one has started since its test began, zombies among them."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()) - strangers


def descriptors() -> list[str]:
    return os.listdir("/proc/self/fd")


def refuse(reason: str) -> None:
    raise AssertionError(f"no worker: {reason}")


@pytest.fixture(autouse=True)
def nothing_remains(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    compiled(SMALL, LLVMCompiler(processes=0))  # LLVM opens files of its own when it is loaded
    monkeypatch.chdir(tmp_path)
    strangers.update(children())
    files = descriptors()
    yield
    assert not children()
    assert len(descriptors()) == len(files)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[workers.Worker]:
    """The workers that were started."""
    seen: list[workers.Worker] = []
    original = workers.Worker.__init__

    def watched(self: workers.Worker) -> None:
        original(self)
        seen.append(self)

    monkeypatch.setattr(workers.Worker, "__init__", watched)
    return seen


def kill_when_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    original = workers.Worker.answer

    def killing(self: workers.Worker) -> Any:
        answer = original(self)
        if answer is None:
            self.process.kill()
        return answer

    monkeypatch.setattr(workers.Worker, "answer", killing)


# --- who compiles ---------------------------------------------------------------------------


def test_small_modules_need_none(started: list[workers.Worker]) -> None:
    compiled(SMALL, LLVMCompiler())
    assert not started


def test_a_single_unit_is_compiled_in_a_worker(started: list[workers.Worker]) -> None:
    there = compiled(LARGE, LLVMCompiler())
    assert len(started) == 1
    here = compiled(LARGE, LLVMCompiler(processes=0))
    assert len(started) == 1
    assert there == here


@pytest.mark.parametrize(
    "body",
    [
        "(br_table" + " 0" * 5000 + " (local.get 0))",
        "(local" + " i64" * 5000 + ")",
    ],
)
def test_targets_and_locals_count_as_operators_do(body: str, started: list[workers.Worker]) -> None:
    compiled(f"(module (func (param i32) {body}))", LLVMCompiler())
    assert len(started) == 1


def test_workers_are_used_again_and_as_many_as_asked_for(started: list[workers.Worker]) -> None:
    answers = list(workers.compile_units([lambda: EMPTY] * 7, 3, refuse))
    assert sorted(at for at, _ in answers) == list(range(7))
    assert len(started) == 3


# --- how it ends ----------------------------------------------------------------------------


def test_what_llvm_says_and_what_is_raised_comes_across() -> None:
    jobs = [EMPTY._replace(text="this is not LLVM's language"), EMPTY._replace(cpu="z80")]
    with closing(workers.compile_units([lambda: jobs[0]], 1, refuse)) as answers:
        ((_, answer),) = answers
    assert isinstance(answer, Product) and "expected top-level entity" in answer.rejected
    with pytest.raises(KeyError, match="z80") as caught:
        list(workers.compile_units([lambda: jobs[1]], 1, refuse))
    assert "In a worker process" in caught.value.__notes__[0]


def test_a_worker_that_dies_is_an_answer_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, closing(workers.compile_units([lambda: EMPTY] * 2, 1, refuse)) as answers:
        kill_when_ready(patch)
        assert next(answers) == (0, workers.Died(-signal.SIGKILL, ""))
        patch.undo()
        at, answer = next(answers)
        assert at == 1 and isinstance(answer, Product)


def test_a_process_that_the_kernel_kills_is_told_with_its_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    kill_when_ready(monkeypatch)
    wanted = r"killed while it compiled function 0 at byte 0x\w+ to function 39 at byte 0x\w+ \(signal 9: out of memory"
    with pytest.raises(CompileError, match=wanted):
        compiled(LARGE, LLVMCompiler())
    monkeypatch.undo()
    compiled(LARGE, LLVMCompiler())


def test_an_abort_leaves_no_core_file(tmp_path: Path) -> None:
    program = 'call void asm sideeffect "no such instruction", ""()'
    job = EMPTY._replace(text=EMPTY.text.replace("ret void", f"{program}\n  ret void"))
    ((_, answer),) = workers.compile_units([lambda: job], 1, refuse)
    assert isinstance(answer, workers.Died) and "LLVM ERROR" in answer.message
    assert not list(tmp_path.iterdir())


class Ended(Exception):
    pass


def end(*_: object) -> None:
    raise Ended


CALLBACKS: dict[str, Callable[[], LLVMCompiler]] = {
    "progress": lambda: LLVMCompiler(progress=end),
    "progress, later": lambda: LLVMCompiler(progress=lambda done, total: done and end()),
    "pre_opt_ir": lambda: LLVMCompiler(callbacks=LLVMCallbacks(pre_opt_ir=end)),
    "post_opt_ir": lambda: LLVMCompiler(callbacks=LLVMCallbacks(post_opt_ir=end)),
    "object_buffer": lambda: LLVMCompiler(callbacks=LLVMCallbacks(object_buffer=end)),
}


@pytest.mark.parametrize("which", CALLBACKS)
def test_an_exception_in_a_callback_ends_all_and_the_compiler_is_still_good(
    which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition, "UNIT_RECORDS", 500)
    used = CALLBACKS[which]()
    with pytest.raises(Ended):
        compiled(LARGE, used)
    assert not children()  # while the exception, and with it the frames, is still there
    used.progress, used.callbacks = None, LLVMCallbacks()
    assert compiled(LARGE, used).backend == "llvm"


def test_a_signal_handler_that_raises_ends_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def handle(number: int, frame: FrameType | None) -> None:
        raise Ended

    # a worker that never answers
    monkeypatch.setattr(workers, "_program", lambda paper: "import os, time; os.write(0, b'r'); time.sleep(600)")
    old = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(Ended):
            compiled(LARGE, LLVMCompiler())
        assert not children()
    finally:
        signal.signal(signal.SIGALRM, old)


@pytest.mark.parametrize("error", [TimeoutError, RuntimeError, ConnectionError])
@pytest.mark.parametrize("place", ["start", "give", "answer", "here"])
def test_what_a_handler_raises_is_no_failure_of_workers(
    place: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its exception ends the compilation; it is neither a refusal of the system's nor one of LLVM's."""

    def handle(number: int, frame: FrameType | None) -> None:
        raise error

    def interrupted(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGUSR1)

    if place == "start":
        monkeypatch.setattr(workers.subprocess, "Popen", interrupted)
    elif place == "give":
        monkeypatch.setattr(workers, "write_paper", interrupted)
    elif place == "answer":
        monkeypatch.setattr(workers.Worker, "socket", Interrupted(interrupted), raising=False)
    else:
        monkeypatch.setattr(unit, "compile_text", interrupted)
    old = signal.signal(signal.SIGUSR1, handle)
    try:
        with pytest.raises(error):
            compiled(SMALL if place == "here" else LARGE, LLVMCompiler())
        assert not children()
    finally:
        signal.signal(signal.SIGUSR1, old)


class Interrupted:
    """A worker's socket, on which nothing is received but a signal."""

    def __init__(self, interrupt: Callable[..., None]) -> None:
        self.interrupt = interrupt
        self.sockets: dict[workers.Worker, socket.socket] = {}

    def __set__(self, worker: workers.Worker, value: socket.socket) -> None:
        self.sockets[worker] = value

    def __get__(self, worker: workers.Worker, owner: type) -> Any:
        real, interrupt = self.sockets[worker], self.interrupt

        class Socket:
            recv = staticmethod(interrupt)

            def __getattr__(self, name: str) -> Any:
                return getattr(real, name)

        return Socket()


def test_a_child_of_fork_compiles_whatever_other_threads_did() -> None:
    """They may have held every lock around LLVM."""
    llvm()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with target._lock, llvm().ffi.lib._lock:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(120)
            os._exit(0 if compiled(SMALL, LLVMCompiler()).code else 1)
        finally:
            os._exit(2)
    done.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


FOREVER = f"""
from wasmer_llvm_backend import LLVMCompiler
from wasmer_runtime_core.compile_module import compile_with
text = '(module (memory 1)' + ('(func (param i32) (local i32)' + {STEP!r} * 8000 + ')') * 6 + ')'
print('go', flush=True)
while True:
    compile_with(text, LLVMCompiler(processes=2))
"""


def marked(word: str) -> list[int]:
    """Processes with `word` in their environment, the caller's and its workers."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if word.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_their_caller(number: signal.Signals) -> None:
    word = f"WASMER_TEST_{os.getpid()}_{number}"
    process = subprocess.Popen(
        [sys.executable, "-c", FOREVER],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, word: "1"},
    )
    assert process.stdout is not None
    process.stdout.readline()
    while len(marked(word)) < 3:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, complaint = process.communicate(timeout=900)
    assert process.returncode == (1 if number == signal.SIGINT else -number) or process.returncode == -number
    assert ("KeyboardInterrupt" in complaint) == (number == signal.SIGINT)
    until = time.monotonic() + 60
    while marked(word) and time.monotonic() < until:
        time.sleep(0.05)
    assert not marked(word)


# --- where none can be started --------------------------------------------------------------


def sleeper(where: Path) -> str:
    path = where / "sleeper"
    path.write_text("#!/bin/sh\nexec sleep 600\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("executable", "said"),
    [
        (lambda where: "", "sys.executable names no Python"),
        (lambda where: "/there/is/none", "No such file"),
        (lambda where: "/bin/false", "/bin/false ended with status 1: without a word"),
        (lambda where: "/bin/cat", "ended with status 1: .*cat: invalid option"),
        (sleeper, "did not become a worker within 1 seconds"),
    ],
)
def test_without_a_python_to_start_it_is_done_here(
    executable: Callable[[Path], str], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", executable(tmp_path))
    monkeypatch.setattr(workers, "START_SECONDS", 1.0)
    monkeypatch.setattr(partition, "UNIT_RECORDS", 2000)
    with pytest.warns(LLVMWarning, match=f"LLVM runs in this process.*{said}") as caught:
        module = compiled(LARGE, LLVMCompiler())
    assert len(caught) == 1 and caught[0].filename == __file__
    assert module == compiled(LARGE, LLVMCompiler(processes=0))


def test_neither_a_worker_nor_a_frozen_program_starts_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv(workers.MARK, "1")
        with pytest.warns(LLVMWarning, match="is a worker"):
            compiled(LARGE, LLVMCompiler())
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.warns(LLVMWarning, match="frozen"):
        compiled(LARGE, LLVMCompiler())


@pytest.mark.parametrize("limit", ["RLIMIT_NOFILE", "RLIMIT_FSIZE"])
def test_without_room_for_a_worker_it_is_done_here(limit: str) -> None:
    """In a process of its own: limits cannot be undone."""
    program = f"""
import resource, warnings
from wasmer_llvm_backend import LLVMCompiler, LLVMWarning
from wasmer_runtime_core.compile_module import compile_with
compile_with({SMALL!r}, LLVMCompiler())
few = len(__import__("os").listdir("/proc/self/fd")) + 3 if {limit!r} == "RLIMIT_NOFILE" else 100
resource.setrlimit(resource.{limit}, (few, few))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    compile_with({LARGE!r}, LLVMCompiler())
print(*[warning.message for warning in caught if warning.category is LLVMWarning])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "LLVM runs in this process" in done.stdout


# --- where a worker finds its modules -------------------------------------------------------

COMPILES = f"""
import sys, warnings
warnings.simplefilter("error")
sys.path[:] = {{path!r}}
from wasmer_llvm_backend import LLVMCompiler
from wasmer_runtime_core.compile_module import compile_with
compile_with({LARGE!r}, LLVMCompiler())
"""


@pytest.mark.parametrize("flags", [[], ["-I"], ["-E", "-s"], ["-S"], ["-I", "-S", "-B"]], ids=" ".join)
def test_interpreters_started_with_flags(flags: list[str], tmp_path: Path) -> None:
    (tmp_path / "struct.py").write_text("raise ImportError('that of the current directory')")
    path = [str(Path(entry).resolve()) for entry in sys.path if entry]
    done = subprocess.run([sys.executable, *flags, "-c", COMPILES.format(path=path)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_zipped_program(tmp_path: Path) -> None:
    package = Path(wasmer_llvm_backend.__file__).parent
    path = [str(Path(entry).resolve()) for entry in sys.path if entry]
    with zipfile.ZipFile(tmp_path / "app.pyz", "w") as file:
        for source in package.rglob("*.py"):
            file.write(source, source.relative_to(package.parent))
        program = COMPILES.format(path=[str(tmp_path / "app.pyz"), *path])
        file.writestr("__main__.py", f"{program}\nassert 'app.pyz' in sys.modules['wasmer_llvm_backend'].__file__")
    done = subprocess.run([sys.executable, str(tmp_path / "app.pyz")], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_any_path_comes_across(monkeypatch: pytest.MonkeyPatch) -> None:
    path = ["/with:colon", "/it's", '/"quoted"', "/a\\b\n", "/ü", "/\udcff", ""]
    with monkeypatch.context() as patch:
        patch.setattr(sys, "path", path)
        program = workers._program(5)
    assignment = ast.parse(program.encode("ascii")).body[1]
    assert isinstance(assignment, ast.Assign) and ast.literal_eval(assignment.value) == path


def test_nothing_is_warned_of_where_nothing_is_wrong() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled(LARGE, LLVMCompiler())
