"""Vector operators that are more than one instruction, as recipes in assembler text.

A recipe is a line such as ``"pcmpeqb a, b ; pxor a, ones"``: instructions in Intel's
spelling over a handful of names.

=========  =================================================================
a          first operand, and the result; a register of its own
b, c       further operands; only read
t, u       scratch registers
r          a general register: an integer operand (read) or result (written)
lane       the operator's lane number, as immediate
0x1F       an immediate
{…}        a 16-byte constant: ``{7F x16}`` repeats the bytes given in
           hexadecimal, least significant first
=========  =================================================================

Lines are read when an operator is first lowered, not at import. The two-operand SSE forms
are used: the upper halves of the ymm registers are always clean here, so mixing them with
VEX forms costs nothing.

The sequences for NaN and zero rules of min and max, saturating conversions and shifts of
bytes follow what the field has settled on (V8's and Cranelift's are the same in substance).
"""

from __future__ import annotations

from librt.vecs import append, vec

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.forms import Form
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.types import I32, V128
from wasmer_singlepass_backend.x64.assembler import number
from wasmer_singlepass_backend.x64.function import (
    HOME_REGISTER,
    HOME_XMM,
    FunctionCompiler,
)
from wasmer_singlepass_backend.x64.lowering.integer import OUT_OF_BOUNDS
from wasmer_singlepass_backend.x64.lowering.memory import Access
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.registers import RAX, RCX, XMM_SCRATCH, XMM_SCRATCH_2
from wasmer_singlepass_backend.x64.values import CONSTANT, LOCAL, XMM

AND_R32_IMM8: Final[i64] = number(forms.AND_RM32_IMM8)
MOVD_XMM_R32: Final[i64] = number(forms.MOVD_XMM_RM32)
MOVZX_R32_RM8: Final[i64] = number(forms.MOVZX_R32_RM8)
MOVZX_R32_RM16: Final[i64] = number(forms.MOVZX_R32_RM16)
PSHUFB: Final[i64] = number(forms.PSHUFB_XMM_XM128)
PSHUFD: Final[i64] = number(forms.PSHUFD_XMM_XM128_IMM8)
SHUFPS: Final[i64] = number(forms.SHUFPS_XMM_XM128_IMM8)
POR: Final[i64] = number(forms.POR_XMM_XM128)

# What an operand of a step may be.
OPERAND_A: Final = 0
OPERAND_B: Final = 1
OPERAND_C: Final = 2
OPERAND_T: Final = 3
OPERAND_U: Final = 4
OPERAND_R: Final = 5
OPERAND_CONSTANT: Final = 6
OPERAND_NONE: Final = 7
_NAMES: Final = {"a": OPERAND_A, "b": OPERAND_B, "c": OPERAND_C, "t": OPERAND_T, "u": OPERAND_U, "r": OPERAND_R}

LANE: Final = -1
"""An immediate that is the operator's lane."""
NO_IMMEDIATE: Final = -2

STEP_WORDS: Final = 6


def _form_of(mnemonic: str, operands: list[str]) -> tuple[Form, bool]:
    """The row for a step, and whether the register in ModRM.reg is the second operand."""
    kinds = ["immediate" if o == "lane" or o[0].isdigit() else "r" if o == "r" else "x" for o in operands]
    for row in forms.FORMS:
        if row.mnemonic != mnemonic or len(row.operands) != len(kinds):
            continue
        if all(_admits(o.kind, k) for o, k in zip(row.operands, kinds, strict=True)):
            return row, row.operands[0].kind in ("rm32", "rm64", "r32m8", "r32m16", "xm64", "xm32") and len(kinds) > 1
    raise ValueError(f"no form for {mnemonic} {', '.join(operands)}")


def _admits(kind: str, wanted: str) -> bool:
    if wanted == "immediate":
        return kind == "imm8"
    if wanted == "r":
        return kind in ("r32", "r64", "rm8", "rm32", "rm64", "r32m8", "r32m16")
    return kind.startswith("xm")


def _constant_of(text: str) -> tuple[int, int]:
    """``{7F x16}``: low and high half, signed."""
    pattern, _, times = text.strip("{}").partition(" x")
    data = bytes.fromhex(pattern) * int(times or "1")
    assert len(data) == 16, text
    return int.from_bytes(data[:8], "little", signed=True), int.from_bytes(data[8:], "little", signed=True)


