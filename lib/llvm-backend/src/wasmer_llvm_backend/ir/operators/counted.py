"""Counted loops whose accesses can be checked before they start.

Exact loads and stores are volatile, and LLVM vectorises no loop with those in it. But where
every address of a loop is known to move in equal steps, and the loop is known to end by a
count, one comparison per base before the loop tells that nothing in it can trap. So such
a loop is written twice: plainly, for when the comparison succeeds, and exactly, for when it
does not. Neither loses a trap.

`find` recognises them in the records: an innermost loop without calls or other branches that
ends in ``br_if`` to itself, in which every address is a sum of locals, times constants,
whose locals are left alone by the loop or stepped by a constant. Sums are over 32 bits and
may wrap; the check is made so that a loop whose addresses do wrap is left to the exact copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from wasmer_llvm_backend.ir.operators.floats import CONVERSIONS
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC, OPERATORS, THREADS

RECORDS_AT_MOST: Final = 400
STEP_AT_MOST: Final = 1 << 16
GROUPS_AT_MOST: Final = 6


class Sum(NamedTuple):
    """A constant (signed, 32 bits) and locals, as they are when an iteration begins, each times a factor."""

    constant: int
    terms: tuple[tuple[int, int], ...]


class Condition(NamedTuple):
    """The loop goes on while ``left`` is `relation` ("ne", "lt_u", "lt_s") to ``right``, which does not change."""

    relation: str
    left: Sum
    right: Sum
    step: int  # of left, in each iteration


class Range(NamedTuple):
    """Accesses with the same locals in their addresses: the lowest address, and the bytes from there on."""

    memory: int
    lowest: Sum
    extent: int
    step: int


class CountedLoop(NamedTuple):
    end: int
    """Where the loop's ``end`` is in the records."""
    condition: Condition
    ranges: tuple[Range, ...]
    converts: bool
    """Whether floats are made of something else in it (`floats`)."""


def _code(mnemonic: str) -> int:
    return BY_MNEMONIC[mnemonic].code


LOCAL_GET: Final = _code("local.get")
LOCAL_SET: Final = _code("local.set")
LOCAL_TEE: Final = _code("local.tee")
GLOBAL_GET: Final = _code("global.get")
CONSTANT: Final = _code("i32.const")
ADD: Final = _code("i32.add")
SUBTRACT: Final = _code("i32.sub")
MULTIPLY: Final = _code("i32.mul")
SHIFT: Final = _code("i32.shl")
SELECT: Final = _code("select")
DROP: Final = _code("drop")
BRANCH_IF: Final = _code("br_if")
END: Final = _code("end")
COMPARISONS: Final = {_code(f"i32.{name}"): name for name in ("ne", "lt_u", "lt_s", "gt_u", "gt_s")}
SWAPPED: Final = {"ne": "ne", "lt_u": "gt_u", "lt_s": "gt_s", "gt_u": "lt_u", "gt_s": "lt_s"}
ACCESSES: Final = {
    code: row.access_bytes for code, row in OPERATORS.items() if row.access_bytes and row.feature != THREADS
}
"""Atomic ones keep their place among all others: a loop with one of them is none of these."""
CONVERTS: Final = frozenset(map(_code, CONVERSIONS))
_SIGN: Final = 1 << 31
"""Of a block type: set, if it is no index of a function type."""
PURE: Final = frozenset(code for code, row in OPERATORS.items() if row.typed_by_row and not row.effects)
"""Operators whose results depend on their operands alone, and that do nothing else: they may be anything."""


def _signed(value: int) -> int:
    return (value + 0x80000000 & 0xFFFFFFFF) - 0x80000000


def _add(left: Sum, right: Sum, factor: int = 1) -> Sum:
    terms = dict(left.terms)
    for local, times in right.terms:
        terms[local] = _signed(terms.get(local, 0) + factor * times)
    return Sum(
        _signed(left.constant + factor * right.constant),
        tuple(sorted((local, times) for local, times in terms.items() if times)),
    )


