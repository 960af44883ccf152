"""Programs of Go (``GOOS=js GOARCH=wasm``), run without JavaScript.

The idea
    Go's port to WebAssembly speaks with its host in JavaScript's terms: it holds values of the host, looks at
    properties, calls functions, and asks Node's `fs` for files. Here these values are Python's: a small model of
    JavaScript's objects (`objects`), behind which lie the program's files (`wasmer_vfs`), timers and streams, and
    whatever objects the embedder hands over::

        from pathlib import Path
        from wasmer_go import load

        load(Path("hello.wasm"), args=["-v"], mounts={"/work": "some/dir"}, current="/work").run()    # the exit code

    A program that sets functions in its global object (``js.Global().Set("add", js.FuncOf(add))``) and then waits
    (``select {}``) is a library: `Program.start`, and ``program.globals["add"](1, 2)``.

The promises
    * A program sees the directories, variables and objects that it is given, and nothing else of its host. No
      attribute of a Python object is ever looked up for it (`conversion`).
    * No wait outlives a deadline, a cancellation or a signal, and no cost grows with a number alone: what the host
      holds for a program is counted (`Budget`, `References`, `Loop`).
    * Exit codes, panics and messages of deadlocks are Go's own. An exception that passes through Go's frames ends the
      program, and it is raised as it was.

The limits
    Go 1.14 to 1.27; versions 1.12 and 1.13 name values in another way. No DOM, no `fetch`, no sockets, and no signals.
    Programs of ``GOOS=wasip1`` are WASI's.

    ==============  ==============================================================================================
    file            what is in it
    ==============  ==============================================================================================
    recognising     whether a module is such a program, and of a known version
    state           what a program is given
    program         `load`, `Program`: running, waiting, calling
    process         what a program has, and how it is entered
    interface       the functions that it imports, a row each
    references      how it names values
    objects         JavaScript's values; `numerals` how numbers are written, `promises` what is answered later
    budget          what they may take; `texts` those that are paid for
    conversion      Python's values for a program, and its values for Python; `made` its mappings and lists
    world           the global object; `surroundings`, `filesystem` what Go's library asks of Node
    loop            what happens while a program waits
    ==============  ==============================================================================================
"""

from __future__ import annotations

from wasmer_go.conversion import GoCallable
from wasmer_go.errors import GoError, ProgramExited, Thrown, TooManyValues, UnknownGoVersion, WrongNumber
from wasmer_go.made import GoList, GoMapping
from wasmer_go.program import CAPTURE, Program, load, run_go_instance
from wasmer_go.recognising import is_go_module
from wasmer_go.state import GoState, GoStateBuilder
from wasmer_go.version import VERSION, __version__
from wasmer_vfs.standard_streams import INHERIT

__all__ = [
    "CAPTURE",
    "INHERIT",
    "VERSION",
    "GoCallable",
    "GoError",
    "GoList",
    "GoMapping",
    "GoState",
    "GoStateBuilder",
    "Program",
    "ProgramExited",
    "Thrown",
    "TooManyValues",
    "UnknownGoVersion",
    "WrongNumber",
    "__version__",
    "is_go_module",
    "load",
    "run_go_instance",
]
