"""Numbers as JavaScript writes them (ECMAScript, Number::toString).

The digits are those of Python's `repr`: the shortest ones that mean the number. Where the point stands, and from
where on there is an exponent, is JavaScript's own.
"""

from __future__ import annotations

from typing import Final

_DIGITS_WITHOUT_EXPONENT: Final = 21
_ZEROS_WITHOUT_EXPONENT: Final = 6


def number_text(number: float) -> str:
    """A number as a text."""
    if number != number:
        return "NaN"
    if number == 0:
        return "0"
    if number < 0:
        return "-" + number_text(-number)
    if number == float("inf"):
        return "Infinity"
    mantissa, _, exponent = repr(number).partition("e")
    before, _, after = mantissa.partition(".")
    if after == "0":
        after = ""
    digits = (before + after).lstrip("0")
    point = len(before) + int(exponent or 0) - (len(before + after) - len(digits))
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= _DIGITS_WITHOUT_EXPONENT:
        return digits + "0" * (point - count)
    if 0 < point <= _DIGITS_WITHOUT_EXPONENT:
        return digits[:point] + "." + digits[point:]
    if -_ZEROS_WITHOUT_EXPONENT < point <= 0:
        return "0." + "0" * -point + digits
    rest = "." + digits[1:] if count > 1 else ""
    return f"{digits[0]}{rest}e{point - 1:+d}"
