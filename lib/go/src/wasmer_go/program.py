"""`Program`: a Go program that runs, with what Python calls of it.

::

    hello = load(Path("hello.wasm"), args=["-v"])
    hello.run()                              # the exit code

    library = load(Path("library.wasm"))     # whose main sets functions, and waits: select {}
    library.start()
    library.globals["add"](1, 2)             # 3
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from struct import Struct
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, final

from wasmer_go.conversion import to_python
from wasmer_go.errors import GoError, ProgramExited, Thrown
from wasmer_go.interface import FUNCTIONS, bound
from wasmer_go.made import GoMapping
from wasmer_go.objects import Error, Object
from wasmer_go.process import KILLED, Process
from wasmer_go.promises import FULFILLED, PENDING, Promise
from wasmer_go.recognising import NEW, OLD, must_be_known
from wasmer_go.references import DEFAULT_VALUES
from wasmer_go.state import DEFAULT_VALUE_BYTES, GoState
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.backend_names import Backend
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.running.host import func
from wasmer_runtime_core.running.imports import ImportObject
from wasmer_runtime_core.running.instance import close_behind
from wasmer_runtime_core.running.module import Module
from wasmer_vfs.descriptors import DEFAULT_LIMIT
from wasmer_vfs.random import system
from wasmer_vfs.standard_streams import CAPTURE, INHERIT
from wasmer_vfs.tree_files import Files
from wasmer_vfs.waiting import plainly

if TYPE_CHECKING:
    from wasmer_runtime_core.compiling.pipeline import Source
    from wasmer_runtime_core.contract.backend import CompilerConfig
    from wasmer_runtime_core.contract.compiler import Compiler
    from wasmer_runtime_core.running.instance import Instance
    from wasmer_runtime_core.running.objects.limits import Limits
    from wasmer_vfs.clock import Clock
    from wasmer_vfs.random import RandomSource

__all__ = ["CAPTURE", "Program", "load", "run_go_instance"]

FIRST_ARGUMENT: Final = 4096
"""Where in memory the arguments are put."""
LAST_ARGUMENT: Final = 4096 + 8192
"""Where Go's linker puts the first data (cmd/link, wasmMinDataAddr)."""
_POINTER: Final = Struct("<Q")
_FOREVER: Final = 1 << 62


