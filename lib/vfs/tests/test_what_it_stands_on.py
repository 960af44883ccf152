"""vfs imports of core no more than how to wait, and of the interfaces that use it nothing."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import wasmer_vfs

WITHOUT_WEIGHT: Final = tuple(
    f"wasmer_runtime_core.support.{name}" for name in ("annotations", "functions", "lazy_names", "named_tuple")
)
"""What stands for parts of Python that take long to import."""


def test_of_core_only_how_to_wait() -> None:
    found = set()
    for path in Path(wasmer_vfs.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wasmer_"):
                if not (node.module or "").startswith(("wasmer_vfs", *WITHOUT_WEIGHT)):
                    found |= {f"{node.module}.{name.name}" for name in node.names}
            elif isinstance(node, ast.Import):
                found |= {name.name for name in node.names if name.name.startswith("wasmer_")}
    assert found == {
        "wasmer_runtime_core.errors.Timeout",
        "wasmer_runtime_core.running.interrupts",
        "wasmer_runtime_core.support.handlers.raised_by_a_handler",
    }


def test_every_public_name_is_there() -> None:
    assert all(hasattr(wasmer_vfs, name) for name in wasmer_vfs.__all__)
