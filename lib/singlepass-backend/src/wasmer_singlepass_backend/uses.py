"""What an operator does with the value on top of the stack: what the compiler asks when it looks one operator ahead.

A result is computed where it is wanted: in the local's home, in the register of the function's result, in the flags.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.wasm.operators.internal import ALL_OPERATORS

ANY: Final = 0
"""Nothing that helps to choose a place."""
SETS_LOCAL: Final = 1
TEES_LOCAL: Final = 2
RETURNS: Final = 3
ENDS: Final = 4
"""Ends a block; the last one of a function returns."""
TAKES_FLAGS: Final = 5
"""Wants a condition and takes it from the flags too."""
TESTS_I64: Final = 6
"""Wants to know whether an i64 is zero."""

_BY_MNEMONIC: Final = {
    "local.set": SETS_LOCAL,
    "local.tee": TEES_LOCAL,
    "return": RETURNS,
    "end": ENDS,
    "if": TAKES_FLAGS,
    "br_if": TAKES_FLAGS,
    "select": TAKES_FLAGS,
    "i32.eqz": TAKES_FLAGS,
    "i64.eqz": TESTS_I64,
}

CODES: Final = max(ALL_OPERATORS) + 1
"""As long is a table by operator code."""


def _by_code() -> bytes:
    table = bytearray(CODES)
    for code, row in ALL_OPERATORS.items():
        table[code] = _BY_MNEMONIC.get(row.mnemonic, ANY)
    return bytes(table)


USES: Final = _by_code()
"""By operator code."""
