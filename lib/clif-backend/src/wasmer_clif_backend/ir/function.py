"""A function in CLIF: instructions in blocks, as columns of numbers.

Values, instructions and blocks
-------------------------------
*A value is the number of the instruction that makes it.* There is no table of values beside the
instructions; an instruction without a result has a number that nobody uses. Where one makes
several results, the first is the instruction, and each further one an instruction ``result``
right behind it, which names it in `a` and counts from 1 in `immediate`. Parameters of a block
are instructions ``parameter`` at its start. Number 0 is nothing: no value, no instruction.

A block is a list of instructions, linked both ways (`next`, `previous`), so that moving one is
writing a few numbers. The last one ends it. Blocks are numbered from 1 and linked in the order
of the text, which is the order of the machine code too; the first one is the entry.

Edges
-----
A way from one block to another is a row of its own: where from, where to, and the arguments for the
parameters there, a list in the pool. ``jump`` has one edge in `a`, ``brif`` two in `b` and `c`, and
``br_table`` a list of them in `b`, the default one last. All edges that lead to a block
are linked (`incoming`, `edge_next`). A branch that goes to one block twice has two edges.

Lists
-----
A list lies in the pool: how many, then one number each. List 0 is the empty one.
"""

from __future__ import annotations

from wasmer_clif_backend.effort import Effort
from wasmer_clif_backend.ir.columns import column, grown
from wasmer_clif_backend.ir.opcodes import BR_CATCH, BR_TABLE, BRIF, EFFECTS, ENDS, JUMP, PARAMETER, RESULT
from wasmer_runtime_core.support.annotations import Final, final, i64

_INSTRUCTIONS: Final = 1 << 6
_BLOCKS: Final = 1 << 7
_POOL: Final = 1 << 9
UNKNOWN: Final = -1


@final
class Parameter:
    """A parameter or a result of a signature.

    Attributes:
        type: of the value.
        extension: ``"uext"``, ``"sext"`` or ``""``: what whoever passes it does with the bits above it.
        purpose: ``"sret"``, ``"vmctx"`` or ``""``.
    """

    def __init__(self, type: i64, extension: str = "", purpose: str = "") -> None:
        self.type: i64 = type
        self.extension = extension
        self.purpose = purpose

    def same(self, other: Parameter) -> bool:
        """Equal in everything."""
        return self.type == other.type and self.extension == other.extension and self.purpose == other.purpose


@final
class Signature:
    """What a function takes and gives, and its calling convention, by Cranelift's word."""

    def __init__(self, parameters: list[Parameter], results: list[Parameter], convention: str = "") -> None:
        self.parameters = parameters
        self.results = results
        self.convention = convention

    def same(self, other: Signature) -> bool:
        """Equal in everything."""
        if self.convention != other.convention:
            return False
        if len(self.parameters) != len(other.parameters) or len(self.results) != len(other.results):
            return False
        here = self.parameters + self.results
        there = other.parameters + other.results
        return all(one.same(two) for one, two in zip(here, there, strict=True))


@final
class ExternalFunction:
    """A function that may be called: ``%name`` or ``u0:3``, and the number of its signature."""

    def __init__(self, name: str, signature: int, colocated: bool = False) -> None:
        self.name = name
        self.signature = signature
        self.colocated = colocated


@final
class StackSlot:
    """Bytes in the frame, with an address: their number, and the alignment's exponent."""

    def __init__(self, size: int, alignment: int = 0) -> None:
        self.size = size
        self.alignment = alignment


