"""What a backtrace can say beyond numbers: source positions from DWARF, names as they were written.

A module built with ``-g`` carries DWARF in custom sections (``.debug_line`` and its kin); its
addresses count from the start of the code section's contents. pyelftools reads them, and only
the compilation units that a backtrace touches, when it is shown for the first time. Names of
C++ and Rust functions are demangled where a demangler is installed.

All of that is the extra ``debug`` of this distribution; without it backtraces have the raw
names and no lines. Nothing here raises: debug information that cannot be read is none.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.module import ModuleInfo

_SECTIONS: Final = (
    *("info", "aranges", "abbrev", "frame", "str", "loc", "ranges", "line", "pubtypes", "pubnames", "addr"),
    *("str_offsets", "line_str", "loclists", "rnglists", "sup", "types"),
)


class SourceLines:
    """From byte offsets in a module to ``file:line:column``, or to nothing."""

    def __init__(self, info: ModuleInfo) -> None:
        self._code_offset: Final = info.code_offset
        self._units: list[tuple[Any, list[tuple[int, int]]]] = []  # compilation unit, its address ranges
        self._rows: dict[int, tuple[list[int], list[str]]] = {}  # unit's number -> addresses, positions
        self._dwarf: Any = None
        sections = {section.name: section.data for section in info.custom_sections}
        if ".debug_line" in sections and ".debug_info" in sections:
            try:
                self._open(sections)
            except Exception:  # whatever is wrong with it, a backtrace is no place to complain
                self._units = []

    def find(self, offset: int) -> str:
        """Position of the operator at a byte offset of the module, or ""."""
        address = offset - self._code_offset
        for number, (unit, ranges) in enumerate(self._units):
            if any(start <= address < end for start, end in ranges):
                if number not in self._rows:
                    self._rows[number] = self._read_lines(unit)
                addresses, positions = self._rows[number]
                at = bisect_right(addresses, address) - 1
                return positions[at] if at >= 0 else ""
        return ""

    def _open(self, sections: dict[str, bytes]) -> None:
        from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DwarfConfig, DWARFInfo

        arguments: dict[str, Any] = {"eh_frame_sec": None, "gnu_debugaltlink_sec": None}
        for name in _SECTIONS:
            data = sections.get(f".debug_{name}")
            arguments[f"debug_{name}_sec"] = (
                None if data is None else DebugSectionDescriptor(BytesIO(data), f".debug_{name}", 0, len(data), 0)
            )
        config = DwarfConfig(little_endian=True, machine_arch="wasm32", default_address_size=4)
        self._dwarf = DWARFInfo(config, **arguments)
        lists = self._dwarf.range_lists()
        for unit in self._dwarf.iter_CUs():
            self._units.append((unit, _ranges_of(unit, lists)))

    def _read_lines(self, unit: Any) -> tuple[list[int], list[str]]:
        """The unit's line table; the end of each sequence stands as a row without position."""
        program = self._dwarf.line_program_for_CU(unit)
        if program is None:
            return [], []
        names: dict[int, str] = {}
        rows: list[tuple[int, str]] = []
        for entry in program.get_entries():
            state = entry.state
            if state is None:
                continue
            if state.end_sequence:
                rows.append((state.address, ""))
                continue
            if state.file not in names:
                names[state.file] = _file_name(program, state.file)
            rows.append((state.address, f"{names[state.file]}:{state.line}:{state.column}"))
        rows.sort(key=lambda row: row[0])
        return [address for address, _ in rows], [position for _, position in rows]


def _ranges_of(unit: Any, lists: Any) -> list[tuple[int, int]]:
    """The address ranges a compilation unit covers."""
    top = unit.get_top_DIE()
    attributes = top.attributes
    low = attributes["DW_AT_low_pc"].value if "DW_AT_low_pc" in attributes else 0
    if "DW_AT_high_pc" in attributes:
        high = attributes["DW_AT_high_pc"]
        return [(low, high.value if high.form == "DW_FORM_addr" else low + high.value)]
    if "DW_AT_ranges" not in attributes or lists is None:
        return []
    ranges = []
    base = low
    for entry in lists.get_range_list_at_offset(attributes["DW_AT_ranges"].value, unit):
        if hasattr(entry, "base_address"):
            base = entry.base_address
        elif getattr(entry, "is_absolute", False):
            ranges.append((entry.begin_offset, entry.end_offset))
        else:
            ranges.append((base + entry.begin_offset, base + entry.end_offset))
    return ranges


def _file_name(program: Any, number: int) -> str:
    """A file of the line table: from 1 up to DWARF 4, from 0 since DWARF 5."""
    entries = program["file_entry"]
    at = number if program["version"] >= 5 else number - 1
    if not 0 <= at < len(entries):
        return "?"
    name: bytes = entries[at].name
    return name.decode("utf-8", "replace")


_RUST_HASH: Final = re.compile(r"17h[0-9a-f]{16}E(\.|$)")
"""How Rust's older symbols end; they look like C++ otherwise."""


def demangle(name: str) -> str:
    """A C++ or Rust symbol as its programmer wrote it; any other name as it is."""
    try:
        if name.startswith("_R") or (name.startswith("_ZN") and _RUST_HASH.search(name)):
            from rust_demangler import demangle as demangle_rust

            return re.sub(r"::h[0-9a-f]{16}$", "", str(demangle_rust(name)))
        if name.startswith("_Z"):
            from itanium_demangler import parse

            return str(parse(name) or name)
    except Exception:  # no demangler is installed, or this one does not know the symbol
        pass
    return name
