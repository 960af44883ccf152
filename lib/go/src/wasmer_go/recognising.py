"""Whether a module is a Go program, and of which versions."""

from __future__ import annotations

from typing import Any, Final

from wasmer_go.errors import UnknownGoVersion
from wasmer_runtime_core.wasm.module import FUNCTION

OLD: Final = "go"
"""The namespace of Go 1.12 to 1.20."""
NEW: Final = "gojs"
"""That of Go 1.21 and later."""
VERSIONS: Final = "Go 1.14 to 1.27"
"""What can be run."""
EXPORTS: Final = ("run", "resume", "getsp", "mem")
_RUNTIME: Final = "runtime."
_JS: Final = "syscall/js."


def info_of(module: Any) -> Any:
    """The `ModuleInfo` of a module, or what is one."""
    info = getattr(module, "info", module)
    return info() if callable(info) else info


def is_go_module(module: Any) -> bool:
    """Whether it is a Go program of ``GOOS=js``. One of ``GOOS=wasip1`` is a WASI program.

    Args:
        module: a module of the runtime, or its `ModuleInfo`.
    """
    return any(
        entry.kind == FUNCTION and entry.namespace in (OLD, NEW) and entry.name.startswith((_RUNTIME, _JS))
        for entry in info_of(module).imports
    )


def must_be_known(module: Any, names: Any) -> None:
    """Refuse a module of a version that is not known.

    Args:
        names: what can be imported.

    Raises:
        UnknownGoVersion: it imports something else, or does not export what each version exports.
    """
    info = info_of(module)
    wanted = [entry.name for entry in info.imports if entry.namespace in (OLD, NEW)]
    unknown = tuple(name for name in wanted if name not in names)
    if not wanted:
        raise UnknownGoVersion("the module is no Go program: it imports nothing from the namespaces go and gojs")
    if unknown:
        raise UnknownGoVersion(
            f"the module imports {', '.join(unknown[:8])}{', …' if len(unknown) > 8 else ''}, which no known "
            f"version of Go does: {VERSIONS} can be run",
            unknown,
        )
    if _JS + "valueGet" in wanted and _JS + "finalizeRef" not in wanted:
        raise UnknownGoVersion(
            f"the module is of Go 1.12 or 1.13, which name values in another way: {VERSIONS} can be run", tuple(wanted)
        )
    exports = {export.name for export in info.exports}
    absent = [name for name in EXPORTS if name not in exports]
    if absent:
        raise UnknownGoVersion(
            f"the module does not export {', '.join(absent)}, as each program of Go ({VERSIONS}) does", tuple(absent)
        )
