"""The custom sections ``dylink.0`` and ``dylink``: what a module wants of a dynamic linker.

Source: the tool conventions of WebAssembly, "Dynamic Linking". Numbers in them are the module's word only, so each has
a bound here; what is placed by them is bounded once more by the memory and the table that there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from wasmer_emscripten.errors import SideModuleError
from wasmer_emscripten.glue.matching import LOOK_EVERY
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.running.interrupts import check_interrupts
from wasmer_runtime_core.wasm.reader import Reader

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.module import ModuleInfo

SECTIONS: Final = ("dylink.0", "dylink")
"""Names of the section, today's first."""
MAX_ALIGNMENT: Final = 16
"""As a power of 2: 64 KiB, a page."""
MAX_NEEDED: Final = 256
"""Libraries that one module can need."""
MAX_NAME: Final = 4096
"""Characters of a library's name."""

MAX_SYMBOLS: Final = 1 << 18
"""Symbols with flags, of each kind."""

MAX_PATHS: Final = 256
"""Directories in which a module says that its needed libraries are."""

_MEMORY, _NEEDED, _EXPORTS, _IMPORTS, _PATHS = 1, 2, 3, 4, 5
_BINDING: Final = 3
_WEAK: Final = 1


class Dylink(NamedTuple):
    """What the section says.

    Attributes:
        memory_size: bytes of data.
        memory_alignment: where they may begin: a number of bytes, a power of 2.
        table_size: places in the table.
        table_alignment: where they may begin.
        needed: the libraries that must be loaded before.
        exports: flags of symbols that it exports, by name.
        imports: flags of symbols that it imports, by namespace and name.
        paths: directories in which the needed libraries are, too; ``$ORIGIN`` in one is where the module is.
    """

    memory_size: int = 0
    memory_alignment: int = 1
    table_size: int = 0
    table_alignment: int = 1
    needed: tuple[str, ...] = ()
    exports: dict[str, int] = {}  # noqa: RUF012 - never written to
    imports: dict[tuple[str, str], int] = {}  # noqa: RUF012 - never written to
    paths: tuple[str, ...] = ()

    def is_weak(self, namespace: str, name: str) -> bool:
        """Whether an import may stay without a symbol, and is 0 then."""
        return self.imports.get((namespace, name), 0) & _BINDING == _WEAK


def dylink_of(info: ModuleInfo, library: str) -> Dylink | None:
    """What the section of a module says, or None: it has none, and so nothing links it dynamically.

    Raises:
        SideModuleError: the section is malformed, or a number in it is larger than it may be; `library` is in the text.
    """
    by_name = {section.name: section.data for section in reversed(info.custom_sections) if section.name in SECTIONS}
    for name in SECTIONS:
        if name in by_name:
            data = by_name[name]
            try:
                reader = Reader(data, 0, len(data))
                return _today(reader, library) if name == "dylink.0" else _old(reader, library)
            except CompileError as malformed:
                raise SideModuleError(library, f"its section {name} is malformed: {malformed}") from None
    return None


def _old(reader: Reader, library: str) -> Dylink:
    """``dylink``: what `_placed` reads, then the needed ones. What follows is for later versions of it."""
    return _placed(reader, library)._replace(needed=_needed(reader, library))


def _today(reader: Reader, library: str) -> Dylink:
    """``dylink.0``: subsections. Those that nobody knows are skipped."""
    found = Dylink()
    seen: set[int] = set()
    while not reader.at_end():
        kind = reader.byte()
        content = reader.bytes(reader.u32())
        part = Reader(content, 0, len(content))
        if kind in seen:
            raise SideModuleError(library, f"its section dylink.0 has subsection {kind} twice")
        seen.add(kind)
        if kind == _MEMORY:
            placed = _placed(part, library)
            found = found._replace(
                memory_size=placed.memory_size,
                memory_alignment=placed.memory_alignment,
                table_size=placed.table_size,
                table_alignment=placed.table_alignment,
            )
        elif kind == _NEEDED:
            found = found._replace(needed=_needed(part, library))
        elif kind == _EXPORTS:
            found = found._replace(exports={part.name(): part.u32() for _ in _symbols(part, library)})
        elif kind == _IMPORTS:
            flags = {(part.name(), part.name()): part.u32() for _ in _symbols(part, library)}
            found = found._replace(imports=flags)
        elif kind == _PATHS:
            found = found._replace(paths=_names(part, library, "has", MAX_PATHS, "path"))
        else:
            continue
        if not part.at_end():
            raise SideModuleError(library, f"its section dylink.0 is malformed: subsection {kind} has bytes left")
    return found


def _placed(reader: Reader, library: str) -> Dylink:
    size, alignment = reader.u32(), reader.u32()
    places, places_alignment = reader.u32(), reader.u32()
    for power in (alignment, places_alignment):
        if power > MAX_ALIGNMENT:
            raise SideModuleError(library, f"it wants an alignment of 2**{power}; the most is 2**{MAX_ALIGNMENT}")
    return Dylink(size, 1 << alignment, places, 1 << places_alignment)


def _symbols(reader: Reader, library: str) -> Iterator[int]:
    """Once for each symbol that has flags, with looks whether the call must end."""
    count = reader.u32()
    if count > MAX_SYMBOLS:
        raise SideModuleError(library, f"it has flags for {count} symbols; the most is {MAX_SYMBOLS}")
    for at in range(count):
        if at % LOOK_EVERY == 0:
            check_interrupts()
        yield at


def _needed(reader: Reader, library: str) -> tuple[str, ...]:
    return _names(reader, library, "needs", MAX_NEEDED, "library")


def _names(reader: Reader, library: str, verb: str, most: int, what: str) -> tuple[str, ...]:
    count = reader.u32()
    if count > most:
        raise SideModuleError(library, f"it {verb} too many of what it names: {count}; of a {what} the most is {most}")
    names = tuple(reader.name() for _ in range(count))
    if any(not name or len(name) > MAX_NAME or "\0" in name for name in names):
        raise SideModuleError(library, f"it {verb} a {what} whose name is empty, too long, or has a NUL in it")
    return names
