"""Every row of the instruction tables, encoded with many operands, read back by an independent disassembler.

The disassembler (iced-x86) knows nothing of our rows: it decodes our bytes and writes the
instruction as text, which must be what our printer makes of the record. So rows, encoder and
printer are checked against one authority at once. Where binutils is installed, objdump is a
second one.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.assembler import record
from wasmer_runtime_core.codegen.x64.conditions import (
    CONDITIONS,
)
from wasmer_runtime_core.codegen.x64.encode import ModuleEncoder
from wasmer_runtime_core.codegen.x64.forms import Form
from wasmer_runtime_core.codegen.x64.forms.rows import (
    IN_BRANCH,
    IN_IMMEDIATE,
    IN_IS4,
    IN_OPCODE,
    IN_REG,
    IN_RM,
    IN_VVVV,
    MODES_SHIFT,
)
from wasmer_runtime_core.codegen.x64.printer import format_records
from wasmer_runtime_core.codegen.x64.records import FIRST_FORM, INDEX_ONLY, MEM, MEM_INDEX, NONE, REG

# The registers that an encoding may treat apart: rsp, rbp, r12, r13, and one from each half.
REGISTERS = (0, 1, 3, 4, 5, 6, 7, 8, 9, 12, 13, 15)
DISPLACEMENTS = (0, 1, 0x7F, -0x80, 0x80, -0x81, 0x1234, 0x7FFFFFFF, -0x80000000)
ADDRESSES = [
    *((MEM, base, 0, 0, displacement) for base in (0, 3, 4, 5, 8, 12, 13, 15) for displacement in DISPLACEMENTS),
    *(
        (MEM_INDEX, base, index, scale, displacement)
        for base in (0, 4, 5, 9, 12, 13)
        for index, scale in ((0, 0), (1, 3), (5, 1), (8, 2), (12, 0), (13, 3), (15, 1))
        for displacement in (0, -0x80, 0x80)
    ),
    *((INDEX_ONLY, 0, index, 3, displacement) for index in (0, 5, 9, 12, 13) for displacement in (8, -0x80, 0x12345)),
]
IMMEDIATES = {
    "imm8": (0, 1, 0x7F),
    "imm16": (0, 0x1234, 0x7FFF),
    "imm32": (0, -1, 0x7FFFFFFF, -0x80000000),
    "imm64": (0, -1, 0x123456789ABCDEF, -(1 << 63)),
}
SIGN_EXTENDED = ("add", "or", "adc", "sbb", "and", "sub", "xor", "cmp", "imul", "push")
# Of which `as` takes another than we do, for the same text.
OTHER_MNEMONICS = {"xchg"}
OTHER_NAMES = {"PUSH_RM64", "POP_RM64", "MOVQ_XMM_RM64", "MOVQ_RM64_XMM"}
# A few forms are written with every address; the others take turns.
EVERY_ADDRESS = {"MOV_R32_RM32", "MOV_R64_RM64", "MOV_RM8_R8", "ADD_RM32_IMM8", "ADDSD_XMM_XM64", "VADDSD_XMM_XMM_XM64"}


def cases(row: Form, seed: int) -> list[bytes]:
    """Records of this form: registers, addresses and immediates that may be encoded apart."""
    places = [operand.place for operand in row.operands]
    if IN_BRANCH in places:
        return []
    modes = row.packed >> MODES_SHIFT
    shapes: list[tuple[int, int, int, int, int]] = []
    if modes >> NONE & 1:
        shapes += [(NONE, rm, 0, 0, 0) for rm in (REGISTERS if IN_OPCODE in places else (0,))]
    if modes >> REG & 1:
        shapes += [(REG, rm, 0, 0, 0) for rm in REGISTERS]
    if modes >> MEM & 1:
        shapes += ADDRESSES if row.name in EVERY_ADDRESS else ADDRESSES[seed % 7 :: 7]
    records = []
    for turn, (mode, rm, index, scale, displacement) in enumerate(shapes):
        reg = REGISTERS[(turn * 5 + seed) % len(REGISTERS)] if IN_REG in places else 0
        third = REGISTERS[(turn * 7 + seed + 1) % len(REGISTERS)] if IN_VVVV in places else 0
        immediate = REGISTERS[(turn + 3) % len(REGISTERS)] if IN_IS4 in places else 0
        for operand in row.operands:
            if operand.place == IN_IMMEDIATE:
                choices = IMMEDIATES[operand.kind]
                if operand.kind == "imm8" and row.mnemonic in SIGN_EXTENDED:
                    choices += (-1, -0x80)
                immediate = choices[turn % len(choices)]
        wide = any(operand.kind == "imm64" for operand in row.operands)
        records.append(
            record(
                row.number,
                mode,
                reg,
                rm,
                index=index,
                scale=scale,
                third=third,
                word2=immediate if wide else displacement,
                word3=immediate >> 32 if wide else immediate,
            )
        )
    return records


def encode(records: bytes) -> bytes:
    encoder = ModuleEncoder(0)
    encoder.function(records)
    return encoder.finish().code


def iced_formatter() -> Any:
    iced = pytest.importorskip("iced_x86", reason="iced-x86 is not installed: rows cannot be checked")
    formatter = iced.Formatter(iced.FormatterSyntax.INTEL)
    formatter.hex_prefix = "0x"
    formatter.hex_suffix = ""
    formatter.uppercase_hex = False
    formatter.leading_zeros = False
    formatter.displacement_leading_zeros = False
    formatter.space_after_operand_separator = True
    formatter.space_between_memory_add_operators = True
    formatter.scale_before_index = True
    formatter.signed_immediate_operands = True
    formatter.use_pseudo_ops = False
    formatter.memory_size_options = iced.MemorySizeOptions.NEVER
    return formatter


def plain(text: str) -> str:
    """Our text without operand sizes, which the disassembler's text leaves out."""
    text = re.sub(r"\b(byte|word|dword|qword|xmmword) ptr ", "", text)
    return text.removesuffix(", xmm0") if text.startswith(("blendv", "pblendvb")) else text


