"""A forked child has no thread but the one that forked: no lock of others keeps it waiting, its own stay its own."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import wasmer_vfs
from wasmer_vfs import MemoryDirectory, waiting
from wasmer_vfs.descriptors import DescriptorTable, OpenFile
from wasmer_vfs.streams import Captured


def ends_well(use: Callable[[], object]) -> bool:
    """Whether a child comes to the end of it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(60)
            use()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


def test_locks_that_other_threads_had_are_free() -> None:
    others = list(waiting._every_lock.values())  # of other tests, which may still hold them
    reader, writer = os.pipe()
    table = DescriptorTable[OpenFile]()
    captured, directory = Captured(10), MemoryDirectory()
    of_host = waiting.lock_of(writer)
    mine = [each() for each in list(waiting._every_lock.values()) if all(each is not other for other in others)]
    locks = [lock for lock in mine if lock is not None]
    assert of_host in locks and len(locks) >= 4
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        for lock in locks:
            lock.acquire()
        held.set()
        done.wait()

    def use() -> None:
        table.insert(OpenFile())
        captured.write([memoryview(b"text")])
        directory.create_directory(b"there")
        with of_host:
            pass

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    held.wait()
    try:
        assert ends_well(use)
    finally:
        done.set()
        thread.join()
        os.close(reader)
        os.close(writer)


def test_locks_of_who_forks_stay_its_own(tmp_path: Path) -> None:
    """As where a signal's handler forks in the midst of a write."""
    with open(tmp_path / "file", "wb") as file, waiting.lock_of(file.fileno()) as lock:
        assert lock

        def leave() -> None:
            waiting.lock_of(file.fileno()).release()

        assert ends_well(leave)


def test_every_lock_is_one_of_these() -> None:
    makers = {path.name for path in Path(wasmer_vfs.__file__).parent.rglob("*.py") if "Lock()" in path.read_text()}
    assert makers == {"waiting.py"}
