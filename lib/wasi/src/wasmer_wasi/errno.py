"""The errors of WASI, a row each, and the way from the host's errors to them.

Both versions of the interface number them alike. A host function returns the number; in
between, failures travel as exceptions: `OSError` for what the host or `wasmer_vfs` refused, `WasiError` for
what this package refuses. `errno_of` turns either into the number.
"""

from __future__ import annotations

import errno as host_errno

from wasmer_runtime_core.errors import Timeout
from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.support.named_tuple import NamedTuple


class Errno(NamedTuple):
    """One error: its number, its name without the E, and what it means."""

    number: int
    name: str
    meaning: str


ROWS: Final[list[Errno]] = []


def _row(number: int, name: str, meaning: str) -> int:
    ROWS.append(Errno(number, name, meaning))
    return number


# fmt: off
SUCCESS: Final = _row(0, "SUCCESS", "No error occurred")
E2BIG: Final = _row(1, "2BIG", "Argument list too long")
EACCES: Final = _row(2, "ACCES", "Permission denied")
EADDRINUSE: Final = _row(3, "ADDRINUSE", "Address in use")
EADDRNOTAVAIL: Final = _row(4, "ADDRNOTAVAIL", "Address not available")
EAFNOSUPPORT: Final = _row(5, "AFNOSUPPORT", "Address family not supported")
EAGAIN: Final = _row(6, "AGAIN", "Resource unavailable, or operation would block")
EALREADY: Final = _row(7, "ALREADY", "Connection already in progress")
EBADF: Final = _row(8, "BADF", "Bad file descriptor")
EBADMSG: Final = _row(9, "BADMSG", "Bad message")
EBUSY: Final = _row(10, "BUSY", "Device or resource busy")
ECANCELED: Final = _row(11, "CANCELED", "Operation canceled")
ECHILD: Final = _row(12, "CHILD", "No child processes")
ECONNABORTED: Final = _row(13, "CONNABORTED", "Connection aborted")
ECONNREFUSED: Final = _row(14, "CONNREFUSED", "Connection refused")
ECONNRESET: Final = _row(15, "CONNRESET", "Connection reset")
EDEADLK: Final = _row(16, "DEADLK", "Resource deadlock would occur")
EDESTADDRREQ: Final = _row(17, "DESTADDRREQ", "Destination address required")
EDOM: Final = _row(18, "DOM", "Mathematics argument out of domain of function")
EDQUOT: Final = _row(19, "DQUOT", "Disk quota exceeded")
EEXIST: Final = _row(20, "EXIST", "File exists")
EFAULT: Final = _row(21, "FAULT", "Bad address")
EFBIG: Final = _row(22, "FBIG", "File too large")
EHOSTUNREACH: Final = _row(23, "HOSTUNREACH", "Host is unreachable")
EIDRM: Final = _row(24, "IDRM", "Identifier removed")
EILSEQ: Final = _row(25, "ILSEQ", "Illegal byte sequence")
EINPROGRESS: Final = _row(26, "INPROGRESS", "Operation in progress")
EINTR: Final = _row(27, "INTR", "Interrupted function")
EINVAL: Final = _row(28, "INVAL", "Invalid argument")
EIO: Final = _row(29, "IO", "I/O error")
EISCONN: Final = _row(30, "ISCONN", "Socket is connected")
EISDIR: Final = _row(31, "ISDIR", "Is a directory")
ELOOP: Final = _row(32, "LOOP", "Too many levels of symbolic links")
EMFILE: Final = _row(33, "MFILE", "File descriptor value too large")
EMLINK: Final = _row(34, "MLINK", "Too many links")
EMSGSIZE: Final = _row(35, "MSGSIZE", "Message too large")
EMULTIHOP: Final = _row(36, "MULTIHOP", "Multihop attempted")
ENAMETOOLONG: Final = _row(37, "NAMETOOLONG", "Filename too long")
ENETDOWN: Final = _row(38, "NETDOWN", "Network is down")
ENETRESET: Final = _row(39, "NETRESET", "Connection aborted by network")
ENETUNREACH: Final = _row(40, "NETUNREACH", "Network unreachable")
ENFILE: Final = _row(41, "NFILE", "Too many files open in system")
ENOBUFS: Final = _row(42, "NOBUFS", "No buffer space available")
ENODEV: Final = _row(43, "NODEV", "No such device")
ENOENT: Final = _row(44, "NOENT", "No such file or directory")
ENOEXEC: Final = _row(45, "NOEXEC", "Executable file format error")
ENOLCK: Final = _row(46, "NOLCK", "No locks available")
ENOLINK: Final = _row(47, "NOLINK", "Link has been severed")
ENOMEM: Final = _row(48, "NOMEM", "Not enough space")
ENOMSG: Final = _row(49, "NOMSG", "No message of the desired type")
ENOPROTOOPT: Final = _row(50, "NOPROTOOPT", "Protocol not available")
ENOSPC: Final = _row(51, "NOSPC", "No space left on device")
ENOSYS: Final = _row(52, "NOSYS", "Function not supported")
ENOTCONN: Final = _row(53, "NOTCONN", "The socket is not connected")
ENOTDIR: Final = _row(54, "NOTDIR", "Not a directory")
ENOTEMPTY: Final = _row(55, "NOTEMPTY", "Directory not empty")
ENOTRECOVERABLE: Final = _row(56, "NOTRECOVERABLE", "State not recoverable")
ENOTSOCK: Final = _row(57, "NOTSOCK", "Not a socket")
ENOTSUP: Final = _row(58, "NOTSUP", "Not supported")
ENOTTY: Final = _row(59, "NOTTY", "Inappropriate I/O control operation")
ENXIO: Final = _row(60, "NXIO", "No such device or address")
EOVERFLOW: Final = _row(61, "OVERFLOW", "Value too large to be stored in data type")
EOWNERDEAD: Final = _row(62, "OWNERDEAD", "Previous owner died")
EPERM: Final = _row(63, "PERM", "Operation not permitted")
EPIPE: Final = _row(64, "PIPE", "Broken pipe")
EPROTO: Final = _row(65, "PROTO", "Protocol error")
EPROTONOSUPPORT: Final = _row(66, "PROTONOSUPPORT", "Protocol not supported")
EPROTOTYPE: Final = _row(67, "PROTOTYPE", "Protocol wrong type for socket")
ERANGE: Final = _row(68, "RANGE", "Result too large")
EROFS: Final = _row(69, "ROFS", "Read-only file system")
ESPIPE: Final = _row(70, "SPIPE", "Invalid seek")
ESRCH: Final = _row(71, "SRCH", "No such process")
ESTALE: Final = _row(72, "STALE", "Stale file handle")
ETIMEDOUT: Final = _row(73, "TIMEDOUT", "Connection timed out")
ETXTBSY: Final = _row(74, "TXTBSY", "Text file busy")
EXDEV: Final = _row(75, "XDEV", "Cross-device link")
ENOTCAPABLE: Final = _row(76, "NOTCAPABLE", "Capabilities insufficient")
# fmt: on

