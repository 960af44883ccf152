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
that none is dropped and none passes another's trap. Each access, call and trap carries a
debug location whose line is its byte offset in the module: `objects` reads them back from
the line table.

*Exactness of floats.* LLVM takes a signalling NaN for a quiet one where that saves an
instruction: ``x * 1.0`` becomes ``x``. Where an operand is such a constant the result is
canonicalized.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, final

from wasmer_llvm_backend.counted import CountedLoop, Sum, find
from wasmer_llvm_backend.intrinsics import CODE, CONTEXT_ACCESS, CONTEXT_CONSTANT, MEMORY_ACCESS, TRAP
from wasmer_llvm_backend.lowering import (
    CANONICAL,
    COMPARISONS,
    DIVISIONS,
    LOADS,
    SHAPES,
    STORES,
    TEMPLATES,
    TRUNCATIONS,
    TYPES,
    V128,
    Access,
    Template,
    Truncation,
)
from wasmer_runtime_core.context import (
    FUNCTION_RECORD,
    IMPORT_RECORD,
    MEMORY_DEFINITION,
    STORE,
    TABLE_DEFINITION,
    VMCTX,
    ContextLayout,
)
from wasmer_runtime_core.trap_kinds import BY_NAME
from wasmer_runtime_core.vmcalls import SLOTS, VMCALLS
from wasmer_runtime_core.wasm.body import (
    BLOCK_EMPTY,
    END_FALLS_THROUGH,
    END_IS_TARGET,
    END_OF_IF_WITHOUT_ELSE,
    Body,
)
from wasmer_runtime_core.wasm.operators import BY_MNEMONIC, OPERATORS
from wasmer_runtime_core.wasm.types import EXTERNREF, F32, F64, FUNCREF, I32, I64, V128 as V128_CODE

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.module import ModuleInfo

LLVM_TYPES: Final = {I32: "i32", I64: "i64", F32: "float", F64: "double", V128_CODE: V128, FUNCREF: "ptr", EXTERNREF: "ptr"}
ZEROS: Final = {
    I32: "0", I64: "0", F32: "0x0000000000000000", F64: "0x0000000000000000",
    V128_CODE: "zeroinitializer", FUNCREF: "null", EXTERNREF: "null",
}  # fmt: skip

VALUES_AT_MOST: Final = 100
"""So many locals are values; those used less live in slots."""

LARGE_FRAME_LOCALS: Final = 256
"""A function with that many locals checks the stack even if it calls nothing."""

EFFORTLESS_RECORDS: Final = 60_000
"""A function with more operators than this is compiled without optimization."""

FOLDABLE: Final = frozenset(
    f"0x{sign:01X}{exponent}" for sign, exponent in (
        (0, "000000000000000"), (8, "000000000000000"), (3, "FF0000000000000"), (0xB, "FF0000000000000"),
    )
)  # fmt: skip
"""±0 and ±1: operands with which LLVM drops or replaces an operation."""

UNREACHABLE: Final = BY_NAME["UNREACHABLE"].number
OUT_OF_BOUNDS: Final = BY_NAME["MEMORY_OUT_OF_BOUNDS"].number
TABLE_OUT_OF_BOUNDS: Final = BY_NAME["TABLE_OUT_OF_BOUNDS"].number
UNDEFINED_ELEMENT: Final = BY_NAME["UNDEFINED_ELEMENT"].number
UNINITIALIZED_ELEMENT: Final = BY_NAME["UNINITIALIZED_ELEMENT"].number
TYPE_MISMATCH: Final = BY_NAME["INDIRECT_CALL_TYPE_MISMATCH"].number
DIVIDE_BY_ZERO: Final = BY_NAME["INTEGER_DIVIDE_BY_ZERO"].number
OVERFLOW: Final = BY_NAME["INTEGER_OVERFLOW"].number
INVALID_CONVERSION: Final = BY_NAME["INVALID_CONVERSION_TO_INTEGER"].number
STACK_OVERFLOW: Final = BY_NAME["STACK_OVERFLOW"].number


class Signature:
    """A function type in LLVM's words.

    Following the machine contract the first result is returned and the others go to a
    buffer (`external_result`); a function private to its unit returns them all at once.
    """

    def __init__(self, params: bytes, results: bytes) -> None:
        self.params = [LLVM_TYPES[code] for code in params]
        self.results = [LLVM_TYPES[code] for code in results]
        self.external_result = self.results[0] if results else "void"
        self.internal_result = self.external_result
        if len(results) > 1:
            self.internal_result = "{" + ", ".join(self.results) + "}"
        self.buffered = len(results) > 1


class ModuleView:
    """What the translation of every function asks about the module."""

    def __init__(self, info: ModuleInfo, bounds_checks: bool, exact: bool) -> None:
        layout = ContextLayout.of(info)
        self.bounds_checks = bounds_checks
        self.exact = exact
        self.signatures = [Signature(type_.params, type_.results) for type_ in info.types]
        self.function_types = info.functions
        self.imported_functions = info.imported_functions
        self.imported_globals = info.imported_globals
        self.entries = len(info.functions) - info.imported_functions + len(VMCALLS)
        self.defined_functions = len(info.functions) - info.imported_functions
        self.global_offsets = [layout.global_(index) for index in range(len(info.globals))]
        self.global_types = [LLVM_TYPES[type_.value] for type_ in info.globals]
        self.global_mutable = [type_.mutable for type_ in info.globals]
        self.memory_offsets = [layout.memory(index) for index in range(len(info.memories))]
        self.table_offsets = [layout.table(index) for index in range(len(info.tables))]
        self.signature_offsets = [layout.signature(index) for index in range(len(info.types))]
        self.import_offsets = [layout.import_record(i) for i in range(info.imported_functions)]
        self.record_offsets = {function: layout.function_record(function) for function in info.escaping}
        self.everything = frozenset(range(len(info.functions)))
        self.escaping = frozenset(info.escaping) | (frozenset() if info.start is None else {info.start})

    def slot(self, entry: int) -> str:
        """The address of entry `entry` in the table of code addresses."""
        return f"getelementptr (i8, ptr @{CODE}, i64 {-8 * (self.entries - entry)})"


