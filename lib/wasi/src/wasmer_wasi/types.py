"""The types of the interface: numbers, flags, and the layouts of records in both versions.

A record is a table with a row per field: its name, its type, and its offset in bytes
in snapshot0 and in snapshot1. From the rows `Record.layout` derives the `struct.Struct`
that packs it; a test counts the offsets again.
"""

from __future__ import annotations

from struct import Struct

from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.support.named_tuple import NamedTuple

# --- numbers ----------------------------------------------------------------------------------

CLOCK_REALTIME: Final = 0
CLOCK_MONOTONIC: Final = 1
CLOCK_PROCESS_CPUTIME: Final = 2
CLOCK_THREAD_CPUTIME: Final = 3

FILETYPE_UNKNOWN: Final = 0
FILETYPE_BLOCK_DEVICE: Final = 1
FILETYPE_CHARACTER_DEVICE: Final = 2
FILETYPE_DIRECTORY: Final = 3
FILETYPE_REGULAR_FILE: Final = 4
FILETYPE_SOCKET_DGRAM: Final = 5
FILETYPE_SOCKET_STREAM: Final = 6
FILETYPE_SYMBOLIC_LINK: Final = 7

ADVICES: Final = 6  # normal, sequential, random, willneed, dontneed, noreuse

EVENT_CLOCK: Final = 0
EVENT_FD_READ: Final = 1
EVENT_FD_WRITE: Final = 2

PREOPEN_DIRECTORY: Final = 0
SIGNALS: Final = 31  # none, hup … sys

# --- flags ------------------------------------------------------------------------------------

FDFLAG_APPEND: Final = 1
FDFLAG_DSYNC: Final = 2
FDFLAG_NONBLOCK: Final = 4
FDFLAG_RSYNC: Final = 8
FDFLAG_SYNC: Final = 16
FDFLAGS: Final = 31

OFLAG_CREAT: Final = 1
OFLAG_DIRECTORY: Final = 2
OFLAG_EXCL: Final = 4
OFLAG_TRUNC: Final = 8
OFLAGS: Final = 15

LOOKUP_SYMLINK_FOLLOW: Final = 1

FSTFLAG_ATIM: Final = 1
FSTFLAG_ATIM_NOW: Final = 2
FSTFLAG_MTIM: Final = 4
FSTFLAG_MTIM_NOW: Final = 8
FSTFLAGS: Final = 15

SUBCLOCKFLAG_ABSTIME: Final = 1
EVENTRWFLAG_HANGUP: Final = 1

RIFLAG_PEEK: Final = 1
RIFLAG_WAITALL: Final = 2
ROFLAG_DATA_TRUNCATED: Final = 1
SDFLAG_RD: Final = 1
SDFLAG_WR: Final = 2

# --- rights -----------------------------------------------------------------------------------

RIGHT_FD_DATASYNC: Final = 1 << 0
RIGHT_FD_READ: Final = 1 << 1
RIGHT_FD_SEEK: Final = 1 << 2
RIGHT_FD_FDSTAT_SET_FLAGS: Final = 1 << 3
RIGHT_FD_SYNC: Final = 1 << 4
RIGHT_FD_TELL: Final = 1 << 5
RIGHT_FD_WRITE: Final = 1 << 6
RIGHT_FD_ADVISE: Final = 1 << 7
RIGHT_FD_ALLOCATE: Final = 1 << 8
RIGHT_PATH_CREATE_DIRECTORY: Final = 1 << 9
RIGHT_PATH_CREATE_FILE: Final = 1 << 10
RIGHT_PATH_LINK_SOURCE: Final = 1 << 11
RIGHT_PATH_LINK_TARGET: Final = 1 << 12
RIGHT_PATH_OPEN: Final = 1 << 13
RIGHT_FD_READDIR: Final = 1 << 14
RIGHT_PATH_READLINK: Final = 1 << 15
RIGHT_PATH_RENAME_SOURCE: Final = 1 << 16
RIGHT_PATH_RENAME_TARGET: Final = 1 << 17
RIGHT_PATH_FILESTAT_GET: Final = 1 << 18
RIGHT_PATH_FILESTAT_SET_SIZE: Final = 1 << 19
RIGHT_PATH_FILESTAT_SET_TIMES: Final = 1 << 20
RIGHT_FD_FILESTAT_GET: Final = 1 << 21
RIGHT_FD_FILESTAT_SET_SIZE: Final = 1 << 22
RIGHT_FD_FILESTAT_SET_TIMES: Final = 1 << 23
RIGHT_PATH_SYMLINK: Final = 1 << 24
RIGHT_PATH_REMOVE_DIRECTORY: Final = 1 << 25
RIGHT_PATH_UNLINK_FILE: Final = 1 << 26
RIGHT_POLL_FD_READWRITE: Final = 1 << 27
RIGHT_SOCK_SHUTDOWN: Final = 1 << 28
RIGHT_SOCK_ACCEPT: Final = 1 << 29
ALL_RIGHTS: Final = (1 << 30) - 1

DIRECTORY_RIGHTS: Final = (
    RIGHT_FD_DATASYNC
    | RIGHT_FD_FDSTAT_SET_FLAGS
    | RIGHT_FD_SYNC
    | RIGHT_PATH_CREATE_DIRECTORY
    | RIGHT_PATH_CREATE_FILE
    | RIGHT_PATH_LINK_SOURCE
    | RIGHT_PATH_LINK_TARGET
    | RIGHT_PATH_OPEN
    | RIGHT_FD_READDIR
    | RIGHT_PATH_READLINK
    | RIGHT_PATH_RENAME_SOURCE
    | RIGHT_PATH_RENAME_TARGET
    | RIGHT_PATH_FILESTAT_GET
    | RIGHT_PATH_FILESTAT_SET_SIZE
    | RIGHT_PATH_FILESTAT_SET_TIMES
    | RIGHT_FD_FILESTAT_GET
    | RIGHT_FD_FILESTAT_SET_TIMES
    | RIGHT_PATH_SYMLINK
    | RIGHT_PATH_REMOVE_DIRECTORY
    | RIGHT_PATH_UNLINK_FILE
)
"""What can be done with a directory itself."""

