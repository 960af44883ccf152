"""The table of open file descriptors.

A descriptor is what the guest holds a number for: a file or a directory, what kind it is,
the rights and flags it has, and for a preopened directory its name. Numbers are the lowest
free ones, as programs expect that use `dup2`'s ways; they have nothing to do with the host's.

There is a limit to how many a guest can open, since each may stand for one of the host's process: EMFILE.

Rights are those of the specification. What is opened gets every right that its kind can
have and its directory's inheriting rights allow; of reading and writing only what was asked
for. `fd_fdstat_set_rights` takes rights away for good: using one is then ENOTCAPABLE, while
one that the descriptor never had (writing to a file opened for reading) is EBADF.
"""

from __future__ import annotations

import heapq
from _thread import RLock
from typing import TYPE_CHECKING, Final, final

from wasmer_wasi.errno import EBADF, EMFILE, ENOTCAPABLE, WasiError
from wasmer_wasi.numbers import FILETYPES
from wasmer_wasi.types import (
    DIRECTORY_RIGHTS,
    FILE_RIGHTS,
    FILETYPE_DIRECTORY,
    FILETYPE_SOCKET_DGRAM,
    FILETYPE_SOCKET_STREAM,
    RIGHT_FD_READ,
    RIGHT_FD_READDIR,
    RIGHT_FD_WRITE,
    SOCKET_RIGHTS,
    STREAM_RIGHTS,
)

if TYPE_CHECKING:
    from wasmer_vfs.directories import Directory, Entry
    from wasmer_vfs.files import File

DEFAULT_LIMIT: Final = 256
"""Descriptors that a guest can have at once."""
MAX_LISTED: Final = 1 << 16
"""Names of directories that are kept while they are being read, but for the directory that was read last."""


@final
class Descriptor:
    """One open file or directory.

    Attributes:
        file: what is open, if it is no directory.
        directory: the directory, if it is one.
        host: the host's descriptor where `file` can be read and written without waiting, for the short way; else -1.
        rights: what may be done with it now.
        granted: what could be done with it when it was opened.
        inheriting: the most that what is opened through it may have.
        flags: fdflags.
        preopen: the guest's name of a preopened directory, else None.
        listing: the entries of a directory whose reading is under way.
    """

    __slots__ = (
        "directory",
        "file",
        "filetype",
        "flags",
        "granted",
        "host",
        "inheriting",
        "listing",
        "preopen",
        "rights",
    )

    def __init__(
        self,
        opened: File | Directory,
        filetype: int,
        rights: int,
        inheriting: int,
        flags: int = 0,
        preopen: bytes | None = None,
    ) -> None:
        self.file: File | None = None
        self.directory: Directory | None = None
        self.host = -1
        if filetype == FILETYPE_DIRECTORY:
            self.directory = opened  # type: ignore[assignment]
        else:
            self.file = opened  # type: ignore[assignment]
            self.host = getattr(opened, "direct", -1)
        self.filetype = filetype
        self.rights = self.granted = rights
        self.inheriting = inheriting
        self.flags = flags
        self.preopen = preopen
        self.listing: list[Entry] = []

    @classmethod
    def of(
        cls, opened: File | Directory, readable: bool, writable: bool, inheriting: int, flags: int = 0
    ) -> Descriptor:
        """What was opened, with the rights that its kind can have and `inheriting` allows."""
        filetype = FILETYPES[opened.status().kind]
        seekable = getattr(opened, "seekable", False)
        rights = rights_of(filetype, readable=readable, writable=writable, seekable=seekable)
        return cls(opened, filetype, rights & inheriting, inheriting, flags)

    def refusal(self, right: int) -> int:
        """The errno of a call that needs a right this descriptor has not."""
        return ENOTCAPABLE if self.granted & right == right else EBADF

    def close(self) -> None:
        self.host = -1
        self.listing = []
        opened = self.file if self.directory is None else self.directory
        if opened is not None:
            opened.close()


