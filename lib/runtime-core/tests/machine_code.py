"""Modules of hand-written machine code, for tests of the part that runs it.

No backend and no decoder takes part: a `Program` collects functions, each a row of bytes
from `CODE`, and makes the `ModuleInfo` and the `CompiledModule` that a compiler would have
made. Holes in the bytes are filled with offsets from the context layout.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from wasmer_runtime_core.contract.backend import CompiledModule
from wasmer_runtime_core.contract.helpers import SLOTS, VMCALLS
from wasmer_runtime_core.contract.traps import BY_NAME, CALL_SITE
from wasmer_runtime_core.contract.vmctx import VmctxLayout
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.wasm.module import (
    ACTIVE,
    FUNCTION,
    GLOBAL,
    MEMORY,
    TABLE,
    ConstantExpression,
    ConstantOperator,
    DataSegment,
    ElementSegment,
    Export,
    GlobalDefinition,
    Import,
    ModuleInfo,
)
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC
from wasmer_runtime_core.wasm.types import (
    FUNCREF,
    I32,
    VALUE_TYPE_CODES,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
)


class Code(NamedTuple):
    """Machine code: hexadecimal, offsets of 32-bit holes by name, offsets of sites."""

    bytes: str
    holes: dict[str, list[int]]
    sites: dict[str, int]  # "trap": an instruction that traps; "return": where a call returns to


CODE = {
    # lea eax, [rsi+rdx]; ret
    "add": Code("8d0416c3", {}, {}),
    # Writes what it got to memory 0: rdi … r9 at 0, xmm0 … xmm7 at 48, `stack` stack words at 176.
    "dump": Code(
        "488b47084889384889700848895010488948184c8940204c8948280f1140300f1148400f1150500f1158600f1160700f11a880000000"
        "0f11b0900000000f11b8a000000031c9488b54cc08488994c8b0000000ffc181f90000000072e9c3",
        {"stack": [87]},
        {},
    ),
    # Results from memory 0, 16 bytes each: result 0 to rax and xmm0, the `others` ones behind to the buffer in rsi.
    "fill_results": Code(
        "488b4708b90000000085c97414ffc94889ca48c1e2040f104410100f110416ebe80f1000488b00c3", {"others": [5]}, {}
    ),
    "same_integer": Code("4889f0c3", {}, {}),  # mov rax, rsi; ret
    "same_vector": Code("c3", {}, {}),  # ret
    "nothing": Code("c3", {}, {}),  # ret
    "unreachable": Code("554889e50f0b", {}, {"trap": 4}),  # push rbp; mov rbp, rsp; ud2
    "divide": Code("554889e589f089d199f7f95dc3", {}, {"trap": 9}),  # …; cdq; idiv ecx; pop rbp; ret
    # …; mov esi, esi; mov rax, [rdi+8]; mov eax, [rax+rsi+offset]; pop rbp; ret
    "load": Code("554889e589f6488b47088b8430000000005dc3", {"offset": [13]}, {"trap": 10}),
    # …; mov rax, [rsi]; pop rbp; ret: an access to any address
    "load_from": Code("554889e5488b065dc3", {}, {"trap": 4}),
    "halt": Code("554889e5f4", {}, {"trap": 4}),  # …; hlt
    # …; mov rax, [rdi]; cmp rsp, [rax]; jb trap; call recurse; pop rbp; ret; trap: ud2
    "recurse": Code("554889e5488b07483b207207e8efffffff5dc30f0b", {}, {"return": 17, "trap": 19}),
    # …; sub rsp, 4096; call recurse_unchecked; leave; ret
    "recurse_unchecked": Code("554889e54881ec00100000e8f0ffffffc9c3", {}, {"return": 16}),
    # …; mov rax, [rdi+code]; mov rdi, [rdi+vmctx]; call rax; pop rbp; ret
    "call_import": Code("554889e5488b8700000000488bbf00000000ffd05dc3", {"code": [7], "vmctx": [14]}, {"return": 20}),
    # mov rax, [rdi+code]; mov rdi, [rdi+vmctx]; jmp rax
    "tail_import": Code("488b8700000000488bbf00000000ffe0", {"code": [3], "vmctx": [10]}, {}),
    "unlisted": Code("554889e50f0b", {}, {}),  # a ud2 that no table knows
    # …; xor eax, eax; 1: add rax, rsi; dec rsi; jnz 1b; pop rbp; ret
    "count_down": Code("554889e531c04801f048ffce75f85dc3", {}, {}),
    # …; mov rbx, rdi; 1: mov rax, [rbx+code]; mov rdi, [rbx+vmctx]; call rax; jmp 1b
    "call_import_forever": Code(
        "554889e553534889fb488b8300000000488bbb00000000ffd0ebee", {"code": [12], "vmctx": [19]}, {"return": 25}
    ),
    # …; mov rax, [rdi+code]; mov rdi, [rdi+vmctx]; call rax; jmp to itself
    "call_import_and_spin": Code(
        "554889e5488b8700000000488bbf00000000ffd0ebfe", {"code": [7], "vmctx": [14]}, {"return": 20}
    ),
    "spin": Code("554889e5ebfe", {}, {}),  # jmp to itself
    # Every register that a callee must preserve is changed, and the direction flag set; then ud2.
    "clobber": Code("554889e5bb0100000041bc0200000041bd0300000041be0400000041bf05000000fd0f0b", {}, {"trap": 34}),
    "increment_global": Code("8b8700000000ffc0898700000000c3", {"cell": [2, 10]}, {}),
    "set_global": Code("4889b700000000c3", {"cell": [3]}, {}),  # mov [rdi+cell], rsi; ret
    "get_global": Code("488b8700000000c3", {"cell": [3]}, {}),
    "get_imported_global": Code("488b8700000000488b00c3", {"cell": [3]}, {}),
    "reference": Code("488d8700000000c3", {"cell": [3]}, {}),  # lea rax, [rdi+cell]; ret
    "helper": Code("554889e5ff15000000005dc3", {"slot": [6]}, {"return": 10}),  # …; call [rip+slot]; pop rbp; ret
    # (function reference, i32): …; test rsi, rsi; je trap; mov rdi, [rsi+8]; mov rax, [rsi]; mov esi, edx; call rax; …
    "call_reference": Code("554889e54885f6740d488b7e08488b0689d6ffd05dc30f0b", {}, {"return": 20, "trap": 22}),
}


def codes(names: str) -> bytes:
    """ "i32 f64" as value type codes."""
    return bytes(VALUE_TYPE_CODES[name] for name in names.split())


def function_type(params: str, results: str = "") -> FunctionType:
    """A function type from names of value types."""
    return FunctionType(codes(params), codes(results))


Hole = int | Callable[[VmctxLayout], int]


class Program:
    """A module under construction. Imports come first, then memories, tables and globals, then functions."""

    def __init__(self) -> None:
        self.info = ModuleInfo()
        self.info.code_offset = 0x100
        self.functions: list[tuple[str, str, dict[str, Hole]]] = []
        self.referred: set[int] = set()
        self.release_gil = False
        self.bounds_checks = False

    def type(self, params: str, results: str = "") -> int:
        """Index of a function type, added if it is new."""
        wanted = function_type(params, results)
        if wanted not in self.info.types:
            self.info.types.append(wanted)
        return self.info.types.index(wanted)

    def import_function(self, name: str, params: str, results: str = "") -> int:
        index = self.type(params, results)
        self.info.imports.append(Import("env", name, FUNCTION, index))
        self.info.functions.append(index)
        self.info.imported_functions += 1
        return len(self.info.functions) - 1

    def import_memory(self, minimum: int, maximum: int | None = None) -> None:
        type = MemoryType(Limits(minimum, maximum))
        self.info.imports.append(Import("env", "memory", MEMORY, type))
        self.info.memories.append(type)
        self.info.imported_memories += 1

    def import_table(self, element: int, minimum: int) -> None:
        type = TableType(element, Limits(minimum))
        self.info.imports.append(Import("env", "table", TABLE, type))
        self.info.tables.append(type)
        self.info.imported_tables += 1

    def import_global(self, type: str, mutable: bool) -> None:
        made = GlobalType(VALUE_TYPE_CODES[type], mutable)
        self.info.imports.append(Import("env", "global", GLOBAL, made))
        self.info.globals.append(made)
        self.info.imported_globals += 1

    def memory(self, minimum: int, maximum: int | None = None) -> None:
        self.info.memories.append(MemoryType(Limits(minimum, maximum)))
        self.info.exports.append(Export("memory", MEMORY, len(self.info.memories) - 1))

    def table(self, element: int, minimum: int, maximum: int | None = None) -> None:
        self.info.tables.append(TableType(element, Limits(minimum, maximum)))
        self.info.exports.append(Export("table", TABLE, len(self.info.tables) - 1))

    def global_(self, type: str, value: int, mutable: bool = True, operator: str = "") -> None:
        code = VALUE_TYPE_CODES[type]
        operator = operator or {"funcref": "ref.null", "externref": "ref.null"}.get(type, f"{type}.const")
        expression = (ConstantOperator(BY_MNEMONIC[operator].code, value, code),)
        self.info.globals.append(GlobalType(code, mutable))
        self.info.global_definitions.append(GlobalDefinition(GlobalType(code, mutable), expression))
        self.info.exports.append(Export(f"global{len(self.info.globals) - 1}", GLOBAL, len(self.info.globals) - 1))

    def function(self, name: str, params: str, results: str, code: str, **holes: Hole) -> int:
        """Add an exported function of a row of `CODE`."""
        self.info.functions.append(self.type(params, results))
        index = len(self.info.functions) - 1
        self.functions.append((name, code, holes))
        self.info.exports.append(Export(name, FUNCTION, index))
        return index

    def helper(self, name: str, params: str, results: str, helper: str) -> int:
        """Add an exported function that passes its arguments to a helper of the core."""
        return self.function(name, params, results, "helper", slot=-1 - SLOTS[helper])

    def elements(self, offset: int, functions: Sequence[int | None], mode: int = ACTIVE) -> None:
        items = tuple(
            (ConstantOperator(BY_MNEMONIC["ref.null" if at is None else "ref.func"].code, at or 0, FUNCREF),)
            for at in functions
        )
        self.referred.update(at for at in functions if at is not None)
        self.info.elements.append(ElementSegment(mode, 0, _i32(offset) if mode == ACTIVE else None, FUNCREF, items))

    def data(self, offset: int, contents: bytes, mode: int = ACTIVE) -> None:
        self.info.data.append(DataSegment(mode, 0, _i32(offset) if mode == ACTIVE else None, contents))

    def module(self, trap: str = "UNREACHABLE") -> Module:
        """The finished module; instructions marked as traps are of kind `trap`, idiv and loads of their own."""
        info = self.info
        exported = {export.index for export in info.exports if export.kind == FUNCTION}
        info.escaping = tuple(sorted(exported | self.referred))
        layout = VmctxLayout.of(info)
        code, offsets, sites = bytearray(), array("I"), []
        kinds = {
            "divide": "INTEGER_DIVIDE_BY_ZERO",
            "load": "MEMORY_OUT_OF_BOUNDS",
            "load_from": "MEMORY_OUT_OF_BOUNDS",
            "recurse": "STACK_OVERFLOW",
        }
        for number, (_, row, holes) in enumerate(self.functions):
            while len(code) % 16:
                code.append(0xCC)
            start = len(code)
            offsets.append(start)
            source = CODE[row]
            body = bytearray.fromhex(source.bytes)
            for hole, places in source.holes.items():
                given = holes[hole]
                value = given(layout) if callable(given) else given
                for place in places:
                    if hole == "slot":  # -1 - slot: entry of the helper, relative to the next instruction
                        entry = -8 * (len(VMCALLS) + 1 + value)
                        value_here = entry - (start + place + 4)
                    else:
                        value_here = value
                    body[place : place + 4] = (value_here & 0xFFFF_FFFF).to_bytes(4, "little")
            for site, place in source.sites.items():
                kind = CALL_SITE if site == "return" else BY_NAME[kinds.get(row, trap)].number
                sites.append((start + place, kind, 0x1000 * (number + 1) + place))
            code += body
        offsets.append(len(code))
        rows = array("I", [word for site in sorted(sites) for word in site])
        compiled = CompiledModule(
            backend="hand",
            target="x86_64-sysv",
            code=bytes(code),
            function_offsets=offsets.tobytes(),
            sites=rows.tobytes(),
            checked_memories=tuple(range(len(info.memories))) if self.bounds_checks else (),
            release_gil=self.release_gil,
        )
        return Module(info, compiled)

    def instance(self, externs: Sequence[Any] = (), ctx: Any = None, trap: str = "UNREACHABLE") -> Instance:
        return Instance(self.module(trap), list(externs), ctx)

    def call_import(self, name: str, index: int, row: str = "call_import") -> int:
        """Add a function that calls an imported one with its own arguments."""
        self.info.functions.append(self.info.functions[index])
        self.functions.append(
            (
                name,
                row,
                {
                    "code": lambda layout: layout.import_record(index),
                    "vmctx": lambda layout: layout.import_record(index) + 8,
                },
            )
        )
        self.info.exports.append(Export(name, FUNCTION, len(self.info.functions) - 1))
        return len(self.info.functions) - 1


def _i32(value: int) -> ConstantExpression:
    return (ConstantOperator(BY_MNEMONIC["i32.const"].code, value, I32),)