@final
class Steps:
    """A recipe: six words a step (form, reg, rm, immediate, constant's halves), once it is read.

    Compilations in all threads share it. `words` is set once, to all of them; who sets it again, sets the same.
    """

    def __init__(self, text: str) -> None:
        self.text: Final = text
        self.words: vec[i64] = vec[i64]()

    def read(self) -> vec[i64]:
        """From text to words.

        Raises:
            ValueError: no instruction form is like that.
        """
        words = vec[i64]()
        for line in self.text.split(";"):
            mnemonic, _, rest = line.strip().partition(" ")
            operands = [operand.strip() for operand in rest.split(",")]
            form, exchanged = _form_of(mnemonic, operands)
            immediate = NO_IMMEDIATE
            low = high = 0
            places: list[int] = []
            for operand in operands:
                if operand == "lane":
                    immediate = LANE
                elif operand[0].isdigit():
                    immediate = int(operand, 0)
                elif operand[0] == "{":
                    places.append(OPERAND_CONSTANT)
                    low, high = _constant_of(operand)
                else:
                    places.append(_NAMES[operand])
            if len(places) == 1:
                places.insert(0, OPERAND_NONE)  # a digit, or nothing, in ModRM.reg
            elif exchanged:
                places.reverse()
            for word in (form.number, places[0], places[1], immediate, low, high):
                words = append(words, i64(word))
        return words

    def emit(self, f: FunctionCompiler, a: i64, b: i64, c: i64, r: i64, lane: i64) -> None:
        """Write the instructions, the names standing for these registers."""
        words = self.words
        if len(words) == 0:
            words = self.read()
            self.words = words
        asm = f.asm
        count: i64 = len(words)
        at: i64 = 0
        while at < count:
            form = words[at]
            reg = _register(words[at + 1], a, b, c, r)
            operand = words[at + 2]
            immediate = words[at + 3]
            if operand == OPERAND_CONSTANT:
                place = f.constants.word128(words[at + 4], words[at + 5])
                asm.reg_constant(form, reg, place)
            else:
                rm = _register(operand, a, b, c, r)
                if immediate == NO_IMMEDIATE:
                    asm.reg_reg(form, reg, rm)
                else:
                    asm.reg_reg_imm(form, reg, rm, lane if immediate == LANE else immediate)
            at += STEP_WORDS


def _register(operand: i64, a: i64, b: i64, c: i64, r: i64) -> i64:
    if operand == OPERAND_A:
        return a
    if operand == OPERAND_B:
        return b
    if operand == OPERAND_C:
        return c
    if operand == OPERAND_T:
        return XMM_SCRATCH
    if operand == OPERAND_U:
        return XMM_SCRATCH_2
    if operand == OPERAND_R:
        return r
    return 0


def in_pool(f: FunctionCompiler, p: i64) -> i64:
    """Operand `p` in a register that is no scratch register, to be read; see `release_pool`."""
    register = f.in_xmm(p)
    if register >= 0:
        return register
    register = f.take_xmm()
    f.load_xmm(p, register)
    return register


def release_pool(f: FunctionCompiler, p: i64, register: i64) -> None:
    """Give back what `in_pool` gave."""
    if f.in_xmm(p) < 0:
        f.give_xmm(register)
    else:
        f.release(p)


@final
class Recipe(Lowering):
    """Vectors in, a vector (or float) out."""

    def __init__(self, operands: int, text: str, result: int = V128) -> None:
        self.operands: i64 = operands
        self.result_type: i64 = result
        self.steps: Final = Steps(text)

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        third = f.pop() if self.operands == 3 else -1
        second = f.pop() if self.operands >= 2 else -1
        first = f.pop()
        c = in_pool(f, third) if third >= 0 else 0
        b_register = in_pool(f, second) if second >= 0 else 0
        register = f.owned_xmm(first)
        self.steps.emit(f, register, b_register, c, 0, (word >> 24) & 0xFF)
        if third >= 0:
            release_pool(f, third, c)
        if second >= 0:
            release_pool(f, second, b_register)
        f.push(self.result_type, XMM, register)


@final
class RecipeToInteger(Lowering):
    """A vector in, an integer out; the vector is not written."""

    def __init__(self, text: str, result: int = I32) -> None:
        self.result_type: i64 = result
        self.steps: Final = Steps(text)

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        register = in_pool(f, p)
        target = f.target_home(HOME_REGISTER)
        result = target
        if result < 0:
            result = f.take()
        self.steps.emit(f, register, 0, 0, result, (word >> 24) & 0xFF)
        release_pool(f, p, register)
        f.result(self.result_type, result, target)


