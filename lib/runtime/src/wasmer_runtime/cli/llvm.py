"""``--backend llvm`` on the command line: its progress, its warnings, and what it can show of itself.

``--llvm-pre-opt-ir``, ``--llvm-post-opt-ir`` and ``--llvm-object-file`` write LLVM's IR before
and after optimization, and its object. All but small modules are compiled in several units,
each with an IR and an object of its own. The first goes to the file named, the
others in their order to files with ``.1``, ``.2`` … behind that name; such files from before
are not removed.
"""

from __future__ import annotations

import warnings
from os.path import basename

from wasmer_runtime import api
from wasmer_runtime.cli import deferred as click
from wasmer_runtime.cli.failures import CommandError, is_quiet, warn
from wasmer_runtime.cli.files import named_file
from wasmer_runtime.cli.progress import Bar
from wasmer_runtime_core.compiling.registry import AUTO, find_compiler
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, final
from wasmer_runtime_core.support.functions import wraps
from wasmer_runtime_core.support.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from wasmer_runtime_core.contract.backend import CompilerConfig
    from wasmer_runtime_core.running.module import Module


class LLVMFiles(NamedTuple):
    """Where to write, or None."""

    pre_opt_ir: Path | None
    post_opt_ir: Path | None
    object_file: Path | None

    def compile(
        self,
        source: bytes | Path,
        backend: str | None,
        config: CompilerConfig | None,
        cache: bool = True,
        lazy: bool = False,
        tiers: bool | None = None,
    ) -> Module:
        """Compile with the backend named, or take it from the cache; with llvm, showing what it does.

        Raises:
            UsageError: files are asked of a backend that has none; or tiers, where there is one.
            CommandError: one of them cannot be written.

        And what `api.compile` raises.
        """
        named = (backend or AUTO).lower()
        if tiers and (lazy or named not in (AUTO, "singlepass")):
            raise click.UsageError("--tiers goes with --backend auto or singlepass, and not with --lazy")
        if named != LLVM:
            for option, path in zip(OPTIONS, self, strict=True):
                if path is not None:
                    raise click.UsageError(f"{option} needs --backend llvm")
            with told(), Bar(f"compiling {basename(named_file())}", wanted=not is_quiet()):
                return api.compile(source, backend, config, cache, lazy, tiers)
        find_compiler(LLVM)  # says what is not installed
        from wasmer_llvm_backend import LLVMCallbacks, LLVMCompiler

        callbacks = LLVMCallbacks(*map(writer, OPTIONS, self))
        with told(), Bar(f"compiling {basename(named_file())}", wanted=not is_quiet()) as bar:
            return api.compile(source, LLVMCompiler(callbacks=callbacks, progress=bar), config, cache)


@final
class told:
    """What the backend warns of is said as the command line says things, when the compilation has succeeded."""

    def __enter__(self) -> None:
        self._catching = warnings.catch_warnings(record=True)
        self._caught = self._catching.__enter__()
        warnings.simplefilter("always")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._catching.__exit__(kind, error, traceback)
        if error is None:
            for warning in self._caught or ():
                warn(str(warning.message))


LLVM: Final = "llvm"

OPTIONS: Final = ("--llvm-pre-opt-ir", "--llvm-post-opt-ir", "--llvm-object-file")
"""The names of the options, in the order of the fields of `LLVMFiles`."""


def writer(option: str, path: Path | None) -> Callable[[str | bytes], None] | None:
    """A callback that writes one file per unit.

    Raises:
        CommandError: the first could not be written.
    """
    if path is None:
        return None
    try:
        path.open("ab").close()
    except OSError as error:
        raise CommandError(f"{option} {path}: {error.strerror}") from None
    written = 0

    def write(content: str | bytes) -> None:
        nonlocal written
        target = path if written == 0 else path.with_name(f"{path.name}.{written}")
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        written += 1

    return write


def llvm_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command; it gets them as ``llvm``, an `LLVMFiles`."""

    @click.option(
        "--llvm-pre-opt-ir",
        metavar="FILE",
        type=click.FILE,
        help="Write LLVM's IR, as translated; further units to FILE.1 …",
    )
    @click.option("--llvm-post-opt-ir", metavar="FILE", type=click.FILE, help="Write LLVM's IR, optimized; likewise.")
    @click.option("--llvm-object-file", metavar="FILE", type=click.FILE, help="Write LLVM's object file; likewise.")
    @wraps(command)
    def with_files(
        *args: Any,
        llvm_pre_opt_ir: Path | None,
        llvm_post_opt_ir: Path | None,
        llvm_object_file: Path | None,
        **options: Any,
    ) -> Any:
        return command(*args, llvm=LLVMFiles(llvm_pre_opt_ir, llvm_post_opt_ir, llvm_object_file), **options)

    return with_files
