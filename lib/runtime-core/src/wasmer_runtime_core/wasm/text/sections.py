"""The sections of a module while the text parser fills them (specification, section 5.5).

Each list holds finished definitions, encoded, in the order of their indices; the module
is their concatenation. Empty sections are left out, the data count is written only where
an instruction needs it, and segments take the shortest of their forms.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final, final
from wasmer_runtime_core.support.checkpoint import watched
from wasmer_runtime_core.wasm.text.definitions import Definitions, IndexSpace
from wasmer_runtime_core.wasm.text.encoding import (
    custom_section,
    index_bytes,
    name_map,
    section,
    sized,
    vector,
)
from wasmer_runtime_core.wasm.types import FUNCREF, WIDE_INDEX

HEADER: Final = b"\x00asm\x01\x00\x00\x00"
LAST_PLACE: Final = 14
"""Of custom sections, behind the names."""


@final
class Sections:
    """What a module consists of.

    Attributes:
        module_name: or None.
        start: the index of the start function, encoded; empty without.
        custom: place -> custom sections there: how many kinds of section come before, or `LAST_PLACE`.
        uses_data: an instruction names a data segment.
        local_names, label_names: for a function's index the names by index.
    """

    def __init__(self) -> None:
        self.module_name: bytes | None = None
        self.custom: dict[int, list[bytes]] = {}
        self.imports: list[bytes] = []
        self.functions: list[bytes] = []
        self.tables: list[bytes] = []
        self.memories: list[bytes] = []
        self.tags: list[bytes] = []
        self.globals: list[bytes] = []
        self.exports: list[bytes] = []
        self.start: bytes = b""
        self.elements: list[bytes] = []
        self.code: list[bytes] = []
        self.data: list[bytes] = []
        self.uses_data = False
        self.local_names: list[tuple[int, dict[int, bytes]]] = []
        self.label_names: list[tuple[int, dict[int, bytes]]] = []

    def module_bytes(self, definitions: Definitions) -> bytes:
        """The binary module (section 5.5)."""
        parts = [HEADER, *self.custom.get(0, ())]
        in_order = (
            (1, filled(definitions.groups)),
            (2, filled(self.imports)),
            (3, filled(self.functions)),
            (4, filled(self.tables)),
            (5, filled(self.memories)),
            (13, filled(self.tags)),
            (6, filled(self.globals)),
            (7, filled(self.exports)),
            (8, self.start),
            (9, filled(self.elements)),
            (12, index_bytes(len(self.data)) if self.uses_data else b""),
            (10, filled(self.code)),
            (11, filled(self.data)),
        )
        for place, (number, content) in enumerate(in_order, start=1):
            if content:
                parts.append(section(number, content))
            parts += self.custom.get(place, ())
        names = self.name_section(definitions)
        if names:
            parts.append(custom_section(b"name", names))
        parts += self.custom.get(LAST_PLACE, ())
        return b"".join(parts)

    def name_section(self, definitions: Definitions) -> bytes:
        """The subsections of the name section (appendix, section 7.4.1), those with names."""
        parts: list[bytes] = []
        if self.module_name is not None:
            parts.append(section(0, sized(self.module_name)))
        if definitions.functions.names:
            parts.append(section(1, name_map(definitions.functions.names)))
        for number, indirect in ((2, self.local_names), (3, self.label_names)):
            if indirect:
                parts.append(
                    section(
                        number, vector([index_bytes(index) + name_map(names) for index, names in watched(indirect)])
                    )
                )
        for number, space in (
            (4, definitions.types),
            (5, definitions.tables),
            (6, definitions.memories),
            (7, definitions.globals),
            (8, definitions.elements),
            (9, definitions.data),
            (11, definitions.tags),
        ):
            if number == 11 and definitions.fields:
                parts.append(section(10, indirect_name_map(definitions.fields)))
            if space.names:
                parts.append(section(number, name_map(space.names)))
        return b"".join(parts)


def indirect_name_map(spaces: dict[int, IndexSpace]) -> bytes:
    """Names of fields, by type."""
    return vector([index_bytes(index) + name_map(spaces[index].names) for index in watched(sorted(spaces))])


def filled(items: list[bytes]) -> bytes:
    """A section's contents, or nothing if it has none."""
    return vector(items) if items else b""


_FUNCREF: Final = bytes((FUNCREF,))


def element_segment(
    table: int,
    offset: bytes,
    type_: bytes,
    items: list[bytes],
    functions_only: bool,
    declarative: bool = False,
) -> bytes:
    """An element segment (section 5.5.12), in the shortest of its eight forms.

    Args:
        table: of an active segment.
        offset: the expression of an active segment, else empty.
        type_: the reference type.
        items: function indices or expressions, encoded.
        functions_only: whether they are indices.
        declarative: a segment without offset is declarative, not passive.
    """
    kind = b"\x00" if functions_only else type_
    flags = 0 if functions_only else 4
    if offset:
        if table == 0 and (functions_only or type_ == _FUNCREF):
            return bytes((flags,)) + offset + vector(items)
        return bytes((flags | 2,)) + index_bytes(table) + offset + kind + vector(items)
    return bytes((flags | (3 if declarative else 1),)) + kind + vector(items)


def zero_offset(flags: int) -> bytes:
    """Where a segment begins that is written with its memory or table, whose limits have these flags."""
    return b"\x42\x00\x0b" if flags & WIDE_INDEX else b"\x41\x00\x0b"


def data_segment(memory: int, offset: bytes, content: bytes) -> bytes:
    """A data segment (section 5.5.14); `offset` is empty for a passive one."""
    if not offset:
        return b"\x01" + sized(content)
    if memory == 0:
        return b"\x00" + offset + sized(content)
    return b"\x02" + index_bytes(memory) + offset + sized(content)
