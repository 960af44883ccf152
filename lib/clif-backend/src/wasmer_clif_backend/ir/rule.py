"""The rules of folding, as text: what is made of what.

A rule is written where it is applied, as an example of it::

    _ADD_ZERO: Final = rule("(iadd x 0)", "x")

Both sides are instructions in Lisp's notation: x, y and z are parameters of i32 (``x:i64``: of another type), numbers
constants, and a type is written as in CLIF where the instruction needs it. Tests build the left side of every rule
through `make` and expect the right one, and that both compute the same.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import i64

RULES: list[tuple[str, str]] = []
"""By number: the left and the right side. Written while modules of rules are imported, and never after."""


def rule(left: str, right: str) -> i64:
    """Enter a rule; its number is returned."""
    RULES.append((left, right))
    return len(RULES) - 1
