"""Assemblies and frameworks that are made for tests: as small as the formats allow, and ours."""

from __future__ import annotations

import json
from pathlib import Path
from struct import pack
from typing import Any

Reference = tuple[str, tuple[int, int, int, int]]


def metadata(name: str, version: tuple[int, int, int, int], references: list[Reference], methods: int) -> bytes:
    """The metadata of an assembly: a module, the type of what is global, its methods, itself, and what it refers to."""
    strings = bytearray(b"\0")

    def text(value: str) -> int:
        strings.extend(value.encode() + b"\0")
        return len(strings) - len(value.encode()) - 1

    tables = {
        0x00: pack("<HHHHH", 0, text(f"{name}.dll"), 1, 0, 0),
        0x02: pack("<IHHHHH", 0, text("<Module>"), 0, 0, 1, 1),
        0x06: b"".join(pack("<IHHHHH", 0, 0, 0x10, text("Main"), 1, 1) for _ in range(methods)),
        0x20: pack("<IHHHHIHHH", 0x8004, *version, 0, 0, text(name), 0),
        0x23: b"".join(pack("<HHHHIHHHH", *each, 0, 0, text(other), 0, 0) for other, each in references),
    }
    rows = {0x00: 1, 0x02: 1, 0x06: methods, 0x20: 1, 0x23: len(references)}
    present = sorted(table for table, count in rows.items() if count)
    head = pack("<IBBBBQQ", 0, 2, 0, 0, 1, sum(1 << table for table in present), 0)
    stream = head + b"".join(pack("<I", rows[each]) for each in present) + b"".join(tables[each] for each in present)
    streams = {b"#~": stream, b"#Strings": bytes(strings), b"#GUID": bytes(16), b"#Blob": b"\0\0"}
    start = b"BSJB" + pack("<HHII", 1, 1, 0, 12) + b"v4.0.30319\0\0" + pack("<HH", 0, len(streams))
    offset = len(start) + sum(8 + (len(each) // 4 + 1) * 4 for each in streams)
    listing, body = b"", b""
    for label, data in streams.items():
        data += bytes(-len(data) % 4)
        listing += pack("<II", offset + len(body), len(data)) + label + bytes(4 - len(label) % 4)
        body += data
    return start + listing + body


ADDRESS = 0x2000
"""Where the only section is when it is loaded."""


def section(name: str, version: tuple[int, int, int, int], references: list[Reference], main: bool) -> bytes:
    """The head of .NET's part, then metadata."""
    inside = metadata(name, version, references, 1)
    token = 0x0600_0001 if main else 0
    return pack("<IHHIIII", 72, 2, 5, ADDRESS + 72, len(inside), 1, token) + bytes(72 - 24) + inside


def library(
    name: str,
    version: tuple[int, int, int, int] = (1, 0, 0, 0),
    references: list[Reference] | None = None,
    *,
    main: bool = False,
) -> bytes:
    """An assembly as a .dll."""
    inside = section(name, version, references or [], main)
    directories = b"".join(pack("<II", ADDRESS if at == 14 else 0, 72 if at == 14 else 0) for at in range(16))
    optional = pack("<H", 0x10B) + bytes(94) + directories
    head = b"PE\0\0" + pack("<HHIIIHH", 0x14C, 1, 0, 0, 0, len(optional), 0x2102) + optional
    start = 0x40 + len(head) + 40
    row = b".text\0\0\0" + pack("<IIII", len(inside), ADDRESS, len(inside), start) + bytes(16)
    return b"MZ" + bytes(0x3A) + pack("<I", 0x40) + head + row + inside


def program(name: str, references: list[Reference] | None = None) -> bytes:
    """An assembly that has a `Main`, as an .exe."""
    return library(name, references=references, main=True)


def webcil(name: str, version: tuple[int, int, int, int] = (1, 0, 0, 0), *, main: bool = False) -> bytes:
    """An assembly as webcil."""
    inside = section(name, version, [], main)
    head = b"WbIL" + pack("<HHHHIIII", 0, 0, 1, 0, ADDRESS, 72, 0, 0)
    return head + pack("<IIII", len(inside), ADDRESS, len(inside), len(head) + 16) + inside


def leb(value: int) -> bytes:
    """A number as WebAssembly writes it."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def wrapped(payload: bytes) -> bytes:
    """Webcil as a module of WebAssembly: its length in a data segment, itself in another."""
    segments = b"".join(b"\1" + leb(len(each)) + each for each in (pack("<I", len(payload)), payload))
    data = leb(2) + segments
    return b"\0asm\1\0\0\0" + b"\x0b" + leb(len(data)) + data


def framework(folder: Path, native: bytes, *, version: int = 9, boot: Any = None, names: str = "plain") -> Path:
    """A directory with a runtime and the two assemblies that each has."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dotnet.native.wasm").write_bytes(native)
    for name in ("System.Private.CoreLib", "System.Runtime.InteropServices.JavaScript"):
        file = f"{name}.wasm" if names == "plain" else f"{name}.abcdefghi0.wasm"
        (folder / file).write_bytes(wrapped(webcil(name, (version, 0, 0, 0))))
    if boot is not None:
        (folder / "blazor.boot.json").write_text(boot if isinstance(boot, str) else json.dumps(boot))
    return folder
