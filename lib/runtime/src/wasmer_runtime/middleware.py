"""Metering, traces, and middlewares of one's own (Wasmer's ``middleware-common``)."""

from __future__ import annotations

from wasmer_runtime_core.compiling.middleware.editor import BodyEditor, MiddlewareError, edit_bodies
from wasmer_runtime_core.compiling.middleware.metering import Metering, get_points_used, set_points_used
from wasmer_runtime_core.compiling.middleware.trace import BlockTrace, CallTrace
from wasmer_runtime_core.errors import ExecutionLimitExceeded
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.body.text import Record
from wasmer_runtime_core.wasm.module import ModuleInfo

__all__ = [
    "Metering",
    "get_points_used",
    "set_points_used",
    "ExecutionLimitExceeded",
    "CallTrace",
    "BlockTrace",
    "BodyEditor",
    "edit_bodies",
    "MiddlewareError",
    "Body",
    "Record",
    "ModuleInfo",
]
