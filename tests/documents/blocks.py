"""The pages of the repository, and the blocks of code in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
PLACES: Final = (
    "*.md",
    "docs/**/*.md",
    "lib/*.md",
    "lib/*/*.md",
    "benchmarks/**/*.md",
    "changes/*.md",
    "examples/**/*.md",
    "tests/**/*.md",
    "tools/**/*.md",
)
PAGES: Final = sorted({page for place in PLACES for page in ROOT.glob(place)})

BLOCK: Final = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
"""Indentation, language, text."""

NOT_RUN: Final = re.compile(r"<!-- not run: (.+?) -->\s*\Z")
"""Stands before a block that cannot be run, with the reason."""


class Block(NamedTuple):
    """A block of code in a page."""

    language: str
    text: str
    line: int
    """Of the page, of the block's first line, from 1."""
    not_run: str
    """Why it is not run, or ""."""


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, in order."""
    text = page.read_text()
    for found in BLOCK.finditer(text):
        before = text[: found.start()]
        reason = NOT_RUN.search(before)
        yield Block(found[2], found[3], before.count("\n") + 2, reason[1] if reason else "")


def named(page: Path) -> str:
    """How messages name it."""
    return str(page.relative_to(ROOT))