@final
class Function:
    """One function. Its columns are public: passes read and write them; `add`, `block` and `edge` make rows."""

    def __init__(self) -> None:
        # All columns are set here, before any method is called: so mypyc knows that they are there, and looks at one
        # without asking and without counting references.
        none = column(0)
        self.capacity: i64 = _INSTRUCTIONS
        """So many instructions are allowed for before `Effort.grow` is asked. Columns keep what room they have."""
        self.count: i64 = 0
        """One more than the greatest instruction."""
        self.opcode = none
        self.type = none
        self.a = none
        self.b = none
        self.c = none
        self.immediate = none
        self.extra = none
        self.source = none
        """Where it comes from: an offset in the WebAssembly module, a line of the text; 0 is unknown."""
        self.block_of = none
        """The block an instruction stands in; 0: none."""
        self.next = none
        self.previous = none
        self.uses = none
        """How often a value is used, and `colour`: what `uses.count` found."""
        self.colour = none
        self.bound = none
        """Of an integer: no greater, unsigned; -1: not known beyond its type."""

        blocks: i64 = _BLOCKS
        self.block_capacity: i64 = blocks
        self.block_count: i64 = 1
        """One more than the greatest block."""
        self.first = column(blocks)
        self.last = column(blocks)
        self.incoming = column(blocks)
        self.block_next = column(blocks)
        self.cold = column(blocks)
        """1: is hardly ever reached."""
        self.entry: i64 = 0
        self.block_last: i64 = 0

        edges: i64 = _BLOCKS
        self.edge_capacity: i64 = edges
        self.edge_count: i64 = 1
        self.edge_from = column(edges)
        self.edge_to = column(edges)
        self.edge_arguments = column(edges)
        self.edge_next = column(edges)

        self.pool = column(_POOL)
        self.pool_count: i64 = 1
        self.at: i64 = 0
        """What `add` enters as the source."""

        self.is_counted = False
        """Whether `uses` and `colour` are filled in."""
        self.memory_base: i64 = 0
        """The value that is the base of memory 0, and does not change; 0: there is none."""
        self.memory_bytes: i64 = 0
        """How large that memory is at least."""
        self.called: i64 = UNKNOWN
        """The nearest block that dominates all calls; 0: nothing is called; `UNKNOWN`: who made it did not say."""
        self.framed: i64 = 0
        """The block that makes the frame; ways that do not come there need none. 0: the entry (`passes.frames`)."""

        self.name = ""
        self.signature = Signature([], [])
        self.signatures: list[Signature] = []
        self.functions: list[ExternalFunction] = []
        self.slots: list[StackSlot] = []
        self.constants: list[bytes] = []
        self._constant_numbers: dict[bytes, int] = {}
        self.effort = Effort()
        """What its compilation may cost: every stage spends from it."""
        self._make_columns(_INSTRUCTIONS)
        self.new(0, 0)  # number 0, which is nothing

    def _make_columns(self, rows: i64) -> None:
        """Room for so many instructions. All of a row is written when it is taken, whatever it held."""
        room = i64(len(self.opcode))
        if rows <= room:
            return
        if self.count == 0:  # there is nothing to be kept
            none = column(0)
            self.opcode = self.type = self.a = self.b = self.c = self.immediate = self.extra = self.source = none
            self.block_of = self.next = self.previous = self.uses = self.colour = self.bound = none
        rows = max(rows, room + (room >> 1))
        self.opcode = grown(self.opcode, rows)
        self.type = grown(self.type, rows)
        self.a = grown(self.a, rows)
        self.b = grown(self.b, rows)
        self.c = grown(self.c, rows)
        self.immediate = grown(self.immediate, rows)
        self.extra = grown(self.extra, rows)
        self.source = grown(self.source, rows)
        self.block_of = grown(self.block_of, rows)
        self.next = grown(self.next, rows)
        self.previous = grown(self.previous, rows)
        self.uses = grown(self.uses, rows)
        self.colour = grown(self.colour, rows)
        self.bound = grown(self.bound, rows)

    # --- making ------------------------------------------------------------------------------------

    def new(
        self, opcode: i64, type: i64, a: i64 = 0, b: i64 = 0, c: i64 = 0, immediate: i64 = 0, extra: i64 = 0
    ) -> i64:
        """An instruction that stands nowhere yet; its number."""
        v = self.count
        if v >= self.capacity:
            self._grow_instructions()
        self.count = v + 1
        self.opcode[v] = opcode
        self.type[v] = type
        self.a[v] = a
        self.b[v] = b
        self.c[v] = c
        self.immediate[v] = immediate
        self.extra[v] = extra
        self.source[v] = self.at
        self.uses[v] = 0
        self.colour[v] = 0
        self.bound[v] = -1
        self.block_of[v] = 0
        self.previous[v] = 0
        self.next[v] = 0
        return v

    def append(self, block: i64, v: i64) -> None:
        """Put an instruction that stands nowhere at the end of a block."""
        last = self.last[block]
        self.block_of[v] = block
        self.previous[v] = last
        self.next[v] = 0
        if last == 0:
            self.first[block] = v
        else:
            self.next[last] = v
        self.last[block] = v

    def insert_behind(self, before: i64, v: i64) -> None:
        """Put an instruction that stands nowhere behind another one."""
        self._link(self.block_of[before], before, v, self.next[before])

    def insert_before(self, behind: i64, v: i64) -> None:
        """Put an instruction that stands nowhere before another one."""
        self._link(self.block_of[behind], self.previous[behind], v, behind)

    def _link(self, block: i64, before: i64, v: i64, behind: i64) -> None:
        """Put v between two neighbours; 0: it is the first or the last of the block."""
        self.block_of[v] = block
        self.previous[v] = before
        self.next[v] = behind
        if before == 0:
            self.first[block] = v
        else:
            self.next[before] = v
        if behind == 0:
            self.last[block] = v
        else:
            self.previous[behind] = v

    def add(
        self,
        block: i64,
        opcode: i64,
        type: i64,
        a: i64 = 0,
        b: i64 = 0,
        c: i64 = 0,
        immediate: i64 = 0,
        extra: i64 = 0,
    ) -> i64:
        """A new instruction at the end of a block; its number. Results beyond the first come from `add_result`."""
        # `new` and `append` in one: most of what a compilation makes goes through here, before anything is counted. So
        # `uses` and `colour` are left as they are: who fills them in does so for all.
        v = self.count
        if v >= self.capacity:
            self._grow_instructions()
        self.count = v + 1
        self.opcode[v] = opcode
        self.type[v] = type
        self.a[v] = a
        self.b[v] = b
        self.c[v] = c
        self.immediate[v] = immediate
        self.extra[v] = extra
        self.source[v] = self.at
        self.bound[v] = -1
        self.block_of[v] = block
        last = self.last[block]
        self.previous[v] = last
        self.next[v] = 0
        if last == 0:
            self.first[block] = v
        else:
            self.next[last] = v
        self.last[block] = v
        return v

    def add_result(self, of: i64, number: i64, type: i64) -> i64:
        """Result number `number` (from 1) of the instruction `of`, which has just been added."""
        return self.add(self.block_of[of], RESULT, type, of, 0, 0, number)

    def remove(self, v: i64) -> None:
        """Take an instruction out of its block; nothing may use it any more."""
        block = self.block_of[v]
        before = self.previous[v]
        behind = self.next[v]
        if before == 0:
            self.first[block] = behind
        else:
            self.next[before] = behind
        if behind == 0:
            self.last[block] = before
        else:
            self.previous[behind] = before
        self.block_of[v] = 0

    def block(self) -> i64:
        """A new block, behind the others."""
        b = self.block_count
        if b >= self.block_capacity:
            self._grow_blocks()
        self.block_count = b + 1
        self.first[b] = 0
        self.last[b] = 0
        self.incoming[b] = 0
        self.block_next[b] = 0
        self.cold[b] = 0
        if self.block_last == 0:
            self.entry = b
        else:
            self.block_next[self.block_last] = b
        self.block_last = b
        return b

    def block_behind(self, before: i64) -> i64:
        """A new block, behind another one in the order of the text."""
        last = self.block_last
        b = self.block()
        if before != last:
            self.block_next[last] = 0
            self.block_last = last
            self.block_next[b] = self.block_next[before]
            self.block_next[before] = b
        return b

    def edge(self, source: i64, target: i64, arguments: i64 = 0) -> i64:
        """A new way from a block to another; `arguments` is a list."""
        e = self.new_edge(source)
        self.edge_arguments[e] = arguments
        self.lead(e, target)
        return e

    def new_edge(self, source: i64) -> i64:
        """A way from a block that leads nowhere yet and has no arguments."""
        e = self.edge_count
        if e >= self.edge_capacity:
            self._grow_edges()
        self.edge_count = e + 1
        self.edge_from[e] = source
        self.edge_to[e] = 0
        self.edge_arguments[e] = 0
        self.edge_next[e] = 0
        return e

    def lead(self, e: i64, target: i64) -> None:
        """An edge that leads nowhere leads to a block from now on."""
        self.edge_to[e] = target
        self.edge_next[e] = self.incoming[target]
        self.incoming[target] = e

    def unlead(self, e: i64) -> None:
        """An edge leads nowhere from now on."""
        target = self.edge_to[e]
        if self.incoming[target] == e:
            self.incoming[target] = self.edge_next[e]
        else:
            before = self.incoming[target]
            while self.edge_next[before] != e:
                before = self.edge_next[before]
            self.edge_next[before] = self.edge_next[e]
        self.edge_to[e] = 0
        self.edge_next[e] = 0

    def list_of(self, length: i64) -> i64:
        """A new list of so many zeros; empty is 0."""
        if length == 0:
            return 0
        p = self.pool_count
        self.pool_count = p + length + 1
        if self.pool_count > i64(len(self.pool)):
            self.pool = grown(self.pool, 2 * self.pool_count)
        self.pool[p] = length
        at: i64 = 1
        while at <= length:
            self.pool[p + at] = 0
            at += 1
        return p

    def new_list(self, values: list[int]) -> i64:
        """A new list of these; empty is 0."""
        p = self.list_of(len(values))
        for at, value in enumerate(values):
            self.pool[p + 1 + at] = value
        return p

    def constant(self, data: bytes) -> i64:
        """The number of these 16 bytes among the function's constants."""
        number = self._constant_numbers.get(data, -1)
        if number < 0:
            number = len(self.constants)
            self.constants.append(data)
            self._constant_numbers[data] = number
        return number

    # --- reading -----------------------------------------------------------------------------------

    def items(self, list_at: i64) -> list[int]:
        """The numbers of a list."""
        pool = self.pool
        return [int(pool[list_at + 1 + at]) for at in range(int(pool[list_at]))]

    def block_order(self) -> list[int]:
        """All blocks, in order."""
        order = []
        b = self.entry
        while b:
            order.append(int(b))
            b = self.block_next[b]
        return order

    def instructions(self, block: i64) -> list[int]:
        """What stands in a block, in order: parameters and further results too."""
        found = []
        v = self.first[block]
        while v:
            found.append(int(v))
            v = self.next[v]
        return found

    def parameters(self, block: i64) -> list[int]:
        """The parameters of a block."""
        found = []
        v = self.first[block]
        while v and self.opcode[v] == PARAMETER:
            found.append(int(v))
            v = self.next[v]
        return found

    def results(self, v: i64) -> list[int]:
        """All results of an instruction."""
        if self.type[v] == 0:
            return []
        found = [int(v)]
        behind = self.next[v]
        while behind and self.opcode[behind] == RESULT and self.a[behind] == v:
            found.append(int(behind))
            behind = self.next[behind]
        return found

    def edges(self, block: i64) -> list[int]:
        """The ways out of a block, in the order of the instruction that ends it."""
        v = self.last[block]
        if v == 0 or not EFFECTS[self.opcode[v]] & ENDS:
            return []
        opcode = self.opcode[v]
        if opcode == JUMP:
            return [int(self.a[v])]
        if opcode == BRIF:
            return [int(self.b[v]), int(self.c[v])]
        if opcode == BR_CATCH:
            return [int(self.a[v]), int(self.b[v])]
        if opcode == BR_TABLE:
            return self.items(self.b[v])
        return []

    def edge_at(self, block: i64, number: i64) -> i64:
        """The way out of a block with this number, from 0, in the order of `edges`; 0: there are not that many."""
        v = self.last[block]
        if v == 0:
            return 0
        opcode = self.opcode[v]
        if opcode == JUMP:
            if number == 0:
                return self.a[v]
        elif opcode == BRIF:
            if number == 0:
                return self.b[v]
            if number == 1:
                return self.c[v]
        elif opcode == BR_CATCH:
            if number == 0:
                return self.a[v]
            if number == 1:
                return self.b[v]
        elif opcode == BR_TABLE:
            list_at = self.b[v]
            if number < self.pool[list_at]:
                return self.pool[list_at + 1 + number]
        return 0

    # --- room --------------------------------------------------------------------------------------

    def clear(self, rows: i64) -> None:
        """Be an empty function again, with room for so many instructions at first."""
        self.capacity = rows
        self.count = 0
        self._make_columns(rows)
        self.block_count = 1
        self.edge_count = 1
        self.pool_count = 1
        self.pool[0] = 0
        self.entry = 0
        self.block_last = 0
        self.at = 0
        self.new(0, 0)
        self.is_counted = False
        self.memory_base = 0
        self.memory_bytes = 0
        self.called = UNKNOWN
        self.framed = 0
        self.name = ""
        self.signature = Signature([], [])
        self.signatures = []
        self.functions = []
        self.slots = []
        self.constants = []
        self._constant_numbers = {}

    def _grow_instructions(self) -> None:
        self.effort.grow(self.capacity)
        self.capacity *= 2
        self._make_columns(self.capacity)

    def _grow_blocks(self) -> None:
        rows = self.block_capacity * 2
        self.first = grown(self.first, rows)
        self.last = grown(self.last, rows)
        self.incoming = grown(self.incoming, rows)
        self.block_next = grown(self.block_next, rows)
        self.cold = grown(self.cold, rows)
        self.block_capacity = rows

    def _grow_edges(self) -> None:
        rows = self.edge_capacity * 2
        self.edge_from = grown(self.edge_from, rows)
        self.edge_to = grown(self.edge_to, rows)
        self.edge_arguments = grown(self.edge_arguments, rows)
        self.edge_next = grown(self.edge_next, rows)
        self.edge_capacity = rows
