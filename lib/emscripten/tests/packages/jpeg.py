"""MozJPEG: pictures encoded and decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from packages.javascript import stringify
from wasmer_emscripten import load

DEFAULTS: Final[dict[str, Any]] = {
    "quality": 75,
    "baseline": False,
    "arithmetic": False,
    "progressive": True,
    "optimize_coding": True,
    "smoothing": 0,
    "color_space": 3,
    "quant_table": 3,
    "trellis_multipass": False,
    "trellis_opt_zero": False,
    "trellis_opt_table": False,
    "trellis_loops": 1,
    "auto_subsample": True,
    "chroma_subsample": 2,
    "separate_chroma_quality": False,
    "chroma_quality": 75,
}
PICTURES: Final[tuple[tuple[int, int, dict[str, Any]], ...]] = (
    (64, 48, {}),
    (17, 5, {"quality": 90}),
    (100, 80, {"progressive": False, "baseline": True}),
)


def digest(data: Any) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def picture(data: Any, width: int, height: int) -> SimpleNamespace:
    """What C++ makes by the name ImageData."""
    return SimpleNamespace(data=bytes(data), width=width, height=height)


def run(folder: Path, backend: str) -> Iterator[str]:
    codec = folder / "_jsquash_jpeg/codec"
    encoder = load(codec / "enc/mozjpeg_enc.wasm", backend=backend)
    decoder = load(codec / "dec/mozjpeg_dec.wasm", backend=backend, globals={"ImageData": picture})
    with encoder, decoder:
        yield f"version {encoder.version():x}"
        for width, height, options in PICTURES:
            pixels = bytes(
                channel
                for y in range(height)
                for x in range(width)
                for channel in (min(x * 4, 255), min(y * 5, 255), x * y & 255, 255)
            )
            encoded = bytes(encoder.encode(pixels, width, height, DEFAULTS | options))
            decoded = decoder.decode(encoded, False)
            yield (
                f"{width} {height} {stringify(options)} {len(encoded)} {digest(encoded)} "
                f"{decoded.width} {decoded.height} {digest(decoded.data)}"
            )
