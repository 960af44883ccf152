"""jq: filters run by its own command, from files, as a program of 2024 and as one that is in its script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wasmer_emscripten import CAPTURE, load

GIVEN: Final = '{"a": [1, 2, {"b": 3, "\\u00e9": "x"}], "c": null, "d": "2015-03-05T23:51:47Z"}'
FILTERS: Final = (".", ".a[2].b, (.a | length)", "[paths]", ".d | fromdate", '.a | map(tojson) | join("-")', ".e.f.g")


def run(folder: Path, backend: str) -> Iterator[str]:
    for filter in FILTERS:
        with load(folder / "jq-web/jq.js", backend=backend, stdout=CAPTURE) as program:
            program.fs.write_text("/given.json", GIVEN)
            assert program.main("-c", filter, "/given.json") == 0
            yield from program.stdout_bytes().decode().splitlines()
