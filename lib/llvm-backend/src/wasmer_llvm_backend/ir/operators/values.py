"""Locals, constants, and what traps by its operands (specification, sections 4.4.1, 4.4.4, 4.4.5)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from wasmer_llvm_backend.ir.function import BIT
from wasmer_llvm_backend.ir.templates import DIVISIONS, V128, Truncation
from wasmer_llvm_backend.ir.view import LLVM_TYPES
from wasmer_llvm_backend.module_text import TRAP, TRAP_CALL
from wasmer_runtime_core.contract.traps import BY_NAME

if TYPE_CHECKING:
    from wasmer_llvm_backend.ir.function import FunctionState

DIVIDE_BY_ZERO: Final = BY_NAME["INTEGER_DIVIDE_BY_ZERO"].number
OVERFLOW: Final = BY_NAME["INTEGER_OVERFLOW"].number
INVALID_CONVERSION: Final = BY_NAME["INVALID_CONVERSION_TO_INTEGER"].number


def drop(f: FunctionState, word: int, a: int, b: int) -> None:
    f.stack.pop()


def select(f: FunctionState, word: int, a: int, b: int) -> None:
    condition = f.condition(f.stack.pop())
    otherwise = f.stack.pop()
    type_ = LLVM_TYPES[(word >> 16) & 0xFF]
    value, otherwise = f.opaque(type_, f.stack[-1]), f.opaque(type_, otherwise)
    text = f"select i1 {condition}, {type_} {value}, {type_} {otherwise}"
    f.stack[-1] = f.let_from(text, condition, value, otherwise)


def local_get(f: FunctionState, word: int, a: int, b: int) -> None:
    slot = f.slots.get(a)
    if slot is None:
        f.stack.append(f.locals[a])
    else:
        f.stack.append(f.let(f"load {f.local_types[a]}, ptr {slot}"))


def local_set(f: FunctionState, word: int, a: int, b: int) -> None:
    local_tee(f, word, a, b)
    f.stack.pop()


def local_tee(f: FunctionState, word: int, a: int, b: int) -> None:
    value = f.stack[-1]
    slot = f.slots.get(a)
    if slot is None:
        f.locals[a] = value
        f.kept = None
    else:
        f.out.append(f"store {f.local_types[a]} {value}, ptr {slot}")


def i32_const(f: FunctionState, word: int, a: int, b: int) -> None:
    f.stack.append(str(a - 0x100000000 if a & 0x80000000 else a))


def i64_const(f: FunctionState, word: int, a: int, b: int) -> None:
    value = a | b << 32
    f.stack.append(str(value - (1 << 64) if value >> 63 else value))


def f32_const(f: FunctionState, word: int, a: int, b: int) -> None:
    (value,) = struct.unpack("<f", a.to_bytes(4, "little"))
    if value != value:
        f.stack.append(f"bitcast (i32 {a} to float)")
    else:
        f.stack.append(float_text(value))


def f64_const(f: FunctionState, word: int, a: int, b: int) -> None:
    f.stack.append(f"0x{a | b << 32:016X}")


def v128_const(f: FunctionState, word: int, a: int, b: int) -> None:
    w = f.pool[a : a + 4]
    f.stack.append(f"<i64 {w[0] | w[1] << 32}, i64 {w[2] | w[3] << 32}>")


def shuffle(f: FunctionState, word: int, a: int, b: int) -> None:
    lanes = struct.pack("<4I", *f.pool[a : a + 4])
    right = f.let(f"bitcast {V128} {f.stack.pop()} to <16 x i8>")
    left = f.let(f"bitcast {V128} {f.stack.pop()} to <16 x i8>")
    mask = ", ".join([f"i32 {lane}" for lane in lanes])
    result = f.let(f"shufflevector <16 x i8> {left}, <16 x i8> {right}, <16 x i32> <{mask}>")
    f.stack.append(f.let(f"bitcast <16 x i8> {result} to {V128}"))


def i32_eqz(f: FunctionState, word: int, a: int, b: int) -> None:
    value = f.stack.pop()
    bit = value[1:] if value[0] == BIT else f.bits.get(value)
    if bit is not None:
        f.push_bit(f.let_from(f"xor i1 {bit}, true", bit))
    else:
        f.push_bit(f.let_from(f"icmp eq i32 {value}, 0", value))


def i64_eqz(f: FunctionState, word: int, a: int, b: int) -> None:
    value = f.stack.pop()
    f.push_bit(f.let_from(f"icmp eq i64 {value}, 0", value))


def divide(f: FunctionState, row: str, word: int, a: int, b: int) -> None:
    division = DIVISIONS[row]
    type_ = division.type
    right = f.stack.pop()
    left = f.stack.pop()
    if right[0] == "%" or right == "0":
        f.trap_if(f.let(f"icmp eq {type_} {right}, 0"), DIVIDE_BY_ZERO)
    if division.overflows and (right[0] == "%" or right == "-1"):
        least = f.let(f"icmp eq {type_} {left}, {-(1 << int(type_[1:]) - 1)}")
        minus_one = f.let(f"icmp eq {type_} {right}, -1")
        f.trap_if(f.let(f"and i1 {least}, {minus_one}"), OVERFLOW)
    if division.remainder and (right[0] == "%" or right == "-1"):
        minus_one = f.let(f"icmp eq {type_} {right}, -1")
        right = f.let(f"select i1 {minus_one}, {type_} 1, {type_} {right}")
    f.stack.append(f.let(f"{division.instruction} {type_} {left}, {right}"))


def truncate(f: FunctionState, row: Truncation, word: int, a: int, b: int) -> None:
    value = f.stack.pop()
    source = row.source
    above = f.let(f"fcmp ogt {source} {value}, {float_text(row.above)}")
    below = f.let(f"fcmp olt {source} {value}, {float_text(row.below)}")
    fits = f.let(f"and i1 {above}, {below}")
    f.blocks += 1
    number = f.blocks
    f.out.append(f"br i1 {fits}, label %c{number}, label %t{number}")
    f.traps.append(
        f"t{number}:\n%nan{number} = fcmp uno {source} {value}, 0.0\n"
        f"br i1 %nan{number}, label %u{number}, label %v{number}\n"
        f"u{number}:\ncall void @{TRAP}{INVALID_CONVERSION}() {TRAP_CALL}{f.location()}\nunreachable\n"
        f"v{number}:\ncall void @{TRAP}{OVERFLOW}() {TRAP_CALL}{f.location()}\nunreachable"
    )
    f.start(f"c{number}")
    f.stack.append(f.let(f"{'fptosi' if row.signed else 'fptoui'} {source} {value} to {row.result}"))


def compare(f: FunctionState, row: str, word: int, a: int, b: int) -> None:
    right = f.stack.pop()
    left = f.stack.pop()
    f.push_bit(f.let_from(f"{row} {left}, {right}", left, right))


def float_text(value: float) -> str:
    """A float's bits as LLVM writes them, of either type: those of the same value as a double."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"
