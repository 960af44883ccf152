"""Build with core's hook: its own, the one beside this distribution in the repository, or the installed one."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
HOOK = "src/wasmer_runtime_core/build_hook.py"


class CoreIsMissing(BuildHookInterface[Any]):
    """Stands in until the build environment holds core, and asks for it: with what compiles, if anything is."""

    def dependencies(self) -> list[str]:
        return [f"wasmer-runtime-core{'[build]' if self.config.get('modules') else ''}>=0.1,<0.2"]


def get_build_hook() -> Any:
    """Called by hatchling: the class that does the work."""
    for path in (HERE / HOOK, HERE.parent / "runtime-core" / HOOK):
        if path.is_file():
            specification = importlib.util.spec_from_file_location("wasmer_build_hook", path)
            assert specification is not None and specification.loader is not None
            module = importlib.util.module_from_spec(specification)
            specification.loader.exec_module(module)
            return module.CompileHook
    try:
        from wasmer_runtime_core.build_hook import CompileHook
    except ModuleNotFoundError:
        return CoreIsMissing
    return CompileHook
