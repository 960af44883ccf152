"""From a `Body` to LLVM IR, as text.

Text, because it is ten times faster to write than the objects of ``llvmlite.ir``, and LLVM
reads it faster still. Values are numbered, as LLVM's own printer does; a wasm operand is the
text of a value, so constants cost nothing, and reading a local gives the value last written.

*Locals* are values from the start. Where control joins, a local that differs between the
paths gets a phi; at the head of a loop those that the loop writes do (the body lists them).
Each branch remembers the locals as they were. A function with very many locals keeps only
the most used ones this way, the others in slots, which LLVM promotes by itself.

*Traps.* Explicit checks branch to a block of their own that calls ``trap.N``; memory
accesses fault by themselves. Loads are volatile unless the compiler is told to be fast, so
that none is dropped and none passes another's trap. `writer` keeps track of where each
instruction comes from.

*Floats* are exact to the bit: `floats` hides from LLVM what it would make too much of.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Container, Mapping, Sequence
from typing import Final, final

from wasmer_llvm_backend.floats import FENCED, opaque
from wasmer_llvm_backend.handlers import HANDLERS, ROWS
from wasmer_llvm_backend.loops import HINT
from wasmer_llvm_backend.lowering import V128
from wasmer_llvm_backend.prologue import CHECKED, UNCHECKED, USE_OF_VMCTX, is_checked
from wasmer_llvm_backend.values import ASKS_FOR_A_BIT, BIT
from wasmer_llvm_backend.view import LLVM_TYPES, ZEROS, Label, ModuleView, Signature
from wasmer_llvm_backend.writer import FunctionWriter
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.wasm.body.body import BLOCK_EMPTY, RECORD_BYTES, Body
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC
from wasmer_runtime_core.wasm.types import I32

VALUES_AT_MOST: Final = 100
"""So many locals are values; those used less live in slots."""

JOINED_AT_MOST: Final = 500_000
"""So many branches times locals that are values: each may be an entry of a phi. A function with more branches
keeps fewer locals as values. (The most that SQLite and QuickJS have is 70,000.)"""

GROWTH_RECORDS: Final = 200
"""By so many operators, and its own size again, a function grows by those that are copied into it."""

TARGET_BYTES: Final = 8
"""Of a br_table, in the pool."""

STRETCH: Final = 256
"""So many operators are translated between two checkpoints."""

INLINED: Final = '#4 section ".text" '
"""What stands in the head of a function that is copied into others."""

LOCAL_GET: Final = BY_MNEMONIC["local.get"].code
BRANCHES: Final = frozenset(
    BY_MNEMONIC[name].code for name in ("loop", "if", "else", "br", "br_if", "br_table", "return")
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


class TextTooLong(Exception):
    """The functions of a unit become more text than they may."""


@final
class FunctionTranslator(FunctionWriter):
    """One function at a time; `unit` says which functions can be called directly."""

    def __init__(
        self,
        view: ModuleView,
        unit: frozenset[int],
        internal: frozenset[int],
        counted: frozenset[int],
        inlined: Mapping[int, Body],
        most_text: int,
    ) -> None:
        """`unit`: functions defined in the same LLVM module; `internal`: those that nobody else can reach;
        `counted`: functions with counted loops; `inlined`: functions to copy to where they are called;
        `most_text`: so many characters may be written for all of them (`TextTooLong`)."""
        super().__init__()
        self.view = view
        self.unit = unit
        self.internal = internal
        self.counted = counted
        self.inlined = inlined
        self.text_left = most_text
        self.called: set[int] = set()
        """Functions of the unit that are called, not copied."""
        self.copied: set[int] = set()
        """Functions that are called as ``@iN``: a copy that is inlined."""
        self.body: Body
        self._restart(b"")

    def _restart(self, pool: bytes) -> None:
        """Forget the function before."""
        self.begin_text()
        self.pool = struct.unpack(f"<{len(pool) // 4}I", pool)
        self.records: list[tuple[int, int, int, int]] = []
        self.words: Sequence[int] = ()  # the records' words
        self.at = 0  # of the record that comes next
        self.loop_hint = HINT  # what stands at branches back to the loop at hand
        self.stack: list[str] = []
        self.locals: dict[int, str] = {}  # those that are values -> their values now
        self.kept: Mapping[int, str] | None = None  # the same, if somebody keeps it
        self.local_types: list[str] = []
        self.slots: dict[int, str] = {}
        self.integers: frozenset[int] = frozenset()  # locals that are values of type i32
        self.labels: dict[int, Label] = {}
        self.loop_rows: dict[int, tuple[int, int]] = {}  # label -> where the pool lists what its loop writes, how many
        self.bits: dict[str, str] = {}  # i32 -> the bit that it was made of
        self.fencing = True  # whether floats that are made of something else are fenced
        self.promoted: set[str] = set()  # those that are not
        self.fences: dict[tuple[str, str], str] = {}  # (type, constant) -> the same behind a fence
        self.memory_bases: dict[int, str] = {}
        self.places: dict[tuple[int, str, int], str] = {}  # (memory, index, offset) -> address, as known here
        self.buffer_slots = 0
        self.volatile = "volatile " if self.view.exact else ""
        self.growth = 0  # how many operators of others may still be copied in

    # --- the function ---------------------------------------------------------------------
    def translate(self, body: Body, inlined: bool = False) -> str:
        """The definition of one function; `inlined`: as the copy that calls of ``@iN`` become."""
        view = self.view
        index = body.function_index
        signature = view.signatures[body.type_index]
        internal = inlined or (index in self.internal and signature.in_registers)
        self.body = body
        self._restart(body.pool)
        self.open_scope(index, body.offset)

        arguments = ["ptr %0"]
        if signature.buffered and not internal:
            arguments.append("ptr %1")
        first = len(arguments)
        arguments += [f"{type_} %{first + at}" for at, type_ in enumerate(signature.params)]
        self.number = len(arguments)
        self._begin_locals(body, first, len(signature.params))
        if internal and not inlined:
            self.out.append(USE_OF_VMCTX)
        self.labels[0] = Label("ret", 0, [], signature.results)
        self.records = list(struct.iter_unpack("<IIII", body.records))
        self.words = array("I", body.records if index in self.counted else b"")
        self.growth = len(self.records) + GROWTH_RECORDS
        self.translate_records(len(self.records))
        self._finish(signature, internal)
        linkage = "internal fastcc" if internal else "hidden"
        result = signature.internal_result if internal else signature.external_result
        if self.buffer_slots:
            self.head.append(f"%buffer = alloca [{self.buffer_slots} x {V128}], align 16")
        place = INLINED if inlined else CHECKED if is_checked(body) else UNCHECKED
        name = f"i{index}" if inlined else f"f{index}"
        head = f"define {linkage} {result} @{name}({', '.join(arguments)}) {place}!dbg !{self.scope} {{\nentry:\n"
        return "\n".join([head + "\n".join(self.head), *self.out, *self.traps, "}\n"])

    def translate_records(self, end: int) -> None:
        """Translate the records from `at` on, up to `end`, with checkpoints."""
        while self.at < end:
            checkpoint()
            before = len(self.out)
            self._translate_stretch(min(end, self.at + STRETCH))
            self.text_left -= sum(map(len, self.out[before:]))
            if self.text_left < 0:
                raise TextTooLong

    def _translate_stretch(self, end: int) -> None:
        handlers = HANDLERS
        rows = ROWS
        records = self.records
        stack = self.stack
        out = self.out
        slots = self.slots
        loaded = self.loaded
        while self.at < end:
            word, a, b, offset = records[self.at]
            self.at += 1
            code = word & 0xFFFF
            if code == LOCAL_GET and a not in slots:
                stack.append(self.locals[a])
                continue
            row = rows.get(code)
            if row is None:
                self.offset = offset
                handlers[code](self, word, a, b)
                continue
            number = self.number
            last = number + row.names
            self.number = last
            count = row.operands
            result = f"%{last - 1}"
            if count == 2:
                right = stack.pop()
                left = stack.pop()
                if row.instruction:
                    text = f"{result} = {row.instruction}{left}, {right}"
                else:
                    text = row.format.format(left, right, "", word >> 24, *range(number, last))
                if left in loaded or right in loaded:
                    text = self.locate(text, result, left, right)
            elif count == 1:
                operand = stack.pop()
                text = row.format.format(operand, "", "", word >> 24, *range(number, last))
                if operand in loaded:
                    text = self.locate(text, result, operand)
            else:
                third = stack.pop()
                right = stack.pop()
                left = stack.pop()
                text = row.format.format(left, right, third, word >> 24, *range(number, last))
                if left in loaded or right in loaded or third in loaded:
                    text = self.locate(text, result, left, right, third)
            out.append(text)
            stack.append(result)

    def _begin_locals(self, body: Body, first: int, params: int) -> None:
        types = body.local_types
        self.local_types = [LLVM_TYPES[code] for code in types]
        values = {at: f"%{first + at}" if at < params else ZEROS[types[at]] for at in used_locals(body)}
        for at in locals_in_slots(body):
            type_ = self.local_types[at]
            self.slots[at] = f"%local{at}"
            self.head.append(f"%local{at} = alloca {type_}")
            self.head.append(f"store {type_} {values.pop(at)}, ptr %local{at}")
        self.locals = values
        self.integers = integer_values(body, self.slots)
        for label, at, number in struct.iter_unpack("<III", body.loops):
            self.loop_rows[label] = (at, number)

    def _finish(self, signature: Signature, internal: bool) -> None:
        """The common return."""
        label = self.labels[0]
        if not label.edges:
            return
        self.join(label, signature.results, False)
        results = [opaque(self, type_, value) for type_, value in zip(signature.results, self.stack, strict=True)]
        if not results:
            self.out.append("ret void")
        elif len(results) == 1:
            self.out.append(f"ret {signature.results[0]} {results[0]}")
        elif internal:
            whole = "poison"
            for at, value in enumerate(results):
                whole = self.let(
                    f"insertvalue {signature.internal_result} {whole}, {signature.results[at]} {value}, {at}"
                )
            self.out.append(f"ret {signature.internal_result} {whole}")
        else:
            for at, value in enumerate(results[1:]):
                place = self.let(f"getelementptr i8, ptr %1, i64 {16 * at}")
                self.out.append(f"store {signature.results[at + 1]} {value}, ptr {place}, align 8")
            self.out.append(f"ret {signature.results[0]} {results[0]}")

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
            values = [opaque(self, type_, value) for value in values]
        return ", ".join([f"[{value}, %{block}]" for value, block in zip(values, blocks, strict=True)])

    def block_types(self, block_type: int) -> tuple[list[str], list[str]]:
        if block_type & 0x80000000:
            code = block_type - (1 << 32)
            return [], [] if code == BLOCK_EMPTY else [LLVM_TYPES[code & 0x7F]]
        signature = self.view.signatures[block_type]
        return signature.params, signature.results
