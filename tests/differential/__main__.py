"""``python -m tests.differential [--minutes N] [--first SEED] [--size DEPTH]``: compare for as long as asked."""

from __future__ import annotations

import argparse
import sys
import time

from tests.differential.compare import differences
from tests.differential.generate import Program
from tests.differential.variants import VARIANTS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--first", type=int, default=0, help="seed of the first program")
    parser.add_argument("--size", type=int, default=5, help="how deep expressions nest")
    parser.add_argument("--variant", choices=sorted(VARIANTS), action="append", help="default: all")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    seed = options.first
    failed = 0
    while time.monotonic() < end:
        program = Program(seed, options.size)
        for name in options.variant or VARIANTS:
            compiler, config = VARIANTS[name]()
            found = differences(Program(seed, options.size), compiler, config)
            if found:
                failed += 1
                print(f"seed {seed} on {name} ({len(program.text)} characters):", *found[:3], sep="\n  ", flush=True)
        seed += 1
    print(f"{seed - options.first} programs from seed {options.first} on, {failed} with differences")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
