"""Implementation limits: how much of everything one module may have, in one table.

The specification lets an implementation refuse modules for their size (appendix 7.2), and
hosts that run strangers' modules need it to: a count costs a byte to write and, without a
limit, gigabytes to believe. The numbers are those on which browsers agree (JavaScript API,
"Implementation-defined Limits") and those of wasmtime; where neither has one, they are
ours, far beyond what compilers write.

Decoder, validator, text parser, printer and backends take their limits from here. What is
beyond one is neither malformed nor invalid: it is an `ImplementationLimitError`, raised as
soon as the number is known. A configuration raises (or lowers) any of them by its name::

    CompilerConfig(implementation_limits={"locals": 100_000})
"""

from __future__ import annotations

from wasmer_runtime_core.errors import ImplementationLimitError
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final
from wasmer_runtime_core.support.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

JS: Final = "JavaScript API"
WASMTIME: Final = "wasmtime"
V8: Final = "V8"
OURS: Final = ""

BEYOND_COUNTING: Final = (1 << 31) - 1
"""Sizes and offsets of a module are signed words somewhere."""
MOST_IN_A_BLOCK: Final = 10_000_000
"""All that an instance has a row for, together, must fit a vmctx of 4 GiB."""


class Limit(NamedTuple):
    """A row.

    Attributes:
        name: what a configuration and an error call it.
        bounds: what is counted: "more than … {bounds}".
        most: how many there may be.
        per_byte: how many more per byte of the module.
        ceiling: there are never more, whatever `most` is raised to and however large the module.
        source: where the number comes from; `OURS` is empty.
    """

    name: str
    bounds: str
    most: int
    per_byte: int = 0
    ceiling: int = BEYOND_COUNTING
    source: str = OURS


# --- the module, in the order of its sections -------------------------------------------------
MODULE_BYTES: Final = Limit("module_bytes", "bytes of a module, binary or text", 1 << 30, source=JS)
CUSTOM_SECTIONS: Final = Limit("custom_sections", "custom sections", 100_000)
NAME_BYTES: Final = Limit("name_bytes", "bytes of one name", 100_000, source=WASMTIME)
TYPES: Final = Limit("types", "types", 1_000_000, ceiling=MOST_IN_A_BLOCK, source=JS)
PARAMETERS: Final = Limit("parameters", "parameters of a function type", 1_000, ceiling=2_000, source=JS)
RESULTS: Final = Limit("results", "results of a function type", 1_000, ceiling=2_000, source=JS)
FIELDS: Final = Limit("fields", "fields of a struct", 10_000, ceiling=100_000, source=JS)
SUBTYPING_DEPTH: Final = Limit("subtyping_depth", "types above one another", 63, ceiling=63, source=JS)
IMPORTS: Final = Limit("imports", "imports", 1_000_000, ceiling=MOST_IN_A_BLOCK, source=JS)
FUNCTIONS: Final = Limit("functions", "functions, with imported ones", 1_000_000, ceiling=MOST_IN_A_BLOCK, source=JS)
TABLES: Final = Limit("tables", "tables, with imported ones", 100, ceiling=100_000, source=WASMTIME)
MEMORIES: Final = Limit("memories", "memories, with imported ones", 100, ceiling=1_000, source=JS)
GLOBALS: Final = Limit("globals", "globals, with imported ones", 1_000_000, ceiling=MOST_IN_A_BLOCK, source=JS)
EXPORTS: Final = Limit("exports", "exports", 1_000_000, ceiling=MOST_IN_A_BLOCK, source=JS)
ELEMENT_SEGMENTS: Final = Limit("element_segments", "element segments", 100_000, source=WASMTIME)
ELEMENTS: Final = Limit(
    "elements", "elements of all element segments, together", 10_000_000, source=f"{JS}, there of each"
)
DATA_SEGMENTS: Final = Limit("data_segments", "data segments", 100_000, source=JS)
TAGS: Final = Limit("tags", "tags, imported ones too", 1_000_000, source=JS)
INITIALIZER_OPERATORS: Final = Limit(
    "initializer_operators", "operators of all initializers that have several, together", 100_000
)

