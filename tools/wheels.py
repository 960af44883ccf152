"""Wheels of this repository's distributions, built once for every state of their sources.

    python tools/wheels.py singlepass-backend          print the paths of its wheel and of those it needs
    python tools/wheels.py --pure runtime              uncompiled (only core's C file is built)
    python tools/wheels.py --python PATH runtime       for another interpreter

The key of a wheel is a hash of all that goes into it: the distribution's own files, those of the
distributions it depends on (mypyc reads their types), the tools' versions and the interpreter.
Wheels with other keys are removed when a new one is made, but for the latest of the same interpreter
before it, so that going back and forth between two states costs nothing. Processes that want the same
wheel at the same time wait for the one that builds it.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import pythons  # noqa: E402
from tools.pythons import Python  # noqa: E402

WHEELS: Final = ROOT / "build" / "wheels"
BUILDERS: Final = ROOT / "build" / "builders"

DISTRIBUTIONS: Final = (
    "runtime-core",
    "singlepass-backend",
    "clif-backend",
    "llvm-backend",
    "vfs",
    "wasi",
    "emscripten",
    "go",
    "blazor",
    "runtime",
)
"""Folders below lib/, lower layers first."""

KEPT: Final = 2
_INPUTS: Final = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "src")
_NOT_INPUTS: Final = ("__pycache__", ".so", ".o", ".pyc")


class BuildFailed(Exception):
    """A wheel could not be built; the message ends with what the build printed."""


@functools.cache
def project(name: str) -> dict[str, Any]:
    """The pyproject.toml of distribution `name`; "" is the workspace's own."""
    path = ROOT / "lib" / name / "pyproject.toml" if name else ROOT / "pyproject.toml"
    with open(path, "rb") as file:
        return tomllib.load(file)


def hook_table(name: str) -> dict[str, Any]:
    """What the pyproject.toml of distribution `name` tells core's build hook; "modules" are those that are compiled."""
    table: dict[str, Any] = project(name)["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]
    return table


def group(name: str) -> list[str]:
    """The requirements of a dependency group of the workspace."""
    requirements: list[str] = []
    for entry in project("")["dependency-groups"][name]:
        requirements += [entry] if isinstance(entry, str) else group(entry["include-group"])
    return requirements


def closure(names: Iterable[str]) -> list[str]:
    """`names` and the distributions of this repository that they depend on, lower layers first."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _split(name)[0]
    return [name for name in DISTRIBUTIONS if name in found]


def third_party(names: Iterable[str]) -> list[str]:
    """What `names` need from elsewhere."""
    return sorted({requirement for name in closure(names) for requirement in _split(name)[1]})


def _split(name: str) -> tuple[list[str], list[str]]:
    """Dependencies of a distribution: (those in this repository, the others)."""
    ours, others = [], []
    for requirement in project(name)["project"]["dependencies"]:
        match = re.match(r"wasmer-([a-z-]+)", requirement)
        if match and match[1] in DISTRIBUTIONS:
            ours.append(match[1])
        else:
            others.append(requirement)
    return ours, others


@functools.cache
def _digest(name: str) -> str:
    """Hash of the files of one distribution."""
    digest = hashlib.sha256()
    folder = ROOT / "lib" / name
    for entry in _INPUTS:
        path = folder / entry
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            relative = str(file.relative_to(folder))
            if file.is_file() and not any(part in relative for part in _NOT_INPUTS):
                digest.update(f"{relative}\0{file.stat().st_size}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


def key(name: str, pure: bool, python: Python) -> str:
    """The key of a distribution's wheel for an interpreter: equal keys, equal wheels."""
    parts = [*python.facts, os.environ.get("CFLAGS", "")]
    parts += [str(pure), *group("build"), *(_digest(part) for part in closure([name]))]
    if name != "runtime-core":
        core = ROOT / "lib/runtime-core/src/wasmer_runtime_core"
        parts += [(core / name).read_text() for name in ("build_hook.py", "bundles.py", "generated_c.py")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def builder(python: Python | None = None) -> Path:
    """`python` (by default this one) in the environment that builds for it; made when first needed."""
    python = python or pythons.this()
    folder = BUILDERS / python.name
    inside = folder / "bin" / "python"
    stamp = folder / "installed"
    wanted = "\n".join([*python.facts, *group("build")])
    with alone(folder.with_name(f"{folder.name}.lock")):
        if not stamp.is_file() or stamp.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "virtualenv", "-q", "-p", str(python.path), str(folder)], check=True)
            subprocess.run([str(inside), "-m", "pip", "install", "-q", *group("build")], check=True)
            stamp.write_text(wanted)
    return inside


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """One process at a time is inside, the others wait; a process that ends, however it does, is inside no longer."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def wheels(names: Iterable[str], pure: bool = False, python: Python | None = None) -> list[Path]:
    """The wheels of `names` and of those they depend on in this repository; missing ones are built.

    They are for `python`, by default the interpreter that runs this.

    Raises:
        BuildFailed: with the end of what the build said.
    """
    python = python or pythons.this()
    order = closure(names)
    folders = {name: _folder(name, pure, python) for name in order}
    missing = [name for name in order if not _present(folders[name])]
    if missing:
        inside = builder(python)
        notes = [*(["uncompiled"] if pure else []), *([] if python == pythons.this() else [f"Python {python.name}"])]
        note = f" ({', '.join(notes)})" if notes else ""
        print(f"Building {', '.join(missing)}{note}; compiled ones take minutes ...", file=sys.stderr, flush=True)
        with Told(missing) as told, ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 1)) as pool:

            def make(name: str) -> None:
                with told.step(name):
                    _build(inside, name, pure, folders[name])

            list(pool.map(make, missing))
    return [path for name in order for path in _present(folders[name])]


class Told:
    """Says on standard error what is built, when it is done and how long it took; and every now and then what it is at.

    Who begins waits for minutes, and wants to know that something happens.
    """

    EVERY_SECONDS: Final = 20

    def __init__(self, names: Iterable[str]) -> None:
        self.left = list(names)
        self._begun: dict[str, float] = {}
        self._start = time.monotonic()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._remind, daemon=True)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One of them is built."""
        with self._lock:
            self._begun[name] = time.monotonic()
        yield
        with self._lock:
            seconds = time.monotonic() - self._begun.pop(name)
            self.left.remove(name)
            self._say(f"{name}: built in {seconds:.0f} s" + (f", {len(self.left)} left" if self.left else ""))

    def _say(self, text: str) -> None:
        print(f"  {time.monotonic() - self._start:5.0f} s  {text}", file=sys.stderr, flush=True)

    def _remind(self) -> None:
        while not self._ended.wait(self.EVERY_SECONDS):
            with self._lock:
                self._say(f"building {', '.join(self._begun)} ...")

    def __enter__(self) -> Told:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def _folder(name: str, pure: bool, python: Python) -> Path:
    return WHEELS / f"{name}-{'pure' if pure else 'compiled'}-{python.name}-{key(name, pure, python)}"


