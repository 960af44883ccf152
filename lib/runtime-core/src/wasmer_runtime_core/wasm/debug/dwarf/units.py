"""Compilation units (7.5.1), their entries, and which functions lie around an address (3.3)."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, final
from wasmer_runtime_core.wasm.debug.dwarf import forms
from wasmer_runtime_core.wasm.debug.dwarf.data import Budget, Data, Malformed, text_at
from wasmer_runtime_core.wasm.debug.dwarf.forms import Form, Value, form, read_value
from wasmer_runtime_core.wasm.debug.dwarf.lines import LineTable

if TYPE_CHECKING:
    from collections.abc import Mapping

Ranges = tuple[tuple[int, int], ...]
"""Addresses from, up to."""

MOST_RANGES: Final = 10_000
MOST_INLINED: Final = 100
"""Calls around one address; compilers stop long before."""
MOST_REFERENCES: Final = 8
"""From an entry to the one that has its name."""

_SCOPE_STEPS: Final = 10
_SCOPES: Final = frozenset((forms.TAG_SUBPROGRAM, forms.TAG_INLINED_SUBROUTINE))
_COMPILE, _PARTIAL, _SKELETON = 1, 3, 4  # unit types of version 5 that are read (7.5.1)


class Abbreviation(NamedTuple):
    """What all entries of one code have in common (7.5.3)."""

    tag: int
    has_children: bool
    attributes: tuple[tuple[int, Form, int], ...]
    """Name, form, and the value that the abbreviation itself has."""

    fixed_size: int
    """Bytes that its attributes take, or -1 if that differs."""


class Call(NamedTuple):
    """A function that a compiler inlined, and where its call stands in the function around it."""

    name: str
    source: str


class Scope(NamedTuple):
    """A function's entry, or that of a call that was inlined."""

    depth: int
    inlined: bool
    ranges: Ranges
    entry: int  # its offset in .debug_info
    call: tuple[int, int, int]  # file, line and column; of an inlined one


