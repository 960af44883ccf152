"""Operators do what their rows say, and nothing else: each is executed on edge values, and watched.

Every operator becomes a function of its operands. It is called with many of them, on instances whose memory, table,
global and segments differ: how it traps is what the column *traps* says, no more and no less; what it changes is
what it is said to write; and what makes a difference to it is what it is said to read.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

import pytest

from tests.differential.variants import VARIANTS
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.contract.helper_operators import HELPER_OPERATORS
from wasmer_runtime_core.contract.helpers import SLOTS
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.wasm.operators.effects import (
    BRANCHES,
    CALLS,
    CLOSES,
    CONTROL,
    MAY_TRAP,
    OPENS,
    READS,
    RETURNS,
    STOPS,
    TRAPS,
    WRITES,
    WRITES_ANYTHING,
)
from wasmer_runtime_core.wasm.operators.internal import ALL_OPERATORS
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC, OPERATORS, Operator
from wasmer_runtime_core.wasm.types import PAGE_BYTES

BITS_32 = (0, 1, 7, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)
BITS_64 = (0, 1, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF)
FLOATS = (0.0, -0.0, -1.0, 1.5, 2.0**31, -(2.0**31) - 1025, 2.0**63, 3.0e38, float("inf"), float("nan"))
VECTORS = (
    bytes(16),
    b"\xff" * 16,
    struct.pack("<4I", 0x8000_0000, 0x7FFF_FFFF, 1, 0),
    struct.pack("<2d", float("nan"), -1e300),
    struct.pack("<4f", float("nan"), float("-inf"), 3e9, -0.0),
)
EDGES: Final[dict[str, tuple[Any, ...]]] = {
    "i32": BITS_32,
    "i64": BITS_64,
    "f32": FLOATS,
    "f64": (*FLOATS, 1e300),
    "v128": VECTORS,
    "funcref": (None, "number"),
    "typed": (None, "called"),
}
ADDRESSES = (0, 1, 3, 9, 0xFFFF, 0x1_0000, 0xFFFF_FFFF)
"""Of operands that are places or counts: the memory has 0x10000 bytes, the table 6 elements."""

UNTYPED = {
    "nop": "->",
    "unreachable": "->",
    "return": "->",
    "call": "->",
    "call_indirect": "i32 ->",
    "return_call": "->",
    "return_call_indirect": "i32 ->",
    "call_ref": "typed ->",
    "return_call_ref": "typed ->",
    "ref.as_non_null": "funcref -> funcref",
    "ref.null": "-> funcref",
    "ref.is_null": "funcref -> i32",
    "ref.func": "-> funcref",
    "drop": "i64 ->",
    "select": "i64 i64 i32 -> i64",
    "select t": "funcref funcref i32 -> funcref",
    "local.get": "-> i32",
    "local.set": "i32 ->",
    "local.tee": "i32 -> i32",
    "global.get": "-> i32",
    "global.set": "i32 ->",
    "table.get": "i32 -> funcref",
    "table.set": "i32 funcref ->",
    "table.init": "i32 i32 i32 ->",
    "table.copy": "i32 i32 i32 ->",
    "table.size": "-> i32",
    "memory.size": "-> i32",
    "memory.grow": "i32 -> i32",
    "memory.init": "i32 i32 i32 ->",
    "memory.copy": "i32 i32 i32 ->",
    "memory.fill": "i32 i32 i32 ->",
    "table.grow": "funcref i32 -> i32",
    "table.fill": "i32 funcref i32 ->",
}
"""Types of operators that their rows do not type, as they stand in the module here."""
TYPED = "(ref null $nothing)"
STRUCTURE = {"block", "loop", "if", "else", "end", "br", "br_if", "br_table", "br_on_null", "br_on_non_null"}
"""Operators that are nothing without others."""
EXCEPTIONS = {"throw", "throw_ref", "try_table", "try", "catch", "catch_all", "delegate", "rethrow"}
"""Those of exceptions: `test_exceptions` has what they do."""
WAITS = {"memory.atomic.wait32", "memory.atomic.wait64"}
"""They read memories that are shared: `test_atomics` has what they do."""
CONTENTS = bytes((at * 7 + 3) & 0xFF for at in range(256))
"""Of the memory, again and again."""

IMMEDIATES = {
    "function": "$called",
    "type table": "$t (type $nothing)",
    "type": "$nothing",
    "types": "(result funcref)",
    "local": "$local",
    "global": "$g",
    "table": "$t",
    "i32": "7",
    "i64": "7",
    "f32": "1.5",
    "f64": "1.5",
    "v128": "i64x2 1 2",
    "heap type": "func",
    "data memory": "$d",
    "data": "$d",
    "element table": "$t $e",
    "element": "$e",
    "table table": "$t $t",
    "lane": "1",
    "memarg lane": "1",
    "lanes": "0 17 2 19 4 21 6 23 8 25 10 27 12 29 14 31",
}
WORDS = {
    "opens": OPENS,
    "closes": CLOSES,
    "branches": BRANCHES,
    "returns": RETURNS,
    "stops": STOPS,
    "calls": CALLS,
}
TABLE = 6
WATCHED = ("memory", "table", "global", "data", "element")
EVERYTHING = "everything"


def types_of(row: Operator) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Operands and results here."""
    if row.mnemonic not in UNTYPED:
        return row.params, row.results
    params, _, results = UNTYPED[row.mnemonic].partition("->")
    return tuple(params.split()), tuple(results.split())


