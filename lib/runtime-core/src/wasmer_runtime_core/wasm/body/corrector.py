"""What follows from the records of a body, worked out and filled in.

Whoever writes records by hand (`middleware.editor`) says what cannot be known otherwise:
operators, immediates, which block a branch leaves. This walks over them as the verifier
does, and where the verifier compares, it corrects: labels are numbered as blocks open,
branches get heights and arities, ``else`` and ``end`` say how they are reached, records
that cannot be reached go, and the body's figures are what was found. Types that do not
fit remain findings.

Labels may be any numbers, each used for one block; 0 is the function's own.
"""

from __future__ import annotations

import struct

from wasmer_runtime_core.wasm.body.body import CATCH_FALLS_THROUGH, DELEGATE_SHIFT, Body
from wasmer_runtime_core.wasm.body.text import RECORD, Record, read_records
from wasmer_runtime_core.wasm.body.verifier import Block, Verifier
from wasmer_runtime_core.wasm.module import ModuleInfo
from wasmer_runtime_core.wasm.operators.effects import BRANCHES, CLOSES, OPENS, RETURNS
from wasmer_runtime_core.wasm.operators.internal import ALL_OPERATORS
from wasmer_runtime_core.wasm.types import I32


def correct_body(info: ModuleInfo, body: Body) -> tuple[Body, list[str]]:
    """The body with all that follows from its records, and what is wrong with them; it may be used if nothing is."""
    corrector = _Corrector(info, body)
    corrector.correct()
    return corrector.result(), corrector.findings


class _Corrector(Verifier):
    def __init__(self, info: ModuleInfo, body: Body) -> None:
        super().__init__(info, body)
        self.pool = bytearray(body.pool)
        self.out: list[Record] = []
        self.new_labels = {0: 0}
        self.dead_blocks = 0  # opened where nothing is reached
        # what the verifier found for the record at hand
        self.reached = 0
        self.heights: list[int] = []
        self.arity = 0

    def correct(self) -> None:
        """Walk over all records, up to the first finding."""
        body = self.body
        self.enter(Block("function", 0, b"", self.info.types[body.type_index].result_kinds, 0))
        for record in read_records(body):
            self.record = record
            if record.code not in ALL_OPERATORS:
                self.findings.append(f"{record.offset:#x}: no operator has the code {record.code:#x}")
            elif not self.blocks:
                self.find("a record follows the function's end")
            elif self.live or self.closes(record):
                self.one(record)
            if self.findings:
                return
        if self.blocks:
            self.find("the body ends in the middle")

    def closes(self, record: Record) -> bool:
        """In an unreachable place: does this record belong to a block that was opened before it?"""
        effects = ALL_OPERATORS[record.code].effects
        if effects & OPENS:
            self.dead_blocks += 1
        elif record.mnemonic in ("end", "delegate") and self.dead_blocks:
            self.dead_blocks -= 1
        else:
            return not self.dead_blocks and effects & CLOSES != 0
        return False

    def one(self, record: Record) -> None:
        """A record that is reached: number its label, type it, write it."""
        mnemonic = record.mnemonic
        effects = ALL_OPERATORS[record.code].effects
        if effects & OPENS:
            if record.a in self.new_labels:
                self.find(f"label {record.a} is used twice")
                return
            self.new_labels[record.a] = self.labels + 1
        if effects & (OPENS | CLOSES | BRANCHES) and mnemonic != "br_table":
            if record.a not in self.new_labels:
                self.find(f"there is no label {record.a}")
                return
            self.record = record = record._replace(a=self.new_labels[record.a])
        if mnemonic == "delegate":
            target = record.b >> DELEGATE_SHIFT
            if target not in self.new_labels:
                self.find(f"there is no label {target}")
                return
            self.record = record = record._replace(b=self.new_labels[target] << DELEGATE_SHIFT)
        if mnemonic == "br_table":
            self.record = record = self.table(record)
            if self.findings:
                return
        self.heights.clear()
        self.step()
        if self.findings:
            return
        if mnemonic in ("catch", "catch_all"):
            record = record._replace(b=record.b & ~CATCH_FALLS_THROUGH | self.reached)
        elif effects & CLOSES:
            record = record._replace(b=self.reached)
        elif effects & BRANCHES and mnemonic != "br_table":
            record = record._replace(b=self.heights[0])
        if effects & (BRANCHES | RETURNS):
            record = record._replace(type=self.arity & 0xFF, lane=self.arity >> 8)
        self.out.append(record)

    def table(self, record: Record) -> Record:
        """A ``br_table`` with targets of its own in the pool."""
        count = record.b + 1
        at = 4 * record.a
        targets = struct.unpack_from(f"<{2 * count}I", self.body.pool, at)[::2]
        missing = [label for label in targets if label not in self.new_labels]
        if missing:
            self.find(f"there is no label {missing[0]}")
            return record
        place = len(self.pool) // 4
        for label in targets:
            self.pool += struct.pack("<II", self.new_labels[label], 0)
        return record._replace(a=place)

    # --- where the verifier compares --------------------------------------------------------
    def step(self) -> None:
        record = self.record
        if record.mnemonic != "br_table":
            super().step()
            return
        self.pop(I32)
        for at in range(4 * record.a, 4 * record.a + 8 * (record.b + 1), 8):
            self.branch(struct.unpack_from("<I", self.pool, at)[0], 0)
            if self.findings:
                return
            struct.pack_into("<I", self.pool, at + 4, self.heights[-1])
        self.live = False

    def claim(self, name: str, said: object, found: object) -> None:
        if name.startswith("end of @") or name.endswith("falls through"):
            assert isinstance(found, int)
            self.reached = found
        elif name.startswith("height of @"):
            assert isinstance(found, int)
            self.heights.append(found)
        elif name == "arity":
            assert isinstance(found, int)
            self.arity = found
        else:
            super().claim(name, said, found)

    def result(self) -> Body:
        """The corrected body."""
        body = self.body
        loops = bytearray()
        for label in sorted(self.loops):
            writes = sorted(self.loops[label])
            loops += struct.pack("<3I", label, len(self.pool) // 4, len(writes))
            self.pool += struct.pack(f"<{len(writes)}I", *writes)
        weights = [min(weight, 0xFFFF_FFFF) for weight in self.weights]
        return Body(
            body.function_index,
            body.type_index,
            body.offset,
            body.size,
            body.local_types,
            b"".join(RECORD.pack(*record) for record in self.out),
            bytes(self.pool),
            bytes(loops),
            self.deepest,
            self.labels,
            struct.pack(f"<{len(weights)}I", *weights),
            self.call_weight,
            self.calls,
            self.memory_accesses,
        )
