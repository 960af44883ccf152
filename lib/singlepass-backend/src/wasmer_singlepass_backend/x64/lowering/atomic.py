"""Atomic accesses (threads).

The address is first seen to be aligned, then within the memory. On a shared memory an access is an instruction that
the processor carries out whole (``xchg``, ``lock xadd``, ``lock cmpxchg``), or a loop around the last of them where
there is none that gives what was there. Such an instruction lets nothing go past it; a load needs none of that, since
loads are in order here. On a memory that is not shared the parts of an access follow one another.

rcx holds the address; rax what was there, rdx what shall be.
"""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import NOT_EQUAL
from wasmer_runtime_core.codegen.x64.forms import Form
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_singlepass_backend.x64.assembler import number
from wasmer_singlepass_backend.x64.function import HOME_REGISTER, JCC, JMP, MOV_R64, FunctionCompiler
from wasmer_singlepass_backend.x64.lowering.integer import OUT_OF_BOUNDS
from wasmer_singlepass_backend.x64.lowering.memory import LEA_R64, Access
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.registers import RAX, RCX, RDX, RSP
from wasmer_singlepass_backend.x64.values import CONSTANT

LEA_R32: Final[i64] = number(forms.LEA_R32_M)
TEST_R8_IMM: Final[i64] = number(forms.TEST_RM8_IMM8)
NEG_R64: Final[i64] = number(forms.NEG_RM64)
LOCK_OR: Final[i64] = number(forms.LOCK_OR_M32_IMM8)
UNALIGNED: Final[i64] = i64(BY_NAME["MISALIGNED_ATOMIC_ACCESS"].number)


@final
class Width:
    """The forms of accesses of one size.

    Attributes:
        extend: from one register to another, so that what is above the size is zero.
    """

    def __init__(
        self, size: int, load: Form, store: Form, extend: Form, xchg: Form, xadd: Form, cmpxchg: Form, locked: Form
    ) -> None:
        self.size: i64 = size
        self.load: i64 = number(load)
        self.store: i64 = number(store)
        self.extend: i64 = number(extend)
        self.xchg: i64 = number(xchg)
        self.xadd: i64 = number(xadd)
        self.cmpxchg: i64 = number(cmpxchg)
        self.locked_cmpxchg: i64 = number(locked)


class Atomic(Access):
    """An access of an aligned address."""

    def __init__(self, type_: int, width: Width) -> None:
        super().__init__(int(width.size))
        self.type: i64 = type_
        self.width: Width = width

    def aligned(self, f: FunctionCompiler, p: i64, a: i64) -> None:
        """See that address operand `p` and the offset, of which `a` are the low bits, are aligned together. Writes
        rax and rdx."""
        if self.size == 1:
            return
        f.mark()
        mask = self.size - 1
        offset = a & mask
        if f.kinds[p] == CONSTANT:
            if (f.values[p] + offset) & mask != 0:
                f.asm.jump(JMP, f.trap_label(UNALIGNED))
            return
        register = f.readable(p, RAX)
        if offset != 0:
            f.asm.reg_mem(LEA_R32, RDX, register, offset)
            register = RDX
        f.asm.reg_imm(TEST_R8_IMM, register, mask)
        f.asm.jump(JCC + NOT_EQUAL, f.trap_label(UNALIGNED))

    def address_in_rcx(self, f: FunctionCompiler, p: i64, a: i64, b: i64) -> None:
        """Writes rax and rdx, too."""
        self.address(f, p, a, b)
        f.asm.indexed(LEA_R64, RCX, f.base, f.index, 0, f.displacement)

    def at_rcx(self, f: FunctionCompiler, form: i64, register: i64) -> None:
        f.asm.indexed(form, register, RCX, -1, 0, 0, OUT_OF_BOUNDS)

    def push_from_rax(self, f: FunctionCompiler) -> None:
        """What was there is the result, from rax."""
        target = f.target_home(HOME_REGISTER)
        register = target
        if register < 0:
            register = f.take()
        if register != RAX or self.size < 8:
            f.asm.reg_reg(self.width.extend, register, RAX)
        f.result(self.type, register, target)


