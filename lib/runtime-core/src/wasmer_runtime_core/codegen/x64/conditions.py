"""Condition codes, and which of them tells a comparison.

They are the low four bits of the opcodes of ``jcc``, ``setcc`` and ``cmovcc``,
and the sixteen rows of such an instruction follow one another in `forms`: the row of
``ja`` is that of ``jo`` plus `ABOVE`. The negation of a condition is ``condition ^ 1``.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.support.named_tuple import NamedTuple

OVERFLOW: Final = 0
NOT_OVERFLOW: Final = 1
BELOW: Final = 2  # unsigned <
ABOVE_OR_EQUAL: Final = 3  # unsigned >=
EQUAL: Final = 4
NOT_EQUAL: Final = 5
BELOW_OR_EQUAL: Final = 6  # unsigned <=
ABOVE: Final = 7  # unsigned >
SIGN: Final = 8
NOT_SIGN: Final = 9
PARITY: Final = 10  # after ucomis*: unordered
NOT_PARITY: Final = 11
LESS: Final = 12  # signed <
GREATER_OR_EQUAL: Final = 13  # signed >=
LESS_OR_EQUAL: Final = 14  # signed <=
GREATER: Final = 15  # signed >


class Condition(NamedTuple):
    """One condition code."""

    number: int
    suffix: str
    """As it stands in mnemonics: ``"ae"`` in ``jae``, ``setae``, ``cmovae``."""
    other_suffixes: tuple[str, ...]
    """What other assemblers call it."""


# fmt: off
CONDITIONS: Final = (
    Condition(OVERFLOW,         "o",  ()),
    Condition(NOT_OVERFLOW,     "no", ()),
    Condition(BELOW,            "b",  ("c", "nae")),
    Condition(ABOVE_OR_EQUAL,   "ae", ("nc", "nb")),
    Condition(EQUAL,            "e",  ("z",)),
    Condition(NOT_EQUAL,        "ne", ("nz",)),
    Condition(BELOW_OR_EQUAL,   "be", ("na",)),
    Condition(ABOVE,            "a",  ("nbe",)),
    Condition(SIGN,             "s",  ()),
    Condition(NOT_SIGN,         "ns", ()),
    Condition(PARITY,           "p",  ("pe",)),
    Condition(NOT_PARITY,       "np", ("po",)),
    Condition(LESS,             "l",  ("nge",)),
    Condition(GREATER_OR_EQUAL, "ge", ("nl",)),
    Condition(LESS_OR_EQUAL,    "le", ("ng",)),
    Condition(GREATER,          "g",  ("nle",)),
)
# fmt: on


def negated(condition: int) -> int:
    """The condition that holds when `condition` does not."""
    return condition ^ 1


# --- comparisons -----------------------------------------------------------------------------
AFTER_CMP: Final = {
    "eq": EQUAL,
    "ne": NOT_EQUAL,
    "lt_s": LESS,
    "lt_u": BELOW,
    "gt_s": GREATER,
    "gt_u": ABOVE,
    "le_s": LESS_OR_EQUAL,
    "le_u": BELOW_OR_EQUAL,
    "ge_s": GREATER_OR_EQUAL,
    "ge_u": ABOVE_OR_EQUAL,
}
"""What holds after ``cmp a, b`` if a compares so to b, in the specification's words for integers."""

EXCHANGED: Final = {
    EQUAL: EQUAL,
    NOT_EQUAL: NOT_EQUAL,
    LESS: GREATER,
    BELOW: ABOVE,
    GREATER: LESS,
    ABOVE: BELOW,
    LESS_OR_EQUAL: GREATER_OR_EQUAL,
    BELOW_OR_EQUAL: ABOVE_OR_EQUAL,
    GREATER_OR_EQUAL: LESS_OR_EQUAL,
    ABOVE_OR_EQUAL: BELOW_OR_EQUAL,
}
"""What holds after ``cmp b, a`` where the key holds after ``cmp a, b``."""


class FloatCondition(NamedTuple):
    """How a comparison of floats is told: after ``ucomis a, b``, CF is set if a < b or they are unordered, ZF if they
    are equal or unordered, PF if they are unordered."""

    exchanged: bool
    """The operands are: ``ucomis b, a``."""
    condition: int
    parity: int = -1
    """A second condition, `PARITY` or its opposite; -1: none."""
    both: bool = False
    """Both must hold; else one is enough."""


# fmt: off
AFTER_UCOMIS: Final = {
    "ord": FloatCondition(False, NOT_PARITY),
    "uno": FloatCondition(False, PARITY),
    "eq":  FloatCondition(False, EQUAL, NOT_PARITY, both=True),
    "ne":  FloatCondition(False, NOT_EQUAL, PARITY),
    "one": FloatCondition(False, NOT_EQUAL),
    "ueq": FloatCondition(False, EQUAL),
    "lt":  FloatCondition(True,  ABOVE),
    "le":  FloatCondition(True,  ABOVE_OR_EQUAL),
    "gt":  FloatCondition(False, ABOVE),
    "ge":  FloatCondition(False, ABOVE_OR_EQUAL),
    "ult": FloatCondition(False, BELOW),
    "ule": FloatCondition(False, BELOW_OR_EQUAL),
    "ugt": FloatCondition(True,  BELOW),
    "uge": FloatCondition(True,  BELOW_OR_EQUAL),
}
# fmt: on
"""By the comparison; those that begin with ``u`` and have three letters hold for unordered operands, too."""
