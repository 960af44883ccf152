"""Fragments become changelog sections; a misnamed one is an error, not a change that gets lost."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.packaging.distributions import NAMES, ROOT
from tools.changelog import BadFragment, fragments, released, section

DAY = date(2026, 11, 22)


def test_the_fragments_of_the_repository_are_well_named() -> None:
    assert {fragment.distribution for fragment in fragments(ROOT / "changes")} <= set(NAMES)


@pytest.mark.parametrize("name", ["core.thing.md", "core.thing.improved.md", "core.a.b.fixed.md"])
def test_a_misnamed_fragment_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Something.")
    with pytest.raises(BadFragment, match=name):
        fragments(tmp_path)


def test_sections_are_ordered_by_kind(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("not a fragment")
    (tmp_path / "core.b.fixed.md").write_text("A mend.\nOf two lines.\n")
    (tmp_path / "core.a.added.md").write_text("A thing.")
    assert section(fragments(tmp_path)) == "### Added\n\n* A thing.\n\n### Fixed\n\n* A mend.\n  Of two lines.\n"


def test_a_release_goes_above_the_others() -> None:
    text = "# Changes of x\n\nWords.\n\n## 0.1.0 (2026-01-01)\n\nThe first version.\n"
    assert released(text, "0.2.0", "### Added\n\n* A.\n", DAY) == (
        "# Changes of x\n\nWords.\n\n## 0.2.0 (2026-11-22)\n\n### Added\n\n* A.\n"
        "\n## 0.1.0 (2026-01-01)\n\nThe first version.\n"
    )


def test_a_section_marked_unreleased_is_completed() -> None:
    text = "# Changes of x\n\n## 0.1.0 (unreleased)\n\nThe first version.\n"
    assert released(text, "0.1.0", "### Added\n\n* A.\n", DAY) == (
        "# Changes of x\n\n## 0.1.0 (2026-11-22)\n\nThe first version.\n\n### Added\n\n* A.\n"
    )
