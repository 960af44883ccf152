"""The text form of machine-instruction records, in Intel syntax.

One line a record, from the same rows as the encoder, so that golden tests compare what a
backend asked for, not bytes::

    mov eax, dword ptr [rdi + 8*rcx + 0x10]
    jae L7
    call [table 3]                      ; call site at 0x1f
    ud2                                 ; trap UNREACHABLE at 0x20
  L7:

Labels, entries of the table of code addresses, constants and symbols appear by their
numbers: nothing here depends on where code lies. Sizes of memory operands are left out where a
register operand tells them, as in ``mov eax, [rdi]``.

This is for people and tests: every record has a text, also one the encoder refuses.
"""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.forms.rows import (
    IN_BRANCH,
    IN_IMMEDIATE,
    IN_IS4,
    IN_OPCODE,
    IN_REG,
    IN_RM,
    IN_VVVV,
    Form,
)
from wasmer_runtime_core.codegen.x64.records import (
    ALIGN,
    AT,
    BIND,
    CONSTANT,
    DATA,
    FIRST_FORM,
    HANDLER,
    INDEX_ONLY,
    LABEL,
    LABEL_DIFFERENCE,
    MEM,
    MEM_INDEX,
    RECORD_BYTES,
    REG,
    RELOCATED,
    SITE,
    TABLE,
)
from wasmer_runtime_core.codegen.x64.registers import NAMES_8, NAMES_16, NAMES_32, NAMES_64, NAMES_XMM
from wasmer_runtime_core.contract.traps import BY_NUMBER, CALL_SITE
from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.support.checkpoint import watched

COMMENT_COLUMN: Final = 44

_REGISTER_NAMES: Final = {
    "r8": NAMES_8,
    "r16": NAMES_16,
    "r32": NAMES_32,
    "r64": NAMES_64,
    "xmm": NAMES_XMM,
    "rm8": NAMES_8,
    "rm16": NAMES_16,
    "rm32": NAMES_32,
    "rm64": NAMES_64,
    "r32m8": NAMES_32,
    "r32m16": NAMES_32,
    "xm8": NAMES_XMM,
    "xm16": NAMES_XMM,
    "xm32": NAMES_XMM,
    "xm64": NAMES_XMM,
    "xm128": NAMES_XMM,
}
_SIZE_NAMES: Final = {
    "8": "byte ptr ",
    "16": "word ptr ",
    "32": "dword ptr ",
    "64": "qword ptr ",
    "128": "xmmword ptr ",
    "": "",
}


def format_records(records: bytes) -> str:
    """The records as text: a line each, every one with its newline.

    Args:
        records: whole records, `records.RECORD_BYTES` each.
    """
    lines = []
    wasm_offset = 0
    for at in watched(range(0, len(records) - RECORD_BYTES + 1, RECORD_BYTES)):
        words = [int.from_bytes(records[at + 4 * word : at + 4 * word + 4], "little") for word in range(4)]
        form = words[0] & 0xFFF
        if form == AT:
            wasm_offset = words[2]
        elif form < FIRST_FORM:
            lines.append(_directive(form, words))
        else:
            text = "    " + format_instruction(words)
            comment = format_site(words[1] >> 24, wasm_offset)
            lines.append(f"{text:<{COMMENT_COLUMN}}; {comment}" if comment else text)
    return "".join(line + "\n" for line in lines)


def format_instruction(words: list[int]) -> str:
    """The four words of one instruction's record: ``"mov eax, [rdi + 0x10]"``."""
    number = words[0] & 0xFFF
    try:
        form = forms.by_number(number)
    except LookupError:
        return f"(form {number})"
    operands = [_operand(form, operand.kind, operand.place, words) for operand in form.operands]
    return f"{form.mnemonic} {', '.join(operands)}" if operands else form.mnemonic


def format_site(kind: int, wasm_offset: int) -> str:
    """What a site row says: ``"trap UNREACHABLE at 0x1f"``; nothing for kind 0."""
    if kind == 0:
        return ""
    if kind == CALL_SITE:
        return f"call site at {wasm_offset:#x}"
    name = BY_NUMBER[kind].name if kind in BY_NUMBER else str(kind)
    return f"trap {name} at {wasm_offset:#x}"


def _directive(form: int, words: list[int]) -> str:
    """A record that is no instruction."""
    if form == BIND:
        return f"  L{words[2]}:"
    if form == ALIGN:
        return f"    .align {words[2]}"
    if form == LABEL_DIFFERENCE:
        return f"    .long L{words[2]} - L{words[3]}"
    if form == DATA:
        return f"    .long {words[3]:#x}"
    if form == HANDLER:
        return f"    .handler L{words[2]}"
    if form == SITE:
        return f"    {'.site':<{COMMENT_COLUMN - 4}}; {format_site(words[1] >> 24, words[2])}"
    return f"    (directive {form})"


def _operand(form: Form, kind: str, place: int, words: list[int]) -> str:
    """One operand, by where it is encoded."""
    if place == IN_REG:
        return _register(kind, words[0] >> 16 & 0xFF)
    if place == IN_RM:
        return _register_or_memory(form, kind, words)
    if place == IN_VVVV:
        return _register(kind, words[1] >> 16 & 0xFF)
    if place == IN_OPCODE:
        return _register(kind, words[0] >> 24)
    if place == IN_IS4:
        return _register(kind, words[3])
    if place == IN_IMMEDIATE:
        if kind == "imm64":
            return _number(_signed(words[2] | words[3] << 32, 64))
        return _number(_signed(words[3], 32))
    if place == IN_BRANCH:
        return f"L{words[2]}" if words[0] >> 12 & 15 == LABEL else f"symbol {_signed(words[2], 32)}"
    return kind


def _register_or_memory(form: Form, kind: str, words: list[int]) -> str:
    mode = words[0] >> 12 & 15
    if mode == REG:
        return _register(kind, words[0] >> 24)
    address = _address(mode, words)
    told = any(operand.kind in _REGISTER_NAMES and operand.place != IN_RM for operand in form.operands)
    if told and not form.mnemonic.startswith(("movzx", "movsx", "cvt", "vcvt")):
        return address
    return _SIZE_NAMES[kind.split("m")[1]] + address


def _address(mode: int, words: list[int]) -> str:
    """What stands in brackets."""
    number = words[2]
    if mode == LABEL:
        return f"[L{number}]"
    if mode == TABLE:
        return f"[table {_signed(number, 32)}]"
    if mode == CONSTANT:
        return f"[constant {number:#x}]"
    if mode == RELOCATED:
        return f"[symbol {_signed(number, 32)}]"
    terms = []
    if mode in (MEM, MEM_INDEX):
        terms.append(_register("r64", words[0] >> 24))
    if mode in (MEM_INDEX, INDEX_ONLY):
        scale = 1 << (words[1] >> 8 & 0x1F)
        terms.append((f"{scale}*" if scale > 1 else "") + _register("r64", words[1] & 0xFF))
    displacement = _signed(number, 32)
    text = " + ".join(terms)
    if not terms:
        return f"(mode {mode})"
    if displacement < 0:
        text += f" - {_number(-displacement)}"
    elif displacement > 0:
        text += f" + {_number(displacement)}"
    return f"[{text}]"


def _register(kind: str, number: int) -> str:
    names = _REGISTER_NAMES.get(kind, ())
    return names[number] if number < len(names) else f"({kind} {number})"


def _number(value: int) -> str:
    """Decimal below ten, hexadecimal from there."""
    return str(value) if -10 < value < 10 else hex(value)


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value
