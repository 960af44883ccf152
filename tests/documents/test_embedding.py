"""Pages that are one program each: their examples run in order, and what they assert holds."""

from __future__ import annotations

import re

import pytest

from tests.documents.test_examples import BLOCK, ROOT

PAGE = ROOT / "docs" / "embedding.md"
PROGRAMS = ("arrays", "calling", "embedding", "host-functions", "limits", "llvm", "memory", "middleware", "threads")


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_page_runs(name: str) -> None:
    page = ROOT / "docs" / f"{name}.md"
    scope: dict[str, object] = {}
    blocks = [match for match in BLOCK.finditer(page.read_text()) if match[2] == "python"]
    assert blocks
    for block in blocks:
        line = page.read_text()[: block.start()].count("\n") + 1
        exec(compile("\n" * line + block[3], str(page), "exec"), scope)


def test_the_page_names_what_there_is() -> None:
    import wasmer_runtime.error

    table = PAGE.read_text().partition("## When it goes wrong")[2].partition("```")[0]
    for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", row):
            assert issubclass(getattr(wasmer_runtime.error, name), wasmer_runtime.error.Error)
