"""Collect the change fragments of one distribution into its changelog.

    python tools/changelog.py runtime-core            print what has changed since the last release
    python tools/changelog.py runtime-core 0.2.0      move it into CHANGELOG.md under that version

Fragments are the files of `changes/`, described in the README there. Each distribution is released
on its own, so each has a changelog of its own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
KINDS: Final = ("added", "changed", "deprecated", "removed", "fixed")


class Fragment(NamedTuple):
    """One file of `changes/`."""

    path: Path
    distribution: str
    kind: str
    text: str


class BadFragment(ValueError):
    """A file in `changes/` whose name or contents are not as its README says."""


def fragments(folder: Path) -> list[Fragment]:
    """All fragments in `folder`, by kind and name.

    Raises:
        BadFragment: a name that is not ``<distribution>.<about>.<kind>.md``, or an empty file.
    """
    found = []
    for path in sorted(folder.glob("*.md")):
        if path.name == "README.md":
            continue
        parts = path.name.split(".")
        if len(parts) != 4 or parts[2] not in KINDS:
            raise BadFragment(f"{path.name}: not <distribution>.<about>.<kind>.md with one of {', '.join(KINDS)}")
        text = path.read_text().strip()
        if not text:
            raise BadFragment(f"{path.name}: says nothing")
        found.append(Fragment(path, parts[0], parts[2], text))
    return sorted(found, key=lambda fragment: (KINDS.index(fragment.kind), fragment.path.name))


def section(entries: Sequence[Fragment]) -> str:
    """The fragments as the body of a changelog section."""
    parts = []
    for kind in KINDS:
        lines = ["* " + entry.text.replace("\n", "\n  ") for entry in entries if entry.kind == kind]
        if lines:
            parts.append(f"### {kind.capitalize()}\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def released(changelog: str, version: str, body: str, day: date) -> str:
    """The text of a changelog with a section for `version` above all others.

    A section of that version that is still marked unreleased is completed instead.
    """
    mark = f"## {version} (unreleased)\n"
    head = f"## {version} ({day.isoformat()})\n"
    if mark in changelog:
        before, after = changelog.split(mark, 1)
        first, separator, rest = after.partition("\n## ")
        return f"{before}{head}{first.rstrip()}\n\n{body}{separator}{rest}"
    before, separator, rest = changelog.partition("\n## ")
    return f"{before.rstrip()}\n\n{head}\n{body}{separator}{rest}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("distribution", choices=sorted(path.parent.name for path in ROOT.glob("lib/*/pyproject.toml")))
    parser.add_argument("version", nargs="?")
    options = parser.parse_args()
    try:
        entries = [entry for entry in fragments(ROOT / "changes") if entry.distribution == options.distribution]
    except BadFragment as error:
        print(f"changes/{error}", file=sys.stderr)
        return 1
    if options.version is None:
        print(section(entries), end="")
        return 0
    path = ROOT / "lib" / options.distribution / "CHANGELOG.md"
    path.write_text(released(path.read_text(), options.version, section(entries), date.today()))
    for entry in entries:
        entry.path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
