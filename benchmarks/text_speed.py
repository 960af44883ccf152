"""How fast text becomes a module, and a module text: megabytes of text per second of CPU.

Run as ``python benchmarks/text_speed.py``. Two real modules, SQLite and a JavaScript
engine, are printed by this project; their text, without its indentation, which would
flatter every figure, is parsed by this project and by wasmtime (``wat2wasm``) in turn, in
this process. Printing counts the same megabytes.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable
from typing import Final

from support.measure import alternate, arguments, table, write_json
from support.npm import PACKAGES, FetchError, fetch

ASKED: Final = 2.0
"""Megabytes of text per second of CPU that parsing has to reach."""


def main() -> int:
    parser = arguments(__doc__ or "", rounds=5)
    options = parser.parse_args()
    rounds = 2 if options.quick else options.rounds
    if importlib.util.find_spec("wasmer_runtime_core") is None:
        print("nothing to measure: wasmer_runtime_core is not installed", file=sys.stderr)
        return 2
    from wasmer_runtime_core.wasm.text import parse_module
    from wasmer_runtime_core.wasm.text import parser as text_parser
    from wasmer_runtime_core.wasm.text.printer import print_module

    if (text_parser.__file__ or "").endswith(".py"):
        print("NOT COMPILED: wasmer_runtime_core.wasm.text runs interpreted; these are not the product's figures\n")
    speeds: dict[str, dict[str, float]] = {}
    rows: list[list[str]] = []
    for package in PACKAGES:
        try:
            binary = fetch(package)
        except FetchError as error:
            print(error, file=sys.stderr)
            return 2
        text = re.sub(r"\n +", "\n", print_module(binary))
        if parse_module(print_module(parse_module(text))) != parse_module(text):
            print(f"{package.name}: the text does not come back", file=sys.stderr)
            return 1
        candidates: dict[str, Callable[[], object]] = {
            "parse": lambda text=text: parse_module(text),  # type: ignore[misc]
            "print": lambda binary=binary: print_module(binary),  # type: ignore[misc]
        }
        if importlib.util.find_spec("wasmtime") is not None:
            import wasmtime

            candidates["wasmtime"] = lambda text=text: wasmtime.wat2wasm(text)  # type: ignore[misc]
        found = {name: len(text) / 1e6 / sample.minimum for name, sample in alternate(candidates, rounds).items()}
        speeds[package.name] = found
        peer = found.get("wasmtime")
        rows.append(
            [
                package.name,
                "-" if peer is None else f"{found['parse'] / peer:.2f}",
                f"{found['parse']:.1f}",
                "-" if peer is None else f"{peer:.1f}",
                f"{found['print']:.1f}",
                f"{ASKED:g}",
                "" if found["parse"] >= ASKED else "below asked",
            ]
        )
    print(table(["MB of text per CPU second", "times wasmtime", "parse", "wasmtime", "print", "asked", ""], rows))
    write_json(options.json, {"MB of text per CPU second": speeds})
    return 0


if __name__ == "__main__":
    sys.exit(main())
