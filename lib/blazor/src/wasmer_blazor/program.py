"""`Program`: a .NET program with its runtime, and `load`, which makes one.

::

    hello = load(Path("hello.dll"), "bin/Release/net10.0/publish/wwwroot/_framework", args=["-v"])
    hello.run()                              # the exit code
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, final

from wasmer_blazor.assemblies import Assembly, read_assembly
from wasmer_blazor.errors import DotnetException, NeverEnds, ProgramEnded, WrongAssembly
from wasmer_blazor.exports import layout_of
from wasmer_blazor.framework import Framework, open_framework
from wasmer_blazor.host import Host, Outcome, function_for, guarded, is_of_dotnet
from wasmer_blazor.runtime import TEXTS, VARIABLES, Runtime
from wasmer_blazor.state import DotnetState
from wasmer_emscripten.functions import find
from wasmer_emscripten.loading import environment
from wasmer_emscripten.program import Program as EmscriptenProgram
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.backend_names import Backend
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.errors import ExitCode
from wasmer_runtime_core.running.instance import close_behind
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.wasm.module import FUNCTION
from wasmer_vfs.descriptors import DEFAULT_LIMIT
from wasmer_vfs.random import system
from wasmer_vfs.standard_streams import CAPTURE, INHERIT
from wasmer_vfs.tree_files import Files
from wasmer_vfs.waiting import look, plainly, wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmer_runtime_core.contract.backend import CompilerConfig
    from wasmer_runtime_core.contract.compiler import Compiler
    from wasmer_runtime_core.running.objects.limits import Limits
    from wasmer_vfs.clock import Clock
    from wasmer_vfs.random import RandomSource

__all__ = ["CAPTURE", "Program", "load", "run_dotnet"]

WRITE: Final = "fd_write"
MOST_ASSEMBLY_BYTES: Final = 1 << 30
"""Of the program's own file; its runtime has 2 GiB for everything."""


