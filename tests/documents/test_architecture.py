"""The drawings of the distributions show the folders that there are, each opening with what it is for.

That of core stands in docs/architecture.md, the others in the README of each distribution that has folders.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = {path.name: path for path in sorted(ROOT.glob("lib/*/src/wasmer_*"))}
CORE: Final = "wasmer_runtime_core"
NOT_DRAWN: Final = {"__init__", "__main__", "build_hook", "former_names", "generated_c"}
"""Modules beside the folders that the text of docs/architecture.md names, and Python's own."""


def folders(package: Path) -> set[str]:
    """Below the package; each ends with a slash."""
    return {
        f"{path.relative_to(package)}/"
        for path in package.rglob("*")
        if path.is_dir() and path.name != "__pycache__" and any(path.glob("*.[pc]*"))
    }


DRAWN: Final = [name for name, package in PACKAGES.items() if folders(package)]


def drawing(name: str) -> set[str]:
    """Paths of the drawing, below the package; folders end with a slash."""
    page = ROOT / "docs" / "architecture.md" if name == CORE else PACKAGES[name].parents[1] / "README.md"
    [block] = re.findall(rf"```\n{name}/\n(.*?)```", page.read_text(), re.DOTALL)
    paths: set[str] = set()
    above: list[str] = []
    for line in block.splitlines():
        entry = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        del above[depth - 1 :]
        above.append(entry)
        paths.add("".join(above))
    return paths


def test_distributions_with_folders_are_looked_for() -> None:
    assert len(PACKAGES) == 10
    assert {CORE, "wasmer_singlepass_backend", "wasmer_clif_backend", "wasmer_llvm_backend"} <= set(DRAWN)


@pytest.mark.parametrize("name", DRAWN)
def test_the_drawing_has_every_folder_and_no_other(name: str) -> None:
    assert {path for path in drawing(name) if path.endswith("/")} == folders(PACKAGES[name])


@pytest.mark.parametrize("name", DRAWN)
def test_the_drawing_has_every_module_beside_the_folders_or_none(name: str) -> None:
    """A drawing may leave the modules to a table of its page; one that begins to name them names all."""
    drawn = {path for path in drawing(name) if not path.endswith("/")}
    modules = {path.stem for path in PACKAGES[name].glob("*.py")} - NOT_DRAWN
    assert drawn in (set(), modules) if name != CORE else drawn == modules


@pytest.mark.parametrize(
    "package", sorted(ROOT.glob("lib/*/src/**/__init__.py")), ids=lambda path: str(path.parent.name)
)
def test_every_folder_says_what_it_is_for(package: Path) -> None:
    assert package.read_text().startswith('"""')
