"""Values as JavaScript writes them, for comparison with what node has printed."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any


def number(value: float) -> str:
    """A number: the shortest digits that mean it, without an exponent from 1e-6 up to 1e21."""
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    negative, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    figures = "".join(map(str, digits))
    point = len(figures) + exponent  # digits before the decimal point
    sign = "-" if negative else ""
    if len(figures) <= point <= 21:
        return sign + figures.ljust(point, "0")
    if 0 < point <= 21:
        return f"{sign}{figures[:point]}.{figures[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{figures}"
    rest = f".{figures[1:]}" if len(figures) > 1 else ""
    return f"{sign}{figures[0]}{rest}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def text(value: Any) -> str:
    """What `String(value)` is."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return number(value) if isinstance(value, (int, float)) else str(value)


def stringify(value: Any) -> str:
    """What `JSON.stringify(value)` is; bytes are a `Uint8Array`."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{stringify(key)}:{stringify(each)}" for key, each in value.items()) + "}"
    if isinstance(value, bytes):
        return stringify({str(at): each for at, each in enumerate(value)})
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(stringify, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    return text(value)
