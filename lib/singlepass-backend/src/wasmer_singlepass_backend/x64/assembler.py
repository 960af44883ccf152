"""Writes machine-instruction records, one method per pair of operands.

`form` is always the number of a row in core's `codegen.x64.forms`; registers are numbers 0 to
15. Records are sixteen bytes (core's `codegen.x64.records` describes them) and are written as
two 64-bit words: words 0 and 1, then words 2 and 3. No memory is addressed here and no
byte of machine code is made: core encodes the finished buffer.
"""

from __future__ import annotations

from librt.strings import BytesWriter, write_i64_le

from wasmer_runtime_core.codegen.x64.records import (
    ALIGN,
    AT,
    BIND,
    CONSTANT_MODE,
    HANDLER,
    INDEX_ONLY_MODE,
    LABEL_DIFFERENCE,
    LABEL_MODE,
    MEM_INDEX_MODE,
    MEM_MODE,
    REG_MODE,
    TABLE_MODE,
)
from wasmer_runtime_core.contract.traps import CALL_SITE
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, final, i64

if TYPE_CHECKING:
    from wasmer_runtime_core.codegen.x64.forms import Form


_RETURNS_HERE: Final[i64] = (CALL_SITE - 0x100) << 56
"""The trap kind of a call, which is the top byte, signed."""


def number(form: Form) -> i64:
    """The form's number as a native integer."""
    return i64(form.number)


