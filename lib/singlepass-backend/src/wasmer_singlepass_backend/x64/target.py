"""What the processor offers beyond x86-64, SSE4 and POPCNT, which the code always needs."""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import final

REQUIRED = ("ssse3", "sse4.1", "sse4.2", "popcnt")
"""Names of rows of core's `contract.target`, as all that follow."""


@final
class Target:
    """Which optional instructions may be used."""

    def __init__(self, avx: bool, bmi: bool, bmi2: bool, lzcnt: bool) -> None:
        self.avx = avx  # three-operand forms
        self.bmi = bmi  # tzcnt
        self.bmi2 = bmi2  # shlx, sarx, shrx
        self.lzcnt = lzcnt

    @classmethod
    def of(cls, features: frozenset[str]) -> Target:
        """From names of features."""
        return cls(
            avx="avx" in features,
            bmi="bmi1" in features,
            bmi2="bmi2" in features,
            lzcnt="lzcnt" in features,
        )
