"""Writing instruction records by hand: for thunks, for tests, for trying something out.

One method per pair of operands, not per instruction; the form says which instruction::

    assembler = Assembler()
    assembler.reg_mem(MOV_R32_RM32, RAX, RDI, 16)
    assembler.reg_imm(ADD_RM32_IMM8, RAX, 1)
    assembler.none(RET)
    encoder.function(assembler.take())

A backend that writes records by the million does so itself, with native integers.
"""

from __future__ import annotations

import struct

from wasmer_runtime_core.codegen.x64.forms.rows import Form
from wasmer_runtime_core.codegen.x64.records import (
    ALIGN,
    AT,
    BIND,
    CONSTANT,
    DATA,
    HANDLER,
    INDEX_ONLY,
    LABEL,
    LABEL_DIFFERENCE,
    MEM,
    MEM_INDEX,
    NONE,
    REG,
    RELOCATED,
    SITE,
    TABLE,
)
from wasmer_runtime_core.support.annotations import Final, final

_WORDS: Final = struct.Struct("<IIII")
_WORD_MASK: Final = 0xFFFF_FFFF


def record(
    form: int,
    mode: int = NONE,
    reg: int = 0,
    rm: int = 0,
    *,
    index: int = 0,
    scale: int = 0,
    third: int = 0,
    kind: int = 0,
    word2: int = 0,
    word3: int = 0,
) -> bytes:
    """One record from its fields, as `records` names them; `scale` is an exponent."""
    return _WORDS.pack(
        form | mode << 12 | reg << 16 | rm << 24,
        index | scale << 8 | third << 16 | kind << 24,
        word2 & _WORD_MASK,
        word3 & _WORD_MASK,
    )


@final
class Assembler:
    """Collects records. `kind`, where it is taken, is a trap kind or `CALL_SITE`; `third` is
    the register of a three-operand form that ModRM does not name."""

    def __init__(self) -> None:
        self._records = bytearray()
        self._labels = 0

    def take(self) -> bytes:
        """The records so far; the assembler begins anew."""
        records = bytes(self._records)
        self._records.clear()
        self._labels = 0
        return records

    # --- instructions -----------------------------------------------------------------------

    def none(self, form: Form, *, kind: int = 0, immediate: int = 0) -> None:
        """No register and no memory operand: ``ret``, ``cdq``, ``push imm32``."""
        self._records += record(form.number, NONE, kind=kind, word3=immediate)

    def in_opcode(self, form: Form, register: int, immediate: int = 0) -> None:
        """The register is part of the opcode: ``push r64``, ``mov r32, imm32``, ``mov r64, imm64``."""
        wide = form.operands[-1].kind == "imm64"
        word2, word3 = (immediate, immediate >> 32) if wide else (0, immediate)
        self._records += record(form.number, NONE, 0, register, word2=word2, word3=word3)

    def reg_reg(self, form: Form, reg: int, rm: int, *, third: int = 0, immediate: int = 0, kind: int = 0) -> None:
        """Two registers, `reg` in ModRM.reg and `rm` in ModRM.rm, whatever their order in the syntax."""
        self._records += record(form.number, REG, reg, rm, third=third, kind=kind, word3=immediate)

    def reg_imm(self, form: Form, rm: int, immediate: int = 0, *, third: int = 0, kind: int = 0) -> None:
        """A register where ModRM.reg is a digit: ``add rm32, imm8``, ``neg rm32``, ``jmp rm64``."""
        self._records += record(form.number, REG, 0, rm, third=third, kind=kind, word3=immediate)

    def reg_mem(
        self,
        form: Form,
        reg: int,
        base: int,
        displacement: int = 0,
        *,
        third: int = 0,
        immediate: int = 0,
        kind: int = 0,
    ) -> None:
        """A register and ``[base + displacement]``; `reg` is 0 where a digit stands."""
        self._records += record(
            form.number, MEM, reg, base, third=third, kind=kind, word2=displacement, word3=immediate
        )

    def reg_index(
        self,
        form: Form,
        reg: int,
        base: int | None,
        index: int,
        scale: int = 0,
        displacement: int = 0,
        *,
        third: int = 0,
        immediate: int = 0,
        kind: int = 0,
    ) -> None:
        """A register and ``[base + index * 2**scale + displacement]``; no base: the index alone."""
        self._records += record(
            form.number,
            INDEX_ONLY if base is None else MEM_INDEX,
            reg,
            base or 0,
            index=index,
            scale=scale,
            third=third,
            kind=kind,
            word2=displacement,
            word3=immediate,
        )

    def label(self, form: Form | int, label: int, reg: int = 0, *, immediate: int = 0) -> None:
        """A jump to a label, or a memory operand there. A form's number stands for a condition's row."""
        number = form if isinstance(form, int) else form.number
        self._records += record(number, LABEL, reg, word2=label, word3=immediate)

    def table(self, form: Form, entry: int, reg: int = 0, *, kind: int = 0) -> None:
        """A memory operand that is an entry of the table of code addresses."""
        self._records += record(form.number, TABLE, reg, kind=kind, word2=entry)

    def constant(self, form: Form, reg: int, offset: int, *, third: int = 0, immediate: int = 0) -> None:
        """A memory operand among the function's constants, at an offset in bytes."""
        self._records += record(form.number, CONSTANT, reg, third=third, word2=offset, word3=immediate)

    def relocated(self, form: Form, symbol: int, reg: int = 0, *, kind: int = 0, immediate: int = 0) -> None:
        """A branch to a symbol that the linker knows, or a memory operand there."""
        self._records += record(form.number, RELOCATED, reg, kind=kind, word2=symbol, word3=immediate)

    # --- what is no instruction ----------------------------------------------------------------

    def new_label(self) -> int:
        """A label not used so far."""
        self._labels += 1
        return self._labels - 1

    def bind(self, label: int) -> None:
        """The label stands here."""
        self._records += record(BIND, word2=label)

    def at(self, wasm_offset: int) -> None:
        """The wasm offset of the site rows that follow."""
        self._records += record(AT, word2=wasm_offset)

    def site(self, kind: int, wasm_offset: int) -> None:
        """A site row at this very place."""
        self._records += record(SITE, kind=kind, word2=wasm_offset)

    def align(self, alignment: int) -> None:
        """No-operations up to a multiple of `alignment` bytes, a power of two."""
        self._records += record(ALIGN, word2=alignment)

    def handler(self, label: int) -> None:
        """An exception that leaves the call right before goes to `label`."""
        self._records += record(HANDLER, word2=label)

    def difference(self, label: int, base: int) -> None:
        """Four data bytes: the address of `label` less that of `base`."""
        self._records += record(LABEL_DIFFERENCE, word2=label, word3=base)

    def data(self, value: int) -> None:
        """Four data bytes as they stand."""
        self._records += record(DATA, word3=value)
