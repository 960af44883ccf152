"""Python as Pyodide builds it, without Pyodide: its interpreter by the functions of its C interface.

What is between Python and JavaScript (``js``, ``pyodide.ffi``) is not here, nor what an event loop would do.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from wasmer_emscripten import CAPTURE, load

STATUS_BYTES: Final = 64
CONFIG_BYTES: Final = 4096
EINVAL: Final = 28


class Host:
    """What the module's own JavaScript does for an interpreter."""

    def __init__(self) -> None:
        self.program: Any = None

    def call(self, function: int, *args: int) -> int:
        """Call a method of C's with as many arguments as it takes, of three."""
        pointed = self.program.process.links.function(function)
        return int(pointed(*args[: len(pointed.core_type.params)]))

    def functions(self) -> dict[str, Any]:
        nothing: Any = lambda *_: 0  # noqa: E731
        return {
            "_PyEM_TrampolineCall_JS": self.call,
            "__hiwire_deduplicate_new": dict,
            "_Py_emscripten_runtime": nothing,
            "_Py_CheckEmscriptenSignals_Helper": nothing,
            "__syscall_getuid32_js": nothing,
            "__syscall_umask_js": lambda mask: 0o22,
            "_maybe_poll_async": lambda *_: None,
            "_try_fcntl64": lambda *_: -EINVAL,
        }


def run(folder: Path, backend: str) -> Iterator[str]:
    package = folder / "pyodide"
    host = Host()
    glue, env = package / "pyodide.asm.mjs", {"PYTHONHOME": "/"}
    module = package / "pyodide.asm.wasm"
    with load(module, glue=glue, backend=backend, functions=host.functions(), env=env, stdout=CAPTURE) as python:
        host.program = python
        python.fs.mkdir("/lib/python3.14/lib-dynload", parents=True, exist_ok=True)
        python.fs.write_bytes("/lib/python314.zip", (package / "python_stdlib.zip").read_bytes())
        config, status = python.malloc(CONFIG_BYTES), python.malloc(STATUS_BYTES)
        python.PyConfig_InitPythonConfig(config)
        python.Py_InitializeFromConfig(status, config)
        assert python.memory.read(status, 4) == bytes(4), "the interpreter did not begin"
        script = (Path(__file__).parent / "python.script.py").read_text()
        assert python.ccall("PyRun_SimpleStringFlags", int, [str, int], script, 0) == 0
        yield from python.stdout_bytes().decode().splitlines()
