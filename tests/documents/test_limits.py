"""docs/limits.md has the table of implementation limits, and the factors that hostile shapes are tested for."""

from __future__ import annotations

import re
import runpy
from typing import Final

from tests.documents.blocks import ROOT
from wasmer_runtime_core.implementation_limits import LIMITS, Limit

PAGE: Final = ROOT / "docs" / "limits.md"
SHAPES: Final = ROOT / "lib" / "runtime-core" / "tests" / "test_hostile_shapes.py"


def page_row(limit: Limit) -> str:
    most = f"{limit.most:,}" + (f" and {limit.per_byte} per byte of the module" if limit.per_byte else "")
    return f"| `{limit.name}` | {limit.bounds} | {most} | {limit.source or 'ours'} |\n"


def test_the_page_has_the_table(bless: bool) -> None:
    page = PAGE.read_text()
    table = re.search(r"(?<=\| name \| bounds \| default \| from \|\n\|---\|---\|---\|---\|\n)(\|.*\n)*", page)
    assert table is not None
    now = "".join(map(page_row, LIMITS))
    if bless:
        PAGE.write_text(page[: table.start()] + now + page[table.end() :])
    assert table.group() == now or bless


def test_the_page_names_the_memory_that_shapes_are_tested_for() -> None:
    sentence = (
        "Decoding and validating a module takes at most {validate} bytes of memory per byte of it, "
        "printing it {print}, parsing a text {parse} per character"
    )
    assert sentence.format(**runpy.run_path(str(SHAPES))["FACTORS"]) in " ".join(PAGE.read_text().split())
