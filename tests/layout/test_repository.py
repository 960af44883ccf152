"""The repository is laid out as its documents say, and holds nothing of any one machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]


def tracked() -> list[Path]:
    """Files that git knows, or all of them where there is no git."""
    result = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if result.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in result.stdout.splitlines() if (ROOT / line).is_file()]


def test_nothing_built_is_tracked() -> None:
    assert not [path for path in tracked() if path.suffix in (".so", ".o", ".pyc", ".whl")]


def test_no_file_names_a_place_of_one_machine() -> None:
    """But for the one that every program of emcc finds in its own tree."""
    places = re.compile(
        "(?<![./\\w])/(?:" + "|".join(["ro" + "ot", "wo" + "rk", "fa" + "rm", "ho" + r"me/(?!web_user)\w+"]) + ")/"
    )
    found = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in places.finditer(text)]
    assert not found


def test_every_module_opens_with_its_essay() -> None:
    """`__init__.py` may be empty; every other module says what it is."""
    modules = [path for path in tracked() if path.suffix == ".py" and path.name != "__init__.py"]
    silent = [path for path in modules if not path.read_text().lstrip().startswith(('"""', 'r"""'))]
    assert not [str(path.relative_to(ROOT)) for path in silent]


MOST_LINES: Final = 600
SAYS_WHY: Final = "Long for one idea: "
"""So begins, in what a file opens with, the sentence that gives the reason (CONTRIBUTING.md)."""


def test_a_file_of_many_lines_says_why_it_is_one_idea() -> None:
    sources = [path for path in ROOT.glob("lib/*/src/**/*") if path.suffix in (".py", ".c", ".h")]
    assert len(sources) > 200
    silent, needless = [], []
    for path in sources:
        text = path.read_text()
        opening = re.match(r'\s*(r?""".*?"""|/\*.*?\*/)', text, re.DOTALL)
        reason = re.search(re.escape(SAYS_WHY) + r"\w[^.]{20,}\.", opening[1] if opening else "")
        if (text.count("\n") > MOST_LINES) != (reason is not None):
            (needless if reason else silent).append(str(path.relative_to(ROOT)))
    assert not silent, f"longer than {MOST_LINES} lines: two ideas, or a reason is missing ({SAYS_WHY!r})"
    assert not needless, "short enough to do without the reason"
