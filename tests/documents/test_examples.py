"""The documents' examples are true: commands print what the page says, and so does Python code.

A ``wat`` block is saved under the name that the text before it gives in backticks; each
line of a ``console`` block that begins with ``$ wasmer-runtime`` is run beside it, and must
print the lines that follow. ``pytest tests/documents --bless`` rewrites them.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.documents.blocks import BLOCK, ROOT

PAGES: Final = (
    "docs/command-line.md",
    "docs/how-an-optimising-compiler-works.md",
    "docs/life-of-a-function.md",
    "docs/life-of-a-function-in-clif.md",
    "docs/life-of-a-function-in-llvm.md",
    "docs/life-of-a-host-call.md",
    "docs/life-of-a-trap.md",
)
COMMAND: Final = "$ wasmer-runtime "


def printed(command: str, folder: Path) -> list[str]:
    """What a ``wasmer-runtime`` command prints, run in `folder`."""
    arguments = shlex.split(command.removeprefix(COMMAND))
    result = subprocess.run(
        [sys.executable, "-m", "wasmer_runtime", *arguments], cwd=folder, capture_output=True, text=True
    )
    assert result.returncode == 0, f"{command}\n{result.stderr}"
    return result.stdout.splitlines()


def performed(block: str, indent: str, folder: Path) -> str:
    """A console block with the output that its commands have now."""
    lines: list[str] = []
    for line in block.splitlines():
        text = line.removeprefix(indent)
        if text.startswith(COMMAND):
            lines += [text, *printed(text, folder)]
    return "".join(f"{indent}{line}".rstrip() + "\n" for line in lines)


@pytest.mark.parametrize("page", PAGES)
def test_commands_print_what_the_page_says(page: str, tmp_path: Path, bless: bool) -> None:
    path = ROOT / page
    text = path.read_text()
    example = next(match for match in BLOCK.finditer(text) if match[2] == "wat")
    (name,) = re.findall(r"`(\w+\.wat)`[^`]*\Z", text[: example.start()])
    (tmp_path / name).write_text(example[3])

    def perform(match: re.Match[str]) -> str:
        if match[2] != "console" or COMMAND not in match[3]:
            return match[0]
        return f"{match[1]}```console\n{performed(match[3], match[1], tmp_path)}{match[1]}```"

    now = BLOCK.sub(perform, text)
    if bless:
        path.write_text(now)
    assert now == text or bless


@pytest.mark.parametrize("page", ["README.md", "lib/runtime/README.md"])
def test_python_examples_print_what_they_say(page: str) -> None:
    """A comment ``prints X`` or ``returns X`` holds for its line."""
    for match in BLOCK.finditer((ROOT / page).read_text()):
        if match[2] != "python":
            continue
        output = io.StringIO()
        scope: dict[str, object] = {}
        with contextlib.redirect_stdout(output):
            exec(compile(match[3], page, "exec"), scope)
        assert output.getvalue().split() == re.findall(r"# prints (\S+?),? ", match[3])
        for expression, value in re.findall(r"^(instance\.\S+\(.*?\)) .*# .*returns (\S+)$", match[3], re.MULTILINE):
            with contextlib.redirect_stdout(output):
                assert repr(eval(expression, scope)) == value
