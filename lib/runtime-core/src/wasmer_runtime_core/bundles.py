"""Bundles: the code of a package's modules in one file, so that none of them has to be looked for.

A first call imports some hundred modules. For each Python looks through a directory, compares times, opens a file,
reads and closes it. Wheels are made for one version of Python anyway, as those with machine code must be, so each has
a *bundle* beside its modules: the bytecode of all that are not machine code, one behind another, with an index in
front. The build writes it (`build_hook`, which loads this by path). `Finder`, which core puts in front of Python's
finders, takes modules out of it.

A module is what it was otherwise: the sources lie where they did, and tracebacks, `inspect` and resources find them.
Who changes a source in an installed package removes the bundle, as the extension modules. A bundle that another
version of Python wrote, one that was replaced meanwhile, or none, as in a tree of sources, is passed over.

======  ======  ====================================================================================
offset  bytes
======  ======  ====================================================================================
0       16      the magic number of Python's bytecode, zeros
16      4       length of the index
20      …       the index, by `marshal`: offset behind it, length, whether it is a package; by name
…       …       code, by `marshal`
======  ======  ====================================================================================
"""

from __future__ import annotations

import marshal
import os
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER, SourceFileLoader
from _imp import _fix_co_filename  # type: ignore[attr-defined]

TYPE_CHECKING = False  # checkers take it for True
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import CodeType, ModuleType
    from typing import Final

NAME: Final = "modules.bundle"
"""Of the file, in the directory of the package."""
FAMILY: Final = "wasmer_"
"""So the packages are called that may have one."""
_MAGIC: Final = MAGIC_NUMBER.ljust(16, b"\0")
_FIXED: Final = 20


def bundle(modules: Iterable[tuple[str, bool, CodeType]]) -> bytes:
    """The bundle of modules: name, whether it is a package, code."""
    index = {}
    codes = []
    at = 0
    for name, is_package, code in modules:
        codes.append(marshal.dumps(code))
        index[name] = at, len(codes[-1]), is_package
        at += len(codes[-1])
    packed = marshal.dumps(index)
    return b"".join([_MAGIC, len(packed).to_bytes(4, "little"), packed, *codes])


class Bundle:
    """A package's bundle, or that it has none.

    Attributes:
        directory: of the package; "": it lies in several, or in none.
        index: what it has; nothing if there is none.
    """

    __slots__ = ("_behind", "_path", "_version", "directory", "index")

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.index: dict[str, tuple[int, int, bool]] = {}
        self._path = f"{directory}/{NAME}"
        self._version = (0, 0, 0)
        if sys.flags.optimize or not directory:  # the code has assertions and texts
            return
        try:
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            self._version = _version(file)
            fixed = os.pread(file, _FIXED, 0)
            length = int.from_bytes(fixed[16:], "little")
            self._behind = _FIXED + length
            if fixed[:16] == _MAGIC:
                self.index = marshal.loads(os.pread(file, length, _FIXED))
        finally:
            os.close(file)

    def code(self, name: str) -> CodeType | None:
        """The code of a module; None: the file is another one by now, or gone."""
        try:
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            if _version(file) != self._version:
                return None
            at, length, _ = self.index[name]
            code: CodeType = marshal.loads(os.pread(file, length, self._behind + at))
            return code
        finally:
            os.close(file)


def _version(file: int) -> tuple[int, int, int]:
    """What tells a file from the one that takes its place."""
    status = os.fstat(file)
    return status.st_ino, status.st_size, status.st_mtime_ns


class Loader(SourceFileLoader):
    """Loads a module of a bundle; all else about it is as Python's own loader says."""

    def __init__(self, name: str, path: str, found: Bundle) -> None:
        self.name = name
        self.path = path
        self.bundle = found

    def get_code(self, fullname: str) -> CodeType | None:
        code = self.bundle.code(fullname)
        if code is None:
            return super().get_code(fullname)
        _fix_co_filename(code, self.path)
        return code


_bundles: Final[dict[str, Bundle]] = {}
"""By name of a package."""


class Finder:
    """Finds modules in bundles."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if path is None or not name.startswith(FAMILY):
            return None
        package, _, inside = name.partition(".")
        found = _bundles.get(package)
        if found is None:
            directories = list(getattr(sys.modules.get(package), "__path__", ()))
            found = _bundles[package] = Bundle(directories[0] if len(directories) == 1 else "")
        row = found.index.get(name)
        if row is None:
            return None
        is_package = row[2]
        place = f"{found.directory}/{inside.replace('.', '/')}"
        source = f"{place}/__init__.py" if is_package else f"{place}.py"
        spec = ModuleSpec(name, Loader(name, source, found), origin=source, is_package=is_package)
        spec._set_fileattr = True  # type: ignore[attr-defined]  # `has_location`, as `spec_from_file_location` sets it
        spec.cached = f"{found.directory}/{NAME}"
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(place)
        return spec
