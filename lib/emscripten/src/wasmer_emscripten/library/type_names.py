"""Names of C++ types, as they were written."""

from __future__ import annotations

from typing import Final

_PLAIN_TYPES: Final = {
    "i": "int", "j": "unsigned int", "l": "long", "m": "unsigned long", "x": "long long", "c": "char", "b": "bool",
    "d": "double", "f": "float", "PKc": "char const*", "Pc": "char*",
}  # fmt: skip

_DIGITS: Final = "0123456789"


def demangled(name: str) -> str:
    """The name of a type as it was written, where that is simple: ``St13runtime_error`` is ``std::runtime_error``."""
    if name in _PLAIN_TYPES:
        return _PLAIN_TYPES[name]
    parts = ["std"] if name.startswith("St") else []
    rest = name.removeprefix("St").removeprefix("N").removesuffix("E")
    if rest.startswith("St"):
        parts, rest = ["std"], rest[2:]
    while (digits := len(rest) - len(rest.lstrip(_DIGITS))) > 0:
        length = int(rest[: min(digits, 4)])
        parts.append(rest[digits : digits + length])
        rest = rest[digits + length :]
    return name if rest or not all(parts) else "::".join(parts)
