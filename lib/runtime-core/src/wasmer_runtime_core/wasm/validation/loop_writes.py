"""What loops do to locals: how much each is used, and which each loop writes.

A backend that gives registers to locals wants to know which are used most, and a loop's
uses count for more: eight times for each loop around, at most `8 ** 4` times. And at the
head of a loop it wants to know which locals the loop writes, before it has seen the loop.

*Writes.* A log lists locals as they are written, a local again only when another loop has
begun or ended since. When a loop ends its part of the log is gone through: each local
stays once, is listed in the pool, and is left in the log for the loop around. *Stamps* say
what was seen: every loop has one, and so has every ending, so nothing is ever cleared.

A local in a nest of loops is listed once for each of them, which can be quadratic: how
much all bodies may list is an implementation limit.
"""

from __future__ import annotations

from librt.strings import BytesWriter
from librt.vecs import vec

from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.validation.packed import INITIAL_WORDS, grown, write_word, zeros

FACTOR: Final = 8
GREATEST_DEPTH: Final = 4
ENTRY_WORDS: Final = 3
"""Of a loop, as in `Body.loops`: label, pool index, count."""


@final
class LoopWrites:
    """The loops of one body after another.

    Attributes:
        weight: of what is used here.
        uses: by local: the sum of its uses' weights.
        stamp: of the innermost live loop; 0 outside of loops.
        written_in: by local: the stamp that last saw it written.
        listed: what loops wrote, in all bodies so far.
    """

    def __init__(self, most_listed: i64) -> None:
        self.weight: i64 = 1
        self.depth: i64 = 0
        self.uses: vec[i64] = zeros(INITIAL_WORDS)
        self.stamp: i64 = 0
        self.last_stamp: i64 = 0
        self.written_in: vec[i64] = zeros(INITIAL_WORDS)
        self.log: vec[i64] = zeros(INITIAL_WORDS)
        self.logged: i64 = 0
        self.entries: vec[i64] = zeros(INITIAL_WORDS)
        self.count: i64 = 0
        self.listed: i64 = 0
        self.most_listed: i64 = most_listed

    def begin(self, local_count: i64) -> None:
        """Turn to another body."""
        if local_count > len(self.uses):
            self.uses = grown(self.uses, local_count)
            self.written_in = grown(self.written_in, local_count)
        at: i64 = 0
        while at < local_count:
            self.uses[at] = 0
            at += 1
        self.weight = 1
        self.depth = 0
        self.stamp = 0
        self.logged = 0
        self.count = 0

    def add(self, local: i64) -> None:
        """A local behind those that there were when the body began."""
        if local >= len(self.uses):
            self.uses = grown(self.uses, local + 1)
            self.written_in = grown(self.written_in, local + 1)
        self.uses[local] = 0

    def open(self) -> i64:
        """A loop begins: its number in the body. The caller keeps `stamp` and `logged` for its end."""
        number = self.count
        self.count = number + 1
        if ENTRY_WORDS * self.count > len(self.entries):
            self.entries = grown(self.entries, ENTRY_WORDS * self.count)
        self.last_stamp += 1
        self.stamp = self.last_stamp
        self.depth += 1
        if self.depth <= GREATEST_DEPTH:
            self.weight = self.weight * FACTOR
        return number

    def write(self, local: i64) -> None:
        """The innermost loop writes a local that was not seen since another loop began or ended."""
        self.written_in[local] = self.stamp
        if self.logged >= len(self.log):
            self.log = grown(self.log, self.logged + 1)
        self.log[self.logged] = local
        self.logged += 1

    def close(self, number: i64, label: i64, start: i64, outer: i64, pool: BytesWriter) -> bool:
        """A loop ends: list what it writes in the pool.

        Args:
            number: what `open` returned.
            label: of the loop.
            start: how much was logged before it began.
            outer: the stamp of the loop around it.
            pool: where to append.

        Returns:
            False if loops list more than they may.
        """
        self.last_stamp += 1
        stamp = self.last_stamp
        log = self.log
        written_in = self.written_in
        entry = ENTRY_WORDS * number
        self.entries[entry] = label
        self.entries[entry + 1] = len(pool) >> 2
        kept = start
        at = start
        while at < self.logged:
            local = log[at]
            at += 1
            if written_in[local] != stamp:
                written_in[local] = stamp
                log[kept] = local
                kept += 1
                write_word(pool, local)
        self.entries[entry + 2] = kept - start
        self.listed += kept - start
        self.stamp = outer
        if outer == 0:
            kept = 0
        self.logged = kept
        if self.depth <= GREATEST_DEPTH:
            self.weight = self.weight // FACTOR
        self.depth -= 1
        return self.listed <= self.most_listed

    # --- what goes into the body -------------------------------------------------------------
    def loops(self) -> bytes:
        """`Body.loops`: by loop, in the order in which they open."""
        if self.count == 0:
            return b""
        writer = BytesWriter()
        at: i64 = 0
        while at < ENTRY_WORDS * self.count:
            write_word(writer, self.entries[at])
            at += 1
        return writer.getvalue()

    def weights(self, local_count: i64) -> bytes:
        """`Body.local_weights`."""
        writer = BytesWriter()
        at: i64 = 0
        while at < local_count:
            uses = self.uses[at]
            if uses > 0xFFFF_FFFF:
                uses = 0xFFFF_FFFF
            write_word(writer, uses)
            at += 1
        return writer.getvalue()
