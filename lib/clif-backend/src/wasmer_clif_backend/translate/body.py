"""What is known at a point of a body while it becomes CLIF: values of locals and operands, and where control goes.

Locals and operands are not variables here but the values that they hold: `locals` and `stack`. Where ways join, a
block gets a parameter per local that differs between them, and one per operand that does.

Which locals may differ
-----------------------
At the end of a block: those that were written since it was opened. A log holds what a local held before the first
write since the innermost label was opened, so that a branch knows what changed since its own label was opened, and the
state at the opening can be had back, for an else arm and for the end. At the head of a loop: those that the loop
writes, which core's `Body.loops` lists; `passes.parameters` takes away those that were not needed.

A label's edges are kept, with what they bring, until it is bound; a loop's head is bound at once.

Order
-----
Blocks are made in the order of the source. It is a reverse post-order, a loop's blocks stand together, and the
dominator of a block is the nearest one common to its edges: `flow` is complete when the function is.

Long for one idea: locals, operands and labels make up the state at one point, and change together.
"""

from __future__ import annotations

from librt.strings import read_i32_le
from librt.vecs import vec

from wasmer_clif_backend.effort import Effort
from wasmer_clif_backend.ir.columns import column, grown
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.make import make
from wasmer_clif_backend.ir.numbering import IS_CONSTANT, Numbering, is_same_constant
from wasmer_clif_backend.ir.opcodes import (
    BR_CATCH,
    BR_TABLE,
    BRIF,
    F32CONST,
    F64CONST,
    ICMP,
    INTEGER_CONDITIONS,
    IREDUCE,
    JUMP,
    NOTRAP,
    PARAMETER,
    RETURN,
    STORE,
    TRAP,
    TRAPNZ,
    UEXTEND,
    VCONST,
)
from wasmer_clif_backend.ir.rules.choice import condition_of
from wasmer_clif_backend.ir.types import F32, F64, I8, I8X16, I32, I64
from wasmer_clif_backend.translate.in_memory import InMemory
from wasmer_clif_backend.translate.operators import code_of
from wasmer_clif_backend.translate.view import CLIF_TYPES, CallLayout, ModuleView
from wasmer_runtime_core.contract.convention import RESULT_SLOT_BYTES
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.body.body import (
    BLOCK_EMPTY,
    END_FALLS_THROUGH,
    END_OF_IF_WITHOUT_ELSE,
    RECORD_BYTES,
    Body,
)

UNREACHABLE_TRAP: Final = 1
_EQ: Final = INTEGER_CONDITIONS.index("eq")
_NE: Final = INTEGER_CONDITIONS.index("ne")

_BLOCK: Final[i64] = code_of("block")
_LOOP: Final[i64] = code_of("loop")
_IF: Final[i64] = code_of("if")
_ELSE: Final[i64] = code_of("else")
_END: Final[i64] = code_of("end")
_BR: Final[i64] = code_of("br")
_BR_IF: Final[i64] = code_of("br_if")
_BR_ON_NULL: Final[i64] = code_of("br_on_null")
_BR_ON_NON_NULL: Final[i64] = code_of("br_on_non_null")
_BR_TABLE: Final[i64] = code_of("br_table")
_RETURN: Final[i64] = code_of("return")
CONTROL: Final = (
    *("block", "loop", "if", "else", "end", "br", "br_if", "br_table", "return", "unreachable"),
    *("br_on_null", "br_on_non_null"),
)

_ROWS: Final = 1 << 7


@final
class Labels:
    """Blocks, loops and ifs that were opened; columns by label number."""

    def __init__(self, rows: i64) -> None:
        self.rows: i64 = rows
        self.log_at = column(rows)
        """Where the log was."""
        self.height = column(rows)
        """Of the operands below its own."""
        self.params = column(rows)
        """How many operands it takes."""
        self.results = column(rows)
        """How many it gives."""
        self.outer = column(rows)
        """The label that it is in."""
        self.loop = column(rows)
        """The head of the loop that it is in."""
        self.head = column(rows)
        """A loop's head; 0: it is no loop."""
        self.written = column(rows)
        """A loop: place of the list of its locals, in words of the body's pool, and how many there are."""
        self.written_count = column(rows)
        self.first_edge = column(rows)
        """The edges to its end; 0: there are none."""
        self.last_edge = column(rows)
        self.otherwise = column(rows)
        """An if: the edge to its other arm, until that is there."""
        self.saved = column(rows)
        """An if: what the other arm finds: place among `changes`."""
        self.heap = column(rows)
        """An if: the epochs where it was opened."""
        self.context = column(rows)
        self.any = column(rows)


