"""``em-stubs``: what a program of emcc binds, as the text of a ``.pyi``."""

from __future__ import annotations

import re
from pathlib import Path

from wasmer_runtime.cli import deferred as click
from wasmer_runtime.cli.deferred import FILE
from wasmer_runtime.cli.failures import CommandError, must_be_installed
from wasmer_runtime.cli.files import file_argument, write_text


def class_name(file: Path) -> str:
    """A name for the class that stands for a program: ``yoga-wasm.js`` is ``YogaWasm``."""
    words = re.findall(r"[A-Za-z0-9]+", file.stem)
    return "".join(word[:1].upper() + word[1:] for word in words) or "Program"


@click.command("em-stubs")
@file_argument
@click.option("-o", "--output", type=FILE, help="Where to write; default: standard output.")
@click.option("--name", metavar="NAME", help="Of the class that stands for the program. Default: after the file.")
@click.option(
    "--em-symbol-map", metavar="FILE", type=FILE, help="Names of minified imports, JSON or lines letters:name."
)
def em_stubs(file: Path, output: Path | None, name: str | None, em_symbol_map: Path | None) -> None:
    """Write a .pyi of what a program of emcc binds with embind. Its constructors are run, for they tell."""
    must_be_installed("wasmer_emscripten", "em-stubs needs wasmer-emscripten: pip install wasmer-emscripten")
    from wasmer_emscripten import load
    from wasmer_emscripten.embind.stubs import stubs

    with load(file, stdin=None, stdout=None, symbols=em_symbol_map) as program:
        registry = program.process.bindings
        if registry is None or not registry.names:
            raise CommandError(f"{file} binds nothing: it was not built with --bind")
        text = stubs(registry, name or class_name(file), file.name)
    write_text(text, output)
