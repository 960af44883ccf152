"""Programs that Emscripten's compiler has built, run without JavaScript.

The idea
    A program of emcc imports some two hundred functions that its JavaScript, the *glue*, would give it: a heap that
    grows, files, clocks, exceptions of C++. They are here in Python, over the files of `wasmer_vfs` and the machine of
    `wasmer_runtime_core`::

        from pathlib import Path
        from wasmer_emscripten import load

        lua = load(Path("lua.wasm"), mounts={"/work": "scripts"}, current="/work")
        lua.main("script.lua")

    Ten years of emcc have changed names, types and records. A module does not say which emcc built it, and need not:
    what an import gets is decided by the type that it wants (`functions`, `recognising`).

The promises
    * A program sees what it is given: its arguments, its variables, streams, a tree of files in memory, and what is
      mounted in it (`wasmer_vfs.trees`). No number and no path of its leads anywhere else.
    * It reaches nobody, and nobody reaches it, but where a `Network` says so (`wasmer_vfs.network`).
    * Every number that it passes is looked at before it is used: ranges of memory, counts, pointers to functions. What
      can be told is told as an error number, else the program ends with `WrongArgument`; nothing else comes out
      (`guest`, `functions`). What it can pile up has a limit.
    * Nothing that it waits for outlives a deadline, a cancellation or a signal.
    * Only `invoke_*` catches, and only what its own program has thrown (`library.jumps`).
    * No stub makes up a success: what is not here raises `NotSupported`, with what to do (`library.refused`), when it
      is called, not before.

The limits
    A minified module needs the glue beside it; where its functions' names are gone, not all can be told from what they
    do (`glue.fingerprints`); of emcc's first backend's, none.
    There is one thread, no dynamic linking, and no JavaScript but Python functions that the user
    gives.

The chapters
    =============  ===============================================================================================
    recognising    what a module says of itself
    signatures     types as text
    functions      rows of name, type and function; which of them an import gets
    glue           the JavaScript beside a module: names, the module itself
    guest          the program's memory
    state          exceptions under way, the user's functions for JavaScript
    process        what one program has; what it needs of its own exports
    exports        which these are, and their types
    embind         C++ that a program binds, as Python's functions and classes
    library        functions that are no system calls, by what they are for
    syscalls       system calls, by what they are for
    linking        side modules: placed, linked, found by `dlopen`
    fastcomp       what programs of emcc's first backend want besides
    pipes          what `pipe` makes; the tree of files and its devices are `wasmer_vfs`'s
    numbers        errors, flags and records of the C library
    loading        from a module to a program: `load`
    program        `Program`; `calling` has what it takes to call into one
    wasmer_names   the same by Wasmer's names
    =============  ===============================================================================================
"""

from __future__ import annotations

from wasmer_emscripten.errors import (
    Aborted,
    BindingError,
    CppException,
    EmscriptenError,
    LongJump,
    NotSupported,
    OutOfMemory,
    SideModuleError,
    WrongArgument,
)
from wasmer_emscripten.loading import CAPTURE, load
from wasmer_emscripten.program import Program
from wasmer_emscripten.recognising import is_emscripten_module
from wasmer_emscripten.version import VERSION, __version__
from wasmer_emscripten.wasmer_names import (
    EmscriptenGlobals,
    emscripten_call_main,
    generate_emscripten_env,
    get_emscripten_memory_size,
    get_emscripten_table_size,
    run_emscripten_instance,
    set_up_emscripten,
)
from wasmer_runtime_core.errors import ExitCode
from wasmer_vfs.network import Network
from wasmer_vfs.standard_streams import INHERIT

__all__ = [
    "CAPTURE",
    "INHERIT",
    "VERSION",
    "Aborted",
    "BindingError",
    "CppException",
    "EmscriptenError",
    "EmscriptenGlobals",
    "ExitCode",
    "LongJump",
    "Network",
    "NotSupported",
    "OutOfMemory",
    "Program",
    "SideModuleError",
    "WrongArgument",
    "__version__",
    "emscripten_call_main",
    "generate_emscripten_env",
    "get_emscripten_memory_size",
    "get_emscripten_table_size",
    "is_emscripten_module",
    "load",
    "run_emscripten_instance",
    "set_up_emscripten",
]
