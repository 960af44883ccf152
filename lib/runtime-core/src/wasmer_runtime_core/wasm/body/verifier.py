"""Is a `Body` what it says it is? Everything found out a second time, the plain way.

The validator is fast, and a middleware may be anybody's; a backend believes both. This
reads the records of a body from front to back with a stack of types and a stack of
blocks, and works out anew all that the body claims: the types, heights and arities, how
each block is reached, the weights, what loops write. It shares no code with the
validator. Tests and fuzzers run it over everything, and it can stand between any two
passes that make bodies.

It returns its findings, one line each, rather than raising: a body that is wrong is
mostly wrong in several places, and they explain one another.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.wasm.body.body import (
    BLOCK_EMPTY,
    CATCH_FALLS_THROUGH,
    CATCH_GIVES_EXCEPTION,
    CATCH_TAG_SHIFT,
    DELEGATE_SHIFT,
    END_FALLS_THROUGH,
    END_IS_TARGET,
    END_OF_IF_WITHOUT_ELSE,
    Body,
    access_memory,
    access_offset,
)
from wasmer_runtime_core.wasm.body.objects import object_operands
from wasmer_runtime_core.wasm.body.text import Record, local_weights, loop_writes, pool_words, read_records
from wasmer_runtime_core.wasm.module import ModuleInfo
from wasmer_runtime_core.wasm.operators.effects import CLOSES, HELPER, OPENS, STOPS
from wasmer_runtime_core.wasm.operators.internal import ADD_POINTS_BY_SIZE, ALL_OPERATORS
from wasmer_runtime_core.wasm.operators.rows import ATOMIC_PAGE
from wasmer_runtime_core.wasm.types import EXNREF, FUNCREF, I32, REFERENCE_KINDS, VALUE_TYPE_CODES, VALUE_TYPE_NAMES

MAX_WEIGHTED_DEPTH: Final = 4
_HELPED: Final = frozenset(
    ("throw", "throw_ref", "catch", "catch_all", "struct.new", "array.new", "array.new_fixed", "array.fill")
)
"""Operators that call core without being a helper of its own name."""


class Block:
    """A block that is open."""

    def __init__(self, kind: str, label: int, params: bytes, results: bytes, height: int) -> None:
        self.kind = kind
        self.label = label
        self.params = params
        self.results = results
        self.height = height
        self.first_arm_falls_through = False
        self.arms_fall_through = False  # of a try: some part before the one at hand
        self.targeted = False
        self.writes: set[int] = set()

    @property
    def carried(self) -> bytes:
        """The types a branch to its label carries."""
        return self.params if self.kind == "loop" else self.results


def verify_body(info: ModuleInfo, body: Body) -> list[str]:
    """What is wrong with a body of the module; an empty list if nothing is."""
    return Verifier(info, body).verify()


class Verifier:
    """The walk. `body_corrector` inherits it and corrects where this compares."""

    def __init__(self, info: ModuleInfo, body: Body) -> None:
        self.info = info
        self.body = body
        self.findings: list[str] = []
        self.record = Record(0, 0, 0, 0, 0, body.offset)
        self.stack: list[int] = []
        self.blocks: list[Block] = []
        self.by_label: dict[int, Block] = {}  # those that are open
        self.escaping = frozenset(info.escaping)
        self.live = True
        self.loop_depth = 0
        # worked out anew
        self.deepest = 0
        self.labels = 0
        self.weights = [0] * len(body.local_types)
        self.call_weight = 0
        self.calls = 0
        self.memory_accesses = 0
        self.loops: dict[int, set[int]] = {}

    def find(self, what: str) -> None:
        self.findings.append(f"{self.record.offset:#x} {self.record.mnemonic}: {what}")

    def claim(self, name: str, said: object, found: object) -> None:
        """Compare what the body says with what was found."""
        if said != found:
            self.findings.append(f"{name}: the body says {said}, found {found}")

    def verify(self) -> list[str]:
        body = self.body
        type_ = self.info.types[body.type_index]
        self.claim("parameters", body.local_types[: len(type_.params)], type_.param_kinds)
        if len(body.records) % 16:
            return [*self.findings, f"{len(body.records)} bytes are no whole number of records"]
        self.enter(Block("function", 0, b"", type_.result_kinds, 0))
        last_offset = body.offset
        for record in read_records(body):
            if not self.blocks:
                self.find("a record follows the function's end")
                break
            if record.code not in ALL_OPERATORS:
                self.findings.append(f"{record.offset:#x}: no operator has the code {record.code:#x}")
                break
            if not last_offset <= record.offset < body.offset + body.size:
                self.find(f"the next offset is {record.offset:#x}")
            last_offset = record.offset
            self.record = record
            if not self.live and not ALL_OPERATORS[record.code].effects & CLOSES:
                self.find("cannot be reached")
                break
            self.step()
        else:
            if self.blocks:
                self.find("the body ends in the middle")
        if not self.findings:
            self.compare()
        return self.findings

    def compare(self) -> None:
        body = self.body
        self.claim("deepest stack", body.max_stack, self.deepest)
        self.claim("labels", body.label_count, self.labels)
        self.claim("calls", body.calls, self.calls)
        self.claim("call weight", body.call_weight, self.call_weight)
        self.claim("memory accesses", body.memory_accesses, self.memory_accesses)
        self.claim("local weights", list(local_weights(body)), [min(weight, 0xFFFF_FFFF) for weight in self.weights])
        said = loop_writes(body)
        self.claim("order of loops", list(said), sorted(said))
        self.claim("loops", sorted(said), sorted(self.loops))
        for label, writes in said.items():
            self.claim(f"writes of loop @{label}", sorted(writes), sorted(self.loops.get(label, ())))

    # --- operands ---------------------------------------------------------------------------
    def pop(self, *wanted: int) -> None:
        """Take operands of these types off, the last from the top."""
        for type_ in reversed(wanted):
            if len(self.stack) <= self.blocks[-1].height:
                self.find("an operand is missing")
                return
            found = self.stack.pop()
            if found != type_:
                self.find(f"wants {VALUE_TYPE_NAMES[type_]}, finds {VALUE_TYPE_NAMES[found]}")

    def push(self, *types: int) -> None:
        self.stack.extend(types)
        self.deepest = max(self.deepest, len(self.stack))

    @property
    def weight(self) -> int:
        return int(8 ** min(self.loop_depth, MAX_WEIGHTED_DEPTH))

    # --- records ------------------------------------------------------------------------------
    def step(self) -> None:
        record = self.record
        row = ALL_OPERATORS[record.code]
        mnemonic = row.mnemonic
        if row.effects & HELPER or mnemonic in _HELPED:
            self.call_weight += self.weight
        if row.access_bytes:
            self.memory_accesses += 1
            if 1 << record.type > row.access_bytes:
                self.find("its alignment is larger than natural")
            elif record.code >= ATOMIC_PAGE and 1 << record.type != row.access_bytes:
                self.find("an atomic access whose alignment is not natural")
            memory, offset = access_memory(record.b), access_offset(record.a, record.b)
            if offset > 0xFFFF_FFFF and self.memory_index(memory) == I32:
                self.find(f"an offset of {offset} bytes in a memory with a 32-bit index")
        if row.effects & OPENS:
            self.open(mnemonic)
        elif mnemonic == "else":
            self.else_()
        elif mnemonic == "end":
            self.close()
        elif mnemonic == "catch" or mnemonic == "catch_all":
            self.catch(mnemonic)
        elif mnemonic == "delegate":
            self.delegate()
        elif mnemonic in ("br", "br_if"):
            if mnemonic == "br_if":
                self.pop(I32)
            self.branch(record.a, record.b)
        elif mnemonic in ("br_on_null", "br_on_non_null"):
            self.branch_on_reference(mnemonic)
        elif mnemonic == "br_table":
            self.pop(I32)
            words = pool_words(self.body, record.a, 2 * record.b + 2)
            for at in range(0, len(words), 2):
                self.branch(words[at], words[at + 1])
        elif mnemonic == "return":
            self.carry(self.blocks[0].results)
        elif mnemonic.startswith("local."):
            self.local(mnemonic)
        elif record.code == ADD_POINTS_BY_SIZE:
            self.pop(record.type or I32)
            self.push(record.type or I32)
        elif row.feature == "gc":
            self.object()
        elif row.typed_by_row:
            operands = [VALUE_TYPE_CODES[name] for name in row.params]
            if row.access_bytes:
                operands[0] = self.memory_index(access_memory(record.b))
            self.pop(*operands)
            self.push(*(VALUE_TYPE_CODES[name] for name in row.results))
        else:
            self.by_name(mnemonic)
        if row.effects & STOPS:
            self.live = False

    def by_name(self, mnemonic: str) -> None:
        """Operators that their rows do not type."""
        info, record = self.info, self.record
        if mnemonic == "call":
            self.claim(f"type of function {record.a}", record.b, info.functions[record.a])
            self.call(record.b)
        elif mnemonic == "call_indirect":
            self.pop(self.table_index(record.b))
            self.call(record.a)
        elif mnemonic == "return_call":
            self.claim(f"type of function {record.a}", record.b, info.functions[record.a])
            self.return_call(record.b)
        elif mnemonic == "return_call_indirect":
            self.pop(self.table_index(record.b))
            self.return_call(record.a)
        elif mnemonic == "call_ref":
            self.pop(FUNCREF)
            self.call(record.a)
        elif mnemonic == "return_call_ref":
            self.pop(FUNCREF)
            self.return_call(record.a)
        elif mnemonic == "ref.as_non_null":
            self.pop(record.type)
            self.push(record.type)
        elif mnemonic == "global.get":
            self.claim(f"type of global {record.a}", record.type, info.globals[record.a].kind)
            self.push(record.type)
        elif mnemonic == "global.set":
            self.claim(f"type of global {record.a}", record.type, info.globals[record.a].kind)
            self.pop(record.type)
        elif mnemonic == "drop":
            self.pop(record.type)
        elif mnemonic == "select":
            self.pop(record.type, record.type, I32)
            self.push(record.type)
        elif mnemonic == "ref.null":
            self.push(record.type)
        elif mnemonic == "ref.func":
            if record.a not in self.escaping:
                self.find(f"function {record.a} is not said to escape")
            self.push(FUNCREF)
        elif mnemonic == "ref.is_null":
            if not self.stack or self.stack[-1] not in REFERENCE_KINDS:
                self.find("wants a reference")
            else:
                self.pop(self.stack[-1])
            self.push(I32)
        elif mnemonic.startswith("memory."):
            self.memories(mnemonic.removeprefix("memory."), record.a, record.b)
        elif mnemonic.startswith("table."):
            self.tables(mnemonic.removeprefix("table."), record.a, record.b)
        elif mnemonic == "throw":
            self.claim(f"type of tag {record.a}", record.b, info.tags[record.a])
            self.pop(*info.types[info.tags[record.a]].param_kinds)
        elif mnemonic == "throw_ref":
            self.pop(EXNREF)
        elif mnemonic != "unreachable":
            self.find("has no place in a body")

    def object(self) -> None:
        """Operators of structs, arrays, i31 and casts."""
        try:
            operands, results = object_operands(self.info, self.record)
        except (IndexError, KeyError, TypeError):
            self.find("has no place in a body, or is of a type that is not there")
            return
        self.pop(*operands)
        self.push(*results)

    def memories(self, what: str, a: int, b: int) -> None:
        """Operators of a memory as a whole."""
        index = self.memory_index(b if what == "init" else a)
        if what == "size":
            self.push(index)
        elif what == "grow":
            self.pop(index)
            self.push(index)
        elif what == "fill":
            self.pop(index, I32, index)
        elif what == "init":
            self.pop(index, I32, I32)
        else:
            self.copy(index, self.memory_index(b))

    def tables(self, what: str, a: int, b: int) -> None:
        """Operators of a table or its elements."""
        table = b if what == "init" else a
        index = self.table_index(table)
        kind = self.info.tables[table].kind if table < len(self.info.tables) else 0
        if what == "get":
            self.pop(index)
            self.push(kind)
        elif what == "set":
            self.pop(index, kind)
        elif what == "size":
            self.push(index)
        elif what == "grow":
            self.pop(kind, index)
            self.push(index)
        elif what == "fill":
            self.pop(index, kind, index)
        elif what == "init":
            self.pop(index, I32, I32)
        else:
            self.copy(index, self.table_index(b))

    def copy(self, target: int, source: int) -> None:
        """From one memory or table to another, whose indices have these types: the length fits both."""
        self.pop(target, source, I32 if I32 in (target, source) else target)

    def memory_index(self, memory: int) -> int:
        """The type of a memory's index."""
        if memory < len(self.info.memories):
            return self.info.memories[memory].index_type
        self.find(f"there is no memory {memory}")
        return I32

    def table_index(self, table: int) -> int:
        """The type of a table's index."""
        if table < len(self.info.tables):
            return self.info.tables[table].index_type
        self.find(f"there is no table {table}")
        return I32

    def call(self, type_index: int) -> None:
        self.calls += 1
        self.call_weight += self.weight
        type_ = self.info.types[type_index]
        self.pop(*type_.param_kinds)
        self.push(*type_.result_kinds)

    def return_call(self, type_index: int) -> None:
        """A call in place of this function: what the callee returns, this function does."""
        type_ = self.info.types[type_index]
        self.pop(*type_.param_kinds)
        self.claim("results of the callee", type_.result_kinds, self.blocks[0].results)

    def local(self, mnemonic: str) -> None:
        record = self.record
        if not 0 <= record.a < len(self.weights):
            self.find(f"there is no local {record.a}")
            return
        self.weights[record.a] += self.weight
        self.claim(f"type of local {record.a}", record.type, self.body.local_types[record.a])
        if mnemonic != "local.get":
            self.pop(record.type)
            self.blocks[-1].writes.add(record.a)
        if mnemonic != "local.set":
            self.push(record.type)

    # --- control ------------------------------------------------------------------------------
    def enter(self, block: Block) -> None:
        """Open a block."""
        self.blocks.append(block)
        self.by_label[block.label] = block

    def open(self, kind: str) -> None:
        record = self.record
        if kind == "if":
            self.pop(I32)
        self.labels += 1
        if record.a != self.labels:
            self.find(f"label {record.a} should be {self.labels}")
        params, results = b"", b""
        block_type = record.b - (1 << 32) if record.b >> 31 else record.b
        if block_type >= 0:
            params, results = self.info.types[block_type].param_kinds, self.info.types[block_type].result_kinds
        elif block_type != BLOCK_EMPTY:
            results = bytes((block_type + 0x80,))
        self.pop(*params)
        self.enter(Block(kind, record.a, params, results, len(self.stack)))
        self.push(*params)
        self.loop_depth += kind == "loop"

    def else_(self) -> None:
        block = self.blocks[-1]
        if block.kind != "if" or block.label != self.record.a:
            self.find(f"does not belong to {block.kind} @{block.label}")
        self.claim("first arm falls through", self.record.b, int(self.live))
        self.leave(block)
        block.first_arm_falls_through = self.live
        block.kind = "else"
        self.live = True
        self.push(*block.params)

    def catch(self, mnemonic: str) -> None:
        """An arm of a try begins."""
        record = self.record
        block = self.blocks[-1]
        if block.kind not in ("try", "catch") or block.label != record.a:
            self.find(f"does not belong to {block.kind} @{block.label}")
        self.claim("what comes before falls through", record.b & CATCH_FALLS_THROUGH, int(self.live))
        self.leave(block)
        block.arms_fall_through |= self.live
        block.kind = mnemonic
        self.live = True
        if mnemonic == "catch":
            tag = record.b >> CATCH_TAG_SHIFT
            if tag >= len(self.info.tags):
                self.find(f"there is no tag {tag}")
                return
            self.push(*self.info.types[self.info.tags[tag]].param_kinds)
        if record.b & CATCH_GIVES_EXCEPTION:
            self.push(EXNREF)

    def delegate(self) -> None:
        """The end of a try without arms."""
        block = self.blocks[-1]
        if block.kind != "try":
            self.find(f"ends {block.kind} @{block.label}")
        target = self.record.b >> DELEGATE_SHIFT
        if target and (target not in self.by_label or self.by_label[target].kind != "try" or target == block.label):
            self.find(f"there is no try @{target} around it")
        self.close(target << DELEGATE_SHIFT)

    def close(self, delegated: int = 0) -> None:
        block = self.blocks[-1]
        if block.label != self.record.a:
            self.find(f"does not belong to {block.kind} @{block.label}")
        self.leave(block)
        flags = END_FALLS_THROUGH if self.live else 0
        if block.targeted or block.first_arm_falls_through or block.arms_fall_through:
            flags |= END_IS_TARGET
        if block.kind == "if":
            flags |= END_OF_IF_WITHOUT_ELSE | END_IS_TARGET
            self.claim("results of an if without else", block.results, block.params)
        if block.kind == "loop":
            self.loops[block.label] = block.writes
            self.loop_depth -= 1
        self.claim(f"end of @{block.label}", self.record.b, flags | delegated)
        self.live = flags != 0
        self.blocks.pop()
        self.by_label.pop(block.label, None)
        if self.blocks:
            outer = self.blocks[-1]
            if block.kind != "loop" and len(block.writes) > len(outer.writes):
                outer.writes, block.writes = block.writes, outer.writes
            outer.writes |= block.writes
            self.push(*block.results)

    def leave(self, block: Block) -> None:
        """At the end of a block or arm its results lie above its height, and nothing else."""
        if self.live:
            self.pop(*block.results)
            if len(self.stack) != block.height:
                self.find(f"{len(self.stack) - block.height} operands are left")
        del self.stack[block.height :]

    def branch(self, label: int, height: int) -> None:
        block = self.by_label.get(label)
        if block is None:
            self.find(f"no block @{label} is open")
            return
        self.claim(f"height of @{label}", height, block.height)
        self.carry(block.carried)
        block.targeted |= block.kind != "loop"

    def branch_on_reference(self, mnemonic: str) -> None:
        """What is looked at is a reference: carried if it is not null, or left if it is not."""
        reference = self.stack[-1] if self.stack else 0
        if reference not in REFERENCE_KINDS:
            self.find("wants a reference")
            return
        if mnemonic == "br_on_null":
            self.pop(reference)
        self.branch(self.record.a, self.record.b)
        if mnemonic == "br_on_null":
            self.push(reference)
        else:
            self.pop(reference)

    def carry(self, types: bytes) -> None:
        """The topmost operands have these types; they stay for whoever comes next."""
        self.claim("arity", self.record.arity, len(types))
        self.pop(*types)
        self.stack.extend(types)
