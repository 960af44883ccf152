"""`run`: a program from its begin to its end, in one call, as `subprocess.run` runs others.

::

    done = run(Path("words.wasm"), ["10"], dirs={"/data": "some/dir"}, stdin=b"some words", capture=True)
    done.returncode, done.stdout

That a program ends is no failure, whatever its exit code; what nobody planned is raised: a trap, a deadline, a missing
import. Whoever needs more than this says makes a `WasiState` and an instance.
"""

from __future__ import annotations

from _collections_abc import Mapping  # what `collections.abc` is; `collections` brings much along
from contextlib import nullcontext

from wasmer_runtime_core.errors import ExitCode
from wasmer_runtime_core.running.interrupts import timeout as deadline
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, Literal, overload
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.support.printable import printable
from wasmer_runtime_core.wasm.module import FUNCTION
from wasmer_vfs.standard_streams import INHERIT
from wasmer_wasi.imports import generate_import_object_from_state
from wasmer_wasi.state import WasiState
from wasmer_wasi.threads import ThreadedProgram, uses_threads
from wasmer_wasi.version import WasiVersion, get_wasi_version

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from subprocess import CompletedProcess

    from wasmer_runtime_core.compiling.pipeline import Source
    from wasmer_runtime_core.running.objects.limits import Limits
    from wasmer_vfs.directories import Directory
    from wasmer_wasi.state import Pairs

    Dirs = Mapping[str, str | os.PathLike[str] | Directory] | Iterable[str | os.PathLike[str]]

START: Final = "_start"
SHOWN_BYTES: Final = 2000
"""Of what a program wrote to a captured standard error before it failed, the end that its exception shows."""


@overload
def run(
    module: Module | Source,
    args: Iterable[str | bytes] = ...,
    *,
    env: Pairs[str | bytes] | None = ...,
    dirs: Dirs = ...,
    stdin: Any = ...,
    stdout: Any = ...,
    stderr: Any = ...,
    capture: bool = ...,
    text: Literal[False] = ...,
    check: bool = ...,
    timeout: float | None = ...,
    name: str | bytes = ...,
    imports: Mapping[str, Any] | None = ...,
    limits: Limits | None = ...,
) -> CompletedProcess[bytes]: ...


@overload
def run(
    module: Module | Source,
    args: Iterable[str | bytes] = ...,
    *,
    env: Pairs[str | bytes] | None = ...,
    dirs: Dirs = ...,
    stdin: Any = ...,
    stdout: Any = ...,
    stderr: Any = ...,
    capture: bool = ...,
    text: Literal[True],
    check: bool = ...,
    timeout: float | None = ...,
    name: str | bytes = ...,
    imports: Mapping[str, Any] | None = ...,
    limits: Limits | None = ...,
) -> CompletedProcess[str]: ...


