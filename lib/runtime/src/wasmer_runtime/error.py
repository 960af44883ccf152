"""What can go wrong, as exceptions (Wasmer's ``wasmer_runtime::error``).

Catch `Error` for everything this project raises on purpose, `CompileError`, `LinkError` or
`CallError` for one stage of a module's life. `RuntimeError` stands here under Wasmer's name;
it is a subclass of the built-in one, and is called `WasmRuntimeError` too.
"""

from __future__ import annotations

from wasmer_runtime_core.errors import (
    BackendError,
    CacheError,
    CallError,
    Cancelled,
    CompileError,
    CreationError,
    DecodeError,
    Error,
    ExecutionLimitExceeded,
    ExitCode,
    ExportNotFound,
    ExportWrongType,
    FaultError,
    Frame,
    GenericLinkError,
    GrowError,
    ImplementationLimitError,
    ImportNotFound,
    IncorrectGlobalDescriptor,
    IncorrectImportSignature,
    IncorrectImportType,
    IncorrectMemoryDescriptor,
    IncorrectTableDescriptor,
    IncorrectTagDescriptor,
    InternalError,
    InvalidDescriptor,
    LinkError,
    LinkErrorItem,
    MemoryGrowError,
    PageError,
    ResolveError,
    SignatureError,
    TableGrowError,
    Timeout,
    TooManyInstances,
    Trap,
    UnableToCreateMemory,
    UnableToCreateTable,
    Uncatchable,
    UnsupportedFeatureError,
    UserError,
    ValidationError,
    WasmRuntimeError,
)

RuntimeError = WasmRuntimeError

__all__ = [
    "Error",
    # compiling
    "CompileError",
    "DecodeError",
    "ValidationError",
    "UnsupportedFeatureError",
    "ImplementationLimitError",
    "BackendError",
    # linking
    "LinkError",
    "LinkErrorItem",
    "ImportNotFound",
    "IncorrectImportType",
    "IncorrectImportSignature",
    "IncorrectMemoryDescriptor",
    "IncorrectTableDescriptor",
    "IncorrectGlobalDescriptor",
    "IncorrectTagDescriptor",
    "GenericLinkError",
    # calling
    "CallError",
    "ResolveError",
    "SignatureError",
    "ExportNotFound",
    "ExportWrongType",
    "WasmRuntimeError",  # `RuntimeError` is the same, and left out here: `import *` must not hide the built-in one
    "Trap",
    "ExecutionLimitExceeded",
    "Frame",
    "UserError",
    "Timeout",
    "Cancelled",
    "ExitCode",
    "Uncatchable",
    # memories, tables, caches
    "CreationError",
    "UnableToCreateMemory",
    "UnableToCreateTable",
    "TooManyInstances",
    "InvalidDescriptor",
    "GrowError",
    "MemoryGrowError",
    "TableGrowError",
    "PageError",
    "CacheError",
    # bugs of ours
    "InternalError",
    "FaultError",
]
