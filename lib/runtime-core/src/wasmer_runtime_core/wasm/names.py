"""The name section: what functions, locals, types and fields are called (specification, appendix 7.4.1).

Names are for people: backtraces, dumps, the text printer. They lie in the custom section
``name`` and are read when first asked for (`ModuleInfo.function_names` and its like), so
that nobody pays who does not look. A custom section that is malformed does not make a
module malformed: what could be read up to there counts, the rest is nameless. Of several
name sections the last one that gives a name wins.

An exception that passes through a module asks for names, whatever deadline has ended it, so what reading them costs is
bounded by what the module has of functions, not by what the section says.
"""

from __future__ import annotations

from wasmer_runtime_core.errors import DecodeError
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.wasm.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wasmer_runtime_core.wasm.custom_sections import CustomSection

NAME_SECTION: Final = "name"

STRETCH: Final = 1 << 12
"""So many names are read between two checkpoints."""
MOST_SUBSECTIONS: Final = 1 << 8
"""Of all name sections together; there are a dozen kinds."""
MOST_OF_A_FUNCTION: Final = 2
"""Names that are read for each function, for there may be several sections; and `STRETCH` besides."""

# --- subsections ----------------------------------------------------------------------------
MODULE_NAME: Final = 0
FUNCTION_NAMES: Final = 1
LOCAL_NAMES: Final = 2
TYPE_NAMES: Final = 4
FIELD_NAMES: Final = 10


def read_module_name(sections: Sequence[CustomSection]) -> str | None:
    """The module's name, or None."""
    found: str | None = None
    for reader in _subsections(sections, MODULE_NAME):
        try:
            found = reader.name()
        except DecodeError:
            continue
    return found


def read_function_names(sections: Sequence[CustomSection], functions: int) -> dict[int, str]:
    """Names by function index, of a module of so many functions."""
    return _read_names(sections, FUNCTION_NAMES, functions)


def _read_names(sections: Sequence[CustomSection], wanted: int, count: int) -> dict[int, str]:
    """Names of `count` definitions, by index."""
    names: dict[int, str] = {}
    left = MOST_OF_A_FUNCTION * count + STRETCH
    for reader in _subsections(sections, wanted):
        try:
            for index, name in _name_map(reader):
                if index < count:
                    names[index] = name
                left -= 1
                if not left:
                    return names
        except DecodeError:
            continue
    return names


def read_local_names(sections: Sequence[CustomSection], functions: int, most: int) -> dict[int, dict[int, str]]:
    """Names of locals, parameters included: by function index, then by local index.

    Args:
        functions: so many are in the module.
        most: locals that a function may have.
    """
    return _read_indirect(sections, LOCAL_NAMES, functions, most)


def read_type_names(sections: Sequence[CustomSection], types: int) -> dict[int, str]:
    """Names by type index, of a module of so many types."""
    return _read_names(sections, TYPE_NAMES, types)


def read_field_names(sections: Sequence[CustomSection], types: int, most: int) -> dict[int, dict[int, str]]:
    """Names of the fields of structs: by type index, then by field.

    Args:
        types: so many are in the module.
        most: fields that a struct may have.
    """
    return _read_indirect(sections, FIELD_NAMES, types, most)


def _read_indirect(sections: Sequence[CustomSection], wanted: int, count: int, most: int) -> dict[int, dict[int, str]]:
    """Names of what is in each of `count` definitions, at most so many in one."""
    names: dict[int, dict[int, str]] = {}
    number = 0
    for reader in _subsections(sections, wanted):
        try:
            for _ in range(reader.u32()):
                number += 1
                if number % STRETCH == 0:
                    checkpoint()
                outer = reader.u32()
                known = names.setdefault(outer, {}) if outer < count else {}
                for index, name in _name_map(reader):
                    if index < most:
                        known[index] = name
        except DecodeError:
            continue
    return names


def _subsections(sections: Sequence[CustomSection], wanted: int) -> Iterator[Reader]:
    """A reader per subsection of one kind in the name sections."""
    left = MOST_SUBSECTIONS
    for section in sections:
        if section.name != NAME_SECTION:
            continue
        reader = Reader(section.data, 0, len(section.data))
        try:
            while not reader.at_end():
                if not left:
                    return
                left -= 1
                kind = reader.byte()
                size = reader.u32()
                start = reader.skip(size)
                if kind == wanted:
                    yield Reader(section.data, start, start + size)
        except DecodeError:
            continue


def _name_map(reader: Reader) -> Iterator[tuple[int, str]]:
    """The indices and names of a name map.

    Raises:
        DecodeError: it ends before its time.
    """
    for number in range(reader.u32()):
        if number % STRETCH == STRETCH - 1:
            checkpoint()
        yield reader.u32(), reader.name()
