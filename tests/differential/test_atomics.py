"""Atomic accesses do what the threads proposal says, on shared memories and on others, or trap and have done nothing.

Each operator is executed at addresses and offsets that are aligned or not, within the memory or not, on operands at
the edges of their widths. What is expected is worked out on bytes of Python's. Alignment is looked at first, then
bounds; what `memory.atomic.wait` then finds is a memory that is not shared.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import pytest

from tests.backends import BACKENDS
from tests.differential.variants import VARIANTS
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.wasm.operators.rows import ATOMIC_PAGE, OPERATORS, Operator
from wasmer_runtime_core.wasm.types import PAGE_BYTES

ATOMICS: Final = {
    row.mnemonic: row for row in OPERATORS.values() if row.code & ~0xFF == ATOMIC_PAGE and row.access_bytes
}
CONTENTS: Final = bytes.fromhex("11223344556677888070605040302010")
END: Final = PAGE_BYTES - len(CONTENTS)
"""Where the contents are once more: at the memory's end."""
ADDRESSES: Final = (0, 1, 4, 8, PAGE_BYTES - 8, PAGE_BYTES - 4, PAGE_BYTES - 1, PAGE_BYTES, 0xFFFF_FFF8)
OFFSETS: Final = (0, 6, 8, 0xFFFF_FFF8)
OPERANDS: Final = {
    "i32": (0, 0x88, 0x5544_3322, 0xFFFF_FFFF, 0x4433_2211),
    "i64": (0, 0x1_0000_0011, 0x8877_6655_4433_2211, 0xFFFF_FFFF_FFFF_FFFF, 0x9000_0000_0000_8080),
}
SHARED: Final = {"shared": "shared", "not shared": ""}
VIEWS: Final = {"first memory": (0, "i32"), "second memory": (1, "i32"), "64-bit index": (0, "i64")}


class Expected(NamedTuple):
    """The memory afterwards, and the result or the message of the trap."""

    memory: bytes
    result: int | None
    trap: str


def expected(row: Operator, memory: bytes, shared: bool, address: int, operands: tuple[int, ...]) -> Expected:
    """What the proposal says."""
    size = row.access_bytes
    if address % size:
        return Expected(memory, None, "unaligned atomic")
    if address + size > len(memory):
        return Expected(memory, None, "out of bounds memory access")
    name = row.mnemonic.partition("atomic.")[2]
    was = int.from_bytes(memory[address : address + size], "little")
    mask = (1 << 8 * size) - 1
    if name == "notify":
        return Expected(memory, 0, "")
    if name.startswith("wait"):
        if not shared:
            return Expected(memory, None, "expected shared memory")
        return Expected(memory, 1 if was != operands[0] else 2, "")
    if name.startswith("load"):
        return Expected(memory, was, "")
    value = operands[-1]
    verb = "store" if name.startswith("store") else name.split(".")[1].split("_")[0]
    changed = {
        "store": value,
        "xchg": value,
        "add": was + value,
        "sub": was - value,
        "and": was & value,
        "or": was | value,
        "xor": was ^ value,
        "cmpxchg": value if operands[0] & mask == was else was,
    }[verb]
    written = memory[:address] + (changed & mask).to_bytes(size, "little") + memory[address + size :]
    return Expected(written, None if verb == "store" else was, "")


def text(index_type: str, memory: int, shared: str) -> str:
    """A module with a function per operator and offset, of the operands, and of those once more as constants."""
    other = "(memory 1)" if memory else ""
    lines = [f'(module {other} (memory $m (export "m") {index_type if index_type != "i32" else ""} 1 2 {shared})']
    for name, row in ATOMICS.items():
        params = [index_type, *row.params[1:]]
        results = f"(result {row.results[0]})" if row.results else ""
        for offset in OFFSETS:
            gets = " ".join(f"(local.get {at})" for at in range(len(params)))
            lines.append(
                f'(func (export "{name} {offset}") (param {" ".join(params)}) {results}'
                f" ({name} $m offset={offset} {gets}))"
            )
        # from a constant address, operands that wait, a result that is used at once, and a loop around it
        rest = " ".join(f"(local.get {at})" for at in range(1, len(params)))
        for place in (8, END + 1):
            lines.append(
                f'(func (export "{name} at {place}") (param {" ".join(params)}) {results} (local i64)'
                f" (local.set {len(params)} (i64.load $m offset=8 ({index_type}.const 0)))"
                f" (block {results} (loop {results} ({name} $m ({index_type}.const {place}) {rest})))"
                f" (if (i64.ne (local.get {len(params)}) (i64.load $m offset=8 ({index_type}.const 0)))"
                f" (then (i64.store8 $m offset=64 ({index_type}.const 0) (i64.const 1)))))"
            )
    return "\n".join([*lines, ")"])


def signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


_ALL: Final = [(view, shared) for view in VIEWS for shared in SHARED]
CASES: Final = [
    (variant, *case)
    for at, variant in enumerate(VARIANTS)
    for case in (_ALL if variant in BACKENDS else [_ALL[at % len(_ALL)], _ALL[(at + 3) % len(_ALL)]])
]
"""Every kind of memory on each backend, two on each other variant."""


@pytest.mark.parametrize(("variant", "view", "shared"), CASES)
def test_operators(variant: str, view: str, shared: str) -> None:
    compiler, config = VARIANTS[variant]()
    memory, index_type = VIEWS[view]
    instance = compile_with(text(index_type, memory, SHARED[shared]), compiler, config).instantiate()
    exports: Any = instance.exports
    whole = memoryview(exports["m"])
    start = CONTENTS + bytes(END - len(CONTENTS)) + CONTENTS
    watched = [(0, 96), (END - 32, PAGE_BYTES)]

    def check(name: str, row: Operator, address: int, arguments: tuple[int, ...], changes: bool = False) -> None:
        for low, high in watched:
            whole[low:high] = start[low:high]
        wanted = expected(row, start, shared == "shared", address, arguments[1:])
        where = f"{name} at {address:#x} of {arguments[1:]}"
        found: int | None = None
        try:
            found = exports[name](*arguments)
            trap = ""
        except Trap as error:
            trap = str(error).partition(": ")[2]
        assert trap.startswith(wanted.trap) and bool(trap) == bool(wanted.trap), where
        if wanted.result is not None:
            assert found == signed(wanted.result, int(row.results[0][1:])), where
        if not changes:
            for low, high in watched:
                assert whole[low:high] == wanted.memory[low:high], where
        elif not trap:
            assert whole[64] == (wanted.memory[8:16] != start[8:16]), where

    for mnemonic, row in ATOMICS.items():
        cases = [(operand,) for operand in OPERANDS[row.params[1]]] if len(row.params) > 1 else [()]
        if len(row.params) > 2:
            others = (0,) if "wait" in mnemonic else OPERANDS[row.params[2]][:3]
            cases = [(*case, other) for case in cases for other in others]
        for case in cases:
            for offset in OFFSETS:
                for address in ADDRESSES:
                    check(f"{mnemonic} {offset}", row, address + offset, (address, *case))
            for place in (8, END + 1):
                check(f"{mnemonic} at {place}", row, place, (0, *case), True)
    whole.release()


def test_there_are_as_many_as_the_proposal_has() -> None:
    assert len(ATOMICS) == 66  # and atomic.fence
