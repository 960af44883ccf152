"""Operators on objects do what their rows say, and nothing else: each is executed on objects and null, and watched.

Operands are drawn from values that code holds: null, an i31, structs and arrays of several types, lengths and indices
at their edges. Everything an operator could touch is looked at before and behind: all fields and elements of all
objects, what is left of segments, the memory and a global. All that again with others in each of these, so that what an
operator reads makes a difference. An operator that may not allocate makes no object, by the heap's own count.
"""

from __future__ import annotations

import itertools
from typing import Any, Final

import pytest

from tests.differential.variants import VARIANTS
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.running.objects.limits import Limits
from wasmer_runtime_core.wasm.operators.effects import (
    ALLOCATES,
    BRANCHES,
    CONTROL,
    MAY_TRAP,
    READS,
    THROWS,
    WRITES,
    WRITES_ANYTHING,
)
from wasmer_runtime_core.wasm.operators.rows import OPERATORS, Operator

ROWS: Final = tuple(row for row in OPERATORS.values() if row.feature == "gc")
WATCHED: Final = ("object", "data", "element", "memory", "global")

# operands: i an index or a length, n a number for a field; s, a, p, r, y, x references; results: n, i, or a reference
FORMS: Final[dict[str, tuple[str, str, str]]] = {
    "struct.new": ("n y", "$s", "ref"),
    "struct.new_default": ("", "$s", "ref"),
    "struct.get": ("s", "$s 0", "n"),
    "struct.get_s": ("p", "$p 0", "n"),
    "struct.get_u": ("p", "$p 0", "n"),
    "struct.set": ("s n", "$s 0", ""),
    "array.new": ("n i", "$a", "ref"),
    "array.new_default": ("i", "$a", "ref"),
    "array.new_fixed": ("n n", "$a 2", "ref"),
    "array.new_data": ("i i", "$a $d", "ref"),
    "array.new_elem": ("i i", "$r $e", "ref"),
    "array.get": ("a i", "$a", "n"),
    "array.get_s": ("b i", "$b", "n"),
    "array.get_u": ("b i", "$b", "n"),
    "array.set": ("a i n", "$a", ""),
    "array.len": ("a", "", "n"),
    "array.fill": ("a i n i", "$a", ""),
    "array.copy": ("a i a i i", "$a $a", ""),
    "array.init_data": ("a i i i", "$a $d", ""),
    "array.init_elem": ("r i i i", "$r $e", ""),
    "ref.test": ("y", "(ref $s)", "n"),
    "ref.test null": ("y", "(ref null $s)", "n"),
    "ref.cast": ("y", "(ref $s)", "ref"),
    "ref.cast null": ("y", "(ref null $s)", "ref"),
    "br_on_cast": ("y", "0 anyref (ref $s)", "branch"),
    "br_on_cast_fail": ("y", "0 anyref (ref $s)", "branch"),
    "any.convert_extern": ("x", "", "ref"),
    "extern.convert_any": ("y", "", "x"),
    "ref.i31": ("n", "", "ref"),
    "i31.get_s": ("j", "", "n"),
    "i31.get_u": ("j", "", "n"),
    "ref.eq": ("q q", "", "n"),
}
TYPES: Final = {
    "i": "i32",
    "n": "i32",
    "s": "(ref null $s)",
    "p": "(ref null $p)",
    "a": "(ref null $a)",
    "b": "(ref null $b)",
    "r": "(ref null $r)",
    "y": "anyref",
    "q": "eqref",
    "x": "externref",
    "j": "i31ref",
}
KEPT: Final = {"s": "s0 s1", "p": "p0", "a": "a0 a1 a2", "b": "b0", "r": "r0", "y": "s0 a0 j0", "q": "s0 s1 j0"}
"""Which of the module's objects an operand may be, beside null. Each is in a global of its name."""
INDICES: Final = (0, 1, 3, 4, 5, 0x7FFF_FFFF, 0xFFFF_FFFF)
NUMBERS: Final = (0, 7, 0x8000_0000)
HEAP: Final = 1 << 20
CAST: Final = {"s": "$s", "p": "$p", "a": "$a", "b": "$b", "r": "$r", "j": "i31", "q": "eq"}


