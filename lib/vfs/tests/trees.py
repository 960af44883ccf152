"""The same small tree on the host and in memory, and answers that can be compared."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from wasmer_vfs import Directory, HostDirectory, MemoryDirectory

KINDS: Final = ("host", "memory")


def make(kind: str, root: Path, *, read_only: bool = False) -> Directory:
    """A tree with `f`, `d/g`, the empty `e/`, and links to a file, a directory, above, and to itself."""
    owner: Directory
    if kind == "host":
        root.mkdir()
        for name, data in (("f", b"text"), ("d/g", b"more")):
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(data)
        (root / "e").mkdir()
        owner = HostDirectory.at(root)
    else:
        owner = MemoryDirectory({"f": b"text", "d/g": b"more", "e/": None})
    for target, name in ((b"d/g", b"to_g"), (b"d", b"to_d"), (b"../canary", b"above"), (b"loop", b"loop")):
        owner.symlink(target, name)
    return owner.duplicate(read_only=read_only)


def answer(call: Callable[[], Any]) -> Any:
    """What a call returns, or the class and the name of the error that it raises."""
    try:
        return call()
    except OSError as failure:
        assert failure.errno is not None and failure.strerror
        return type(failure).__name__, errno.errorcode[failure.errno]


def read_all(directory: Directory, path: bytes) -> Any:
    """The content of a file, or how opening it failed."""
    opened = answer(lambda: directory.open(path, os.O_RDONLY, follow=True))
    if isinstance(opened, tuple):
        return opened
    buffer = bytearray(100)
    count = opened.read([memoryview(buffer)])
    opened.close()
    return bytes(buffer[:count])
