"""How a module shows that it uses a proposal that is not here: in bytes, and in words of the text format.

A runtime that knows nothing of a proposal meets an opcode, a flag or a keyword that does not exist, and
can say no more than that. These tables say what it was meant to be. They are read on the way to an error
only. What becomes possible here moves from these tables to those of the format: an operator to `operators`.

Sources: WebAssembly 3.0, sections 5 and 6, and the overviews of the proposals at github.com/WebAssembly.
"""

from __future__ import annotations

from wasmer_runtime_core.errors import CompileError, DecodeError
from wasmer_runtime_core.features import unsupported
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_runtime_core.wasm.operators.rows import PAGE_LENGTHS

if TYPE_CHECKING:
    from collections.abc import Callable


class Use(NamedTuple):
    """Something that only a proposal has.

    Attributes:
        feature: name of the row of `features.FEATURES`.
        what: it is, in words, or as the text format spells it.
    """

    feature: str
    what: str


# --- operators: codes as in `operators`, with two pages more ----------------------------------------
PREFIX_PAGES: Final = {0xFC: 0x100, 0xFD: 0x200, 0xFE: 0x400, 0xFB: 0x500}
"""Prefix byte -> what is added to the sub-opcode."""

OPERATORS: Final[dict[int, Use]] = {}
"""Operator code -> whose it is, and its mnemonic."""


def _rows(feature: str, page: int, rows: str) -> None:
    """Operators of one proposal, each ``code mnemonic``."""
    words = rows.split()
    for at in range(0, len(words), 2):
        OPERATORS[page + int(words[at], 16)] = Use(feature, words[at + 1])


# fmt: off
_rows("stack_switching", 0, """
    E0 cont.new  E1 cont.bind  E2 suspend  E3 resume  E4 resume_throw  E5 resume_throw_ref  E6 switch""")
_rows("custom_descriptors", 0x500, """
    20 struct.new_desc      21 struct.new_default_desc  22 ref.get_desc
    23 ref.cast_desc_eq     24 ref.cast_desc_eq         25 br_on_cast_desc_eq   26 br_on_cast_desc_eq_fail""")
_rows("memory_control", 0x100, "12 memory.discard")
_rows("wide_arithmetic", 0x100, "13 i64.add128  14 i64.sub128  15 i64.mul_wide_s  16 i64.mul_wide_u")
# fmt: on
_CHANGES: Final = ("add", "sub", "and", "or", "xor", "xchg", "cmpxchg")
for _first, _object, _verbs in (
    (0x44F, "global", ("get", "set", *(f"rmw.{change}" for change in _CHANGES))),
    (0x458, "table", ("get", "set", "rmw.xchg", "rmw.cmpxchg")),
    (0x45C, "struct", ("get", "get_s", "get_u", "set", *(f"rmw.{change}" for change in _CHANGES))),
    (0x467, "array", ("get", "get_s", "get_u", "set", *(f"rmw.{change}" for change in _CHANGES))),
):
    for _place, _verb in enumerate(_verbs):
        OPERATORS[_first + _place] = Use("shared_everything_threads", f"{_object}.atomic.{_verb}")
_rows("shared_everything_threads", 0x400, "04 pause  72 ref.i31_shared")


# --- types ------------------------------------------------------------------------------------------
# Of each heap type that is not here: its code, as a value type a nullable reference to it; its name; that value type's
# name.
# fmt: off
HEAP_TYPES: Final = (
    (0x68, "cont",     "contref",       "stack_switching"),
    (0x75, "nocont",   "nullcontref",   "stack_switching"),
)
# fmt: on
EXACT: Final = 0x62
SHARED: Final = 0x65

_PREFIXED: Final = {
    SHARED: Use("shared_everything_threads", "a shared type"),
    EXACT: Use("custom_descriptors", "an exact type"),
}
_HEAP: Final = {code: Use(feature, f"a reference to {heap}") for code, heap, _, feature in HEAP_TYPES} | _PREFIXED
_VALUE: Final = {code: Use(feature, name) for code, _, name, feature in HEAP_TYPES} | _PREFIXED