@final
class Assembler:
    """A growing buffer of records."""

    def __init__(self) -> None:
        self.out: BytesWriter = BytesWriter()
        self.other: BytesWriter = BytesWriter()
        """What will stand behind the rest, or the rest while that is written."""

    def restart(self) -> bytes:
        """The records so far; the buffer is empty after."""
        records = self.out.getvalue()
        self.out = BytesWriter()
        return records

    def exchange(self) -> None:
        """Go on with what will stand behind the rest, or with the rest."""
        self.out, self.other = self.other, self.out

    # --- instructions ---------------------------------------------------------------------
    def none(self, form: i64, register: i64 = 0, trap: i64 = 0) -> None:
        """No operand, or a register in the opcode's low bits."""
        out = self.out
        write_i64_le(out, form | (register << 24) | (trap << 56))
        write_i64_le(out, 0)

    def wide_immediate(self, form: i64, register: i64, value: i64) -> None:
        """A register in the opcode's low bits and a 64-bit immediate."""
        out = self.out
        write_i64_le(out, form | (register << 24))
        write_i64_le(out, value)

    def register_immediate_short(self, form: i64, register: i64, value: i64) -> None:
        """A register in the opcode's low bits and a signed 32-bit immediate."""
        out = self.out
        write_i64_le(out, form | (register << 24))
        write_i64_le(out, value << 32)

    def reg_reg(self, form: i64, reg: i64, rm: i64, trap: i64 = 0) -> None:
        """ModRM.reg and a register as ModRM.rm."""
        out = self.out
        write_i64_le(out, form | REG_MODE | (reg << 16) | (rm << 24) | (trap << 56))
        write_i64_le(out, 0)

    def reg_reg_imm(self, form: i64, reg: i64, rm: i64, immediate: i64) -> None:
        """The same with a signed 32-bit immediate."""
        out = self.out
        write_i64_le(out, form | REG_MODE | (reg << 16) | (rm << 24))
        write_i64_le(out, immediate << 32)

    def reg_imm(self, form: i64, rm: i64, immediate: i64) -> None:
        """A register and a signed 32-bit immediate; a digit fills ModRM.reg."""
        out = self.out
        write_i64_le(out, form | REG_MODE | (rm << 24))
        write_i64_le(out, immediate << 32)

    def reg_reg_reg(self, form: i64, reg: i64, second: i64, rm: i64) -> None:
        """VEX: ModRM.reg, VEX.vvvv, ModRM.rm."""
        out = self.out
        write_i64_le(out, form | REG_MODE | (reg << 16) | (rm << 24) | (second << 48))
        write_i64_le(out, 0)

    def reg_reg_reg_imm(self, form: i64, reg: i64, second: i64, rm: i64, immediate: i64) -> None:
        """VEX: ModRM.reg, VEX.vvvv, ModRM.rm and an immediate."""
        out = self.out
        write_i64_le(out, form | REG_MODE | (reg << 16) | (rm << 24) | (second << 48))
        write_i64_le(out, immediate << 32)

    def reg_mem(self, form: i64, reg: i64, base: i64, displacement: i64) -> None:
        """ModRM.reg and [base + displacement]."""
        out = self.out
        write_i64_le(out, form | MEM_MODE | (reg << 16) | (base << 24))
        write_i64_le(out, displacement & 0xFFFFFFFF)

    def reg_reg_mem(self, form: i64, reg: i64, second: i64, base: i64, displacement: i64) -> None:
        """VEX: ModRM.reg, VEX.vvvv and [base + displacement]."""
        out = self.out
        write_i64_le(out, form | MEM_MODE | (reg << 16) | (base << 24) | (second << 48))
        write_i64_le(out, displacement & 0xFFFFFFFF)

    def mem_imm(self, form: i64, base: i64, displacement: i64, immediate: i64) -> None:
        """[base + displacement] and a signed 32-bit immediate."""
        out = self.out
        write_i64_le(out, form | MEM_MODE | (base << 24))
        write_i64_le(out, (immediate << 32) | (displacement & 0xFFFFFFFF))

    def indexed(
        self, form: i64, reg: i64, base: i64, index: i64, scale: i64, displacement: i64, trap: i64 = 0, second: i64 = 0
    ) -> None:
        """ModRM.reg and [base + index * 2**scale + displacement]; without index if it is negative."""
        out = self.out
        if index < 0:
            write_i64_le(out, form | MEM_MODE | (reg << 16) | (base << 24) | (second << 48) | (trap << 56))
        else:
            write_i64_le(
                out,
                form
                | MEM_INDEX_MODE
                | (reg << 16)
                | (base << 24)
                | (index << 32)
                | (scale << 40)
                | (second << 48)
                | (trap << 56),
            )
        write_i64_le(out, displacement & 0xFFFFFFFF)

    def indexed_imm(
        self, form: i64, reg: i64, base: i64, index: i64, displacement: i64, immediate: i64, trap: i64, second: i64 = 0
    ) -> None:
        """The same with an immediate and scale 1; `reg` is 0 where a digit stands."""
        out = self.out
        if index < 0:
            write_i64_le(out, form | MEM_MODE | (reg << 16) | (base << 24) | (second << 48) | (trap << 56))
        else:
            write_i64_le(
                out,
                form | MEM_INDEX_MODE | (reg << 16) | (base << 24) | (index << 32) | (second << 48) | (trap << 56),
            )
        write_i64_le(out, (immediate << 32) | (displacement & 0xFFFFFFFF))

    def scaled(self, form: i64, reg: i64, index: i64, scale: i64, displacement: i64) -> None:
        """ModRM.reg and [index * 2**scale + displacement]."""
        out = self.out
        write_i64_le(out, form | INDEX_ONLY_MODE | (reg << 16) | (index << 32) | (scale << 40))
        write_i64_le(out, displacement & 0xFFFFFFFF)

    def jump(self, form: i64, label: i64) -> None:
        """A jump, conditional or not, to a label of this function."""
        out = self.out
        write_i64_le(out, form | LABEL_MODE)
        write_i64_le(out, label)

    def reg_label(self, form: i64, reg: i64, label: i64) -> None:
        """The address of a label: [rip + label]."""
        out = self.out
        write_i64_le(out, form | LABEL_MODE | (reg << 16))
        write_i64_le(out, label)

    def reg_constant(self, form: i64, reg: i64, offset: i64, second: i64 = 0) -> None:
        """A place in the function's constants."""
        out = self.out
        write_i64_le(out, form | CONSTANT_MODE | (reg << 16) | (second << 48))
        write_i64_le(out, offset)

    # --- calls: the return address enters the site table ------------
    def call_table(self, form: i64, entry: i64) -> None:
        """Through entry `entry` of the module's table of code addresses."""
        out = self.out
        write_i64_le(out, _RETURNS_HERE + (form | TABLE_MODE))
        write_i64_le(out, entry)

    def call_mem(self, form: i64, base: i64, displacement: i64) -> None:
        """Through [base + displacement]."""
        out = self.out
        write_i64_le(out, _RETURNS_HERE + (form | MEM_MODE | (base << 24)))
        write_i64_le(out, displacement & 0xFFFFFFFF)

    def handler(self, label: i64) -> None:
        """An exception that leaves the call right before goes to `label`."""
        out = self.out
        write_i64_le(out, HANDLER)
        write_i64_le(out, label)

    # --- without a row in the site table: a jump, a call of a routine that looks at no frame ---
    def through_table(self, form: i64, entry: i64) -> None:
        """To the address in entry `entry` of the module's table of code addresses."""
        out = self.out
        write_i64_le(out, form | TABLE_MODE)
        write_i64_le(out, entry & 0xFFFFFFFF)

    # --- what is not an instruction -------------------------------------------------------
    def at(self, wasm_offset: i64) -> None:
        """Site rows from here on carry this byte offset of the module."""
        out = self.out
        write_i64_le(out, AT)
        write_i64_le(out, wasm_offset)

    def bind(self, label: i64) -> None:
        """`label` stands here."""
        out = self.out
        write_i64_le(out, BIND)
        write_i64_le(out, label)

    def align(self, count: i64) -> None:
        """Pad to a multiple of `count` bytes."""
        out = self.out
        write_i64_le(out, ALIGN)
        write_i64_le(out, count)

    def label_difference(self, label: i64, origin: i64) -> None:
        """Four bytes of data: where `label` stands, seen from `origin`."""
        out = self.out
        write_i64_le(out, LABEL_DIFFERENCE)
        write_i64_le(out, (origin << 32) | label)