@final
class AtomicLoad(Atomic):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        self.aligned(f, p, a)
        self.address(f, p, a, b)
        f.release(p)
        target = f.target_home(HOME_REGISTER)
        register = target
        if register < 0:
            register = f.take()
        f.asm.indexed(self.width.load, register, f.base, f.index, 0, f.displacement, OUT_OF_BOUNDS)
        f.result(self.type, register, target)


@final
class AtomicStore(Atomic):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        value = f.pop()
        p = f.pop()
        self.aligned(f, p, a)
        self.address_in_rcx(f, p, a, b)
        if f.view.shared_memories[b & 0xFFFF]:
            f.load(value, RAX)
            self.at_rcx(f, self.width.xchg, RAX)
        else:
            self.at_rcx(f, self.width.store, f.readable(value, RAX))
        f.release(p)
        f.release(value)


class Change(Atomic):
    """Read, compute, write: what was there is the result."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        value = f.pop()
        p = f.pop()
        self.aligned(f, p, a)
        operand = f.in_register(value)
        taken = operand < 0
        if taken:
            operand = f.take()
            f.load(value, operand)
        self.address_in_rcx(f, p, a, b)
        self.change(f, operand, f.view.shared_memories[b & 0xFFFF] != 0)
        f.release(p)
        f.release(value)
        if taken:
            f.give(operand)
        self.push_from_rax(f)

    def change(self, f: FunctionCompiler, operand: i64, shared: bool) -> None:
        """What is at rcx comes to rax; there it becomes what it and `operand` make."""
        raise NotImplementedError


@final
class Operation(Change):
    """and, or, xor; add and sub where nobody else can come between."""

    def __init__(self, type_: int, width: Width, form: Form, negate: bool = False, adds: bool = False) -> None:
        super().__init__(type_, width)
        self.form: i64 = number(form)
        self.negate: bool = negate
        self.adds: bool = adds

    def change(self, f: FunctionCompiler, operand: i64, shared: bool) -> None:
        asm = f.asm
        if shared and self.adds:
            asm.reg_reg(MOV_R64, RAX, operand)
            if self.negate:
                asm.reg_reg(NEG_R64, 0, RAX)
            self.at_rcx(f, self.width.xadd, RAX)
            return
        self.at_rcx(f, self.width.load, RAX)
        again = f.new_label()
        if shared:
            asm.bind(again)
        asm.reg_reg(MOV_R64, RDX, RAX)
        asm.reg_reg(self.form, RDX, operand)
        if shared:
            self.at_rcx(f, self.width.locked_cmpxchg, RDX)
            asm.jump(JCC + NOT_EQUAL, again)
        else:
            self.at_rcx(f, self.width.store, RDX)


@final
class Exchange(Change):
    def change(self, f: FunctionCompiler, operand: i64, shared: bool) -> None:
        if shared:
            f.asm.reg_reg(MOV_R64, RAX, operand)
            self.at_rcx(f, self.width.xchg, RAX)
        else:
            self.at_rcx(f, self.width.load, RAX)
            self.at_rcx(f, self.width.store, operand)


@final
class CompareExchange(Atomic):
    """What is expected is compared as wide as the access is."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        replacement = f.pop()
        expected = f.pop()
        p = f.pop()
        self.aligned(f, p, a)
        self.address_in_rcx(f, p, a, b)
        f.load(expected, RAX)
        register = f.readable(replacement, RDX)
        locked = f.view.shared_memories[b & 0xFFFF] != 0
        self.at_rcx(f, self.width.locked_cmpxchg if locked else self.width.cmpxchg, register)
        f.release(p)
        f.release(expected)
        f.release(replacement)
        self.push_from_rax(f)


@final
class Fence(Lowering):
    """A locked instruction that changes nothing, on the stack: it takes half as long as ``mfence``."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        f.asm.mem_imm(LOCK_OR, RSP, 0, 0)
