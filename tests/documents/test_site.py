"""The site has every page, and no link that leads out of it."""

from __future__ import annotations

import re

import pytest

from tests.documents.blocks import ROOT
from tools.documentation_site import on_page_markdown

SETTINGS = (ROOT / "mkdocs.yml").read_text()


def test_every_page_has_its_place() -> None:
    listed = re.findall(r"^ +- ([\w/-]+\.md)$", SETTINGS, re.MULTILINE)
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert len(listed) == len(set(listed)) and set(listed) == pages


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("see [lib/wasi](../lib/wasi)", "see lib/wasi"),
        ("[the parser](../lib/a/parser.py#L3) reads", "the parser (`lib/a/parser.py`) reads"),
        ("[`contract.h`](../lib/x/contract.h)", "`contract.h`"),
        ("[memory](memory.md#ending) and [a](https://a.b)", "[memory](memory.md#ending) and [a](https://a.b)"),
        ("```\n[x](../y)\n```\n[x](../z/)", "```\n[x](../y)\n```\nx (`z/`)"),
        ("[a [b] c](../README.md)", "a [b] c (`README.md`)"),
    ],
)
def test_links_out_of_the_folder_become_words(written: str, shown: str) -> None:
    assert on_page_markdown(written) == shown


def test_no_page_keeps_one() -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        text = on_page_markdown(page.read_text())
        outside = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
        assert not re.findall(r"\]\(\.\./", outside), page
