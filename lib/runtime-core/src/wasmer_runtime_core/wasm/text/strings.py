"""String literals to bytes (specification, section 6.3.3)."""

from __future__ import annotations

import re
from typing import Final

ESCAPE: Final = re.compile(rb"\\(?:u\{([0-9a-fA-F_]+)\}|([0-9a-fA-F]{2})|.)")
ALL_HEXADECIMAL: Final = re.compile(r'"(?:\\[0-9a-fA-F]{2})+"')
NAMED: Final = {b"\\t": b"\t", b"\\n": b"\n", b"\\r": b"\r", b'\\"': b'"', b"\\'": b"'", b"\\\\": b"\\"}
BYTES: Final = [bytes((value,)) for value in range(256)]


def string_bytes(literal: str) -> bytes:
    """The bytes of a literal, quotation marks included, that the lexer let through.

    Raises:
        ValueError: ``\\u{…}`` is no Unicode scalar value.
    """
    if "\\" not in literal:
        return literal[1:-1].encode("utf-8", "surrogatepass")
    if ALL_HEXADECIMAL.fullmatch(literal) is not None:
        return bytes.fromhex(literal[1:-1].replace("\\", ""))
    return ESCAPE.sub(replacement, literal[1:-1].encode("utf-8", "surrogatepass"))


def replacement(found: re.Match[bytes]) -> bytes:
    """The bytes one escape stands for."""
    pair = found.group(2)
    if pair is not None:
        return BYTES[int(pair, 16)]
    digits = found.group(1)
    if digits is None:
        return NAMED[found.group()]
    text = digits.decode()
    if text.startswith("_") or text.endswith("_") or "__" in text:
        raise ValueError("malformed Unicode escape")
    scalar = int(text.replace("_", ""), 16)
    if scalar >= 0x110000 or 0xD800 <= scalar < 0xE000:
        raise ValueError("a Unicode escape outside of the scalar values")
    return chr(scalar).encode("utf-8")
