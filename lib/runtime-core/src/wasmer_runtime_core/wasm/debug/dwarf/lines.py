"""A unit's line table (6.2): which file, line and column an address came of."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import NamedTuple

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, final
from wasmer_runtime_core.wasm.debug.dwarf.data import Data, Malformed, text_at
from wasmer_runtime_core.wasm.debug.dwarf.forms import LINE_STRING_OFFSET, STRING, STRING_OFFSET, form, read_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmer_runtime_core.wasm.debug.dwarf.data import Budget

# Kinds of content in the tables of version 5 (6.2.4.1).
_PATH: Final = 1
_DIRECTORY_INDEX: Final = 2

_WORD: Final = 0xFFFF_FFFF


class Position(NamedTuple):
    """A row of the table: numbers as it has them, 0 for none."""

    file: int
    line: int
    column: int


@final
class LineTable:
    """Rows by sequence, and the files that they name.

    Attributes:
        version: of the table; files count from 0 since version 5, else from 1.
    """

    def __init__(self, sections: Mapping[str, bytes], offset: int, directory: str, budget: Budget) -> None:
        """Read it.

        Args:
            offset: in ``.debug_line``.
            directory: where the compiler ran (DW_AT_comp_dir).

        Raises:
            Malformed: it cannot be understood.
        """
        section = sections.get(".debug_line", b"")
        head = Data(section, offset, len(section), budget)
        end, self._offset_size = head.length()
        data = Data(section, head.position, end, budget)
        self.version = data.number(2)
        if not 2 <= self.version <= 5:
            raise Malformed("a line table of another version")
        self._sections = sections
        self._budget = budget
        self._address_size = 4
        if self.version >= 5:
            self._address_size = data.number(1)
            data.skip(1)  # size of segment selectors
        length = data.number(self._offset_size)
        program = data.position + length
        unit = data.number(1)
        if self.version >= 4:
            data.skip(1)  # operations in an instruction
        data.skip(1)  # whether rows begin a statement
        line_base = data.number(1)
        line_base -= (line_base & 0x80) << 1
        line_range = data.number(1)
        opcode_base = data.number(1)
        if not line_range or not opcode_base:
            raise Malformed("a line table without opcodes")
        lengths = bytes(data.number(1) for _ in range(opcode_base - 1))
        self._directories: list[str] = [directory]
        self._files: list[tuple[str, int]] = []  # name, directory's number
        if self.version >= 5:
            directories = self._entries(data)
            self._directories = [name for name, _ in directories] or [directory]
            self._files = self._entries(data)
        else:
            while name := data.string():
                self._directories.append(name.decode("utf-8", "replace"))
            while name := data.string():
                number = data.uleb()
                data.uleb(), data.uleb()  # its time and its size
                self._files.append((name.decode("utf-8", "replace"), number))
        self._base = directory
        self._addresses = array("Q")
        self._row_files, self._row_lines, self._row_columns = array("I"), array("I"), array("I")
        self._sequences: list[tuple[int, int, int, int]] = []  # first address, end, first row, end
        self._run(Data(section, program, end, budget), unit, line_base, line_range, lengths)

    def _entries(self, data: Data) -> list[tuple[str, int]]:
        """A table of directories or files of version 5: names with their directory's number."""
        formats = [(data.uleb(), form(data.uleb())) for _ in range(data.number(1))]
        entries = []
        count = data.uleb()
        if count > data.end - data.position:  # those that mean something have a byte, at least
            raise Malformed("more entries than bytes")
        for _ in range(count):
            self._budget.spend(1)
            name, number = "", 0
            for kind, written in formats:
                value = read_value(data, written, 0, self._address_size, self._offset_size)
                if kind == _DIRECTORY_INDEX:
                    number = value.number
                elif kind == _PATH and value.meaning == STRING:
                    name = text_at(data.data, value.number, self._budget)
                elif kind == _PATH and value.meaning in (STRING_OFFSET, LINE_STRING_OFFSET):
                    place = ".debug_line_str" if value.meaning == LINE_STRING_OFFSET else ".debug_str"
                    name = text_at(self._sections.get(place, b""), value.number, self._budget)
            entries.append((name, number))
        return entries

    def _run(self, data: Data, unit: int, line_base: int, line_range: int, lengths: bytes) -> None:
        """The line number program (6.2.5): rows, one sequence behind another."""
        opcode_base = len(lengths) + 1
        advances = [(opcode - opcode_base) // line_range * unit for opcode in range(256)]
        steps = [line_base + (opcode - opcode_base) % line_range for opcode in range(256)]
        add_address, add_file = self._addresses.append, self._row_files.append
        add_line, add_column = self._row_lines.append, self._row_columns.append
        spend = self._budget.spend
        first = 0
        address, file, line, column = 0, 1, 1, 0
        while data.position < data.end:
            opcode = data.data[data.position]
            data.position += 1
            spend(1)
            if opcode >= opcode_base or opcode == 1:  # a row
                if opcode != 1:
                    address += advances[opcode]
                    line += steps[opcode]
                add_address(address & 0xFFFF_FFFF_FFFF_FFFF)
                add_file(file & _WORD)
                add_line(line & _WORD)
                add_column(column & _WORD)
            elif opcode == 0:  # extended
                size = data.uleb()
                end = data.position + size
                code = data.number(1)
                if code == 1:  # end of the sequence
                    last = len(self._addresses)
                    if last > first:
                        self._sequences.append((self._addresses[first], address, first, last))
                    first = last
                    address, file, line, column = 0, 1, 1, 0
                elif code == 2:
                    address = data.number(size - 1)
                data.position = Data(data.data, end, data.end, self._budget).position
            elif opcode == 2:
                address += data.uleb() * unit
            elif opcode == 3:
                line += data.sleb()
            elif opcode == 4:
                file = data.uleb()
            elif opcode == 5:
                column = data.uleb()
            elif opcode == 8:
                address += advances[255]
            elif opcode == 9:
                address += data.number(2)
            else:  # one that says nothing here, or that was added later: its operands are known
                for _ in range(lengths[opcode - 1]):
                    data.uleb()

    def find(self, address: int) -> Position | None:
        """The row that covers an address."""
        self._budget.spend(1 + len(self._sequences) // 8)
        for start, end, first, last in self._sequences:
            if start and start <= address < end:  # 0: of a function that the linker has left out
                at = bisect_right(self._addresses, address, first, last) - 1
                if at >= first:
                    return Position(self._row_files[at], self._row_lines[at], self._row_columns[at])
        return None

    def path(self, number: int) -> str:
        """A file's path, as the compiler was told: below the directory where it ran, if it is not absolute."""
        if self.version < 5:
            number -= 1
        if not 0 <= number < len(self._files):
            return "?"
        name, directory = self._files[number]
        inside = self._directories[directory] if directory < len(self._directories) else ""
        path = name
        for outer in dict.fromkeys((inside, self._base)):
            if outer and not _from_root(path):
                path = f"{outer.rstrip('/')}/{path}"
        return path


def _from_root(path: str) -> bool:
    return path.startswith(("/", "\\")) or path[1:3] in (":/", ":\\")
