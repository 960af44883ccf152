"""Moves between registers that happen as if at once.

Arguments travel from where they are to where the convention wants them, and one's
destination may be another's source. Moves whose destination nobody reads any more go
first; what remains are cycles, which exchanges undo.
"""

from __future__ import annotations

from librt.vecs import append, vec

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_singlepass_backend.x64.assembler import Assembler, number
from wasmer_singlepass_backend.x64.registers import XMM_SCRATCH

MOV_R32: Final[i64] = number(forms.MOV_R32_RM32)
MOV_R64: Final[i64] = number(forms.MOV_R64_RM64)
XCHG_R64: Final[i64] = number(forms.XCHG_RM64_R64)
MOVAPS: Final[i64] = number(forms.MOVAPS_XMM_XM128)


@final
class MoveSet:
    """Pending moves. General and xmm registers do not disturb one another."""

    def __init__(self) -> None:
        self.to: vec[i64] = vec[i64]()
        self.source: vec[i64] = vec[i64]()
        self.narrow: vec[i64] = vec[i64]()  # 1: an i32, whose upper half is to be cleared
        self.to_xmm: vec[i64] = vec[i64]()
        self.source_xmm: vec[i64] = vec[i64]()

    def add(self, to: i64, source: i64, narrow: bool) -> None:
        """A general register; a narrow move to itself clears the upper half."""
        flag: i64 = 1 if narrow else 0
        self.to = append(self.to, to)
        self.source = append(self.source, source)
        self.narrow = append(self.narrow, flag)

    def add_xmm(self, to: i64, source: i64) -> None:
        """A whole xmm register."""
        self.to_xmm = append(self.to_xmm, to)
        self.source_xmm = append(self.source_xmm, source)

    def emit(self, asm: Assembler) -> None:
        """Write the moves; the set is spent."""
        self._emit_general(asm)
        self._emit_xmm(asm)

    def _emit_general(self, asm: Assembler) -> None:
        to = self.to
        source = self.source
        narrow = self.narrow
        count: i64 = len(to)
        left = count
        i: i64 = 0
        while i < count:
            if to[i] == source[i]:
                if narrow[i]:
                    asm.reg_reg(MOV_R32, to[i], to[i])
                to[i] = -1
                left -= 1
            i += 1
        while left > 0:
            moved = False
            i = 0
            while i < count:
                if to[i] >= 0 and not _reads(to, source, to[i], i):
                    asm.reg_reg(MOV_R32 if narrow[i] else MOV_R64, to[i], source[i])
                    to[i] = -1
                    left -= 1
                    moved = True
                i += 1
            if not moved:
                i = 0
                while to[i] < 0:
                    i += 1
                left -= self._exchange(asm, i)

    def _exchange(self, asm: Assembler, i: i64) -> i64:
        """Undo a cycle at move `i`; returns how many moves are done."""
        to = self.to
        source = self.source
        a = to[i]
        b = source[i]
        asm.reg_reg(XCHG_R64, a, b)
        if self.narrow[i]:
            asm.reg_reg(MOV_R32, a, a)
        to[i] = -1
        done: i64 = 1
        j: i64 = 0
        while j < len(to):
            if to[j] >= 0:
                if source[j] == a:
                    source[j] = b
                elif source[j] == b:
                    source[j] = a
                if to[j] == source[j]:
                    if self.narrow[j]:
                        asm.reg_reg(MOV_R32, to[j], to[j])
                    to[j] = -1
                    done += 1
            j += 1
        return done

    def _emit_xmm(self, asm: Assembler) -> None:
        to = self.to_xmm
        source = self.source_xmm
        count: i64 = len(to)
        left = count
        i: i64 = 0
        while i < count:
            if to[i] == source[i]:
                to[i] = -1
                left -= 1
            i += 1
        while left > 0:
            moved = False
            i = 0
            while i < count:
                if to[i] >= 0 and not _reads(to, source, to[i], i):
                    asm.reg_reg(MOVAPS, to[i], source[i])
                    to[i] = -1
                    left -= 1
                    moved = True
                i += 1
            if not moved:  # a cycle: park one source, the rest falls out
                i = 0
                while to[i] < 0:
                    i += 1
                asm.reg_reg(MOVAPS, XMM_SCRATCH, source[i])
                parked = source[i]
                j: i64 = 0
                while j < count:
                    if to[j] >= 0 and source[j] == parked:
                        source[j] = XMM_SCRATCH
                    j += 1


def _reads(to: vec[i64], source: vec[i64], register: i64, but: i64) -> bool:
    """Does a pending move other than `but` still read this register?"""
    i: i64 = 0
    while i < len(to):
        if i != but and to[i] >= 0 and source[i] == register:
            return True
        i += 1
    return False
