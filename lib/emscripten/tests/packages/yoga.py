"""Yoga: a layout of three boxes, by classes of C++."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from packages.javascript import stringify
from wasmer_emscripten import load

FIELDS = ("left", "right", "top", "bottom", "width", "height")


def run(folder: Path, backend: str) -> Iterator[str]:
    yoga = load(folder / "yoga-layout/dist/binaries/yoga-wasm-base64-esm.js", backend=backend)
    with yoga, yoga.Node.createDefault() as root:
        root.setWidth(300)
        root.setHeight(100)
        root.setFlexDirection(2)
        boxes = []
        for number in range(3):
            box = yoga.Node.createDefault()
            box.setFlexGrow(number + 1)
            root.insertChild(box, number)
            boxes.append(box)
        root.calculateLayout(300, 100, 1)
        for box in boxes:
            layout = box.getComputedLayout()
            yield stringify({field: getattr(layout, field) for field in FIELDS})