def find(words: Sequence[int], start: int, label: int, usable: frozenset[int]) -> CountedLoop | None:
    """The counted loop whose ``loop`` operator is at `start`, if it is one.

    `words`: those of the function's records, four for each; `usable`: locals that are i32 values. A loop that has a
    function type, and so may take operands, is none: what they are is not known here.
    """
    if not words[4 * start + 2] & _SIGN:
        return None
    env: dict[int, Sum | None] = {}
    stack: list[Sum | tuple[str, Sum | None, Sum | None] | None] = []
    accesses: list[tuple[Sum, int, int, int]] = []
    converts = False
    limit = min(len(words) // 4, start + RECORDS_AT_MOST)
    at = start + 1
    while at < limit:
        code, a = words[4 * at] & 0xFFFF, words[4 * at + 1]
        if code == LOCAL_GET:
            stack.append(env[a] if a in env else Sum(0, ((a, 1),)) if a in usable else None)
        elif code == LOCAL_SET or code == LOCAL_TEE:
            value = stack.pop() if code == LOCAL_SET else stack[-1]
            env[a] = value if isinstance(value, Sum) and a in usable else None
        elif code == CONSTANT:
            stack.append(Sum(_signed(a), ()))
        elif code in (ADD, SUBTRACT, MULTIPLY, SHIFT):
            right, left = stack.pop(), stack.pop()
            stack.append(_arithmetic(code, left, right))
        elif code in COMPARISONS:
            right, left = stack.pop(), stack.pop()
            stack.append(
                (COMPARISONS[code], left if isinstance(left, Sum) else None, right if isinstance(right, Sum) else None)
            )
        elif code in ACCESSES:
            row = OPERATORS[code]
            operands = [stack.pop() for _ in row.params]
            address = operands[-1]
            if not isinstance(address, Sum):
                return None
            accesses.append((address, a, ACCESSES[code], words[4 * at + 2]))
            stack.extend([None] * len(row.results))
        elif code in PURE:
            converts = converts or code in CONVERTS
            row = OPERATORS[code]
            if row.params:
                del stack[-len(row.params) :]
            stack.extend([None] * len(row.results))
        elif code == SELECT:
            del stack[-3:]
            stack.append(None)
        elif code == DROP:
            stack.pop()
        elif code == GLOBAL_GET:
            stack.append(None)
        elif code == BRANCH_IF and a == label and words[4 * at + 4] & 0xFFFF == END:
            return _judge(at + 1, stack.pop(), env, accesses, converts)
        else:
            return None
        at += 1
    return None


def _arithmetic(code: int, left: object, right: object) -> Sum | None:
    if not isinstance(left, Sum) or not isinstance(right, Sum):
        return None
    if code == ADD:
        return _add(left, right)
    if code == SUBTRACT:
        return _add(left, right, -1)
    if code == SHIFT:
        if right.terms:
            return None
        return _add(Sum(0, ()), left, 1 << (right.constant & 31))
    if left.terms and right.terms:
        return None
    if left.terms:
        return _add(Sum(0, ()), left, right.constant)
    return _add(Sum(0, ()), right, left.constant)


def _judge(
    end: int,
    condition: object,
    env: dict[int, Sum | None],
    accesses: list[tuple[Sum, int, int, int]],
    converts: bool,
) -> CountedLoop | None:
    """All of the body is known: is the loop counted?"""
    if not accesses:
        return None
    steps: dict[int, int] = {}
    for local, value in env.items():
        if value is not None and value.terms == ((local, 1),):
            steps[local] = value.constant

    def step_of(sum_: Sum) -> int | None:
        total = 0
        for local, times in sum_.terms:
            if local in env:
                if local not in steps:
                    return None
                total += times * steps[local]
        total = _signed(total)
        return total if abs(total) <= STEP_AT_MOST else None

    if isinstance(condition, Sum):
        relation, left, right = "ne", condition, Sum(0, ())
    elif isinstance(condition, tuple) and condition[1] is not None and condition[2] is not None:
        relation, left, right = condition
    else:
        return None
    left_step, right_step = step_of(left), step_of(right)
    if left_step is None or right_step is None:
        return None
    if right_step and not left_step:
        relation, left, right, left_step, right_step = SWAPPED[relation], right, left, right_step, left_step
    if not left_step or right_step or relation.startswith("gt") or (relation != "ne" and left_step < 0):
        return None
    groups: dict[tuple[int, tuple[tuple[int, int], ...]], tuple[int, int, int]] = {}
    for address, offset, size, memory in accesses:
        step = step_of(address)
        if step is None:
            return None
        key = (memory, address.terms)
        low, high = address.constant, address.constant + offset + size
        if key in groups:
            old_low, old_high, _ = groups[key]
            low, high = min(low, old_low), max(high, old_high)
        groups[key] = (low, high, step)
    if len(groups) > GROUPS_AT_MOST:
        return None
    ranges = tuple(
        Range(memory, Sum(low, terms), high - low, step) for (memory, terms), (low, high, step) in groups.items()
    )
    return CountedLoop(end, Condition(relation, left, right, left_step), ranges, converts)