def _present(folder: Path) -> list[Path]:
    return list(folder.glob("*.whl"))


def _build(inside: Path, name: str, pure: bool, folder: Path) -> None:
    same = folder.name.rpartition("-")[0]  # without the key
    with alone(WHEELS / f"{same}.lock"), tempfile.TemporaryDirectory(dir=WHEELS, prefix="making-") as making:
        if _present(folder):  # another process has made it meanwhile
            return
        result = subprocess.run(
            [str(inside), "-m", "hatchling", "build", "-t", "wheel", "-d", making],
            cwd=ROOT / "lib" / name,
            env=dict(os.environ, WASMER_PURE="1" if pure else "0"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if result.returncode:
            raise BuildFailed(f"wasmer-{name} could not be built.\n{result.stdout[-6000:]}")
        for stale in _older(folder)[KEPT - 1 :]:
            shutil.rmtree(stale, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(making, folder)


def _older(folder: Path) -> list[Path]:
    """Folders of earlier wheels of the same distribution and interpreter, latest first."""
    folders = WHEELS.glob(f"{folder.name.rpartition('-')[0]}-*")
    return sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pure", action="store_true", help="leave the Python modules uncompiled")
    parser.add_argument("--python", type=Path, metavar="PATH", help="the interpreter to build for (default: this one)")
    parser.add_argument("names", nargs="*", default=DISTRIBUTIONS, metavar="NAME", help="a folder below lib/")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(DISTRIBUTIONS))
    if unknown:
        parser.error(f"no such distribution: {', '.join(unknown)} (there are: {', '.join(DISTRIBUTIONS)})")
    python = pythons.ask(options.python) if options.python else pythons.this()
    if python is None or python.unfit:
        parser.error(f"{options.python} cannot be used: {python.unfit if python else 'it does not answer'}")
    try:
        for path in wheels(options.names, options.pure, python):
            print(path)
    except BuildFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