@final
class Program:
    """A Go program. Made by `load`, or of a module and a `GoState`.

    One thread runs it at a time, as for any instance.

    Attributes:
        state: the pattern of what it has.
        process: what it has.
        instance: the WebAssembly instance.
        fs: the files that it sees.
    """

    def __init__(self, module: Module, state: GoState, limits: Limits | None = None) -> None:
        """Link a program. Nothing of it runs yet.

        Raises:
            UnknownGoVersion: it is no program of a known version of Go.
            LinkError: it imports something else besides.
            UnableToCreateMemory, TooManyInstances: it is larger than `limits` allow.
            OSError: a directory or a file that it is given cannot be opened.
        """
        must_be_known(module, FUNCTIONS)
        self.state = state
        self.process = process = state.process()
        try:
            self.instance: Instance = module.instantiate(imports_of(process), limits)
            process.link(self.instance)
        except BaseException:
            process.close()
            raise
        self.fs = Files(process.tree)
        self._started = False

    # --- running it

    @plainly
    def run(self) -> int:
        """Run the program to its end.

        Where all its goroutines wait and nothing can happen any more, Go is told so, and ends with its own message.

        Returns:
            Its exit code: 0 to 255, 2 after a panic.

        Raises:
            GoError: it gave a function numbers that make no sense, or its limits are reached.
            Trap: it failed.
            ProgramExited: it has ended before.
        """
        process = self.process
        self._begin()
        while process.code is None:
            if process.loop.idle:
                process.event(Object({"id": 0.0}))
                if self.exit_code is None and process.loop.idle:
                    raise GoError("the Go program waits for ever, and says nothing of a deadlock")
            else:
                process.loop.step()
        return (process.code or 0) & 0xFF

    @plainly
    def start(self) -> None:
        """Run the program until all its goroutines wait, so that functions which it has made can be called.

        Raises:
            ProgramExited: it ended before that, or was ended.
        """
        process = self.process
        self._begin()
        while process.code is None and process.loop.ready:
            process.loop.step(0)
        self._must_run()

    @plainly
    def wait(self, timeout: float | None = None) -> bool:
        """Let happen what happens while the program waits: timers, files that can be read, callbacks.

        Args:
            timeout: for how many seconds; None: until nothing can happen any more.

        Returns:
            Whether nothing can happen any more; the program may have ended (`exit_code`).
        """
        loop = self.process.loop
        end = None if timeout is None else time.monotonic_ns() + int(min(timeout, 1 << 30) * 1_000_000_000)
        while not loop.idle:
            rest = None if end is None else end - time.monotonic_ns()
            if rest is not None and rest <= 0:
                return False
            loop.step(rest)
        return True

    @plainly
    def result(self, promise: Any, timeout: float | None = None) -> Any:
        """What a promise is settled with, that a function of the program's has answered with.

        Args:
            promise: the answer. What is no promise is returned as it is.
            timeout: the most seconds to wait.

        Raises:
            Thrown: it is rejected; or the exception of Python that it is rejected with.
            TimeoutError: it was not settled in this time.
            GoError: it never can be.
            ProgramExited: the program has ended.
        """
        value = getattr(promise, "_value", None)
        if not isinstance(value, Promise):
            return promise
        process = self.process
        end = _FOREVER if timeout is None else time.monotonic_ns() + int(min(timeout, 1 << 30) * 1_000_000_000)
        while value.state == PENDING:
            if process.loop.idle:
                self._must_run()
                raise GoError("the promise can never be settled: all of the Go program waits, and nothing can happen")
            rest = end - time.monotonic_ns()
            if rest <= 0:
                raise TimeoutError(f"the promise was not settled within {timeout} seconds")
            process.loop.step(rest)
        if value.state == FULFILLED:
            return to_python(process, value.value)
        if isinstance(value.value, Error) and value.value.cause is not None:
            raise value.value.cause
        raise Thrown(value.value)

    def _begin(self) -> None:
        process = self.process
        if process.code is not None:
            raise ProgramExited(process.code)
        if self._started:
            return
        self._started = True
        count, address = put_arguments(process)
        process.enter(self.instance.exports["run"], count, address)

    def _must_run(self) -> None:
        if self.process.code is not None:
            raise ProgramExited(self.process.code) from self.process.thrown

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None: it has not ended."""
        return self.process.code

    # --- what it has

    @property
    def globals(self) -> Mapping[str, Any]:
        """Its global object: what it has set there, and what is set for it."""
        return GoMapping(self.process, self.process.world)

    def stdout_bytes(self) -> bytes:
        """What was written to a captured stdout until now.

        Raises:
            TypeError: stdout is not captured.
        """
        return self.state.stdout_bytes()

    def stderr_bytes(self) -> bytes:
        """What was written to a captured stderr until now.

        Raises:
            TypeError: stderr is not captured.
        """
        return self.state.stderr_bytes()

    def close(self) -> None:
        """Give back its memory and its files at once. What it has written can still be read."""
        self.process.end(KILLED)
        self.process.close()
        self.instance.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, traceback: TracebackType | None
    ) -> None:
        close_behind(self, failure)


def imports_of(process: Process) -> ImportObject:
    """The imports of the instance that a process is for."""
    functions = {name: func(bound(process, name), params=["i32"], returns=[]) for name in FUNCTIONS}
    imports = ImportObject(state=None)
    for namespace in (OLD, NEW):
        imports.register(namespace, dict(functions))
    return imports


def put_arguments(process: Process) -> tuple[int, int]:
    """Put arguments and variables into a program's memory, where Go looks for them.

    Returns:
        How many arguments there are, and the address of the pointers to them.

    Raises:
        GoError: they are longer than the 8 KiB that Go has for them.
    """
    texts, pointers = bytearray(), []
    for group in (process.args, sorted(process.environ)):
        for each in group:
            pointers.append(FIRST_ARGUMENT + len(texts))
            texts += each + b"\0"
            texts += bytes(-len(texts) % 8)
        pointers.append(0)
    address = FIRST_ARGUMENT + len(texts)
    texts += b"".join(map(_POINTER.pack, pointers))
    if FIRST_ARGUMENT + len(texts) > LAST_ARGUMENT:
        raise GoError(
            f"arguments and environment take {len(texts)} bytes; a Go program has room for "
            f"{LAST_ARGUMENT - FIRST_ARGUMENT}: give it fewer variables, or a file"
        )
    process.memory.write(FIRST_ARGUMENT, texts)
    return len(process.args), address


def load(
    source: Module | Source,
    *,
    backend: str | Backend | Compiler = Backend.SINGLEPASS,
    config: CompilerConfig | None = None,
    limits: Limits | None = None,
    args: Iterable[str | bytes] = (),
    env: Mapping[str, str] | None = None,
    stdin: Any = INHERIT,
    stdout: Any = INHERIT,
    stderr: Any = INHERIT,
    mounts: Mapping[str, Any] | None = None,
    current: str = "/",
    globals: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
    random: RandomSource = system,
    descriptors: int = DEFAULT_LIMIT,
    values: int = DEFAULT_VALUES,
    value_bytes: int = DEFAULT_VALUE_BYTES,
    name: str | bytes = "js",
) -> Program:
    """A Go program, ready to `run` or to `start`.

    Args:
        source: a path, bytes, or a module that is compiled.
        backend: what compiles it: a name, a `Backend`, a compiler.
        config: how to compile.
        limits: how large the instance may become.
        args: its arguments; its name is `name`.
        env: its variables; nothing of this process's.
        stdin: a file object, a callable, bytes, a path, None (empty); if nothing is said, this process's.
        stdout, stderr: a file object, a callable, None (nowhere), `CAPTURE`; if nothing is said, this process's.
        mounts: directories by the names under which it sees them: a path of the host, or a directory of `wasmer_vfs`.
        current: its current directory.
        globals: objects of Python by the names under which it finds them (``js.Global().Get(name)``).
        clock, random: where time and random bytes come from.
        descriptors: how many files it can have open at once.
        values: how many of the host's values it can hold at once.
        value_bytes: bytes of the host's memory that these may take.

    Raises:
        CompileError: the module is malformed or not valid.
        UnknownGoVersion: it is no program of a known version of Go.
        LinkError: it imports something else besides.
        UnableToCreateMemory, TooManyInstances: it is larger than `limits` allow.
        TypeError, ValueError, OSError: what was given is not of its form, or cannot be opened.
    """
    builder = GoState.new(name).args(args).envs(env or {}).map_dirs(mounts or {}).current_dir(current)
    builder.globals(globals or {}).random(random).descriptors(descriptors).values(values).value_bytes(value_bytes)
    if clock is not None:
        builder.clock(clock)
    builder.stdin(stdin).stdout(stdout).stderr(stderr)
    if not isinstance(source, Module):
        compiler = find_compiler(backend) if isinstance(backend, (str, Backend)) else backend
        source = compile_with(source, compiler, config)
    return Program(source, builder.build(), limits)


def run_go_instance(module: Module, state: GoState, limits: Limits | None = None) -> int:
    """Instantiate a program and run it to its end: its exit code.

    Raises:
        As `Program` and `Program.run` do.
    """
    program = Program(module, state, limits)
    try:
        return program.run()
    finally:
        program.close()
