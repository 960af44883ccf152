"""The helpers that generated code calls for operators too large to write inline.

One row each, in the order of their slots: they follow the functions of the module in its
table of code addresses, so that code reaches one as ``call [rip + slot]``. All follow the
machine contract (vmctx first, C ABI) and trap by unwinding to the entry. ``ref`` is a
reference (8 bytes). Operands come in the order of the operator's operands, then its
immediates. An operator's row says that it becomes the helper of its name; `helper_operators`
brings the two tables together.
"""

from __future__ import annotations

TYPE_CHECKING = False  # checkers take it for True; the build loads this by path, where nothing of core is at hand
if TYPE_CHECKING:
    from typing import Final


class VMCall:
    """One helper: its place in the table of code addresses, and its type.

    Attributes:
        params: name and type of each, ``"at:i32"``.
        types: the types of these: ``"i32"`` or ``"ref"``.
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
    ("memory_grow",  "delta:i32 memory:i32",                                   "i32"),
    ("memory_fill",  "at:i32 value:i32 count:i32 memory:i32",                  ""),
    ("memory_copy",  "to:i32 from:i32 count:i32 to_memory:i32 from_memory:i32", ""),
    ("memory_init",  "to:i32 from:i32 count:i32 data:i32 memory:i32",          ""),
    ("data_drop",    "data:i32",                                               ""),
    ("table_get",    "at:i32 table:i32",                                       "ref"),
    ("table_set",    "at:i32 value:ref table:i32",                             ""),
    ("table_grow",   "value:ref delta:i32 table:i32",                          "i32"),
    ("table_fill",   "at:i32 value:ref count:i32 table:i32",                   ""),
    ("table_copy",   "to:i32 from:i32 count:i32 to_table:i32 from_table:i32",  ""),
    ("table_init",   "to:i32 from:i32 count:i32 element:i32 table:i32",        ""),
    ("elem_drop",    "element:i32",                                            ""),
    ("trace",        "event:i32 a:i32 b:i32 offset:i32",                       ""),
)
# fmt: on

VMCALLS: Final = tuple(
    VMCall(slot, name, tuple(params.split()), tuple(results.split()))
    for slot, (name, params, results) in enumerate(_ROWS)
)
SLOTS: Final = {call.name: call.slot for call in VMCALLS}
