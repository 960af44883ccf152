"""A body becomes a function of CLIF in SSA form, in one walk over its records.

Locals and operands are not variables here but the values that they hold at this point: `locals` and `stack`.
Where ways join, a block gets a parameter for each local that differs between them, and for each operand that is
brought along.

Which locals may differ
-----------------------
At the end of a block: those that were written since it was opened. A log holds every write with what was there before,
so that a branch knows what changed since its label was opened, and the state at the opening can be had back, for
an else arm and for the end. At the head of a loop: those that the loop writes, which core's `Body.loops` lists.

A label's edges are kept until it is bound, as places in instructions that are filled in then; a loop's head is bound
at once.
"""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i32_le

from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.opcodes import (
    BR_TABLE,
    BRIF,
    F32CONST,
    F64CONST,
    ICONST,
    IREDUCE,
    JUMP,
    NOTRAP,
    PARAMETER,
    RETURN,
    STORE,
    TRAP,
    UEXTEND,
    VCONST,
)
from wasmer_clif_backend.ir.types import F32, F64, I8X16, I32, I64
from wasmer_clif_backend.translate.operators import code_of
from wasmer_clif_backend.translate.view import BUFFER_BYTES, TYPES, ModuleView
from wasmer_runtime_core.wasm.body import BLOCK_EMPTY, END_FALLS_THROUGH, END_OF_IF_WITHOUT_ELSE, Body

UNREACHABLE_TRAP: Final = 1

_BLOCK: Final = code_of("block")
_LOOP: Final = code_of("loop")
_IF: Final = code_of("if")
_ELSE: Final = code_of("else")
_END: Final = code_of("end")
_BR: Final = code_of("br")
_BR_IF: Final = code_of("br_if")
_BR_TABLE: Final = code_of("br_table")
_RETURN: Final = code_of("return")
_UNREACHABLE: Final = code_of("unreachable")
CONTROL: Final = frozenset((_BLOCK, _LOOP, _IF, _ELSE, _END, _BR, _BR_IF, _BR_TABLE, _RETURN, _UNREACHABLE))


@final
class Edge:
    """A way to a label that is not bound yet: where its number goes, and what it brings."""

    def __init__(self, v: int, place: int, source: int, changed: dict[int, int], operands: list[int]) -> None:
        self.v = v
        self.place = place
        """1 to 3: column a, b, c; negative: a place in the pool."""
        self.source = source
        self.changed = changed
        self.operands = operands


@final
class Label:
    """A block, loop or if that is open."""

    def __init__(self, log_at: int, height: int, params: list[int], results: list[int]) -> None:
        self.log_at = log_at
        self.height = height
        self.params = params
        self.results = results
        self.edges: list[Edge] = []
        self.head = 0
        """A loop's head; 0: no loop."""
        self.written: list[int] = []
        """A loop's locals."""
        self.otherwise: Edge | None = None
        """An if's way to its other arm, until that is there."""


