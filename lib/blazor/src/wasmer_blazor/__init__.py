"""Programs of .NET, run without JavaScript.

The idea
    .NET's runtime for the web is a program of emcc with an interpreter in it; a directory ``_framework`` has it and
    the class library. Its JavaScript hands assemblies over, calls ``Main``, and calls back when a timer is due. That
    is done here in Python, over `wasmer_emscripten`::

        from wasmer_blazor import run_dotnet

        run_dotnet("hello.dll", "publish/wwwroot/_framework", args=["-v"])    # the exit code

The promises
    * A program sees the arguments, variables, streams and directories that it is given, and nothing else of its host.
    * What a file says of itself is held against the file before it is used, and so is every number of the runtime's.
    * Nothing that a program waits for outlives a deadline, a cancellation or a signal.
    * No function makes up a success: what is not here is refused by name, when it is called.
    * An exception that nobody handles is a `DotnetException`, with what .NET writes of it.

The limits
    .NET 8 to 10. Globalisation is invariant. There is one thread, and no standard input for `Console`; both are .NET's
    own limits there. No `JSImport`, no `HttpClient`, no user interface.

    ==============  ==============================================================================================
    file            what is in it
    ==============  ==============================================================================================
    assemblies      what an assembly says of itself
    framework       what is in a directory ``_framework``
    exports         what a runtime exports, which tells its version
    slots           how managed code and its host pass values
    host            the functions that the runtime imports
    runtime         the runtime: started, and asked to call ``Main``
    state           what a program is given
    program         `load`, `Program`
    ==============  ==============================================================================================
"""

from __future__ import annotations

from wasmer_blazor.assemblies import Assembly, read_assembly
from wasmer_blazor.errors import (
    DotnetError,
    DotnetException,
    NeverEnds,
    ProgramEnded,
    RuntimeAborted,
    UnknownFramework,
    WrongAssembly,
    WrongNumber,
)
from wasmer_blazor.framework import Framework, open_framework
from wasmer_blazor.program import CAPTURE, Program, load, run_dotnet
from wasmer_blazor.state import DotnetState, DotnetStateBuilder
from wasmer_blazor.version import VERSION, __version__
from wasmer_vfs.standard_streams import INHERIT

__all__ = [
    "CAPTURE",
    "INHERIT",
    "VERSION",
    "Assembly",
    "DotnetError",
    "DotnetException",
    "DotnetState",
    "DotnetStateBuilder",
    "Framework",
    "NeverEnds",
    "Program",
    "ProgramEnded",
    "RuntimeAborted",
    "UnknownFramework",
    "WrongAssembly",
    "WrongNumber",
    "__version__",
    "load",
    "open_framework",
    "read_assembly",
    "run_dotnet",
]
