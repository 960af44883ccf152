"""The options of ``run`` that show what the llvm backend does: its IR before and after optimization, and its object.

A large module is compiled in several units. The first goes to the file named, the others to
files with ``.1``, ``.2`` … behind that name.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from wasmer_runtime.cli.failures import CommandError, warn
from wasmer_runtime_core.backends import Backend

if TYPE_CHECKING:
    from wasmer_runtime_core.backend import Compiler


PATH: Final = click.Path(path_type=Path)


class LLVMFiles(NamedTuple):
    """Where to write, or None."""

    pre_opt_ir: Path | None
    post_opt_ir: Path | None
    object_file: Path | None

    def compiler(self, backend: str | None) -> str | Compiler | None:
        """What compiles: the backend as named, or an llvm compiler that writes the files.

        Raises:
            CommandError: the llvm backend is not installed.
        """
        if not any(self):
            return backend
        if (backend or "").lower() != Backend.LLVM.value:
            warn("--llvm-pre-opt-ir, --llvm-post-opt-ir and --llvm-object-file have an effect with --backend llvm only")
            return backend
        try:
            from wasmer_llvm_backend import LLVMCallbacks, LLVMCompiler

            callbacks = LLVMCallbacks(
                pre_opt_ir=writer(self.pre_opt_ir) if self.pre_opt_ir else None,
                post_opt_ir=writer(self.post_opt_ir) if self.post_opt_ir else None,
                object_buffer=writer(self.object_file) if self.object_file else None,
            )
            return LLVMCompiler(callbacks=callbacks)
        except ImportError as error:
            raise CommandError(
                f"the llvm backend cannot be used ({error}): pip install 'wasmer-runtime[llvm]'"
            ) from None


def writer(path: Path) -> Callable[[str | bytes], None]:
    """A callback that writes one file for each unit."""
    written = 0

    def write(content: str | bytes) -> None:
        nonlocal written
        target = path if written == 0 else path.with_name(f"{path.name}.{written}")
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        written += 1

    return write


def llvm_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command; it gets them as ``llvm``, an `LLVMFiles`."""

    @click.option("--llvm-pre-opt-ir", metavar="FILE", type=PATH, help="Write LLVM's IR, as translated.")
    @click.option("--llvm-post-opt-ir", metavar="FILE", type=PATH, help="Write LLVM's IR, optimized.")
    @click.option("--llvm-object-file", metavar="FILE", type=PATH, help="Write LLVM's object file.")
    @functools.wraps(command)
    def with_files(
        *args: Any,
        llvm_pre_opt_ir: Path | None,
        llvm_post_opt_ir: Path | None,
        llvm_object_file: Path | None,
        **options: Any,
    ) -> Any:
        return command(*args, llvm=LLVMFiles(llvm_pre_opt_ir, llvm_post_opt_ir, llvm_object_file), **options)

    return with_files
