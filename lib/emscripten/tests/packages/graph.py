"""Graphviz: graphs drawn, and one with a fault in it; its module is in its script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wasmer_emscripten import load

GRAPHS: Final = (
    ("dot", "digraph { a -> b; a -> c [label=of]; subgraph cluster_d { d -> a } }"),
    ("neato", "graph { x -- y -- z -- x }"),
    ("circo", "graph { 1 -- 2 -- 3 -- 4 -- 1 }"),
)


def run(folder: Path, backend: str) -> Iterator[str]:
    with load(folder / "_viz-js_viz/dist/viz.js", backend=backend, stderr=None) as program:
        yield program.ccall("viz_get_graphviz_version", str, [])
        read = program.cwrap("viz_read_one_graph", int, [str])
        layout = program.cwrap("viz_layout", int, [int, int, str])
        render = program.cwrap("viz_render", str, [int, int, str])
        for engine, text in GRAPHS:
            for format in ("svg", "dot"):
                context, graph = program.viz_create_context(), read(text)
                assert layout(context, graph, engine) == 0
                yield from render(context, graph, format).splitlines()
                program.viz_free_layout(context, graph)
                program.viz_free_graph(graph)
                program.viz_free_context(context)