@final
class Label:
    """A block, loop, if or the function's body while it is open."""

    __slots__ = ("name", "height", "params", "results", "edges", "phis", "at", "saved", "otherwise", "loop")

    def __init__(self, name: str, height: int, params: list[str], results: list[str]) -> None:
        self.name = name
        self.height = height
        self.params = params
        self.results = results
        self.edges: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = []
        """(block that branches here, locals there, values that come along)"""
        self.phis: list[tuple[int, int]] = []  # of a loop: (local, or -1 - parameter; number of its phi)
        self.at = 0  # of a loop: where in the text its phis go
        self.saved: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())  # of an if: locals and parameters
        self.otherwise = ""  # of an if: the block of its second arm, while that has not begun
        self.loop = False


@final
class FunctionTranslator:
    """One function at a time; `unit` says which functions can be called directly."""

    def __init__(self, view: ModuleView, unit: frozenset[int], internal: frozenset[int]) -> None:
        """`unit`: functions defined in the same LLVM module; `internal`: those that nobody else can reach."""
        self.view = view
        self.unit = unit
        self.internal = internal
        self.metadata: list[str] = []
        self.next_metadata = 20

    # --- output ---------------------------------------------------------------------------
    def let(self, text: str) -> str:
        """Emit an instruction with a result; the value."""
        number = self.number
        self.number = number + 1
        value = f"%{number}"
        self.out.append(f"{value} = {text}")
        return value

    def location(self) -> str:
        """The debug location of the operator at hand, as what follows an instruction."""
        if self.located != self.offset:
            self.located = self.offset
            number = self.next_metadata
            self.next_metadata = number + 1
            self.metadata.append(f"!{number} = !DILocation(line: {self.offset}, scope: !{self.scope})")
            self.location_text = f", !dbg !{number}"
        return self.location_text

    def start(self, block: str) -> None:
        self.out.append(f"{block}:")
        self.block = block

    def snapshot(self) -> tuple[str, ...]:
        """The locals as they are."""
        kept = self.kept
        if kept is None:
            kept = self.kept = tuple(self.locals)
        return kept

    def trap_if(self, condition: str, kind: int) -> None:
        """Trap if the bit `condition` is set."""
        self.blocks += 1
        number = self.blocks
        self.out.append(f"br i1 {condition}, label %t{number}, label %c{number}")
        self.traps.append(f"t{number}:\ncall void @{TRAP}{kind}() #3{self.location()}\nunreachable")
        self.start(f"c{number}")

    def trap(self, kind: int) -> None:
        self.out.append(f"call void @{TRAP}{kind}() #3{self.location()}\nunreachable")

    def condition(self, value: str) -> str:
        """An i32 as a bit; the comparison it came from, if it is one."""
        bit = self.bits.get(value)
        if bit is not None:
            return bit
        return self.let(f"icmp ne i32 {value}, 0")

    def push_bit(self, bit: str) -> None:
        value = self.let(f"zext i1 {bit} to i32")
        self.bits[value] = bit
        self.stack.append(value)

    def template(self, row: Template, *operands: str) -> str:
        """Emit a row of `lowering`; its result."""
        number = self.number
        last = number + row.names
        self.number = last
        operands += ("",) * (4 - len(operands))
        self.out.append(row.format.format(*operands, *range(number, last)))
        return f"%{last - 1}"

    # --- the function ---------------------------------------------------------------------
    def translate(self, body: Body) -> str:
        """The definition of one function."""
        view = self.view
        index = body.function_index
        signature = view.signatures[body.type_index]
        internal = index in self.internal
        self.body = body
        self.pool = struct.unpack(f"<{len(body.pool) // 4}I", body.pool)
        self.scope = self.next_metadata
        self.next_metadata += 1
        self.metadata.append(
            f'!{self.scope} = distinct !DISubprogram(name: "f{index}", scope: !8, file: !8, line: {body.offset}, '
            "type: !9, unit: !7, spFlags: DISPFlagDefinition | DISPFlagOptimized)"
        )
        self.located = -1
        self.loop_hint = ""
        self.location_text = ""
        self.offset = body.offset
        self.blocks = 0
        self.out: list[str] = []
        self.head: list[str] = []
        self.traps: list[str] = []
        self.bits: dict[str, str] = {}
        self.promoted: set[str] = set()
        self.memory_bases: dict[int, str] = {}
        self.buffer_slots = 0
        self.stack: list[str] = []
        self.labels: dict[int, Label] = {}
        self.kept: tuple[str, ...] | None = None
        self.block = "entry"

        arguments = ["ptr %0"]
        if signature.buffered and not internal:
            arguments.append("ptr %1")
        first = len(arguments)
        arguments += [f"{type_} %{first + at}" for at, type_ in enumerate(signature.params)]
        self.number = len(arguments)
        self._begin_locals(body, first, len(signature.params))
        if body.calls > 0 or body.call_weight > 0 or len(body.local_types) > LARGE_FRAME_LOCALS:
            self._check_stack()
        self.labels[0] = Label("ret", 0, [], signature.results)
        self.records = list(struct.iter_unpack("<IIII", body.records))
        self.exact = view.exact
        self.volatile = "volatile " if view.exact else ""
        self.at = 0
        self._records(len(self.records))
        self._finish(signature, internal)
        linkage = "internal fastcc" if internal else "hidden"
        result = signature.internal_result if internal else signature.external_result
        if self.buffer_slots:
            self.head.append(f"%buffer = alloca [{self.buffer_slots} x {V128}], align 16")
        effort = "#4" if len(self.records) > EFFORTLESS_RECORDS else "#0"
        # the section is named, or LLVM would put functions that always trap into one of their own, out of order
        place = f'{effort} section ".text" !dbg !{self.scope}'
        head = f"define {linkage} {result} @f{index}({', '.join(arguments)}) {place} {{\nentry:\n"
        return "\n".join([head + "\n".join(self.head), *self.out, *self.traps, "}\n"])

    def _records(self, end: int) -> None:
        """Translate the records from `at` on, up to `end`."""
        handlers = HANDLERS
        templates = TEMPLATES
        records = self.records
        stack = self.stack
        out = self.out
        while self.at < end:
            word, a, b, offset = records[self.at]
            self.at += 1
            code = word & 0xFFFF
            row = templates.get(code)
            if row is None:
                self.offset = offset
                handlers[code](self, word, a, b)
                continue
            number = self.number
            last = number + row.names
            self.number = last
            count = row.operands
            if count == 2:
                right = stack.pop()
                left = stack.pop()
                out.append(row.format.format(left, right, "", word >> 24, *range(number, last)))
                if code in CANONICAL_CODES and (right in FOLDABLE or left in FOLDABLE or right[0] == "<" or left[0] == "<"):
                    stack.append(self._canonical(CANONICAL_CODES[code], f"%{last - 1}"))
                    continue
            elif count == 1:
                operand = stack.pop()
                out.append(row.format.format(operand, "", "", word >> 24, *range(number, last)))
                if code == PROMOTE:
                    self.promoted.add(f"%{last - 1}")
                elif code == DEMOTE and operand in self.promoted:
                    stack.append(self._canonical("f32", f"%{last - 1}"))
                    continue
            else:
                third = stack.pop()
                right = stack.pop()
                left = stack.pop()
                out.append(row.format.format(left, right, third, word >> 24, *range(number, last)))
            stack.append(f"%{last - 1}")

    def _begin_locals(self, body: Body, first: int, params: int) -> None:
        types = body.local_types
        count = len(types)
        self.local_types = [LLVM_TYPES[code] for code in types]
        values = [f"%{first + at}" if at < params else ZEROS[types[at]] for at in range(count)]
        self.slots: dict[int, str] = {}
        if count > VALUES_AT_MOST:
            weights = struct.unpack(f"<{count}I", body.local_weights)
            most_used = sorted(range(count), key=lambda at: -weights[at])
            for at in sorted(most_used[VALUES_AT_MOST:]):
                if weights[at] == 0:
                    continue
                type_ = self.local_types[at]
                self.slots[at] = f"%local{at}"
                self.head.append(f"%local{at} = alloca {type_}")
                self.head.append(f"store {type_} {values[at]}, ptr %local{at}")
                values[at] = "poison"
        self.locals = values
        self.integers = frozenset(at for at in range(count) if types[at] == I32 and at not in self.slots)
        self.loop_rows: dict[int, tuple[int, int]] = {}
        for label, at, number in struct.iter_unpack("<III", body.loops):
            self.loop_rows[label] = (at, number)

    def _check_stack(self) -> None:
        """Trap if the stack pointer, the frame taken off already, lies below the limit."""
        store = self.let(f"getelementptr i8, ptr %0, i64 {VMCTX['store'].offset}")
        store = self.let(f"load ptr, ptr {store}, align 8{CONTEXT_CONSTANT}")
        limit = self.let(f"getelementptr i8, ptr {store}, i64 {STORE['stack_limit'].offset}")
        limit = self.let(f"load i64, ptr {limit}, align 8{CONTEXT_ACCESS}")
        pointer = self.let("call i64 @llvm.read_register.i64(metadata !6)")
        self.trap_if(self.let(f"icmp ult i64 {pointer}, {limit}"), STACK_OVERFLOW)

    def _finish(self, signature: Signature, internal: bool) -> None:
        """The common return."""
        label = self.labels[0]
        if not label.edges:
            return
        self._join(label, signature.results, False)
        results = self.stack
        if not results:
            self.out.append("ret void")
        elif len(results) == 1:
            self.out.append(f"ret {signature.results[0]} {results[0]}")
        elif internal:
            whole = "poison"
            for at, value in enumerate(results):
                whole = self.let(f"insertvalue {signature.internal_result} {whole}, {signature.results[at]} {value}, {at}")
            self.out.append(f"ret {signature.internal_result} {whole}")
        else:
            for at, value in enumerate(results[1:]):
                place = self.let(f"getelementptr i8, ptr %1, i64 {16 * at}")
                self.out.append(f"store {signature.results[at + 1]} {value}, ptr {place}, align 8")
            self.out.append(f"ret {signature.results[0]} {results[0]}")

    def _canonical(self, type_: str, value: str) -> str:
        vector = SHAPES.get(type_)
        if vector is None:
            return self.let(f"call {TYPES[type_]} @llvm.canonicalize.{type_}({TYPES[type_]} {value})")
        seen = self.let(f"bitcast {V128} {value} to {vector}")
        suffix = "v4f32" if type_ == "f32x4" else "v2f64"
        seen = self.let(f"call {vector} @llvm.canonicalize.{suffix}({vector} {seen})")
        return self.let(f"bitcast {vector} {seen} to {V128}")

    # --- joining --------------------------------------------------------------------------
    def branch_to(self, label: Label) -> str:
        """Note a branch from here; the block to name."""
        count = len(label.params if label.loop else label.results)
        values = tuple(self.stack[len(self.stack) - count :]) if count else ()
        label.edges.append((self.block, self.snapshot(), values))
        return label.name

    def _join(self, label: Label, types: Sequence[str], locals_matter: bool = True) -> None:
        """Begin the block where a label's edges meet; its values are pushed."""
        edges = label.edges
        out = self.out
        self.start(label.name)
        first = edges[0][1]
        if not locals_matter:
            pass
        elif all(edge[1] is first for edge in edges):
            self.locals = list(first)
            self.kept = first
        else:
            merged: list[str] = []
            local_types = self.local_types
            blocks = [edge[0] for edge in edges]
            for at, values in enumerate(zip(*[edge[1] for edge in edges], strict=True)):
                value = values[0]
                if values.count(value) != len(values):
                    number = self.number
                    self.number = number + 1
                    incoming = ", ".join([f"[{given}, %{block}]" for given, block in zip(values, blocks, strict=True)])
                    out.append(f"%{number} = phi {local_types[at]} {incoming}")
                    value = f"%{number}"
                merged.append(value)
            self.locals = merged
            self.kept = None
        del self.stack[label.height :]
        for at, type_ in enumerate(types):
            value = edges[0][2][at]
            if any(edge[2][at] != value for edge in edges):
                incoming = ", ".join([f"[{edge[2][at]}, %{edge[0]}]" for edge in edges])
                value = self.let(f"phi {type_} {incoming}")
            self.stack.append(value)

    def block_types(self, block_type: int) -> tuple[list[str], list[str]]:
        if block_type & 0x80000000:
            code = block_type - (1 << 32)
            return [], [] if code == BLOCK_EMPTY else [LLVM_TYPES[code & 0x7F]]
        signature = self.view.signatures[block_type]
        return signature.params, signature.results

    # --- control --------------------------------------------------------------------------
    def op_unreachable(self, word: int, a: int, b: int) -> None:
        self.trap(UNREACHABLE)

    def op_block(self, word: int, a: int, b: int) -> None:
        params, results = self.block_types(b)
        self.labels[a] = Label(f"b{a}", len(self.stack) - len(params), params, results)

    def op_loop(self, word: int, a: int, b: int) -> None:
        params, results = self.block_types(b)
        if self.exact and not params and not self.view.bounds_checks:
            loop = find(self.records, self.at - 1, a, self.integers)
            if loop is not None:
                self._twice(loop, a, params, results)
                return
        self._open_loop(a, f"l{a}", params, results)

    def _twice(self, loop: CountedLoop, a: int, params: list[str], results: list[str]) -> None:
        """A counted loop: plainly if nothing in it can trap, else exactly."""
        begin = self.at
        height = len(self.stack)
        joined = Label(f"j{a}", height, [], results)
        safe = self._cannot_trap(loop)
        self.out.append(f"br i1 {safe}, label %p{a}, label %x{a}, !prof !13")
        entry = self.snapshot()
        for name, volatile, loop_name in ((f"p{a}", "", f"q{a}"), (f"x{a}", "volatile ", f"l{a}")):
            self.start(name)
            self.locals = list(entry)
            self.kept = entry
            self.at = begin
            self.volatile = volatile
            self._open_loop(a, loop_name, params, results)
            self.loop_hint = ", !llvm.loop !14" if volatile else ""
            self._records(loop.end + 1)
            self.out.append(f"br label %{self.branch_to(joined)}")
            del self.stack[height:]
        self.loop_hint = ""
        self._join(joined, results)

    def _cannot_trap(self, loop: CountedLoop) -> str:
        """A bit: every address that the loop will use lies in its memory. In 64 bits, where nothing wraps."""
        condition = loop.condition
        step = abs(condition.step)
        left, right = self._sum(condition.left), self._sum(condition.right)
        if condition.relation == "ne":
            if condition.step < 0:
                left, right = right, left
            distance = self.let(f"sub i32 {right}, {left}")
            ends = self.let(f"icmp eq i32 {self.let(f'urem i32 {distance}, {step}')}, 0")
            more = self.let(f"zext i32 {self.let(f'udiv i32 {distance}, {step}')} to i64")
        else:
            signed = condition.relation == "lt_s"
            extend = "sext" if signed else "zext"
            low = self.let(f"{extend} i32 {left} to i64")
            high = self.let(f"{extend} i32 {right} to i64")
            ends = self.let(f"icmp sle i64 {high}, {(1 << 31 if signed else 1 << 32) - step}")
            distance = self.let(f"sub i64 {high}, {low}")
            distance = self.let(f"call i64 @llvm.smax.i64(i64 {distance}, i64 0)")
            more = self.let(f"udiv i64 {self.let(f'add i64 {distance}, {step - 1}')}, {step}")
        safe = ends
        for range_ in loop.ranges:
            definition = self.context_constant("ptr", self.view.memory_offsets[range_.memory])
            length = self.field("i64", definition, MEMORY_DEFINITION["length"].offset)
            first = self.let(f"zext i32 {self._sum(range_.lowest)} to i64")
            highest = first
            if range_.step:
                last = self.let(f"add i64 {first}, {self.let(f'mul i64 {more}, {range_.step}')}")
                if range_.step > 0:
                    highest = last
                else:
                    safe = self.let(f"and i1 {safe}, {self.let(f'icmp sge i64 {last}, 0')}")
            end = self.let(f"add i64 {highest}, {range_.extent}")
            safe = self.let(f"and i1 {safe}, {self.let(f'icmp ule i64 {end}, {length}')}")
        return safe

    def _sum(self, sum_: Sum) -> str:
        """A sum of locals as they are now, as an i32."""
        value = str(sum_.constant)
        for local, times in sum_.terms:
            term = self.locals[local]
            if times != 1:
                term = self.let(f"mul i32 {term}, {times}")
            value = self.let(f"add i32 {value}, {term}")
        return value

    def _open_loop(self, a: int, name: str, params: list[str], results: list[str]) -> None:
        label = Label(name, len(self.stack) - len(params), params, results)
        label.loop = True
        self.labels[a] = label
        self.branch_to(label)
        self.out.append(f"br label %{name}")
        self.start(name)
        label.at = len(self.out)
        row = self.loop_rows.get(a)
        if row is not None:
            for local in self.pool[row[0] : row[0] + row[1]]:
                if local not in self.slots:
                    label.phis.append((local, self.number))
                    self.locals[local] = f"%{self.number}"
                    self.number += 1
            self.kept = None
        for at in range(len(params)):
            label.phis.append((-1 - at, self.number))
            self.stack[label.height + at] = f"%{self.number}"
            self.number += 1
        self.out.extend([""] * len(label.phis))

    def _close_loop(self, label: Label) -> None:
        """All branches to the loop are known: write its phis."""
        out = self.out
        at = label.at
        for local, number in label.phis:
            if local >= 0:
                type_ = self.local_types[local]
                incoming = ", ".join([f"[{edge[1][local]}, %{edge[0]}]" for edge in label.edges])
            else:
                type_ = label.params[-1 - local]
                incoming = ", ".join([f"[{edge[2][-1 - local]}, %{edge[0]}]" for edge in label.edges])
            out[at] = f"%{number} = phi {type_} {incoming}"
            at += 1

    def op_if(self, word: int, a: int, b: int) -> None:
        condition = self.condition(self.stack.pop())
        params, results = self.block_types(b)
        label = Label(f"b{a}", len(self.stack) - len(params), params, results)
        self.labels[a] = label
        label.saved = (self.snapshot(), tuple(self.stack[label.height :]))
        label.otherwise = f"n{a}"
        self.out.append(f"br i1 {condition}, label %y{a}, label %n{a}")
        self.start(f"y{a}")

    def _second_arm(self, label: Label) -> None:
        self.start(label.otherwise)
        label.otherwise = ""
        self.locals = list(label.saved[0])
        self.kept = label.saved[0]
        self.stack[label.height :] = label.saved[1]

    def op_else(self, word: int, a: int, b: int) -> None:
        label = self.labels[a]
        if b:
            self.out.append(f"br label %{self.branch_to(label)}")
        self._second_arm(label)

    def op_end(self, word: int, a: int, b: int) -> None:
        label = self.labels[a]
        falls = b & END_FALLS_THROUGH
        if a == 0:
            if falls:
                self.out.append(f"br label %{self.branch_to(label)}")
            return
        del self.labels[a]
        if label.loop:
            self._close_loop(label)
            if not falls:
                del self.stack[label.height :]
            return
        if falls and not b & (END_IS_TARGET | END_OF_IF_WITHOUT_ELSE) and not label.edges:
            return
        if falls:
            self.out.append(f"br label %{self.branch_to(label)}")
        if b & END_OF_IF_WITHOUT_ELSE:
            self._second_arm(label)
            self.out.append(f"br label %{self.branch_to(label)}")
        if label.edges:
            self._join(label, label.results)
        else:
            del self.stack[label.height :]

    def op_br(self, word: int, a: int, b: int) -> None:
        self.out.append(f"br label %{self.branch_to(self.labels[a])}")

    def op_br_if(self, word: int, a: int, b: int) -> None:
        condition = self.condition(self.stack.pop())
        target = self.branch_to(self.labels[a])
        self.blocks += 1
        self.out.append(f"br i1 {condition}, label %{target}, label %c{self.blocks}{self.loop_hint}")
        self.start(f"c{self.blocks}")

    def op_br_table(self, word: int, a: int, b: int) -> None:
        index = self.stack.pop()
        targets = self.pool[a : a + 2 * (b & 0xFFFFFFFF) + 2 : 2]
        default = targets[-1]
        self.blocks += 1
        prefix = f"s{self.blocks}."
        cases = " ".join([f"i32 {at}, label %{prefix}{target}" for at, target in enumerate(targets[:-1])])
        self.out.append(f"switch i32 {index}, label %{prefix}{default} [{cases}]")
        # one block between for each label, so that a label has one edge from here
        for target in dict.fromkeys(targets):
            self.start(f"{prefix}{target}")
            self.out.append(f"br label %{self.branch_to(self.labels[target])}")

    def op_return(self, word: int, a: int, b: int) -> None:
        self.out.append(f"br label %{self.branch_to(self.labels[0])}")

    # --- calls ----------------------------------------------------------------------------
    def _arguments(self, signature: Signature) -> list[str]:
        count = len(signature.params)
        if not count:
            return []
        stack = self.stack
        values = stack[-count:]
        del stack[-count:]
        return [f"{type_} {value}" for type_, value in zip(signature.params, values, strict=True)]

    def _call(self, signature: Signature, callee: str, context: str, arguments: list[str]) -> None:
        """A call by the machine contract; its results are pushed."""
        given = [f"ptr {context}"]
        if signature.buffered:
            given.append("ptr %buffer")
            self.buffer_slots = max(self.buffer_slots, len(signature.results) - 1)
        text = f"call {signature.external_result} {callee}({', '.join(given + arguments)}) #2{self.location()}"
        if not signature.results:
            self.out.append(text)
            return
        self.stack.append(self.let(text))
        for at, type_ in enumerate(signature.results[1:]):
            place = self.let(f"getelementptr i8, ptr %buffer, i64 {16 * at}")
            self.stack.append(self.let(f"load {type_}, ptr {place}, align 8"))

    def op_call(self, word: int, a: int, b: int) -> None:
        view = self.view
        signature = view.signatures[b]
        arguments = self._arguments(signature)
        if a < view.imported_functions:
            record = view.import_offsets[a]
            code = self.context_constant("ptr", record + IMPORT_RECORD["code"].offset)
            context = self.context_constant("ptr", record + IMPORT_RECORD["vmctx"].offset)
            self._call(signature, code, context, arguments)
        elif a in self.internal:
            text = f"call fastcc {signature.internal_result} @f{a}({', '.join(['ptr %0', *arguments])}) #2{self.location()}"
            if not signature.results:
                self.out.append(text)
            elif not signature.buffered:
                self.stack.append(self.let(text))
            else:
                whole = self.let(text)
                for at in range(len(signature.results)):
                    self.stack.append(self.let(f"extractvalue {signature.internal_result} {whole}, {at}"))
        elif a in self.unit:
            self._call(signature, f"@f{a}", "%0", arguments)
        else:
            self._call(signature, self._entry(a - view.imported_functions), "%0", arguments)

    def _entry(self, entry: int) -> str:
        """The code address in an entry of the module's table."""
        return self.let(f"load ptr, ptr {self.view.slot(entry)}, align 8{CONTEXT_ACCESS}")

    def op_call_indirect(self, word: int, a: int, b: int) -> None:
        view = self.view
        signature = view.signatures[a]
        index = self.stack.pop()
        arguments = self._arguments(signature)
        place = self._element(index, b, UNDEFINED_ELEMENT)
        record = self.let(f"load ptr, ptr {place}, align 8{CONTEXT_ACCESS}")
        self.trap_if(self.let(f"icmp eq ptr {record}, null"), UNINITIALIZED_ELEMENT)
        expected = self.context_constant("i64", view.signature_offsets[a])
        found = self.field("i64", record, FUNCTION_RECORD["signature"].offset)
        self.trap_if(self.let(f"icmp ne i64 {expected}, {found}"), TYPE_MISMATCH)
        code = self.field("ptr", record, FUNCTION_RECORD["code"].offset)
        context = self.field("ptr", record, FUNCTION_RECORD["vmctx"].offset)
        self._call(signature, code, context, arguments)

    def _helper(self, name: str, immediates: Sequence[int], result: str = "void") -> None:
        """An operator that core carries out: its operands, then its immediates."""
        row = VMCALLS[SLOTS[name]]
        types = ["ptr" if param.endswith(":ref") else "i32" for param in row.params]
        count = len(types) - len(immediates)
        stack = self.stack
        values = stack[len(stack) - count :] if count else []
        del stack[len(stack) - count :]
        values += [str(immediate) for immediate in immediates]
        arguments = ["ptr %0"] + [f"{type_} {value}" for type_, value in zip(types, values, strict=True)]
        code = self._entry(self.view.defined_functions + row.slot)
        text = f"call {result} {code}({', '.join(arguments)}) #2{self.location()}"
        if result == "void":
            self.out.append(text)
        else:
            self.stack.append(self.let(text))

    # --- the context ----------------------------------------------------------------------
    def context_constant(self, type_: str, offset: int) -> str:
        """A field of the vmctx that never changes."""
        place = self.let(f"getelementptr i8, ptr %0, i64 {offset}")
        return self.let(f"load {type_}, ptr {place}, align 8{CONTEXT_CONSTANT}")

    def field(self, type_: str, base: str, offset: int) -> str:
        """A field of something that the vmctx leads to."""
        place = self.let(f"getelementptr i8, ptr {base}, i64 {offset}") if offset else base
        return self.let(f"load {type_}, ptr {place}, align 8{CONTEXT_ACCESS}")

    def op_global_get(self, word: int, a: int, b: int) -> None:
        view = self.view
        type_ = view.global_types[a]
        place = self._global(a)
        constant = not view.global_mutable[a]
        self.stack.append(self.let(f"load {type_}, ptr {place}, align 8{CONTEXT_CONSTANT if constant else CONTEXT_ACCESS}"))

    def op_global_set(self, word: int, a: int, b: int) -> None:
        view = self.view
        place = self._global(a)
        self.out.append(f"store volatile {view.global_types[a]} {self.stack.pop()}, ptr {place}, align 8{CONTEXT_ACCESS}")

    def _global(self, index: int) -> str:
        view = self.view
        if index < view.imported_globals:
            return self.context_constant("ptr", view.global_offsets[index])
        return self.let(f"getelementptr i8, ptr %0, i64 {view.global_offsets[index]}")

    # --- references and tables ------------------------------------------------------------
    def op_ref_null(self, word: int, a: int, b: int) -> None:
        self.stack.append("null")

    def op_ref_func(self, word: int, a: int, b: int) -> None:
        self.stack.append(self.let(f"getelementptr i8, ptr %0, i64 {self.view.record_offsets[a]}"))

    def _element(self, index: str, table: int, kind: int) -> str:
        """The address of a table's element, checked."""
        definition = self.context_constant("ptr", self.view.table_offsets[table])
        length = self.field("i64", definition, TABLE_DEFINITION["length"].offset)
        wide = self.let(f"zext i32 {index} to i64")
        self.trap_if(self.let(f"icmp uge i64 {wide}, {length}"), kind)
        base = self.field("ptr", definition, TABLE_DEFINITION["base"].offset)
        return self.let(f"getelementptr ptr, ptr {base}, i64 {wide}")

    def op_table_get(self, word: int, a: int, b: int) -> None:
        place = self._element(self.stack.pop(), a, TABLE_OUT_OF_BOUNDS)
        self.stack.append(self.let(f"load ptr, ptr {place}, align 8{CONTEXT_ACCESS}"))

    def op_table_set(self, word: int, a: int, b: int) -> None:
        self._helper("table_set", [a])  # slots own what they refer to

    def op_table_size(self, word: int, a: int, b: int) -> None:
        definition = self.context_constant("ptr", self.view.table_offsets[a])
        length = self.field("i64", definition, TABLE_DEFINITION["length"].offset)
        self.stack.append(self.let(f"trunc i64 {length} to i32"))

    def op_table_grow(self, word: int, a: int, b: int) -> None:
        self._helper("table_grow", [a], "i32")

    def op_table_fill(self, word: int, a: int, b: int) -> None:
        self._helper("table_fill", [a])

    def op_table_copy(self, word: int, a: int, b: int) -> None:
        self._helper("table_copy", [a, b])

    def op_table_init(self, word: int, a: int, b: int) -> None:
        self._helper("table_init", [a, b])

    def op_elem_drop(self, word: int, a: int, b: int) -> None:
        self._helper("elem_drop", [a])

    # --- parametric, variables, constants ---------------------------------------------------
    def op_drop(self, word: int, a: int, b: int) -> None:
        self.stack.pop()

    def op_select(self, word: int, a: int, b: int) -> None:
        condition = self.condition(self.stack.pop())
        otherwise = self.stack.pop()
        type_ = LLVM_TYPES[(word >> 16) & 0xFF]
        self.stack[-1] = self.let(f"select i1 {condition}, {type_} {self.stack[-1]}, {type_} {otherwise}")

    def op_local_get(self, word: int, a: int, b: int) -> None:
        slot = self.slots.get(a)
        if slot is None:
            self.stack.append(self.locals[a])
        else:
            self.stack.append(self.let(f"load {self.local_types[a]}, ptr {slot}"))

    def op_local_set(self, word: int, a: int, b: int) -> None:
        value = self.stack.pop()
        slot = self.slots.get(a)
        if slot is None:
            self.locals[a] = value
            self.kept = None
        else:
            self.out.append(f"store {self.local_types[a]} {value}, ptr {slot}")

    def op_local_tee(self, word: int, a: int, b: int) -> None:
        value = self.stack[-1]
        slot = self.slots.get(a)
        if slot is None:
            self.locals[a] = value
            self.kept = None
        else:
            self.out.append(f"store {self.local_types[a]} {value}, ptr {slot}")

    def op_i32_const(self, word: int, a: int, b: int) -> None:
        self.stack.append(str(a - 0x100000000 if a & 0x80000000 else a))

    def op_i64_const(self, word: int, a: int, b: int) -> None:
        value = a | b << 32
        self.stack.append(str(value - (1 << 64) if value >> 63 else value))

    def op_f32_const(self, word: int, a: int, b: int) -> None:
        (value,) = struct.unpack("<f", a.to_bytes(4, "little"))
        if value != value:
            self.stack.append(f"bitcast (i32 {a} to float)")
        else:
            self.stack.append(float_text(value))

    def op_f64_const(self, word: int, a: int, b: int) -> None:
        self.stack.append(f"0x{a | b << 32:016X}")

    def op_v128_const(self, word: int, a: int, b: int) -> None:
        w = self.pool[a : a + 4]
        self.stack.append(f"<i64 {w[0] | w[1] << 32}, i64 {w[2] | w[3] << 32}>")

    def op_shuffle(self, word: int, a: int, b: int) -> None:
        lanes = struct.pack("<4I", *self.pool[a : a + 4])
        right = self.let(f"bitcast {V128} {self.stack.pop()} to <16 x i8>")
        left = self.let(f"bitcast {V128} {self.stack.pop()} to <16 x i8>")
        mask = ", ".join([f"i32 {lane}" for lane in lanes])
        result = self.let(f"shufflevector <16 x i8> {left}, <16 x i8> {right}, <16 x i32> <{mask}>")
        self.stack.append(self.let(f"bitcast <16 x i8> {result} to {V128}"))

    def op_i32_eqz(self, word: int, a: int, b: int) -> None:
        value = self.stack.pop()
        bit = self.bits.get(value)
        if bit is not None:
            self.push_bit(self.let(f"xor i1 {bit}, true"))
        else:
            self.push_bit(self.let(f"icmp eq i32 {value}, 0"))

    def op_i64_eqz(self, word: int, a: int, b: int) -> None:
        self.push_bit(self.let(f"icmp eq i64 {self.stack.pop()}, 0"))

    # --- memory ---------------------------------------------------------------------------
    def address(self, index: str, offset: int, memory: int, size: int) -> str:
        """Where an access goes; compared with the memory's length if that is wanted."""
        wide = self.let(f"zext i32 {index} to i64")
        if self.view.bounds_checks:
            definition = self.context_constant("ptr", self.view.memory_offsets[memory])
            length = self.field("i64", definition, MEMORY_DEFINITION["length"].offset)
            end = self.let(f"add nuw i64 {wide}, {offset + size}")
            self.trap_if(self.let(f"icmp ugt i64 {end}, {length}"), OUT_OF_BOUNDS)
            base = self.field("ptr", definition, MEMORY_DEFINITION["base"].offset)
        else:
            found = self.memory_bases.get(memory)
            base = found if found is not None else self._memory_base(memory)
        place = self.let(f"getelementptr i8, ptr {base}, i64 {wide}")
        if offset:
            place = self.let(f"getelementptr i8, ptr {place}, i64 {offset}")
        return place

    def _memory_base(self, memory: int) -> str:
        """Read in the entry block: it never changes while memories are reserved."""
        value = f"%memory{memory}"
        if memory == 0:
            self.head.append(f"%place0 = getelementptr i8, ptr %0, i64 {VMCTX['memory_base'].offset}")
        else:
            self.head.append(f"%pointer{memory} = getelementptr i8, ptr %0, i64 {self.view.memory_offsets[memory]}")
            self.head.append(f"%definition{memory} = load ptr, ptr %pointer{memory}, align 8{CONTEXT_CONSTANT}")
            self.head.append(
                f"%place{memory} = getelementptr i8, ptr %definition{memory}, i64 {MEMORY_DEFINITION['base'].offset}"
            )
        self.head.append(f"{value} = load ptr, ptr %place{memory}, align 8{CONTEXT_CONSTANT}")
        self.memory_bases[memory] = value
        return value

    def load(self, access: Access, size: int, word: int, a: int, b: int) -> None:
        stack = self.stack
        vector = stack.pop() if (word & 0xFFFF) in LANE_ACCESSES else ""
        place = self.address(stack.pop(), a, b, size)
        value = self.let(f"load {self.volatile}{access.memory}, ptr {place}, align 1{MEMORY_ACCESS}{self.location()}")
        if access.row is not None:
            value = self.template(access.row, value, vector, "", str(word >> 24))
        stack.append(value)

    def store(self, access: Access, size: int, word: int, a: int, b: int) -> None:
        value = self.stack.pop()
        if access.row is not None:
            value = self.template(access.row, value, "", "", str(word >> 24))
        place = self.address(self.stack.pop(), a, b, size)
        self.out.append(f"store {self.volatile}{access.memory} {value}, ptr {place}, align 1{MEMORY_ACCESS}{self.location()}")

    def op_memory_size(self, word: int, a: int, b: int) -> None:
        definition = self.context_constant("ptr", self.view.memory_offsets[a])
        length = self.field("i64", definition, MEMORY_DEFINITION["length"].offset)
        pages = self.let(f"lshr i64 {length}, 16")
        self.stack.append(self.let(f"trunc i64 {pages} to i32"))

    def op_memory_grow(self, word: int, a: int, b: int) -> None:
        self._helper("memory_grow", [a], "i32")

    def op_memory_fill(self, word: int, a: int, b: int) -> None:
        self._helper("memory_fill", [a])

    def op_memory_copy(self, word: int, a: int, b: int) -> None:
        self._helper("memory_copy", [a, b])

    def op_memory_init(self, word: int, a: int, b: int) -> None:
        self._helper("memory_init", [a, b])

    def op_data_drop(self, word: int, a: int, b: int) -> None:
        self._helper("data_drop", [a])

    # --- what traps by its operands ---------------------------------------------------------
    def divide(self, row: str, word: int, a: int, b: int) -> None:
        division = DIVISIONS[row]
        type_ = division.type
        right = self.stack.pop()
        left = self.stack.pop()
        if right[0] == "%" or right == "0":
            self.trap_if(self.let(f"icmp eq {type_} {right}, 0"), DIVIDE_BY_ZERO)
        if division.overflows and (right[0] == "%" or right == "-1"):
            least = self.let(f"icmp eq {type_} {left}, {-(1 << int(type_[1:]) - 1)}")
            minus_one = self.let(f"icmp eq {type_} {right}, -1")
            self.trap_if(self.let(f"and i1 {least}, {minus_one}"), OVERFLOW)
        if division.remainder and (right[0] == "%" or right == "-1"):
            minus_one = self.let(f"icmp eq {type_} {right}, -1")
            right = self.let(f"select i1 {minus_one}, {type_} 1, {type_} {right}")
        self.stack.append(self.let(f"{division.instruction} {type_} {left}, {right}"))

    def truncate(self, row: Truncation, word: int, a: int, b: int) -> None:
        value = self.stack.pop()
        source = row.source
        above = self.let(f"fcmp ogt {source} {value}, {float_text(row.above)}")
        below = self.let(f"fcmp olt {source} {value}, {float_text(row.below)}")
        fits = self.let(f"and i1 {above}, {below}")
        self.blocks += 1
        number = self.blocks
        self.out.append(f"br i1 {fits}, label %c{number}, label %t{number}")
        self.traps.append(
            f"t{number}:\n%nan{number} = fcmp uno {source} {value}, 0.0\nbr i1 %nan{number}, label %u{number}, label %v{number}\n"
            f"u{number}:\ncall void @{TRAP}{INVALID_CONVERSION}() #3{self.location()}\nunreachable\n"
            f"v{number}:\ncall void @{TRAP}{OVERFLOW}() #3{self.location()}\nunreachable"
        )
        self.start(f"c{number}")
        self.stack.append(self.let(f"{'fptosi' if row.signed else 'fptoui'} {source} {value} to {row.result}"))

    def compare(self, row: str, word: int, a: int, b: int) -> None:
        right = self.stack.pop()
        left = self.stack.pop()
        self.push_bit(self.let(f"{row} {left}, {right}"))


