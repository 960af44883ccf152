"""The program of the process that compiles hot functions; `background` is its other side.

Standard input is a socket of packets. A packet is (key of a module, `owner.Job`), with the module's file in memory
if that is the first of it. An answer is the same again, whether it was done, and a file in memory with the code or with
the reason. A whole module is a job like another, whose code is an artifact. The process is nicer than the
program, and ends when the program does.
"""

from __future__ import annotations

import os
import pickle
import select
import socket
import threading
from typing import TYPE_CHECKING, Any, Final

from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.compiling.registry import DEFAULT, find_compiler
from wasmer_runtime_core.compiling.tiers.owner import FUNCTION, GONE, WHOLE
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import CompileError

if TYPE_CHECKING:
    from wasmer_runtime_core.compiling.tiers.owner import Job, WholeModules

NICER: Final = 10
WATCH_MILLISECONDS: Final = 1000
PACKET_BYTES: Final = 4096


class Catcher:
    """Takes what a `Code` would be given."""

    def add(self, *code: Any) -> bool:
        self.code = code
        return True


class Work:
    """The modules that were given, by backend as well."""

    def __init__(self) -> None:
        self.modules: dict[int, tuple[bytes, CompilerConfig, WholeModules | None]] = {}
        self.begun: dict[tuple[int, str], Any] = {}

    def take(self, key: int, descriptor: int) -> None:
        """A module: its bytes and its configuration lie in a file."""
        with open(descriptor, "rb") as file:
            file.seek(0)
            self.modules[key] = pickle.load(file)

    def drop(self, key: int) -> None:
        self.modules.pop(key, None)
        self.begun = {begun: functions for begun, functions in self.begun.items() if begun[0] != key}

    def functions(self, key: int, backend: str) -> Any:
        """The functions of a module, for a backend."""
        functions = self.begun.get((key, backend))
        if functions is None:
            binary, config, _ = self.modules[key]
            compilation = run(Compilation(binary, find_compiler(backend), config, lazy=True))
            functions = self.begun[key, backend] = compilation.functions
        return functions

    def compile(self, key: int, job: Job) -> Any:
        """What `Code.replace` takes for a function, or an `EnteredLoop`."""
        number, backend, offset = job
        if offset != FUNCTION:
            from wasmer_runtime_core.compiling.tiers.loops import entered_loop

            return entered_loop(self.functions(key, DEFAULT), self.functions(key, backend), number, offset)
        catcher = Catcher()
        self.functions(key, backend).compile_function(catcher, number)
        return catcher.code

    def compile_whole(self, key: int, backend: str) -> bytes:
        """An artifact of a module, in its last tier."""
        binary, config, whole = self.modules[key]
        if whole is None:
            raise CompileError("nobody compiles the module as a whole")
        return whole.make(binary, backend, config)


def serve() -> None:
    """Compile until the program hangs up."""
    os.nice(NICER)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with socket.socket(fileno=0) as packets:
        work = Work()
        while True:
            packet, descriptors, _, _ = socket.recv_fds(packets, PACKET_BYTES, 1)
            if not packet:
                return
            key, job = pickle.loads(packet)
            if job[0] == GONE:
                work.drop(key)
                continue
            for descriptor in descriptors:
                work.take(key, descriptor)
            try:
                content = work.compile_whole(key, job[1]) if job[0] == WHOLE else pickle.dumps(work.compile(key, job))
                done = True
            except Exception as error:
                content, done = pickle.dumps(f"{type(error).__name__}: {error}"), False
            with open(os.memfd_create("wasmer"), "w+b") as file:
                file.write(content)
                file.flush()
                socket.send_fds(packets, [pickle.dumps((key, job, done))], [file.fileno()])


def _end_with(program: int) -> None:
    """End this process when the program has, however that came about, also in the midst of a compilation."""
    hung_up = select.poll()
    hung_up.register(0, 0)
    while not hung_up.poll(WATCH_MILLISECONDS) and os.getppid() == program:
        pass
    os._exit(0)
