"""One module in many processes: a task carries its hash, and each process has it once.

A `Module` pickles as its whole artifact, so that its pickle is good anywhere and for ever. That is much for a task that
takes a microsecond. A `SharedModule` pickles as a hash, and where on this machine the artifact lies: in memory that has
the form of a file (memfd), which can no longer be changed and is gone with the process that made it. Who gets the hash
maps the artifact, at the first task, and keeps the module: its code is in memory once for all processes, and later
tasks cost what their arguments cost.

A process on another machine, or of another user, cannot reach that memory. It is given the artifact once, by `keep`,
before its first task: as what a pool does first, or by a plugin of a cluster (docs/processes.md).

**The limits.** What is mapped because a task asked for it is kept for the last `MOST_KEPT` modules; another one is
mapped again when it is asked for. What `keep` was given stays. An instance belongs to the thread that asked for it, and
keeps its state from task to task. An artifact is machine code: as with every pickle, take tasks from who you trust.
"""

from __future__ import annotations

import os
from _blake2 import blake2b
from _thread import _local
from stat import S_ISREG

from wasmer_runtime_core.errors import CacheError
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, final
from wasmer_runtime_core.support.handlers import raised_by_a_handler

if TYPE_CHECKING:
    from types import TracebackType

    from wasmer_runtime_core.running.instance import Instance

MOST_KEPT: Final = 64
"""Modules that a process has because tasks asked for them."""
HASH_BYTES: Final = 32

_given: Final[dict[bytes, Module]] = {}
"""What this process shares, or was given; by hash."""
_mapped: Final[dict[bytes, Module]] = {}
"""What tasks asked for, the last ones last."""


class _OfThread(_local):
    """Instances of a thread, by the hash of their module."""

    def __init__(self) -> None:
        self.instances: dict[bytes, Instance] = {}


_of_thread: Final = _OfThread()


@final
class SharedModule:
    """A module that pickles as its hash.

    Attributes:
        hash: of its artifact; equal modules have the same.
    """

    __slots__ = ("_file", "_path", "_size", "hash")

    def __init__(self, module: Module) -> None:
        """Share a module with processes of this machine, until `close` or the end of this process.

        Raises:
            OSError: no memory for its artifact.
        """
        artifact = module.serialize()
        self.hash = _hash(artifact)
        self._size = len(artifact)
        self._file = _in_memory(artifact)
        self._path = f"/proc/{os.getpid()}/fd/{self._file}"
        _given.setdefault(self.hash, module)

    @property
    def module(self) -> Module:
        """The module, as this process has it.

        Raises:
            CacheError: it has none, and cannot reach it (kind "missing").
        """
        module = _given.get(self.hash)
        if module is None:
            module = _mapped.pop(self.hash, None) or self._map()
            _mapped[self.hash] = module  # the last one
            while len(_mapped) > MOST_KEPT:
                try:
                    del _mapped[next(iter(_mapped))]
                except (KeyError, StopIteration, RuntimeError) as failure:  # another thread was faster
                    if raised_by_a_handler(failure):
                        raise
                    break
        return module

    def _map(self) -> Module:
        module = None
        try:  # the number of a process, or of a descriptor, may be another one's by now: a pipe that never ends
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError as failure:
            if raised_by_a_handler(failure):
                raise
        else:
            try:
                status = os.fstat(file)
                if S_ISREG(status.st_mode) and status.st_size == self._size:
                    with open(file, "rb", closefd=False) as opened:
                        is_it = _hash(opened.read()) == self.hash
                    if is_it:
                        module = Module.deserialize(_Path(f"/proc/self/fd/{file}"))
            finally:
                os.close(file)
        if module is None:
            raise CacheError(
                f"this process has no module {self.hash.hex()[:16]}, and the process that shares it is not on this"
                " machine, or has ended: give this one the artifact by keep before its first task",
                "missing",
            )
        return module

    def instance(self) -> Instance:
        """An instance of this thread, made when it is first asked for, without imports; it keeps its state.

        Raises:
            CacheError: as `module`.

        And what `Module.instantiate` raises.
        """
        instances = _of_thread.instances
        instance = instances.get(self.hash)
        if instance is None:
            instance = self.module.instantiate()
            while len(instances) >= MOST_KEPT:
                del instances[next(iter(instances))]
            instances[self.hash] = instance
        return instance

    def artifact(self) -> bytes:
        """For `keep`, in a process that cannot map it.

        Raises:
            CacheError: as `module`.
        """
        return self.module.serialize()

    def close(self) -> None:
        """Share it no longer. Processes that have it keep it; others no longer get it."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)
            _given.pop(self.hash, None)

    def __enter__(self) -> SharedModule:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (self.hash, self._path, self._size)

    def __repr__(self) -> str:
        return f"<SharedModule {self.hash.hex()[:16]}>"


def keep(artifact: bytes) -> bytes:
    """Have a module in this process, for tasks that come with its hash alone.

    Args:
        artifact: what `SharedModule.artifact` gave.

    Returns:
        its hash.

    Raises:
        CacheError: as `Module.deserialize`.
    """
    digest = _hash(artifact)
    if digest not in _given:
        _given[digest] = Module.deserialize(artifact)
    return digest


def _received(digest: bytes, path: str, size: int) -> SharedModule:
    shared = SharedModule.__new__(SharedModule)
    shared.hash = digest
    shared._file = -1
    shared._path = path
    shared._size = size
    return shared


class _Path:
    """A path that is no text of a module."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return self._path


def _hash(artifact: bytes) -> bytes:
    digest: bytes = blake2b(artifact, digest_size=HASH_BYTES).digest()
    return digest


def _in_memory(artifact: bytes) -> int:
    """A descriptor of memory with these bytes, which nobody can change any more."""
    import fcntl

    file = os.memfd_create("wasmer-module", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        view = memoryview(artifact)
        while view:
            view = view[os.write(file, view) :]
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    except BaseException:
        os.close(file)
        raise
    return file
