"""Run what the documentation shows of programs that only the sessions build or fetch: the very lines of the page."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
_BLOCK: Final = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def block(page: str, name: str) -> str:
    """The lines of a page in `docs` that assign a program to a name.

    Raises:
        LookupError: there are none, or in several blocks.
    """
    text = (ROOT / "docs" / page).read_text()
    (found,) = [each for each in _BLOCK.findall(text) if re.search(rf"^{name} = ", each, re.MULTILINE)] or [""]
    if not found:
        raise LookupError(f"docs/{page} has no block that begins {name} = …")
    return str(found)


def run(lines: str, folder: Path) -> dict[str, Any]:
    """Run lines of a page in a folder, with the names that the page has imported; the names that there are then."""
    import wasmer_emscripten

    names: dict[str, Any] = {"Path": Path, "wasmer_emscripten": wasmer_emscripten}
    names |= {name: getattr(wasmer_emscripten, name) for name in ("CAPTURE", "Network", "load")}
    with contextlib.chdir(folder):
        exec(compile(lines, "<documentation>", "exec"), names)
    return names
