"""Metering: how much a module may execute, counted exactly (Wasmer's ``Metering``).

Every operator costs one point. Points are counted at the end of each block of code that
has no branch into or out of it: in front of ``loop``, ``block``, ``end``, ``if``, ``else``,
``unreachable``, ``br``, ``br_table``, ``br_if``, ``call``, ``call_indirect``, ``call_ref``, ``br_on_null``,
``br_on_non_null``, ``return_call`` and its like, and ``return``, that operator included. In front of branches and calls
the points used are compared with the limit, unsigned; if they have
reached it, the call ends with `ExecutionLimitExceeded`.

Where the work of an operator grows with a number, the number is paid for, rounded down:

================================================  ==========================================
what                                              costs besides
================================================  ==========================================
entering a function                               1 for 8 of its locals, parameters not
                                                  counted, ``v128`` counted twice
``call``, ``call_indirect``, ``call_ref``,        1 for 8 parameters and results of the type
``return_call`` and its like
branches, ``return``                              1 for 8 values that are carried
``memory.fill``, ``memory.copy``, ``memory.init``  1 for 16 bytes
``memory.grow``                                   64 for a page
``table.fill``, ``table.copy``, ``table.init``,   1 for an element
``table.grow``
``struct.new``, ``array.new_fixed`` and its like  1 for 8 fields or elements
``array.new``, ``array.fill``, ``array.copy``,    1 for 16 bytes of elements
``array.init_data`` and its like
================================================  ==========================================

The last row, and those of memories and tables, are paid for, and compared with the limit, in front of the operator,
whether it then succeeds or not; so nothing of it happens if it is too much. The points of the block it
stands in come later, as ever. A number of 64 bits counts up to 2**47 (`internal.MOST_SIZE`): no memory has more bytes.

What is promised: points depend on the module and its inputs alone. They are the same on
every backend and machine, so a call that is within its limit once always is. Where a trap
ends a block, the operators of that block are not counted.

*Every operator* means every one that can be executed, but ``nop``: what cannot be reached
costs nothing (it does not in Wasmer either), and ``nop`` is gone before metering sees the
body. Calls of host functions cost what ``call`` costs. Time that these take is not bounded by
points: use `interrupts.timeout`.

An instance starts with 0 points used. They may be set at any time, also by host functions
while it runs. Several modules that are linked count each for themselves. But modules that say that they are parts
of one program (`LINKED`) count together where whoever links them says so (`use_points_of`). Points do not overflow:
what is beyond `MOST_POINTS` counts as so many.
"""

from __future__ import annotations

from wasmer_runtime_core.compiling.middleware.points import VALUES_SHIFT, with_points
from wasmer_runtime_core.compiling.middleware.rebuild import with_records
from wasmer_runtime_core.contract.objects import storage_bytes
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.checkpoint import watched
from wasmer_runtime_core.wasm.types import I64, V128, ArrayType, StructType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmer_runtime_core.wasm.body.body import Body
    from wasmer_runtime_core.wasm.module import ModuleInfo


MOST_POINTS: Final = 2**64 - 2**54
"""So many end every call. What lies above has room for all that is added between two comparisons with the limit: 2**53
for a ``memory.grow`` by as many pages as count (`internal.MOST_SIZE`)."""


LINKED: Final = ("dylink.0", "dylink")
"""Sections of modules that are linked dynamically (the tools' conventions, Dynamic Linking). Their code counts where
the instance's ``points_at`` leads, which costs a load more each time."""


class Metering:
    """A middleware that counts operators and stops at a limit.

    Attributes:
        limit: points; 0 to 2**64 - 1.
    """

    __slots__ = ("limit",)

    def __init__(self, limit: int) -> None:
        """
        Raises:
            ValueError: the limit is negative or has more than 64 bits.
        """
        if not 0 <= limit < 1 << 64:
            raise ValueError(f"a limit of {limit} points: it must be from 0 to 2**64 - 1")
        self.limit = limit

    def __call__(self, info: ModuleInfo, bodies: Sequence[Body]) -> list[Body]:
        """Bodies that count."""
        limit = min(self.limit, MOST_POINTS)
        types = info.types
        type_points = b"".join(
            ((len(type_.params) + len(type_.results)) >> VALUES_SHIFT).to_bytes(4, "little") for type_ in watched(types)
        )
        element_shifts = b""
        if info.definitions:
            points, element_shifts = _of_objects(info)
            type_points = b"".join([points.get(at, type_points[4 * at : 4 * at + 4]) for at in range(len(types))])
        memories = bytes([memory.index_type == I64 for memory in info.memories])
        tables = bytes([table.index_type == I64 for table in info.tables])
        shared = any(section.name in LINKED for section in watched(info.custom_sections))
        return [
            with_records(
                body,
                with_points(
                    body.records,
                    limit,
                    _at_entry(body, len(types[body.type_index].params)),
                    type_points,
                    element_shifts,
                    memories,
                    tables,
                    shared,
                ),
            )
            for body in bodies
        ]

    def cache_key(self) -> str:
        """What a compiled module depends on."""
        return str(self.limit)

    def __repr__(self) -> str:
        return f"Metering({self.limit})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Metering) and self.limit == other.limit

    def __hash__(self) -> int:
        return hash((Metering, self.limit))


def _of_objects(info: ModuleInfo) -> tuple[dict[int, bytes], bytes]:
    """By type index: points for the fields of a struct; log 2 of how many elements of an array have 16 bytes."""
    points, shifts = {}, bytearray(len(info.types))
    for index, definition in enumerate(watched(info.definitions)):
        composite = definition.composite
        if isinstance(composite, StructType):
            points[index] = (len(composite.fields) >> VALUES_SHIFT).to_bytes(4, "little")
        elif isinstance(composite, ArrayType):
            shifts[index] = 5 - storage_bytes(composite.element).bit_length()
    return points, bytes(shifts)


def _at_entry(body: Body, params: int) -> int:
    """Points for the locals that are zeroed when a function is entered."""
    types = body.local_types
    return (len(types) - params + types.count(V128, params)) >> VALUES_SHIFT


def get_points_used(instance: Any) -> int:
    """Points that an instance (or a host function's `Ctx`) has used since it was made, or since they were set.

    An instance of a module that was compiled without `Metering` has used none.
    """
    return int(_core(instance).points_used)


def set_points_used(instance: Any, points: int) -> None:
    """Set the points that an instance (or a host function's `Ctx`) has used; `MOST_POINTS` at most.

    Raises:
        OverflowError: the number is negative or has more than 64 bits.
    """
    _core(instance).points_used = min(points, MOST_POINTS) if points < 1 << 64 else points


def use_points_of(instance: Any, owner: Any) -> None:
    """Let an instance, none of whose code has run yet, count in the points of another one's, as far as its module is
    one that is `LINKED`. Whoever asks for the points of either gets the same.

    Raises:
        ValueError: it has been said before, or of the instance itself.
    """
    _core(instance).use_points_of(_core(owner))


def _core(instance: Any) -> Any:
    core = getattr(instance, "core", None)
    return instance.instance.core if core is None else core