@final
class RecipeFromInteger(Lowering):
    """An integer in (`r`), and a vector too if there are two operands; a vector out."""

    def __init__(self, operands: int, text: str) -> None:
        self.operands: i64 = operands
        self.steps: Final = Steps(text)

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        integer = f.readable(p, RAX)
        register = f.owned_xmm(f.pop()) if self.operands == 2 else f.take_xmm()
        self.steps.emit(f, register, 0, 0, integer, (word >> 24) & 0xFF)
        f.release(p)
        f.push(V128, XMM, register)


@final
class ByLane(Lowering):
    """An operator whose recipe differs from lane to lane."""

    def __init__(self, operands: int, texts: tuple[str, ...], result: int = V128) -> None:
        self.recipes: Final = [Recipe(operands, text, result) for text in texts]

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        self.recipes[(word >> 24) & 0xFF].emit(f, word, a, b)


@final
class VectorConstant(Lowering):
    """v128.const: a place in the function's constants."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        f.push(V128, CONSTANT, f.constants.word128(pool_double(f, a), pool_double(f, a + 2)))


def pool_double(f: FunctionCompiler, index: i64) -> i64:
    """Two words of the body's pool as a signed 64-bit number."""
    return (f.pool_word(index + 1) << 32) | (f.pool_word(index) & 0xFFFFFFFF)


@final
class Shuffle(Lowering):
    """i8x16.shuffle, by the cheapest instruction that does it.

    Whole 32-bit lanes of one operand: pshufd. Two of the first, then two of the second:
    shufps. Bytes of one operand: one pshufb. Else each operand is shuffled by a mask that
    clears the other's lanes, and the two are joined.
    """

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        lanes = [int((f.pool_word(a + (i >> 2)) >> ((i & 3) << 3)) & 0xFF) for i in range(16)]
        second = f.pop()
        first = f.pop()
        if f.kinds[first] == LOCAL and f.kinds[second] == LOCAL and f.values[first] == f.values[second]:
            lanes = [lane & 15 for lane in lanes]
        if max(lanes) < 16 or min(lanes) >= 16:
            source, other = (first, second) if max(lanes) < 16 else (second, first)
            f.release(other)
            self.of_one(f, source, [lane & 15 for lane in lanes])
            return
        dwords = whole_dwords(lanes)
        register = f.owned_xmm(first)
        if dwords is not None and max(dwords[:2]) < 4 and min(dwords[2:]) >= 4:
            f.asm.reg_reg_imm(SHUFPS, register, f.readable_xmm(second, XMM_SCRATCH), dword_selection(dwords))
        else:
            f.load_xmm(second, XMM_SCRATCH)
            f.asm.reg_constant(PSHUFB, register, _place(f, bytearray(n if n < 16 else 0x80 for n in lanes)))
            f.asm.reg_constant(PSHUFB, XMM_SCRATCH, _place(f, bytearray(n - 16 if n >= 16 else 0x80 for n in lanes)))
            f.asm.reg_reg(POR, register, XMM_SCRATCH)
        f.release(second)
        f.push(V128, XMM, register)

    def of_one(self, f: FunctionCompiler, source: i64, lanes: list[int]) -> None:
        """A shuffle of one operand's bytes."""
        dwords = whole_dwords(lanes)
        if dwords is None:
            register = f.owned_xmm(source)
            f.asm.reg_constant(PSHUFB, register, _place(f, bytearray(lanes)))
            f.push(V128, XMM, register)
            return
        target = f.target_home(HOME_XMM)
        vector = f.readable_xmm(source, XMM_SCRATCH)
        register = target
        if register < 0:
            register = vector if f.kinds[source] == XMM else f.take_xmm()
        f.asm.reg_reg_imm(PSHUFD, register, vector, dword_selection(dwords))
        if target >= 0:
            f.release(source)
        f.result_xmm(V128, register, target)


