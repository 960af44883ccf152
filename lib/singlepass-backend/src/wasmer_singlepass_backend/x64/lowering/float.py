"""Float arithmetic and comparisons, NaN and zero rules included (specification 4.3.3).

With AVX the three-operand forms are used, so that neither operand need be copied.
"""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    EQUAL,
    NOT_EQUAL,
    NOT_PARITY,
    PARITY,
)
from wasmer_runtime_core.codegen.x64.forms import Form
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.operators.internal import CANONICAL_NANS
from wasmer_runtime_core.wasm.types import F32, F64, I32, V128
from wasmer_singlepass_backend.x64.assembler import number
from wasmer_singlepass_backend.x64.function import (
    HOME_REGISTER,
    HOME_XMM,
    JCC,
    JMP,
    MOVZX_R32_R8,
    SETCC,
    FunctionCompiler,
)
from wasmer_singlepass_backend.x64.lowering.comparison import push_condition
from wasmer_singlepass_backend.x64.lowering.integer import OUT_OF_BOUNDS
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.registers import RAX, RBP, RCX, XMM_SCRATCH, XMM_SCRATCH_2
from wasmer_singlepass_backend.x64.values import CONSTANT, XMM

UCOMISS: Final[i64] = number(forms.UCOMISS_XMM_XM32)
UCOMISD: Final[i64] = number(forms.UCOMISD_XMM_XM64)
ANDPS: Final[i64] = number(forms.ANDPS_XMM_XM128)
ORPS: Final[i64] = number(forms.ORPS_XMM_XM128)
XORPS: Final[i64] = number(forms.XORPS_XMM_XM128)
VANDPS: Final[i64] = number(forms.VANDPS_XMM_XMM_XM128)
VXORPS: Final[i64] = number(forms.VXORPS_XMM_XMM_XM128)
ADDSS: Final[i64] = number(forms.ADDSS_XMM_XM32)
ADDSD: Final[i64] = number(forms.ADDSD_XMM_XM64)
MOVSS: Final[i64] = number(forms.MOVSS_XMM_XM32)
MOVSD: Final[i64] = number(forms.MOVSD_XMM_XM64)
SETNP: Final[i64] = number(forms.SETCC_RM8) + NOT_PARITY
SETP: Final[i64] = number(forms.SETCC_RM8) + PARITY
AND_RM32: Final[i64] = number(forms.AND_R32_RM32)
OR_RM32: Final[i64] = number(forms.OR_R32_RM32)

CANONICAL_F32: Final[i64] = CANONICAL_NANS["f32"]
CANONICAL_F64: Final[i64] = CANONICAL_NANS["f64"]


@final
class FloatBinary(Lowering):
    """add, sub, mul, div; and every vector operator that is one instruction."""

    def __init__(self, type_: int, sse: Form, avx: Form) -> None:
        self.type: i64 = type_
        self.sse: i64 = number(sse)
        self.avx: i64 = number(avx)

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        right = f.pop()
        left = f.pop()
        target = f.target_home(HOME_XMM)
        if f.avx:
            self.emit_avx(f, left, right, target)
            return
        if target >= 0 and f.in_xmm(right) == target:
            f.load_xmm(left, XMM_SCRATCH)
            self.operate(f, XMM_SCRATCH, right)
            f.move_xmm(target, XMM_SCRATCH)
            register = target
            f.release(left)
        elif target >= 0:
            register = target
            f.load_xmm(left, register)
            self.operate(f, register, right)
            f.release(left)
        else:
            register = f.owned_xmm(left)
            self.operate(f, register, right)
        f.release(right)
        f.result_xmm(self.type, register, target)

    def emit_avx(self, f: FunctionCompiler, left: i64, right: i64, target: i64) -> None:
        first = f.readable_xmm(left, XMM_SCRATCH)
        register = target
        if register < 0:
            if f.kinds[left] == XMM:
                register = first
            elif f.kinds[right] == XMM:
                register = f.values[right]
            else:
                register = f.take_xmm()
        second = f.in_xmm(right)
        if second >= 0:
            f.asm.reg_reg_reg(self.avx, register, first, second)
        elif f.in_frame(right) != 0:
            f.asm.reg_reg_mem(self.avx, register, first, RBP, f.in_frame(right))
        elif f.values[right] == 0 and self.type != V128:
            f.load_xmm(right, XMM_SCRATCH_2)
            f.asm.reg_reg_reg(self.avx, register, first, XMM_SCRATCH_2)
        else:
            f.asm.reg_constant(self.avx, register, constant_place(f, self.type, f.values[right]), first)
        if target >= 0 or f.kinds[left] == XMM:
            f.release(right)
        if target >= 0:
            f.release(left)
        f.result_xmm(self.type, register, target)

    def memory(self, f: FunctionCompiler, base: i64, index: i64, displacement: i64, address: i64) -> None:
        """The right operand is read from memory by the instruction itself (AVX: of any alignment)."""
        left = f.pop()
        target = f.target_home(HOME_XMM)
        first = f.readable_xmm(left, XMM_SCRATCH)
        register = target
        if register < 0:
            register = first if f.kinds[left] == XMM else f.take_xmm()
        f.asm.indexed(self.avx, register, base, index, 0, displacement, OUT_OF_BOUNDS, first)
        if target >= 0:
            f.release(left)
        f.release(address)
        f.result_xmm(self.type, register, target)

    def operate(self, f: FunctionCompiler, register: i64, right: i64) -> None:
        second = f.in_xmm(right)
        if second >= 0:
            f.asm.reg_reg(self.sse, register, second)
        elif f.in_frame(right) != 0:
            f.asm.reg_mem(self.sse, register, RBP, f.in_frame(right))
        elif f.values[right] == 0 and self.type != V128:
            f.load_xmm(right, XMM_SCRATCH_2)
            f.asm.reg_reg(self.sse, register, XMM_SCRATCH_2)
        else:
            f.asm.reg_constant(self.sse, register, constant_place(f, self.type, f.values[right]))


