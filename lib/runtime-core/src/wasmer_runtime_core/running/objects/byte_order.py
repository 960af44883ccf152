"""The byte order of memories is little-endian (specification, section 4.2.8)."""

from __future__ import annotations

import struct


def little_endian(layout: struct.Struct | str) -> struct.Struct:
    """The layout; a format that does not say its order is little-endian."""
    if isinstance(layout, struct.Struct):
        return layout
    return struct.Struct(layout if layout[:1] in "@=<>!" else "<" + layout)