@pytest.mark.parametrize("chapter", ["integer", "control", "sse", "avx"])
def test_every_row_reads_back_as_it_is_printed(chapter: str) -> None:
    iced = pytest.importorskip("iced_x86", reason="iced-x86 is not installed: rows cannot be checked")
    formatter = iced_formatter()
    checked = 0
    for seed, row in enumerate(rows_of(chapter)):
        records = cases(row, seed)
        code = encode(b"".join(records))
        decoder = iced.Decoder(64, code)
        for one in records:
            instruction = decoder.decode()
            expected = plain(format_records(one).strip())
            actual = formatter.format(instruction)
            if row.mnemonic.startswith("rep "):
                actual = " ".join(actual.split()[:2])
            bytes_of_it = code[instruction.ip : instruction.next_ip].hex()
            assert actual == expected, f"{row}: {bytes_of_it} is {actual!r}, wanted {expected!r}"
            checked += 1
    assert checked > 300 or chapter == "control"


@pytest.mark.parametrize("chapter", ["integer", "control", "sse", "avx"])
def test_memory_operands_have_the_size_that_the_row_says(chapter: str) -> None:
    iced = pytest.importorskip("iced_x86", reason="iced-x86 is not installed: rows cannot be checked")
    for row in rows_of(chapter):
        memory = [operand.kind for operand in row.operands if operand.place == IN_RM]
        if not memory or not row.packed >> MODES_SHIFT >> MEM & 1 or memory == ["m"] or row.mnemonic == "nop":
            continue
        instruction = iced.Decoder(64, encode(record(row.number, MEM, 0, 3))).decode()
        bits = 8 * iced.MemorySizeExt.size(instruction.memory_size)
        assert str(bits) == re.findall(r"\d+", memory[0])[-1], row


@pytest.mark.parametrize("chapter", ["integer", "control", "sse", "avx"])
def test_rows_need_the_processor_features_that_they_say(chapter: str) -> None:
    iced = pytest.importorskip("iced_x86", reason="iced-x86 is not installed: rows cannot be checked")
    names = {value: name for name, value in vars(iced.CpuidFeature).items() if isinstance(value, int)}
    baseline = {"INTEL8086", "INTEL186", "INTEL286", "INTEL386", "INTEL486", "X64", "CMOV", "SSE", "SSE2"}
    baseline |= {"MULTIBYTENOP", "PAUSE"}
    for seed, row in enumerate(rows_of(chapter)):
        for one in cases(row, seed)[:1]:
            instruction = iced.Decoder(64, encode(one)).decode()
            needed = {names[feature] for feature in instruction.cpuid_features()} - baseline
            said = {row.feature.upper().replace(".", "_")} - {""}
            assert needed == said, row


