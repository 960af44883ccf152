"""The descriptors of a program: what the file system's table holds for it, with WASI's rights on top.

Rights are those of the specification. What is opened gets every right that its kind can
have and its directory's inheriting rights allow; of reading and writing only what was asked
for. `fd_fdstat_set_rights` takes rights away for good: using one is then ENOTCAPABLE, while
one that the descriptor never had (writing to a file opened for reading) is EBADF.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, final
from wasmer_vfs.descriptors import DescriptorTable as Table
from wasmer_vfs.descriptors import OpenFile
from wasmer_wasi.errno import EBADF, ENOTCAPABLE, WasiError
from wasmer_wasi.numbers import FILETYPES
from wasmer_wasi.types import (
    DIRECTORY_RIGHTS,
    FILE_RIGHTS,
    FILETYPE_DIRECTORY,
    FILETYPE_SOCKET_DGRAM,
    FILETYPE_SOCKET_STREAM,
    RIGHT_FD_READ,
    RIGHT_FD_WRITE,
    SOCKET_RIGHTS,
    STREAM_RIGHTS,
)

if TYPE_CHECKING:
    from wasmer_vfs.directories import Directory
    from wasmer_vfs.files import File


@final
class Descriptor(OpenFile):
    """One open file or directory, and what may be done with it.

    Attributes:
        filetype: WASI's number of its kind.
        rights: what may be done with it now.
        granted: what could be done with it when it was opened.
        inheriting: the most that what is opened through it may have.
        flags: fdflags.
        preopen: the guest's name of a preopened directory, else None.
    """

    __slots__ = ("filetype", "flags", "granted", "inheriting", "preopen", "rights")

    def __init__(
        self,
        opened: File | Directory,
        filetype: int,
        rights: int,
        inheriting: int,
        flags: int = 0,
        preopen: bytes | None = None,
    ) -> None:
        if filetype == FILETYPE_DIRECTORY:
            super().__init__(directory=opened)  # type: ignore[arg-type]
        else:
            super().__init__(file=opened)  # type: ignore[arg-type]
        self.filetype = filetype
        self.rights = self.granted = rights
        self.inheriting = inheriting
        self.flags = flags
        self.preopen = preopen

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
class DescriptorTable(Table[Descriptor]):
    """Numbers and what they stand for, asked for together with the rights that a call needs."""

    __slots__ = ()

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
