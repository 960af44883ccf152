"""docs/security.md names tests that exist."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.documents.blocks import ROOT

PAGE: Final = (ROOT / "docs" / "security.md").read_text()
NAMED: Final = sorted(set(re.findall(r"`((?:lib|tests)/[^`]*\.py(?:::\w+)?)`", PAGE)))


@pytest.mark.parametrize("name", NAMED)
def test_the_tests_that_keep_promises_exist(name: str) -> None:
    path, _, function = name.partition("::")
    text = (ROOT / path).read_text()
    assert re.search(rf"^ *def {function or 'test_'}", text, re.MULTILINE), name


def test_every_promise_has_one() -> None:
    table = PAGE.partition("## Promises")[2].partition("## What is not promised")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith(("| promise", "| **"))]
    assert rows
    for row in rows:
        assert re.search(r"`(lib|tests)/", row.split("|")[2]), row