@final
class Program:
    """A .NET program, its runtime started. Made by `load`, or of a module and a `DotnetState`.

    One thread runs it at a time, as for any instance.

    Attributes:
        assembly: what its file says of itself.
        framework: what it runs with.
        state: the pattern of what it is given.
        instance: the WebAssembly instance.
        fs: the files that it sees.
        exit_code: its exit code; None: it has not ended.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | bytes,
        framework: Framework,
        module: Module,
        state: DotnetState,
        limits: Limits | None = None,
        assemblies: Iterable[str | os.PathLike[str]] = (),
    ) -> None:
        """Start a runtime with a program. Nothing of the program runs yet.

        Args:
            source: the program: a path, or its bytes.
            module: the framework's runtime, compiled.
            state: what it is given.
            assemblies: files of assemblies that it uses besides.

        Raises:
            As `load` does.
        """
        self.assembly, data = read_program(source)
        self.framework = framework
        self.state = state
        self.exit_code: int | None = None
        self._started = False
        _must_fit(self.assembly, framework)
        beside = None if isinstance(source, (bytes, bytearray, memoryview)) else Path(source).parent
        suffix = ".wasm" if data[:4] in (b"\0asm", b"WbIL") else ".dll"
        all_assemblies: list[tuple[str, bytes | Path]] = [
            *framework.assemblies.items(),
            *_companions(self.assembly, framework, beside, assemblies),
            (self.assembly.name + suffix, data),
        ]
        layout = layout_of(module.info, framework.native)
        process = state.process(self.assembly.name)
        ending: Callable[[], None] = process.close
        try:
            host = Host(process, layout)
            imports = environment(module, process, imports_of(module, host), limits)
            self._native = EmscriptenProgram(module.instantiate(imports, limits), process)
            ending = self._native.close
            self._runtime = Runtime(self._native, host)
            variables = VARIABLES | dict(framework.environment) | dict(state.environ)
            properties = dict(framework.properties) | TEXTS | dict(state.properties)
            self._runtime.start(variables, properties, all_assemblies)
        except BaseException:
            ending()
            raise
        self.instance = self._native.instance
        self.fs: Files = self._native.fs

    @plainly
    def run(self) -> int:
        """Run the program's `Main` to its end, and the end of its task.

        Returns:
            Its exit code, 0 to 255: what `Main` returns, or `Environment.Exit` was given.

        Raises:
            DotnetException: it has not handled an exception.
            RuntimeAborted: the runtime gave up.
            NeverEnds: it waits for what can never happen.
            ProgramEnded: it has run before.
            Trap, EmscriptenError: it failed.
        """
        if self._started:
            raise ProgramEnded("the program has run already: a runtime runs Main once; load it again")
        self._started = True
        try:
            outcome = self._outcome()
            if outcome.exception is not None:
                raise self._runtime.described(outcome)
            code = outcome.value or 0
        except ExitCode as ended:
            code = ended.code
        except DotnetException:
            self.exit_code = 1
            raise
        self.exit_code = code & 0xFF
        return self.exit_code

    def _outcome(self) -> Outcome:
        runtime = self._runtime
        host = runtime.host
        with runtime.aborting():
            outcome = runtime.call_main(self.assembly.name, self.state.args)
            while outcome is None:
                look()
                if not runtime.turn():
                    self._wait()
                outcome = host.outcome
        return outcome

    def _wait(self) -> None:
        """Wait for the timer."""
        turns = self._runtime.host.turns
        pause = turns.until_due()
        if pause is None:
            raise NeverEnds(
                "the program waits for ever: the task of its Main is not done, it has no timer and nothing to do"
            )
        if turns.clock.virtual:
            turns.clock.sleep(pause)
        else:
            wait([], pause)

    def stdout_bytes(self) -> bytes:
        """What was written to a captured standard output until now.

        Raises:
            TypeError: it is not captured.
        """
        return self.state.stdout_bytes()

    def stderr_bytes(self) -> bytes:
        """What was written to a captured standard error until now.

        Raises:
            TypeError: it is not captured.
        """
        return self.state.stderr_bytes()

    def close(self) -> None:
        """Close its files, and give its memory back at once. What it has written can still be read."""
        self._started = True
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, traceback: TracebackType | None
    ) -> None:
        close_behind(self, failure)

    def __repr__(self) -> str:
        return f"<.NET program {self.assembly.name!r}: {self.instance!r}>"


def read_program(source: str | os.PathLike[str] | bytes) -> tuple[Assembly, bytes]:
    """What a program's file says of itself, and the file.

    Args:
        source: a path, or the bytes.

    Raises:
        WrongAssembly: it is no program of .NET; it says why.
        OSError: it cannot be read.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        what, data = "the program", bytes(source)
    else:
        what = os.fspath(source)
        with open(what, "rb") as file:
            data = file.read(MOST_ASSEMBLY_BYTES + 1)
    if len(data) > MOST_ASSEMBLY_BYTES:
        raise WrongAssembly(f"{what} has more than {MOST_ASSEMBLY_BYTES} bytes, which no assembly has room for")
    try:
        assembly = read_assembly(data)
    except WrongAssembly as wrong:
        raise WrongAssembly(f"{what} cannot be run: {wrong}") from None
    if not assembly.has_main:
        raise WrongAssembly(f"{what} cannot be run: the assembly {assembly.name} is a library, it has no Main")
    return assembly, data


def _must_fit(assembly: Assembly, framework: Framework) -> None:
    """Refuse a program of a later .NET than the framework's."""
    for name, version in assembly.references:
        if name in ("System.Runtime", "System.Private.CoreLib") and version[:2] > framework.version[:2]:
            wanted, there = (".".join(map(str, each[:2])) for each in (version, framework.version))
            raise WrongAssembly(
                f"the program {assembly.name} is for .NET {wanted}, and {framework.folder} has .NET {there}: "
                "take the framework of a program of the same version, or compile it for that one"
            )


def _companions(
    assembly: Assembly, framework: Framework, beside: Path | None, given: Iterable[str | os.PathLike[str]]
) -> list[tuple[str, bytes | Path]]:
    """Assemblies that the framework has not: those that were given, and what they or the program refer to beside it."""
    found: dict[str, Path] = {}
    waiting = list(assembly.references)
    for path in map(Path, given):
        other = read_assembly(path.read_bytes())
        found[other.name] = path
        waiting.extend(other.references)
    while waiting and beside is not None:
        look()
        name, _ = waiting.pop()
        path = beside / f"{name}.dll"
        if name in found or name == assembly.name or framework.has(name) or os.path.basename(name) != name:
            continue
        if path.is_file():
            found[name] = path
            waiting.extend(read_assembly(path.read_bytes()).references)
    return [(f"{name}.dll", path) for name, path in found.items()]