# --- a function ---------------------------------------------------------------------------------
BODY_BYTES: Final = Limit("body_bytes", "bytes of a function's body", 7_654_321, source=JS)
LOCALS: Final = Limit("locals", "locals of a function, with its parameters", 50_000, ceiling=1_000_000, source=JS)
MODULE_LOCALS: Final = Limit("module_locals", "locals of all functions, together", 1 << 20, per_byte=4)
NESTING: Final = Limit("nesting", "blocks inside one another", 100_000)
OPERANDS: Final = Limit("operands", "operands on the stack at once", 1 << 20)
BR_TABLE_TARGETS: Final = Limit("br_table_targets", "targets of a br_table", 65_520, source=V8)
VALUES_PASSED: Final = Limit(
    "values_passed", "operands that calls, branches and ends of blocks pass, of all functions", 100_000, per_byte=4
)
LOOP_WRITES: Final = Limit(
    "loop_writes", "locals written in loops, each in every loop around it, of all functions", 1 << 16, per_byte=16
)

# --- what becomes of it ---------------------------------------------------------------------------
CODE_BYTES: Final = Limit("code_bytes", "bytes of machine code", 1 << 24, per_byte=64, ceiling=0x7000_0000)
"""A distance in it has 32 bits; there is room for what the function that passes the limit becomes."""

LIMITS: Final = (
    MODULE_BYTES,
    CUSTOM_SECTIONS,
    NAME_BYTES,
    TYPES,
    PARAMETERS,
    RESULTS,
    FIELDS,
    SUBTYPING_DEPTH,
    IMPORTS,
    FUNCTIONS,
    TABLES,
    MEMORIES,
    GLOBALS,
    EXPORTS,
    ELEMENT_SEGMENTS,
    ELEMENTS,
    DATA_SEGMENTS,
    TAGS,
    INITIALIZER_OPERATORS,
    BODY_BYTES,
    LOCALS,
    MODULE_LOCALS,
    NESTING,
    OPERANDS,
    BR_TABLE_TARGETS,
    VALUES_PASSED,
    LOOP_WRITES,
    CODE_BYTES,
)


class ImplementationLimits:
    """The limits of one compilation: the table, with what its configuration changes."""

    __slots__ = ("_changed",)

    def __init__(self, changed: Mapping[str, int] = {}) -> None:
        """
        Args:
            changed: the new `most`, by name of the limit.

        Raises:
            ValueError: no limit is called that, or its ceiling is lower.
        """
        for name, most in changed.items():
            limit = next((row for row in LIMITS if row.name == name), None)
            if limit is None:
                names = ", ".join(row.name for row in LIMITS)
                raise ValueError(f"no implementation limit is called {name!r}; there is: {names}")
            if not 0 <= most <= limit.ceiling:
                raise ValueError(f"the implementation limit {name} is from 0 to {limit.ceiling}, not {most}")
        self._changed = dict(changed)

    def most(self, limit: Limit, module_bytes: int = 0) -> int:
        """How many there may be, in a module of that size."""
        return min(self._changed.get(limit.name, limit.most) + limit.per_byte * module_bytes, limit.ceiling)

    def exceeded(
        self,
        limit: Limit,
        found: int,
        offset: int | None = None,
        function: int | None = None,
        module_bytes: int = 0,
    ) -> ImplementationLimitError:
        """The error for more than there may be.

        Args:
            limit: the row.
            found: how many there are, or, where counting stopped, one more than there may be.
            offset: where in the module, in bytes.
            function: in which one, by index.
            module_bytes: as for `most`.
        """
        return ImplementationLimitError(
            limit.name, limit.bounds, found, self.most(limit, module_bytes), offset, function
        )

    def check(self, limit: Limit, found: int, offset: int | None = None, module_bytes: int = 0) -> None:
        """
        Raises:
            ImplementationLimitError: there are more than there may be.
        """
        if found > self.most(limit, module_bytes):
            raise self.exceeded(limit, found, offset, None, module_bytes)


DEFAULT_LIMITS: Final = ImplementationLimits()
