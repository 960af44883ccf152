"""Zstandard, bound with embind: by emcc's first backend in 2018, and by its second in 2019."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from wasmer_emscripten import load

TEXT: Final = b"".join(b"line %d of a text\n" % (at * 7919 % 1000) for at in range(2000))
LEVELS: Final = (1, 9, 19)


def vector(program: Any, data: bytes) -> Any:
    """A ``std::vector<uint8_t>`` of bytes."""
    made = program.VectorU8()
    program.cloneToVector(made, bytearray(data))
    return made


def run(folder: Path, backend: str) -> Iterator[str]:
    for version in ("0.1.0", "0.1.5"):
        with load(folder / f"zstd-codec_{version}/lib/zstd-codec-binding-wasm.js", backend=backend) as program:
            codec, source = program.ZstdCodec(), vector(program, TEXT)
            for level in LEVELS:
                packed, unpacked = program.VectorU8(), program.VectorU8()
                packed.resize(codec.compressBound(len(TEXT)), 0)
                packed.resize(codec.compress(packed, source, level), 0)
                data = bytes(program.cloneAsTypedArray(packed))
                yield f"{version} {level} {len(data)} {hashlib.sha1(data).hexdigest()} {codec.contentSize(packed)}"
                unpacked.resize(len(TEXT), 0)
                codec.decompress(unpacked, packed)
                assert bytes(program.cloneAsTypedArray(unpacked)) == TEXT
                packed.delete()
                unpacked.delete()