def constant_place(f: FunctionCompiler, type_: i64, bits: i64) -> i64:
    """Where the constant lies; a vector constant's operand is its place already."""
    if type_ == V128:
        return bits
    if type_ == F32:
        return f.constants.word32(bits)
    return f.constants.word64(bits)


@final
class FloatConstant(Lowering):
    """f32.const, f64.const: nothing is emitted yet."""

    def __init__(self, type_: int) -> None:
        self.type: i64 = type_

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        if self.type == F32:
            f.push(F32, CONSTANT, a)
        else:
            f.push(F64, CONSTANT, (b << 32) | (a & 0xFFFFFFFF))


@final
class FloatUnary(Lowering):
    """sqrt and the conversions between f32 and f64: ``op xmm, xm``."""

    def __init__(self, result: int, form: Form, avx: Form) -> None:
        self.result_type: i64 = result
        self.form: i64 = number(form)
        self.avx: i64 = number(avx)

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        target = f.target_home(HOME_XMM)
        source = f.readable_xmm(p, XMM_SCRATCH)
        register = target
        if register < 0:
            register = source if f.kinds[p] == XMM else f.take_xmm()
        if f.avx:
            f.asm.reg_reg_reg(self.avx, register, source, source)
        else:
            if register != source:
                f.asm.reg_reg(XORPS, register, register)  # no false dependency on what was there
            f.asm.reg_reg(self.form, register, source)
        if target >= 0:
            f.release(p)
        f.result_xmm(self.result_type, register, target)


@final
class Round(Lowering):
    """ceil, floor, trunc, nearest: SSE4.1's round with its mode."""

    def __init__(self, type_: int, form: Form, mode: int) -> None:
        self.type: i64 = type_
        self.form: i64 = number(form)
        self.mode: i64 = mode

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        target = f.target_home(HOME_XMM)
        source = f.readable_xmm(p, XMM_SCRATCH)
        register = target
        if register < 0:
            register = source if f.kinds[p] == XMM else f.take_xmm()
        f.asm.reg_reg_imm(self.form, register, source, self.mode)
        if target >= 0:
            f.release(p)
        f.result_xmm(self.type, register, target)


@final
class SignBit(Lowering):
    """abs and neg: bit operations, NaNs included, with a mask from the constants."""

    def __init__(self, type_: int, negate: bool) -> None:
        self.type: i64 = type_
        self.negate: bool = negate

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        target = f.target_home(HOME_XMM)
        mask = sign_mask(f, self.type) if self.negate else magnitude_mask(f, self.type)
        register = target
        if f.avx:
            source = f.readable_xmm(p, XMM_SCRATCH)
            if register < 0:
                register = source if f.kinds[p] == XMM else f.take_xmm()
            f.asm.reg_constant(VXORPS if self.negate else VANDPS, register, mask, source)
            if target >= 0:
                f.release(p)
        else:
            if register < 0:
                register = f.owned_xmm(p)
            else:
                f.load_xmm(p, register)
                f.release(p)
            f.asm.reg_constant(XORPS if self.negate else ANDPS, register, mask)
        f.result_xmm(self.type, register, target)


def sign_mask(f: FunctionCompiler, type_: i64) -> i64:
    """Place of sixteen bytes with the sign bits of that type."""
    word: i64 = -0x7FFFFFFF80000000 if type_ == F32 else -0x8000000000000000
    return f.constants.word128(word, word)


def magnitude_mask(f: FunctionCompiler, type_: i64) -> i64:
    """Place of sixteen bytes with all but the sign bits."""
    word: i64 = 0x7FFFFFFF7FFFFFFF if type_ == F32 else 0x7FFFFFFFFFFFFFFF
    return f.constants.word128(word, word)


