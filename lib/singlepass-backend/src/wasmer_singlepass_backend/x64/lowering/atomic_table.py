"""The lowering of every atomic operator, but for those of helpers. A module's first of them brings this in."""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64.forms import (
    ADD_R64_RM64,
    AND_R64_RM64,
    CMPXCHG_RM8_R8,
    CMPXCHG_RM16_R16,
    CMPXCHG_RM32_R32,
    CMPXCHG_RM64_R64,
    LOCK_CMPXCHG_M8_R8,
    LOCK_CMPXCHG_M16_R16,
    LOCK_CMPXCHG_M32_R32,
    LOCK_CMPXCHG_M64_R64,
    LOCK_XADD_M8_R8,
    LOCK_XADD_M16_R16,
    LOCK_XADD_M32_R32,
    LOCK_XADD_M64_R64,
    MOV_R32_RM32,
    MOV_R64_RM64,
    MOV_RM8_R8,
    MOV_RM16_R16,
    MOV_RM32_R32,
    MOV_RM64_R64,
    MOVZX_R32_RM8,
    MOVZX_R32_RM16,
    OR_R64_RM64,
    SUB_R64_RM64,
    XCHG_RM8_R8,
    XCHG_RM16_R16,
    XCHG_RM32_R32,
    XCHG_RM64_R64,
    XOR_R64_RM64,
)
from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC
from wasmer_runtime_core.wasm.types import VALUE_TYPE_CODES
from wasmer_singlepass_backend.x64.lowering.atomic import (
    AtomicLoad,
    AtomicStore,
    CompareExchange,
    Exchange,
    Fence,
    Operation,
    Width,
)
from wasmer_singlepass_backend.x64.lowering.rule import Lowering

# fmt: off
WIDTHS: Final = {
    8:  Width(1, MOVZX_R32_RM8, MOV_RM8_R8, MOVZX_R32_RM8, XCHG_RM8_R8, LOCK_XADD_M8_R8, CMPXCHG_RM8_R8,
              LOCK_CMPXCHG_M8_R8),
    16: Width(2, MOVZX_R32_RM16, MOV_RM16_R16, MOVZX_R32_RM16, XCHG_RM16_R16, LOCK_XADD_M16_R16, CMPXCHG_RM16_R16,
              LOCK_CMPXCHG_M16_R16),
    32: Width(4, MOV_R32_RM32, MOV_RM32_R32, MOV_R32_RM32, XCHG_RM32_R32, LOCK_XADD_M32_R32, CMPXCHG_RM32_R32,
              LOCK_CMPXCHG_M32_R32),
    64: Width(8, MOV_R64_RM64, MOV_RM64_R64, MOV_R64_RM64, XCHG_RM64_R64, LOCK_XADD_M64_R64, CMPXCHG_RM64_R64,
              LOCK_CMPXCHG_M64_R64),
}
# fmt: on


def _rules_of(type_: str, bits: int) -> dict[str, Lowering]:
    """The rules of one width: `bits` of a value of `type_`."""
    whole = bits == int(type_[1:])
    part, suffix = ("", "") if whole else (str(bits), "_u")
    code, width = VALUE_TYPE_CODES[type_], WIDTHS[bits]
    changes: dict[str, Lowering] = {
        "add": Operation(code, width, ADD_R64_RM64, adds=True),
        "sub": Operation(code, width, SUB_R64_RM64, adds=True, negate=True),
        "and": Operation(code, width, AND_R64_RM64),
        "or": Operation(code, width, OR_R64_RM64),
        "xor": Operation(code, width, XOR_R64_RM64),
        "xchg": Exchange(code, width),
        "cmpxchg": CompareExchange(code, width),
    }
    return {
        f"{type_}.atomic.load{part}{suffix}": AtomicLoad(code, width),
        f"{type_}.atomic.store{part}": AtomicStore(code, width),
        **{f"{type_}.atomic.rmw{part}.{name}{suffix}": rule for name, rule in changes.items()},
    }


LOWERINGS: Final[dict[str, Lowering]] = {
    "atomic.fence": Fence(),
    **_rules_of("i32", 32),
    **_rules_of("i64", 64),
    **_rules_of("i32", 8),
    **_rules_of("i32", 16),
    **_rules_of("i64", 8),
    **_rules_of("i64", 16),
    **_rules_of("i64", 32),
}

BY_CODE: Final[dict[int, Lowering]] = {BY_MNEMONIC[mnemonic].code: rule for mnemonic, rule in LOWERINGS.items()}
"""By operator code."""


def with_atomics(table: list[Lowering | None]) -> list[Lowering | None]:
    """A table of rules with these."""
    table = list(table)
    for code, lowering in BY_CODE.items():
        table[code] = lowering
    return table
