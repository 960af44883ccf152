"""Numbers of the C library that upstream emcc links (musl): errors, flags, modes, records whose layout changed.

Errors are numbered as WASI numbers them, from 1 on without a gap; flags as Linux does on 32-bit ARM and i386.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from struct import Struct
from typing import Final, NamedTuple

from wasmer_runtime_core.errors import Cancelled, Timeout
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_vfs.status import Kind

ERROR_NAMES: Final = tuple(
    """
    2BIG ACCES ADDRINUSE ADDRNOTAVAIL AFNOSUPPORT AGAIN ALREADY BADF BADMSG BUSY CANCELED CHILD CONNABORTED
    CONNREFUSED CONNRESET DEADLK DESTADDRREQ DOM DQUOT EXIST FAULT FBIG HOSTUNREACH IDRM ILSEQ INPROGRESS INTR INVAL
    IO ISCONN ISDIR LOOP MFILE MLINK MSGSIZE MULTIHOP NAMETOOLONG NETDOWN NETRESET NETUNREACH NFILE NOBUFS NODEV NOENT
    NOEXEC NOLCK NOLINK NOMEM NOMSG NOPROTOOPT NOSPC NOSYS NOTCONN NOTDIR NOTEMPTY NOTRECOVERABLE NOTSOCK NOTSUP NOTTY
    NXIO OVERFLOW OWNERDEAD PERM PIPE PROTO PROTONOSUPPORT PROTOTYPE RANGE ROFS SPIPE SRCH STALE TIMEDOUT TXTBSY XDEV
    """.split()
)
"""The names without their E; the first has number 1."""

FROM_HOST: Final = {getattr(errno, f"E{name}"): at for at, name in enumerate(ERROR_NAMES, 1)}
"""The host's error numbers, as the program's. What is not among them is EIO."""

OF_LINUX: Final = {number: number for number in FROM_HOST}
"""The same for programs whose C library numbers errors as Linux does: until 2019."""

FAILURES: Final = (OSError, ValueError, OverflowError, MemoryError)
"""What a call that answers with error numbers catches. Any other exception is the user's own, and passes."""


def must_be_answer(failure: BaseException) -> None:
    """Asked wherever an exception is taken for an answer; whoever catches what this raises asks, too.

    Raises:
        BaseException: `failure`, for it is none: it ends the call (`Timeout`, `Cancelled`), or a signal's handler
            raised it.
    """
    if isinstance(failure, (Timeout, Cancelled)) or raised_by_a_handler(failure):
        raise failure


def errno_of(failure: BaseException, numbers: Mapping[int, int] = FROM_HOST) -> int:
    """The program's number of what one of `FAILURES` means.

    Args:
        numbers: the program's error numbers by the host's.

    Raises:
        Timeout: it is one, which ends the call, though it is an `OSError`, too.
        BaseException: a signal's handler raised it, or it is an error of this package's, which ends the program.
    """
    must_be_answer(failure)
    if isinstance(failure, OSError):
        return numbers.get(failure.errno or 0, numbers[errno.EIO])
    if isinstance(failure, MemoryError):
        return numbers[errno.ENOMEM]
    if "closed file" in str(failure):  # a Python file object that its owner has closed
        return numbers[errno.EBADF]
    return numbers[errno.EINVAL]  # ValueError, OverflowError: numbers that the host's types cannot hold


# --- open and fcntl

O_ACCMODE: Final = 3
O_CREAT: Final = 0o100
O_EXCL: Final = 0o200
O_NOCTTY: Final = 0o400
O_TRUNC: Final = 0o1000
O_APPEND: Final = 0o2000
O_NONBLOCK: Final = 0o4000
O_DSYNC: Final = 0o10000
O_DIRECTORY: Final = 0o200000
O_NOFOLLOW: Final = 0o400000
O_CLOEXEC: Final = 0o2000000
O_SYNC: Final = 0o4010000
O_TMPFILE: Final = 0o20000000

OPEN_FLAGS: Final = (
    (O_CREAT, os.O_CREAT),
    (O_EXCL, os.O_EXCL),
    (O_TRUNC, os.O_TRUNC),
    (O_APPEND, os.O_APPEND),
    (O_NONBLOCK, os.O_NONBLOCK),
    (O_DSYNC, os.O_DSYNC),
    (O_DIRECTORY, os.O_DIRECTORY),
)
"""Pairs of the program's flag and the host's, but for what says how a path is resolved, or what a fork does."""


def host_flags(flags: int) -> int:
    """Flags of `os.open` for the program's."""
    host = flags & O_ACCMODE
    for flag, theirs in OPEN_FLAGS:
        if flags & flag:
            host |= theirs
    return host


AT_FDCWD: Final = -100
AT_SYMLINK_NOFOLLOW: Final = 0x100
AT_REMOVEDIR: Final = 0x200
AT_EMPTY_PATH: Final = 0x1000

MODE_FORMATS: Final[dict[Kind, int]] = {
    "file": 0o100000,
    "directory": 0o040000,
    "link": 0o120000,
    "pipe": 0o010000,
    "character device": 0o020000,
    "block device": 0o060000,
    "stream socket": 0o140000,
    "datagram socket": 0o140000,
    "unknown": 0o010000,
}
"""The bits of a mode that say a kind; what cannot be told is taken for a pipe."""

DIRENT_TYPES: Final[dict[Kind, int]] = {
    "file": 8,
    "directory": 4,
    "link": 10,
    "pipe": 1,
    "character device": 2,
    "block device": 6,
    "stream socket": 12,
    "datagram socket": 12,
    "unknown": 0,
}
"""`d_type` of each kind."""


class Layouts(NamedTuple):
    """How a program's C library lays out what changed over the years.

    Attributes:
        stat: `struct stat`.
        timespec: `struct timespec`.
        padded: `stat` has the fields of Linux that nobody uses.
        wide: sizes of files, and places in them, have 64 bits.
    """

    stat: Struct
    timespec: Struct
    padded: bool
    wide: bool = True


SHORT: Final = Layouts(Struct("<i4xIIIIIi4xiiiiiiiiiI"), Struct("<ii"), True, wide=False)
"""The oldest: times, sizes and numbers of files have 32 bits."""
SHORT_TIMES: Final = Layouts(Struct("<i4xIIIIIi8xqiiiiiiiiQ"), Struct("<ii"), True)
"""Then: times of 32 bits."""
PADDED: Final = Layouts(Struct("<i4xIIIIIi8xqiiqi4xqi4xqi4xQ"), Struct("<qi4x"), True)
"""Then: times of 64 bits."""
PLAIN: Final = Layouts(Struct("<iIIIIiqiiqi4xqi4xqi4xQ"), Struct("<qi4x"), False)
"""Today's."""
