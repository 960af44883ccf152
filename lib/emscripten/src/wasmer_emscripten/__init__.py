"""Programs built by emcc, which this version cannot run yet.

Only the question whether a module is such a program is answered, so that a front end can tell its
user what it met. Running one raises `CompileError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from wasmer_emscripten.version import VERSION
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.wasm.module import FUNCTION

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.module import ModuleInfo

__all__ = ["VERSION", "generate_emscripten_env", "is_emscripten_module"]

MARKS: Final = ("_emscripten_memcpy_big", "emscripten_memcpy_big", "__map_file")
"""Functions of ``env`` that emcc's programs import, and hardly any other's."""


def is_emscripten_module(info: ModuleInfo) -> bool:
    """Whether a module was built by emcc: it imports one of `MARKS` from ``env``."""
    return any(entry.kind == FUNCTION and entry.namespace == "env" and entry.name in MARKS for entry in info.imports)


def generate_emscripten_env(*_: object) -> NoReturn:
    """Would make the imports of such a program.

    Raises:
        CompileError: always, in this version.
    """
    raise CompileError(f"programs built by emcc cannot be run in this version (wasmer-emscripten {VERSION})")
