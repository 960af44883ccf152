"""Ghostscript: a page of PostScript drawn, and its text; all its pointers to functions have one type."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wasmer_emscripten import CAPTURE, load

PAGE: Final = """%!PS
/Helvetica findfont 20 scalefont setfont 100 700 moveto (hello) show
/star { gsave translate 5 { 0 50 lineto 144 rotate } repeat stroke grestore } def
300 300 star 0.5 setgray 100 100 200 50 rectfill
/fact { dup 1 le { pop 1 } { dup 1 sub fact mul } ifelse } def 10 fact =
showpage
"""
DEVICES: Final = ("txtwrite", "pgmraw", "ppmraw")


def run(folder: Path, backend: str) -> Iterator[str]:
    for device in DEVICES:
        glue = folder / "_jspawn_ghostscript-wasm/gs.js"
        with load(glue, backend=backend, stdout=CAPTURE, stderr=CAPTURE) as program:
            program.fs.write_text("/page.ps", PAGE)
            flags = ("-q", "-dNOPAUSE", "-dBATCH", "-r36", f"-sDEVICE={device}", "-sOutputFile=/made", "/page.ps")
            code = program.main(*flags)
            yield from program.stdout_bytes().decode().splitlines()
            yield f"{device} {code}"
            made = program.fs.read_bytes("/made")
            yield f"  {len(made)} {hashlib.sha1(made).hexdigest()}"
