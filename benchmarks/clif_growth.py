"""How what clif takes for a function grows with the function: steps, time and memory per operator.

Run as ``python benchmarks/clif_growth.py``. Functions of four shapes are compiled, each several times as large as the
one before: many operators, many values alive at once, many blocks, as many values alive as there are blocks. *Steps*
are what the stages count themselves (`wasmer_clif_backend.effort`), the same on every machine. Where time and memory
grow as the function does, the figures of a shape stay what they are from row to row; in the last shape the values that
are alive in blocks are as many as the operators' square.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable

from support.measure import arguments, table, write_json


def operators(n: int) -> str:
    """n operators in one block."""
    lines = [
        f"(i32.store offset={4 * k} (local.get 0) (i32.add (i32.load offset={4 * k + 4} (local.get 0)) (local.get 1)))"
        for k in range(n // 6)
    ]
    return "(local i32) " + "\n".join(lines)


def live(n: int) -> str:
    """n values that are loaded before the first one is used."""
    loads = [f"(local.set {k} (i32.load offset={4 * k} (local.get 0)))" for k in range(1, n + 1)]
    stores = [f"(i32.store offset={4 * k} (local.get 0) (local.get {k}))" for k in range(n, 0, -1)]
    return f"(local {'i32 ' * n}) " + "\n".join([*loads, *stores])


def blocks(n: int) -> str:
    """n blocks, some of which change a local."""
    ifs = [
        f"(if (i32.load offset={4 * k} (local.get 0)) (then (local.set 1 (i32.add (local.get 1) (i32.const {k})))))"
        for k in range(n // 2)
    ]
    return "(local i32) " + "\n".join([*ifs, "(i32.store (local.get 0) (local.get 1))"])


def live_in_blocks(n: int) -> str:
    """n values that are alive in n blocks."""
    loads = [f"(local.set {k} (i32.load offset={4 * k} (local.get 0)))" for k in range(1, n + 1)]
    ifs = [
        f"(if (i32.load offset={4 * k} (local.get 0)) (then (i32.store (local.get 0) (local.get {k}))))"
        for k in range(1, n // 2)
    ]
    stores = [f"(i32.store offset={4 * k} (local.get 0) (local.get {k}))" for k in range(n, 0, -1)]
    return f"(local {'i32 ' * n}) " + "\n".join([*loads, *ifs, *stores])


SHAPES: dict[str, tuple[Callable[[int], str], tuple[int, ...]]] = {
    "operators": (operators, (3_000, 12_500, 50_000, 200_000)),
    "values alive": (live, (1_250, 5_000, 20_000)),
    "blocks": (blocks, (625, 2_500, 10_000, 40_000)),
    "values alive in as many blocks": (live_in_blocks, (250, 1_000, 4_000)),
}


def measure(body: str) -> tuple[int, int, float, int, str]:
    """Operators of a function, its steps, seconds of CPU, bytes at most, and how it was compiled."""
    from wasmer_clif_backend.compile_function import Stages
    from wasmer_clif_backend.compiler import OPERATORS_AHEAD, PER_OPERATOR
    from wasmer_clif_backend.effort import Effort, TooMuchEffort
    from wasmer_clif_backend.passes.optimise import Passes
    from wasmer_clif_backend.translate.function import Translator
    from wasmer_clif_backend.translate.view import ModuleView
    from wasmer_runtime_core.compiling import pipeline
    from wasmer_runtime_core.wasm.body.body import RECORD_BYTES

    source = f"(module (memory 100) (func (param i32) {body}))"
    compilation = pipeline.run(pipeline.Compilation(source), until="validate")
    one = compilation.bodies[0]
    count = len(one.records) // RECORD_BYTES
    view = ModuleView(compilation.info)

    def compiled() -> tuple[int, str]:
        translator = Translator(view, False)
        steps = 0
        for in_memory in (False, True):
            effort = Effort(None, PER_OPERATOR * (count + OPERATORS_AHEAD))
            try:
                function = translator.translate(one, effort, in_memory)
                if not in_memory:
                    Passes().run(function, translator.flow)
                Stages(view.entries, prove=False).records(function, one.offset, translator.flow)
                return steps + effort.total(), "in memory" if in_memory else ""
            except TooMuchEffort:
                steps += effort.total()
        raise AssertionError("locals in memory take less")

    start = time.process_time()
    steps, how = compiled()
    taken = time.process_time() - start
    tracemalloc.start()
    compiled()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return count, steps, taken, most, how


def main() -> int:
    options = arguments(__doc__ or "", rounds=1).parse_args()
    import wasmer_clif_backend.translate.function as hot

    if (hot.__file__ or "").endswith(".py"):
        print("NOT COMPILED: clif runs interpreted, some twenty times slower: look at the steps only.\n")
    rows = []
    found = {}
    for name, (shape, sizes) in SHAPES.items():
        for size in sizes[:2] if options.quick else sizes:
            count, steps, taken, most, how = measure(shape(size))
            found[f"{name}, {size}"] = {"operators": count, "steps": steps, "seconds": taken, "bytes": most}
            figures = [f"{steps / count:.0f}", f"{taken / count * 1e9:.0f}", f"{most / count:.0f}"]
            rows.append([f"{size:,} {name}", f"{count:,}", *figures, how])
    print(table(["per operator", "operators", "steps", "ns", "bytes at most", ""], rows))
    write_json(options.json, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
