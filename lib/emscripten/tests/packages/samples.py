"""Files that the programs read, which the drivers for node read, too: an archive of RAR, a picture of HEIF."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path
from typing import Final

FOLDER: Final = "samples"
"""Below that of the packages."""

PICTURE: Final = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAA"
    "AAAERAAAEAAQAAAAABoQABAAAAAAAAAYwAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/WlwcnAA"
    "AADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkA"
    "AAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAA"
    "AAAoY2xhcAAAADAAAAABAAAAIAAAAAH////wAAAAAv///+AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAAZ"
    "RtZGF0AAABiCgBrxOAlqbcXfvP934/n/mu7B4er4I1Erw0WEN/af8JHbG52bP6w7zOGmqDecomyhnhyMcGNPPQiTeRM3Oq6gOZa5mAga/sadZG"
    "/xokQy9a2JNmD+niGfz3U8cISi957ynkulZrAboD/jiAPX+etLFPboySD+dFz+Gb9L3GuVX183nIyRIoJbSbPctquIpmP2um+81aEz5d99ujlY"
    "UfpwCc0zak1k5vICXv82FQB2/nQJaoCodvUrPPo4A4ybiLbMLZCe5mqX19KOcBg2bkUxRfeVhVVQz9K7VQfdgUwe1wDDvoNQswOZEYBLbpFGF3"
    "kohQ3bzvuyV4wJN5TqF6jzwLlzOZA5mQI20QFJLTor/agD9W9PZs2UJSmC6+1QQAaEz5FDBwpOWS9YTU/4LVpbzzECXVLaxYDV3GSd5UqO7R7x"
    "L5a3BHVkS966MmAizgr6CgHPRTZiEy9Uv4ue8NC6SOS/lGPfKxi5YlEl6FmpGGOEpz4aX5hPp3sAwiWicY+2QxOpqIzJee"
)
"""48 by 32: red grows to the right, green downwards, blue with both."""


def _block(kind: int, flags: int, body: bytes, data: bytes = b"") -> bytes:
    head = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
    return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head + data


def archive(*files: tuple[str, bytes]) -> bytes:
    """An archive of RAR 2.9, whose files are stored as they are."""
    made = b"Rar!\x1a\x07\0" + _block(0x73, 0, bytes(6))
    for name, data in files:
        fixed = struct.pack(
            "<IIBIIBBHI", len(data), len(data), 3, zlib.crc32(data), 0x4A935945, 29, 0x30, len(name), 0o100644
        )
        made += _block(0x74, 0x8000, fixed + name.encode(), data)
    return made + _block(0x7B, 0x4000, b"")


def write(folder: Path) -> None:
    """Write all of them."""
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    good = archive(("one.txt", b"hello " * 100), ("dir/two.bin", bytes(range(256)) * 50))
    damaged = bytearray(archive(("one.txt", b"hello " * 100)))
    damaged[100] ^= 1
    found = {"good.rar": good, "damaged.rar": bytes(damaged), "none.rar": b"no archive", "small.heic": PICTURE}
    for name, data in {**found, "cut.heic": PICTURE[:400], "none.heic": b"no picture"}.items():
        (place / name).write_bytes(data)
