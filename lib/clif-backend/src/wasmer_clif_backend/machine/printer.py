"""Code with virtual registers as text: for people, and for golden tests.

An instruction is a mnemonic of the machine, with ``v7`` for a virtual register and the machine's names for others::

    block1:
      3  mov v5 = v3
      4  add v5 with v4
"""

from __future__ import annotations

from wasmer_clif_backend.machine.code import (
    ATOMIC,
    CALL_CLOBBERS,
    CATCH,
    COPIES,
    ENTRY,
    FIRST_VIRTUAL,
    FRAME,
    IMPLICIT,
    IN_MEMORY,
    LEAVE,
    REG_READ,
    REG_WRITTEN,
    RM_READ,
    RM_WRITTEN,
    TABLE_JUMP,
    THIRD_WRITTEN,
    Code,
)
from wasmer_clif_backend.machine.regalloc.allocation import Allocation
from wasmer_clif_backend.machine.regalloc.checker import implicit_lists
from wasmer_runtime_core.codegen.x64.forms import by_number
from wasmer_runtime_core.codegen.x64.registers import NAMES_64
from wasmer_runtime_core.support.annotations import i64

_PSEUDO = {
    COPIES: "copies",
    ENTRY: "entry",
    FRAME: "frame",
    LEAVE: "leave",
    ATOMIC: "atomic",
    TABLE_JUMP: "table jump",
    CATCH: "catch",
}


def place_name(place: i64) -> str:
    """A place: a register of the machine, or a slot of the frame."""
    if place < 0:
        return "nowhere"
    if place < 16:
        return NAMES_64[place]
    return f"xmm{place - 16}" if place < FIRST_VIRTUAL else f"slot{place - FIRST_VIRTUAL}"


def register_name(register: i64) -> str:
    """A register: virtual ones by number, values of the function first."""
    return f"v{register - FIRST_VIRTUAL}" if register >= FIRST_VIRTUAL else place_name(register)


def print_code(code: Code, allocation: Allocation | None = None) -> str:
    """The code; with an allocation, where each register is, and the moves."""
    lines = []
    for b in code.order:
        lines.append(f"block{b}:")
        for i in range(int(code.block_first[b]), int(code.block_end[b])):
            if allocation is not None:
                moves = allocation.edits_at(2 * i) + allocation.edits_at(2 * i + 1)
                lines += [f"        move {_move(move)}" for move in moves]
            lines.append(f"  {i - int(code.first):4}  {_instruction(code, i, allocation)}")
    if allocation is not None:
        ways = [int(code.ways[n]) for b in code.order for n in range(int(code.way_first[b]), int(code.way_end[b]))]
        for e in sorted(ways):
            if allocation.edge_moves(e):
                lines.append(f"edge{e}: {', '.join(map(_move, allocation.moves_of(e)))}")
    return "\n".join(lines) + "\n"


def _move(move: tuple[int, int]) -> str:
    return f"{place_name(move[0])} <- {place_name(move[1])}"


def _instruction(code: Code, i: int, allocation: Allocation | None) -> str:
    def name(register: i64, written: bool) -> str:
        text = register_name(register)
        if allocation is not None and register >= FIRST_VIRTUAL:
            text += f":{place_name(allocation.place_at(register, 2 * i + 1 if written else 2 * i))}"
        return text

    form = code.form[i]
    roles = code.roles[i]
    if form == COPIES:
        p = int(code.displacement[i])
        pairs = [(code.pool[p + 1 + 2 * at], code.pool[p + 2 + 2 * at]) for at in range(int(code.pool[p]))]
        return "copies " + ", ".join(f"{name(to, True)} = {name(source, False)}" for to, source in pairs)
    syntax = _PSEUDO[int(form)] if form in _PSEUDO else by_number(int(form)).syntax
    words = [syntax if form in _PSEUDO else syntax.split(" ")[0]]
    reg = code.reg[i]
    rm = code.rm[i]
    written: list[str] = []
    read: list[str] = []
    if reg >= 0:
        (written if roles & REG_WRITTEN else read).append(name(reg, bool(roles & REG_WRITTEN)))
    if code.third[i] >= 0:
        (written if roles & THIRD_WRITTEN else read).append(name(code.third[i], bool(roles & THIRD_WRITTEN)))
    if roles & IN_MEMORY:
        scale = int(code.mode[i] >> 8) & 0xFF
        inside = [name(rm, False)] if rm >= 0 else []
        if code.index[i] >= 0:
            inside.append(f"{1 << scale}*{name(code.index[i], False)}" if scale else name(code.index[i], False))
        read.append(f"[{' + '.join([*inside, str(int(code.displacement[i]))])}]")
    else:
        if rm >= 0:
            (written if roles & RM_WRITTEN else read).append(name(rm, bool(roles & RM_WRITTEN and not roles & RM_READ)))
        if code.index[i] >= 0:
            read.append(name(code.index[i], False))
        if code.displacement[i]:
            read.append(f"#{int(code.displacement[i])}")
    if not roles & IMPLICIT and (code.immediate[i] or "imm" in syntax):
        read.append(str(int(code.immediate[i])))
    modified = (roles & REG_READ and roles & REG_WRITTEN) or (roles & RM_READ and roles & RM_WRITTEN)
    if written:
        words.append(f"{', '.join(written)} {'with' if modified else '='}")
    words.append(", ".join(read))
    if roles & IMPLICIT:
        first, second = implicit_lists(code, i)
        words.append(f"({', '.join(map(place_name, first))} -> {', '.join(map(place_name, second))})")
    if roles & CALL_CLOBBERS:
        words.append("clobbers")
    return " ".join(filter(None, words))
