"""``/dev``: null, zero, random, urandom. Streams (``/dev/stdin`` …) and ``/dev/fd`` are numbers: `open` copies them."""

from __future__ import annotations

import errno
import os

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, final
from wasmer_vfs.directories import Directory, Entry, Space, check_flags
from wasmer_vfs.errors import refusal
from wasmer_vfs.files import Buffers, File, Pieces, StreamFile
from wasmer_vfs.paths import split
from wasmer_vfs.random import CHUNK_BYTES, RandomSource
from wasmer_vfs.status import Status
from wasmer_vfs.waiting import look, must_be_refusal

if TYPE_CHECKING:
    from collections.abc import Callable

DEVICE: Final = 5
"""The number of the device that ``/dev`` is on."""


@final
class Device(StreamFile):
    """A device that gives bytes without end, or none, and takes what is written."""

    __slots__ = ("_give", "_number")

    def __init__(self, number: int, give: Callable[[int], bytes] | None) -> None:
        self._number = number
        self._give = give

    def read(self, buffers: Buffers) -> int:
        if self._give is None:
            return 0
        total = 0
        for buffer in buffers:
            for start in range(0, len(buffer), CHUNK_BYTES):
                wanted = min(CHUNK_BYTES, len(buffer) - start)
                buffer[start : start + wanted] = self._give(wanted)
                total += wanted
                if total >= CHUNK_BYTES:
                    look()
        return total

    def write(self, buffers: Pieces) -> int:
        return sum(map(len, buffers))

    def status(self) -> Status:
        return Status(DEVICE, self._number, "character device", 1, 0, 0, 0, 0)

    def set_flags(self, flags: int) -> None:
        pass

    def pollable(self) -> int:
        return -1

    def available(self) -> int:
        return 0 if self._give is None else 1

    def close(self) -> None:
        pass


@final
class Devices:
    """The directory. Nothing in it can be changed: EPERM."""

    __slots__ = ("_devices",)

    def __init__(self, random: RandomSource) -> None:
        self._devices: dict[bytes, Device] = {
            b"null": Device(2, None),
            b"random": Device(3, random),
            b"urandom": Device(4, random),
            b"zero": Device(5, bytes),
        }

    def _find(self, path: bytes) -> Device | None:
        """A device, or None for the directory itself."""
        names, must_be_directory = split(path)
        if not names:
            return None
        device = self._devices.get(names[0])
        if device is None:
            raise refusal(errno.ENOENT)
        if must_be_directory or names[1:]:
            raise refusal(errno.ENOTDIR)
        return device

    def open(self, path: bytes, flags: int, *, follow: bool) -> File | Directory:
        check_flags(flags)
        try:
            device = self._find(path)
        except FileNotFoundError as failure:
            must_be_refusal(failure)
            if flags & os.O_CREAT:
                raise refusal(errno.EPERM) from None
            raise
        if device is None:
            if flags & os.O_ACCMODE != os.O_RDONLY:
                raise refusal(errno.EISDIR)
            return self
        if flags & os.O_DIRECTORY:
            raise refusal(errno.ENOTDIR)
        if flags & os.O_CREAT and flags & os.O_EXCL:
            raise refusal(errno.EEXIST)
        return device

    def path_status(self, path: bytes, follow: bool) -> Status:
        device = self._find(path)
        return self.status() if device is None else device.status()

    def path_set_times(self, path: bytes, follow: bool, atim: int | None, mtim: int | None) -> None:
        self._find(path)

    def read_link(self, path: bytes) -> bytes:
        self._find(path)
        raise refusal(errno.EINVAL)

    def _refuse(self, *_: object) -> None:
        raise refusal(errno.EPERM)

    create_directory = remove_directory = unlink = _refuse

    def symlink(self, target: bytes, path: bytes) -> None:
        raise refusal(errno.EPERM)

    def link(self, path: bytes, other: Directory, other_path: bytes) -> None:
        raise refusal(errno.EPERM)

    def rename(self, path: bytes, other: Directory, other_path: bytes) -> None:
        raise refusal(errno.EPERM)

    def entries(self) -> list[Entry]:
        found = [Entry(1, "directory", b"."), Entry(1, "directory", b"..")]
        return found + [Entry(each.status().ino, "character device", name) for name, each in self._devices.items()]

    def status(self) -> Status:
        return Status(DEVICE, 1, "directory", 2, 4096, 0, 0, 0)

    def space(self) -> Space:
        return Space(0, 0, 0, 0)

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        raise refusal(errno.EPERM)

    def sync(self, *, data_only: bool) -> None:
        pass

    def duplicate(self, *, read_only: bool = False) -> Directory:
        return self

    def close(self) -> None:
        pass