@final
class Unit:
    """One compilation unit. Its entries are read when an address in it is first asked for.

    Attributes:
        start, end: in ``.debug_info``.
    """

    def __init__(self, sections: Mapping[str, bytes], start: int, budget: Budget) -> None:
        """Read its header.

        Raises:
            Malformed: it cannot be understood.
        """
        self._sections = sections
        self._budget = budget
        self.start = start
        info = sections[".debug_info"]
        head = Data(info, start, len(info), budget)
        self.end, self._offset_size = head.length()
        data = Data(info, head.position, self.end, budget)
        self._version = data.number(2)
        kind = _COMPILE
        self._address_size = 4
        if self._version >= 5:
            kind = data.number(1)
            self._address_size = data.number(1)
            self._abbreviations_at = data.number(self._offset_size)
            if kind == _SKELETON:
                data.skip(8)
        else:
            self._abbreviations_at = data.number(self._offset_size)
            self._address_size = data.number(1)
        self._first = data.position
        self.readable = 2 <= self._version <= 5 and kind in (_COMPILE, _PARTIAL, _SKELETON)
        self._abbreviations: dict[int, Abbreviation] | None = None
        self._top: dict[int, Value] | None = None
        self._ranges: Ranges | None = None
        self._scopes: list[Scope] | None = None
        self._scope_ranges = 0
        self._lines: LineTable | None = None

    # --- reading ----------------------------------------------------------------------------

    def _read_abbreviations(self) -> dict[int, Abbreviation]:
        if self._abbreviations is None:
            section = self._sections.get(".debug_abbrev", b"")
            data = Data(section, self._abbreviations_at, len(section), self._budget)
            found: dict[int, Abbreviation] = {}
            while code := data.uleb():
                tag = data.uleb()
                has_children = data.number(1) != 0
                attributes = []
                sizes = []
                while True:
                    name, written = data.uleb(), data.uleb()
                    if not name and not written:
                        break
                    row = form(written)
                    attributes.append((name, row, data.sleb() if row.size == forms.IMPLICIT else 0))
                    sizes.append(self._size(row))
                fixed = -1 if -1 in sizes or tag in _SCOPES else sum(sizes)
                found[code] = Abbreviation(tag, has_children, tuple(attributes), fixed)
            self._abbreviations = found
        return self._abbreviations

    def _size(self, written: Form) -> int:
        sizes = {forms.AN_ADDRESS: self._address_size, forms.OFFSET: self._offset_size, forms.IMPLICIT: 0}
        return written.size if written.size >= 0 else sizes.get(written.size, -1)

    def _attributes(self, data: Data, abbreviation: Abbreviation) -> dict[int, Value]:
        return {
            name: read_value(data, written, implicit, self._address_size, self._offset_size)
            for name, written, implicit in abbreviation.attributes
        }

    def attributes_at(self, entry: int) -> dict[int, Value]:
        """The attributes of the entry at an offset in ``.debug_info``."""
        data = Data(self._sections[".debug_info"], entry, self.end, self._budget)
        abbreviation = self._read_abbreviations().get(data.uleb())
        if abbreviation is None:
            raise Malformed("an entry of no abbreviation")
        return self._attributes(data, abbreviation)

    def _unit_entry(self) -> dict[int, Value]:
        if self._top is None:
            self._top = self.attributes_at(self._first)
        return self._top

    def _base(self, attribute: int, otherwise: int) -> int:
        value = self._unit_entry().get(attribute)
        return otherwise if value is None else value.number

    def _indexed(self, section: str, base: int, index: int, size: int) -> int:
        data = self._sections.get(section, b"")
        return Data(data, base + index * size, len(data), self._budget).number(size)

    def text(self, value: Value | None) -> str:
        """A text attribute."""
        if value is None:
            return ""
        meaning, number = value
        if meaning == forms.STRING:
            return text_at(self._sections[".debug_info"], number, self._budget)
        if meaning == forms.STRING_INDEX:
            base = self._base(forms.AT_STR_OFFSETS_BASE, 2 * self._offset_size)
            number = self._indexed(".debug_str_offsets", base, number, self._offset_size)
        elif meaning not in (forms.STRING_OFFSET, forms.LINE_STRING_OFFSET):
            return ""
        section = ".debug_line_str" if meaning == forms.LINE_STRING_OFFSET else ".debug_str"
        return text_at(self._sections.get(section, b""), number, self._budget)

    def _address(self, value: Value) -> int:
        if value.meaning == forms.ADDRESS_INDEX:
            base = self._base(forms.AT_ADDR_BASE, 8)
            return self._indexed(".debug_addr", base, value.number, self._address_size)
        return value.number

    # --- ranges (2.17) ----------------------------------------------------------------------

    def _ranges_of(self, attributes: Mapping[int, Value]) -> Ranges:
        low = attributes.get(forms.AT_LOW_PC)
        high = attributes.get(forms.AT_HIGH_PC)
        if low is not None and high is not None:
            start = self._address(low)
            is_address = high.meaning in (forms.ADDRESS, forms.ADDRESS_INDEX)
            return self._kept([(start, self._address(high) if is_address else start + high.number)])
        ranges = attributes.get(forms.AT_RANGES)
        if ranges is None:
            return ()
        return self._kept(self._read_old_list(ranges.number) if self._version < 5 else self._read_list(ranges))

    def _kept(self, ranges: list[tuple[int, int]]) -> Ranges:
        """Without those of functions that the linker has left out: they begin at 0 or at the end of everything."""
        return tuple((start, end) for start, end in ranges if 0 < start < end)

    def _unit_base(self) -> int:
        low = self._unit_entry().get(forms.AT_LOW_PC)
        return 0 if low is None else self._address(low)

    def _read_old_list(self, offset: int) -> list[tuple[int, int]]:
        """A list of ``.debug_ranges``, up to version 4."""
        section = self._sections.get(".debug_ranges", b"")
        data = Data(section, offset, len(section), self._budget)
        size = self._address_size
        base = self._unit_base()
        ranges: list[tuple[int, int]] = []
        while True:
            start, end = data.number(size), data.number(size)
            self._budget.spend(2)
            if not start and not end:
                return ranges
            if start == (1 << 8 * size) - 1:
                base = end
            else:
                ranges.append((base + start, base + end))
            if len(ranges) > MOST_RANGES:
                raise Malformed("too many ranges")

    def _read_list(self, value: Value) -> list[tuple[int, int]]:
        """A list of ``.debug_rnglists``, since version 5 (7.25)."""
        section = self._sections.get(".debug_rnglists", b"")
        offset = value.number
        if value.meaning == forms.LIST_INDEX:
            table = self._base(forms.AT_RNGLISTS_BASE, 12 if self._offset_size == 4 else 20)
            offset = table + self._indexed(".debug_rnglists", table, value.number, self._offset_size)
        data = Data(section, offset, len(section), self._budget)
        size = self._address_size
        base = self._unit_base()
        ranges: list[tuple[int, int]] = []

        def indexed() -> int:
            return self._address(Value(forms.ADDRESS_INDEX, data.uleb()))

        while len(ranges) <= MOST_RANGES:
            self._budget.spend(2)
            kind = data.number(1)
            if kind == 0:  # end of list
                return ranges
            if kind == 1:  # base address, by index
                base = indexed()
            elif kind == 2:  # start and end, by index
                ranges.append((indexed(), indexed()))
            elif kind == 3:  # start by index, length
                start = indexed()
                ranges.append((start, start + data.uleb()))
            elif kind == 4:  # offsets from the base
                ranges.append((base + data.uleb(), base + data.uleb()))
            elif kind == 5:  # base address
                base = data.number(size)
            elif kind == 6:  # start and end
                ranges.append((data.number(size), data.number(size)))
            elif kind == 7:  # start, length
                start = data.number(size)
                ranges.append((start, start + data.uleb()))
            else:
                raise Malformed("a range of an unknown kind")
        raise Malformed("too many ranges")

    # --- what is asked ----------------------------------------------------------------------

    def covers(self, address: int) -> bool:
        """Whether its code has this address."""
        ranges = self._ranges
        if ranges is None:
            try:
                ranges = self._ranges_of(self._unit_entry())
            except Malformed:
                self._ranges = ()
                raise
            self._ranges = ranges
        self._budget.spend(1 + len(ranges) // 8)
        return any(start <= address < end for start, end in ranges)

    def line_table(self) -> LineTable | None:
        """Its line table, if it has one."""
        value = self._unit_entry().get(forms.AT_STMT_LIST)
        if self._lines is None and value is not None:
            directory = self.text(self._unit_entry().get(forms.AT_COMP_DIR))
            self._lines = LineTable(self._sections, value.number, directory, self._budget)
        return self._lines

    def _read_scopes(self) -> list[Scope]:
        """Every function and every inlined call that has code, in the order of the entries."""
        if self._scopes is None:
            scopes: list[Scope] = []
            try:
                self._read_scopes_into(scopes)
            except Malformed:
                self._scopes = scopes  # those before it
                raise
            self._scopes = scopes
        return self._scopes

    def _read_scopes_into(self, scopes: list[Scope]) -> None:
        abbreviations = self._read_abbreviations()
        data = Data(self._sections[".debug_info"], self._first, self.end, self._budget)
        self._scope_ranges = 0
        depth = 0
        while data.position < data.end:
            entry = data.position
            code = data.uleb()
            if not code:
                depth -= 1
                if depth <= 0:
                    break
                continue
            abbreviation = abbreviations.get(code)
            if abbreviation is None:
                raise Malformed("an entry of no abbreviation")
            if abbreviation.fixed_size >= 0:
                data.skip(abbreviation.fixed_size)
            else:
                attributes = self._attributes(data, abbreviation)
                if abbreviation.tag in _SCOPES:
                    ranges = self._ranges_of(attributes)
                    if ranges:
                        call = tuple(
                            attributes[name].number if name in attributes else 0
                            for name in (forms.AT_CALL_FILE, forms.AT_CALL_LINE, forms.AT_CALL_COLUMN)
                        )
                        inlined = abbreviation.tag == forms.TAG_INLINED_SUBROUTINE
                        scopes.append(Scope(depth, inlined, ranges, entry, (call[0], call[1], call[2])))
                        self._budget.spend(_SCOPE_STEPS + len(ranges))
                        self._scope_ranges += len(ranges)
            if abbreviation.has_children:
                depth += 1
            elif not depth:
                break

    def inlined_at(self, address: int) -> list[Scope]:
        """The inlined calls around an address, innermost first.

        Raises:
            Malformed: the entries cannot be understood, or there are more than `MOST_INLINED`.
        """
        found: list[Scope] = []
        scopes = self._read_scopes()
        self._budget.spend(1 + self._scope_ranges // 8)
        for scope in scopes:
            if any(start <= address < end for start, end in scope.ranges):
                if not scope.inlined:
                    found = []
                elif not found or scope.depth > found[-1].depth:
                    found.append(scope)
                    if len(found) > MOST_INLINED:
                        raise Malformed("too many calls within one another")
        return found[::-1]


@final
class Units:
    """All compilation units of a module."""

    def __init__(self, sections: Mapping[str, bytes], budget: Budget) -> None:
        """Read their headers; what follows one that cannot be understood is left."""
        self._units: list[Unit] = []
        self._sections = sections
        self._budget = budget
        section = sections.get(".debug_info", b"")
        position = 0
        while position < len(section):
            try:
                budget.spend(_SCOPE_STEPS)
                unit = Unit(sections, position, budget)
            except Malformed:
                break
            position = unit.end
            if unit.readable:
                self._units.append(unit)
        self._starts = [unit.start for unit in self._units]

    def at(self, address: int) -> Unit | None:
        """The unit whose code has an address."""
        for unit in self._units:
            try:
                if unit.covers(address):
                    return unit
            except Malformed:
                self._budget.spend(1)  # nothing left: all of it ends here; else the next unit may be sound
        return None

    def name(self, unit: Unit, entry: int) -> str:
        """The name of a function's entry, or of the one that it refers to; a linker's name if there is one."""
        name = ""
        for _ in range(MOST_REFERENCES):
            attributes = unit.attributes_at(entry)
            linkage_name = unit.text(attributes.get(forms.AT_LINKAGE_NAME))
            if linkage_name:
                return linkage_name
            name = name or unit.text(attributes.get(forms.AT_NAME))
            reference = attributes.get(forms.AT_ABSTRACT_ORIGIN) or attributes.get(forms.AT_SPECIFICATION)
            if reference is None:
                break
            entry = reference.number + (unit.start if reference.meaning == forms.UNIT_REFERENCE else 0)
            found = bisect_right(self._starts, entry) - 1
            if found < 0 or entry >= self._units[found].end:
                break
            unit = self._units[found]
        return name
