"""What a backtrace can say beyond numbers: source positions, and functions that were inlined, from DWARF.

A module built with ``-g`` carries DWARF in custom sections (``.debug_line`` and its kin); its
addresses count from the start of the code section's contents. It is read (`dwarf`) when a backtrace is shown
for the first time, and only the compilation units that it touches.

Nothing here raises, and nothing costs more than its limit: debug information is part of a module that
nobody trusts. What cannot be read, or not in `MOST_STEPS`, is none.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.wasm.debug.dwarf.data import Budget, Malformed
from wasmer_runtime_core.wasm.debug.dwarf.units import Units

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.custom_sections import CustomSection
    from wasmer_runtime_core.wasm.debug.dwarf.lines import LineTable

MOST_STEPS: Final = 1_500_000
"""Of reading debug information, over the life of a module: about a second. All of SQLite, one unit, takes 1,230,000."""

LONGEST_PATH: Final = 500
"""Characters of a position that are shown; of a longer one its end."""


class SourceFrame(NamedTuple):
    """One function of the source where an operator is."""

    function: str
    """The name of a function that the module's compiler inlined; "" for the WebAssembly function itself."""

    source: str
    """``file:line:column``, or ""."""


class Sections(Protocol):
    """What is asked of a module (`ModuleInfo`)."""

    code_offset: int
    """Of the code section's contents, in bytes: DWARF counts from there."""

    custom_sections: list[CustomSection]


class SourceLines:
    """From byte offsets in a module to ``file:line:column``, or to nothing."""

    def __init__(self, info: Sections) -> None:
        self._code_offset: Final = info.code_offset
        self._sections = {each.name: each.data for each in info.custom_sections if each.name.startswith(".debug_")}
        self._budget = Budget(MOST_STEPS)
        self._units: Units | None = None
        self._found: dict[int, tuple[SourceFrame, ...]] = {}

    def find(self, offset: int) -> str:
        """Position of the operator at a byte offset of the module, or ""."""
        return self.frames(offset)[0].source

    def frames(self, offset: int) -> tuple[SourceFrame, ...]:
        """The functions of the source around an operator, innermost first: inlined ones, then the function itself."""
        found = self._found.get(offset)
        if found is None:
            found = (SourceFrame("", ""),)
            if self._sections and self._budget.steps >= 0:
                try:
                    found = self._look_up(offset - self._code_offset)
                except Exception as failure:  # whatever is wrong with it, a backtrace is no place to complain
                    if raised_by_a_handler(failure):
                        raise
                self._found[offset] = found
        return found

    def _look_up(self, address: int) -> tuple[SourceFrame, ...]:
        if self._units is None:
            self._units = Units(self._sections, self._budget)
        unit = self._units.at(address)
        lines = None if unit is None else unit.line_table()
        position = None if lines is None else lines.find(address)
        if unit is None or lines is None or position is None:
            return (SourceFrame("", ""),)
        source = _shown(lines, position)
        frames = []
        try:
            for scope in unit.inlined_at(address):
                frames.append(SourceFrame(self._units.name(unit, scope.entry) or "?", source))
                source = _shown(lines, scope.call)
        except Malformed:  # the line stands, whatever is wrong with the entries
            return (SourceFrame("", _shown(lines, position)),)
        return (*frames, SourceFrame("", source))


def _shown(lines: LineTable, position: tuple[int, int, int]) -> str:
    file, line, column = position
    return f"{lines.path(file)}:{line}:{column}"[-LONGEST_PATH:]
