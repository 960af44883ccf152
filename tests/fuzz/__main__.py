"""Fuzz the way from text to machine code: ``python -m tests.fuzz --minutes 10``.

Modules are changed in their bytes, in their instructions, or in their text. What is valid is
compiled and printed too. Stops at the first module that breaks a promise, writes it to a file and says how to see
it again. With ``--oracle`` every verdict is compared with wasmtime's.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

from tests.fuzz import corpus
from tests.fuzz.modules import Oracle, agrees, outcome, wasmtime_oracle
from tests.fuzz.mutation import mutate, random_mutations
from tests.fuzz.splice import Splicer
from tests.fuzz.stages import broken_text, compiles, parses_or_refuses, prints
from wasmer_runtime_core.errors import Error as WasmError
from wasmer_runtime_core.wasm.text.printer import print_module

SPLICED: Final = 0.5
"""Share of modules whose instructions were moved; bytes are changed in the others."""

TEXTS: Final = 0.1
"""Share of inputs that are texts."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None, help="start here; printed at the end of every run")
    parser.add_argument("--oracle", action="store_true", help="compare with wasmtime")
    parser.add_argument("--keep-going", action="store_true", help="report failures and continue")
    parser.add_argument("--failures", type=Path, default=Path("build/fuzz"), help="where to write what fails")
    parser.add_argument("--module", type=Path, action="append", help="start from this module instead; repeatable")
    options = parser.parse_args()
    oracle = wasmtime_oracle() if options.oracle else None
    if options.oracle and oracle is None:
        print("wasmtime is not installed: pip install wasmtime", file=sys.stderr)
        return 2
    seed = random.SystemRandom().getrandbits(32) if options.seed is None else options.seed
    if options.module:
        modules = [path.read_bytes() for path in options.module]
    else:
        modules = corpus.modules(("1.0", "2.0"))
    print(f"{len(modules)} modules, seed {seed}")
    return run(modules, seed, options.minutes * 60, oracle, options.keep_going, options.failures)


def run(
    modules: list[bytes], seed: int, seconds: float, oracle: Oracle | None, keep_going: bool, failures: Path
) -> int:
    """Fuzz for some seconds; the exit code."""
    source = random.Random(seed)
    splicer = Splicer(modules)
    counts: Counter[str] = Counter()
    failed = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if source.random() < TEXTS:
            problem = check_text(source.choice(modules), source, counts)
            if problem:
                failed += 1
                print(problem)
                if not keep_going:
                    break
            continue
        if source.random() < SPLICED:
            data = splicer.splice(source)
        else:
            seed_module = source.choice(modules)
            data = mutate(seed_module, random_mutations(source, len(seed_module)))
        problem = check(data, oracle, counts)
        if problem:
            failed += 1
            failures.mkdir(parents=True, exist_ok=True)
            path = failures / f"{seed}-{sum(counts.values())}.wasm"
            path.write_bytes(data)
            print(f"{problem}\n  the module is in {path}")
            if not keep_going:
                break
    print(f"{sum(counts.values())} inputs tried: {dict(counts)}; {failed} failures, seed {seed}")
    return 1 if failed else 0


def check(data: bytes, oracle: Oracle | None, counts: Counter[str]) -> str | None:
    """Try one module; what is wrong, if anything is."""
    try:
        verdict = outcome(data)
        if verdict.kind == "valid":
            compiles(data)
            prints(data)
    except Exception as error:
        counts["failed"] += 1
        return f"{type(error).__name__}: {error}"
    counts[verdict.kind] += 1
    if oracle is not None and not agrees(verdict, oracle, data):
        return f"we say {verdict.kind} {verdict.reason}, wasmtime says otherwise"
    return None


def check_text(module: bytes, source: random.Random, counts: Counter[str]) -> str | None:
    """Break the text of one module and parse it; what is wrong, if anything is."""
    try:
        text = print_module(module)
    except WasmError:
        return None  # the corpus holds invalid modules too
    text = broken_text(text, source)
    try:
        counts[parses_or_refuses(text)] += 1
    except Exception as error:
        counts["failed"] += 1
        return f"{type(error).__name__}: {error}\n{text}"
    return None


if __name__ == "__main__":
    sys.exit(main())
