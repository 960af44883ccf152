"""How ``roundss`` and its kin round: their immediate."""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final

ROUND_NEAREST: Final = 8
ROUND_FLOOR: Final = 9
ROUND_CEIL: Final = 10
ROUND_TRUNC: Final = 11
"""Bits 0 and 1 are the direction, bit 3: that a result is inexact is not reported."""
