"""What a backtrace can say beyond numbers: source positions from DWARF, names as they were written.

A module built with ``-g`` carries DWARF in custom sections (``.debug_line`` and its kin); its
addresses count from the start of the code section's contents. It is read (`dwarf`) when a backtrace is shown
for the first time, and only the compilation units that it touches. Names of
C++ and Rust functions are demangled where a demangler is installed: the extra ``debug`` of this distribution.

Nothing here raises, and nothing costs more than its limit: debug information is part of a module that
nobody trusts. What cannot be read, or not in `MOST_STEPS`, is none.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from wasmer_runtime_core.dwarf.data import Budget, Malformed
from wasmer_runtime_core.dwarf.units import Units

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from wasmer_runtime_core.dwarf.lines import LineTable
    from wasmer_runtime_core.wasm.module import ModuleInfo

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


class SourceLines:
    """From byte offsets in a module to ``file:line:column``, or to nothing."""

    def __init__(self, info: ModuleInfo) -> None:
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
                except Exception:  # whatever is wrong with it, a backtrace is no place to complain
                    pass
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


_RUST_HASH: Final = re.compile(r"17h[0-9a-f]{16}E(\.|$)")
"""How Rust's older symbols end; they look like C++ otherwise."""


LONGEST_SYMBOL: Final = 1000
"""Characters of a name that is demangled; a longer one stays."""

MOST_EVENTS: Final = 20_000
"""Calls and returns that demangling a name may take: some milliseconds. Names can refer to parts of themselves, so that
a short one stands for gigabytes."""


class _TooLong(BaseException):
    """No `Exception`: demanglers handle those."""


@lru_cache(maxsize=512)
def demangle(name: str) -> str:
    """A C++ or Rust symbol as its programmer wrote it; any other name as it is."""
    if len(name) > LONGEST_SYMBOL:
        return name
    try:
        if name.startswith("_R") or (name.startswith("_ZN") and _RUST_HASH.search(name)):
            from rust_demangler import demangle as demangle_rust

            return re.sub(r"::h[0-9a-f]{16}$", "", _in_time(demangle_rust, name))
        if name.startswith("_Z"):
            from itanium_demangler import parse

            return _in_time(lambda symbol: parse(symbol) or symbol, name)
    except (
        Exception,
        _TooLong,
    ):  # no demangler is installed, or this one does not know the symbol, or it takes too long
        pass
    return name


def _in_time(demangler: Callable[[str], object], name: str) -> str:
    """What a demangler makes of a name; it may call so many functions and no more.

    Python's hook for profilers counts them. Where a profiler has it, names stay as they are.

    Raises:
        _TooLong: it took more, or cannot be counted.
    """
    if sys.getprofile() is not None:
        raise _TooLong
    left = MOST_EVENTS

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise _TooLong

    sys.setprofile(count)
    try:
        return str(demangler(name))
    finally:
        sys.setprofile(None)
