"""The text of records, as golden tests see it."""

from __future__ import annotations

import pytest

from wasmer_runtime_core.codegen.x64 import forms as f
from wasmer_runtime_core.codegen.x64.assembler import Assembler, record
from wasmer_runtime_core.codegen.x64.conditions import (
    ABOVE_OR_EQUAL,
)
from wasmer_runtime_core.codegen.x64.printer import format_records
from wasmer_runtime_core.codegen.x64.records import LABEL, MEM, MEM_INDEX, REG
from wasmer_runtime_core.codegen.x64.registers import (
    R9,
    R12,
    RAX,
    RBP,
    RCX,
    RDI,
    RSI,
    RSP,
)
from wasmer_runtime_core.contract.traps import BY_NAME, CALL_SITE


def test_a_function_reads_like_an_assembler_listing() -> None:
    assembler = Assembler()
    assembler.in_opcode(f.PUSH_R64, RBP)
    assembler.reg_reg(f.MOV_R64_RM64, RBP, RSP)
    assembler.at(0x1F)
    assembler.reg_index(f.MOV_R32_RM32, RAX, RDI, RCX, 3, 16, kind=BY_NAME["MEMORY_OUT_OF_BOUNDS"].number)
    assembler.label(f.JCC_REL32.number + ABOVE_OR_EQUAL, 7)
    assembler.table(f.CALL_RM64, 3, kind=CALL_SITE)
    assembler.none(f.UD2, kind=BY_NAME["UNREACHABLE"].number)
    assembler.bind(7)
    assembler.label(f.LEA_R64_M, 8, RAX)
    assembler.constant(f.ANDPS_XMM_XM128, 1, 16)
    assembler.relocated(f.CALL_REL32, -2)
    assembler.align(16)
    assembler.difference(8, 7)
    assembler.data(0xCAFE)
    assembler.site(CALL_SITE, 0x20)
    assembler.none(f.RET)
    assert (
        format_records(assembler.take())
        == """\
    push rbp
    mov rbp, rsp
    mov eax, [rdi + 8*rcx + 0x10]           ; trap MEMORY_OUT_OF_BOUNDS at 0x1f
    jae L7
    call qword ptr [table 3]                ; call site at 0x1f
    ud2                                     ; trap UNREACHABLE at 0x1f
  L7:
    lea rax, [L8]
    andps xmm1, [constant 0x10]
    call symbol -2
    .align 16
    .long L8 - L7
    .long 0xcafe
    .site                                   ; call site at 0x20
    ret
"""
    )


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (record(f.MOVZX_R32_RM8.number, MEM, R9, R12, word2=-8), "movzx r9d, byte ptr [r12 - 8]"),
        (record(f.MOVZX_R32_RM8.number, REG, R9, RSI), "movzx r9d, sil"),
        (record(f.MOV_RM16_IMM16.number, MEM, 0, RAX, word3=10), "mov word ptr [rax], 0xa"),
        (record(f.CVTSI2SD_XMM_RM64.number, MEM, 3, RBP, word2=-0x80), "cvtsi2sd xmm3, qword ptr [rbp - 0x80]"),
        (record(f.CVTTSD2SI_R64_XM64.number, MEM, 3, RBP), "cvttsd2si rbx, qword ptr [rbp]"),
        (record(f.ADDSD_XMM_XM64.number, MEM_INDEX, 8, RAX, index=1), "addsd xmm8, [rax + rcx]"),
        (record(f.SHL_RM64_CL.number, MEM, 0, RAX), "shl qword ptr [rax], cl"),
        (record(f.SHL_RM32_1.number, REG, 0, RAX), "shl eax, 1"),
        (record(f.SHLX_R32_RM32_R32.number, REG, 0, 1, third=2), "shlx eax, ecx, edx"),
        (record(f.VBLENDVPS_XMM_XMM_XM128_XMM.number, REG, 0, 1, third=2, word3=3), "vblendvps xmm0, xmm2, xmm1, xmm3"),
        (record(f.MOV_R64_IMM64.number, rm=R9, word2=5, word3=-1), "mov r9, -0xfffffffb"),
        (record(f.ADD_RM32_IMM8.number, REG, word3=-1), "add eax, -1"),
        (record(f.JMP_REL32.number, LABEL, word2=3), "jmp L3"),
        (record(f.REP_STOSQ.number), "rep stosq"),
        (record(f.PEXTRB_R32M8_XMM_IMM8.number, REG, 1, 2, word3=15), "pextrb edx, xmm1, 0xf"),
    ],
)
def test_one_instruction(one: bytes, text: str) -> None:
    assert format_records(one) == f"    {text}\n"


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (record(4000), "(form 4000)"),
        (record(9), "(directive 9)"),
        (record(f.MOV_R32_RM32.number, 15), "mov eax, (mode 15)"),
        (record(f.MOV_R32_RM32.number, REG, 16, 99), "mov (r32 16), (rm32 99)"),
        (record(f.LEA_R64_M.number, REG), "lea rax, (m 0)"),
        (record(f.UD2.number, kind=99), "ud2                                     ; trap 99 at 0x0"),
    ],
)
def test_what_the_encoder_refuses_has_a_text_too(one: bytes, text: str) -> None:
    assert format_records(one) == f"    {text}\n"
