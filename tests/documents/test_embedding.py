"""Pages that are one program each: their examples run in order, and what they assert holds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents.test_examples import BLOCK, ROOT

PAGE = ROOT / "docs" / "embedding.md"
PROGRAMS = (
    *("arrays", "calling", "embedding", "host-functions", "import-hook", "limits", "llvm", "memory", "middleware"),
    "threads",
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_page_runs(name: str, tmp_path: Path) -> None:
    """In a process of its own, as a reader would run it: nothing is imported that the page does not import."""
    page = (ROOT / "docs" / f"{name}.md").read_text()
    program = ""
    for block in BLOCK.finditer(page):
        if block[2] == "python":
            before = page[: block.start()].count("\n") + 1
            program += "\n" * (before - program.count("\n")) + block[3]
    assert program
    script = tmp_path / f"{name}.py"
    script.write_text(program)  # line by line where the page has it
    result = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, result.stderr


def test_the_page_names_what_there_is() -> None:
    import wasmer_runtime.error

    table = PAGE.read_text().partition("## When it goes wrong")[2].partition("```")[0]
    for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", row):
            assert issubclass(getattr(wasmer_runtime.error, name), wasmer_runtime.error.Error)
