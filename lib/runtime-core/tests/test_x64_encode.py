"""The encoder around single instructions: labels, jumps, constants, the table, sites, relocations, errors."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmer_runtime_core.codegen.x64 import forms as f
from wasmer_runtime_core.codegen.x64.assembler import Assembler, record
from wasmer_runtime_core.codegen.x64.conditions import (
    ABOVE,
    EQUAL,
)
from wasmer_runtime_core.codegen.x64.encode import RELOCATION_REL32, EncodedModule, ModuleEncoder
from wasmer_runtime_core.codegen.x64.records import (
    ALIGN,
    BIND,
    CONSTANT,
    DATA,
    LABEL,
    LABEL_DIFFERENCE,
    MEM,
    MEM_INDEX,
    NO_REGISTER,
    NONE,
    REG,
    RELOCATED,
    TABLE,
)
from wasmer_runtime_core.codegen.x64.registers import (
    RAX,
    RBP,
    RCX,
    RSP,
)
from wasmer_runtime_core.contract.helpers import ENTRIES_IN_FRONT, MAKE_ROOM
from wasmer_runtime_core.contract.traps import BY_NAME, CALL_SITE
from wasmer_runtime_core.errors import InternalError

UNREACHABLE = BY_NAME["UNREACHABLE"].number
JE = f.JCC_REL32.number + EQUAL
NOP_BYTES = 3
"""Length of the no-operation that fills the space between jumps and labels: ``nop [rax]``."""


def encode(*functions: bytes, constants: bytes = b"", entries: int = 0) -> EncodedModule:
    encoder = ModuleEncoder(entries)
    for records in functions:
        encoder.function(records, constants)
    return encoder.finish()


def fill(assembler: Assembler, count: int) -> None:
    for _ in range(count):
        assembler.reg_mem(f.NOP_RM32, 0, RAX)


def sites(module: EncodedModule) -> list[tuple[int, int, int]]:
    return list(struct.iter_unpack("<III", module.sites))


# --- jumps and labels ---------------------------------------------------------------------------


@pytest.mark.parametrize(("fillers", "length"), [(0, 2), (41, 2), (42, 2), (43, 6), (1000, 6)])
def test_a_jump_back_is_short_if_the_distance_fits(fillers: int, length: int) -> None:
    assembler = Assembler()
    assembler.bind(0)
    fill(assembler, fillers)
    assembler.label(JE, 0)
    code = encode(assembler.take()).code
    assert len(code) == fillers * NOP_BYTES + length
    jump = code[-length:]
    distance = struct.unpack("<b", jump[1:])[0] if length == 2 else struct.unpack("<i", jump[2:])[0]
    assert distance == -len(code)


@pytest.mark.parametrize(("fillers", "length"), [(0, 2), (20, 2), (43, 6), (1000, 6)])
def test_a_jump_forward_is_short_if_the_bound_fits(fillers: int, length: int) -> None:
    assembler = Assembler()
    assembler.label(JE, 0)
    fill(assembler, fillers)
    assembler.bind(0)
    code = encode(assembler.take()).code
    assert len(code) == fillers * NOP_BYTES + length
    distance = struct.unpack("<b", code[1:2])[0] if length == 2 else struct.unpack("<i", code[2:6])[0]
    assert distance == fillers * NOP_BYTES


def test_calls_have_no_short_form() -> None:
    assembler = Assembler()
    assembler.bind(0)
    assembler.label(f.CALL_REL32, 0)
    assembler.label(f.CALL_REL32, 1)
    assembler.bind(1)
    assert encode(assembler.take()).code == bytes.fromhex("e8fbffffff e800000000")


def test_lea_takes_the_address_of_a_label() -> None:
    assembler = Assembler()
    assembler.label(f.LEA_R64_M, 0, RAX)
    assembler.none(f.RET)
    assembler.bind(0)
    assert encode(assembler.take()).code == bytes.fromhex("488d0501000000 c3")


def test_a_displacement_to_a_label_counts_from_behind_the_immediate() -> None:
    assembler = Assembler()
    assembler.label(f.CMP_RM32_IMM32, 0, immediate=-1)
    assembler.label(f.CMP_RM32_IMM8, 0, immediate=-1)
    assembler.bind(0)
    assert encode(assembler.take()).code == bytes.fromhex("813d07000000ffffffff 833d00000000ff")


def test_a_jump_table_holds_differences_of_labels() -> None:
    assembler = Assembler()
    assembler.bind(0)
    assembler.difference(1, 0)
    assembler.difference(0, 1)
    assembler.data(0xDEADBEEF)
    assembler.bind(1)
    assert encode(assembler.take()).code == struct.pack("<iiI", 12, -12, 0xDEADBEEF)


def test_labels_of_one_function_are_not_those_of_another() -> None:
    assembler = Assembler()
    assembler.label(f.JMP_REL32, 5)
    fill(assembler, 100)
    assembler.bind(5)
    first = assembler.take()
    assembler.label(f.JMP_REL32, 5)
    assembler.bind(5)
    assembler.bind(2)
    second = assembler.take()
    assert encode(first, second).code[-2:] == b"\xeb\x00"
    with pytest.raises(InternalError, match="label is never bound"):
        encode(first, second, record(f.JMP_REL32.number, LABEL, word2=5))


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("jump"), st.integers(0, 9)),
            st.tuples(st.just("fill"), st.integers(1, 30)),
            st.tuples(st.just("bind"), st.just(0)),
            st.tuples(st.just("align"), st.sampled_from((1, 4, 16, 32))),
        ),
        max_size=60,
    )
)
def test_every_jump_arrives_at_its_label(plan: list[tuple[str, int]]) -> None:
    iced = pytest.importorskip("iced_x86", reason="iced-x86 is not installed: jumps cannot be followed")
    # A label is followed by ``mov eax, number``, which says where one has arrived.
    assembler = Assembler()
    labels = 0

    def bind() -> None:
        nonlocal labels
        assembler.bind(labels)
        assembler.in_opcode(f.MOV_R32_IMM32, RAX, labels)
        labels += 1

    wanted = []
    for what, count in plan:
        if what == "jump":
            wanted.append(count)
            assembler.label(JE, count)
        elif what == "fill":
            fill(assembler, count)
        elif what == "align":
            assembler.align(count)
        elif labels < 10:
            bind()
    while labels < 10:
        bind()
    code = encode(assembler.take()).code
    instructions = {instruction.ip: instruction for instruction in iced.Decoder(64, code)}
    assert iced.Code.INVALID not in [instruction.code for instruction in instructions.values()]
    jumps = [i for i in instructions.values() if i.mnemonic == iced.Mnemonic.JE]
    assert [instructions[jump.near_branch_target].immediate32 for jump in jumps] == wanted


# --- alignment, constants, table, relocations ----------------------------------------------------


def test_functions_begin_at_multiples_of_16_after_int3() -> None:
    ret = record(f.RET.number)
    module = encode(ret, ret * 16, ret)
    assert module.code == b"\xc3" + b"\xcc" * 15 + b"\xc3" * 16 + b"\xc3"
    assert struct.unpack("<4I", module.function_offsets) == (0, 16, 32, 33)


def test_alignment_is_filled_with_no_operations() -> None:
    iced = pytest.importorskip("iced_x86", reason="iced-x86 is not installed: no-operations cannot be read")
    for before in range(1, 33):
        records = record(f.RET.number) * before + record(ALIGN, word2=32) + record(f.INT3.number)
        code = encode(records).code
        assert len(code) == 33
        padding = {i.mnemonic for i in iced.Decoder(64, code[before:32])}
        assert padding <= {iced.Mnemonic.NOP}


def test_constants_lie_aligned_behind_the_code() -> None:
    assembler = Assembler()
    assembler.constant(f.ADDSD_XMM_XM64, 1, 8)
    assembler.constant(f.SHUFPS_XMM_XM128_IMM8, 1, 0, immediate=1)
    assembler.constant(f.VADDSD_XMM_XMM_XM64, 1, 8, third=2)
    assembler.none(f.RET)
    constants = bytes(range(16))
    module = encode(assembler.take(), constants=constants)
    assert module.code[32:] == constants
    assert module.code[:25] == (
        bytes.fromhex("f20f580d") + struct.pack("<i", 40 - 8)
        + bytes.fromhex("0fc60d") + struct.pack("<i", 32 - 16) + b"\x01"
        + bytes.fromhex("c5eb580d") + struct.pack("<i", 40 - 24)
        + b"\xc3"
    )  # fmt: skip
    assert struct.unpack("<2I", module.function_offsets) == (0, 48)


def test_the_table_of_code_addresses_lies_in_front_of_the_code() -> None:
    assembler = Assembler()
    for entry in range(3):
        assembler.table(f.CALL_RM64, entry)
    assembler.table(f.MOV_R64_RM64, 2, RCX)
    assembler.table(f.JMP_RM64, MAKE_ROOM)
    code = encode(record(f.RET.number), assembler.take(), entries=3).code
    for entry, end in ((0, 22), (1, 28), (2, 34), (2, 41), (-1, 47)):
        assert struct.unpack("<i", code[end - 4 : end])[0] + end == -8 * (3 - entry)


def test_relocations_are_left_to_the_linker() -> None:
    assembler = Assembler()
    assembler.relocated(f.CALL_REL32, 7)
    assembler.relocated(f.JCC_REL32, -3)
    assembler.relocated(f.CMP_RM32_IMM8, 1, immediate=5)
    module = encode(assembler.take())
    assert module.code == bytes.fromhex("e800000000 0f8000000000 833d0000000005")
    assert list(struct.iter_unpack("<IIii", module.relocations)) == [
        (1, RELOCATION_REL32, 7, -4),
        (7, RELOCATION_REL32, -3, -4),
        (13, RELOCATION_REL32, 1, -5),
    ]


# --- sites -------------------------------------------------------------------------------------------


def test_traps_stand_at_the_instruction_and_calls_behind_it() -> None:
    assembler = Assembler()
    assembler.at(0x10)
    assembler.reg_reg(f.MOV_R64_RM64, RBP, RSP)
    assembler.reg_mem(f.MOV_R32_RM32, RAX, RCX, 0x1000, kind=UNREACHABLE)
    assembler.at(0xFFFF_FFF0)
    assembler.table(f.CALL_RM64, 0, kind=CALL_SITE)
    assembler.none(f.UD2, kind=UNREACHABLE)
    assembler.site(CALL_SITE, 0x30)
    module = encode(record(f.RET.number), assembler.take(), entries=1)
    assert sites(module) == [
        (19, UNREACHABLE, 0x10),
        (31, CALL_SITE, 0xFFFF_FFF0),
        (31, UNREACHABLE, 0xFFFF_FFF0),
        (33, CALL_SITE, 0x30),
    ]


def test_a_wasm_offset_does_not_outlive_its_function() -> None:
    first = record(0, word2=5) + record(f.UD2.number, kind=UNREACHABLE)
    module = encode(first, record(f.UD2.number, kind=UNREACHABLE))
    assert sites(module) == [(0, UNREACHABLE, 5), (16, UNREACHABLE, 0)]


def test_the_features_of_the_forms_used_are_told() -> None:
    assert encode(record(f.RET.number)).cpu_features == ()
    popcnt = record(f.POPCNT_R32_RM32.number, REG)
    vex = record(f.VADDSD_XMM_XMM_XM64.number, REG)
    assert encode(vex, popcnt).cpu_features == ("popcnt", "avx")


# --- errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "message"),
    [
        (record(4095), r"instruction record 0 \(\(form 4095\)\): there is no such form"),
        (record(15), "there is no such form"),
        (record(f.RET.number, REG), r"\(ret\): the form does not admit the mode"),
        (record(f.ADD_R32_RM32.number, NONE), "does not admit"),
        (record(f.ADD_R32_RM32.number, 15), "does not admit"),
        (record(f.LEA_R64_M.number, REG), "does not admit"),
        (record(f.MOVHLPS_XMM_XMM.number, MEM), "does not admit"),
        (record(f.JMP_REL32.number, REG), "does not admit"),
        (record(f.ADD_R32_RM32.number, REG, 16, 0), "there is no such register"),
        (record(f.ADD_R32_RM32.number, MEM, 0, NO_REGISTER), "there is no such register"),
        (record(f.PUSH_R64.number, NONE, 0, 16), "there is no such register"),
        (record(f.ADD_R32_RM32.number, MEM_INDEX, 0, 0, index=RSP), "no such index register"),
        (record(f.ADD_R32_RM32.number, MEM_INDEX, 0, 0, index=16), "no such index register"),
        (record(f.ADD_R32_RM32.number, MEM_INDEX, 0, 0, index=1, scale=4), "no such index register or scale"),
        (record(f.ADD_RM32_IMM8.number, REG, word3=256), "does not fit 8 bits"),
        (record(f.ADD_RM32_IMM8.number, REG, word3=-129), "does not fit 8 bits"),
        (record(f.MOV_RM16_IMM16.number, MEM, word3=0x10000), "does not fit 16 bits"),
        (record(f.VBLENDVPS_XMM_XMM_XM128_XMM.number, REG, word3=16), "does not fit"),
        (record(f.CALL_RM64.number, TABLE, word2=2), "the table of code addresses has 2 entries"),
        (record(f.CALL_RM64.number, TABLE, word2=-1 - ENTRIES_IN_FRONT), "the table of code addresses has 2 entries"),
        (record(f.ADDSD_XMM_XM64.number, CONSTANT, word2=8), r"\[constant 0x8\]\): out of range: 8 of 8"),
        (record(f.JMP_REL32.number, LABEL, word2=3), r"\(jmp L3\): the label is never bound"),
        (record(f.LEA_R64_M.number, LABEL, word2=3), "label 3 is never bound"),
        (record(LABEL_DIFFERENCE, word2=0, word3=1), "the label is never bound"),
        (record(BIND, word2=1) + record(BIND, word2=1), r"record 1 \(L1:\): the label is bound twice"),
        (record(BIND, word2=-1), "out of range"),
        (record(ALIGN, word2=12), "not a power of two"),
        (record(ALIGN, word2=0), "not a power of two"),
        (record(f.RET.number)[:-1], "not whole records"),
    ],
)
def test_what_makes_no_sense_is_an_internal_error_that_names_it(records: bytes, message: str) -> None:
    with pytest.raises(InternalError, match=message):
        encode(records, constants=bytes(8), entries=2)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 1000),
            st.integers(0, 10),
            st.integers(0, 17),
            st.integers(0, 17),
            st.integers(0, 17),
            st.integers(0, 4),
            st.sampled_from((0, 0, 1, 2, CALL_SITE)),
            st.integers(-3, 3) | st.integers(-(1 << 31), (1 << 31) - 1),
            st.integers(-3, 3) | st.integers(-(1 << 31), (1 << 31) - 1),
        ),
        max_size=8,
    )
)
def test_any_records_are_encoded_or_refused(fields: list[tuple[int, ...]]) -> None:
    records = b"".join(
        record(
            form, mode, reg, rm, index=index, scale=scale, kind=kind, word2=word2 if form != ALIGN else 4, word3=word3
        )
        for form, mode, reg, rm, index, scale, kind, word2, word3 in fields
    )
    try:
        module = encode(records, constants=bytes(16), entries=3)
    except InternalError:
        return
    assert struct.unpack("<2I", module.function_offsets)[1] == len(module.code)
    offsets = [offset for offset, _, _ in sites(module)]
    assert offsets == sorted(offsets)


def test_a_symbol_may_stand_in_any_memory_operand() -> None:
    module = encode(record(f.MOV_RM64_IMM32.number, RELOCATED, word2=9, word3=-2) + record(DATA, word3=1))
    assert module.code == bytes.fromhex("48c70500000000feffffff01000000")
    assert struct.unpack("<IIii", module.relocations) == (3, RELOCATION_REL32, 9, -8)


def test_conditions_are_the_opcodes_low_bits() -> None:
    assert encode(record(f.SETCC_RM8.number + ABOVE, REG, 0, 6)).code == bytes.fromhex("400f97c6")