STREAM_RIGHTS: Final = (
    RIGHT_FD_READ | RIGHT_FD_WRITE | RIGHT_FD_FDSTAT_SET_FLAGS | RIGHT_FD_FILESTAT_GET | RIGHT_POLL_FD_READWRITE
)
"""What can be done with a terminal or a pipe: no seeking, which is how programs tell a terminal."""

STANDARD_STREAM_RIGHTS: Final = STREAM_RIGHTS & ~RIGHT_FD_FDSTAT_SET_FLAGS
"""What can be done with a stream that the host lends: its flags are the host's."""

FILE_RIGHTS: Final = (
    STREAM_RIGHTS
    | RIGHT_FD_DATASYNC
    | RIGHT_FD_SEEK
    | RIGHT_FD_SYNC
    | RIGHT_FD_TELL
    | RIGHT_FD_ADVISE
    | RIGHT_FD_ALLOCATE
    | RIGHT_FD_FILESTAT_SET_SIZE
    | RIGHT_FD_FILESTAT_SET_TIMES
)
"""What can be done with a file."""

SOCKET_RIGHTS: Final = STREAM_RIGHTS | RIGHT_SOCK_SHUTDOWN | RIGHT_SOCK_ACCEPT
"""What can be done with a socket."""

# --- records ----------------------------------------------------------------------------------

SNAPSHOT0: Final = 0
SNAPSHOT1: Final = 1

_FORMATS: Final = {"u8": ("B", 1), "u16": ("H", 2), "u32": ("I", 4), "u64": ("Q", 8)}


class Field(NamedTuple):
    """One field: where it lies in each version, in bytes; None where it does not exist."""

    name: str
    type: str  # u8, u16, u32 or u64
    snapshot0: int | None
    snapshot1: int | None
    type0: str = ""  # in snapshot0, where it differs

    def at(self, version: int) -> tuple[int | None, str]:
        """Offset and type in `version` (`SNAPSHOT0` or `SNAPSHOT1`)."""
        if version == SNAPSHOT0:
            return self.snapshot0, self.type0 or self.type
        return self.snapshot1, self.type


class Record(NamedTuple):
    """One record: its name, its bytes in each version, its fields in the order of offsets."""

    name: str
    bytes0: int
    bytes1: int
    fields: tuple[Field, ...]

    def layout(self, version: int) -> Struct:
        """What packs and unpacks the fields of `version`, padding left zero."""
        form = "<"
        position = 0
        for field in self.fields:
            offset, type_name = field.at(version)
            if offset is None:
                continue
            code, size = _FORMATS[type_name]
            form += "x" * (offset - position) + code
            position = offset + size
        size = self.bytes0 if version == SNAPSHOT0 else self.bytes1
        return Struct(form + "x" * (size - position))


# fmt: off
IOVEC = Record("iovec", 8, 8, (
    Field("buf",               "u32",  0,    0),
    Field("buf_len",           "u32",  4,    4),
))
PRESTAT = Record("prestat", 8, 8, (
    Field("tag",               "u8",   0,    0),
    Field("pr_name_len",       "u32",  4,    4),
))
FDSTAT = Record("fdstat", 24, 24, (
    Field("fs_filetype",       "u8",   0,    0),
    Field("fs_flags",          "u16",  2,    2),
    Field("fs_rights_base",    "u64",  8,    8),
    Field("fs_rights_inheriting", "u64", 16, 16),
))
DIRENT = Record("dirent", 24, 24, (
    Field("d_next",            "u64",  0,    0),
    Field("d_ino",             "u64",  8,    8),
    Field("d_namlen",          "u32", 16,   16),
    Field("d_type",            "u8",  20,   20),
))
FILESTAT = Record("filestat", 56, 64, (
    Field("dev",               "u64",  0,    0),
    Field("ino",               "u64",  8,    8),
    Field("filetype",          "u8",  16,   16),
    Field("nlink",             "u64", 20,   24, "u32"),
    Field("size",              "u64", 24,   32),
    Field("atim",              "u64", 32,   40),
    Field("mtim",              "u64", 40,   48),
    Field("ctim",              "u64", 48,   56),
))
EVENT = Record("event", 32, 32, (
    Field("userdata",          "u64",  0,    0),
    Field("error",             "u16",  8,    8),
    Field("type",              "u8",  10,   10),
    Field("nbytes",            "u64", 16,   16),
    Field("flags",             "u16", 24,   24),
))
SUBSCRIPTION_CLOCK = Record("subscription of a clock", 56, 48, (
    Field("userdata",          "u64",  0,    0),
    Field("tag",               "u8",   8,    8),
    Field("identifier",        "u64", 16, None),
    Field("id",                "u32", 24,   16),
    Field("timeout",           "u64", 32,   24),
    Field("precision",         "u64", 40,   32),
    Field("flags",             "u16", 48,   40),
))
SUBSCRIPTION_FD = Record("subscription of a file descriptor", 56, 48, (
    Field("userdata",          "u64",  0,    0),
    Field("tag",               "u8",   8,    8),
    Field("file_descriptor",   "u32", 16,   16),
))
# fmt: on

RECORDS: Final = (IOVEC, PRESTAT, FDSTAT, DIRENT, FILESTAT, EVENT, SUBSCRIPTION_CLOCK, SUBSCRIPTION_FD)
