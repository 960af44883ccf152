"""libheif: pictures decoded, by functions of C that are bound with embind."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packages.samples import FOLDER
from wasmer_emscripten import load


def decoded(heif: Any, context: Any, id: int) -> Iterator[str]:
    handle = heif.heif_js_context_get_image_handle(context, id)
    yield f"  {id} {heif.heif_image_handle_get_width(handle)} {heif.heif_image_handle_get_height(handle)}"
    kinds = heif.heif_colorspace.heif_colorspace_RGB, heif.heif_chroma.heif_chroma_interleaved_RGB
    image = heif.heif_js_decode_image2(handle, *kinds)
    for channel in image["channels"]:
        data = bytes(channel["data"])
        sizes = f"{image['width']} {image['height']} {channel['stride']} {len(data)}"
        yield f"  {sizes} {hashlib.sha1(data).hexdigest()}"
    heif.heif_image_release(image["image"])
    heif.heif_image_handle_release(handle)


def run(folder: Path, backend: str) -> Iterator[str]:
    with load(folder / "libheif-js/libheif-wasm/libheif.js", backend=backend) as heif:
        yield heif.heif_get_version()
        for name in ("small.heic", "cut.heic", "none.heic"):
            context = heif.heif_context_alloc()
            read = heif.heif_context_read_from_memory(context, (folder / FOLDER / name).read_bytes())
            yield f"{name} {int(read.code)} {int(read.subcode)} {read.message}"
            if read.code == heif.heif_error_code.heif_error_Ok:
                for id in heif.heif_js_context_get_list_of_top_level_image_IDs(context):
                    yield from decoded(heif, context, id)
            heif.heif_context_free(context)
