"""Golden tests of what is made of functions: a folder of ``golden/`` for the constructor, and for each pass.

A file is CLIF; behind its functions stands, in comments that begin with ``;;``, what all passes together make of them.
Read a change of these texts, then ``pytest --bless``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from wasmer_clif_backend.ir.parser import parse_file
from wasmer_clif_backend.ir.printer import print_function
from wasmer_clif_backend.ir.verify import verify
from wasmer_clif_backend.passes.optimise import optimised

GOLDEN = Path(__file__).parent / "golden"


def expected_of(source: str) -> str:
    """The file with what is made today behind its functions."""
    text = "\n".join(line for line in source.splitlines() if not line.startswith(";;")).rstrip()
    lines: list[str] = []
    for one in parse_file(text).functions:
        assert verify(one.function) == []
        made = optimised(one.function)
        assert verify(made) == []
        lines += ["", *print_function(made).rstrip().splitlines()]
    return text + "\n\n" + "".join(f";; {line}".rstrip() + "\n" for line in lines[1:])


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/*.clif")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_is_made(path: Path, bless: bool) -> None:
    source = path.read_text()
    expected = expected_of(source)
    if bless:
        path.write_text(expected)
    assert source == expected or bless
