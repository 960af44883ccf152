"""An assembly of .NET, as far as it says what it is: its name, its version, what it refers to, whether it has a `Main`.

It may be a file of Windows' format (`.dll`, `.exe`), or one of webcil, which is the same with another head, alone or in
a module of WebAssembly (`.wasm`), where it is a data segment. What is read is in ECMA-335, part II: the tables of
metadata (22), the streams that they lie in (24.2), the head that says where these are (25.3.3).

A file is whoever's: each place and each count is held against the file before it is used, and what does not fit is
`WrongAssembly`. The runtime reads the file again by itself, in its own memory.
"""

from __future__ import annotations

from struct import Struct, error, unpack_from
from typing import Final, NamedTuple

from wasmer_blazor.errors import WrongAssembly

Version = tuple[int, int, int, int]


class Assembly(NamedTuple):
    """What an assembly says of itself.

    Attributes:
        name: its name, by which others refer to it; that of its file may differ.
        version: its version.
        references: the assemblies that it refers to, with the versions that it was compiled with.
        has_main: it can be run.
    """

    name: str
    version: Version
    references: tuple[tuple[str, Version], ...]
    has_main: bool


class _Section(NamedTuple):
    address: int
    length: int
    start: int


class _Image(NamedTuple):
    """A file: where its sections lie when they are loaded, and in the file; the address of the head of .NET's part."""

    data: bytes
    sections: list[_Section]
    head: int

    def at(self, address: int, length: int) -> int:
        """Where in the file something lies that has an address."""
        for section in self.sections:
            if section.address <= address and address + length <= section.address + section.length:
                start = section.start + address - section.address
                if start + length <= len(self.data):
                    return start
        raise WrongAssembly(f"it is truncated or damaged: address {address:#x} lies in none of its sections")


MOST_SECTIONS: Final = 96
"""Of a file of Windows' format."""
MOST_NAME_BYTES: Final = 1024
MOST_REFERENCES: Final = 65_536
"""Assemblies that one may refer to; the class library has two hundred."""

_WASM: Final = b"\0asm"
_WEBCIL: Final = b"WbIL"
_WEBCIL_HEAD: Final = Struct("<4sHHHHIIII")
_SECTION_OF_WEBCIL: Final = Struct("<IIII")
_DATA: Final = 11


