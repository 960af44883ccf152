"""What machine code is made for: the target, and what a processor may have beyond x86-64 with SSE2.

A feature has one name here and everywhere in this project, that of the instruction set's manual in small letters; what
Linux and LLVM call it, only this table knows.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.support.first_use import kept
from wasmer_runtime_core.support.handlers import raised_by_a_handler

TARGET: Final = "x86_64-sysv"
"""Processor and calling convention."""


# fmt: off
PROCESSOR_FEATURES: Final = (
    # name             level  Linux               LLVM
    ("popcnt",          2, "popcnt",           "popcnt"),
    ("sse3",            2, "pni",              "sse3"),
    ("sse4.1",          2, "sse4_1",           "sse4.1"),
    ("sse4.2",          2, "sse4_2",           "sse4.2"),
    ("ssse3",           2, "ssse3",            "ssse3"),
    ("avx",             3, "avx",              "avx"),
    ("avx2",            3, "avx2",             "avx2"),
    ("bmi1",            3, "bmi1",             "bmi"),
    ("bmi2",            3, "bmi2",             "bmi2"),
    ("f16c",            3, "f16c",             "f16c"),
    ("fma",             3, "fma",              "fma"),
    ("lzcnt",           3, "abm",              "lzcnt"),
    ("movbe",           3, "movbe",            "movbe"),
    ("avx512f",         4, "avx512f",          "avx512f"),
    ("avx512bw",        4, "avx512bw",         "avx512bw"),
    ("avx512cd",        4, "avx512cd",         "avx512cd"),
    ("avx512dq",        4, "avx512dq",         "avx512dq"),
    ("avx512vl",        4, "avx512vl",         "avx512vl"),
    ("adx",             0, "adx",              "adx"),
    ("avx512bitalg",    0, "avx512_bitalg",    "avx512bitalg"),
    ("avx512ifma",      0, "avx512ifma",       "avx512ifma"),
    ("avx512vbmi",      0, "avx512vbmi",       "avx512vbmi"),
    ("avx512vbmi2",     0, "avx512_vbmi2",     "avx512vbmi2"),
    ("avx512vnni",      0, "avx512_vnni",      "avx512vnni"),
    ("avx512vpopcntdq", 0, "avx512_vpopcntdq", "avx512vpopcntdq"),
    ("gfni",            0, "gfni",             "gfni"),
)
# fmt: on
"""*Level* of the x86-64 supplement: the first whose processors have it, 0 if none. *Linux*: as in /proc/cpuinfo."""


def of_level(level: int) -> tuple[str, ...]:
    """What processors of a level have, by name."""
    return tuple([name for name, first, _, _ in PROCESSOR_FEATURES if 0 < first <= level])


def host_features() -> frozenset[str]:
    """What the processor of this machine has, by name of a row; empty where it cannot be read.

    It is asked until there is an answer, then no more. Source: the ``flags`` line of /proc/cpuinfo.
    """
    try:
        return _features_in("/proc/cpuinfo")
    except OSError as failure:
        if raised_by_a_handler(failure):
            raise
        return frozenset()


@kept  # an exception, a signal handler's too, leaves nothing in it
def _features_in(path: str) -> frozenset[str]:
    with open(path, "rb") as lines:
        for line in lines:
            name, _, words = line.partition(b":")
            if name.strip() == b"flags":
                here = frozenset(words.decode().split())
                return frozenset([name for name, _, linux, _ in PROCESSOR_FEATURES if linux in here])
    return frozenset()