def test_the_assembler_takes_our_text_and_needs_as_many_bytes(tmp_path: Path) -> None:
    """``as`` reads the printer's text, and where it has no other form to choose, finds none shorter."""
    iced = pytest.importorskip("iced_x86", reason="iced-x86 is not installed: rows cannot be checked")
    assembler, copy = shutil.which("as"), shutil.which("objcopy")
    if assembler is None or copy is None:
        pytest.skip("as and objcopy (binutils) are not installed")
    rows = [row for row in forms.FORMS if row.name not in OTHER_NAMES and row.mnemonic not in OTHER_MNEMONICS]
    records = [(row, one) for seed, row in enumerate(rows) for one in cases(row, seed)[::3]]
    source, object_file, flat = (tmp_path / name for name in ("rows.s", "rows.o", "rows.bin"))
    text = "".join(format_records(one) for _, one in records)
    source.write_text(".intel_syntax noprefix\n" + text)
    result = subprocess.run([assembler, "-o", object_file, source], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[:2000]
    subprocess.run([copy, "-O", "binary", "-j", ".text", object_file, flat], check=True)
    formatter = iced_formatter()
    decoder = iced.Decoder(64, flat.read_bytes())
    for row, one in records:
        ours = iced.Decoder(64, encode(one)).decode()
        theirs = decoder.decode()
        assert formatter.format(theirs) == formatter.format(ours), row
        immediate = any(operand.place == IN_IMMEDIATE for operand in row.operands)
        if not immediate and "VEX" not in row.encoding:
            assert theirs.len == ours.len, (row, format_records(one))


def test_a_row_has_the_name_of_its_syntax() -> None:
    for name, row in vars(forms).items():
        if isinstance(row, Form) and "CC" not in name and name != "TRAP":
            assert name == row.name
    assert forms.TRAP is forms.HLT
    for name, suffix in (("JCC_REL32", "j"), ("SETCC_RM8", "set"), ("CMOVCC_R32_RM32", "cmov")):
        base = getattr(forms, name).number
        for condition in CONDITIONS:
            assert forms.by_number(base + condition.number).mnemonic == suffix + condition.suffix


def test_no_two_rows_are_the_same() -> None:
    assert [name for name, count in Counter(row.name for row in forms.FORMS).items() if count > 1] == []
    modes = Counter(
        (row.encoding, mode) for row in forms.FORMS for mode in range(16) if row.packed >> MODES_SHIFT >> mode & 1
    )
    assert [where for where, count in modes.items() if count > 1] == []


def test_numbers_count_from_the_first_and_fit_a_record() -> None:
    assert [row.number for row in forms.FORMS] == list(range(FIRST_FORM, FIRST_FORM + len(forms.FORMS)))
    assert forms.FORMS[-1].number < 1 << 12
    with pytest.raises(LookupError, match="no instruction form 4095"):
        forms.by_number(4095)


@pytest.mark.parametrize(
    ("syntax", "encoding"),
    [
        ("add r32, rm32", "03 04 /r"),
        ("add r32, rm32", "/r"),
        ("add rm32, imm8", "81 /0 id"),
        ("add r32, r32, rm32", "03 /r"),
        ("add r32, q32", "03 /r"),
        ("add r32, r32, r32, r32, rm32", "VEX.LZ.0F38.W0 F2 /r"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused(syntax: str, encoding: str) -> None:
    with pytest.raises(ValueError):
        print(Form(0, syntax, encoding, "", 0).packed)


def rows_of(chapter: str) -> list[Form]:
    """The rows of one chapter, in order."""
    firsts = {
        name: min(value.number for value in vars(getattr(forms, name)).values() if isinstance(value, Form))
        for name in ("integer", "control", "sse", "avx")
    }
    end = min((first for first in firsts.values() if first > firsts[chapter]), default=1 << 12)
    return [row for row in forms.FORMS if firsts[chapter] <= row.number < end]
