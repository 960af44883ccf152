"""Where the scripts are, and what in them is not expected to pass."""

from __future__ import annotations

import os
import re
import tomllib
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from wasmer_runtime_core.features import BY_NAME

ROOT: Final = Path(__file__).resolve().parents[2]
LEVELS: Final = ("1.0", "2.0")
"""Releases whose scripts are run."""
AHEAD: Final = ("3.0/[!s]*", "3.0/s[!i]*", "3.0/simd/simd_memory-multi")
"""Scripts of a later release whose features are here: all of 3.0 but those of vectors, which are the same in 2.0."""
SUPPORTED: Final = "2.0"
"""The release all of whose features are on; it may take assertions of earlier ones back."""
FEATURES_IN_REASONS: Final = {"multi-memory": "multi_memory", "memory64": "memory64", "GC": "gc"}
"""Features of later releases, as ``superseded.txt`` spells them -> names; once here, each takes assertions back."""
STORED: Final = "/stored"
"""Behind the name of a backend: modules are run as they come back from artifacts, in files and in memory by turns."""
LAZY: Final = "/lazy"
"""Likewise: each function is compiled when it is first called."""
SWAPPED: Final = "singlepass/swapped"
"""A backend: functions get code of singlepass and cranelift by turns, before each call (`tests.swapping`)."""
NO_BACKEND: Final = "none"
"""Stands for a backend where nothing is executed: only what is malformed or invalid is looked at."""


class ExpectedFailure(NamedTuple):
    """A row of `expected_failures.toml`.

    Attributes:
        file: the script, such as ``2.0/imports``; may hold ``*``.
        line: of the command, or None: any that fails, at least one.
        reason: why it fails.
        backend: the backend it fails on, or "" for all.
    """

    file: str
    line: int | None
    reason: str
    backend: str = ""


def data_directory() -> Path | None:
    """The directory of the scripts: ``WASMER_TESTDATA``, or ``../shared/testdata`` beside the project; None without."""
    configured = os.environ.get("WASMER_TESTDATA")
    directory = Path(configured) if configured else ROOT.parent / "shared" / "testdata"
    return directory / "spec" if (directory / "spec").is_dir() else None


NO_DATA: Final = (
    "no test scripts: set WASMER_TESTDATA to a directory with spec/1.0 and spec/2.0 of WebAssembly/spec test/core, "
    "or put it at ../shared/testdata"
)


def script_path(name: str) -> Path:
    """The file of a script.

    Raises:
        FileNotFoundError: there is no test data.
    """
    directory = data_directory()
    if directory is None:
        raise FileNotFoundError(NO_DATA)
    return directory / f"{name}.wast"


def scripts(levels: tuple[str, ...] = LEVELS, patterns: tuple[str, ...] = ()) -> list[str]:
    """Names of the scripts, such as ``1.0/i32`` or ``2.0/simd/simd_lane``, sorted.

    Args:
        levels: releases.
        patterns: keep those that are one of these, or whose last part or whole matches with ``*``.
    """
    directory = data_directory()
    if directory is None:
        return []
    names = [
        path.relative_to(directory).with_suffix("").as_posix()
        for level in levels
        for path in sorted((directory / level).rglob("*.wast"))
    ]
    return [name for name in names if not patterns or any(_matches(name, pattern) for pattern in patterns)]


def _matches(name: str, pattern: str) -> bool:
    pattern = pattern.removesuffix(".wast")
    return any(fnmatchcase(candidate, pattern) for candidate in (name, name.split("/", 1)[1], name.rsplit("/", 1)[1]))


@cache
def superseded(name: str) -> dict[int, str]:
    """Line -> reason of the assertions of a script that a supported release takes back."""
    directory = data_directory()
    rows = {} if directory is None else _superseded_rows((directory / "superseded.txt").read_text())
    return {line: reason for line, (release, reason) in rows.get(name, {}).items() if _is_on(release, reason)}


def _is_on(release: str, reason: str) -> bool:
    """Whether what takes an assertion back is here."""
    if release <= SUPPORTED:
        return True
    return any(BY_NAME[name].here for spelling, name in FEATURES_IN_REASONS.items() if spelling in reason)


@cache
def _superseded_rows(text: str) -> dict[str, dict[int, tuple[str, str]]]:
    """Script -> line -> (release that takes it back: the last one the reason names, reason)."""
    rows: dict[str, dict[int, tuple[str, str]]] = {}
    for row in text.splitlines():
        places, _, reason = row.partition("#")
        words = places.split()
        if not words:
            continue
        release = re.findall(r"\d\.\d", reason)[-1]
        lines = rows.setdefault(f"{words[0]}/{words[1]}", {})
        lines.update((int(line), (release, reason.strip())) for line in words[2:])
    return rows


@cache
def all_expected_failures() -> tuple[ExpectedFailure, ...]:
    """The rows of `expected_failures.toml`."""
    with open(Path(__file__).with_name("expected_failures.toml"), "rb") as file:
        content = tomllib.load(file)
    return tuple(
        ExpectedFailure(row["file"], row.get("line"), row["reason"], row.get("backend", ""))
        for row in content.get("failure", [])
    )


def expected_failures(name: str, backend: str) -> list[ExpectedFailure]:
    """The rows that speak of a script on a backend."""
    return [
        row
        for row in all_expected_failures()
        if fnmatchcase(name, row.file) and row.backend in ("", backend.partition("/")[0])
    ]


def other_words(path: Path) -> dict[int, str]:
    """Line -> our words, where `other_words.toml` has some for a script."""
    directory = data_directory()
    if directory is None or not path.is_relative_to(directory):
        return {}
    return _all_other_words().get(path.relative_to(directory).with_suffix("").as_posix(), {})


@cache
def _all_other_words() -> dict[str, dict[int, str]]:
    with open(Path(__file__).with_name("other_words.toml"), "rb") as file:
        content = tomllib.load(file)
    words: dict[str, dict[int, str]] = {}
    for row in content["row"]:
        words.setdefault(row["script"], {}).update((line, row["says"]) for line in row["lines"])
    return words
