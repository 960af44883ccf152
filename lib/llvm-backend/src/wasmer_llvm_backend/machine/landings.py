"""Where exceptions land, read from the table that LLVM writes for the language's runtime.

For each function that catches there is a table in .gcc_except_table: ranges of its code, and for each the landing of
exceptions that leave a call there, or none. Which table is whose only .eh_frame says. Nothing else is read from that:
of each entry the relocations of its function's address and its table's, one behind the other.

Sources: the Itanium C++ ABI, exception handling, level II ("call site table"); the Linux Standard Base, core, 10.6.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from wasmer_llvm_backend.machine.inlining import unsigned
from wasmer_runtime_core.errors import InternalError

TABLES: Final = ".gcc_except_table"
FRAMES: Final = ".eh_frame"
REFERENCES: Final = ".data.DW.ref."
"""Sections with the address of the personality."""

OMITTED: Final = 0xFF
NUMBERS: Final = 0x01
"""Encoding: unsigned LEB128."""


def is_for_the_runtime(name: str) -> bool:
    """Whether a section is there for the language's runtime, and not laid out."""
    return name in (TABLES, FRAMES) or name.startswith(REFERENCES)


def read_landings(tables: bytearray, places: Iterable[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Rows of (start, end, landing), ascending: offsets in the unit's code, as in `CompiledModule.handlers`.

    Args:
        tables: .gcc_except_table.
        places: of each function that has a table: where its code starts, and where in `tables` that is.

    Raises:
        InternalError: it holds something that LLVM does not write for modules of ours.
    """
    rows: list[tuple[int, int, int]] = []
    for function, at in places:
        if tables[at] != OMITTED or tables[at + 1] != OMITTED or tables[at + 2] != NUMBERS:
            raise InternalError(f"LLVM writes a table of landings that begins {tables[at : at + 3].hex()}")
        length, at = unsigned(tables, at + 3)
        end = at + length
        while at < end:
            start, at = unsigned(tables, at)
            size, at = unsigned(tables, at)
            landing, at = unsigned(tables, at)
            action, at = unsigned(tables, at)
            if action:
                raise InternalError(f"LLVM writes a table of landings with an action {action}")
            if landing:
                rows.append((function + start, function + start + size, function + landing))
    rows.sort()
    return rows
