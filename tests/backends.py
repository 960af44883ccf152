"""The backends that tests of several distributions run on.

Allocations of the cranelift backend are proved in all of them: ``conftest.py`` sets `WASMER_CLIF_CHECK`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.errors import BackendError

if TYPE_CHECKING:
    from wasmer_runtime_core.contract.compiler import Compiler

BACKENDS: Final = ("singlepass", "cranelift", "llvm")


def compiler_or_skip(name: str) -> Compiler:
    """The compiler of this name. Where it cannot be used, the test is skipped, which says why."""
    try:
        return find_compiler(name)
    except BackendError as error:
        pytest.skip(str(error))


def usable() -> list[str]:
    """Those of `BACKENDS` that can be used here."""
    found = []
    for name in BACKENDS:
        try:
            find_compiler(name)
        except BackendError:
            continue
        found.append(name)
    return found
