"""The file that a command is about: how it is read, and that errors about it name it."""

from __future__ import annotations

import os
import stat
import sys

from wasmer_runtime.cli import deferred as click
from wasmer_runtime.cli.deferred import FILE
from wasmer_runtime_core.implementation_limits import MODULE_BYTES, ImplementationLimits
from wasmer_runtime_core.running.artifacts.layout import MAGIC
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wasmer_runtime_core.contract.backend import CompilerConfig

STANDARD_INPUT: Final = "-"
"""The name of a file that is standard input; of one that is written, standard output."""

NAMED: Final = "wasmer_runtime.cli.file"
"""What the name of the file is kept under."""


def file_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add FILE to a command, which gets its path as ``file``; what is wrong with the module is said of that file."""

    def remember(context: click.Context, argument: click.Parameter, file: Path) -> Path:
        context.meta[NAMED] = "standard input" if str(file) == STANDARD_INPUT else str(file)
        return file

    return click.argument("file", type=FILE, callback=remember)(command)


def named_file() -> str:
    """The name of the file that the command is about, or ""."""
    name: str = click.meta().get(NAMED, "")
    return name


def load(path: Path, config: CompilerConfig | None = None) -> bytes | Path:
    """What a module is read from: a path, or for ``-`` the bytes on standard input, no more than one may have."""
    if str(path) == STANDARD_INPUT:
        limits = ImplementationLimits(config.implementation_limits if config else {})
        return sys.stdin.buffer.read(limits.most(MODULE_BYTES) + 1)
    return path


def is_artifact(source: bytes | Path) -> bool:
    """Whether it is a compiled module, by how it begins."""
    return begins_with(source, MAGIC)


def begins_with(source: bytes | Path, *beginnings: bytes) -> bool:
    """Whether it begins with one of these. A file that cannot be read does not (who reads it says why), nor a pipe."""
    if isinstance(source, bytes):
        return source.startswith(beginnings)
    try:
        if not stat.S_ISREG(os.stat(source).st_mode):
            return False
        with open(source, "rb") as content:
            return content.read(max(map(len, beginnings))).startswith(beginnings)
    except OSError:
        return False


def write_text(text: str, output: Path | None) -> None:
    """Write to a file; None, or ``-``, is standard output."""
    if output is None or str(output) == STANDARD_INPUT:
        click.echo(text, nl=not text.endswith("\n"))
    else:
        output.write_text(text, encoding="utf-8")
