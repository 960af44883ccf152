"""``compile`` and ``cache``: compiled modules as files, and those that are kept by themselves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from wasmer_runtime.cache import compilations
from wasmer_runtime.cache.files import Files, put
from wasmer_runtime.cli import deferred as click
from wasmer_runtime.cli.backend_option import backend_option
from wasmer_runtime.cli.compiling import compiling_options
from wasmer_runtime.cli.deferred import FILE
from wasmer_runtime.cli.failures import CommandError, quiet_option
from wasmer_runtime.cli.files import STANDARD_INPUT, file_argument, is_artifact, load
from wasmer_runtime.cli.llvm import LLVMFiles, llvm_options
from wasmer_runtime.cli.middlewares import middleware_options
from wasmer_runtime_core.support.printable import printable

if TYPE_CHECKING:
    from wasmer_runtime_core.contract.backend import CompilerConfig


@click.command("compile")
@file_argument
@click.option("-o", "--output", type=FILE, help="Where to write; default: FILE with the suffix .wasmer.")
@backend_option("Who compiles: {backends}. Default: auto.")
@quiet_option
@llvm_options
@middleware_options
@compiling_options
def compile_(
    file: Path, output: Path | None, backend: str | None, llvm: LLVMFiles, config: CompilerConfig | None
) -> None:
    """Compile a module to a file, which ``run`` takes, and begins at once."""
    if output is None and str(file) == STANDARD_INPUT:
        raise click.UsageError("a module on standard input has no name: name a file with --output")
    target = file.with_suffix(".wasmer") if output is None else output
    source = load(file, config)
    if is_artifact(source):
        raise CommandError(f"{file} is compiled already")
    put(os.fspath(target), llvm.compile(source, backend, config).serialize(), 0o666)


@click.group()
def cache() -> None:
    """The compiled modules that are kept, so that no program is compiled twice."""


@cache.command("dir")
def directory() -> None:
    """Say where they are."""
    click.echo(where())


@cache.command("list")
def list_() -> None:
    """Say which there are, those used last at the end: size, when it was used, what it is called."""
    from datetime import datetime

    with_files = opened()
    if with_files is None:
        return
    with with_files as files:
        for entry in files.entries():
            try:
                used = f"{datetime.fromtimestamp(entry.used):%Y-%m-%d %H:%M}"
            except (OverflowError, ValueError, OSError):
                used = "?"
            click.echo(f"{entry.size:>12,}  {used:>16}  {printable(entry.name)}")


@cache.command()
def clean() -> None:
    """Remove all of them."""
    with_files = opened()
    removed, size = (0, 0)
    if with_files is not None:
        with with_files as files:
            removed, size = files.clean()
    click.echo(f"{removed} removed, {size:,} bytes")


def where() -> str:
    """The directory.

    Raises:
        CommandError: there is none.
    """
    path = compilations.place()
    if path is None:
        raise CommandError(f"there is no cache: {compilations.DIRECTORY_VARIABLE} is empty, or there is no home")
    return path


def opened() -> Files | None:
    """The directory, if there is one."""
    where()
    try:
        return compilations.open_files()
    except FileNotFoundError:
        return None
