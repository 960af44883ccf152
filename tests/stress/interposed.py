"""System calls that wait, or fail, when a scenario says so: races and refusals that need no luck.

`with_system_calls` is for scenarios below `isolated`. It compiles a small library, starts the
scenario's process again with that library in front of the C library's own, and gives the switches to
the scenario as attributes of `SystemCalls`.
"""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

SOURCE: Final = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Those who make pages accessible wait for one another, so many of them, for half a second at most. */
volatile int meeting, arrived;
/* So many calls make the first half of their pages accessible and refuse the rest. */
volatile int halves;
/* Moving a mapping takes a fifth of a second, and this is 1 meanwhile. */
volatile int slow_moves, moving;

int mprotect(void *base, size_t bytes, int protection)
{
    if (protection == (PROT_READ | PROT_WRITE) && meeting) {
        __atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
        for (int i = 0; i < 500 && arrived < meeting; i++)
            usleep(1000);
    }
    if (protection == (PROT_READ | PROT_WRITE) && halves > 0 && bytes > 8192) {
        halves--;
        syscall(SYS_mprotect, base, bytes / 8192 * 4096, protection);
        errno = ENOMEM;
        return -1;
    }
    return (int)syscall(SYS_mprotect, base, bytes, protection);
}

void *mremap(void *base, size_t before, size_t bytes, int flags, ...)
{
    if (slow_moves && (flags & MREMAP_MAYMOVE)) {
        moving = 1;
        usleep(200000);
        moving = 0;
    }
    return (void *)syscall(SYS_mremap, base, before, bytes, flags, 0);
}
"""


class SystemCalls:
    """The library's switches: reading and writing an attribute reads and writes the variable of that name."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.__dict__["library"] = library

    def __getattr__(self, name: str) -> int:
        return ctypes.c_int.in_dll(self.__dict__["library"], name).value

    def __setattr__(self, name: str, value: int) -> None:
        ctypes.c_int.in_dll(self.__dict__["library"], name).value = value


def with_system_calls(scenario: Callable[[SystemCalls], None]) -> Callable[[], None]:
    """Run the scenario with the library loaded; in this process if it is, else in another in this one's place."""

    @functools.wraps(scenario)
    def run() -> None:
        loaded = os.environ.pop("WASMER_STRESS_SYSTEM_CALLS", "")
        if loaded:
            library = ctypes.CDLL(loaded)
            shutil.rmtree(Path(loaded).parent)
            scenario(SystemCalls(library))
            return
        directory = Path(tempfile.mkdtemp(prefix="system-calls-"))
        source, path = directory / "system_calls.c", directory / "system_calls.so"
        source.write_text(SOURCE)
        compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", path, source], check=True)
        environment = {**os.environ, "LD_PRELOAD": str(path), "WASMER_STRESS_SYSTEM_CALLS": str(path)}
        os.execve(sys.executable, [sys.executable, "-m", "tests.stress.isolated", *sys.argv[1:3]], environment)

    del run.__wrapped__  # type: ignore[attr-defined]  # pytest would look for what the scenario takes
    return run
