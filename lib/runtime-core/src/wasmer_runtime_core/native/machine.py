"""The types of the C part, as Python sees them. Their signatures stand in ``machine.pyi``."""

from __future__ import annotations

try:
    from wasmer_runtime_core.native._native import *  # noqa: F403
except ModuleNotFoundError as error:
    raise ImportError(
        "the C part of wasmer-runtime-core is not built for this Python "
        f"({error}); in a source tree run: python -m wasmer_runtime_core.native.build"
    ) from error