@final
class CopySign(Lowering):
    """copysign: magnitude of the first, sign of the second."""

    def __init__(self, type_: int) -> None:
        self.type: i64 = type_

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        right = f.pop()
        left = f.pop()
        f.load_xmm(right, XMM_SCRATCH)
        f.asm.reg_constant(ANDPS, XMM_SCRATCH, sign_mask(f, self.type))
        register = f.owned_xmm(left)
        f.asm.reg_constant(ANDPS, register, magnitude_mask(f, self.type))
        f.asm.reg_reg(ORPS, register, XMM_SCRATCH)
        f.release(right)
        f.push(self.type, XMM, register)


@final
class MinMax(Lowering):
    """min and max: the hardware's forms know neither NaN nor the order of the zeros.

    ::

            ucomis  left, right
            jne     different        ; ordered and not equal, the usual case
            jp      nan
            orps / andps left, right ; equal: the zeros may differ in sign
            jmp     done
        nan:
            adds    left, right      ; a quiet NaN
            jmp     done
        different:
            mins / maxs left, right
        done:
    """

    def __init__(self, type_: int, form: Form, minimum: bool) -> None:
        self.type: i64 = type_
        self.form: i64 = number(form)
        self.minimum: bool = minimum

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        right = f.pop()
        left = f.pop()
        second = f.readable_xmm(right, XMM_SCRATCH)
        register = f.owned_xmm(left)
        asm = f.asm
        different = f.new_label()
        nan = f.new_label()
        done = f.new_label()
        asm.reg_reg(UCOMISS if self.type == F32 else UCOMISD, register, second)
        asm.jump(JCC + NOT_EQUAL, different)
        asm.jump(JCC + PARITY, nan)
        asm.reg_reg(ORPS if self.minimum else ANDPS, register, second)
        asm.jump(JMP, done)
        asm.bind(nan)
        asm.reg_reg(ADDSS if self.type == F32 else ADDSD, register, second)
        asm.jump(JMP, done)
        asm.bind(different)
        asm.reg_reg(self.form, register, second)
        asm.bind(done)
        f.release(right)
        f.push(self.type, XMM, register)


@final
class CanonicalNan(Lowering):
    """internal.canonical: of what is compared with itself only a NaN is unordered."""

    def __init__(self, type_: int) -> None:
        self.type: i64 = type_

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        target = f.target_home(HOME_XMM)
        register = target
        if register < 0:
            register = f.owned_xmm(p)
        else:
            f.load_xmm(p, register)
            f.release(p)
        asm = f.asm
        done = f.new_label()
        asm.reg_reg(UCOMISS if self.type == F32 else UCOMISD, register, register)
        asm.jump(JCC + NOT_PARITY, done)
        if self.type == F32:
            asm.reg_constant(MOVSS, register, f.constants.word32(CANONICAL_F32))
        else:
            asm.reg_constant(MOVSD, register, f.constants.word64(CANONICAL_F64))
        asm.bind(done)
        f.result_xmm(self.type, register, target)


@final
class FloatCompare(Lowering):
    """Comparisons. ``ucomis`` reports unordered as below, equal and parity all at once.

    lt and le exchange their operands, so that *above* and *above or equal*, which are false
    for unordered operands, say it. eq and ne need the parity flag too.
    """

    def __init__(self, type_: int, condition: int, exchange: bool) -> None:
        self.type: i64 = type_
        self.condition: i64 = condition
        self.exchange: bool = exchange

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        right = f.pop()
        left = f.pop()
        if self.exchange:
            swap = left
            left = right
            right = swap
        form = UCOMISS if self.type == F32 else UCOMISD
        first = f.readable_xmm(left, XMM_SCRATCH)
        second = f.in_xmm(right)
        if second >= 0:
            f.asm.reg_reg(form, first, second)
        elif f.in_frame(right) != 0:
            f.asm.reg_mem(form, first, RBP, f.in_frame(right))
        else:
            f.load_xmm(right, XMM_SCRATCH_2)
            f.asm.reg_reg(form, first, XMM_SCRATCH_2)
        f.release(left)
        f.release(right)
        if self.condition != EQUAL and self.condition != NOT_EQUAL:
            push_condition(f, self.condition)
            return
        # equal: ZF and not PF
        asm = f.asm
        asm.reg_reg(SETNP if self.condition == EQUAL else SETP, 0, RAX)
        asm.reg_reg(SETCC + self.condition, 0, RCX)
        asm.reg_reg(AND_RM32 if self.condition == EQUAL else OR_RM32, RAX, RCX)
        target = f.target_home(HOME_REGISTER)
        register = target
        if register < 0:
            register = f.take()
        asm.reg_reg(MOVZX_R32_R8, register, RAX)
        f.result(I32, register, target)
