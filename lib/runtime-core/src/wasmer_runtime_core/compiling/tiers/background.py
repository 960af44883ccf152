"""The one process that compiles for a program in the background.

It is started afresh, not forked from a program that may have threads, does not import the program's main module, and
looks for modules where the program does. Nothing here waits for it: packets are sent and taken without blocking, what
they are about lies in files in memory. It may be missing, slow or killed: then code stays as it is.

Threads, and handlers of signals amid of it, may do all of it at once: there is no lock that could be left held. Where
an exception cuts it short a packet may be lost; then `generation` rises, and what was not answered is asked for again.

A forked child has none of its parent's processes: it closes its end, and starts another one when it has something to
do.
"""

from __future__ import annotations

import os
import pickle
import socket
import struct
import subprocess
import sys
import weakref
from collections import deque

from wasmer_runtime_core.compiling.tiers.owner import FUNCTION, GONE, WHOLE, Answer, Job, Owner
from wasmer_runtime_core.compiling.tiers.serve import PACKET_BYTES
from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.support.handlers import raised_by_a_handler

MARK: Final = "WASMER_TIERS_WORKER"
"""Set in the process's environment. A program that is `sys.executable` itself would start itself without end."""


class Background:
    """The process, once it is needed.

    Attributes:
        broken: why there is none and will be none; "": there is one or may be one.
        generation: rises whenever what was asked for will not be answered.
    """

    def __init__(self) -> None:
        self.broken = ""
        self.generation = 0
        self.socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: deque[tuple[int, bytes, int]] = deque()  # key of the module, packet, its file or -1
        self._files: dict[int, int] = {}
        self._owners: dict[int, weakref.ref[Owner]] = {}
        self._next_key = 1

    def ask(self, module: Owner, job: Job) -> None:
        """Let something be compiled.

        Args:
            module: that it is of.
            job: numbers of functions are among those that the module defines; or `WHOLE`.
        """
        if self.broken:
            return
        try:
            if self.socket is None:
                self._start()
            key = self._key(module)
            descriptor = -1 if key in self._files else self._file_of(module)
        except OSError as failure:
            if raised_by_a_handler(failure):
                raise
            self.stop(f"no process can be started that compiles in the background: {failure}")
            return
        self._waiting.append((key, pickle.dumps((key, job)), descriptor))
        if descriptor >= 0:
            self._files[key] = descriptor
        self.send()

    def _key(self, module: Owner) -> int:
        """What the process knows a module by."""
        if not module.key:
            key, self._next_key = self._next_key, self._next_key + 1
            self._owners[key] = weakref.ref(module)
            weakref.finalize(module, self.forget, key, module.come).atexit = False
            module.key = key
        return module.key

    def _owner(self, key: int) -> Owner | None:
        """The module, unless it is gone."""
        reference = self._owners.get(key)
        return None if reference is None else reference()

    def _file_of(self, module: Owner) -> int:
        """A file in memory with what the process has to know of a module."""
        content = pickle.dumps((module.binary, module.config, module.whole))
        descriptor = os.memfd_create("wasmer")
        at = 0
        while at < len(content):
            at += os.write(descriptor, content[at:])
        return descriptor

    def forget(self, key: int, come: list[Answer]) -> None:
        """A module is gone, with answers that it did not look at."""
        for number, _, _, done, found in come:
            if number == WHOLE and done:
                os.close(found)
        self._owners.pop(key, None)
        descriptor = self._files.pop(key, -1)
        if descriptor >= 0:
            os.close(descriptor)
            # It goes along with what is sent next.
            self._waiting.append((key, pickle.dumps((key, (GONE, "", FUNCTION))), -1))

    def send(self) -> None:
        """Send what waits, as far as the process takes it."""
        while self._waiting and self.socket is not None:
            key, packet, descriptor = waiting = self._waiting.popleft()
            owner = self._owner(key)  # until it is sent: else its file is closed, and the number may be another file's
            if descriptor >= 0 and owner is None:
                continue
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", descriptor))] if descriptor >= 0 else []
            try:  # not `send_fds`, which forgets the flags: a program may want to be ended by SIGPIPE
                self.socket.sendmsg([packet], rights, socket.MSG_NOSIGNAL)
            except OSError as failure:
                if raised_by_a_handler(failure):
                    raise
                if isinstance(failure, BlockingIOError):
                    self._waiting.appendleft(waiting)
                    return
                self.stop(f"the process that compiles in the background has ended: {failure}")

    def take_answers(self) -> None:
        """Give what has come since to the modules that it is of."""
        while self.socket is not None:
            try:
                packet, descriptors, _, _ = socket.recv_fds(self.socket, PACKET_BYTES, 1)
            except OSError as failure:
                if raised_by_a_handler(failure):
                    raise
                if isinstance(failure, BlockingIOError):
                    break
                packet, descriptors = b"", []
            if not packet:
                self.stop("the process that compiles in the background has ended")
                return
            if not descriptors:  # the system drops those that this process has no room for
                self.stop("this process has too many files open to be given what was compiled in the background")
                return
            key, job, done = pickle.loads(packet)
            owner = self._owner(key)
            if job[0] == WHOLE and done and owner is not None:
                owner.come.append((*job, done, descriptors[0]))
                continue
            with open(descriptors[0], "rb") as file:
                file.seek(0)
                if owner is not None:
                    owner.come.append((*job, done, pickle.load(file)))
        self.send()

    def stop(self, reason: str = "") -> None:
        """End the process. With a reason there will be no other."""
        self.broken = reason
        self.generation += 1
        self._waiting.clear()
        files, self._files = self._files, {}  # finalizers of modules look there, too
        for descriptor in files.values():
            os.close(descriptor)
        ours, self.socket = self.socket, None
        process, self._process = self._process, None
        if ours is not None:
            ours.close()
        if process is not None:
            process.kill()
            process.wait()

    def forked(self) -> None:
        """In a forked child: what is open here belongs to the parent."""
        self._process = None
        self.stop()

    def _start(self) -> None:
        if not sys.executable or getattr(sys, "frozen", False):
            raise OSError("sys.executable is no Python")
        if MARK in os.environ:
            raise OSError("this is such a process")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process = subprocess.Popen(
                [sys.executable, *_flags(), "-c", _program()],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, MARK: "1"},
                start_new_session=True,  # Ctrl-C is the program's, who ends us
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        self.socket = ours


BACKGROUND: Final = Background()
os.register_at_fork(after_in_child=BACKGROUND.forked)


def _flags() -> list[str]:
    """What makes another interpreter look for its modules where this one does."""
    flags = sys.flags
    given = (("-E", flags.ignore_environment), ("-s", flags.no_user_site), ("-S", flags.no_site))
    return ["-P", *(flag for flag, on in given if on), *(["-B"] if sys.dont_write_bytecode else [])]


def _program() -> str:
    """Modules are where they are here, which an environment variable could not say."""
    path = [os.fspath(entry) for entry in sys.path]
    return f"import sys; sys.path[:] = {path!a}; from wasmer_runtime_core.compiling.tiers.serve import serve; serve()"
