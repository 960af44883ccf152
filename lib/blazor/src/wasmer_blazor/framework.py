"""A framework: a directory with the .NET runtime, compiled to WebAssembly, and its class library.

The .NET SDK makes one for every Blazor program, and calls it `_framework`. What is in it says the *boot
configuration*, a piece of JSON that has had three places and two forms:

========  ==================================================  =======================================================
.NET      where                                               how files are listed
========  ==================================================  =======================================================
8         ``blazor.boot.json``                                an object: names, and digests of what they name
9         the same                                            the same; names carry a fingerprint, and
                                                            ``fingerprinting`` has the names without
10        in ``dotnet.js``, or ``dotnet.boot.js``, between    a list of objects, with ``name`` and ``virtualPath``
          two comments
========  ==================================================  =======================================================

Digests are not looked at: the directory is the user's own. Where no boot configuration is, what lies in the directory
is taken, fingerprints told by their form. A name is that of a file in the directory, and leads nowhere else.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from wasmer_blazor.assemblies import Version, read_assembly
from wasmer_blazor.errors import UnknownFramework, WrongAssembly

VERSIONS: Final = ".NET 8 to 10"
"""What can be run."""
MOST_BOOT_BYTES: Final = 16 << 20
"""Of a file with a boot configuration."""

BOOT_FILES: Final = ("blazor.boot.json", "dotnet.boot.js", "dotnet.js")
_MARKED: Final = ("/*json-start*/", "/*json-end*/")
_FINGERPRINT: Final = re.compile(r"(.+)\.[a-z0-9]{10}(\.[a-z]+)")
_SUFFIXES: Final = (".wasm", ".dll")
_NATIVE: Final = re.compile(r"dotnet\.native(\.[a-z0-9.]+)?\.wasm")
_GROUPS: Final = ("coreAssembly", "assembly", "lazyAssembly")
_LIBRARY: Final = "System.Private.CoreLib"
"""The assembly that each has, and whose version is its own."""


class Framework(NamedTuple):
    """What is in such a directory. Made by `open_framework`.

    Attributes:
        folder: the directory.
        native: the runtime, a module of WebAssembly that emcc built.
        assemblies: the files of assemblies, by the names under which the runtime is given them, without what a
            publisher has put into the name.
        version: that of the class library.
        properties: what the configuration of the program that it was made for sets.
        environment: the variables that it sets.
    """

    folder: Path
    native: Path
    assemblies: Mapping[str, Path]
    version: Version
    properties: Mapping[str, str]
    environment: Mapping[str, str]

    def has(self, name: str) -> bool:
        """Whether an assembly of this name is there."""
        return any(name + suffix in self.assemblies for suffix in _SUFFIXES)


def open_framework(folder: str | os.PathLike[str]) -> Framework:
    """Look at a directory; of its assemblies only one is opened.

    Args:
        folder: a ``_framework`` directory, or one that has it directly below, or below ``wwwroot``.

    Raises:
        UnknownFramework: it is none, or not of a version that is known.
        OSError: a file cannot be read.
    """
    given = Path(folder)
    if not given.is_dir():
        raise UnknownFramework(
            f"{given}: there is no such directory; a framework is the _framework of a Blazor program"
        )
    for below in (".", "_framework", "wwwroot/_framework"):
        natives = sorted(each for each in _names(given / below) if _NATIVE.fullmatch(each))
        if natives:
            found = given / below
            break
    else:
        raise UnknownFramework(
            f"{given}: there is no .NET runtime (dotnet.native.wasm): the _framework of a Blazor program has one"
        )
    boot = _boot_configuration(found)
    resources = _mapping(boot.get("resources"))
    named = [name for name, _ in _listed(resources.get("wasmNative")) if name in natives]
    assemblies = _assemblies(found, resources)
    if not assemblies:
        raise UnknownFramework(f"{found}: there is a .NET runtime, and no assembly of its class library")
    properties = _mapping(_mapping(_mapping(boot.get("runtimeConfig")).get("runtimeOptions")).get("configProperties"))
    return Framework(
        found,
        found / (named or natives)[0],
        assemblies,
        _version(found, assemblies),
        {name: _as_text(value) for name, value in properties.items() if isinstance(value, (str, int, float))},
        {name: value for name, value in _mapping(boot.get("environmentVariables")).items() if isinstance(value, str)},
    )


def _names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.is_dir() else []


def _as_text(value: str | int | float) -> str:
    """A value of a property, as JavaScript's ``"" + value`` writes it."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _boot_configuration(folder: Path) -> dict[str, Any]:
    """The boot configuration; an empty one where there is none.

    Raises:
        UnknownFramework: it cannot be read.
    """
    for name in BOOT_FILES:
        path = folder / name
        if not path.is_file():
            continue
        with path.open("rb") as file:
            text = file.read(MOST_BOOT_BYTES + 1)
        if len(text) > MOST_BOOT_BYTES:
            raise UnknownFramework(f"{path} has more than {MOST_BOOT_BYTES} bytes, which no boot configuration has")
        start, end = (text.find(mark.encode()) for mark in _MARKED)
        if path.suffix == ".js":
            if not 0 <= start < end:
                continue  # the JavaScript of .NET 8 and 9, which loads the configuration from its own file
            text = text[start + len(_MARKED[0]) : end]
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as wrong:
            raise UnknownFramework(f"{path}: its boot configuration is no JSON: {wrong}") from None
        if not isinstance(found, dict):
            raise UnknownFramework(f"{path}: its boot configuration is a JSON value, but no object")
        return found
    return {}


def _listed(group: Any) -> Iterator[tuple[str, str]]:
    """Pairs of a file and the name without a fingerprint, "" where the configuration has none, of either form."""
    if isinstance(group, dict):
        yield from ((name, "") for name in group)
    elif isinstance(group, list):
        for entry in group:
            name = _mapping(entry).get("name")
            if isinstance(name, str):
                plain = entry.get("virtualPath")
                yield name, plain if isinstance(plain, str) else ""


def _assemblies(folder: Path, resources: Mapping[str, Any]) -> dict[str, Path]:
    listed = [pair for group in _GROUPS for pair in _listed(resources.get(group))]
    there = set(_names(folder))
    if not listed:
        listed = [(name, "") for name in there if name.endswith(_SUFFIXES) and not _NATIVE.fullmatch(name)]
    fingerprinting = _mapping(resources.get("fingerprinting"))
    found = {}
    for name, plain in listed:
        if name in there:  # lazily loaded ones may be elsewhere; a name with a separator is none of a listing
            known = plain or fingerprinting.get(name)
            found[os.path.basename(known) if isinstance(known, str) and known else without_fingerprint(name)] = (
                folder / name
            )
    return found


def without_fingerprint(name: str) -> str:
    """A file's name without the fingerprint that a publisher has put before its suffix."""
    matched = _FINGERPRINT.fullmatch(name)
    return matched[1] + matched[2] if matched else name


def _version(folder: Path, assemblies: Mapping[str, Path]) -> Version:
    path = next((assemblies[_LIBRARY + suffix] for suffix in _SUFFIXES if _LIBRARY + suffix in assemblies), None)
    if path is None:
        raise UnknownFramework(f"{folder}: there is no {_LIBRARY} among its assemblies, so it says no version")
    try:
        version = read_assembly(path.read_bytes()).version
    except WrongAssembly as wrong:
        raise UnknownFramework(f"{path}: {wrong}") from None
    if not 8 <= version[0] <= 10:
        raise UnknownFramework(f"{folder} has .NET {version[0]}.{version[1]}: {VERSIONS} can be run")
    return version
