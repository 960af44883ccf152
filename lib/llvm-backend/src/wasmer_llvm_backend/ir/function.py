"""The state of one function while it is translated: what handlers of operators read and write.

`FunctionState` keeps the operands, the locals and the open labels, and joins them where control does. Which handler
an operator gets is not known here: `translate` has the loop over the records.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Container, Mapping, Sequence
from typing import Final

from wasmer_llvm_backend.ir.fences import FENCED, fenced, foldable
from wasmer_llvm_backend.ir.view import LLVM_TYPES, Label, ModuleView, Try
from wasmer_llvm_backend.ir.writer import FunctionWriter
from wasmer_llvm_backend.module_text import CALL, LOOP, THROWING_CALL
from wasmer_runtime_core.wasm.body.body import BLOCK_EMPTY, BLOCK_TYPE_CODE, RECORD_BYTES, Body
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC
from wasmer_runtime_core.wasm.types import I32

VALUES_AT_MOST: Final = 100
"""So many locals are values; those used less live in slots."""

JOINED_AT_MOST: Final = 500_000
"""So many branches times locals that are values: each may be an entry of a phi. A function with more branches
keeps fewer locals as values. (The most that SQLite and QuickJS have is 70,000.)"""

TARGET_BYTES: Final = 8
"""Of a br_table, in the pool."""

BIT: Final = "!"
"""What stands before a bit where an i32 is expected."""

ASKS_FOR_A_BIT: Final = frozenset(BY_MNEMONIC[name].code for name in ("if", "br_if", "select", "select t", "i32.eqz"))
"""Operators that take their uppermost operand by `FunctionState.condition`."""

BRANCHES: Final = frozenset(
    BY_MNEMONIC[name].code
    for name in ("loop", "if", "else", "br", "br_if", "br_table", "return", "br_on_null", "br_on_non_null")
)


def used_locals(body: Body) -> list[int]:
    """The locals that are read or written anywhere."""
    weights = array("I", body.local_weights)
    return [at for at, weight in enumerate(weights) if weight]


def locals_in_slots(body: Body) -> list[int]:
    """The locals that live in slots: the less used ones of a function with very many."""
    most = values_at_most(body)
    if len(body.local_types) <= most:
        return []
    weights = array("I", body.local_weights)
    most_used = sorted(used_locals(body), key=lambda at: -weights[at])
    return sorted(most_used[most:])


def values_at_most(body: Body) -> int:
    """How many locals of a function are values."""
    most = min(VALUES_AT_MOST, len(body.local_types))
    if most * len(body.records) // RECORD_BYTES > JOINED_AT_MOST:
        branches = sum(word & 0xFFFF in BRANCHES for word in array("I", body.records)[0::4])
        branches += len(body.pool) // TARGET_BYTES
        if most * branches > JOINED_AT_MOST:
            return JOINED_AT_MOST // branches
    return most


def integer_values(body: Body, slots: Container[int]) -> frozenset[int]:
    """The locals that are values of type i32."""
    return frozenset(at for at, type_ in enumerate(body.local_types) if type_ == I32 and at not in slots)


class FunctionState(FunctionWriter):
    """One function at a time; `unit` says which functions can be called directly."""

    def __init__(
        self,
        view: ModuleView,
        unit: frozenset[int],
        internal: frozenset[int],
        counted: frozenset[int],
        inlined: Mapping[int, Body],
        in_place: Mapping[int, int],
        most_text: int,
        catches: bool = False,
    ) -> None:
        """`unit`: functions defined in the same LLVM module; `internal`: those that nobody else can reach; `in_place`:
        those that make calls in place of themselves -> the most bytes that these pass on the stack;
        `counted`: functions with counted loops; `inlined`: functions to copy to where they are called;
        `most_text`: so many characters may be written for all of them (`TextTooLong`);
        `catches`: some function of the unit does."""
        super().__init__()
        self.view = view
        self.unit = unit
        self.internal = internal
        self.counted = counted
        self.inlined = inlined
        self.in_place = in_place
        self.text_left = most_text
        self.call_group = THROWING_CALL if catches else CALL
        self.called: set[int] = set()
        """Functions of the unit that are called, not copied."""
        self.copied: set[int] = set()
        """Functions that are called as ``@iN``: a copy that is inlined."""
        self.body: Body
        self.begin(b"")

    def begin(self, pool: bytes) -> None:
        """Forget the function before."""
        self.begin_text()
        self.pool = struct.unpack(f"<{len(pool) // 4}I", pool)
        self.records: list[tuple[int, int, int, int]] = []
        self.words: Sequence[int] = ()  # the records' words
        self.at = 0  # of the record that comes next
        self.loop_hint = LOOP  # what stands at branches back to the loop at hand
        self.stack: list[str] = []
        self.locals: dict[int, str] = {}  # those that are values -> their values now
        self.kept: Mapping[int, str] | None = None  # the same, if somebody keeps it
        self.local_types: list[str] = []
        self.slots: dict[int, str] = {}
        self.integers: frozenset[int] = frozenset()  # locals that are values of type i32
        self.labels: dict[int, Label] = {}
        self.tries: dict[int, Try] = {}
        self.handler: Label | None = None  # the landing of the innermost try whose calls stand here
        self.lands = False
        self.loop_rows: dict[int, tuple[int, int]] = {}  # label -> where the pool lists what its loop writes, how many
        self.bits: dict[str, str] = {}  # i32 -> the bit that it was made of
        self.fencing = True  # whether floats that are made of something else are fenced
        self.promoted: set[str] = set()  # those that are not
        self.constants: set[str] = set()  # vectors that are made of one constant
        self.fences: dict[tuple[str, str], str] = {}  # (type, constant) -> the same behind a fence
        self.memory_bases: dict[int, str] = {}
        self.places: dict[tuple[int, str, int], str] = {}  # (memory, index, offset) -> address, as known here
        self.buffer_slots = 0
        self.result_buffer = ""  # the address of the caller's, if there is one
        self.volatile = "volatile " if self.view.exact else ""
        self.growth = 0  # how many operators of others may still be copied in

    def translate_records(self, end: int) -> None:
        """Translate the records from `at` on, up to `end`. What `translate` adds: handlers may want it done twice."""
        raise NotImplementedError

    def opaque(self, type_: str, value: str) -> str:
        """The value, or if LLVM would make something of it the same behind a fence in the function's first block."""
        return self.hidden(type_, value) if foldable(type_, value) else value

    def is_constant(self, value: str) -> bool:
        """Whether a value is a constant, or LLVM knows it as one."""
        return value[0] != "%" or value in self.constants

    def hidden(self, type_: str, value: str) -> str:
        """A constant behind a fence, whatever it is; any other value as it is."""
        if value in self.constants:
            return self.let(fenced(type_, value))
        if value[0] == "%":
            return value
        found = self.fences.get((type_, value))
        if found is None:
            found = self.fences[type_, value] = f"%fence{len(self.fences)}"
            self.head.append(f"{found} = {fenced(type_, value)}")
        return found

    def condition(self, value: str) -> str:
        """An i32 as a bit; the comparison it came from, if it is one."""
        if value[0] == BIT:
            return value[1:]
        bit = self.bits.get(value)
        if bit is not None:
            return bit
        return self.let_from(f"icmp ne i32 {value}, 0", value)

    def push_bit(self, bit: str) -> None:
        """Push the i32 that a bit is; the bit itself if the next operator asks for no more."""
        if self.records[self.at][0] & 0xFFFF in ASKS_FOR_A_BIT:
            self.stack.append(BIT + bit)
            return
        value = self.let_from(f"zext i1 {bit} to i32", bit)
        self.bits[value] = bit
        self.stack.append(value)

    # --- joining --------------------------------------------------------------------------
    def snapshot(self) -> Mapping[int, str]:
        """The locals as they are; `VALUES_AT_MOST` at most."""
        kept = self.kept
        if kept is None:
            kept = self.kept = dict(self.locals)
        return kept

    def branch_to(self, label: Label) -> str:
        """Note a branch from here; the block to name."""
        count = len(label.params if label.loop else label.results)
        values = tuple(self.stack[len(self.stack) - count :]) if count else ()
        label.add_edge(self.block, self.snapshot(), values)
        return label.name

    def jump(self, label: Label) -> None:
        """Branch to a label, always. A block that would hold nothing else is left out."""
        out = self.out
        before = self.before
        if before and out[-1] == f"{self.block}:" and before not in label.sources:
            out.pop()
            out[-1] = out[-1].replace(f"label %{self.block}", f"label %{label.name}")
            self.block = before
            self.branch_to(label)
            if label.loop and "!llvm.loop" not in out[-1]:
                out[-1] += self.loop_hint
        else:
            out.append(f"br label %{self.branch_to(label)}{self.loop_hint if label.loop else ''}")

    def invoke(self, text: str, gives: bool) -> str:
        """A call that an exception may leave, but for the word; its result, if it `gives` one."""
        handler = self.handler
        if handler is None:
            line = f"call {text} {self.call_group}{self.location()}"
        else:
            self.blocks += 1
            handler.add_edge(self.block, self.snapshot(), ())
            ways = f"to label %v{self.blocks} unwind label %{handler.name}"
            line = f"invoke {text} {self.call_group} {ways}{self.location()}"
        value = ""
        if gives:
            value = self.let(line)
        else:
            self.out.append(line)
        if handler is not None:
            self.lands = True
            self.start(f"v{self.blocks}")
        return value

    def forget_places(self, count: int) -> None:
        """Only the first `count` addresses were computed on every way to here."""
        places = self.places
        while len(places) > count:
            places.popitem()

    def join(self, label: Label, types: Sequence[str], locals_matter: bool = True) -> None:
        """Begin the block where a label's edges meet; its values are pushed."""
        edges = label.edges
        self.start(label.name)
        self.forget_places(label.places)
        first = edges[0][1]
        if not locals_matter:
            pass
        elif all(edge[1] is first for edge in edges):
            self.locals = dict(first)
            self.kept = first
        else:
            others = {id(edge[1]): edge[1] for edge in edges if edge[1] is not first}
            differing: set[int] = set()
            for other in others.values():
                differing.update([at for at, value in first.items() if other[at] != value])
            merged = dict(first)
            blocks = [edge[0] for edge in edges]
            for at in sorted(differing):
                type_ = self.local_types[at]
                merged[at] = self.let(f"phi {type_} {self.incoming(type_, [edge[1][at] for edge in edges], blocks)}")
            self.locals = merged
            self.kept = None
        del self.stack[label.height :]
        for at, type_ in enumerate(types):
            value = edges[0][2][at]
            if any(edge[2][at] != value for edge in edges):
                values = [edge[2][at] for edge in edges]
                value = self.let(f"phi {type_} {self.incoming(type_, values, [edge[0] for edge in edges])}")
            self.stack.append(value)

    def incoming(self, type_: str, values: Sequence[str], blocks: Sequence[str]) -> str:
        """What a phi of these values is made of."""
        if type_ in FENCED:
            values = [self.opaque(type_, value) for value in values]
        return ", ".join([f"[{value}, %{block}]" for value, block in zip(values, blocks, strict=True)])

    def block_types(self, block_type: int) -> tuple[list[str], list[str]]:
        if block_type & 0x80000000:
            code = block_type - (1 << 32)
            return [], [] if code == BLOCK_EMPTY else [LLVM_TYPES[code & BLOCK_TYPE_CODE]]
        signature = self.view.signatures[block_type]
        return signature.params, signature.results
