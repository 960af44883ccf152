"""Draco: a mesh decoded, by the functions that emcc makes of WebIDL."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from packages.javascript import text
from wasmer_emscripten import load

POSITION, FACE_BYTES = 0, 12


def run(folder: Path, backend: str) -> Iterator[str]:
    data = (folder / "draco3d/bunny.drc").read_bytes()
    with load(folder / "draco3d/draco_decoder_nodejs.js", backend=backend) as program:

        def bound(name: str, *args: int) -> int:
            return int(getattr(program, f"emscripten_bind_{name}_{max(len(args) - 1, 0)}")(*args) or 0)

        at = program.malloc(len(data))
        program.memory.write(at, data)
        buffer = bound("DecoderBuffer_DecoderBuffer")
        bound("DecoderBuffer_Init", buffer, at, len(data))
        decoder, mesh = bound("Decoder_Decoder"), bound("Mesh_Mesh")
        yield f"kind {bound('Decoder_GetEncodedGeometryType_Deprecated', decoder, buffer)}"
        status = bound("Decoder_DecodeBufferToMesh", decoder, buffer, mesh)
        count = bound("Mesh_num_faces", mesh)
        yield f"{text(bool(bound('Status_ok', status)))} {bound('Mesh_num_points', mesh)} {count}"
        faces = program.malloc(FACE_BYTES * count)
        bound("Decoder_GetTrianglesUInt32Array", decoder, mesh, FACE_BYTES * count, faces)
        yield hashlib.sha1(program.memory.read(faces, FACE_BYTES * count)).hexdigest()
        again = bound("DecoderBuffer_DecoderBuffer")
        bound("DecoderBuffer_Init", again, at, len(data) // 2)
        failed = bound("Decoder_DecodeBufferToMesh", decoder, again, bound("Mesh_Mesh"))
        yield f"{text(bool(bound('Status_ok', failed)))} {program.string(bound('Status_error_msg', failed))}"
