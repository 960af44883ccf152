"""The file: a header, a directory, and sections behind one another.

======  =================  =========================================================================
offset  bytes
======  =================  =========================================================================
0       8                  `MAGIC`
8       4                  `ARTIFACT_VERSION`
12      4                  what the machine contract and the rows of modules look like: `contract_number`
16      4                  length of header and directory
20      4                  checksum of both, with zeros in this field
24      8                  length of the file
32      4                  checksum of all that is behind the directory
36      4                  zero
40      …                  directory, a plain value: facts by name, then (offset, length) of each section by name
======  =================  =========================================================================

Numbers are little-endian. Sections begin at multiples of 16 bytes, the code at one of a page; the file ends with the
last page of code, filled with int3. Checksums are those of the C part (`native/system/mapped_file.c`).
"""

from __future__ import annotations

from wasmer_runtime_core.contract.artifact import ARTIFACT_VERSION, COMPILED_FIELDS, INFO_FIELDS
from wasmer_runtime_core.errors import CacheError, InvalidDescriptor
from wasmer_runtime_core.native.machine import MappedFile, checksum, contract_checksum
from wasmer_runtime_core.running.artifacts.plain_values import ROW_CLASSES, dump_plain, load, load_plain
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.support.first_use import kept
from wasmer_runtime_core.support.handlers import raised_by_a_handler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmer_runtime_core.native.machine import Part

MAGIC: Final = b"\x7fwasmer\n"
FIXED: Final = 40
PAGE: Final = 4096
ALIGNED: Final = 16
CODE: Final = "code"
FILL: Final = b"\xcc"
"""int3: what lies behind code."""
UNREADABLE: Final = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    SystemError,
    InvalidDescriptor,
)
"""What readers of plain values, rows and plans raise for others than they take."""


def _number(data: bytes, at: int, size: int = 4) -> int:
    return int.from_bytes(data[at : at + size], "little")


@kept
def contract_number(rows: tuple[Any, ...]) -> int:
    """Of the machine contract, and of the fields of what modules consist of: who changes one changes this number."""
    names = [" ".join((row.__name__, *row._fields)) for row in rows]
    text = "\n".join([str(contract_checksum), *names, *INFO_FIELDS, *COMPILED_FIELDS])
    return checksum(text.encode())


def write(facts: Mapping[str, Any], sections: Mapping[str, bytes]) -> bytes:
    """An artifact of these facts and sections, of which one is the code."""
    names = [*(name for name in sections if name != CODE), CODE]
    places: dict[str, tuple[int, int]] = {}
    directory = b""
    length = FIXED
    while True:  # offsets are numbers of four bytes each, so that their size is known at the second turn
        at = length
        for name in names:
            boundary = PAGE if name == CODE else ALIGNED
            at += -at % boundary
            places[name] = at, len(sections[name])
            at += len(sections[name])
        end = at + (-at % PAGE or (0 if sections[CODE] else PAGE))
        directory = dump_plain((dict(facts), places))
        if FIXED + len(directory) == length:
            break
        length = FIXED + len(directory)
    parts: list[bytes] = []
    at = length
    for name in names:
        checkpoint()
        start, size = places[name]
        parts += [bytes(start - at), sections[name]]
        at = start + size
    body = b"".join([*parts, FILL * (end - at)])
    checkpoint()
    fixed = [
        MAGIC,
        ARTIFACT_VERSION.to_bytes(4, "little"),
        contract_number(ROW_CLASSES).to_bytes(4, "little"),
        length.to_bytes(4, "little"),
        bytes(4),
        end.to_bytes(8, "little"),
        checksum(body).to_bytes(4, "little"),
        bytes(4),
        directory,
    ]
    fixed[4] = checksum(b"".join(fixed)).to_bytes(4, "little")
    return b"".join([*fixed, body])


class Sections:
    """A file, or bytes, that were found to be a whole artifact of this version.

    Attributes:
        facts: what the directory says of it.
        name: what it is called in messages.
        names: of its sections.
    """

    __slots__ = ("_places", "_source", "facts", "name", "names")

    def __init__(self, source: bytes | MappedFile, name: str) -> None:
        """Check all of it.

        Args:
            source: where it is.
            name: what it is called in messages.

        Raises:
            CacheError: it is no artifact, is not whole, is damaged, or of another version.
        """
        self._source = source
        self.name = name
        size = len(source) if isinstance(source, bytes) else source.size
        fixed = self._range(0, min(FIXED, size))
        if fixed[: len(MAGIC)] != MAGIC[: len(fixed)] or not fixed:
            raise CacheError(f"{name} is no compiled module", "foreign")
        if len(fixed) < FIXED:
            raise CacheError(f"{name} ends after {len(fixed)} bytes, in its header", "truncated")
        version = _number(fixed, 8)
        if version != ARTIFACT_VERSION:
            raise CacheError(
                f"{name} is of format {version}; this version reads {ARTIFACT_VERSION}: compile it again", "version"
            )
        if _number(fixed, 12) != contract_number(ROW_CLASSES):
            raise CacheError(
                f"{name} was written by another version of wasmer-runtime-core: compile it again", "version"
            )
        length, end = _number(fixed, 16), _number(fixed, 24, 8)
        if size < end:
            raise CacheError(f"{name} has {size} of its {end} bytes", "truncated")
        if not FIXED <= length <= end or size != end:
            raise self.damaged("lengths do not fit")
        header = self._range(0, length)
        if checksum(header[:20] + bytes(4) + header[24:]) != _number(fixed, 20):
            raise self.damaged("the checksum of its header differs")
        rest = end - length
        found = checksum(memoryview(source)[length:]) if isinstance(source, bytes) else source.checksum(length, rest)
        if found != _number(fixed, 32):
            raise self.damaged("its checksum differs")
        try:
            self.facts, places = load_plain(header[FIXED:])
            self._places: dict[str, tuple[int, int]] = dict(places)
            if any(at < length or size < 0 or at + size > end for at, size in self._places.values()):
                raise ValueError("a section lies outside of it")
        except UNREADABLE as failure:
            if raised_by_a_handler(failure):
                raise
            raise self.damaged(str(failure)) from failure
        self.names = frozenset(self._places)

    def damaged(self, how: str) -> CacheError:
        """What is raised for an artifact whose parts do not fit together."""
        return CacheError(f"{self.name} is damaged: {how}", "damaged")

    def _range(self, at: int, size: int) -> bytes:
        return self._source[at : at + size] if isinstance(self._source, bytes) else self._source.read(at, size)

    def __getitem__(self, name: str) -> bytes:
        """The bytes of a section."""
        return self._range(*self._places[name])

    def value(self, name: str) -> Any:
        """What `dump` made these bytes of."""
        try:
            return load(self[name])
        except UNREADABLE as failure:
            if raised_by_a_handler(failure):
                raise
            raise self.damaged(f"its section {name} cannot be read") from failure

    def part(self, name: str) -> Part:
        """A section as the C part takes it, where it lies."""
        return (self._source, *self._places[name])

    def whole(self) -> bytes:
        """All of the artifact."""
        return self._source if isinstance(self._source, bytes) else self._source.read(0, self._source.size)