def _number(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number, and where it ends."""
    value = 0
    for shift in range(0, 35, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise WrongAssembly("it is a module of WebAssembly with a wrong number in it")


def webcil_of(data: bytes) -> bytes:
    """The webcil in a module of WebAssembly: the one of its data segments that begins as webcil does.

    Raises:
        WrongAssembly: there is none.
    """
    at = 8
    while at < len(data):
        kind = data[at]
        length, at = _number(data, at + 1)
        if kind == _DATA:
            count, inside = _number(data, at)
            for _ in range(min(count, 16)):
                passive, inside = _number(data, inside)
                if passive != 1:
                    break
                size, inside = _number(data, inside)
                if data[inside : inside + 4] == _WEBCIL:
                    return data[inside : inside + size]
                inside += size
        at += length
    raise WrongAssembly("it is a module of WebAssembly that has no assembly of .NET in it")


def _image(data: bytes) -> _Image:
    if data[:4] == _WASM:
        data = webcil_of(data)
    if data[:4] == _WEBCIL:
        _, major, _, count, _, head, _, _, _ = _WEBCIL_HEAD.unpack_from(data)
        if major != 0:
            raise WrongAssembly(f"it is webcil of version {major}, which is not known: 0 is")
        rows = [_SECTION_OF_WEBCIL.unpack_from(data, _WEBCIL_HEAD.size + 16 * at) for at in range(count)]
        return _Image(data, [_Section(address, length, start) for _, address, length, start in rows], head)
    if data[:2] != b"MZ":
        raise WrongAssembly("it is no assembly of .NET: it begins as neither a .dll or .exe nor webcil does")
    start = unpack_from("<I", data, 0x3C)[0]
    signature, count, optional = unpack_from("<4s2xH12xH", data, start)
    if signature != b"PE\0\0" or count > MOST_SECTIONS:
        raise WrongAssembly("it is no assembly of .NET: it begins as a program of DOS")
    magic = unpack_from("<H", data, start + 24)[0]
    head = unpack_from("<I", data, start + 24 + (112 if magic == 0x20B else 96) + 14 * 8)[0]
    rows = [unpack_from("<IIII", data, start + 24 + optional + 40 * at + 8) for at in range(count)]
    return _Image(data, [_Section(address, length, where) for _, address, length, where in rows], head)


# --- the tables of metadata (ECMA-335 II.22, II.24.2.6)

_CODED: Final = {
    "D": (2, (0x02, 0x01, 0x1B)),  # TypeDefOrRef
    "K": (2, (0x04, 0x08, 0x17)),  # HasConstant
    "A": (5, (*range(0x0B), 0x0E, 0x11, 0x14, 0x17, 0x1A, 0x1B, 0x20, 0x23, 0x26, 0x27, 0x28, 0x2A, 0x2B, 0x2C)),
    "H": (1, (0x04, 0x08)),  # HasFieldMarshal
    "E": (2, (0x02, 0x06, 0x20)),  # HasDeclSecurity
    "P": (3, (0x02, 0x01, 0x1A, 0x06, 0x1B)),  # MemberRefParent
    "S": (1, (0x14, 0x17)),  # HasSemantics
    "M": (1, (0x06, 0x0A)),  # MethodDefOrRef
    "F": (1, (0x04, 0x06)),  # MemberForwarded
    "C": (3, (0x06, 0x0A)),  # CustomAttributeType
    "R": (2, (0x00, 0x1A, 0x23, 0x01)),  # ResolutionScope
}
"""Kinds of a column that refers to a row of several tables: the bits that say which, and these tables."""

_COLUMNS: Final = (
    "2 s g g g", "R s s", "4 s s D 04 06", "04", "2 s b", "06", "4 2 2 s b 08", "08", "2 2 s", "02 D", "P s b",
    "2 K b", "A C b", "H b", "2 E b", "2 4 02", "4 04", "b", "02 14", "14", "2 s D", "02 17", "17", "2 s b", "2 06 S",
    "02 M M", "s", "b", "2 F s 1A", "4 04", "4 4", "4", "4 2 2 2 2 4 b s s", "4", "4 4 4", "2 2 2 2 4 b s s b",
)  # fmt: skip
"""Of each table, from 0x00 on: numbers of 2 or 4 bytes, places in the heap of strings, guids or blobs, rows of a table
(two digits) or of several (`_CODED`)."""

_ASSEMBLY: Final = 0x20
_REFERENCE: Final = 0x23


class _Tables:
    """The tables: how many rows each has, how wide its columns are, where it begins."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data = data
        heaps, valid = unpack_from("<6xBxQ", data, at)
        self.rows = [0] * 64
        at += 24
        for table in range(64):
            if valid >> table & 1:
                self.rows[table] = unpack_from("<I", data, at)[0]
                at += 4
        self._wide = {"s": heaps & 1, "g": heaps & 2, "b": heaps & 4}
        self.starts: dict[int, int] = {}
        self.widths: dict[int, list[int]] = {}
        for table, columns in enumerate(_COLUMNS):
            self.widths[table] = [self._width(column) for column in columns.split()]
            self.starts[table] = at
            at += self.rows[table] * sum(self.widths[table])
            if at > end:
                raise WrongAssembly(f"it is truncated or damaged: table {table:#04x} of its metadata ends behind it")

    def _width(self, column: str) -> int:
        if column in ("2", "4"):
            return int(column)
        if column in self._wide:
            return 4 if self._wide[column] else 2
        if column in _CODED:
            bits, tables = _CODED[column]
            return 4 if max(self.rows[each] for each in tables) >= 1 << 16 - bits else 2
        return 4 if self.rows[int(column, 16)] >= 1 << 16 else 2

    def row(self, table: int, number: int) -> list[int]:
        """The columns of a row; the first is number 0."""
        widths = self.widths[table]
        at = self.starts[table] + number * sum(widths)
        found = []
        for width in widths:
            found.append(int.from_bytes(self.data[at : at + width], "little"))
            at += width
        return found


def _streams(data: bytes, start: int, length: int) -> dict[bytes, tuple[int, int]]:
    """Where the streams of metadata lie: their names, and from where to where."""
    signature, size = unpack_from("<I8xI", data, start)
    if signature != 0x424A_5342:
        raise WrongAssembly("it is no assembly of .NET, or damaged: what it says of itself does not begin with BSJB")
    at = start + 16 + size
    count = unpack_from("<2xH", data, at)[0]
    at += 4
    found = {}
    for _ in range(min(count, 16)):
        offset, size = unpack_from("<II", data, at)
        name = data[at + 8 : at + 40].split(b"\0", 1)[0]
        at += 8 + (len(name) // 4 + 1) * 4
        if offset + size > length:
            raise WrongAssembly("it is truncated or damaged: a part of its metadata ends behind it")
        found[name] = (start + offset, start + offset + size)
    return found


def read_assembly(data: bytes) -> Assembly:
    """What an assembly says of itself.

    Args:
        data: the whole file.

    Raises:
        WrongAssembly: it is none, or it is truncated or damaged.
    """
    try:
        return _read(data)
    except (error, IndexError):
        raise WrongAssembly("it is truncated or damaged: its file ends amid what it says of itself") from None


def _read(data: bytes) -> Assembly:
    image = _image(data)
    if not image.head:
        raise WrongAssembly("it is no assembly of .NET, but a program of the machine's own code")
    data = image.data
    metadata, length, flags, token = unpack_from("<8xIIII", data, image.at(image.head, 24))
    start = image.at(metadata, length)
    streams = _streams(data, start, length)
    try:
        at, end = streams[b"#~"]
        strings, strings_end = streams[b"#Strings"]
    except KeyError as missing:
        raise WrongAssembly(f"it is damaged: its metadata has no stream {missing.args[0].decode()}") from None
    tables = _Tables(data, at, end)

    def text(offset: int) -> str:
        begin = strings + offset
        found = data[begin : min(begin + MOST_NAME_BYTES + 1, strings_end)].split(b"\0", 1)[0]
        if len(found) > MOST_NAME_BYTES:
            raise WrongAssembly(f"it is damaged: a name in it is longer than {MOST_NAME_BYTES} bytes")
        return found.decode("utf-8", "replace")

    if not tables.rows[_ASSEMBLY]:
        raise WrongAssembly("it is a part of an assembly of .NET (a netmodule), not one itself")
    own = tables.row(_ASSEMBLY, 0)
    references = []
    if tables.rows[_REFERENCE] > MOST_REFERENCES:
        raise WrongAssembly(f"it refers to {tables.rows[_REFERENCE]} assemblies; {MOST_REFERENCES} is the most")
    for number in range(tables.rows[_REFERENCE]):
        row = tables.row(_REFERENCE, number)
        references.append((text(row[6]), (row[0], row[1], row[2], row[3])))
    native = flags & 0x10
    has_main = not native and token >> 24 == 0x06 and 0 < token & 0xFF_FFFF <= tables.rows[0x06]
    return Assembly(text(own[7]), (own[1], own[2], own[3], own[4]), tuple(references), has_main)
