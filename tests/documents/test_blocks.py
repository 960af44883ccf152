"""Every block of Python and every command on every page is run, as a reader would; or the page says why not.

The Python blocks of a page are one program: they run in order, in a process and a folder of their own, and
nothing is imported that the page does not import. Commands that begin with ``wasmer-runtime`` are run in such a folder
too, ``./do`` commands must name sessions that there are. A block that cannot be run has a comment
before it, ``<!-- not run: reason -->``. In the folder lie the files that pages speak of (`lay_out`).
"""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.documents.blocks import PAGES, ROOT, Block, blocks, named
from wasmer_runtime import wat2wasm

PROGRAM: Final = """
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (call $exit (i32.const 0))))
"""
LANGUAGES: Final = ("", "c", "console", "go", "python", "toml", "wat")
"""Those of blocks; one without is a picture."""


def with_blocks(language: str) -> list[Path]:
    return [page for page in PAGES if any(block.language == language for block in blocks(page))]


def runnable(page: Path, language: str) -> list[Block]:
    return [block for block in blocks(page) if block.language == language and not block.not_run]


def lay_out(folder: Path) -> None:
    """What a reader has at hand: programs for WASI, and those that emcc has built for the tests."""
    for name in ("program.wasm", "words.wasm"):
        (folder / name).write_bytes(wat2wasm(PROGRAM))
    for module in (ROOT / "lib/emscripten/tests/fixtures").glob("*.wasm"):
        (folder / module.name).write_bytes(module.read_bytes())


@pytest.mark.parametrize("page", with_blocks("python"), ids=named)
def test_python(page: Path, tmp_path: Path) -> None:
    program = ""
    for block in runnable(page, "python"):
        program += "\n" * (block.line - 1 - program.count("\n")) + block.text  # line by line where the page has it
    lay_out(tmp_path)
    script = tmp_path / f"{page.stem}.py"
    script.write_text(program)
    result = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, f"{named(page)}\n{result.stderr}"


@pytest.mark.parametrize("page", with_blocks("console"), ids=named)
def test_commands(page: Path, tmp_path: Path) -> None:
    """What they print is compared in `test_examples`, on the pages that have their input."""
    lay_out(tmp_path)
    for name, text in re.findall(r"`(\w+\.wat)`[^`]*```wat\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(text)
    for block in runnable(page, "console"):
        commands = [line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ ")]
        assert commands, f"{named(page)}:{block.line}: a console without commands"
        for command in commands:
            check(shlex.split(command, comments=True), tmp_path)


def check(words: list[str], folder: Path) -> None:
    """Run a command, or see that what it names exists."""
    if words[0] == "./do":
        functions = ast.parse((ROOT / "noxfile.py").read_text()).body
        sessions = {each.name for each in functions if isinstance(each, ast.FunctionDef) and each.decorator_list}
        for word in words[1:]:
            if word == "--":
                break
            assert re.sub(r"\(.*\)", "", word) in sessions, word
        return
    assert words[0] == "wasmer-runtime", f"{shlex.join(words)}: say why it is not run"
    command = [sys.executable, "-m", "wasmer_runtime", *words[1:]]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, f"{shlex.join(words)}\n{result.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_nothing_escapes(page: Path) -> None:
    """Languages that are known, fences that are closed, reasons that stand before a block."""
    text = page.read_text()
    found = list(blocks(page))
    for block in found:
        assert block.language in LANGUAGES, f"{named(page)}:{block.line}"
    assert text.count("```") == 2 * len(found), f"{named(page)}: a fence that is no block"
    assert len(re.findall(r"^ *<!-- not run", text, re.MULTILINE)) == sum(bool(block.not_run) for block in found)


def test_there_are_pages() -> None:
    assert {"README.md", "docs/embedding.md", "lib/wasi/README.md"} <= {named(page) for page in PAGES}
    assert len(with_blocks("python")) > 12 and len(with_blocks("console")) > 3


def test_the_page_on_embedding_names_what_there_is() -> None:
    import wasmer_runtime.error

    page = (ROOT / "docs" / "embedding.md").read_text()
    table = page.partition("## When it goes wrong")[2].partition("```")[0]
    for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", row):
            assert issubclass(getattr(wasmer_runtime.error, name), wasmer_runtime.error.Error)