def _text() -> str:
    kept = sorted({name for names in KEPT.values() for name in names.split()})
    lines = [f'(global ${name} (export "{name}") (mut anyref) (ref.null any))' for name in kept]
    for row in ROWS:
        operands, immediates, result = FORMS[row.mnemonic]
        given = operands.split()
        params = " ".join("i32" if each in "in" else "externref" if each == "x" else "anyref" for each in given)
        pushed = ""
        for at, each in enumerate(given):
            cast = f"ref.cast (ref null {CAST[each]})" if each in CAST else ""
            pushed += f" (local.get {at}) {cast}"
        mnemonic = row.mnemonic.removesuffix(" null")
        results = {"n": "i32", "ref": "anyref", "x": "externref", "branch": "i32", "": ""}[result]
        operator = f"{pushed} {mnemonic} {immediates}"
        if result == "branch":
            operator = f"(block (result anyref) {operator} drop (return (i32.const 0))) drop (i32.const 1)"
        lines.append(f'(func (export "{row.mnemonic}") (param {params}) (result {results}) {operator})')
    return f"""(module
      (type $s (struct (field (mut i32)) (field (mut anyref)))) (type $p (struct (field (mut i8))))
      (type $a (array (mut i32))) (type $b (array (mut i8))) (type $r (array (mut anyref)))
      (memory (export "memory") 1) (global (export "global") (mut i32) (i32.const 3))
      (data $d "\\01\\02\\03\\04\\05\\06\\07\\08\\09\\0a\\0b\\0c\\0d\\0e\\0f\\10")
      (elem $e anyref (ref.i31 (i32.const 1)) (ref.i31 (i32.const 2)) (ref.i31 (i32.const 3)) (ref.i31 (i32.const 4)))
      {"".join(lines)}
      (func (export "drop data") (data.drop $d)) (func (export "drop element") (elem.drop $e))
      (func (export "data left") (result i32) (array.len (array.new_data $a $d (i32.const 0) (i32.const 4))))
      (func (export "element left") (result i32) (array.len (array.new_elem $r $e (i32.const 0) (i32.const 4))))
      (func (export "make") (param i32)
        (global.set $s0 (struct.new $s (local.get 0) (ref.i31 (local.get 0))))
        (global.set $s1 (struct.new $s (i32.add (local.get 0) (i32.const 1)) (global.get $s0)))
        (global.set $p0 (struct.new $p (i32.add (local.get 0) (i32.const 0x80))))
        (global.set $a0 (array.new $a (local.get 0) (i32.const 4)))
        (global.set $a1 (array.new_fixed $a 4 (local.get 0) (i32.const 2) (local.get 0) (i32.const 4)))
        (global.set $a2 (array.new_default $a (i32.const 0)))
        (global.set $b0 (array.new $b (i32.add (local.get 0) (i32.const 0x80)) (i32.const 4)))
        (global.set $r0 (array.new $r (ref.i31 (local.get 0)) (i32.const 4)))
        (global.set $j0 (ref.i31 (i32.const 0x40000001)))))"""


class Subject:
    """An instance whose objects are as usual, or others."""

    def __init__(self, module: Module, different: str) -> None:
        self.instance = module.instantiate({}, limits=Limits(heap_bytes=HEAP))
        self.exports: Any = self.instance.exports
        self.exports.make(50 if different == "object" else 5)
        for segment in ("data", "element"):
            if different == segment:
                self.exports[f"drop {segment}"]()
        if different == "memory":
            memoryview(self.exports.memory)[:8] = b"12345678"
        if different == "global":
            self.exports["global"].value = 9
        self.names = sorted({name for names in KEPT.values() for name in names.split()})
        self.known = {self.exports[name].value: name for name in self.names if name != "j0"}

    def left(self, segment: str) -> bool:
        try:
            return bool(self.exports[f"{segment} left"]())
        except Trap:
            return False

    def state(self) -> dict[str, object]:
        return {
            "object": [self.contents(self.exports[name].value) for name in self.names],
            "data": self.left("data"),
            "element": self.left("element"),
            "memory": bytes(self.exports.memory)[:64],
            "global": self.exports["global"].value,
        }

    def shown(self, value: Any) -> object:
        """A value: a reference to a known object is its name, to another one what is in it."""
        if value is None or isinstance(value, int):
            return value
        return self.known.get(value) or self.contents(value)

    def contents(self, value: Any) -> object:
        return value if isinstance(value, int) else (str(value.type), *map(self.shown, value))

    def given(self, arguments: tuple[Any, ...]) -> list[Any]:
        return [self.exports[each].value if isinstance(each, str) else each for each in arguments]

    def run(self, mnemonic: str, arguments: tuple[Any, ...]) -> tuple[object, str]:
        """What comes back, and how it traps."""
        try:
            return self.shown(self.exports[mnemonic](*self.given(arguments))), ""
        except Trap as error:
            return "", error.kind


