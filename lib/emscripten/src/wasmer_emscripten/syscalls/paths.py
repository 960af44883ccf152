"""What system calls are given as paths: a pointer to a text, and a number of a directory that it is relative to."""

from __future__ import annotations

import errno

from wasmer_emscripten.numbers import AT_FDCWD
from wasmer_emscripten.process import Process
from wasmer_vfs.errors import refusal
from wasmer_vfs.paths import MAX_PATH_BYTES
from wasmer_vfs.trees import Place


def text_of(process: Process, path: int) -> bytes:
    """The path at a pointer.

    Raises:
        OSError: EFAULT, ENAMETOOLONG.
    """
    return process.guest.string(path, MAX_PATH_BYTES)


def base_of(process: Process, directory: int, text: bytes) -> bytes | None:
    """What a path is relative to: None for the current directory.

    Raises:
        OSError: EBADF, the number is not open; ENOTDIR, it is no directory's.
    """
    if text.startswith(b"/") or directory == AT_FDCWD:
        return None
    opened = process.descriptors.find(directory)
    if opened.directory is None:
        raise refusal(errno.ENOTDIR)
    return opened.path


def place_of(process: Process, directory: int, path: int) -> Place:
    """Where a path leads that names something that is there, or is to be opened."""
    text = text_of(process, path)
    return process.tree.place(text, base_of(process, directory, text))


def name_of(process: Process, directory: int, path: int) -> Place:
    """Where a name is that is to be made, removed or replaced."""
    text = text_of(process, path)
    return process.tree.place_of_name(text, base_of(process, directory, text))


def new_name_of(process: Process, directory: int, path: int) -> Place:
    """Where a name is that is to be made, which a mount is already."""
    text = text_of(process, path)
    base = base_of(process, directory, text)
    place = process.tree.place(text, base)
    if place.is_mount:
        raise refusal(errno.EEXIST)
    return process.tree.place_of_name(text, base)
