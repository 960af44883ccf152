"""``validate``, ``wat2wasm``, ``wasm2wat``: modules checked, and changed from one format to the other."""

from __future__ import annotations

import sys
from pathlib import Path

from wasmer_runtime import api
from wasmer_runtime.cli import deferred as click
from wasmer_runtime.cli.compiling import compiling_options
from wasmer_runtime.cli.deferred import FILE
from wasmer_runtime.cli.failures import CommandError, complain
from wasmer_runtime.cli.files import file_argument, load, write_text
from wasmer_runtime_core.compiling import pipeline
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import Error


@click.command()
@click.argument("files", metavar="FILE…", type=FILE, nargs=-1, required=True)
@compiling_options
def validate(files: tuple[Path, ...], config: CompilerConfig | None) -> None:
    """Check modules, binary or text; nothing is compiled."""
    failed = False
    for path in files:
        try:
            pipeline.run(pipeline.Compilation(load(path, config), config=config), until="validate")
        except (Error, OSError) as error:
            complain(f"{path}: {error}" if isinstance(error, Error) else str(error))
            failed = True
    if failed:
        raise click.exceptions.Exit(1)


@click.command()
@file_argument
@click.option(
    "-o", "--output", type=FILE, help="Where to write; default: FILE with the suffix .wasm. - is standard output."
)
@click.option("--no-check", is_flag=True, help="Translate what is not valid, too.")
def wat2wasm(file: Path, output: Path | None, no_check: bool) -> None:
    """Translate the text format into the binary format. What is not valid is refused."""
    source = load(file)
    text = source if isinstance(source, bytes) else pipeline.file_contents(source)
    binary = api.wat2wasm(text, validate=not no_check)
    if output is None:
        output = file if str(file) == "-" else file.with_suffix(".wasm")
        if output == file and str(file) != "-":
            raise CommandError(f"{file} would be overwritten: name another file with --output")
    if str(output) == "-":
        sys.stdout.buffer.write(binary)
    else:
        output.write_bytes(binary)


@click.command()
@file_argument
@click.option("-o", "--output", type=FILE, help="Where to write; default: standard output.")
def wasm2wat(file: Path, output: Path | None) -> None:
    """Translate the binary format into the text format."""
    write_text(api.wasm2wat(load(file)), output)
