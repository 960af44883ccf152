"""The Pythons of this machine that the distributions support, and what a wheel depends on in each.

    python tools/pythons.py            prints them: version, path; those that cannot be used, and why

Looked for on the PATH, then where pyenv and uv keep theirs: pyenv has on the PATH only scripts that
know the version chosen last. Of each version the first that answers counts. One that runs without
a GIL is no candidate (the distributions refuse it), nor one without headers, nor a pre-release.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

OLDEST: Final = (3, 11)
"""What `requires-python` says in every distribution (tests/packaging compares)."""

TESTED: Final = ("3.11", "3.12", "3.13")
"""Those that the distributions' classifiers name: all tests have passed there. Later ones are tried where found."""

_PROBE: Final = """
import json, os, sys, sysconfig
print(json.dumps({
    "release": sys.version_info[:2],
    "facts": [sys.version, sysconfig.get_platform(), str(sysconfig.get_config_var("CC"))],
    "unfit": "not CPython" * (sys.implementation.name != "cpython")
    or "a pre-release" * (sys.version_info[3] != "final")
    or "without a GIL" * bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    or "no headers" * (not os.path.isfile(os.path.join(sysconfig.get_path("include"), "Python.h"))),
}))
"""


class Python(NamedTuple):
    """An interpreter; `unfit` says why it cannot be used, "" if it can."""

    path: Path
    release: tuple[int, int]
    facts: tuple[str, ...]
    unfit: str

    @property
    def name(self) -> str:
        """``3.13``."""
        return ".".join(map(str, self.release))


@functools.cache
def ask(path: Path) -> Python | None:
    """What the interpreter at `path` says of itself; None if it does not answer."""
    try:
        result = subprocess.run([path, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=20, check=True)
        answer = json.loads(result.stdout)
        return Python(path, tuple(answer["release"]), tuple(answer["facts"]), answer["unfit"])
    except (OSError, ValueError, TypeError, KeyError, subprocess.SubprocessError):
        return None


def this() -> Python:
    """The interpreter that runs this."""
    found = ask(Path(sys.executable))
    assert found is not None, f"{sys.executable} runs this and does not answer"
    return found


@functools.cache
def others() -> tuple[Python, ...]:
    """One interpreter of each supported version but that of this one, oldest first."""
    found: dict[tuple[int, int], Python] = {}
    for release, path in candidates():
        if release != sys.version_info[:2] and (release not in found or found[release].unfit):
            python = ask(path)
            if python is not None and python.release == release:
                found[release] = python
    return tuple(found[release] for release in sorted(found) if not found[release].unfit)


def candidates() -> Iterator[tuple[tuple[int, int], Path]]:
    """Files that are named like a supported Python and are programs, with the version in their name."""
    home = Path.home()
    folders = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    folders += sorted(Path(os.environ.get("PYENV_ROOT") or home / ".pyenv").glob("versions/*/bin"), reverse=True)
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share")
    folders += sorted(Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv/python").glob("*/bin"), reverse=True)
    for folder in folders:
        for path in sorted(folder.glob("python3.*")):
            match = re.fullmatch(r"python3\.(\d+)", path.name)
            if match and (release := (3, int(match[1]))) >= OLDEST and _is_program(path):
                yield release, path


def _is_program(path: Path) -> bool:
    """Whether it is one of its own, not a script that looks for one."""
    try:
        with open(path, "rb") as file:
            return file.read(2) != b"#!" and os.access(path, os.X_OK)
    except OSError:
        return False


def main() -> int:
    seen = {this().release: this()} | {python.release: python for python in others()}
    for release, path in candidates():
        if release not in seen and (python := ask(path)):
            seen[release] = python
    for _, python in sorted(seen.items()):
        print(f"{python.name:5} {python.path}{f'  (cannot be used: {python.unfit})' if python.unfit else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
