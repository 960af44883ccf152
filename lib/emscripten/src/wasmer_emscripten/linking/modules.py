"""Side modules before they are placed: found by a name, compiled, and checked against what their section says.

A name is first looked for among the libraries that the user gave, then in the program's own files, and there in the
directories of ``LD_LIBRARY_PATH``, too, and what a module needs in those that it names itself. Nothing else of the host
is looked at.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wasmer_emscripten.errors import SideModuleError
from wasmer_emscripten.linking.dylink import MAX_NAME, Dylink, dylink_of
from wasmer_emscripten.numbers import must_be_answer
from wasmer_emscripten.recognising import info_of
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.running.interrupts import check_interrupts
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.wasm.module import ACTIVE
from wasmer_vfs.tree_files import Files

if TYPE_CHECKING:
    from wasmer_emscripten.process import Process

MAX_BYTES: Final = 1 << 28
"""Of a side module in the program's files: 256 MiB."""
MAGIC: Final = b"\0asm"
SEARCHED: Final = b"LD_LIBRARY_PATH="
MAX_SEARCHED: Final = 256
"""Directories of that variable."""

Compile = Callable[[Any], Module]


class SideModule(NamedTuple):
    """One that was found.

    Attributes:
        name: what it is known by: the name under which the user gave it, or its whole path.
        module: compiled.
        dylink: what its section says.
    """

    name: str
    module: Module
    dylink: Dylink


def checked(libraries: Mapping[str, Any] | None) -> dict[str, Any]:
    """The libraries that a user gives, by their plain names.

    Raises:
        TypeError, ValueError: something is not of its form; it says what.
        OSError: a file cannot be opened.
    """
    found: dict[str, Any] = {}
    for name, source in (libraries or {}).items():
        if not isinstance(name, str):
            raise TypeError(f"libraries: a name is needed, as the program asks for it; this is {name!r}")
        if not name or "\0" in name or len(name) > MAX_NAME:
            raise ValueError(f"libraries: no program can ask for {name[:100]!r}")
        if isinstance(source, (str, os.PathLike)):
            with open(source, "rb"):
                found[posixpath.normpath(name)] = Path(source)
        elif isinstance(source, (bytes, bytearray, memoryview, Module)):
            found[posixpath.normpath(name)] = source
        else:
            raise TypeError(f"libraries: for {name!r} a path, bytes or a Module is needed; this is {source!r}")
    return found


class Finder:
    """Finds and compiles the side modules of one program; without `compile`, it finds those that are compiled."""

    __slots__ = ("_compile", "_given", "_process")

    def __init__(self, process: Process, given: Mapping[str, Any], compile: Compile | None) -> None:
        self._process = process
        self._given = given
        self._compile = compile

    def known_by(self, name: str, paths: Iterable[str] = ()) -> str:
        """What a library is known by that is asked for by a name.

        Args:
            paths: directories in which it is looked for, too.

        Raises:
            SideModuleError: there is none.
        """
        check_interrupts()  # a module may name many
        plain = posixpath.normpath(name) if name else ""
        if plain in self._given:
            return plain
        process = self._process
        files = Files(process.tree)
        places = [plain]
        for variable in process.environ:
            if variable.startswith(SEARCHED):
                searched = variable[len(SEARCHED) :].split(b":", MAX_SEARCHED)[:MAX_SEARCHED]
                places += [posixpath.join(os.fsdecode(each), plain.lstrip("/")) for each in searched if each]
        places += [posixpath.join(each, plain.lstrip("/")) for each in paths if each]
        for place in places:
            if place and files.is_file(place):
                return os.fsdecode(process.tree.absolute(os.fsencode(place)))
        raise SideModuleError(
            plain[:MAX_NAME],
            f"ENOENT: no such file or directory, open '{plain[:MAX_NAME]}'",
            remedy=f"give it, libraries={{{plain[:MAX_NAME]!r}: …}}, or put it among the program's files",
        )

    def module(self, name: str) -> SideModule:
        """What is known by a name.

        Raises:
            SideModuleError: it cannot be read, is malformed, not valid, or no side module.
        """
        source = self._given.get(name)
        module = source if isinstance(source, Module) else self._compiled(name, self._read(name, source))
        dylink = dylink_of(info_of(module), name)
        if dylink is None:
            raise SideModuleError(name, "need dylink section", remedy="build it with -sSIDE_MODULE")
        _check(name, module, dylink)
        return SideModule(name, module, dylink)

    def _compiled(self, name: str, data: bytes) -> Module:
        if self._compile is None:
            raise SideModuleError(
                name,
                "nothing says how it is to be compiled, for the program was compiled elsewhere",
                remedy="say it, load(…, config=CompilerConfig(…)), or give a module that is compiled",
            )
        try:
            return self._compile(data)
        except CompileError as failure:
            must_be_answer(failure)
            raise SideModuleError(name, f"{type(failure).__name__}: {failure}") from failure

    def _read(self, name: str, given: Any) -> bytes:
        """The bytes of what the user gave, else those of a file of the program's."""
        files = Files(self._process.tree)
        try:
            if isinstance(given, Path):
                data = given.read_bytes()
            elif given is not None:
                data = bytes(given)
            elif files.stat(name).size > MAX_BYTES:
                raise SideModuleError(name, f"it is larger than {MAX_BYTES} bytes")
            else:
                data = files.read_bytes(name)
        except OSError as failure:
            must_be_answer(failure)
            raise SideModuleError(name, f"it cannot be read: {failure.strerror or failure}") from None
        if not data.startswith(MAGIC):
            raise SideModuleError(name, "need to see wasm magic number")
        return data


def paths_of(dylink: Dylink, name: str) -> list[str]:
    """The directories in which what a module needs is looked for, too."""
    here = posixpath.dirname(name) or "."
    return [path.replace("$ORIGIN", here) for path in dylink.paths]


def _check(name: str, module: Module, dylink: Dylink) -> None:
    """That segments are no larger than the place that the section asks for, as far as one at a time tells."""
    info = info_of(module)
    longest = max((len(each.data) for each in info.data if each.mode == ACTIVE), default=0)
    if longest > dylink.memory_size:
        raise SideModuleError(name, f"it has {longest} bytes of data, and its section says {dylink.memory_size}")
    most = max((len(each.items) for each in info.elements if each.mode == ACTIVE), default=0)
    if most > dylink.table_size:
        raise SideModuleError(name, f"it has {most} elements, and its section says {dylink.table_size}")
