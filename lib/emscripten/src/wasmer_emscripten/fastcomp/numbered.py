"""System calls by number: ``___syscall5`` and its like, numbered as Linux numbers them on i386.

Until 2020 each took its number and a pointer to its arguments, one after the other in memory; then, with names like
these for a while, the arguments themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from wasmer_emscripten import functions as provided
from wasmer_emscripten.guest import U32
from wasmer_emscripten.numbers import errno_of
from wasmer_emscripten.signatures import type_of
from wasmer_runtime_core.wasm.module import FUNCTION

if TYPE_CHECKING:
    from wasmer_emscripten.process import Process
    from wasmer_runtime_core.wasm.module import ModuleInfo

_ROWS: Final = """
    1 exit i | 3 read iii | 4 write iii | 5 open ii* | 6 close i | 9 link ii | 10 unlink i | 12 chdir i | 15 chmod ii
    20 getpid | 33 access ii | 36 sync | 38 rename ii | 39 mkdir ii | 40 rmdir i | 41 dup i | 42 pipe i | 54 ioctl ii*
    57 setpgid ii | 60 umask i | 63 dup2 ii | 64 getppid | 66 setsid | 77 getrusage ii | 83 symlink ii
    85 readlink iii | 91 munmap ii | 94 fchmod ii | 102 socketcall ii | 114 wait4 iiii | 118 fsync i | 122 uname i
    125 mprotect iii | 132 getpgid i | 133 fchdir i | 140 _llseek iiiii | 142 _newselect iiiii | 144 msync iii
    145 readv iii | 146 writev iii | 147 getsid i | 148 fdatasync i | 150 mlock ii | 151 munlock ii | 168 poll iii
    180 pread64 iii-I | 181 pwrite64 iii-I | 183 getcwd ii | 191 ugetrlimit ii | 192 mmap2 iiiiii | 193 truncate64 i-I
    194 ftruncate64 i-I | 195 stat64 ii | 196 lstat64 ii | 197 fstat64 ii | 198 lchown32 iii | 199 getuid32
    200 getgid32 | 201 geteuid32 | 202 getegid32 | 205 getgroups32 ii | 207 fchown32 iii | 209 getresuid32 iii
    211 getresgid32 iii | 212 chown32 iii | 219 madvise iii | 220 getdents64 iii | 221 fcntl64 ii* | 268 statfs64 iii
    269 fstatfs64 iii | 272 fadvise64 iIIi | 295 openat iii* | 296 mkdirat iii | 298 fchownat iiiii
    300 fstatat64 iiii | 301 unlinkat iii | 302 renameat iiii | 303 linkat iiiii | 304 symlinkat iii
    305 readlinkat iiii | 306 fchmodat iii | 307 faccessat iiii | 320 utimensat iiii | 324 fallocate iiII
    330 dup3 iii | 331 pipe2 ii | 340 prlimit64 iiii
"""
"""Number, name, arguments, a letter for each: ``I`` two words, ``-`` one that nobody uses, ``*`` the words behind."""


class Call(NamedTuple):
    """A system call: its name, and its arguments as `_ROWS` has them."""

    name: str
    arguments: str

    @property
    def type(self) -> str:
        """The letters of its parameters."""
        return self.arguments.replace("-", "").replace("*", "i")


def _calls() -> dict[int, Call]:
    found = {}
    for row in _ROWS.replace("\n", "|").split("|"):
        words = row.split()
        while words:
            number, name, *rest = words
            takes = rest and not rest[0].isdigit()
            found[int(number)] = Call(name, rest[0] if takes else "")
            words = rest[1 if takes else 0 :]
    return found


CALLS: Final = _calls()
"""By number."""
_NAME: Final = re.compile(r"_{1,3}syscall(\d{1,4})")
_BY_POINTER: Final = type_of("ii->i")
_WORD: Final = Struct("<i")


def number_of(name: str) -> int | None:
    """The number in a name of a system call, or None."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match is not None else None


def by_pointer(info: ModuleInfo, names: Mapping[str, str]) -> bool:
    """Whether the module passes arguments by a pointer: all its calls are of that type, whatever they take.

    Args:
        names: real names of imports, where the module's are others.
    """
    own = other = False
    for entry in info.imports:
        if entry.kind == FUNCTION and isinstance(entry.type, int):
            number = number_of(names.get(entry.name, entry.name))
            if number is not None:
                type = info.types[entry.type]
                call = CALLS.get(number)
                if type != _BY_POINTER:
                    own = True
                elif call is not None and len(call.type) != 2:
                    other = True
    return other and not own


def numbered(process: Process, number: int) -> Callable[[int, int], int] | None:
    """What an import of this number is given, whose arguments lie at a pointer; None: nothing is known of it."""
    call = CALLS.get(number)
    if call is None:
        return None
    function = provided.find(process, f"__syscall_{call.name}", type_of(f"{call.type}->i"))
    if function is None:
        return None
    arguments = call.arguments
    words = sum({"i": 1, "-": 1, "I": 2, "*": 0}[letter] for letter in arguments)
    layout = Struct(f"<{words}i")

    def calling(which: int, varargs: int) -> int:
        try:
            given = iter(process.guest.unpack(layout, varargs)) if words else iter(())
        except OSError as failure:
            return -errno_of(failure, process.errors)
        values = []
        for letter in arguments:
            if letter == "i":
                values.append(next(given))
            elif letter == "-":
                next(given)
            elif letter == "I":
                low = next(given) & U32
                values.append(next(given) << 32 | low)
            else:
                values.append((varargs & U32) + _WORD.size * words)
        return int(function(*values) or 0)

    return calling


def named(name: str) -> str:
    """The name of a call whose arguments are its own: of its number, if it has one; else the name itself."""
    number = number_of(name)
    call = CALLS.get(number) if number is not None else None
    return name if call is None else f"__syscall_{call.name}"
