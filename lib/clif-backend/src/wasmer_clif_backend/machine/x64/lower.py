"""Instruction selection: CLIF becomes machine instructions with virtual registers.

Blocks are taken last first, and instructions of a block last first, so that a value is met after its uses. What
no use wanted in a register is not made: a comparison went into its branch, a load or an address into what
it was for. `rules` has the rules, by opcode in order: the first one that fits writes the instructions of one value,
forwards, and says so.

How values lie in registers
---------------------------
* i32: the upper half of the register is zero. i8 and i16: what is above the value means nothing, and is cleared
  or filled with its sign where it is looked at. i64 and addresses: all of it.
* f32 and f64: the lower part of an xmm register; what is above means nothing. Vectors: all of it.
* Constants, addresses of stack slots and of functions are made anew for each use: they take no register between.

The code needs AVX, BMI1, BMI2, LZCNT, POPCNT and FMA only where FMA is asked for; `Lowering` says what it used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from mypy_extensions import i64

from wasmer_clif_backend.ir.columns import column
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.opcodes import (
    CALLS,
    EFFECTS,
    ENDS,
    F32CONST,
    F64CONST,
    FUNC_ADDR,
    ICONST,
    PARAMETER,
    RESULT,
    ROWS,
    STACK_ADDR,
    STORES,
    TRAPS,
    UNDEFINED,
    VCONST,
)
from wasmer_clif_backend.ir.printer import Printer
from wasmer_clif_backend.ir.types import F32, I64, in_xmm
from wasmer_clif_backend.ir.uses import count
from wasmer_clif_backend.machine.code import (
    FIRST_VIRTUAL,
    GENERAL,
    IMPLICIT,
    IN_MEMORY,
    NO_REGISTER,
    REG_READ,
    REG_WRITTEN,
    RM_MAY_BE_MEMORY,
    RM_READ,
    RM_WRITTEN,
    XMM,
    Code,
)
from wasmer_clif_backend.machine.x64.emit import IN_FRAME
from wasmer_clif_backend.machine.x64.registers import NEVER_GIVEN
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.records import CONSTANT, MEM, MEM_INDEX, NONE, REG, TABLE
from wasmer_runtime_core.codegen.x64.registers import RBP
from wasmer_runtime_core.errors import CompileError

MOV32: Final[i64] = forms.MOV_R32_RM32.number
MOV64: Final[i64] = forms.MOV_R64_RM64.number
MOVAPS: Final[i64] = forms.VMOVAPS_XMM_XM128.number
_MOV_IMM32: Final[i64] = forms.MOV_R32_IMM32.number
_MOV_SIGNED: Final[i64] = forms.MOV_RM64_IMM32.number
_MOV_IMM64: Final[i64] = forms.MOV_R64_IMM64.number
_LEA: Final[i64] = forms.LEA_R64_M.number
_VXORPS: Final[i64] = forms.VXORPS_XMM_XMM_XM128.number
_MOVUPS: Final[i64] = forms.VMOVUPS_XMM_XM128.number
_MOVSS: Final[i64] = forms.VMOVSS_XMM_M32.number
_MOVSD: Final[i64] = forms.VMOVSD_XMM_M64.number


Rules = list[tuple[Callable[["Lowering", i64], bool], ...]]


@final
class Address:
    """A memory operand: registers, or none, and a displacement."""

    def __init__(self) -> None:
        self.base: i64 = NO_REGISTER
        self.index: i64 = NO_REGISTER
        self.scale: i64 = 0
        self.displacement: i64 = 0
        self.flags: i64 = 0
        """`IN_FRAME`: counted from the function's own stack slots."""