TYPE_FORMS: Final = {
    0x5D: Use("stack_switching", "a continuation type"),
    SHARED: Use("shared_everything_threads", "a shared type"),
    0x4D: Use("custom_descriptors", "a type with a descriptor"),
    0x4C: Use("custom_descriptors", "a type that describes"),
}
"""First byte of a definition in the type section."""

PAGE_SIZE: Final = Use("custom_page_sizes", "a memory with a page size of its own")
COMPONENT: Final = Use("component_model", "a component")

COMPONENT_LAYER: Final = b"\1\0"
"""The second half of the version field."""


# --- places in the binary format: (module, offset, end) -> whose is what stands there --------------
def _header(data: bytes, at: int, end: int) -> Use | None:
    return COMPONENT if data[at + 2 : at + 4] == COMPONENT_LAYER else None


def _type_form(data: bytes, at: int, end: int) -> Use | None:
    return TYPE_FORMS.get(data[at])


def _value_type(data: bytes, at: int, end: int) -> Use | None:
    return _VALUE.get(data[at])


def _heap_type(data: bytes, at: int, end: int) -> Use | None:
    return _HEAP.get(data[at])


def _memory_limits(data: bytes, at: int, end: int) -> Use | None:
    return PAGE_SIZE if data[at] <= 15 else None


def _table_limits(data: bytes, at: int, end: int) -> Use | None:
    flags = data[at]
    if flags > 7:
        return None
    return Use("shared_everything_threads", "a shared table")


def _mutability(data: bytes, at: int, end: int) -> Use | None:
    return Use("shared_everything_threads", "a shared global") if data[at] in (2, 3) else None


def _operator(data: bytes, at: int, end: int) -> Use | None:
    page = PREFIX_PAGES.get(data[at])
    if page is None:
        return OPERATORS.get(data[at])
    sub_opcode = shift = 0
    for byte in data[at + 1 : min(at + 6, end)]:
        sub_opcode |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            use = OPERATORS.get(page + sub_opcode)
            return use if sub_opcode < PAGE_LENGTHS.get(data[at], 0x100) else None
    return None


PLACES: Final[dict[str, Callable[[bytes, int, int], Use | None]]] = {
    "header": _header,
    "type form": _type_form,
    "value type": _value_type,
    "heap type": _heap_type,
    "memory limits": _memory_limits,
    "table limits": _table_limits,
    "mutability": _mutability,
    "operator": _operator,
}


def explained(error: DecodeError, place: str, data: bytes, end: int, function: int | None) -> CompileError:
    """See `refusal.refused`."""
    assert error.offset is not None
    use = PLACES[place](data, error.offset, end) if error.offset < end else None
    return error if use is None else unsupported(use.feature, use.what, error, function, missing=True)


# --- words of the text format -----------------------------------------------------------------------
WORDS: Final[dict[str, Use]] = {
    **{use.what: use for use in OPERATORS.values()},
    **{heap: _HEAP[code] for code, heap, _, _ in HEAP_TYPES},
    **{name: Use(feature, name) for _, _, name, feature in HEAP_TYPES},
    "component": COMPONENT,
    "cont": TYPE_FORMS[0x5D],
    "descriptor": TYPE_FORMS[0x4D],
    "describes": TYPE_FORMS[0x4C],
    "exact": _PREFIXED[EXACT],
    "pagesize": PAGE_SIZE,
    "on": Use("stack_switching", "a handler (on …)"),
}
"""Spelling -> whose it is. None of them is a word of release 2.0."""


def word_use(around: list[str]) -> Use | None:
    """Whose a token is that stands where nothing of the kind may, or that release 2.0 does not know.

    Args:
        around: spellings: of the token before it, its own, and those of three behind it.
    """
    before, spelling, *behind = around
    if spelling == "(":
        before, spelling, *behind = around[1:]
    if spelling == "shared":
        return _PREFIXED[SHARED]
    if spelling == "ref" and before == "(":
        heap = WORDS.get(behind[1] if behind[0] == "null" and len(behind) > 1 else behind[0])
        if heap is not None:
            return heap
    return WORDS.get(spelling)
