"""Build with core's hook: the one beside this distribution in the repository, else the installed one."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

HOOK = Path(__file__).resolve().parent.parent / "runtime-core/src/wasmer_runtime_core/build_hook.py"


def get_build_hook() -> Any:
    """Called by hatchling: the class that does the work."""
    if not HOOK.is_file():
        from wasmer_runtime_core.build_hook import CompileHook

        return CompileHook
    specification = importlib.util.spec_from_file_location("wasmer_build_hook", HOOK)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.CompileHook