@final
class Lowering:
    """Lowers one function. Rules call what is below `emitting`.

    Attributes:
        function, flow: what is lowered.
        code: where the instructions go.
        wanted: by value: 1: a use took it as a register.
    """

    def __init__(self, function: Function, flow: Flow, code: Code, callees: dict[str, int], tail_area: int) -> None:
        self.function: Final = function
        self.flow: Final = flow
        self.code: Final = code
        self.callees: Final = callees
        """By name: the entry in the table of code addresses."""
        self.tail_area: Final = tail_area
        """Bytes for arguments on the stack that every call leaves room for."""
        self.wanted = column(function.count)
        self.address: Final = Address()
        self.pinned = False
        """Whether the function names the pinned register."""
        self.buffer: i64 = NO_REGISTER
        """Holds the address that results go to, if they do not fit registers."""

    def run(self, order: list[int], rules: Rules, enter: Callable[[Lowering], None]) -> None:
        """Everything, blocks in this order in the code.

        Args:
            rules: by opcode, in order (`rules`): the first that fits is taken.
            enter: writes the function's beginning.
        """
        function = self.function
        code = self.code
        code.begin(function)
        code.never_given = NEVER_GIVEN
        code.order = order
        if not function.is_counted:
            count(function)
        at = len(order) - 1
        while at >= 0:
            b = order[at]
            code.block_first[b] = code.count
            v = function.last[b]
            while v:
                opcode = function.opcode[v]
                if opcode not in (PARAMETER, RESULT) and self._is_needed(v):
                    code.group()
                    code.at = function.source[v]
                    if v == function.last[b]:
                        self.pass_on(v)
                    for rule in rules[opcode]:
                        if rule(self, v):
                            break
                    else:
                        raise CompileError(f"cannot compile {Printer(function).instruction(int(v))}")
                v = function.previous[v]
            if at == 0:
                code.group()
                enter(self)
            code.block_end[b] = code.count
            at -= 1
        code.finish()

    def _is_needed(self, v: i64) -> bool:
        """Whether an instruction has to be there: it does something, or one of its results is wanted."""
        if EFFECTS[self.function.opcode[v]] & (STORES | TRAPS | CALLS | ENDS):
            return True
        return any(self.wanted[one] for one in self.function.results(v))

    # --- reading values ------------------------------------------------------------------------------

    def use(self, v: i64) -> i64:
        """A register that holds a value: its own, or a new one for what is made at each use."""
        if MADE_AT_USES[self.function.opcode[v]]:
            r = self.temporary(self.function.type[v])
            self.make(v, r)
            return r
        self.wanted[v] = 1
        return FIRST_VIRTUAL + v

    def make(self, v: i64, r: i64) -> None:
        """What needs no operands, into a register: a constant, an address."""
        function = self.function
        opcode = function.opcode[v]
        type = function.type[v]
        if opcode == ICONST:
            self.make_integer(r, function.immediate[v], type)
        elif opcode == F32CONST or opcode == F64CONST:
            self.make_float(r, function.immediate[v], type)
        elif opcode == VCONST:
            self.make_vector(r, function.constants[function.immediate[v]])
        elif opcode == STACK_ADDR:
            offset = self.code.slot_offsets[function.extra[v]] + function.immediate[v]
            self.code.add(_LEA, MEM | IN_FRAME, REG_WRITTEN | IN_MEMORY, r, RBP, displacement=offset)
        elif opcode == FUNC_ADDR:
            name = function.functions[function.extra[v]].name
            if name not in self.callees:
                raise CompileError(f"there is no function {name}")
            self.code.add(MOV64, TABLE, REG_WRITTEN, r, displacement=self.callees[name])
        elif in_xmm(type):
            self.make_vector(r, bytes(16))
        else:
            self.make_integer(r, 0, I64)

    def pass_on(self, v: i64) -> None:
        """The arguments of the edges of a branch are wanted, constants too, where they are defined."""
        function = self.function
        for e in function.edges(function.block_of[v]):
            for argument in function.items(function.edge_arguments[e]):
                self.wanted[argument] = 1

    def is_constant(self, v: i64) -> bool:
        """Whether a value is an integer that is known."""
        return self.function.opcode[v] == ICONST

    def constant_of(self, v: i64) -> i64:
        """That integer, sign-extended."""
        return self.function.immediate[v]

    def fits(self, v: i64) -> bool:
        """Whether a value is an integer that an instruction can hold in 32 signed bits."""
        if self.function.opcode[v] != ICONST:
            return False
        n = self.function.immediate[v]
        return n >= -0x8000_0000 and n <= 0x7FFF_FFFF

    def integer(self, n: i64, type: i64) -> i64:
        """A new register that holds an integer."""
        r = self.code.temporary(GENERAL)
        self.make_integer(r, n, type)
        return r

    def make_integer(self, r: i64, n: i64, type: i64) -> None:
        """An integer into a register; flags stay."""
        if type < I64 or (n >= 0 and n <= 0xFFFF_FFFF):
            self.code.add(_MOV_IMM32, NONE, RM_WRITTEN, NO_REGISTER, r, immediate=n)
        elif n >= -0x8000_0000 and n < 0:
            self.code.add(_MOV_SIGNED, REG, RM_WRITTEN, NO_REGISTER, r, immediate=n)
        else:
            self.code.add(_MOV_IMM64, NONE, RM_WRITTEN, NO_REGISTER, r, immediate=n)

    def float(self, bits: i64, type: i64) -> i64:
        """A new register that holds a float."""
        r = self.code.temporary(XMM)
        self.make_float(r, bits, type)
        return r

    def make_float(self, r: i64, bits: i64, type: i64) -> None:
        """A float into a register."""
        size = 4 if type == F32 else 8
        data = (int(bits) & ((1 << 8 * size) - 1)).to_bytes(size, "little")
        if bits == 0:
            self.code.add(_VXORPS, REG, REG_WRITTEN, r)  # xmm0 with itself
        else:
            offset = self.code.constant(data + bytes(16 - size))
            self.code.add(_MOVSS if type == F32 else _MOVSD, CONSTANT, REG_WRITTEN, r, displacement=offset)

    def vector(self, data: bytes) -> i64:
        """A new register that holds 16 bytes."""
        r = self.code.temporary(XMM)
        self.make_vector(r, data)
        return r

    def make_vector(self, r: i64, data: bytes) -> None:
        """Sixteen bytes into a register."""
        if data == bytes(16):
            self.code.add(_VXORPS, REG, REG_WRITTEN, r)
        else:
            self.code.add(_MOVUPS, CONSTANT, REG_WRITTEN, r, displacement=self.code.constant(data))

    def temporary(self, type: i64) -> i64:
        """A new register for values of a type."""
        return self.code.temporary(XMM if in_xmm(type) else GENERAL)

    def result(self, v: i64) -> i64:
        """The register that a value is put into."""
        return FIRST_VIRTUAL + v

    # --- emitting ------------------------------------------------------------------------------------------

    def unary(self, form: i64, d: i64, a: i64, immediate: i64 = 0) -> None:
        """``form d, a``: d is written, a read, maybe from memory."""
        self.code.add(form, REG, REG_WRITTEN | RM_READ | RM_MAY_BE_MEMORY, d, a, immediate=immediate)

    def three(self, form: i64, d: i64, a: i64, b: i64, immediate: i64 = 0) -> None:
        """``form d, a, b`` of VEX."""
        self.code.add(form, REG, REG_WRITTEN | RM_READ | RM_MAY_BE_MEMORY, d, b, NO_REGISTER, a, 0, immediate)

    def copy(self, d: i64, a: i64) -> None:
        """``mov d, a``, which should vanish: both hint at each other."""
        if self.code.hint[d] < 0:
            self.code.hint[d] = a
        if a >= FIRST_VIRTUAL and self.code.hint[a] < 0:
            self.code.hint[a] = d
        form = MOVAPS if self.code.register_class[d] == XMM else MOV64
        self.code.add(form, REG, REG_WRITTEN | RM_READ | RM_MAY_BE_MEMORY, d, a)

    def modify(self, form: i64, d: i64, b: i64) -> None:
        """``form d, b``: d is read and written."""
        self.code.add(form, REG, REG_READ | REG_WRITTEN | RM_READ | RM_MAY_BE_MEMORY, d, b)

    def modify_immediate(self, form: i64, d: i64, n: i64 = 0) -> None:
        """``form d, n`` where d is the register or memory operand."""
        self.code.add(form, REG, RM_READ | RM_WRITTEN | RM_MAY_BE_MEMORY, NO_REGISTER, d, immediate=n)

    def compare(self, form: i64, a: i64, b: i64) -> None:
        """``form a, b``: both are read."""
        self.code.add(form, REG, REG_READ | RM_READ | RM_MAY_BE_MEMORY, a, b)

    def compare_immediate(self, form: i64, a: i64, n: i64) -> None:
        """``form a, n``."""
        self.code.add(form, REG, RM_READ | RM_MAY_BE_MEMORY, NO_REGISTER, a, immediate=n)

    def load(self, form: i64, d: i64, kind: i64 = 0, immediate: i64 = 0, third: i64 = NO_REGISTER) -> None:
        """``form d, [address]``, of the address at hand."""
        self._with_address(form, REG_WRITTEN, d, kind, immediate, third)

    def store(self, form: i64, s: i64, kind: i64 = 0, immediate: i64 = 0) -> None:
        """``form [address], s``."""
        self._with_address(form, REG_READ if s >= 0 else 0, s, kind, immediate, NO_REGISTER)

    def modify_memory(self, form: i64, d: i64, kind: i64) -> None:
        """``form d, [address]`` or ``form [address], d``, where d is read and written."""
        self._with_address(form, REG_READ | REG_WRITTEN, d, kind, 0, NO_REGISTER)

    def _with_address(self, form: i64, roles: i64, reg: i64, kind: i64, immediate: i64, third: i64) -> None:
        address = self.address
        mode: i64 = MEM if address.index < 0 else MEM_INDEX
        self.code.add(
            form,
            mode | (address.scale << 8) | (kind << 16) | address.flags,
            roles | IN_MEMORY,
            reg,
            address.base,
            address.index,
            third,
            address.displacement,
            immediate,
        )

    def implied(self, form: i64, reads: list[int], writes: list[int], rm: i64 = NO_REGISTER, kind: i64 = 0) -> None:
        """An instruction on registers of the machine that it does not name: ``cqo``, ``idiv rm``."""
        roles: i64 = IMPLICIT | (RM_READ if rm >= 0 else 0)
        mode: i64 = REG if rm >= 0 else NONE
        self.code.add(form, mode | (kind << 16), roles, NO_REGISTER, rm, immediate=self.code.implicit(reads, writes))


def _made_at_uses() -> bytes:
    made = bytearray(len(ROWS))
    for opcode in (ICONST, F32CONST, F64CONST, VCONST, STACK_ADDR, FUNC_ADDR, UNDEFINED):
        made[opcode] = 1
    return bytes(made)


MADE_AT_USES: Final = _made_at_uses()
"""By opcode: 1: needs no operands and is made anew for each use."""
