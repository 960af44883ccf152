"""The proof that allocated code computes what the code with virtual registers does.

An abstract run over the allocated code, after regalloc2's checker. Each place (a register of the machine, a slot)
holds a *set* of virtual registers: those whose value is surely there. An instruction's use must find its own
register in the set of the place that it reads; a write makes the place hold that register alone, and takes the
register out of all other places; a move copies sets; a call empties the caller-saved registers. Where ways
join, sets are intersected, and blocks are looked at again until nothing changes.

A register of the machine that code names holds *itself* from where the code writes it until something else is put
there: so arguments of calls are checked like any value.

Nothing of the allocator's own reasoning is used: only its result. Tests run it on everything they compile.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.machine.code import (
    CALL_CLOBBERS,
    COPIES,
    FIRST_VIRTUAL,
    FRAME,
    IMPLICIT,
    IN_MEMORY,
    REG_READ,
    REG_WRITTEN,
    RM_MAY_BE_MEMORY,
    RM_READ,
    RM_WRITTEN,
    TERMINATOR,
    THIRD_WRITTEN,
    Code,
)
from wasmer_clif_backend.machine.regalloc.allocation import FIRST_SLOT, Allocation
from wasmer_runtime_core.errors import InternalError
from wasmer_runtime_core.support.annotations import Final, final, i64

State = dict[int, frozenset[int]]


def check(function: Function, code: Code, allocation: Allocation, kept: i64) -> None:
    """Prove an allocation.

    Args:
        kept: bits of the machine's registers that a call keeps.

    Raises:
        InternalError: a use would find something else; says which, and where.
    """
    _Checker(function, code, allocation, kept).run()


@final
class _Checker:
    def __init__(self, function: Function, code: Code, allocation: Allocation, kept: i64) -> None:
        self.function: Final = function
        self.code: Final = code
        self.out: Final = allocation
        self.kept: Final = int(kept)
        self.edits = {
            at: allocation.edits_at(at)
            for at in range(int(2 * code.first), int(2 * code.end))
            if allocation.first_edit[at]
        }
        self.state: State = {}
        self.where = ""

    def run(self) -> None:
        """To a fixed point, then once more, complaining."""
        code = self.code
        function = self.function
        known: dict[int, State] = {code.order[0]: {}}
        work = [code.order[0]]
        self._no_place_twice()
        self._nothing_before_frame()
        while work:
            b = work.pop()
            self.state = dict(known[b])
            self._block(b, False)
            for e in function.edges(b):
                self._different(f"on edge {e}", [to for to, _ in self.out.moves_of(e)])
                target = int(function.edge_to[e])
                arriving = self._edge(e)
                old = known.get(target)
                if old is None:
                    known[target] = arriving
                    work.append(target)
                    continue
                met = {place: held & arriving[place] for place, held in old.items() if place in arriving}
                met = {place: held for place, held in met.items() if held}
                if met != old:
                    known[target] = met
                    work.append(target)
        for b in code.order:
            self._nothing_between_ends(b)
            if b in known:
                self.state = dict(known[b])
                self._block(b, True)

    def _no_place_twice(self) -> None:
        """Moves that happen at once have different targets."""
        for at, moves in self.edits.items():
            self._different(f"before instruction {self._number(at // 2)}", [to for to, _ in moves])

    def _nothing_before_frame(self) -> None:
        """Where there is no frame yet, nothing goes to a slot or to a register that calls keep, and nothing is called.

        No way leads there from where there is one.
        """
        code = self.code
        framed_at = int(self.out.framed_at)
        if framed_at == 0:
            return
        first = framed_at // 2 - 1
        if code.form[first] != FRAME:
            raise InternalError(f"regalloc: no frame is made by instruction {self._number(first)}")
        for b in code.order:
            before = code.block_first[b] < first  # the block that makes it makes it first: its ways out are behind it
            for e in self.function.edges(b):
                target = int(self.function.edge_to[e])
                if before:
                    self._needs_no_frame(f"on edge {e}", [to for to, _ in self.out.moves_of(e)])
                elif code.block_first[target] <= first:
                    raise InternalError(f"regalloc: edge {e} leads from where there is a frame to where there is none")
            if before and code.block_end[b] > first:
                raise InternalError(f"regalloc: the frame is made in the middle of block {b}")
        for i in range(int(code.first), first + 1):
            where = f"before or in instruction {self._number(i)}"
            for at in (2 * i, 2 * i + 1):
                self._needs_no_frame(where, [to for to, _ in self.edits.get(at, ())])
            if code.roles[i] & CALL_CLOBBERS:
                raise InternalError(f"regalloc: a call stands before the frame, in instruction {self._number(i)}")
            self._needs_no_frame(where, [int(self.out.place_at(r, 2 * i + 1)) for r in written_by(code, i)])

    def _needs_no_frame(self, where: str, places: list[int]) -> None:
        for place in places:
            if place >= FIRST_SLOT or self.kept >> place & 1:
                raise InternalError(f"regalloc: place {place} is written {where}, where there is no frame")

    def _nothing_between_ends(self, b: int) -> None:
        """Ways out of a block all leave it in the same state: nothing moves once the first one may be taken."""
        code = self.code
        ended = False
        for i in range(int(code.block_first[b]), int(code.block_end[b])):
            if ended and (2 * i in self.edits or 2 * i + 1 in self.edits):
                raise InternalError(
                    f"regalloc: a move before instruction {self._number(i)}, where block {b} has been left already"
                )
            ended = ended or bool(code.roles[i] & TERMINATOR)

    def _number(self, i: int) -> int:
        """The number of an instruction as it is printed."""
        return i - int(self.code.first)

    def _different(self, where: str, targets: list[int]) -> None:
        if len(set(targets)) != len(targets):
            raise InternalError(f"regalloc: two moves {where} have one target")

    def _block(self, b: int, complain: bool) -> None:
        code = self.code
        for i in range(int(code.block_first[b]), int(code.block_end[b])):
            self.where = f"instruction {self._number(i)} in block {b}"
            for at in (2 * i, 2 * i + 1):
                if at in self.edits:
                    self._moves(self.edits[at])
            self._instruction(i, complain)

    def _moves(self, moves: list[tuple[int, int]]) -> None:
        before = dict(self.state)
        for to, source in moves:
            self.state[to] = before.get(source, frozenset())

    def _instruction(self, i: int, complain: bool) -> None:
        code = self.code
        if code.form[i] == COPIES:
            self._copies(i, complain)
            return
        roles = int(code.roles[i])
        reg = int(code.reg[i])
        rm = int(code.rm[i])
        reads: list[tuple[int, bool]] = []
        writes: list[tuple[int, bool]] = []
        if roles & REG_READ:
            reads.append((reg, False))
        if roles & IN_MEMORY or roles & RM_READ:
            reads.append((rm, not roles & IN_MEMORY and bool(roles & RM_MAY_BE_MEMORY)))
        reads.append((int(code.index[i]), False))
        if roles & THIRD_WRITTEN:
            writes.append((int(code.third[i]), False))
        else:
            reads.append((int(code.third[i]), False))
        if roles & REG_WRITTEN:
            writes.append((reg, False))
        if roles & RM_WRITTEN:
            writes.append((rm, bool(roles & RM_MAY_BE_MEMORY)))
        if roles & IMPLICIT:
            first, second = implicit_lists(code, i)
            reads += [(register, False) for register in first]
            writes += [(register, False) for register in second]
        for register, memory in reads:
            if register >= 0:
                self._read(register, 2 * i, memory, complain)
        for register, memory in writes:
            # What is modified must be where it was read.
            if register >= FIRST_VIRTUAL and any(register == one for one, _ in reads) and complain:
                if self.out.place_at(register, 2 * i) != self.out.place_at(register, 2 * i + 1):
                    raise InternalError(f"regalloc: v{register} moves within {self.where}")
            if memory is False and complain and self.out.place_at(register, 2 * i + 1) >= FIRST_SLOT:
                raise InternalError(f"regalloc: v{register} is written in memory by {self.where}")
        if roles & CALL_CLOBBERS:
            for place in range(FIRST_SLOT):
                if not self.kept >> place & 1:
                    self.state.pop(place, None)
        self._write([register for register, _ in writes], i)

    def _copies(self, i: int, complain: bool) -> None:
        code = self.code
        first = int(code.displacement[i]) + 1
        pairs = [int(code.pool[first + at]) for at in range(2 * int(code.pool[first - 1]))]
        self._different(f"of {self.where}", [int(self.out.place_at(to, 2 * i + 1)) for to in pairs[::2]])
        for register in pairs[1::2]:
            self._read(register, 2 * i, True, complain)
        # A copy holds what it copies: so a register is found again in what is equal to it.
        before = dict(self.state)
        self._write(pairs[::2], i)
        for to, source in zip(pairs[::2], pairs[1::2], strict=True):
            place = int(self.out.place_at(to, 2 * i + 1))
            held = before.get(int(self.out.place_at(source, 2 * i)), frozenset())
            self.state[place] = frozenset(one for one in held if one not in pairs[::2]) | {to}

    def _read(self, register: int, at: int, memory: bool, complain: bool) -> None:
        place = int(self.out.place_at(register, at))
        if not complain or (register < FIRST_VIRTUAL and int(self.code.never_given) >> register & 1):
            return
        if place >= FIRST_SLOT and not memory:
            raise InternalError(f"regalloc: v{register} is in memory at {self.where}, where it must be in a register")
        if register not in self.state.get(place, frozenset()):
            held = ", ".join(f"v{one}" for one in sorted(self.state.get(place, frozenset()))) or "nothing known"
            raise InternalError(f"regalloc: {self.where} reads v{register} in place {place}, which holds {held}")

    def _write(self, registers: list[int], i: int) -> None:
        if not registers:
            return
        gone = frozenset(registers)
        for place, held in list(self.state.items()):
            if held & gone:
                self.state[place] = held - gone
        for register in registers:
            self.state[int(self.out.place_at(register, 2 * i + 1))] = frozenset((register,))

    def _edge(self, e: int) -> State:
        """What holds behind an edge."""
        function = self.function
        saved = self.state
        self.state = dict(saved)
        self._moves(self.out.moves_of(e))
        given = function.items(function.edge_arguments[e])
        parameters = function.parameters(function.edge_to[e])
        became: dict[int, list[int]] = {}
        for argument, parameter in zip(given, parameters, strict=True):
            became.setdefault(argument + FIRST_VIRTUAL, []).append(parameter + FIRST_VIRTUAL)
        old = frozenset(parameter + FIRST_VIRTUAL for parameter in parameters)
        arriving: State = {}
        for place, held in self.state.items():
            now = set(held - old)
            for one in held:
                now.update(became.get(one, ()))
            if now:
                arriving[place] = frozenset(now)
        self.state = saved
        return arriving


def written_by(code: Code, i: i64) -> list[int]:
    """The registers that an instruction writes."""
    if code.form[i] == COPIES:
        first = int(code.displacement[i]) + 1
        return [int(code.pool[first + at]) for at in range(0, 2 * int(code.pool[first - 1]), 2)]
    roles = code.roles[i]
    written = implicit_lists(code, i)[1] if roles & IMPLICIT else []
    if roles & REG_WRITTEN:
        written.append(int(code.reg[i]))
    if roles & RM_WRITTEN:
        written.append(int(code.rm[i]))
    if roles & THIRD_WRITTEN:
        written.append(int(code.third[i]))
    return written


def implicit_lists(code: Code, i: i64) -> tuple[list[int], list[int]]:
    """Registers of the machine that an instruction reads and writes without naming them."""
    both = int(code.immediate[i])
    read = [r for r in range(FIRST_VIRTUAL) if both >> r & 1]
    return read, [r for r in range(FIRST_VIRTUAL) if both >> (FIRST_VIRTUAL + r) & 1]
