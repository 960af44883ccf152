"""One tree from ``/`` on: a directory in memory, over which others are mounted.

The idea
    Programs of emcc and of Go know absolute paths, a current directory and ``..``. A `Directory` is what no path leads
    out of. So a path is first made absolute and plain, as a text: ``.`` and ``..`` are gone, and nothing is
    above ``/``. Then it belongs to the mount with the longest name that it begins with, and the rest of it, which has
    no ``..`` any more, is that directory's own affair.

The promises
    * What is not mounted does not exist. No text of a path reaches anything else, and a link is resolved by its own
      directory, which it does not lead out of: links with an absolute text cannot be made.
    * A mount is no name that could be removed, renamed or replaced: EBUSY.

The limits
    ``..`` behind a link is the directory that the link is in, as in emcc's own file system until 2024 and in Go's
    ``filepath.Clean``, not the one above where the link leads. A link in one mount does not lead into another.
"""

from __future__ import annotations

import errno
import os

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, final
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_vfs.descriptors import OpenFile
from wasmer_vfs.directories import Directory
from wasmer_vfs.errors import refusal
from wasmer_vfs.files import File
from wasmer_vfs.host_directories import HostDirectory
from wasmer_vfs.memory_directories import MemoryDirectory
from wasmer_vfs.paths import MAX_PATH_BYTES
from wasmer_vfs.status import Status
from wasmer_vfs.waiting import must_be_refusal, plainly

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_MODES: Final = 65_536
"""Files whose mode is remembered, those that were set last."""


@final
class Opened(OpenFile):
    """A file or a directory that a program has open.

    Attributes:
        path: where it was found, from ``/`` on.
        flags: those of `open` that say how it is used.
        position: of a directory, how many of its names were read.
    """

    __slots__ = ("flags", "path", "position")

    def __init__(
        self, *, path: bytes, flags: int = 0, file: File | None = None, directory: Directory | None = None
    ) -> None:
        super().__init__(file=file, directory=directory)
        self.path = path
        self.flags = flags
        self.position = 0

    def status(self) -> Status:
        """What `stat` tells of it."""
        if self.directory is not None:
            return self.directory.status()
        if self.file is None:
            raise refusal(errno.EBADF)
        return self.file.status()


class Place(NamedTuple):
    """Where a path leads.

    Attributes:
        directory: the mount that it belongs to.
        path: the rest of it, for that directory.
        whole: all of it, from ``/`` on, without a slash behind it.
        is_mount: it is the mount itself.
    """

    directory: Directory
    path: bytes
    whole: bytes
    is_mount: bool


@final
class Tree:
    """The files of one program.

    Args:
        directories: those that are in it from the beginning, each behind the one that it is in.

    Attributes:
        root: what is mounted at ``/``.
        mounts: the others, by their names.
        current: the current directory.
    """

    __slots__ = ("_by_length", "_modes", "current", "mounts", "root")

    def __init__(self, directories: Iterable[bytes] = ()) -> None:
        self.root: Directory = MemoryDirectory()
        self.mounts: dict[bytes, Directory] = {}
        self._by_length: list[bytes] = []
        self._modes: dict[tuple[int, int], int] = {}
        self.current = b"/"
        for name in directories:
            self.root.create_directory(name)

    @plainly
    def mount(self, name: bytes, directory: Directory) -> None:
        """Let a directory be seen at `name`, instead of what was there.

        Raises:
            OSError: ENOTDIR, there is a file at the name, or above it.
        """
        whole = self.absolute(name, b"/")
        if whole == b"/":
            self.root = directory
            return
        place = self.place(whole)
        if place.directory is self.root:
            made = b""
            for part in place.path.split(b"/"):
                made += part
                try:
                    self.root.create_directory(made)
                except FileExistsError as failure:
                    must_be_refusal(failure)
                    if self.root.path_status(made, True).kind != "directory":
                        raise refusal(errno.ENOTDIR) from None
                made += b"/"
        self.mounts[whole] = directory
        self._by_length = sorted(self.mounts, key=len, reverse=True)

    def absolute(self, path: bytes, base: bytes | None = None) -> bytes:
        """A path from ``/`` on, without ``.``, ``..`` and doubled slashes, nor one behind it.

        Raises:
            OSError: ENOENT for the empty path, EINVAL for a NUL byte, ENAMETOOLONG for more than 4,096 bytes.
        """
        if not path:
            raise refusal(errno.ENOENT)
        if b"\0" in path:
            raise refusal(errno.EINVAL)
        if len(path) > MAX_PATH_BYTES:
            raise refusal(errno.ENAMETOOLONG)
        if not path.startswith(b"/"):
            path = (self.current if base is None else base) + b"/" + path
        parts: list[bytes] = []
        for part in path.split(b"/"):
            if part == b"..":
                del parts[-1:]
            elif part and part != b".":
                parts.append(part)
        return b"/" + b"/".join(parts)

    def place(self, path: bytes, base: bytes | None = None) -> Place:
        """Where a path leads, relative to `base`, or to the current directory.

        Raises:
            OSError: as `absolute`.
        """
        whole = self.absolute(path, base)
        must_be_directory = path.rstrip(b"/").rpartition(b"/")[2] in (b"", b".", b"..") or path.endswith(b"/")
        for name in self._by_length:
            if whole == name:
                return Place(self.mounts[name], b".", whole, True)
            if whole.startswith(name + b"/"):
                return self._placed(self.mounts[name], whole[len(name) + 1 :], whole, must_be_directory)
        if whole == b"/":
            return Place(self.root, b".", whole, True)
        return self._placed(self.root, whole[1:], whole, must_be_directory)

    def _placed(self, directory: Directory, path: bytes, whole: bytes, must_be_directory: bool) -> Place:
        return Place(directory, path + b"/" if must_be_directory else path, whole, False)

    def place_of_name(self, path: bytes, base: bytes | None = None) -> Place:
        """Where a name is that is to be made, removed or replaced.

        Raises:
            OSError: as `absolute`; EINVAL for a last ``.`` or ``..``; EBUSY for a mount, or a directory above one.
        """
        place = self.place(path, base)
        if path.rstrip(b"/").rpartition(b"/")[2] in (b".", b".."):
            raise refusal(errno.EINVAL)
        if place.is_mount or any(name.startswith(place.whole + b"/") for name in self._by_length):
            raise refusal(errno.EBUSY)
        return place

    # --- modes, which the directories do not keep

    def mode_of(self, status: Status) -> int:
        """The permissions of a file, as the program has set them, or the usual ones."""
        kept = self._modes.get((status.dev, status.ino))
        if kept is not None:
            return kept
        return 0o777 if status.kind in ("directory", "link") else 0o666

    def set_mode(self, status: Status, mode: int) -> None:
        """Remember permissions. They are told, and no call refuses anything for them."""
        key = (status.dev, status.ino)
        self._modes.pop(key, None)
        if len(self._modes) >= MAX_MODES:
            del self._modes[next(iter(self._modes))]
        self._modes[key] = mode & 0o7777


def mountable(name: str, given: Any) -> Directory:
    """A directory to be mounted, from what a user gives for it; the user's own stays open.

    Args:
        name: where it is to be seen, for the message.
        given: a path of the host, or a directory.

    Raises:
        TypeError: it is neither.
        OSError: nothing can be opened at the path.
    """
    if isinstance(given, (str, os.PathLike)):
        return HostDirectory.at(given)
    if hasattr(given, "duplicate"):
        duplicate: Directory = given.duplicate()
        return duplicate
    raise TypeError(f"mounts: at {name!r} a path, a HostDirectory or a MemoryDirectory is needed; this is {given!r}")