def run(
    module: Module | Source,
    args: Iterable[str | bytes] = (),
    *,
    env: Pairs[str | bytes] | None = None,
    dirs: Dirs = (),
    stdin: Any = None,
    stdout: Any = INHERIT,
    stderr: Any = INHERIT,
    capture: bool = False,
    text: bool = False,
    check: bool = False,
    timeout: float | None = None,
    name: str | bytes = "program",
    imports: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
) -> CompletedProcess[Any]:
    """Run a program to its end.

    Args:
        module: a compiled module, or what the default backend is to compile: bytes, text, or a path.
        args: its arguments, without its name.
        env: its environment variables; it has no others.
        dirs: the directories that it may use: their names for it, each with a path or a `Directory` such as
            `MemoryDirectory`; or paths, which are their names, too.
        stdin: what it reads: bytes, a `Path`, a file object that can be read, a callable, or None: nothing.
        stdout, stderr: where it writes: a file object that can be written, a callable, or None: nowhere. Default: what
            Python has as `sys.stdout` and `sys.stderr`.
        capture: keep both for the result.
        text: what was captured is decoded as UTF-8; bytes that are none show as �.
        check: an exit code other than 0 is raised.
        timeout: seconds until it is ended.
        name: its own name, argument 0.
        imports: what it imports beside WASI.
        limits: how large its memory may become.

    Returns:
        what `subprocess.run` returns: `returncode`, `args` (its name first), and `stdout` and `stderr`, which are None
        unless they were captured.

    Raises:
        Trap: the program failed. What it wrote last to a captured standard error is a note of the exception.
        Timeout: the deadline passed; likewise.
        subprocess.CalledProcessError: `check`, and its exit code is not 0.
        LinkError: it imports what is not given.
        WasiStateCreationError: an argument, a variable or a directory is not as it should be.
        TypeError: what was given is not of its form, or the module is no program: it has no ``_start``.
        ValueError: `capture`, and `stdout` or `stderr`.

    And what compiling raises.
    """
    from subprocess import CompletedProcess

    if capture and not (stdout is INHERIT and stderr is INHERIT):
        raise ValueError("capture keeps both outputs: give no stdout and stderr beside it")
    module = _compiled(module)
    _must_start(module)
    builder = WasiState.new(name).args(args).stdin(stdin).stdout(stdout).stderr(stderr)
    if env is not None:
        builder.envs(env)
    if isinstance(dirs, Mapping):
        for alias, directory in dirs.items():
            builder.preopen(alias, directory)
    else:
        builder.preopen_dirs(dirs)
    if capture:
        builder.capture_stdout().capture_stderr()
    state = builder.build()
    try:
        code = _exit_code(module, state, imports, limits, timeout)
        kept = (state.stdout_bytes(), state.stderr_bytes()) if capture else (None, None)
    except Exception as failure:
        if capture:
            _note(failure, state.stderr_bytes())
        raise
    finally:
        state.close()
    outputs = [output.decode("utf-8", "replace") if text and output is not None else output for output in kept]
    done: CompletedProcess[Any] = CompletedProcess([arg.decode("utf-8", "surrogateescape") for arg in state.args], code)
    done.stdout, done.stderr = outputs
    if check:
        done.check_returncode()
    return done


def _compiled(module: Module | Source) -> Module:
    if isinstance(module, Module):
        return module
    from wasmer_runtime_core.compile_module import compile_with
    from wasmer_runtime_core.compiling.registry import DEFAULT, find_compiler

    return compile_with(module, find_compiler(DEFAULT))


def _must_start(module: Module) -> None:
    """
    Raises:
        TypeError: the module is no program.
    """
    functions = [export.name for export in module.info.exports if export.kind == FUNCTION]
    if START in functions:
        return
    if "_initialize" in functions:
        raise TypeError(
            "the module is a WASI library, not a program: instantiate it with generate_import_object_from_state, "
            "call its _initialize, then its other functions"
        )
    raise TypeError("the module is no WASI program: it exports no function _start")


def _exit_code(
    module: Module,
    state: WasiState,
    imports: Mapping[str, Any] | None,
    limits: Limits | None,
    seconds: float | None,
) -> int:
    """Run the program; its exit code."""
    version = get_wasi_version(module, strict=False) or WasiVersion.LATEST
    try:
        with nullcontext() if seconds is None else deadline(seconds):
            if uses_threads(module):
                ThreadedProgram(module, state, version, imports=imports, limits=limits).run(START)
            else:
                given = generate_import_object_from_state(state, version)
                given.extend(imports or {})
                with module.instantiate(given, limits) as instance:
                    instance.exports[START]()
    except ExitCode as end:
        if raised_by_a_handler(end):  # a handler of a signal ends this program, not that one
            raise
        return end.code
    return 0


def _note(failure: BaseException, written: bytes) -> None:
    """What a program said of its end, such as why it panicked, belongs to the exception."""
    if written:
        end = written[-SHOWN_BYTES:].decode("utf-8", "replace").rstrip("\n")
        cut = "…" if len(written) > SHOWN_BYTES else ""
        failure.add_note("standard error of the program:\n" + printable(cut + end, keep="\n\t"))
