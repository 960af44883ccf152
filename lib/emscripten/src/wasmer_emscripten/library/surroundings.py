"""What a program finds around it: arguments, environment, random bytes, limits, and who it is."""

from __future__ import annotations

import errno
from typing import Final

from wasmer_emscripten.errors import NotSupported
from wasmer_emscripten.functions import answers, provides, syscall, wasi
from wasmer_emscripten.guest import U32
from wasmer_emscripten.process import Process
from wasmer_runtime_core.support.printable import printable
from wasmer_vfs import random
from wasmer_vfs.errors import refusal

MAX_ENTROPY: Final = 256
"""Bytes that `getentropy` gives at most, as its manual says."""


def _write_strings(process: Process, strings: list[bytes], pointers: int, buffer: int) -> None:
    data = b"".join(string + b"\0" for string in strings)
    pointers = process.guest.check(pointers, 4 * len(strings))
    buffer = process.guest.check(buffer, len(data))
    process.guest.write(buffer, data)
    for at, string in enumerate(strings):
        process.guest.put_u32(pointers + 4 * at, buffer)
        buffer += len(string) + 1


def _write_sizes(process: Process, strings: list[bytes], count: int, size: int) -> None:
    count = process.guest.check(count, 4)
    process.guest.put_u32(size, sum(len(string) + 1 for string in strings))
    process.guest.put_u32(count, len(strings))


@wasi("ii->i", "environ_get")
def environ_get(process: Process, pointers: int, buffer: int) -> None:
    """Write the environment, and pointers to its variables."""
    _write_strings(process, process.environ, pointers, buffer)


@wasi("ii->i", "environ_sizes_get")
def environ_sizes_get(process: Process, count: int, size: int) -> None:
    """Write how many variables there are, and the bytes they need."""
    _write_sizes(process, process.environ, count, size)


@wasi("ii->i", "args_get")
def args_get(process: Process, pointers: int, buffer: int) -> None:
    """Write the arguments, and pointers to them."""
    _write_strings(process, process.args, pointers, buffer)


@wasi("ii->i", "args_sizes_get")
def args_sizes_get(process: Process, count: int, size: int) -> None:
    """Write how many arguments there are, and the bytes they need."""
    _write_sizes(process, process.args, count, size)


@provides("ii->", "_emscripten_get_progname")
def get_progname(process: Process, target: int, size: int) -> None:
    """Write the program's name, as much as there is room for, and a NUL."""
    size &= U32
    if size:
        process.guest.write(target, process.args[0][: size - 1] + b"\0")


@wasi("ii->i", "random_get")
def random_get(process: Process, buffer: int, count: int) -> None:
    """Fill a buffer with random bytes."""
    count &= U32
    buffer = process.guest.check(buffer, count)
    random.fill(process.guest.memory, buffer, count, process.random)


@answers("ii->i", "getentropy")
def getentropy(process: Process, buffer: int, count: int) -> None:
    """Fill a small buffer with random bytes."""
    count &= U32
    if count > MAX_ENTROPY:
        raise refusal(errno.EIO)
    buffer = process.guest.check(buffer, count)
    random.fill(process.guest.memory, buffer, count, process.random)


@provides("->d", "emscripten_random")
def emscripten_random(process: Process) -> float:
    """A number from 0 to 1."""
    return int.from_bytes(process.random(7), "little") % (1 << 53) / (1 << 53)


@provides("->i", "emscripten_num_logical_cores")
def one_core(process: Process) -> int:
    """One: a program has one thread."""
    return 1


@provides("->i", "emscripten_has_threading_support")
def has_threads(process: Process) -> int:
    """0: it cannot start another."""
    return 0


@provides("i->i", "system", "_emscripten_system")
def system(process: Process, command: int) -> int:
    """Whether there is a shell: 0, there is none.

    Raises:
        NotSupported: a command is to be run.
    """
    if not command & U32:
        return 0
    raise NotSupported("system", f"a program cannot start others ({printable(process.text(command, 256))})")


