"""`internal.canonical_…`: a value, or the canonical NaN where it is any NaN."""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import (
    BITCAST,
    BITSELECT,
    F32CONST,
    F64CONST,
    FCMP,
    FLOAT_CONDITIONS,
    LITTLE,
    SELECT,
    VCONST,
)
from wasmer_clif_backend.ir.types import F32, F32X4, F64, F64X2, I8, I8X16, truth_of
from wasmer_clif_backend.translate.body import State
from wasmer_runtime_core.support.annotations import Final, i64
from wasmer_runtime_core.wasm.operators.internal import CANONICAL_F32, CANONICAL_F32X4, CANONICAL_F64, CANONICAL_NANS

_ORDERED: Final[i64] = FLOAT_CONDITIONS.index("ord")


def canonical(state: State, code: i64) -> None:
    """One of these operators. Of what is compared with itself only a NaN is unordered."""
    if code == CANONICAL_F32:
        scalar(state, F32, state.make(F32CONST, F32, 0, 0, 0, CANONICAL_NANS["f32"]))
    elif code == CANONICAL_F64:
        scalar(state, F64, state.make(F64CONST, F64, 0, 0, 0, CANONICAL_NANS["f64"]))
    elif code == CANONICAL_F32X4:
        vector(state, F32X4, CANONICAL_NANS["f32"].to_bytes(4, "little") * 4)
    else:
        vector(state, F64X2, CANONICAL_NANS["f64"].to_bytes(8, "little") * 2)


def scalar(state: State, type: i64, nan: i64) -> None:
    """The topmost operand, or that."""
    v = state.pop()
    state.push(state.make(SELECT, type, state.make(FCMP, I8, v, v, 0, _ORDERED), v, nan))


def vector(state: State, type: i64, nans: bytes) -> None:
    """The lanes of the topmost operand, or of that."""
    v = state.pop()
    lanes = state.make(BITCAST, type, v, 0, 0, 0, LITTLE)
    mask = state.make(FCMP, truth_of(type), lanes, lanes, 0, _ORDERED)
    nan = state.make(VCONST, I8X16, 0, 0, 0, state.function.constant(nans))
    state.push(state.make(BITSELECT, I8X16, state.make(BITCAST, I8X16, mask, 0, 0, 0, LITTLE), v, nan))
