"""MuPDF: a document opened, its text and what a page looks like; names of its imports are gone, its files are stubs."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wasmer_emscripten import load

CONTENT: Final = b"0 0 1 rg 10 10 50 30 re f BT /F 14 Tf 20 70 Td (hello from a page) Tj ET"
PDF: Final = (
    b"%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
    b"3 0 obj<</Type/Page/MediaBox[0 0 200 100]/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj "
    b"4 0 obj<</Length %d>>stream\n%s\nendstream endobj 5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
    b"trailer<</Root 1 0 R>>" % (len(CONTENT), CONTENT)
)
FONTS: Final = {"globalThis.$libmupdf_load_font_file(_,a,e,t)": lambda *_: 0}
"""Its JavaScript: nobody gives a file for a font, so it takes its own."""


def run(folder: Path, backend: str) -> Iterator[str]:
    with load(folder / "mupdf/dist/mupdf-wasm.js", backend=backend, stderr=None, asm=FONTS) as program:
        program.wasm_init_context()

        def put(data: bytes) -> int:
            at = int(program.wasm_malloc(len(data)))
            program.memory.write(at, data)
            return at

        buffer = program.wasm_new_buffer_from_data(put(PDF), len(PDF))
        document = program.wasm_open_document_with_buffer(put(b"application/pdf\0"), buffer)
        page = program.wasm_load_page(document, 0)
        bounds = struct.unpack("<4f", program.memory.read(program.wasm_bound_page(page, 0), 16))
        yield f"{program.wasm_count_pages(document)} {','.join(f'{each:.0f}' for each in bounds)}"
        text = program.wasm_new_stext_page_from_page(page, put(b"\0"))
        yield program.string(program.wasm_print_stext_page_as_text(text)).strip()
        matrix = put(struct.pack("<6f", 1, 0, 0, 1, 0, 0))
        drawn = program.wasm_new_pixmap_from_page(page, matrix, program.wasm_device_rgb(), 0)
        size = program.wasm_pixmap_get_stride(drawn) * program.wasm_pixmap_get_h(drawn)
        pixels = program.memory.read(program.wasm_pixmap_get_samples(drawn), size)
        yield f"{size} {hashlib.sha1(pixels).hexdigest()}"