_SYSCONF: Final = {
    0: 131_072,  # the longest list of arguments
    1: 47_839,  # processes of a user
    2: 100,  # ticks of a clock in a second
    3: 32,  # groups
    6: 1024,  # names in a list of a shell
    30: 16_384,  # bytes of a page
    60: 1024,  # iovecs
    83: 1,  # processors
    84: 1,
    85: 131_072,  # pages of memory: 2 GiB
    86: 131_072,
}
_SC_OPEN_MAX: Final = 4


@provides("i->i", "sysconf")
def sysconf(process: Process, name: int) -> int:
    """A limit of the system; -1 where there is none."""
    return process.descriptors.limit if name == _SC_OPEN_MAX else _SYSCONF.get(name, -1)


@provides("->i", "getpagesize")
def getpagesize(process: Process) -> int:
    """Bytes of a page, as Emscripten counts them."""
    return 16_384


_UNAME: Final = (b"Emscripten", b"emscripten", b"1.0", b"#1", b"wasm32", b"")
_UNAME_FIELD: Final = 65


@syscall("i->i", "uname")
def uname(process: Process, target: int) -> None:
    """Write the system's name."""
    process.guest.write(target, b"".join(each.ljust(_UNAME_FIELD, b"\0") for each in _UNAME))


@syscall("->i", "getuid32", "geteuid32", "getgid32", "getegid32")
def getuid(process: Process) -> int:
    """The user and the group: 0, as Emscripten has it."""
    return 0


@syscall("->i", "getpid")
def getpid(process: Process) -> int:
    """The process: 42, as Emscripten has it."""
    return 42


@syscall("->i", "getppid")
def getppid(process: Process) -> int:
    """The process that started it."""
    return 1


@syscall("i->i", "getpgid", "getsid")
def getpgid(process: Process, which: int) -> int:
    """Its group and session."""
    if which & U32 not in (0, 42):
        raise refusal(errno.ESRCH)
    return 42


@syscall("iii->i", "getresuid32", "getresgid32")
def getresuid(process: Process, real: int, effective: int, saved: int) -> None:
    """Write its three users, or groups."""
    for pointer in (real, effective, saved):
        process.guest.check(pointer, 4)
    for pointer in (real, effective, saved):
        process.guest.put_u32(pointer, 0)


@syscall("ii->i", "getgroups32")
def getgroups(process: Process, size: int, target: int) -> int:
    """Write its groups: one."""
    if size < 0:
        raise refusal(errno.EINVAL)
    if size:
        process.guest.put_u32(target, 0)
    return 1


@syscall("i->i", "umask")
def umask(process: Process, mask: int) -> int:
    """Set which permissions new files do not get; the mask before."""
    before, process.umask = process.umask, mask & 0o777
    return before


_UNLIMITED: Final = (1 << 64) - 1
_RLIMIT_NOFILE: Final = 7


@syscall("iiii->i", "prlimit64")
def prlimit64(process: Process, pid: int, resource: int, new: int, old: int) -> None:
    """Write a limit; there is none but that of open files. None can be set: EPERM."""
    if pid & U32 not in (0, 42):
        raise refusal(errno.ESRCH)
    if new & U32:
        raise refusal(errno.EPERM)
    if old & U32:
        value = process.descriptors.limit if resource == _RLIMIT_NOFILE else _UNLIMITED
        process.guest.write(old, value.to_bytes(8, "little") * 2)


@syscall("ii->i", "ugetrlimit")
def ugetrlimit(process: Process, resource: int, target: int) -> None:
    """Write a limit."""
    prlimit64(process, 0, resource, 0, target)


@syscall("iii->i", "madvise")
def madvise(process: Process, address: int, count: int, advice: int) -> None:
    """A hint about memory that nothing follows from."""


@syscall("iii->i", "mprotect")
@syscall("ii->i", "mlock", "munlock")
def mprotect(process: Process, *_: int) -> None:
    """ENOSYS: memory of a program is neither protected nor kept from being swapped."""
    raise refusal(errno.ENOSYS)
