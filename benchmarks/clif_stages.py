"""Where clif's time goes: nanoseconds of CPU time per WebAssembly operator, by stage.

Run as ``python benchmarks/clif_stages.py [--rounds N]``. The two modules of ``compile_speed.py`` are decoded and
validated once; then every function goes through clif's stages, and a clock is read after each. A function's readings
cost about a microsecond, some five nanoseconds per operator over all stages. Of the rounds the minimum counts, by
stage. The last columns say what an operator becomes.
"""

from __future__ import annotations

import gc
import sys
import time

from support.measure import arguments, table, write_json
from support.npm import PACKAGES, FetchError, fetch

STAGES = ("translate", "passes", "select", "intervals", "coalesce", "scan", "resolve", "emit", "encode")


def measure(binary: bytes, rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Nanoseconds by stage, and how many rows of each kind, for one operator."""
    from wasmer_clif_backend.compile_function import Stages
    from wasmer_clif_backend.passes.optimise import Passes
    from wasmer_clif_backend.translate.function import Translator
    from wasmer_clif_backend.translate.view import ModuleView
    from wasmer_runtime_core.codegen.x64.encode import ModuleEncoder
    from wasmer_runtime_core.compiling import pipeline
    from wasmer_runtime_core.contract.helpers import VMCALLS
    from wasmer_runtime_core.wasm.body.body import RECORD_BYTES

    compilation = pipeline.run(pipeline.Compilation(binary), until="validate")
    bodies = compilation.bodies
    operators = sum(len(body.records) for body in bodies) // RECORD_BYTES
    view = ModuleView(compilation.info)
    best: dict[str, float] = {}
    made = {"values": 0, "blocks": 0, "records": 0}
    clock = time.process_time_ns
    for number in range(rounds):
        spent = dict.fromkeys(STAGES, 0)
        last = 0

        def watch(stage: str, spent: dict[str, int] = spent) -> None:
            nonlocal last
            now = clock()
            spent[stage] += now - last
            last = clock()

        translator = Translator(view, False)
        passes = Passes()
        stages = Stages(view.entries, prove=False, watch=watch)
        encoder = ModuleEncoder(len(bodies) + len(VMCALLS))
        gc.collect()
        gc.disable()
        try:
            for body in bodies:
                last = clock()
                function = translator.translate(body)
                watch("translate")
                if number == 0:
                    made["values"] += int(function.count)
                    made["blocks"] += int(function.block_count)
                passes.run(function, translator.flow)
                watch("passes")
                records, constants = stages.records(function, body.offset, translator.flow)
                encoder.function(records, constants)
                watch("encode")
                if number == 0:
                    made["records"] += len(records) // RECORD_BYTES
        finally:
            gc.enable()
        for stage, taken in spent.items():
            best[stage] = min(best.get(stage, 1e18), taken)
    return (
        {stage: taken / operators for stage, taken in best.items()},
        {kind: count / operators for kind, count in made.items()},
    )


def main() -> int:
    options = arguments(__doc__ or "", rounds=5).parse_args()
    import wasmer_clif_backend.translate.function as hot

    if (hot.__file__ or "").endswith(".py"):
        print("NOT COMPILED: clif runs interpreted, some twenty times slower: these are not the product's figures.\n")
    rows = []
    found = {}
    for package in PACKAGES:
        try:
            binary = fetch(package)
        except FetchError as error:
            print(error, file=sys.stderr)
            return 2
        times, made = measure(binary, 1 if options.quick else options.rounds)
        found[package.name] = {**times, **made}
        figures = [f"{times[stage]:.0f}" for stage in STAGES]
        rows.append(
            [package.name, *figures, f"{sum(times.values()):.0f}", *(f"{count:.2f}" for count in made.values())]
        )
    print(table(["ns per operator", *STAGES, "all", "values", "blocks", "records"], rows))
    write_json(options.json, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