def _function(row: Operator) -> str:
    params, results = types_of(row)
    params = tuple([TYPED if type_ == "typed" else type_ for type_ in params])
    operands = " ".join(f"(local.get {at})" for at in range(len(params)))
    mnemonic = row.mnemonic.removesuffix(" t")
    return (
        f'(func (export "{row.mnemonic}") (param {" ".join(params)}) (result {" ".join(results)}) (local $local i32)\n'
        f"  {operands} {mnemonic} {IMMEDIATES.get(row.immediate, '')})"
    )


OBJECTS = "gc"
"""The feature of operators that `test_object_effects` executes."""
ELSEWHERE = STRUCTURE | EXCEPTIONS | WAITS
ROWS = tuple(row for row in OPERATORS.values() if row.mnemonic not in ELSEWHERE and row.feature != OBJECTS)
TEXT = f"""
(module
  (type $nothing (func))
  (import "env" "called" (func $called))
  (export "called" (func $called))
  (memory (export "memory") 1 2)
  (table $t (export "table") 6 8 funcref)
  (elem (table $t) (i32.const 0) func $called $called)
  (elem (table $t) (i32.const 3) func $number)
  (global $g (export "global") (mut i32) (i32.const 5))
  (data $d "\\11\\22\\33\\44") (data $other "\\55\\66\\77\\88")
  (elem $e func $called $called $called) (elem $others func $number $number $number)
  (func $number (export "number") (result i32) (i32.const 1))
  (func (export "data left") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)))
  (func (export "element left") (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1)))
  (func (export "drop data") (data.drop $d))
  (func (export "drop element") (elem.drop $e))
  {"".join(map(_function, ROWS))})
"""


EDGE_BYTES = 64
"""At both ends of a memory of a page; there it is looked at byte by byte."""


class State(NamedTuple):
    """All that outlives a call."""

    memory: bytes
    table: tuple[str, ...]
    globals: int
    data: bool
    element: bool
    calls: int

    def cells(self) -> dict[str, tuple[Any, ...]]:
        """By name of a state: parts of it that can be compared one by one; a length is one."""
        ends = self.memory[:EDGE_BYTES] + self.memory[PAGE_BYTES - EDGE_BYTES : PAGE_BYTES]
        return {
            "memory": (len(self.memory), *ends),
            "table": (len(self.table), *self.table[:TABLE]),
            "global": (self.globals,),
            "data": (self.data,),
            "element": (self.element,),
        }


class Outcome(NamedTuple):
    """Of one call."""

    result: str
    trap: str
    calls: int
    changed: dict[str, dict[int, Any]]
    """By name of a state: which of its cells are others now, and what they are."""


