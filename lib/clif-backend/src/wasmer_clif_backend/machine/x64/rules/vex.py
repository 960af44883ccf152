"""Instructions of VEX whose operands lie in unusual places of the record."""

from __future__ import annotations

from wasmer_clif_backend.machine.code import (
    NO_REGISTER,
    REG_READ,
    REG_WRITTEN,
    RM_MAY_BE_MEMORY,
    RM_READ,
    RM_WRITTEN,
    THIRD_WRITTEN,
)
from wasmer_clif_backend.machine.x64.emit import FOURTH
from wasmer_clif_backend.machine.x64.lower import Lowering
from wasmer_runtime_core.codegen.x64.records import REG
from wasmer_runtime_core.support.annotations import i64


def by_immediate(lowering: Lowering, form: i64, d: i64, x: i64, n: i64) -> None:
    """``vpsrld d, x, n``: a digit stands in ModRM.reg, so d is the third register."""
    lowering.code.add(form, REG, THIRD_WRITTEN | RM_READ, NO_REGISTER, x, NO_REGISTER, d, 0, n)


def four(lowering: Lowering, form: i64, d: i64, a: i64, b: i64, c: i64) -> None:
    """``vpblendvb d, a, b, c``: c stands in the immediate."""
    lowering.code.add(form, REG | FOURTH, REG_WRITTEN | RM_READ | RM_MAY_BE_MEMORY, d, b, c, a)


def insert(lowering: Lowering, form: i64, d: i64, x: i64, y: i64, lane: i64) -> None:
    """``vpinsrd d, x, y, lane``: y is a general register."""
    lowering.code.add(form, REG, REG_WRITTEN | RM_READ, d, y, NO_REGISTER, x, 0, lane)


def extract(lowering: Lowering, form: i64, d: i64, x: i64, lane: i64) -> None:
    """``vpextrd d, x, lane``: the vector is in ModRM.reg, the result in ModRM.rm."""
    lowering.code.add(form, REG, REG_READ | RM_WRITTEN, x, d, immediate=lane)
