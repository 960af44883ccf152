"""String literals to bytes (specification, section 6.3.3)."""

from __future__ import annotations

import re

from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.support.handlers import raised_by_a_handler

ESCAPE: Final = re.compile(rb"\\(?:u\{([0-9a-fA-F_]+)\}|([0-9a-fA-F]{2})|.)")
NAMED: Final = {b"\\t": b"\t", b"\\n": b"\n", b"\\r": b"\r", b'\\"': b'"', b"\\'": b"'", b"\\\\": b"\\"}
BYTES: Final = [bytes((value,)) for value in range(256)]


def string_bytes(literal: str) -> bytes:
    """The bytes of a literal, quotation marks included, that the lexer let through.

    Raises:
        ValueError: an escape is none, or no Unicode scalar value; the message is the reason.
    """
    if "\\" not in literal:
        return literal[1:-1].encode("utf-8", "surrogatepass")
    pairs = (len(literal) - 2) // 3
    if literal.count("\\") == pairs and literal[1:-1:3] == "\\" * pairs and " " not in literal:
        try:
            return bytes.fromhex(literal[1:-1].replace("\\", ""))
        except ValueError as failure:
            if raised_by_a_handler(failure):
                raise  # else other escapes, by chance three characters apart
    encoded = literal[1:-1].encode("utf-8", "surrogatepass")
    content = bytearray()
    copied = 0
    for number, found in enumerate(ESCAPE.finditer(encoded), start=1):
        if number & 0xFFFF == 0:
            checkpoint()
        content += encoded[copied : found.start()]
        content += replacement(found)
        copied = found.end()
    content += encoded[copied:]
    return bytes(content)


def replacement(found: re.Match[bytes]) -> bytes:
    """The bytes one escape stands for."""
    pair = found.group(2)
    if pair is not None:
        return BYTES[int(pair, 16)]
    digits = found.group(1)
    if digits is None:
        named = NAMED.get(found.group())
        if named is None:
            raise ValueError(f"malformed string literal: unknown escape {found.group().decode('latin-1')!a}")
        return named
    text = digits.decode()
    if text.startswith("_") or text.endswith("_") or "__" in text:
        raise ValueError("malformed string literal: underscores stand between digits only")
    scalar = int(text.replace("_", ""), 16)
    if scalar >= 0x11_0000 or 0xD800 <= scalar < 0xE000:
        raise ValueError("malformed UTF-8 encoding: an escape that is no Unicode scalar value")
    return chr(scalar).encode("utf-8")
