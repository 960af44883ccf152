"""The WebAssembly System Interface: snapshot0 and snapshot1, which is the latest.

A program gets arguments, an environment, standard streams that may be any Python file
objects, clocks, random bytes, and the directories it is given, nothing else::

    from pathlib import Path

    from wasmer_wasi import run

    done = run(Path("hello.wasm"), ["-v"], env={"LANG": "C"}, dirs={"/data": "some/dir"}, capture=True)
    print(done.returncode, done.stdout)

`generate_import_object_from_state` gives the imports alone, for an instance of one's own.
"""

from __future__ import annotations

from wasmer_runtime_core.support.lazy_names import lazy_names

TYPE_CHECKING = False  # checkers take it for True
if TYPE_CHECKING:
    from wasmer_runtime_core.errors import ExitCode
    from wasmer_vfs import Clock, HostDirectory, MemoryDirectory, SystemClock, VirtualClock
    from wasmer_vfs import FileObject as WasiFile
    from wasmer_vfs.standard_streams import INHERIT
    from wasmer_wasi.imports import (
        generate_import_object,
        generate_import_object_for_version,
        generate_import_object_from_state,
        get_wasi_state,
    )
    from wasmer_wasi.running import run
    from wasmer_wasi.state import (
        ArgumentContainsNulByte,
        EnvironmentVariableFormatError,
        MappedDirAliasFormattingError,
        PreopenedDirectoryNotFound,
        WasiFsCreationError,
        WasiFsSetupError,
        WasiState,
        WasiStateBuilder,
        WasiStateCreationError,
    )
    from wasmer_wasi.threads import ThreadedProgram
    from wasmer_wasi.version import VERSION, WasiVersion, __version__, get_wasi_version, is_wasi_module

__all__ = [
    "INHERIT",
    "VERSION",
    "ArgumentContainsNulByte",
    "Clock",
    "EnvironmentVariableFormatError",
    "ExitCode",
    "HostDirectory",
    "MappedDirAliasFormattingError",
    "MemoryDirectory",
    "PreopenedDirectoryNotFound",
    "SystemClock",
    "ThreadedProgram",
    "VirtualClock",
    "WasiFile",
    "WasiFsCreationError",
    "WasiFsSetupError",
    "WasiState",
    "WasiStateBuilder",
    "WasiStateCreationError",
    "WasiVersion",
    "__version__",
    "generate_import_object",
    "generate_import_object_for_version",
    "generate_import_object_from_state",
    "get_wasi_state",
    "get_wasi_version",
    "is_wasi_module",
    "run",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "wasmer_runtime_core.errors": ("ExitCode",),
        "wasmer_vfs": (
            "Clock",
            "HostDirectory",
            "MemoryDirectory",
            "SystemClock",
            "VirtualClock",
            "WasiFile=FileObject",
        ),
        "wasmer_vfs.standard_streams": ("INHERIT",),
        "wasmer_wasi.imports": (
            "generate_import_object",
            "generate_import_object_for_version",
            "generate_import_object_from_state",
            "get_wasi_state",
        ),
        "wasmer_wasi.running": ("run",),
        "wasmer_wasi.state": (
            "ArgumentContainsNulByte",
            "EnvironmentVariableFormatError",
            "MappedDirAliasFormattingError",
            "PreopenedDirectoryNotFound",
            "WasiFsCreationError",
            "WasiFsSetupError",
            "WasiState",
            "WasiStateBuilder",
            "WasiStateCreationError",
        ),
        "wasmer_wasi.threads": ("ThreadedProgram",),
        "wasmer_wasi.version": (
            "__version__",
            "VERSION",
            "WasiVersion",
            "get_wasi_version",
            "is_wasi_module",
        ),
    },
)
