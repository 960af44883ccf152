"""The kernels: one C file each, compiled to WebAssembly and natively from the same source.

A row names a kernel, what it stresses, the class it belongs to and how often it repeats its work: so often that
the native build takes 0.1 to 0.3 s on a machine of today. The work grows in proportion to
that number, so that a quick run divides it. The checksum is no part of the row: the native
build computes it, and every runtime has to agree.

Both builds come from `zig cc` of the ``ziglang`` wheel, which is clang: WebAssembly 2.0
without SIMD (with it for the rows that say so) and the plain instruction set of the
processor's family (with SSE4.1 for the SIMD rows), both at ``-O2``, without fused
multiply-add, so that floats come out the same to the last bit. The module has no start
file, no C library and no imports; it exports ``run`` and its memory.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

SOURCES: Final = Path(__file__).resolve().parent
BUILD: Final = SOURCES.parent.parent / "build" / "benchmarks"


class Kernel(NamedTuple):
    """One row: ``NAME.c``, what it stresses, its class, its argument, and whether it needs SIMD."""

    name: str
    stresses: str
    kind: str
    repetitions: int
    simd: bool = False


# fmt: off
KERNELS: Final = (
    Kernel("calls",          "direct calls, recursion",        "calls",          2000),
    Kernel("queens",         "recursion, bit masks",           "calls",           450),
    Kernel("indirect_calls", "calls through a table",          "calls",       700_000),
    Kernel("nbody",          "f64, square roots",              "registers",    25_000),
    Kernel("spectral_norm",  "f64, conversions, divisions",    "registers",      2000),
    Kernel("mandelbrot",     "f64 in registers",               "registers",       250),
    Kernel("matrix_product", "f64, nested loops",              "registers",      2500),
    Kernel("cosine",         "f32, many values at once",       "memory",      150_000),
    Kernel("collatz",        "i64, branches",                  "registers",      1500),
    Kernel("divisions",      "division and remainder",         "registers",    15_000),
    Kernel("sieve",          "byte stores with a stride",      "memory",         1500),
    Kernel("big_multiply",   "long multiplication, carries",   "registers",    65_000),
    Kernel("sha256",         "rotations, additions",           "registers",    10_000),
    Kernel("chacha20",       "more values than registers",     "registers",    35_000),
    Kernel("crc32",          "dependent loads",                "registers",      9500),
    Kernel("hash_table",     "hashing, probing",               "bytes",           750),
    Kernel("quick_sort",     "sorting by a function pointer",  "calls",           650),
    Kernel("heap_sort",      "sorting, scattered accesses",    "calls",           600),
    Kernel("lists",          "linked structures",              "bytes",           950),
    Kernel("tokens",         "strings: a tokeniser",           "bytes",          9000),
    Kernel("string_search",  "strings: searching",             "bytes",           350),
    Kernel("utf8",           "strings: UTF-8",                 "bytes",        20_000),
    Kernel("base64",         "bytes, small tables",            "bytes",        30_000),
    Kernel("compression",    "LZ77, overlapping copies",       "bytes",          7000),
    Kernel("interpreter",    "br_table in a loop",             "interpreter",    7500),
    Kernel("streams",        "fill, copy, sum",                "memory",       15_000),
    Kernel("simd_matrix",    "f32x4",                          "vectors",      10_000, simd=True),
    Kernel("simd_bytes",     "i8x16",                          "vectors",      95_000, simd=True),
)
# fmt: on

_COMMON: Final = ("-O2", "-nostdlib", "-ffp-contract=off", "-fno-math-errno")
_WASM_CPU: Final = "mvp+sign_ext+mutable_globals+nontrapping_fptoint+bulk_memory+multivalue"


class BuildError(Exception):
    """The C compiler is missing or refused a kernel; the message says which and why."""


def select(names: str | None) -> tuple[Kernel, ...]:
    """The rows whose names are listed, separated by commas; every row for None.

    ``simd`` stands for those that need SIMD, ``scalar`` for the others.

    Raises:
        SystemExit: no row has that name; the message lists those there are.
    """
    if names is None:
        return KERNELS
    chosen: list[Kernel] = []
    for name in names.split(","):
        found = [row for row in KERNELS if name in (row.name, "simd" if row.simd else "scalar")]
        if not found:
            raise SystemExit(f"no kernel is called {name!r}; there are: {', '.join(row.name for row in KERNELS)}")
        chosen += [row for row in found if row not in chosen]
    return tuple(chosen)


def build_wasm(kernel: Kernel) -> Path:
    """The kernel as a WebAssembly module, built unless it is there already.

    Raises:
        BuildError: as the class says.
    """
    cpu = _WASM_CPU + "+simd128" if kernel.simd else _WASM_CPU
    return _build(
        kernel, ".wasm", "-target", "wasm32-freestanding", f"-mcpu={cpu}", "-Wl,--no-entry", "-Wl,--export=run"
    )


def build_native(kernel: Kernel) -> Path:
    """The kernel as a shared library for this machine, built unless it is there already.

    Raises:
        BuildError: as the class says.
    """
    x86 = platform.machine() in ("x86_64", "AMD64")
    cpu = "baseline+sse4_1" if kernel.simd and x86 else "baseline"
    return _build(kernel, ".so", "-target", "native", f"-mcpu={cpu}", "-shared", "-fPIC")


def _build(kernel: Kernel, suffix: str, *options: str) -> Path:
    source = SOURCES / f"{kernel.name}.c"
    built = BUILD / f"{kernel.name}{suffix}"
    inputs = (source, SOURCES / "kernel.h", Path(__file__))
    if built.exists() and built.stat().st_mtime >= max(path.stat().st_mtime for path in inputs):
        return built
    BUILD.mkdir(parents=True, exist_ok=True)
    partial = built.with_name(f"{built.name}.{os.getpid()}")
    command = [sys.executable, "-m", "ziglang", "cc", *_COMMON, *options, str(source), "-o", str(partial)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise BuildError(
            f"{kernel.name}.c was not compiled ({' '.join(command[1:4])}); "
            f"is the ziglang wheel installed (pip install ziglang)?\n{result.stderr.strip()}"
        )
    partial.replace(built)
    return built