@final
class State:
    """The function that is made, and what is known. Operators are in `translate.function`.

    One object serves one body after another: its columns are made once.
    """

    def __init__(self, view: ModuleView) -> None:
        self.view: Final = view
        self.function: Final = Function()
        self.flow: Final = Flow()
        self.values: Final = Numbering(self.function, self.flow)
        self.body_pool = b""
        self.body_loops = b""
        self.loop_row: i64 = 0
        self.layout: CallLayout = view.no_layout
        self.locals = column(_ROWS)
        self.local_types = column(_ROWS)
        self.logged = column(_ROWS)
        """By local: one more than the place of its newest entry in the log."""
        self.mark = column(_ROWS)
        """By local: the stamp of who came by last."""
        self.index = column(_ROWS)
        """By local: its place in `union`."""
        self.union = column(_ROWS)
        """Locals that some edge of the label at hand changes."""
        self.stack = column(_ROWS)
        self.height: i64 = 0
        self.labels = Labels(_ROWS)
        self.label: i64 = 0
        """The innermost one that is open."""
        self.loop: i64 = 0
        """The head of the innermost loop."""
        self.segment: i64 = 0
        """Where the log was when that label was opened."""
        self.log_local = column(_ROWS)
        self.log_value = column(_ROWS)
        self.log_before = column(_ROWS)
        """What `logged` was."""
        self.log_count: i64 = 0
        self.changes = column(_ROWS)
        """Of edges: how many locals changed, each with its value, then operands."""
        self.changes_count: i64 = 0
        self.edge_changes = column(_ROWS)
        self.edge_heap = column(_ROWS)
        self.edge_context = column(_ROWS)
        self.edge_any = column(_ROWS)
        self.scratch = column(_ROWS)
        self.joined = column(_ROWS)
        self.stamp: i64 = 0
        self.vmctx: i64 = 0
        self.buffer: i64 = 0
        self.handler: i64 = 0
        """The landing, a label, of the innermost try whose calls stand here; 0: there is none."""
        self.cold = False
        """Whether blocks are made that only an exception leads to."""
        self.memory: InMemory | None = None
        """Where locals and operands are if they are not values only."""

    def begin(self, body: Body, effort: Effort, in_memory: bool) -> None:
        """Forget the last body."""
        locals: i64 = len(body.local_types)
        if locals > i64(len(self.locals)):
            rows = 2 * locals
            self.locals = column(rows)
            self.local_types = column(rows)
            self.logged = column(rows)
            self.mark = column(rows)
            self.index = column(rows)
            self.union = column(rows)
        if body.max_stack + 8 > len(self.stack):
            self.stack = column(2 * i64(body.max_stack) + 8)
        labels = 2 * (i64(body.label_count) + 1)  # those of landings, too
        if labels > self.labels.rows:
            self.labels = Labels(2 * labels)
        self.function.clear(i64(len(body.records)) // RECORD_BYTES + locals + 64)
        self.function.effort = effort
        self.function.called = 0
        self.flow.begin()
        self.values.begin()
        self.values.within_blocks = in_memory
        self.memory = InMemory(self.function, body) if in_memory else None
        self.body_pool = body.pool
        self.body_loops = body.loops
        self.loop_row = 0
        self.layout = self.view.layouts[body.type_index]
        at: i64 = 0
        for code in body.local_types:
            self.local_types[at] = CLIF_TYPES[code]
            self.logged[at] = 0
            at += 1
        self.height = 0
        self.handler = 0
        self.cold = False
        self.label = 0
        self.loop = 0
        self.segment = 0
        self.log_count = 0
        self.changes_count = 0

    # --- values --------------------------------------------------------------------------------------

    def make(
        self, opcode: i64, type: i64, a: i64 = 0, b: i64 = 0, c: i64 = 0, immediate: i64 = 0, extra: i64 = 0
    ) -> i64:
        """A value, or an effect, in the block at hand (`ir.make`)."""
        return make(self.values, opcode, type, a, b, c, immediate, extra)

    def integer(self, value: i64, type: i64) -> i64:
        """A constant."""
        return self.values.integer(value, type)

    def zero(self, type: i64) -> i64:
        """What a local holds at first."""
        if type == F32:
            return self.values.value(F32CONST, type)
        if type == F64:
            return self.values.value(F64CONST, type)
        if type == I8X16:
            return self.values.value(VCONST, type, 0, 0, 0, self.function.constant(bytes(16)))
        return self.values.integer(0, type)

    def type_of(self, v: i64) -> i64:
        """A value's type."""
        return self.function.type[v]

    def push(self, v: i64) -> None:
        """A new topmost operand."""
        self.stack[self.height] = v
        self.height += 1

    def pop(self) -> i64:
        """The topmost operand."""
        self.height -= 1
        return self.stack[self.height]

    def read(self, local: i64) -> i64:
        """What a local holds here."""
        if self.memory is not None:
            return self.memory.read(self.values.block, local, self.local_types[local])
        return self.locals[local]

    def reach(self, count: i64) -> None:
        """So many of the topmost operands are about to be taken."""
        if self.memory is not None:
            self.memory.reach(self.values.block, self.stack, self.height, count)

    def settle(self) -> None:
        """All operands are where any block finds them."""
        if self.memory is not None:
            self.memory.settle(self.values.block, self.stack, self.height)

    def drop_to(self, height: i64) -> None:
        """Only so many operands stay."""
        self.height = height
        if self.memory is not None:
            self.memory.cut(height)

    def write(self, local: i64, value: i64) -> None:
        """A local holds another value from here on."""
        if self.memory is not None:
            self.memory.write(self.values.block, local, value)
            return
        before = self.locals[local]
        if before == value:
            return
        self.locals[local] = value
        logged = self.logged[local]
        if logged > self.segment:
            return
        at = self.log_count
        if at >= i64(len(self.log_local)):
            rows = 2 * at
            self.log_local = grown(self.log_local, rows)
            self.log_value = grown(self.log_value, rows)
            self.log_before = grown(self.log_before, rows)
        self.log_local[at] = local
        self.log_value[at] = before
        self.log_before[at] = logged
        self.log_count = at + 1
        self.logged[local] = at + 1

    def undo(self, log_at: i64) -> None:
        """The locals as they were."""
        at = self.log_count
        while at > log_at:
            at -= 1
            local = self.log_local[at]
            self.locals[local] = self.log_value[at]
            self.logged[local] = self.log_before[at]
        self.log_count = at

    def compare(self, condition: i64, x: i64, y: i64) -> i64:
        """A comparison of integers, as an i8."""
        return self.make(ICMP, I8, x, y, 0, condition)

    def trap_if(self, condition: i64, kind: i64) -> None:
        """Trap if a comparison holds."""
        self.make(TRAPNZ, 0, condition, 0, 0, 0, kind)

    def passed(self, v: i64) -> i64:
        """A value as it goes from function to function."""
        if self.function.type[v] == I32:
            return self.make(UEXTEND, I64, v)
        return v

    def called(self) -> None:
        """The block at hand calls something: the function notes which block dominates all that do."""
        function = self.function
        block = self.values.block
        function.called = self.flow.nearest(function.called, block) if function.called else block

    def received(self, v: i64, type: i64) -> i64:
        """A value as it came from another function."""
        if type == I32:
            return self.make(IREDUCE, I32, v)
        return v

    # --- edges -----------------------------------------------------------------------------------------

    def begin_block(self, dominator: i64) -> i64:
        """A new block is the one at hand."""
        b = self.function.block()
        if self.cold or self.function.cold[dominator]:
            self.function.cold[b] = 1
        self.flow.enter(b, dominator, self.loop, False)
        self.values.block = b
        return b

    def plain_edge(self) -> i64:
        """A way from the block at hand that brings nothing; `follow` says where it leads."""
        return self.function.new_edge(self.values.block)

    def follow(self, e: i64) -> None:
        """A new block that only this edge leads to."""
        self.function.lead(e, self.begin_block(self.function.edge_from[e]))

    def go(self, number: i64) -> i64:
        """A way from the block at hand to a label."""
        labels = self.labels
        function = self.function
        values = self.values
        e = function.new_edge(values.block)
        if labels.head[number]:
            self.go_back(number, e)
            return e
        self.bring_epochs(e, values.heap, values.context, values.any)
        last = labels.last_edge[number]
        if last == 0:
            labels.first_edge[number] = e
        else:
            function.edge_next[last] = e
            if function.edge_from[last] == values.block:
                # Another row of the same table.
                labels.last_edge[number] = e
                self.edge_changes[e] = self.edge_changes[last]
                return e
        labels.last_edge[number] = e
        results = labels.results[number]
        self.edge_changes[e] = self.changed_since(labels.log_at[number], results)
        return e

    def may_land(self) -> None:
        """A call was made that an exception may leave for the try at hand: what follows is a new block."""
        block = self.values.block
        behind = self.plain_edge()
        caught = self.go(self.handler)
        self.function.add(block, BR_CATCH, 0, behind, caught)
        self.follow(behind)

    def bring_epochs(self, e: i64, heap: i64, context: i64, any: i64) -> None:
        """An edge that is kept brings these epochs."""
        if e >= i64(len(self.edge_changes)):
            rows = 2 * e
            self.edge_changes = grown(self.edge_changes, rows)
            self.edge_heap = grown(self.edge_heap, rows)
            self.edge_context = grown(self.edge_context, rows)
            self.edge_any = grown(self.edge_any, rows)
        self.edge_heap[e] = heap
        self.edge_context[e] = context
        self.edge_any[e] = any

    def go_back(self, number: i64, e: i64) -> None:
        """An edge to the head of a loop brings all locals that the loop writes, and its operands."""
        labels = self.labels
        function = self.function
        count = labels.written_count[number]
        params = labels.params[number]
        function.effort.spend(count + params + 1)
        arguments = function.list_of(count + params)
        function.edge_arguments[e] = arguments
        word = labels.written[number]
        at: i64 = 0
        while at < count:
            local: i64 = i64(read_i32_le(self.body_pool, 4 * (word + at)))
            at += 1
            function.pool[arguments + at] = self.values.local(self.locals[local])
        operand = self.height - params
        while operand < self.height:
            at += 1
            function.pool[arguments + at] = self.values.local(self.stack[operand])
            operand += 1
        function.lead(e, labels.head[number])

    def changed_since(self, log_at: i64, operands: i64) -> i64:
        """The locals that were written, with what they hold, and the topmost operands: their place in `changes`."""
        place = self.changes_count
        self.function.effort.spend(self.log_count - log_at + operands + 1)
        least = place + 1 + 2 * (self.log_count - log_at) + operands
        if least > i64(len(self.changes)):
            self.changes = grown(self.changes, 2 * least)
        changes = self.changes
        self.stamp += 1
        stamp = self.stamp
        mark = self.mark
        to = place + 1
        at = log_at
        while at < self.log_count:
            local = self.log_local[at]
            if mark[local] != stamp:
                mark[local] = stamp
                changes[to] = local
                changes[to + 1] = self.locals[local]
                to += 2
            at += 1
        changes[place] = (to - place) >> 1
        at = self.height - operands
        while at < self.height:
            changes[to] = self.stack[at]
            to += 1
            at += 1
        self.changes_count = to
        return place

    # --- where ways meet ---------------------------------------------------------------------------------

    def bind(self, number: i64) -> None:
        """A label's end stands here: all that lead to it meet, and the state is what they bring."""
        labels = self.labels
        function = self.function
        values = self.values
        self.undo(labels.log_at[number])
        self.drop_to(labels.height[number])
        first = labels.first_edge[number]
        dominator = function.edge_from[first]
        edges: i64 = 1
        e = function.edge_next[first]
        while e:
            dominator = self.flow.nearest(dominator, function.edge_from[e])
            function.effort.spend(self.flow.climbed + 8)
            self.flow.climbed = 0
            edges += 1
            e = function.edge_next[e]
        block = self.begin_block(dominator)
        values.heap = self.edge_heap[first]
        values.context = self.edge_context[first]
        values.any = self.edge_any[first]
        if edges == 1:
            function.lead(first, block)
            self.take_over(self.edge_changes[first], labels.results[number])
            return
        e = function.edge_next[first]
        while e:
            values.meet(self.edge_heap[e], self.edge_context[e], self.edge_any[e])
            e = function.edge_next[e]
        self.join(first, edges, labels.results[number], block)

    def take_over(self, place: i64, operands: i64) -> None:
        """The state is what the only edge brings."""
        changes = self.changes
        at = place + 1
        end = at + 2 * changes[place]
        while at < end:
            self.write(changes[at], changes[at + 1])
            at += 2
        end += operands
        while at < end:
            self.push(changes[at])
            at += 1

    def join(self, first: i64, edges: i64, operands: i64, block: i64) -> None:
        """Parameters for what differs between edges, which are linked from the first one on."""
        function = self.function
        changed = self.unite(first)
        columns = changed + operands
        function.effort.spend(4 * edges * columns + 1)
        # A table of values, a row per edge.
        if edges * columns > i64(len(self.scratch)):
            self.scratch = column(2 * edges * columns)
        table = self.scratch
        self.fill_table(table, first, changed, operands)
        # A parameter for each column whose values differ.
        if columns > i64(len(self.joined)):
            self.joined = column(2 * columns)
        joined = self.joined
        number: i64 = 0
        at: i64 = 0
        while at < columns:
            value = table[at]
            joined[at] = value
            row: i64 = 1
            while row < edges:
                other = table[row * columns + at]
                if other != value:
                    if not is_same_constant(function, other, value):
                        break
                    joined[at] = -value
                row += 1
            if row < edges:
                joined[at] = function.add(block, PARAMETER, function.type[value], 0, 0, 0, number)
                row = 0
                while row < edges:
                    table[row * columns + number] = table[row * columns + at]
                    row += 1
                number += 1
            at += 1
        at = 0
        while at < columns:
            value = joined[at]
            if value < 0:
                value = self.values.local(-value)  # one constant, made in several blocks
            if at < changed:
                self.write(self.union[at], value)
            else:
                self.push(value)
            at += 1
        # The edges.
        e = first
        row = 0
        while e:
            behind = function.edge_next[e]
            arguments = function.list_of(number)
            at = 0
            while at < number:
                at += 1
                value = table[row * columns + at - 1]
                if IS_CONSTANT[function.opcode[value]]:
                    value = self.values.local_before(function.last[function.edge_from[e]], value)
                function.pool[arguments + at] = value
            function.edge_arguments[e] = arguments
            function.lead(e, block)
            row += 1
            e = behind

    def unite(self, first: i64) -> i64:
        """The locals that edges change into `union`; how many there are."""
        function = self.function
        changes = self.changes
        self.stamp += 1
        stamp = self.stamp
        changed: i64 = 0
        e = first
        while e:
            at = self.edge_changes[e]
            end = at + 2 * changes[at]
            at += 1
            while at < end:
                local = changes[at]
                if self.mark[local] != stamp:
                    self.mark[local] = stamp
                    self.index[local] = changed
                    self.union[changed] = local
                    changed += 1
                at += 2
            e = function.edge_next[e]
        return changed

    def fill_table(self, table: vec[i64], first: i64, changed: i64, operands: i64) -> None:
        """What every edge brings, row by row."""
        function = self.function
        changes = self.changes
        row: i64 = 0
        e = first
        while e:
            at: i64 = 0
            while at < changed:
                table[row + at] = self.locals[self.union[at]]
                at += 1
            at = self.edge_changes[e]
            end = at + 2 * changes[at]
            at += 1
            while at < end:
                table[row + self.index[changes[at]]] = changes[at + 1]
                at += 2
            end = at + operands
            row += changed
            while at < end:
                table[row] = changes[at]
                row += 1
                at += 1
            e = function.edge_next[e]

    # --- control ---------------------------------------------------------------------------------------

    def control(self, code: i64, arity: i64, a: i64, b: i64) -> None:
        """One operator that directs control; `arity`: how many operands a branch takes along."""
        if self.memory is not None:
            self.reach(self.taken_by(code, arity, a, b))
            self.settle()
        function = self.function
        block = self.values.block
        if code == _END:
            self.end(a, b)
        elif code == _BLOCK:
            self.open(a, b)
        elif code == _BR_IF:
            condition = condition_of(self.values, self.pop())
            e = self.go(a)
            other = self.plain_edge()
            function.add(block, BRIF, 0, condition, e, other)
            self.follow(other)
        elif code == _BR_ON_NULL or code == _BR_ON_NON_NULL:
            reference = self.pop()
            condition = self.make(ICMP, I8, reference, self.integer(0, I64), 0, _EQ if code == _BR_ON_NULL else _NE)
            if code == _BR_ON_NON_NULL:
                self.push(reference)
            e = self.go(a)
            other = self.plain_edge()
            function.add(block, BRIF, 0, condition, e, other)
            self.follow(other)
            if code == _BR_ON_NULL:
                self.push(reference)
            else:
                self.pop()
        elif code == _BR:
            e = self.go(a)
            function.add(block, JUMP, 0, e)
        elif code == _IF:
            self.open_if(a, b)
        elif code == _LOOP:
            self.open_loop(a, b)
        elif code == _ELSE:
            self.other_arm(a, b)
        elif code == _BR_TABLE:
            self.table(a, b)
        elif code == _RETURN:
            self.give_back(arity)
        else:
            function.add(block, TRAP, 0, 0, 0, 0, 0, UNREACHABLE_TRAP)

    def taken_by(self, code: i64, arity: i64, a: i64, b: i64) -> i64:
        """How many operands an operator that directs control looks at."""
        if code == _BLOCK or code == _LOOP or code == _IF:
            if b < 0:
                return 1
            return len(self.view.layouts[b].params) + 1
        if code == _ELSE:
            return self.labels.results[a] if b else i64(0)
        if code == _END:
            return self.labels.results[a] if b & END_FALLS_THROUGH else i64(0)
        return arity + 1

    def open_function(self, results: i64) -> None:
        """Label 0: the body itself."""
        self.open(0, BLOCK_EMPTY)
        self.labels.results[0] = results

    def open(self, number: i64, type: i64) -> None:
        """A label: of a block, a loop or an if."""
        labels = self.labels
        params: i64 = 0
        results: i64 = 0
        if type >= 0:
            layout = self.view.layouts[type]
            params = len(layout.params)
            results = len(layout.results)
        elif type != BLOCK_EMPTY:
            results = 1
        labels.log_at[number] = self.log_count
        labels.height[number] = self.height - params
        labels.params[number] = params
        labels.results[number] = results
        labels.outer[number] = self.label
        labels.loop[number] = self.loop
        labels.head[number] = 0
        labels.first_edge[number] = 0
        labels.last_edge[number] = 0
        labels.otherwise[number] = 0
        self.label = number
        self.segment = self.log_count

    def open_if(self, number: i64, type: i64) -> None:
        """An if: its first arm begins."""
        labels = self.labels
        values = self.values
        condition = condition_of(values, self.pop())
        self.open(number, type)
        then = self.plain_edge()
        otherwise = self.plain_edge()
        labels.otherwise[number] = otherwise
        labels.saved[number] = self.changed_since(self.log_count, labels.params[number])
        labels.heap[number] = values.heap
        labels.context[number] = values.context
        labels.any[number] = values.any
        self.function.add(values.block, BRIF, 0, condition, then, otherwise)
        self.follow(then)

    def open_loop(self, number: i64, type: i64) -> None:
        """A new block with a parameter per local that the loop writes, and one per operand that it takes."""
        function = self.function
        labels = self.labels
        values = self.values
        self.open(number, type)
        loops = self.body_loops
        row = self.loop_row
        while i64(read_i32_le(loops, row)) != number:
            row += 12
        word: i64 = i64(read_i32_le(loops, row + 4))
        count: i64 = i64(read_i32_le(loops, row + 8))
        if self.memory is not None:
            count = 0
        self.loop_row = row + 12
        labels.written[number] = word
        labels.written_count[number] = count
        block = values.block
        e = function.new_edge(block)
        made = function.block()
        function.cold[made] = function.cold[block]
        labels.head[number] = made
        self.go_back(number, e)
        function.add(block, JUMP, 0, e)
        self.flow.enter(made, block, self.loop, True)
        self.loop = made
        values.block = made
        values.new_epoch()
        at: i64 = 0
        while at < count:
            local: i64 = i64(read_i32_le(self.body_pool, 4 * (word + at)))
            self.write(local, function.add(made, PARAMETER, self.local_types[local], 0, 0, 0, at))
            at += 1
        operand = labels.height[number]
        if self.memory is not None:
            # The places in the frame have what came in first: the edge back brings its operands as arguments only.
            self.memory.cut(operand)
        while operand < self.height:
            self.stack[operand] = function.add(made, PARAMETER, function.type[self.stack[operand]], 0, 0, 0, at)
            operand += 1
            at += 1

    def other_arm(self, number: i64, falls_through: i64) -> None:
        """The second arm of an if: with the state that was there when it was opened."""
        labels = self.labels
        values = self.values
        if falls_through:
            block = values.block
            e = self.go(number)
            self.function.add(block, JUMP, 0, e)
        self.undo(labels.log_at[number])
        self.drop_to(labels.height[number])
        self.label = number
        self.segment = self.log_count
        values.heap = labels.heap[number]
        values.context = labels.context[number]
        values.any = labels.any[number]
        if self.memory is None:
            self.follow(labels.otherwise[number])
            self.take_over(labels.saved[number], labels.params[number])
        else:
            self.follow_with(labels.otherwise[number], labels.saved[number] + 1, labels.params[number])
        labels.otherwise[number] = 0

    def follow_with(self, e: i64, place: i64, count: i64) -> None:
        """A new block that only this edge leads to, which brings values as arguments: they end where it begins."""
        function = self.function
        arguments = function.list_of(count)
        at: i64 = 0
        while at < count:
            function.pool[arguments + 1 + at] = self.changes[place + at]
            at += 1
        function.edge_arguments[e] = arguments
        self.follow(e)
        at = 0
        while at < count:
            type = function.type[function.pool[arguments + 1 + at]]
            self.push(function.add(self.values.block, PARAMETER, type, 0, 0, 0, at))
            at += 1

    def end(self, number: i64, flags: i64) -> None:
        """The end of a label."""
        labels = self.labels
        self.loop = labels.loop[number]
        falls_through = flags & END_FALLS_THROUGH != 0
        if flags & END_OF_IF_WITHOUT_ELSE and labels.otherwise[number]:
            self.go_past(number)
        if labels.first_edge[number]:
            if falls_through:
                block = self.values.block
                e = self.go(number)
                self.function.add(block, JUMP, 0, e)
            self.leave(number)
            self.bind(number)
        elif not falls_through:
            # Nothing leads here: what comes next is another arm, or another end.
            self.leave(number)
            self.undo(labels.log_at[number])
            self.drop_to(labels.height[number])
            return
        else:
            self.leave(number)
        if number == 0:
            self.give_back(labels.results[0])

    def leave(self, number: i64) -> None:
        """The label around this one is the innermost again."""
        labels = self.labels
        self.label = labels.outer[number]
        self.segment = labels.log_at[self.label]

    def go_past(self, number: i64) -> None:
        """The way past an if without a second arm leads to its end."""
        labels = self.labels
        e = labels.otherwise[number]
        self.bring_epochs(e, labels.heap[number], labels.context[number], labels.any[number])
        self.edge_changes[e] = labels.saved[number]
        last = labels.last_edge[number]
        if last == 0:
            labels.first_edge[number] = e
        else:
            self.function.edge_next[last] = e
        labels.last_edge[number] = e

    def table(self, at: i64, count: i64) -> None:
        """A branch through a table, the default label last."""
        function = self.function
        block = self.values.block
        v = self.pop()
        targets = function.list_of(count + 1)
        n: i64 = 0
        while n <= count:
            label: i64 = i64(read_i32_le(self.body_pool, 4 * (at + 2 * n)))
            n += 1
            e = self.go(label)
            function.pool[targets + n] = e
        function.add(block, BR_TABLE, 0, v, targets)

    def part(self, condition: i64) -> i64:
        """Go on in a block of its own where a condition holds; the edge to where it does not, to be followed then."""
        holds = self.plain_edge()
        other = self.plain_edge()
        self.function.add(self.values.block, BRIF, 0, condition, holds, other)
        self.follow(holds)
        return other

    def call_in_place(self, opcode: i64, callee: i64, given: i64, extra: i64) -> None:
        """End the block with a call in place of the function; what waits below the arguments is nobody's."""
        self.settle()
        self.function.add(self.values.block, opcode, 0, callee, given, 0, 0, extra)

    def give_back(self, results: i64) -> None:
        """Return the topmost operands; those beyond the first go to the buffer."""
        function = self.function
        given: i64 = 0
        if results:
            at: i64 = 1
            bottom = self.height - results
            while at < results:
                value = self.stack[bottom + at]
                self.make(STORE, 0, value, self.buffer, 0, RESULT_SLOT_BYTES * (at - 1), NOTRAP)
                at += 1
            first = self.passed(self.stack[bottom])
            given = function.list_of(1)
            function.pool[given + 1] = first
        function.add(self.values.block, RETURN, 0, 0, given)
