"""The helpers that generated code calls for operators too large to write inline.

One row each, in the order of their slots: they follow the functions of the module in its
table of code addresses, so that code reaches one as ``call [rip + slot]``. All follow the
machine contract (vmctx first, C ABI) and trap by unwinding to the entry. ``i64`` is a number of that type, ``ref`` a
reference (8 bytes), ``index`` a number of bytes, pages or elements of a memory or table: an
i32 or i64 as its type says, passed zero-extended to 64 bits, so that one set of helpers
serves both. A result of that kind has as many bits as the index. Operands come in the order
of the operator's operands, then its immediates. An operator's row says that it becomes the
helper of its name; `helper_operators` brings the two tables together. An access passes both words of its record,
`offset` and `place`, which say where it is besides its address (`wasm.body.body`).

Objects come zeroed, and a `type` is an index of the module's. ``array_fill`` stores the low bytes of its value, as many
as an element has; of a vector there are two halves. Neither they nor ``struct_new_default`` are all of an operator:
code stores what its operator was given.

Those of exceptions stand for no operator. ``throw`` takes the addresses of a tag and of its values, in slots of 16
bytes. A landing that has no arm for the pending exception goes on with ``resume``. An arm that has read the values
calls ``catch_exception``, which gives the exnref if it is to `keep` it. Three of the four never return.
"""

from __future__ import annotations

TYPE_CHECKING = False  # checkers take it for True; the build loads this by path, where nothing of core is at hand
if TYPE_CHECKING:
    from typing import Final


class VMCall:
    """One helper: its place in the table of code addresses, and its type.

    Attributes:
        params: name and type of each, ``"at:i32"``.
        types: the types of these: ``"i32"``, ``"i64"``, ``"index"`` or ``"ref"``.
        results: types as well.
    """

    __slots__ = ("name", "params", "results", "slot", "types")

    def __init__(self, slot: int, name: str, params: tuple[str, ...], results: tuple[str, ...]) -> None:
        self.slot = slot
        self.name = name
        self.params = params
        self.types = tuple([param.rpartition(":")[2] for param in params])
        self.results = results


# fmt: off
_ROWS: Final = (
    ("memory_grow",  "delta:index memory:i32",                                       "index"),
    ("memory_fill",  "at:index value:i32 count:index memory:i32",                    ""),
    ("memory_copy",  "to:index from:index count:index to_memory:i32 from_memory:i32", ""),
    ("memory_init",  "to:index from:i32 count:i32 data:i32 memory:i32",              ""),
    ("data_drop",    "data:i32",                                                     ""),
    ("table_get",    "at:index table:i32",                                           "ref"),
    ("table_set",    "at:index value:ref table:i32",                                 ""),
    ("table_grow",   "value:ref delta:index table:i32",                              "index"),
    ("table_fill",   "at:index value:ref count:index table:i32",                     ""),
    ("table_copy",   "to:index from:index count:index to_table:i32 from_table:i32",  ""),
    ("table_init",   "to:index from:i32 count:i32 element:i32 table:i32",            ""),
    ("elem_drop",    "element:i32",                                                  ""),
    ("trace",        "event:i32 a:i32 b:i32 offset:i32",                             ""),
    ("struct_new_default", "type:i32",                                               "ref"),
    ("array_new_default",  "length:i32 type:i32",                                    "ref"),
    ("array_new_data",     "from:i32 length:i32 type:i32 data:i32",                  "ref"),
    ("array_new_elem",     "from:i32 length:i32 type:i32 element:i32",               "ref"),
    ("array_copy",         "to:ref at:i32 from:ref from_at:i32 length:i32",          ""),
    ("array_init_data",    "array:ref at:i32 from:i32 length:i32 data:i32",          ""),
    ("array_init_elem",    "array:ref at:i32 from:i32 length:i32 element:i32",       ""),
    ("array_fill",         "array:ref at:i32 value:i64 length:i32",                  ""),
    ("array_fill_vector",  "array:ref at:i32 low:i64 high:i64 length:i32",           ""),
    ("memory_atomic_notify", "at:index count:i32 offset:i32 place:i32",              "i32"),
    ("memory_atomic_wait32", "at:index expected:i32 timeout:i64 offset:i32 place:i32", "i32"),
    ("memory_atomic_wait64", "at:index expected:i64 timeout:i64 offset:i32 place:i32", "i32"),
)
# fmt: on

VMCALLS: Final = tuple(
    VMCall(slot, name, tuple(params.split()), tuple(results.split()))
    for slot, (name, params, results) in enumerate(_ROWS)
)
SLOTS: Final = {call.name: call.slot for call in VMCALLS}

# fmt: off
_OF_EXCEPTIONS: Final = (
    ("throw",           "tag:ref values:ref",                                        ""),
    ("throw_ref",       "exception:ref",                                             ""),
    ("resume",          "",                                                          ""),
    ("catch_exception", "keep:i32",                                                  "ref"),
)
# fmt: on

ROUTINES: Final = ("make_room", *(name for name, _, _ in _OF_EXCEPTIONS))
"""Code of core that came later, or is called in a way of its own. Their entries stand in front of those of the
functions, so that nothing else in the table moved when one came: routine n is entry -1 - n."""
ENTRIES_IN_FRONT: Final = len(ROUTINES)
MAKE_ROOM: Final = -1 - ROUTINES.index("make_room")
"""See native/calls/tail_calls.c."""
RELOCATION_TABLE: Final = 2
"""The kind of a relocation row of code that comes in parts: four bytes at the offset hold the place of the table's
entry `symbol`, plus addend, less the place of these four bytes."""
EXCEPTION_HELPERS: Final = {
    name: VMCall(-1 - ROUTINES.index(name), name, tuple(params.split()), tuple(results.split()))
    for name, params, results in _OF_EXCEPTIONS
}
"""By name; `slot` is their entry."""