def imports_of(module: Module, host: Host) -> dict[str, Callable[..., Any]]:
    """What the module of a runtime imports beside what each program of emcc does, by name."""
    info = module.info
    found: dict[str, Callable[..., Any]] = {}
    for entry in info.imports:
        if entry.kind == FUNCTION and isinstance(entry.type, int) and is_of_dotnet(entry.name):
            found[entry.name] = function_for(host, entry.name, len(info.types[entry.type].results))
        elif entry.kind == FUNCTION and isinstance(entry.type, int) and entry.name == WRITE:
            write = find(host.process, WRITE, info.types[entry.type])
            if write is not None:
                found[WRITE] = guarded(WRITE, functools.partial(host.write, write))
    return found


@plainly
def load(
    source: str | os.PathLike[str] | bytes,
    framework: str | os.PathLike[str] | Framework,
    *,
    module: Module | None = None,
    backend: str | Backend | Compiler = Backend.SINGLEPASS,
    config: CompilerConfig | None = None,
    limits: Limits | None = None,
    args: Iterable[str] = (),
    env: Mapping[str, str] | None = None,
    stdin: Any = INHERIT,
    stdout: Any = INHERIT,
    stderr: Any = INHERIT,
    mounts: Mapping[str, Any] | None = None,
    current: str = "/",
    clock: Clock | None = None,
    random: RandomSource = system,
    descriptors: int = DEFAULT_LIMIT,
    properties: Mapping[str, str] | None = None,
    assemblies: Iterable[str | os.PathLike[str]] = (),
) -> Program:
    """A .NET program, its runtime started: its `Main` has not run.

    Args:
        source: the program: a path of a .dll, an .exe or a .wasm that has webcil in it, or its bytes.
        framework: a ``_framework`` directory, or what `open_framework` has made of one.
        module: the framework's runtime (`Framework.native`), where it is compiled already.
        backend: what compiles it: a name, a `Backend`, a compiler.
        config: how to compile.
        limits: how large the instance may become.
        args: the arguments of `Main`.
        env: environment variables; nothing of this process's.
        stdin: a file object, a callable, bytes, a path, None (empty); if nothing is said, this process's. .NET's
            Console does not read it there; ``/dev/stdin`` is a file.
        stdout, stderr: a file object, a callable, None (nowhere), `CAPTURE`; if nothing is said, this process's.
        mounts: directories by the names under which it sees them: a path of the host, or a directory of `wasmer_vfs`.
        current: its current directory.
        clock, random: where time and random bytes come from.
        descriptors: how many files it can have open at once.
        properties: what `AppContext` says of them, over what the boot configuration sets (.NET 10).
        assemblies: files of assemblies that it uses, beside the framework's and those that it refers to and that lie
            beside it.

    Raises:
        WrongAssembly: the file is no .NET program, or one for a later version than the framework's.
        UnknownFramework: the directory is no framework of a known version.
        CompileError: the runtime's module is malformed or not valid.
        LinkError: it imports what is not here.
        RuntimeAborted: the runtime could not start.
        OutOfMemory, UnableToCreateMemory, TooManyInstances: it is larger than `limits` allow.
        TypeError, ValueError, OSError: what was given is not of its form, or cannot be opened.
    """
    builder = DotnetState.new().args(args).envs(env or {}).map_dirs(mounts or {}).current_dir(current)
    builder.random(random).descriptors(descriptors).properties(properties or {}).stdin(stdin)
    builder.stdout(stdout).stderr(stderr)
    if clock is not None:
        builder.clock(clock)
    if not isinstance(framework, Framework):
        framework = open_framework(framework)
    if module is None:
        read_program(source)  # what is none is told before the runtime is compiled
        compiler = find_compiler(backend) if isinstance(backend, (str, Backend)) else backend
        module = compile_with(framework.native, compiler, config)
    return Program(source, framework, module, builder.build(), limits, assemblies)


def run_dotnet(
    source: str | os.PathLike[str] | bytes, framework: str | os.PathLike[str] | Framework, **given: Any
) -> int:
    """Load a program, run it to its end, and close it: its exit code.

    Args:
        given: what `load` takes.

    Raises:
        As `load` and `Program.run` do.
    """
    with load(source, framework, **given) as program:
        return program.run()
