"""Random programs, for as long as asked, or as many calls::

    python -m tests.differential [--minutes N] [--first SEED] [--size DEPTH] [--variant NAME]
    python -m tests.differential --executions 1000000 [--first SEED] [--variant NAME]
    python -m tests.differential --new-operators 1000000 [--first SEED]
    python -m tests.differential --backtraces

Each variant is compared with wasmtime. With ``--executions``: variants of cranelift, or those named, with singlepass,
until so many calls were made of each. With ``--new-operators``: so many calls of programs of what came after 2.0, on
all backends and wasmtime. With ``--backtraces``: backtraces of cranelift and llvm with singlepass'.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

from tests.differential import new_operators
from tests.differential.backtraces import differing_backtraces
from tests.differential.compare import differences
from tests.differential.generate import Program
from tests.differential.pairwise import executions
from tests.differential.variants import VARIANTS


def comparisons(seed: int, options: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    """(what was compared, differences) for one program."""
    if options.backtraces:
        for name in ("cranelift", "llvm"):
            yield f"backtraces, {name}", differing_backtraces(Program(seed, options.size), VARIANTS[name]()[0])[1]
        return
    for name in options.variant or VARIANTS:
        compiler, config = VARIANTS[name]()
        yield name, differences(Program(seed, options.size), compiler, config)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--first", type=int, default=0, help="seed of the first program")
    parser.add_argument("--size", type=int, default=5, help="how deep expressions nest")
    parser.add_argument("--variant", choices=sorted(VARIANTS), action="append", help="default: all")
    parser.add_argument("--executions", type=int, default=0, help="so many calls, compared with singlepass")
    parser.add_argument("--new-operators", type=int, default=0, help="so many calls of what came after 2.0")
    parser.add_argument("--backtraces", action="store_true", help="compare the functions that traps name")
    options = parser.parse_args()
    if options.executions:
        return executions(options.executions, options.first, options.variant)
    if options.new_operators:
        return new_operators.executions(options.new_operators, options.first)
    end = time.monotonic() + 60 * options.minutes
    seed = options.first
    failed = 0
    while time.monotonic() < end:
        for what, found in comparisons(seed, options):
            if found:
                failed += 1
                print(f"seed {seed}, {what}:", *found[:3], sep="\n  ", flush=True)
        seed += 1
    print(f"{seed - options.first} programs from seed {options.first} on, {failed} with differences")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
