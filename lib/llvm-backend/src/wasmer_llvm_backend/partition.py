"""Which functions are compiled together, how much LLVM does for them, and what each may inline.

*Units.* Neighbours are compiled together, since linkers put together what belongs together;
inside a unit calls are direct. Functions with counted loops go through LLVM's whole list of
passes, for the sake of its loop vectoriser; nothing else gains by that (see `optimize`). So
they and their near neighbours are units of their own. So is each function that is too much
for LLVM's optimizations, whose time grows faster than the function: it gets none.

*Inlining.* Whoever made the module has inlined most of what was worth it. What remains are
small functions that call nothing: their calls become copies, wherever they are called
from, so long as a caller does not grow by more than its own size and a little.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from wasmer_llvm_backend.ir.function import integer_values, locals_in_slots
from wasmer_llvm_backend.ir.operators.counted import find
from wasmer_llvm_backend.ir.operators.tail_calls import FRAME_ADDRESS, calls_in_place, most_passed
from wasmer_llvm_backend.ir.translate import FunctionTranslator, TextTooLong
from wasmer_llvm_backend.machine.target import processor
from wasmer_llvm_backend.module_text import declarations
from wasmer_runtime_core.implementation_limits import CODE_BYTES, DEFAULT_LIMITS, ImplementationLimits
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.wasm.body.body import RECORD_BYTES
from wasmer_runtime_core.wasm.operators.effects import OPENS
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC, OPERATORS

if TYPE_CHECKING:
    from wasmer_llvm_backend.ir.view import ModuleView
    from wasmer_runtime_core.wasm.body.body import Body

UNIT_RECORDS: Final = 20_000
"""A unit ends with the function that reaches so many operators."""

NEAR_RECORDS: Final = 1000
"""Functions of fewer operators than this are no unit of their own beside one with counted loops."""

INLINED_RECORDS: Final = 30
"""A function of at most so many operators is inlined, if it neither calls nor loops."""

EFFORTLESS_RECORDS: Final = 60_000
"""A function with more operators than this is compiled without optimization."""

LOOP_DEPTH: Final = 200
"""With more loops in one another a function is compiled without optimization: time grows faster than their square."""

WHOLE_LOOP_DEPTH: Final = 50
"""With more, not all of LLVM's passes are run: they take a second at 200, minutes at 1000."""

CALL: Final = BY_MNEMONIC["call"].code
LOOP: Final = BY_MNEMONIC["loop"].code
TRY: Final = BY_MNEMONIC["try"].code
OPENING: Final = frozenset(code for code, row in OPERATORS.items() if row.effects & OPENS)
END: Final = BY_MNEMONIC["end"].code


class Part(NamedTuple):
    """Functions that are compiled together."""

    bodies: Sequence[Body]
    opt_level: int
    whole: bool
    """Whether all of LLVM's passes of that level are run."""

    @property
    def records(self) -> int:
        """How many operators there are."""
        return sum(map(records, self.bodies))

    @property
    def body_bytes(self) -> int:
        """How large they are in the module."""
        return sum(body.size for body in self.bodies)


class Plan(NamedTuple):
    """How a module is compiled."""

    view: ModuleView
    parts: Sequence[Part]
    counted: frozenset[int]
    """Functions with counted loops."""
    inlined: Mapping[int, Body]
    """Functions that are copied to where they are called."""
    excesses: Mapping[int, str]
    """Functions that have too much of something to be optimized -> what it is."""
    in_place: Mapping[int, int]
    """Functions that make calls in place of themselves -> the most bytes that these pass on the stack."""
    reachable: frozenset[int]
    """Functions that follow the machine contract: they may be references, another unit calls them, or they have to do
    with calls in place of a function."""
    limits: ImplementationLimits


def plan(
    view: ModuleView, bodies: Sequence[Body], opt_level: int, limits: ImplementationLimits = DEFAULT_LIMITS
) -> Plan:
    """Decide all of it for a module."""
    counted: frozenset[int] = frozenset()
    if view.exact and not view.checked_memories and opt_level:
        counted = frozenset(body.function_index for body in bodies if has_counted_loop(body))
    in_place: dict[int, int] = {}
    reached: set[int] = set()
    for body in bodies:
        if (passed := most_passed(view, body)) is not None:
            in_place[body.function_index] = passed
            reached.add(body.function_index)
            reached.update([callee for callee, _ in calls_in_place(body)])
    inlined: dict[int, Body] = {}
    if opt_level:
        inlined = {body.function_index: body for body in bodies if is_inlined(body)}
        for index in in_place:
            inlined.pop(index, None)
    everything = opt_level > 1 or not view.exact  # accesses that are not exact may be vectorised in any loop
    excesses = {body.function_index: excess for body in bodies if (excess := excess_of(body))}
    efforts: list[tuple[int, bool]] = []
    for body in bodies:
        checkpoint()
        whole = (everything or body.function_index in counted) and not is_deep(body, WHOLE_LOOP_DEPTH)
        efforts.append((0, False) if body.function_index in excesses else (opt_level, whole))
    parts = partition(bodies, efforts)
    reachable = called_from_elsewhere(view, parts) | reached
    return Plan(view, parts, counted, inlined, excesses, in_place, reachable, limits)