class Subject:
    """An instance that is watched.

    Args:
        different: what is not as usual: a state, the length of one, `EVERYTHING`.
    """

    def __init__(self, module: Module, different: str = "") -> None:
        self.calls = 0
        self.exports: Any = module.instantiate({"env": {"called": self.called}}).exports
        memory, table = self.exports.memory, self.exports.table
        inverted = 0xFF if different in ("memory", EVERYTHING) else 0
        view = memoryview(memory)
        view[:] = bytes(byte ^ inverted for byte in CONTENTS) * (PAGE_BYTES // 256)
        view.release()
        if different in ("memory length", EVERYTHING):
            memory.grow(1)
        if different in ("table length", EVERYTHING):
            table.grow(1)
        if different in ("table", EVERYTHING):
            for at in range(len(table)):
                table[at] = self.exports.number if table[at] is None else None
        if different in ("global", EVERYTHING):
            self.exports["global"].value = 6
        for segment in ("data", "element"):
            if different in (segment, EVERYTHING):
                self.exports[f"drop {segment}"]()

    def called(self) -> None:
        self.calls += 1

    def left(self, segment: str) -> bool:
        """Whether a segment has not been dropped; what it is copied over is lost."""
        try:
            self.exports[f"{segment} left"]()
        except Trap:
            return False
        return True

    def state(self, at_the_end: bool = False) -> State:
        memory, calls = bytes(self.exports.memory), self.calls
        table = tuple("" if element is None else repr(element) for element in self.exports.table)
        data, element = (self.left("data"), self.left("element")) if at_the_end else (True, True)
        return State(memory, table, self.exports["global"].value, data, element, calls)

    def run(self, mnemonic: str, arguments: tuple[Any, ...]) -> tuple[str, str]:
        """(what comes back, how it traps)"""
        given = [self.exports[each] if isinstance(each, str) else each for each in arguments]
        try:
            result = self.exports[mnemonic](*given)
        except Trap as trap:
            return "", trap.kind
        return repr(result), ""


def arguments_of(row: Operator) -> list[tuple[Any, ...]]:
    """Operands that an operator is executed with."""
    edges = dict(EDGES)
    if row.effects & sum(WRITES[each] | READS[each] for each in ("memory", "table")):
        edges["i32"] = ADDRESSES
    if "cmpxchg" in row.mnemonic:  # what is there, so that it is changed
        edges["i32"] += (int.from_bytes(CONTENTS[:4], "little"),)
        edges["i64"] += (int.from_bytes(CONTENTS[:8], "little"),)
    return list(itertools.product(*(edges[type_] for type_ in types_of(row)[0])))


def outcomes(module: Module, row: Operator, different: str) -> Iterator[Outcome]:
    """Of a call with each of the operands."""
    usual = _usual(module, different)
    writes = row.effects & WRITES_ANYTHING & ~WRITES["local"] or row.effects & CALLS
    subject = Subject(module, different)
    for arguments in arguments_of(row):
        calls = subject.calls
        result, trap = subject.run(row.mnemonic, arguments)
        changed: dict[str, dict[int, Any]] = {}
        if writes:
            after = subject.state(at_the_end=True)
            changed = differences(usual, after)
            calls = after.calls - calls
            subject = Subject(module, different)
        yield Outcome(result, trap, calls if writes else 0, changed)
    if not writes:
        assert subject.state(at_the_end=True) == usual, "it is not said to change anything"


@cache
def _usual(module: Module, different: str) -> State:
    return Subject(module, different).state(at_the_end=True)


def differences(before: State, after: State) -> dict[str, dict[int, Any]]:
    found = {}
    for (name, old), new in zip(before.cells().items(), after.cells().values(), strict=True):
        cells = {at: value for at, value in enumerate(new) if old[at] != value}
        if cells:
            found[name] = cells
    return found


def makes_a_difference(usual: Outcome, other: Outcome, is_length: bool) -> bool:
    """Whether a call ended otherwise: by what it gave, or wrote where both wrote. A bound is no difference."""
    if is_length and (usual.trap or other.trap):
        return False
    if usual[:3] != other[:3]:
        return True
    for state in usual.changed.keys() & other.changed.keys():
        one, two = usual.changed[state], other.changed[state]
        if any(one[at] != two[at] for at in one.keys() & two.keys() if at or not is_length):
            return True
    return False


@cache
def _module(variant: str) -> Module:
    compiler, configuration = VARIANTS[variant]()
    return compile_with(TEXT, compiler, configuration)


CASES = [
    *(("singlepass", row) for row in ROWS),
    *((variant, row) for variant in ("singlepass, bounds checks", "llvm") for row in ROWS if row.effects),
]


@pytest.mark.parametrize(("variant", "row"), CASES, ids=lambda one: one if isinstance(one, str) else one.mnemonic)
def test_an_operator_does_what_its_row_says(variant: str, row: Operator) -> None:
    if variant == "llvm":
        pytest.importorskip("llvmlite", reason="the llvm backend needs llvmlite")
    module = _module(variant)
    usual = list(outcomes(module, row, ""))
    read, written = set(), set()
    everything = list(usual)
    for different in (*WATCHED, "memory length", "table length") if row.effects else (EVERYTHING,):
        others = list(outcomes(module, row, different))
        everything += others
        state, _, length = different.partition(" ")
        if any(makes_a_difference(one, other, bool(length)) for one, other in zip(usual, others, strict=True)):
            read.add(state)
    for outcome in everything:
        written.update(outcome.changed)
        assert not (outcome.trap and outcome.changed), "it trapped, and has changed something"
    assert {outcome.trap for outcome in everything} - {""} == set(row.traps)
    assert written == {state for state in WATCHED if row.effects & WRITES[state]}
    assert read == {state for state in WATCHED if row.effects & READS[state]}
    assert any(outcome.calls for outcome in everything) == (row.effects & CALLS != 0)
    if row.effects & STOPS and not row.effects & (RETURNS | CALLS):
        assert all(outcome.trap for outcome in everything)


def test_operators_of_structured_control() -> None:
    """By section 2.4.8, they may be told from the others by their rows."""
    found = {
        mnemonic: {word for word, bit in WORDS.items() if row.effects & bit}
        for mnemonic, row in BY_MNEMONIC.items()
        if row.effects & CONTROL
    }
    assert found == {
        "block": {"opens"},
        "loop": {"opens"},
        "if": {"opens"},
        "else": {"closes"},
        "end": {"closes"},
        "br": {"branches", "stops"},
        "br_if": {"branches"},
        "br_table": {"branches", "stops"},
        "return": {"returns", "stops"},
        "unreachable": {"stops"},
        "call": {"calls"},
        "call_indirect": {"calls"},
        "return_call": {"calls", "stops"},
        "return_call_indirect": {"calls", "stops"},
        "call_ref": {"calls"},
        "return_call_ref": {"calls", "stops"},
        "br_on_null": {"branches"},
        "br_on_non_null": {"branches"},
        "br_on_cast": {"branches"},
        "br_on_cast_fail": {"branches"},
        "throw": {"stops"},
        "throw_ref": {"stops"},
        "rethrow": {"stops"},
        "try_table": {"opens"},
        "try": {"opens"},
        "catch": {"closes"},
        "catch_all": {"closes"},
        "delegate": {"closes"},
    }
    assert STRUCTURE <= found.keys()


def test_trap_kinds_are_those_of_the_contract() -> None:
    assert set(TRAPS.values()) < set(BY_NAME)
    assert {kind for row in ALL_OPERATORS.values() for kind in row.traps} == set(TRAPS.values())
    for row in ALL_OPERATORS.values():
        assert bool(row.traps) == (row.effects & MAY_TRAP != 0)


def test_helpers_are_those_of_the_contract() -> None:
    """Each helper carries out one operator, and takes its operands and immediates; an index of 2.0 is an i32."""
    named = sorted(row.helper for row in ALL_OPERATORS.values() if row.helper)
    assert named == sorted(SLOTS.keys() - {"array_fill", "array_fill_vector"}), "what is left is part of an operator"
    of_helpers = {"i32": ("i32", "index"), "i64": ("i64",), "funcref": ("ref",)}
    for code, operator in HELPER_OPERATORS.items():
        row = OPERATORS[code]
        if row.feature == OBJECTS:
            continue
        params, results = types_of(row)
        assert operator.call.name == row.helper
        assert operator.operands == len(params)
        operands, immediates = operator.call.types[: len(params)], operator.call.types[len(params) :]
        assert all(found in of_helpers[type_] for found, type_ in zip(operands, params, strict=True))
        assert immediates == ("i32",) * operator.immediates
        assert all(found in of_helpers[type_] for found, type_ in zip(operator.call.results, results, strict=True))


def test_exceptions_and_collections_come_of_calls() -> None:
    """Of release 2.0 nothing else may throw or collect; later there is what throws by itself."""
    for row in ALL_OPERATORS.values():
        if row.feature == OBJECTS:
            assert not row.may_throw
            assert row.may_collect == ("new" in row.mnemonic)
            continue
        if row.mnemonic in ("throw", "throw_ref", "rethrow"):
            assert row.may_throw and not row.may_collect
            continue
        assert row.may_throw == row.may_collect == (row.effects & CALLS != 0)