def arguments_of(row: Operator) -> list[tuple[Any, ...]]:
    edges: list[tuple[Any, ...]] = []
    for each in FORMS[row.mnemonic][0].split():
        if each == "i":
            edges.append(INDICES)
        elif each == "n":
            edges.append(NUMBERS if row.mnemonic not in ("array.copy", "array.fill") else NUMBERS[:2])
        elif each == "x":
            edges.append((None, "s0"))
        elif each == "j":
            edges.append((None, "j0"))
        else:
            edges.append((None, *KEPT[each].split()))
    if row.mnemonic in ("array.copy", "array.init_data", "array.init_elem", "array.fill"):
        edges = [edge if len(edge) < 6 else (0, 1, 4, 5, 0xFFFF_FFFF) for edge in edges]
    return list(itertools.product(*edges))


@pytest.fixture(scope="module", params=["singlepass", "cranelift", "llvm"])
def module(request: pytest.FixtureRequest) -> Module:
    compiler, config = VARIANTS[request.param]()
    return compile_with(_text(), compiler, config)


def test_each_operator_on_objects_has_its_form() -> None:
    assert {row.mnemonic for row in ROWS} == set(FORMS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.mnemonic)
def test_an_operator_does_what_its_row_says(module: Module, row: Operator) -> None:
    outcomes: dict[str, list[tuple[object, str]]] = {}
    traps: set[str] = set()
    written: set[str] = set()
    for different in ("", *WATCHED):
        subject = Subject(module, different)
        usual = subject.state()
        found = outcomes[different] = []
        for arguments in arguments_of(row):
            result, trap = subject.run(row.mnemonic, arguments)
            after = subject.state()
            changed = {state for state in WATCHED if after[state] != usual[state]}
            assert not (trap and changed), f"{arguments}: it trapped, and has changed something"
            found.append((result, trap, str(after["object"]) if "object" in changed else ""))
            traps.add(trap)
            written |= changed
            if changed:
                subject = Subject(module, different)
    if row.effects & ALLOCATES:
        traps.add(exhausted(Subject(module, ""), row))
    traps.discard("")
    assert traps == set(row.traps)
    assert written == {state for state in WATCHED if row.effects & WRITES[state]}
    read = {state for state in WATCHED if outcomes[state] != outcomes[""]}
    # what is written into an object shows beside what was in it, and identity and lengths are no state
    ignored = {"object"} if written else set()
    assert read - ignored == {state for state in WATCHED if row.effects & READS[state]} - ignored
    assert bool(row.effects & BRANCHES) == (FORMS[row.mnemonic][2] == "branch")
    assert row.effects & CONTROL == row.effects & BRANCHES and not row.effects & THROWS
    assert bool(row.traps) == bool(row.effects & MAY_TRAP)
    assert not row.effects & WRITES_ANYTHING or written
    assert bool(row.effects & ALLOCATES) == (".new" in row.mnemonic)


def harmless(subject: Subject, row: Operator) -> list[Any]:
    """Operands with which an operator gives something, and takes no more than a small object."""
    found: list[Any] = []
    for arguments in arguments_of(row):
        small = not any(isinstance(each, int) and each > 5 for each in arguments)
        if small and not subject.run(row.mnemonic, arguments)[1]:
            found = [subject.given(arguments)]
    return found[0]


def exhausted(subject: Subject, row: Operator) -> str:
    """How an operator traps that is executed until there is no room for what it makes."""
    operands, made = harmless(subject, row), []
    run = subject.exports[row.mnemonic]
    with pytest.raises(Trap) as caught:
        while True:
            made.append(run(*operands))
    return caught.value.kind


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.mnemonic)
def test_only_what_allocates_makes_objects(module: Module, row: Operator) -> None:
    """Executed often enough, what allocates takes blocks of slots or has the heap collected; nothing else does."""
    subject = Subject(module, "")
    heap = subject.instance.heap
    assert heap is not None
    operands = harmless(subject, row)
    run = subject.exports[row.mnemonic]
    heap.collect()
    before = heap.collections, heap.allocated_bytes
    for _ in range(6000):
        run(*operands)
    assert (before != (heap.collections, heap.allocated_bytes)) == bool(row.effects & ALLOCATES)
