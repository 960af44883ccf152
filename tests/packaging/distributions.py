"""The ten distributions as their pyproject files describe them."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
NAMES: Final = sorted(path.parent.name for path in ROOT.glob("lib/*/pyproject.toml"))


def pyproject(name: str) -> dict[str, Any]:
    """The pyproject.toml of lib/`name`; of the workspace for ""."""
    path = ROOT / "lib" / name / "pyproject.toml" if name else ROOT / "pyproject.toml"
    return tomllib.loads(path.read_text())


def package(name: str) -> Path:
    """The directory of the import package of lib/`name`."""
    return ROOT / "lib" / name / "src" / ("wasmer_" + name.replace("-", "_"))


def version(name: str) -> str:
    """The version that lib/`name` declares."""
    match = re.search(r'^VERSION = "([^"]+)"$', (package(name) / "version.py").read_text(), re.MULTILINE)
    assert match, f"lib/{name}: version.py says no VERSION"
    return match[1]


def requirements(name: str) -> list[str]:
    """Everything lib/`name` may ask for: dependencies and extras."""
    project = pyproject(name)["project"]
    extras = project.get("optional-dependencies", {}).values()
    return [*project["dependencies"], *(requirement for extra in extras for requirement in extra)]


def installed(name: str) -> importlib.metadata.Distribution:
    """The installed distribution of lib/`name`; skips the test where only its sources are on the path."""
    try:
        return importlib.metadata.distribution(f"wasmer-{name}")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"wasmer-{name} is not installed (nox installs it)")
