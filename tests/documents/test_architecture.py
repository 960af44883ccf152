"""The drawing of core in docs/architecture.md shows the folders that there are, each opening with what it is for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
CORE: Final = ROOT / "lib" / "runtime-core" / "src" / "wasmer_runtime_core"
NOT_DRAWN: Final = {"build_hook", "former_names"}
"""Modules of the package itself that the text below the drawing names."""


def drawing() -> set[str]:
    """Paths of the drawing, below the package; folders end with a slash."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    [block] = re.findall(r"```\nwasmer_runtime_core/\n(.*?)```", text, re.DOTALL)
    paths, above = set(), []
    for line in block.splitlines():
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        del above[depth - 1 :]
        above.append(name)
        paths.add("".join(above))
    return paths


def test_the_drawing_has_every_folder_and_no_other() -> None:
    folders = {
        f"{path.relative_to(CORE)}/"
        for path in CORE.rglob("*")
        if path.is_dir() and path.name != "__pycache__" and any(path.glob("*.[pc]*"))
    }
    assert {path for path in drawing() if path.endswith("/")} == folders


def test_the_drawing_has_every_module_beside_the_rooms() -> None:
    modules = {path.stem for path in CORE.glob("*.py") if path.stem != "__init__"}
    assert {path for path in drawing() if not path.endswith("/")} == modules - NOT_DRAWN


@pytest.mark.parametrize("package", sorted(CORE.rglob("__init__.py")), ids=lambda path: str(path.parent.name))
def test_every_folder_says_what_it_is_for(package: Path) -> None:
    assert package.read_text().startswith('"""')
