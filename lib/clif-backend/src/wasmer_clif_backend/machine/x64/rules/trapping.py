"""Jumps to where a trap is made."""

from __future__ import annotations

from wasmer_clif_backend.machine.x64.emit import TRAP_LABEL
from wasmer_clif_backend.machine.x64.lower import Lowering
from wasmer_clif_backend.machine.x64.traps import trap_kind
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.records import LABEL
from wasmer_runtime_core.support.annotations import Final, i64

_JCC: Final[i64] = forms.JCC_REL32.number


def trap_if(lowering: Lowering, condition: i64, code: i64) -> None:
    """Trap if a condition of the machine holds."""
    lowering.code.add(_JCC + condition, LABEL | TRAP_LABEL, 0, displacement=trap_kind(code))