def whole_dwords(lanes: list[int]) -> list[int] | None:
    """The 32-bit lanes a shuffle moves (0 to 7), or None if it breaks one up."""
    dwords = [lanes[at] // 4 for at in range(0, 16, 4)]
    whole = [(dword << 2) + byte for dword in dwords for byte in range(4)]
    return dwords if whole == lanes else None


def dword_selection(dwords: list[int]) -> i64:
    """The immediate of pshufd and shufps: two bits a lane."""
    selection = 0
    for at, dword in enumerate(dwords):
        selection |= (dword & 3) << at + at
    return i64(selection)


def _place(f: FunctionCompiler, data: bytearray) -> i64:
    low = int.from_bytes(data[:8], "little", signed=True)
    high = int.from_bytes(data[8:], "little", signed=True)
    return f.constants.word128(i64(low), i64(high))


@final
class VectorShift(Lowering):
    """Shifts by a scalar count, taken modulo the lane's width."""

    def __init__(self, bits: int, by_register: Form, by_constant: Form) -> None:
        self.mask: i64 = bits - 1
        self.by_register: i64 = number(by_register)
        self.by_constant: i64 = number(by_constant)

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        vector = f.pop()
        if f.kinds[p] == CONSTANT:
            register = f.owned_xmm(vector)
            f.asm.reg_imm(self.by_constant, register, f.values[p] & self.mask)
        else:
            load_count(f, p, self.mask, XMM_SCRATCH)
            register = f.owned_xmm(vector)
            f.asm.reg_reg(self.by_register, register, XMM_SCRATCH)
        f.push(V128, XMM, register)


def load_count(f: FunctionCompiler, p: i64, mask: i64, register: i64) -> None:
    """A shift count, reduced, in the low part of an xmm register."""
    f.load(p, RCX)
    f.release(p)
    f.asm.reg_imm(AND_R32_IMM8, RCX, mask)
    f.asm.reg_reg(MOVD_XMM_R32, register, RCX)


@final
class CountedRecipe(Lowering):
    """A shift that no instruction does at once: `t` holds the reduced count."""

    def __init__(self, bits: int, text: str) -> None:
        self.mask: i64 = bits - 1
        self.steps: Final = Steps(text)

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        vector = f.pop()
        load_count(f, p, self.mask, XMM_SCRATCH)
        register = f.owned_xmm(vector)
        spare = f.take_xmm()
        self.steps.emit(f, register, spare, 0, 0, 0)
        f.give_xmm(spare)
        f.push(V128, XMM, register)


@final
class LoadVector(Access):
    """A load of part of a vector, then a recipe over `a`."""

    def __init__(self, size: int, form: Form, text: str = "") -> None:
        super().__init__(size)
        self.form: i64 = number(form)
        self.steps: Final = Steps(text)

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        self.address(f, p, a, b)
        f.release(p)
        register = f.take_xmm()
        f.asm.indexed(self.form, register, f.base, f.index, 0, f.displacement, OUT_OF_BOUNDS)
        if self.steps.text:
            self.steps.emit(f, register, 0, 0, 0, 0)
        f.push(V128, XMM, register)


@final
class LoadSplat(Access):
    """A byte or a 16-bit word from memory in every lane, through a general register."""

    def __init__(self, size: int, text: str) -> None:
        super().__init__(size)
        self.form: i64 = MOVZX_R32_RM8 if size == 1 else MOVZX_R32_RM16
        self.steps: Final = Steps(text)

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        self.address(f, p, a, b)
        f.release(p)
        f.asm.indexed(self.form, RAX, f.base, f.index, 0, f.displacement, OUT_OF_BOUNDS)
        register = f.take_xmm()
        self.steps.emit(f, register, 0, 0, RAX, 0)
        f.push(V128, XMM, register)


@final
class LoadLane(Access):
    """A lane from memory into a vector: pinsr with a memory operand."""

    def __init__(self, size: int, form: Form) -> None:
        super().__init__(size)
        self.form: i64 = number(form)

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        vector = f.pop()
        p = f.pop()
        register = f.owned_xmm(vector)
        self.address(f, p, a, b)
        f.asm.indexed_imm(self.form, register, f.base, f.index, f.displacement, (word >> 24) & 0xFF, OUT_OF_BOUNDS)
        f.release(p)
        f.push(V128, XMM, register)


@final
class StoreLane(Access):
    """A lane of a vector to memory: pextr with a memory operand."""

    def __init__(self, size: int, form: Form) -> None:
        super().__init__(size)
        self.form: i64 = number(form)

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        vector = f.pop()
        p = f.pop()
        register = f.readable_xmm(vector, XMM_SCRATCH)
        self.address(f, p, a, b)
        f.asm.indexed_imm(self.form, register, f.base, f.index, f.displacement, (word >> 24) & 0xFF, OUT_OF_BOUNDS)
        f.release(p)
        f.release(vector)
