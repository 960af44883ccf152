"""Every relative link of the documents leads to a file, and to a heading where it names one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.documents.test_examples import ROOT

PLACES = (
    "*.md",
    "docs/*.md",
    "lib/*.md",
    "lib/*/*.md",
    "benchmarks/*.md",
    "changes/*.md",
    "examples/**/*.md",
    "tests/**/*.md",
)
PAGES = sorted(page for place in PLACES for page in ROOT.glob(place))
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)#?([^)\s]*)\)")
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return FENCED.sub("", text)


def anchors(text: str) -> set[str]:
    """The headings, as links name them."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in LINK.findall(prose(page.read_text())):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {path}"
        assert not anchor or anchor in anchors(target.read_text()), f"{page.name}: {path}#{anchor}"