def partition(bodies: Sequence[Body], efforts: Sequence[tuple[int, bool]]) -> list[Part]:
    """Runs of neighbouring functions that get the same effort: (LLVM's level, whether all passes are run)."""
    efforts = _with_neighbours(bodies, efforts)
    parts: list[Part] = []
    start = size = 0
    for at, body in enumerate(bodies):
        size += records(body)
        if at + 1 == len(bodies) or size >= UNIT_RECORDS or efforts[at + 1] != efforts[at]:
            parts.append(Part(bodies[start : at + 1], *efforts[at]))
            start = at + 1
            size = 0
    return parts


def _with_neighbours(bodies: Sequence[Body], efforts: Sequence[tuple[int, bool]]) -> list[tuple[int, bool]]:
    """Let short runs share the greater effort of what lies beside them."""
    wanted: list[tuple[int, bool]] = []
    for (level, whole), group in groupby(efforts):
        start = len(wanted)
        end = start + len(list(group))
        beside = {*efforts[start - 1 : start], *efforts[end : end + 1]}
        short = sum(map(records, bodies[start:end])) < NEAR_RECORDS
        wanted += [(level, whole or (short and (level, True) in beside))] * (end - start)
    return wanted


def has_counted_loop(body: Body) -> bool:
    """Whether a function has a loop that is written twice (see `counted`)."""
    if not body.loops or not body.memory_accesses:
        return False
    words = array("I", body.records)
    codes = words[0::4]
    usable = integer_values(body, locals_in_slots(body))
    at = -1
    for _ in range(codes.count(LOOP)):
        at = codes.index(LOOP, at + 1)
        if find(words, at, words[4 * at + 1], usable) is not None:
            return True
    return False


def is_inlined(body: Body) -> bool:
    """Whether calls of a function become copies of it."""
    return records(body) <= INLINED_RECORDS and not (body.calls or body.call_weight or body.loops)


def has_try(body: Body) -> bool:
    """Whether a function catches exceptions."""
    return TRY in [word & 0xFFFF for word in array("I", body.records)[0::4]]


def excess_of(body: Body) -> str:
    """What a function has too much of to be optimized, or nothing."""
    if records(body) > EFFORTLESS_RECORDS:
        return f"{records(body):,} operators"
    return f"more than {LOOP_DEPTH} loops in one another" if is_deep(body, LOOP_DEPTH) else ""


def is_deep(body: Body, limit: int) -> bool:
    """Whether more than `limit` loops are in one another."""
    if len(body.loops) // 12 <= limit:
        return False
    depth = 0
    opened: list[bool] = []
    for word in array("I", body.records)[0::4]:
        code = word & 0xFFFF
        if code in OPENING:
            opened.append(code == LOOP)
            depth += code == LOOP
            if depth > limit:
                return True
        elif code == END and opened:
            depth -= opened.pop()
    return False


def called_from_elsewhere(view: ModuleView, parts: Sequence[Part]) -> frozenset[int]:
    """`Plan.reachable`."""
    reachable = set(view.escaping)
    if len(parts) > 1:
        for part in parts:
            unit = range(part.bodies[0].function_index, part.bodies[-1].function_index + 1)
            for body in part.bodies:
                words = array("I", body.records if body.calls else b"")
                for word, callee in zip(words[0::4], words[1::4], strict=True):
                    if word == CALL and callee not in unit:
                        reachable.add(callee)
    return frozenset(reachable)


def unit_text(plan: Plan, part: Part, cpu: str) -> str:
    """The LLVM module of a part.

    Raises:
        ImplementationLimitError: the text is larger than the machine code may become: as a rule it is ten times
            larger than that.
    """
    unit = frozenset(body.function_index for body in part.bodies)
    internal = unit - plan.reachable
    most = plan.limits.most(CODE_BYTES, part.body_bytes)
    catches = any(map(has_try, part.bodies))
    translator = FunctionTranslator(plan.view, unit, internal, plan.counted, plan.inlined, plan.in_place, most, catches)
    texts: dict[int, str] = {}
    for body in part.bodies:
        try:
            texts[body.function_index] = translator.translate(body)
        except TextTooLong:
            index = body.function_index
            raise plan.limits.exceeded(CODE_BYTES, most + 1, body.offset, index, part.body_bytes) from None
    # what is private to the unit, and copied wherever it is called, is not needed itself
    for index in internal & plan.inlined.keys() - translator.called:
        del texts[index]
    copies = [translator.translate(plan.inlined[index], inlined=True) for index in sorted(translator.copied)]
    name, features, _ = processor(cpu)
    declared = declarations(name, features, catches)
    if not plan.in_place.keys().isdisjoint(unit):
        declared += FRAME_ADDRESS
    return "\n".join([*texts.values(), *copies, declared, *translator.metadata, ""])


def records(body: Body) -> int:
    """The number of operators in a function."""
    return len(body.records) // RECORD_BYTES


def size_of(body: Body) -> int:
    """What there is to do for a function: operators, targets of its br_tables, locals."""
    return records(body) + len(body.pool) // 4 + len(body.local_types)
