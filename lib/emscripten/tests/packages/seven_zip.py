"""7-Zip: archives made, listed and extracted in the program's own files; one that is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wasmer_emscripten import CAPTURE, load
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler

NAME = "7z"
FILES = {"/d/a.txt": b"hello " * 2000, "/d/s/b.bin": bytes(number * number & 255 for number in range(5000))}
RUNS = (("a", "/x.7z", "/d"), ("a", "-tzip", "/x.zip", "/d"), ("a", "-txz", "/x.xz", "/d/a.txt"))
SUMMARY = ("Everything", "Files", "Archive size", "ERROR", "Add new")


def found(program: Any, above: str) -> Iterator[str]:
    """Each file below a directory, and its size."""
    for path in program.fs.iterdir(above):
        if program.fs.is_dir(path):
            yield from found(program, path)
        else:
            yield f"{path}:{len(program.fs.read_bytes(path))}"


def lines(program: Any) -> list[str]:
    """What it printed; errors are marked."""
    output, errors = program.stdout_bytes().decode(), program.stderr_bytes().decode()
    return [*("E " + line for line in errors.splitlines()), *output.splitlines()]


def run(folder: Path, backend: str) -> Iterator[str]:
    glue = folder / "7z-wasm/7zz.umd.js"
    module = compile_with(folder / "7z-wasm/7zz.wasm", find_compiler(backend))

    def start() -> Any:
        return load(module, glue=glue, name=NAME, stdin=None, stdout=CAPTURE, stderr=CAPTURE)

    archives = {}
    for arguments in RUNS:
        with start() as program:
            program.fs.mkdir("/d")
            program.fs.mkdir("/d/s")
            for path, content in FILES.items():
                program.fs.write_bytes(path, content)
            code = program.main(*arguments)
            name = next(each for each in arguments if each.startswith("/x"))
            archives[name] = program.fs.read_bytes(name)
            summary = "|".join(line for line in lines(program) if line.startswith(SUMMARY))
            yield f"{NAME} {' '.join(arguments)} exit {code} bytes {len(archives[name])} {summary}"
    for name, archive in archives.items():
        with start() as program:
            program.fs.write_bytes(name, archive)
            program.fs.mkdir("/o")
            code = program.main("x", "-y", "-o/o", name)
            yield f"x {name} exit {code} {' '.join(found(program, '/o'))}"
    with start() as program:
        program.fs.write_bytes("/bad.7z", b"7z\xbc\xaf\x27\x1cgarbage")
        code = program.main("t", "/bad.7z")
        yield f"bad exit {code} {'|'.join(line for line in lines(program) if 'ERROR' in line or 'Can' in line)}"
