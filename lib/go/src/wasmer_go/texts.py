"""Texts that a program has made: the host holds them, so the long ones are paid for.

This module is not compiled: a class of mypyc's cannot be a `str`.
"""

from __future__ import annotations

from typing import Final

from wasmer_go.budget import Budget

LONG: Final = 256
"""Characters from which on a text is charged for itself."""


class Text(str):
    """A long text that a program has made: it is a str, which gives back what was paid for it."""

    __slots__ = ("_budget", "_paid")

    _budget: Budget
    _paid: int

    def __del__(self) -> None:
        self._budget.give(self._paid)


def text(content: str, budget: Budget) -> str:
    """A text that a program has made, paid for if it is long."""
    if len(content) < LONG:
        return content
    paid = 4 * len(content)
    budget.take(paid)
    made = Text(content)
    made._budget, made._paid = budget, paid
    return made
