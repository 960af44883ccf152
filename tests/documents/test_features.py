"""docs/features.md has the table of features."""

from __future__ import annotations

import re
from typing import Final

from tests.documents.blocks import ROOT
from wasmer_runtime_core.features import FEATURES, Feature

PAGE: Final = ROOT / "docs" / "features.md"


def page_row(feature: Feature) -> str:
    return f"| `{feature.name}` | {feature.title} | {feature.release} | {'on' if feature.here else 'not yet'} |\n"


def test_the_page_has_the_table(bless: bool) -> None:
    page = PAGE.read_text()
    table = re.search(r"(?<=\| name \| what it is \| release \| here \|\n\|---\|---\|---\|---\|\n)(\|.*\n)*", page)
    assert table is not None
    now = "".join(map(page_row, FEATURES))
    if bless:
        PAGE.write_text(page[: table.start()] + now + page[table.end() :])
    assert table.group() == now or bless


def test_the_page_says_what_uses_each_feature_that_can_be_switched_off() -> None:
    page = PAGE.read_text()
    uses = page[page.index("| feature | is used by |") :]
    for row in FEATURES:
        assert (f"`{row.name}`" in uses) == row.here
