"""C programs compiled for WASI, and natively, once for every state of their sources.

Used by the demo, by the tests of wasmer-wasi and by whoever needs a real program. The compiler
is clang, by way of `zig cc` of the ``ziglang`` wheel, which brings a C library for WASI along; the
first use compiles that library, which takes some thirty seconds. Everything it makes lies below
`build/`, its caches too.

    python tools/programs.py examples/c/words.c         print the path of the compiled module
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
BUILD: Final = ROOT / "build" / "programs"
SNAPSHOT0: Final = ROOT / "lib" / "wasi" / "tests" / "programs" / "snapshot0.c"
"""Linked with a program, this makes it import snapshot0 and nothing else."""

WASI_READY: Final = BUILD / "wasi-library-built"
"""Exists once the C library for WASI has been compiled."""

_WASI: Final = ("-target", "wasm32-wasi", "-O2", "-Wl,--strip-debug")


class NoCompiler(Exception):
    """There is nothing to compile C with; the message says what to install."""


class BuildFailed(Exception):
    """The compiler refused a program; the message is what it said."""


def has_zig() -> bool:
    """Whether the ``ziglang`` wheel is installed."""
    return importlib.util.find_spec("ziglang") is not None


def wasi(*sources: Path, version: str = "snapshot1", options: Sequence[str] = ()) -> Path:
    """The module of a C program, for `version` ("snapshot0" or "snapshot1") of WASI.

    Raises:
        NoCompiler: ``ziglang`` is not installed.
        BuildFailed: the program was refused.
    """
    inputs = [*sources, SNAPSHOT0] if version == "snapshot0" else list(sources)
    built = _build(inputs, f"{sources[0].stem}.{version}.wasm", [*_zig(), *_WASI, *options])
    WASI_READY.touch()
    return built


def native(*sources: Path, options: Sequence[str] = ()) -> Path:
    """The same program for this machine, by the machine's own C compiler if there is one, else zig's.

    Raises:
        NoCompiler: there is neither.
        BuildFailed: the program was refused.
    """
    return _build(list(sources), f"{sources[0].stem}.native", [*native_compiler(), *options])


def native_compiler() -> list[str]:
    """The command that compiles C for this machine, optimising.

    Raises:
        NoCompiler: there is none.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    return [*([compiler] if compiler else _zig()), "-O2"]


def _zig() -> list[str]:
    if not has_zig():
        raise NoCompiler("C programs are compiled by zig: pip install ziglang")
    return [sys.executable, "-m", "ziglang", "cc"]


def _build(sources: list[Path], name: str, command: list[str]) -> Path:
    key = hashlib.sha256("\0".join(command[1:]).encode())
    for source in sources:
        key.update(source.read_bytes())
    built = BUILD / key.hexdigest()[:16] / name
    if built.exists():
        return built
    built.parent.mkdir(parents=True, exist_ok=True)
    partial = built.with_name(f"{os.getpid()}.{name}")
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(ROOT / "build" / "zig")}
    result = subprocess.run(
        [*command, *map(str, sources), "-o", str(partial)], capture_output=True, text=True, env=environment
    )
    if result.returncode:
        raise BuildFailed(f"{sources[0].name} was not compiled:\n{result.stderr.strip()}")
    partial.replace(built)
    return built


if __name__ == "__main__":
    try:
        for argument in sys.argv[1:]:
            print(wasi(Path(argument)))
    except (NoCompiler, BuildFailed) as failure:
        raise SystemExit(f"Error: {failure}") from None
