"""Traps: which kind of core's a code of CLIF is, and jumps to where one is made."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from wasmer_clif_backend.ir.opcodes import TRAP_CODES
from wasmer_clif_backend.machine.x64.emit import TRAP_LABEL
from wasmer_clif_backend.machine.x64.lower import Lowering
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.records import LABEL
from wasmer_runtime_core.contract.traps import BY_NAME

_JCC: Final[i64] = forms.JCC_REL32.number
_KINDS: Final = {
    TRAP_CODES["stk_ovf"]: BY_NAME["STACK_OVERFLOW"].number,
    TRAP_CODES["heap_oob"]: BY_NAME["MEMORY_OUT_OF_BOUNDS"].number,
    TRAP_CODES["int_ovf"]: BY_NAME["INTEGER_OVERFLOW"].number,
    TRAP_CODES["int_divz"]: BY_NAME["INTEGER_DIVIDE_BY_ZERO"].number,
    TRAP_CODES["bad_toint"]: BY_NAME["INVALID_CONVERSION_TO_INTEGER"].number,
}


def trap_kind(code: i64) -> int:
    """The kind in the site table of a trap's code: ``user1`` and so on are core's kinds by number."""
    return _KINDS.get(int(code), int(code) if code <= len(BY_NAME) else BY_NAME["UNREACHABLE"].number)


def trap_if(lowering: Lowering, condition: int, code: i64) -> None:
    """Trap if a condition of the machine holds."""
    lowering.code.add(_JCC + condition, LABEL | TRAP_LABEL, 0, displacement=trap_kind(code))