BY_NUMBER: Final = {row.number: row for row in ROWS}

FROM_HOST: Final = {
    getattr(host_errno, f"E{row.name}"): row.number for row in ROWS if hasattr(host_errno, f"E{row.name}")
}
"""The host's error numbers, as WASI's. What is not among them is EIO."""


class WasiError(Exception):
    """A refusal of this package's own; `number` is what the guest gets."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"E{BY_NUMBER[number].name}: {BY_NUMBER[number].meaning}")


FAILURES: Final = (OSError, WasiError, ValueError, OverflowError, MemoryError)
"""What a host function catches. Any other exception is the user's own, and passes."""


def errno_of(failure: BaseException) -> int:
    """The number of what one of `FAILURES` means.

    Raises:
        Timeout: it is one, which ends the call, though it is an `OSError`, too.
        BaseException: a signal's handler raised it, which ends the call whatever it is.
    """
    if isinstance(failure, WasiError):
        return failure.number
    if isinstance(failure, Timeout) or raised_by_a_handler(failure):
        raise failure
    if isinstance(failure, OSError):
        return FROM_HOST.get(failure.errno or 0, EIO)
    if isinstance(failure, MemoryError):
        return ENOMEM
    return EINVAL  # ValueError, OverflowError: numbers that the host's types cannot hold