def float_text(value: float) -> str:
    """A float's bits as LLVM writes them, of either type: those of the same value as a double."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


Handler = Callable[[FunctionTranslator, int, int, int], None]

PROMOTE: Final = BY_MNEMONIC["f64.promote_f32"].code
DEMOTE: Final = BY_MNEMONIC["f32.demote_f64"].code
CANONICAL_CODES: Final = {BY_MNEMONIC[name].code: type_ for name, type_ in CANONICAL.items()}
LANE_ACCESSES: Final = frozenset(row.code for row in OPERATORS.values() if row.immediate == "memarg lane")

_METHODS: Final = {
    "i8x16.shuffle": "op_shuffle",
}


def _handlers() -> dict[int, Handler]:
    handlers: dict[int, Handler] = {}

    def bind(method: Callable[..., None], *row: object) -> Handler:
        return lambda f, word, a, b: method(f, *row, word, a, b)

    for code, row in OPERATORS.items():
        name = row.mnemonic
        if code in LOADS:
            handlers[code] = bind(FunctionTranslator.load, LOADS[code], row.access_bytes)
        elif code in STORES:
            handlers[code] = bind(FunctionTranslator.store, STORES[code], row.access_bytes)
        elif name in DIVISIONS:
            handlers[code] = bind(FunctionTranslator.divide, name)
        elif name in TRUNCATIONS:
            handlers[code] = bind(FunctionTranslator.truncate, TRUNCATIONS[name])
        elif name in COMPARISONS:
            handlers[code] = bind(FunctionTranslator.compare, COMPARISONS[name])
        elif code not in TEMPLATES and name not in ("nop", "select t"):
            method = _METHODS.get(name, "op_" + name.replace(".", "_"))
            handlers[code] = getattr(FunctionTranslator, method)
    return handlers


HANDLERS: Final = _handlers()