@final
class State:
    """The function that is made, and what is known at this point of the body. Operators are in `translate.function`."""

    def __init__(self, view: ModuleView, body: Body) -> None:
        self.view: Final = view
        self.body: Final = body
        self.shape: Final = view.shapes[body.type_index]
        self.function: Final = Function()
        self.block = 0
        self.locals: list[int] = []
        self.local_types: Final = [TYPES[code] for code in body.local_types]
        self.stack: list[int] = []
        self.log: list[tuple[int, int]] = []
        self.labels: dict[int, Label] = {}
        self.vmctx = 0
        self.buffer = 0
        self.signatures: dict[int, int] = {}
        self.externals: dict[str, int] = {}

    # --- values --------------------------------------------------------------------------------------

    def add(
        self, opcode: int, type: int, a: int = 0, b: int = 0, c: int = 0, immediate: int = 0, extra: int = 0
    ) -> int:
        """A new instruction in the block at hand."""
        return int(self.function.add(self.block, opcode, type, a, b, c, immediate, extra))

    def integer(self, value: int, type: int) -> int:
        """A constant."""
        return self.add(ICONST, type, immediate=value)

    def zero(self, type: int) -> int:
        """What a local holds at first."""
        if type == F32 or type == F64:
            return self.add(F32CONST if type == F32 else F64CONST, type)
        if type == I8X16:
            return self.add(VCONST, type, immediate=int(self.function.constant(bytes(16))))
        return self.integer(0, type)

    def type_of(self, v: int) -> int:
        """A value's type."""
        return int(self.function.type[v])

    def write(self, local: int, value: int) -> None:
        """A local holds another value from here on."""
        self.log.append((local, self.locals[local]))
        self.locals[local] = value

    def pop(self) -> int:
        """The topmost operand."""
        return self.stack.pop()

    def top(self, count: int) -> list[int]:
        """The topmost operands, which stay."""
        return self.stack[len(self.stack) - count :]

    # --- edges -----------------------------------------------------------------------------------------

    def changed_since(self, log_at: int) -> dict[int, int]:
        """The locals that were written, with what they hold."""
        return {local: self.locals[local] for local, _ in self.log[log_at:]}

    def undo(self, log_at: int) -> None:
        """The locals as they were."""
        while len(self.log) > log_at:
            local, before = self.log.pop()
            self.locals[local] = before

    def set_edge(self, v: int, place: int, e: int) -> None:
        """An edge's number to where its instruction looks for it."""
        function = self.function
        if place < 0:
            function.pool[-place] = e
        elif place == 1:
            function.a[v] = e
        elif place == 2:
            function.b[v] = e
        else:
            function.c[v] = e

    def go(self, number: int, v: int, place: int, arity: int) -> None:
        """A way from the block at hand to a label."""
        label = self.labels[number]
        operands = self.top(arity)
        if label.head:
            function = self.function
            arguments = [self.locals[local] for local in label.written] + operands
            self.set_edge(v, place, int(function.edge(self.block, label.head, function.new_list(arguments))))
            return
        label.edges.append(Edge(v, place, self.block, self.changed_since(label.log_at), operands))

    def plain_block(self, v: int, place: int) -> None:
        """A new block that only an instruction of the block at hand leads to."""
        source = self.block
        self.block = int(self.function.block())
        self.set_edge(v, place, int(self.function.edge(source, self.block)))

    def bind(self, label: Label) -> None:
        """A label's end stands here: all that lead to it meet, and the state is what they bring."""
        function = self.function
        self.undo(label.log_at)
        edges = label.edges
        self.block = int(function.block())
        del self.stack[label.height :]
        if len(edges) == 1:
            (one,) = edges
            self.set_edge(one.v, one.place, int(function.edge(one.source, self.block)))
            for local, value in one.changed.items():
                self.write(local, value)
            self.stack += one.operands
            return
        differing = sorted({local for one in edges for local in one.changed})
        for one in edges:
            arguments = [one.changed.get(local, self.locals[local]) for local in differing] + one.operands
            e = int(function.edge(one.source, self.block, function.new_list(arguments)))
            self.set_edge(one.v, one.place, e)
        for number, local in enumerate(differing):
            self.write(local, self.add(PARAMETER, self.local_types[local], immediate=number))
        for number, type in enumerate(label.results, len(differing)):
            self.stack.append(self.add(PARAMETER, type, immediate=number))

    # --- control ---------------------------------------------------------------------------------------

    def control(self, code: int, arity: int, a: int, b: int) -> None:
        """One operator that directs control; `arity`: how many operands a branch takes along."""
        if code == _BLOCK or code == _LOOP or code == _IF:
            self.open(code, a, b)
        elif code == _ELSE:
            self.other_arm(a, b)
        elif code == _END:
            self.end(a, b)
        elif code == _BR:
            self.go(a, self.add(JUMP, 0), 1, arity)
        elif code == _BR_IF:
            v = self.add(BRIF, 0, self.pop())
            self.go(a, v, 2, arity)
            self.plain_block(v, 3)
        elif code == _BR_TABLE:
            self.table(a, b, arity)
        elif code == _RETURN:
            self.give_back(self.top(arity))
        else:
            self.add(TRAP, 0, extra=UNREACHABLE_TRAP)

    def block_type(self, type: int) -> tuple[list[int], list[int]]:
        """The types that a block takes and gives."""
        if type == BLOCK_EMPTY:
            return [], []
        if type < 0:
            return [], [TYPES[type & 0x7F]]
        shape = self.view.shapes[type]
        return shape.params, shape.results

    def open(self, code: int, number: int, type: int) -> None:
        """A block, a loop or an if."""
        params, results = self.block_type(type)
        condition = self.pop() if code == _IF else 0
        label = Label(len(self.log), len(self.stack) - len(params), params, results)
        self.labels[number] = label
        if code == _IF:
            v = self.add(BRIF, 0, condition)
            label.otherwise = Edge(v, 3, self.block, {}, self.top(len(params)))
            self.plain_block(v, 2)
        elif code == _LOOP:
            self.loop_head(number, label)

    def loop_head(self, number: int, label: Label) -> None:
        """A new block with a parameter for each local that the loop writes, and for each operand that it takes."""
        function = self.function
        label.written = self.locals_of_loop(number)
        operands = self.top(len(label.params))
        arguments = [self.locals[local] for local in label.written] + operands
        v = self.add(JUMP, 0)
        source = self.block
        self.block = label.head = int(function.block())
        function.a[v] = function.edge(source, label.head, function.new_list(arguments))
        for at, local in enumerate(label.written):
            self.write(local, self.add(PARAMETER, self.local_types[local], immediate=at))
        del self.stack[label.height :]
        for at, type in enumerate(label.params, len(label.written)):
            self.stack.append(self.add(PARAMETER, type, immediate=at))

    def locals_of_loop(self, number: int) -> list[int]:
        """The locals that a loop writes."""
        loops = self.body.loops
        low = 0
        high = len(loops) // 12
        while high - low > 1:
            middle = (low + high) // 2
            if read_i32_le(loops, 12 * middle) <= number:
                low = middle
            else:
                high = middle
        at = int(read_i32_le(loops, 12 * low + 4))
        count = int(read_i32_le(loops, 12 * low + 8))
        return [int(read_i32_le(self.body.pool, 4 * (at + n))) for n in range(count)]

    def other_arm(self, number: int, falls_through: int) -> None:
        """The second arm of an if: with the state that was there when it was opened."""
        label = self.labels[number]
        if falls_through:
            self.go(number, self.add(JUMP, 0), 1, len(label.results))
        self.undo(label.log_at)
        del self.stack[label.height :]
        otherwise = label.otherwise
        assert otherwise is not None
        label.otherwise = None
        self.stack += otherwise.operands
        self.block = otherwise.source
        self.plain_block(otherwise.v, otherwise.place)

    def end(self, number: int, flags: int) -> None:
        """The end of a label."""
        label = self.labels.pop(number)
        falls_through = bool(flags & END_FALLS_THROUGH)
        if flags & END_OF_IF_WITHOUT_ELSE and label.otherwise is not None:
            label.edges.append(label.otherwise)
        if label.edges:
            if falls_through:
                v = self.add(JUMP, 0)
                changed = self.changed_since(label.log_at)
                label.edges.append(Edge(v, 1, self.block, changed, self.top(len(label.results))))
            self.bind(label)
        elif not falls_through:
            # Nothing leads here: what comes next is another arm, or another end.
            self.undo(label.log_at)
            del self.stack[label.height :]
            if number == 0:
                return
        if number == 0:
            self.give_back(self.top(len(label.results)))

    def table(self, at: int, count: int, arity: int) -> None:
        """A branch through a table, the default label last."""
        function = self.function
        v = self.add(BR_TABLE, 0, self.pop())
        pool = int(function.list_of(count + 1))
        function.b[v] = pool
        for n in range(count + 1):
            label = int(read_i32_le(self.body.pool, 4 * (at + 2 * n)))
            self.go(label, v, -(pool + 1 + n), arity)

    def give_back(self, results: list[int]) -> None:
        """Return; results beyond the first go to the buffer."""
        function = self.function
        for number, value in enumerate(results[1:]):
            self.add(STORE, 0, value, self.buffer, immediate=BUFFER_BYTES * number, extra=NOTRAP)
        first = [self.passed(results[0])] if results else []
        self.add(RETURN, 0, 0, int(function.new_list(first)))

    def passed(self, value: int) -> int:
        """A value as it goes from function to function."""
        return self.add(UEXTEND, I64, value) if self.type_of(value) == I32 else value

    def received(self, value: int, type: int) -> int:
        """A value as it came from another function."""
        return self.add(IREDUCE, I32, value) if type == I32 else value
