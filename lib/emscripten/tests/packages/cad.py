"""OpenCascade, whose C++ throws in WebAssembly's legacy encoding: models in three formats, and what are none."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from packages.javascript import stringify
from wasmer_emscripten import load

INCHES: Final = {
    "linearUnit": "inch",
    "linearDeflectionType": "absolute_value",
    "linearDeflection": 0.5,
    "angularDeflection": 0.3,
}
FILES: Final[tuple[tuple[str, str, Any], ...]] = (
    ("ReadStepFile", "simple-basic-cube/cube.stp", None),
    ("ReadStepFile", "simple-basic-cube/cube.stp", INCHES),
    ("ReadStepFile", "cax-if/as1_pe_203.stp", None),
    ("ReadIgesFile", "cube-10x10mm/Cube 10x10.igs", None),
    ("ReadBrepFile", "cax-if-brep/as1_pe_203.brep", None),
    ("ReadStepFile", "", None),
    ("ReadIgesFile", "", None),
    ("ReadBrepFile", "", None),
)


def run(folder: Path, backend: str) -> Iterator[str]:
    place = folder / "occt-import-js"
    with load(place / "dist/occt-import-js.js", backend=backend, stdout=None, stderr=None) as program:
        for read, name, parameters in FILES:
            data = (place / "test/testfiles" / name).read_bytes() if name else b"no model"
            told = stringify(getattr(program.bindings, read)(data, parameters))
            yield f"{read} {name} {len(told)} {hashlib.sha1(told.encode()).hexdigest()}"