def rights_of(filetype: int, *, readable: bool, writable: bool, seekable: bool = True) -> int:
    """Every right that a descriptor of this kind can have."""
    if filetype == FILETYPE_DIRECTORY:
        return DIRECTORY_RIGHTS
    if filetype in (FILETYPE_SOCKET_STREAM, FILETYPE_SOCKET_DGRAM):
        return SOCKET_RIGHTS
    rights = FILE_RIGHTS if seekable else STREAM_RIGHTS
    if not readable:
        rights &= ~RIGHT_FD_READ
    if not writable:
        rights &= ~RIGHT_FD_WRITE
    return rights


@final
class DescriptorTable:
    """Numbers and what they stand for.

    Attributes:
        open: by number. Read directly where speed matters.
        limit: the most a guest can have at once, those that it is given included.
    """

    __slots__ = ("_free", "_listed", "_lock", "limit", "open")

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self.open: dict[int, Descriptor] = {}
        self.limit = limit
        self._free: list[int] = []  # a heap of closed numbers below the highest ever used
        self._listed: list[Descriptor] = []  # whose listings are kept, that of the last one read at the end
        self._lock = RLock()  # a signal's handler may close the table

    def must_have_room(self) -> None:
        """Asked before a guest opens anything.

        Raises:
            WasiError: EMFILE, the limit is reached.
        """
        if len(self.open) >= self.limit:
            raise WasiError(EMFILE)

    def insert(self, descriptor: Descriptor) -> int:
        """Give it the lowest free number."""
        with self._lock:
            while self._free:
                number = heapq.heappop(self._free)
                if number not in self.open:
                    self.open[number] = descriptor
                    return number
            number = len(self.open)
            while number in self.open:
                number += 1
            self.open[number] = descriptor
            return number

    def get(self, number: int, right: int = 0) -> Descriptor:
        """The descriptor of a number.

        Raises:
            WasiError: EBADF, there is none, or it never had `right`; ENOTCAPABLE, it was taken away.
        """
        descriptor = self.open.get(number)
        if descriptor is None:
            raise WasiError(EBADF)
        if descriptor.rights & right != right:
            raise WasiError(descriptor.refusal(right))
        return descriptor

    def get_file(self, number: int, right: int) -> File:
        """The file of a number; EBADF for a directory."""
        file = self.get(number, right).file
        if file is None:
            raise WasiError(EBADF)
        return file

    def get_directory(self, number: int, right: int) -> Directory:
        """The directory of a number; EBADF for a file."""
        directory = self.get(number, right).directory
        if directory is None:
            raise WasiError(EBADF)
        return directory

    def listing(self, number: int, *, anew: bool) -> list[Entry]:
        """The entries of a directory as they were when its reading began, or as they are now if that is not known.

        A guest can have many directories half read, so no more than `MAX_LISTED` names are kept of those before the
        last one.
        """
        descriptor = self.get(number, RIGHT_FD_READDIR)
        if descriptor.directory is None:
            raise WasiError(EBADF)
        if anew or not descriptor.listing:
            descriptor.listing = descriptor.directory.entries()
        with self._lock:
            kept = [each for each in self._listed if each is not descriptor and each.listing]
            count = sum(len(each.listing) for each in kept)
            while count > MAX_LISTED:
                count -= len(kept[0].listing)
                kept.pop(0).listing = []
            self._listed = [*kept, descriptor]
        return descriptor.listing

    def close(self, number: int) -> None:
        """Close a number.

        Raises:
            WasiError: EBADF, it is not open.
        """
        with self._lock:
            descriptor = self.open.pop(number, None)
            if descriptor is None:
                raise WasiError(EBADF)
            heapq.heappush(self._free, number)
        descriptor.close()

    def renumber(self, old: int, new: int) -> None:
        """Move `old` to the open number `new`, whose file is closed.

        Raises:
            WasiError: EBADF, one of them is not open.
        """
        with self._lock:
            if old not in self.open or new not in self.open:
                raise WasiError(EBADF)
            if old == new:
                return
            replaced = self.open[new]
            self.open[new] = self.open.pop(old)
            heapq.heappush(self._free, old)
        replaced.close()

    def close_all(self) -> None:
        """Close every number, whatever closing one of them raises."""
        with self._lock:
            descriptors = list(self.open.values())
            self.open.clear()
            self._free.clear()
            self._listed.clear()
        failure: BaseException | None = None
        for descriptor in descriptors:
            try:
                descriptor.close()
            except BaseException as error:
                failure = failure or error
        if failure is not None:
            raise failure
