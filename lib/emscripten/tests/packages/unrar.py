"""UnRAR: archives listed and extracted; its module reads and writes files by functions of its own JavaScript."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from packages.samples import FOLDER
from wasmer_emscripten import load

ERRORS: Final = {12: "ERAR_BAD_DATA", 13: "ERAR_BAD_ARCHIVE", 18: "ERAR_EREAD"}
METHODS: Final = {0x30: "Storing"}
END: Final = 10
ARCHIVE: Final = "the archive.rar"


class Failed(Exception):
    """An archive that is none, or damaged."""


class Files:
    """What the module reads and writes: a content and a position for each number."""

    def __init__(self, archive: bytes) -> None:
        self.numbers = {ARCHIVE: 1}
        self.contents = {1: bytearray(archive)}
        self.positions = {1: 0}
        self.program: Any = None

    def functions(self) -> dict[str, Any]:
        return {f"js{name.title()}": getattr(self, name) for name in "open create close read write seek tell".split()}

    def _name(self, at: int) -> str:
        """A text of four bytes for each character."""
        letters = []
        while letter := int.from_bytes(self.program.memory.read(at, 4), "little"):
            letters.append(chr(letter))
            at += 4
        return "".join(letters)

    def open(self, name: int) -> int:
        return self.numbers.get(self._name(name), 0)

    def create(self, name: int) -> int:
        number = self.numbers[self._name(name)] = len(self.contents) + 1
        self.contents[number], self.positions[number] = bytearray(), 0
        return number

    def close(self, number: int, _: int) -> None:
        self.positions[number] = 0

    def read(self, number: int, _: int, buffer: int, size: int) -> int:
        at = self.positions[number]
        data = bytes(self.contents[number][at : at + size])
        if len(data) < size:
            return -1
        self.program.memory.write(buffer, data)
        self.positions[number] += len(data)
        return len(data)

    def write(self, number: int, _: int, buffer: int, size: int) -> int:
        at = self.positions[number]
        self.contents[number][at : at + size] = self.program.memory.read(buffer, size)
        self.positions[number] += size
        return 1

    def seek(self, number: int, _: int, offset: int, high: int, whence: int) -> int:
        start = {"SET": 0, "CUR": self.positions[number], "END": len(self.contents[number])}
        self.positions[number] = start[self.program.string(whence)] + (offset & 0xFFFF_FFFF | high << 32)
        return 1

    def tell(self, number: int, _: int) -> int:
        return self.positions[number]  # all are small: the high half is 0


def headers(archive: Any, skip: bool) -> Iterator[Any]:
    """Each file's header, before the file itself is read, or skipped."""
    while True:
        header = archive.getFileHeader()
        if header.state.errCode == END:
            return
        if header.state.errCode:
            raise Failed(ERRORS[header.state.errCode])
        state = archive.readFile(skip)
        if state.errCode:
            raise Failed(f"{ERRORS[state.errCode]} {header.name}")
        yield header


def opened(program: Any, only_list: bool) -> Any:
    archive = program.RarArchive()
    header = archive.open(ARCHIVE, "", only_list)
    if header.state.errCode:
        raise Failed(f"{ERRORS[header.state.errCode]} ")
    return archive


def run(folder: Path, backend: str) -> Iterator[str]:
    for name in ("good.rar", "damaged.rar", "none.rar"):
        yield name
        files = Files((folder / FOLDER / name).read_bytes())
        glue = folder / "node-unrar-js/dist/js/unrar.js"
        program = files.program = load(glue, backend=backend, functions=files.functions())
        try:
            with opened(program, True) as archive:
                for each in headers(archive, True):
                    version = f"{each.unpVer // 10}.{each.unpVer % 10}"
                    sizes = f"{each.packSize:.0f} {each.unpSize:.0f}"
                    yield f"  {each.name} {sizes} {each.crc} {version} {METHODS[each.method]}"
            with opened(program, False) as archive:
                for each in headers(archive, False):
                    content = files.contents[files.numbers[each.name]]
                    yield f"  {each.name} {len(content)} {hashlib.sha1(content).hexdigest()}"
        except Failed as failed:
            yield f"  ERROR {failed}"
