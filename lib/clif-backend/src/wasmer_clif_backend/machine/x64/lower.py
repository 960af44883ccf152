"""Instruction selection: CLIF becomes machine instructions with virtual registers.

Blocks are taken last first, and instructions of a block last first, so that a value is met after its uses. What
no use wanted in a register is not made: a comparison went into its branch, a load or an address into what
it was for. `rules` has the rules, by opcode in order: the first one that fits writes the instructions of one value,
forwards, and says so.

Long for one idea: what a rule may ask of an operand depends on what was taken before, and all is one state.

What an operand of the machine can be
-------------------------------------
* A value: `use` gives its register. Extending a word to 64 bits is no instruction, nor is taking the first lane of
  floats, nor a mask that takes nothing away: the operand's register holds that already, and `origin` looks through it.
* A load, or a float or vector that is a constant, in memory: `operand` says `IN_ADDRESS`, and the instruction
  reads the address at hand. A load may go there if this is its only use, in its block, and nothing that traps or writes
  stands between (`Function.colour` counts these): so traps happen in order, and the
  site is still the load's.
* An integer that fits: the immediate.

How values lie in registers
---------------------------
* i32: the upper half of the register is zero. i8 and i16: what is above the value means nothing, and is cleared
  or filled with its sign where it is looked at. i64 and addresses: all of it.
* f32 and f64: the lower part of an xmm register; what is above means nothing. Vectors: all of it.
* Constants, addresses of stack slots and of functions are made anew for each use: they take no register between.

The code needs AVX, BMI1, BMI2, LZCNT, POPCNT and FMA only where FMA is asked for; `Lowering` says what it used.
"""

from __future__ import annotations

from librt.vecs import vec

from wasmer_clif_backend.ir.columns import column, with_room
from wasmer_clif_backend.ir.function import Function, Signature
from wasmer_clif_backend.ir.opcodes import (
    BAND,
    BIG,
    BITCAST,
    CALLS,
    EFFECTS,
    ENDS,
    EXTRACTLANE,
    F32CONST,
    F64CONST,
    FUNC_ADDR,
    IADD,
    ICONST,
    ISHL,
    LOAD,
    PARAMETER,
    RESULT,
    ROWS,
    STACK_ADDR,
    STORES,
    TRAPS,
    UEXTEND,
    UNDEFINED,
    VCONST,
)
from wasmer_clif_backend.ir.types import F32, I32, I64, VECTOR, in_xmm
from wasmer_clif_backend.ir.uses import count, has_effect
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
    implicit,
)
from wasmer_clif_backend.machine.x64.abi import Convention
from wasmer_clif_backend.machine.x64.emit import IN_FRAME
from wasmer_clif_backend.machine.x64.registers import NEVER_GIVEN
from wasmer_clif_backend.machine.x64.traps import trap_of_access
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.records import CONSTANT, MEM, MEM_INDEX, NONE, REG, TABLE
from wasmer_runtime_core.codegen.x64.registers import RBP
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, final, i64

if TYPE_CHECKING:
    from collections.abc import Callable

    Rules = list[tuple[Callable[["Lowering"], bool], ...]]

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

_SCHEDULED: Final = STORES | TRAPS | CALLS | ENDS
"""Effects of instructions that have to be there even if nothing wants their result."""
IN_ADDRESS: Final = -2
"""In place of a register: the operand lies at the address at hand."""


@final
class Address:
    """A memory operand: registers, or none, and a displacement."""

    def __init__(self) -> None:
        self.mode: i64 = MEM
        """`MEM`, `MEM_INDEX`, or `CONSTANT`."""
        self.base: i64 = NO_REGISTER
        self.index: i64 = NO_REGISTER
        self.scale: i64 = 0
        self.displacement: i64 = 0
        self.flags: i64 = 0
        """`IN_FRAME`: counted from the function's own stack slots."""
        self.kind: i64 = 0
        """Of the trap that reading an operand here makes."""
        self.source: i64 = 0
        """Of the load that an operand here is."""


