"""What is handed out: wheels, source distributions and an index of them, in dist/.

    python tools/release.py                  for this Python
    python tools/release.py --pythons        and for the others of this machine
    python tools/release.py --pure core …    uncompiled, of some distributions

Wheels get the manylinux tag that `auditwheel` finds: the oldest C library that their machine code can be loaded with.
Beside them lie the wheels of what they need from elsewhere, so that ``pip install --no-index --find-links dist
wasmer-runtime`` needs neither a network nor a compiler; that is tried in an environment that has neither.
``dist/simple`` is the same as an index, for ``--index-url`` of a web server.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import pythons, wheels  # noqa: E402
from tools.pythons import Python  # noqa: E402

TARGET: Final = ROOT / "dist"

LARGEST: Final = {"wasmer_runtime_core": 3_000_000}
"""Bytes of a wheel, by distribution."""
LARGEST_OTHER: Final = 5_000_000
UNBOUNDED: Final = ("wasmer_llvm_backend",)

SMOKE: Final = """
import io, wasmer_runtime
from wasmer_wasi import run
text = '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'
for backend in ("singlepass", "cranelift"):
    assert wasmer_runtime.instantiate(text, backend=backend).exports.add(40, 2) == 42
program = '''(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const 7))))'''
assert run(program).returncode == 7
"""
"""What has to work where it was installed."""


class ReleaseFailed(Exception):
    """Something is not as it should be; the message says what."""


def gather(target: Path, names: Iterable[str], for_these: Sequence[Python], pure: bool = False) -> list[Path]:
    """Put wheels, source distributions and what they need into `target`; what was there goes. Returns what is ours."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    names = wheels.closure(names)
    ours: list[Path] = []
    for python in for_these:
        for wheel in wheels.wheels(names, pure, python):
            ours.append(_tagged(wheel, target))
        others = wheels.third_party(names)
        if others:
            pip(python, "download", "-q", "-d", str(target), "--only-binary", ":all:", *others)
    inside = str(wheels.builder())
    for name in names:
        command = [inside, "-m", "hatchling", "build", "-t", "sdist", "-d", str(target)]
        subprocess.run(command, cwd=ROOT / "lib" / name, check=True, capture_output=True)
    return ours


def _tagged(wheel: Path, target: Path) -> Path:
    """A wheel in `target`, with the tag that it may have."""
    if not wheel.stem.endswith("linux_x86_64"):
        return Path(shutil.copy2(wheel, target))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "auditwheel", "repair", "-w", folder, str(wheel)]
        done = subprocess.run(command, capture_output=True, text=True)
        made = list(Path(folder).glob("*.whl"))
        if done.returncode or len(made) != 1 or "manylinux" not in made[0].name:
            raise ReleaseFailed(f"auditwheel does not take {wheel.name}:\n{done.stdout}{done.stderr}")
        return Path(shutil.copy2(made[0], target))


def check_sizes(paths: Iterable[Path]) -> None:
    """
    Raises:
        ReleaseFailed: a wheel is larger than it may be.
    """
    for path in paths:
        name, size = path.name.partition("-")[0], path.stat().st_size
        most = LARGEST.get(name, LARGEST_OTHER)
        if name not in UNBOUNDED and size > most:
            raise ReleaseFailed(f"{path.name} has {size:,} bytes; it may have {most:,}")


def make_index(target: Path) -> None:
    """``simple/``: a page per distribution, as PEP 503 has them, with hashes."""
    files: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(target.glob("*.whl")) + sorted(target.glob("*.tar.gz")):
        name = path.name.partition("-")[0]
        files[re.sub(r"[-_.]+", "-", name).lower()].append(path)
    pages = {"": [(f"{name}/", name) for name in sorted(files)]}
    for name, paths in files.items():
        hashes = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
        pages[name] = [(f"../../{path.name}#sha256={hashes[path]}", path.name) for path in paths]
    for name, links in pages.items():
        folder = target / "simple" / name
        folder.mkdir(parents=True, exist_ok=True)
        rows = "".join(f'<a href="{html.escape(where)}">{html.escape(text)}</a><br>\n' for where, text in links)
        (folder / "index.html").write_text(f"<!DOCTYPE html>\n<html><body>\n{rows}</body></html>\n")


def check_installation(target: Path, python: Python) -> None:
    """Install from `target` alone, in an environment without compiler and network, and use it.

    Raises:
        ReleaseFailed: that does not work.
    """
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "virtualenv", "-q", "-p", str(python.path), folder], check=True)
        bare = {"PATH": f"{folder}/bin", "HOME": folder, "CC": "/bin/false", "PIP_CONFIG_FILE": os.devnull}
        inside = f"{folder}/bin/python"
        asked = ["wasmer-runtime[wasi,emscripten,go]"]
        steps = (
            [inside, "-m", "pip", "install", "-q", "--no-index", "--find-links", str(target), *asked],
            [inside, "-c", SMOKE],
            [f"{folder}/bin/wasmer-runtime", "backends"],
        )
        for step in steps:
            done = subprocess.run(step, env=bare, cwd=folder, capture_output=True, text=True)
            if done.returncode:
                raise ReleaseFailed(f"Python {python.name}: {' '.join(step[1:4])} failed:\n{done.stdout}{done.stderr}")


def pip(python: Python, *arguments: str) -> None:
    """pip of this interpreter, for another one."""
    command = [sys.executable, "-m", "pip", "--python", str(wheels.builder(python)), "--disable-pip-version-check"]
    subprocess.run([*command, *arguments], check=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pythons", action="store_true", help="for the other Pythons of this machine, too")
    parser.add_argument("--pure", action="store_true", help="leave the Python modules uncompiled")
    parser.add_argument("--target", type=Path, default=TARGET, help="where to (default: dist/)")
    parser.add_argument("names", nargs="*", default=wheels.DISTRIBUTIONS, metavar="NAME", help="a folder below lib/")
    options = parser.parse_args(arguments)
    for_these = [pythons.this(), *(pythons.others() if options.pythons else ())]
    try:
        ours = gather(options.target, options.names, for_these, options.pure)
        check_sizes(ours)
        make_index(options.target)
        for path in sorted(options.target.glob("*.*")):
            print(f"{path.stat().st_size:>10,} {path.name}")
        if {"runtime", "wasi", "emscripten", "go"} <= set(wheels.closure(options.names)):
            for python in for_these:
                check_installation(options.target, python)
                print(f"Python {python.name}: installed without network and compiler, and used")
    except (ReleaseFailed, wheels.BuildFailed) as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
