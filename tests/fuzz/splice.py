"""Mutations that keep a module's sections whole: instructions moved into a body.

Bytes changed at random mostly break a size or an opcode. To come as far as types and
control, a stretch of instructions from somewhere is put between two instructions of a
body, or in place of some, and the sizes around it are written anew.
"""

from __future__ import annotations

import random
from typing import Final

from wasmer_runtime_core.errors import DecodeError, UnsupportedFeatureError, ValidationError
from wasmer_runtime_core.wasm.binary.decode import CODE_SECTION, decode_module
from wasmer_runtime_core.wasm.body.text import read_records
from wasmer_runtime_core.wasm.reader import Reader
from wasmer_runtime_core.wasm.validation.validate import validate_module

LONGEST_STRETCH: Final = 8
"""Instructions."""


def unsigned_bytes(value: int) -> bytes:
    """An unsigned integer in LEB128."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


class Splicer:
    """Knows where instructions begin in the valid modules of a corpus."""

    def __init__(self, modules: list[bytes]) -> None:
        self.boundaries: list[tuple[bytes, list[tuple[int, int]], list[list[int]]]] = []
        for module in modules:
            try:
                decoded = decode_module(module)
                bodies = validate_module(decoded)
            except (DecodeError, UnsupportedFeatureError, ValidationError):
                continue
            if bodies:
                offsets = [[record.offset for record in read_records(body)] for body in bodies]
                self.boundaries.append((module, decoded.code, offsets))

    def splice(self, source: random.Random) -> bytes:
        """A module with one body changed."""
        module, code, offsets = source.choice(self.boundaries)
        index = source.randrange(len(code))
        start, end = code[index]
        at = source.choice(offsets[index])
        behind = at if source.random() < 0.5 else source.choice([offset for offset in offsets[index] if offset >= at])
        body = module[start:at] + self.stretch(source) + module[behind:end]
        return _with_body(module, code, index, body)

    def stretch(self, source: random.Random) -> bytes:
        """Some instructions of some body."""
        module, _, offsets = source.choice(self.boundaries)
        places = source.choice(offsets)
        first = source.randrange(len(places))
        last = min(first + source.randint(1, LONGEST_STRETCH), len(places) - 1)
        return module[places[first] : places[last]]


def _with_body(module: bytes, code: list[tuple[int, int]], index: int, body: bytes) -> bytes:
    """The module with one body replaced and the sizes made right."""
    reader = Reader(module, 8, len(module))
    while True:
        section_start = int(reader.position)
        section = int(reader.byte())
        size = int(reader.u32())
        section_end = int(reader.skip(size)) + size
        if section == CODE_SECTION:
            break
    bodies = [module[start:end] for start, end in code]
    bodies[index] = body
    contents = unsigned_bytes(len(bodies)) + b"".join(unsigned_bytes(len(one)) + one for one in bodies)
    return (
        module[:section_start]
        + bytes((CODE_SECTION,))
        + unsigned_bytes(len(contents))
        + contents
        + module[section_end:]
    )