@final
class Lowering:
    """Lowers one function after another. Rules call what is below `emitting`.

    Args:
        code: where the instructions go.
        callees: by name: the entry in the table of code addresses.

    Attributes:
        function: what is lowered.
        v: the instruction at hand, which rules look at.
        block: the block that it stands in.
        wanted: by value: 1: a use took it as a register.
        folded: by value: 1: an instruction has it as an operand in memory.
    """

    def __init__(self, code: Code, callees: dict[str, int]) -> None:
        self.function = Function()
        self.code: Final = code
        self.callees: Final = callees
        self.v: i64 = 0
        self.block: i64 = 0
        self.wanted = column(1 << 10)
        self.folded = column(1 << 10)
        self.address: Final = Address()
        self.conventions: Final[dict[Signature, Convention]] = {}
        """Those of signatures that were met lately."""
        self.pinned = False
        """Whether the function names the pinned register."""
        self.buffer: i64 = NO_REGISTER
        """Holds the address that results go to, if they do not fit registers."""

    def run(self, function: Function, order: vec[i64], rules: Rules, enter: Callable[[Lowering], None]) -> None:
        """Everything, blocks in this order in the code.

        Args:
            rules: by opcode, in order (`rules`): the first that fits is taken.
            enter: writes the function's beginning.
        """
        self.function = function
        self.pinned = False
        self.buffer = NO_REGISTER
        code = self.code
        code.begin(function, order)
        code.never_given = NEVER_GIVEN
        self._begin()
        at = len(order) - 1
        while at >= 0:
            b = order[at]
            self.block = b
            code.begin_block(b)
            self.pass_on(b)
            v = function.last[b]
            while v:
                opcode = function.opcode[v]
                if v & 0x1FF == 0:
                    function.effort.spend(0x1000)
                if opcode != PARAMETER and opcode != RESULT and (self.wanted[v] or self._is_needed(v)):
                    code.group()
                    code.at = function.source[v]
                    self.v = v
                    self._lower(rules[opcode])
                v = function.previous[v]
            if at == 0:
                code.group()
                enter(self)
            elif b == function.framed:
                code.make_frame()
            code.finish_block(b)
            at -= 1
        code.finish()

    def _lower(self, rules: tuple[Callable[[Lowering], bool], ...]) -> None:
        """The first rule that fits."""
        for rule in rules:
            if rule(self):
                return
        from wasmer_clif_backend.ir.printer import Printer

        raise CompileError(f"cannot compile {Printer(self.function).instruction(int(self.v))}")

    def _begin(self) -> None:
        """Uses are counted; nothing is `wanted` or `folded` yet."""
        function = self.function
        if not function.is_counted:
            count(function)
        count_of_values = function.count
        if count_of_values > i64(len(self.wanted)):
            self.wanted = column(with_room(count_of_values))
            self.folded = column(with_room(count_of_values))
        wanted = self.wanted
        folded = self.folded
        v: i64 = 0
        while v < count_of_values:
            wanted[v] = 0
            folded[v] = 0
            v += 1

    def _is_needed(self, v: i64) -> bool:
        """Whether an instruction that nothing wants has to be there: it does something, or gives another result."""
        function = self.function
        if EFFECTS[function.opcode[v]] & _SCHEDULED:
            return self.folded[v] == 0
        behind = function.next[v]
        while behind and function.opcode[behind] == RESULT:
            if self.wanted[behind]:
                return True
            behind = function.next[behind]
        return False

    def convention(self, signature: Signature) -> Convention:
        """Where a signature's arguments and results are."""
        found = self.conventions.get(signature)
        if found is None:
            if len(self.conventions) >= _MOST_CONVENTIONS:
                self.conventions.clear()
            found = Convention(signature)
            self.conventions[signature] = found
        return found

    # --- reading values ------------------------------------------------------------------------------

    def use(self, v: i64) -> i64:
        """A register that holds a value: its own, or a new one for what is made at each use."""
        v = self.origin(v)
        if MADE_AT_USES[self.function.opcode[v]]:
            r = self.temporary(self.function.type[v])
            self.make(v, r)
            return r
        self._want(v)
        return FIRST_VIRTUAL + v

    def _want(self, v: i64) -> None:
        """A value has to be in its register, up to here at least."""
        self.wanted[v] = 1
        if self.function.block_of[v] != self.block:
            self.code.note_outside(FIRST_VIRTUAL + v, self.block)

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

    def pass_on(self, b: i64) -> None:
        """The arguments of a block's edges are wanted, constants too, where they are defined."""
        code = self.code
        function = self.function
        pool = function.pool
        n = code.way_first[b]
        while n < code.way_end[b]:
            p = function.edge_arguments[code.ways[n]]
            end = p + pool[p]
            while p < end:
                p += 1
                self._want(pool[p])
            n += 1

    def buffer_register(self) -> i64:
        """Holds the address that the function's results go to, from its beginning on."""
        if self.buffer < 0:
            self.buffer = self.code.temporary(GENERAL)
        if self.block != self.function.entry:
            self.code.note_outside(self.buffer, self.block)
        return self.buffer

    def origin(self, v: i64) -> i64:
        """The value whose register holds this one, too: a word, extended; the first lane of floats; the same bits."""
        f = self.function
        while True:
            opcode = f.opcode[v]
            if opcode == UEXTEND and f.type[f.a[v]] == I32:
                v = f.a[v]
            elif opcode == BITCAST and in_xmm(f.type[v]) == in_xmm(f.type[f.a[v]]):
                v = f.a[v]
            elif opcode == EXTRACTLANE and f.type[v] >= F32 and f.immediate[v] == 0:
                v = f.a[v]
            elif opcode == BAND and self._takes_nothing(v):
                v = f.a[v]
            else:
                return v

    def _takes_nothing(self, v: i64) -> bool:
        """Whether a mask has all bits that its operand may have: of what loops are given that is not known at first."""
        f = self.function
        if f.opcode[f.b[v]] != ICONST:
            return False
        mask = f.immediate[f.b[v]]
        most = f.bound[f.a[v]]
        return most >= 0 and most <= mask and mask & (mask + 1) == 0

    def operand(self, v: i64) -> i64:
        """A register that holds a value, or `IN_ADDRESS`: it is read from the address that is now at hand."""
        f = self.function
        while f.opcode[v] == BITCAST and f.uses[v] == 1 and f.type[v] >= VECTOR and f.type[f.a[v]] >= VECTOR:
            v = f.a[v]
        if self.may_fold(v):
            self.fold(v)
            return IN_ADDRESS
        opcode = f.opcode[v]
        if (opcode == F32CONST or opcode == F64CONST) and f.immediate[v]:
            return self.constant_operand(float_bytes(f.immediate[v], f.type[v]))
        if opcode == VCONST:
            return self.constant_operand(f.constants[f.immediate[v]])
        return self.use(v)

    def may_fold(self, v: i64) -> bool:
        """Whether a value is a load that the instruction at hand may do itself."""
        f = self.function
        return f.opcode[v] == LOAD and f.type[v] >= I32 and self.may_be_part(v)

    def may_be_part(self, v: i64) -> bool:
        """Whether the instruction at hand may do a load's work: nothing else wants it, and nothing is between."""
        f = self.function
        return (
            f.uses[v] == 1
            and f.block_of[v] == self.block
            and not self.wanted[v]
            and not self.folded[v]
            and not f.extra[v] & BIG
            and f.colour[self.v] == f.colour[v] + (1 if has_effect(f, v) else 0)
        )

    def fold(self, v: i64) -> None:
        """The address of a load becomes the one at hand, and there is no instruction for the load."""
        f = self.function
        self.folded[v] = 1
        self.take_address(f.a[v], f.immediate[v])
        self.address.kind = trap_of_access(f.extra[v])
        self.address.source = f.source[v]

    def constant_operand(self, data: bytes) -> i64:
        """Sixteen bytes as an operand: `IN_ADDRESS`."""
        address = self.address
        address.mode = CONSTANT
        address.base = NO_REGISTER
        address.index = NO_REGISTER
        address.scale = 0
        address.flags = 0
        address.kind = 0
        address.displacement = self.code.constant(data)
        return IN_ADDRESS

    def take_address(self, v: i64, offset: i64) -> None:
        """The address of v plus offset, of as many sums as an operand can hold, becomes the one at hand."""
        f = self.function
        address = self.address
        address.mode = MEM
        address.index = NO_REGISTER
        address.scale = 0
        address.flags = 0
        while f.opcode[v] == IADD and self.fits(f.b[v]) and _is_near(offset + f.immediate[f.b[v]]):
            offset += f.immediate[f.b[v]]
            v = f.a[v]
        address.displacement = offset
        if f.opcode[v] == STACK_ADDR:
            address.base = RBP
            address.flags = IN_FRAME
            address.displacement = offset + f.immediate[v] + self.code.slot_offsets[f.extra[v]]
            return
        if f.opcode[v] == IADD and self.wanted[v] == 0:
            x = f.a[v]
            y = f.b[v]
            if f.opcode[y] == ISHL and self.is_constant(f.b[y]) and f.immediate[f.b[y]] & 63 <= 3:
                address.scale = f.immediate[f.b[y]] & 63
                y = f.a[y]
            elif f.opcode[y] == UEXTEND and self._is_scaled_word(f.a[y]):
                y = f.a[y]
                address.scale = f.immediate[f.b[y]] & 31
                y = f.a[y]
            address.base = self.use(x)
            address.index = self.use(y)
            address.mode = MEM_INDEX
            return
        address.base = self.use(v)

    def _is_scaled_word(self, v: i64) -> bool:
        """Whether an i32 is another one times 2, 4 or 8, and no bit of that is lost."""
        f = self.function
        if f.opcode[v] != ISHL or f.type[v] != I32 or self.wanted[v] or not self.is_constant(f.b[v]):
            return False
        scale = f.immediate[f.b[v]] & 31
        bound = f.bound[f.a[v]]
        return scale <= 3 and bound >= 0 and bound <= 0xFFFF_FFFF and bound << scale <= 0xFFFF_FFFF

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
        if bits == 0:
            self.code.add(_VXORPS, REG, REG_WRITTEN, r)  # xmm0 with itself
        else:
            offset = self.code.constant(float_bytes(bits, type))
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
        if a == IN_ADDRESS:
            self._with_operand(form, REG_WRITTEN, d, immediate, NO_REGISTER)
            return
        self.code.add(form, REG, REG_WRITTEN | RM_READ | RM_MAY_BE_MEMORY, d, a, immediate=immediate)

    def three(self, form: i64, d: i64, a: i64, b: i64, immediate: i64 = 0) -> None:
        """``form d, a, b`` of VEX."""
        if b == IN_ADDRESS:
            self._with_operand(form, REG_WRITTEN, d, immediate, a)
            return
        self.code.add(form, REG, REG_WRITTEN | RM_READ | RM_MAY_BE_MEMORY, d, b, NO_REGISTER, a, 0, immediate)

    def copy(self, d: i64, a: i64) -> None:
        """``mov d, a``, which should vanish."""
        self.code.suggest(d, a)
        form = MOVAPS if self.code.register_class[d] == XMM else MOV64
        self.code.add(form, REG, REG_WRITTEN | RM_READ | RM_MAY_BE_MEMORY, d, a)

    def modify(self, form: i64, d: i64, b: i64) -> None:
        """``form d, b``: d is read and written."""
        if b == IN_ADDRESS:
            self._with_operand(form, REG_READ | REG_WRITTEN, d, 0, NO_REGISTER)
            return
        self.code.add(form, REG, REG_READ | REG_WRITTEN | RM_READ | RM_MAY_BE_MEMORY, d, b)

    def modify_immediate(self, form: i64, d: i64, n: i64 = 0) -> None:
        """``form d, n`` where d is the register or memory operand."""
        self.code.add(form, REG, RM_READ | RM_WRITTEN | RM_MAY_BE_MEMORY, NO_REGISTER, d, immediate=n)

    def compare(self, form: i64, a: i64, b: i64) -> None:
        """``form a, b``: both are read."""
        if b == IN_ADDRESS:
            self._with_operand(form, REG_READ, a, 0, NO_REGISTER)
            return
        self.code.add(form, REG, REG_READ | RM_READ | RM_MAY_BE_MEMORY, a, b)

    def compare_immediate(self, form: i64, a: i64, n: i64) -> None:
        """``form a, n``."""
        if a == IN_ADDRESS:
            self._with_operand(form, 0, NO_REGISTER, n, NO_REGISTER)
            return
        self.code.add(form, REG, RM_READ | RM_MAY_BE_MEMORY, NO_REGISTER, a, immediate=n)

    def modify_operand(self, form: i64, b: i64, n: i64) -> None:
        """``form [address], b`` or ``form [address], n``, of the load whose address is at hand."""
        self._with_operand(form, REG_READ if b >= 0 else 0, b, n, NO_REGISTER)

    def load(self, form: i64, d: i64, kind: i64 = 0, immediate: i64 = 0, third: i64 = NO_REGISTER) -> None:
        """``form d, [address]``, of the address at hand."""
        self._with_address(form, REG_WRITTEN, d, kind, immediate, third)

    def store(self, form: i64, s: i64, kind: i64 = 0, immediate: i64 = 0) -> None:
        """``form [address], s``."""
        self._with_address(form, REG_READ if s >= 0 else 0, s, kind, immediate, NO_REGISTER)

    def modify_memory(self, form: i64, d: i64, kind: i64) -> None:
        """``form d, [address]`` or ``form [address], d``, where d is read and written."""
        self._with_address(form, REG_READ | REG_WRITTEN, d, kind, 0, NO_REGISTER)

    def _with_operand(self, form: i64, roles: i64, reg: i64, immediate: i64, third: i64) -> None:
        """An instruction with the operand at the address at hand, which is a load's: its site is the load's."""
        code = self.code
        at = code.at
        if self.address.kind:
            code.at = self.address.source
        self._with_address(form, roles, reg, self.address.kind, immediate, third)
        code.at = at

    def _with_address(self, form: i64, roles: i64, reg: i64, kind: i64, immediate: i64, third: i64) -> None:
        address = self.address
        self.code.add(
            form,
            address.mode | (address.scale << 8) | (kind << 16) | address.flags,
            roles | IN_MEMORY,
            reg,
            address.base,
            address.index,
            third,
            address.displacement,
            immediate,
        )

    def implied(self, form: i64, reads: i64, writes: i64, rm: i64 = NO_REGISTER, kind: i64 = 0) -> None:
        """An instruction on registers of the machine that it does not name: ``cqo``, ``idiv rm``."""
        roles: i64 = IMPLICIT
        mode: i64 = NONE
        if rm >= 0:
            roles |= RM_READ
            mode = REG
        self.code.add(form, mode | (kind << 16), roles, NO_REGISTER, rm, immediate=implicit(reads, writes))


def float_bytes(bits: i64, type: i64) -> bytes:
    """A float among the constants, which have 16 bytes each."""
    mask = 0xFFFF_FFFF if type == F32 else 0xFFFF_FFFF_FFFF_FFFF
    return (int(bits) & mask).to_bytes(16, "little")


def _is_near(offset: i64) -> bool:
    return offset >= -0x8000_0000 and offset <= 0x7FFF_FFFF


def _made_at_uses() -> bytes:
    made = bytearray(len(ROWS))
    for opcode in (ICONST, F32CONST, F64CONST, VCONST, STACK_ADDR, FUNC_ADDR, UNDEFINED):
        made[opcode] = 1
    return bytes(made)


MADE_AT_USES: Final = _made_at_uses()
"""By opcode: 1: needs no operands and is made anew for each use."""

_MOST_CONVENTIONS: Final = 1 << 10
