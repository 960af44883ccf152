"""All scenarios again and again: ``python -m tests.stress --minutes 30``.

Each round takes another seed and runs every scenario for longer. Then, with ``--full``, the
measurements of memory run at the sizes that are promised. Stops at the first failure and says
how to see it again.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import inspect
import itertools
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.stress", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=None, help="of the first round")
    parser.add_argument("--scale", type=float, default=5.0, help="how long each scenario takes; 1 is what pytest runs")
    parser.add_argument("--only", default="", help="part of the scenarios' names")
    parser.add_argument("--shuffle", action="store_true", help="in another order for each seed")
    parser.add_argument("--full", action="store_true", help="measure leaks at full size, once")
    arguments = parser.parse_args()
    here = Path(__file__).parent
    found = [
        case
        for file in sorted(here.glob("test_*.py"))
        for name, scenario in vars(importlib.import_module(f"tests.stress.{file.stem}")).items()
        if name.startswith("test_") and scenario.__module__ == f"tests.stress.{file.stem}"
        for case in cases(name, scenario)
        if arguments.only in case[0]
    ]
    seed = arguments.seed if arguments.seed is not None else random.randrange(1 << 30)
    os.environ["WASMER_STRESS_SCALE"] = str(arguments.scale)
    end = time.monotonic() + 60 * arguments.minutes
    while time.monotonic() < end:
        os.environ["WASMER_STRESS_SEED"] = str(seed)
        if arguments.shuffle:
            random.Random(seed).shuffle(found)
        for name, scenario in found:
            if not _passes(name, scenario):
                print(f"again: python -m tests.stress --seed {seed} --scale {arguments.scale} --only {name}")
                return 1
            if time.monotonic() > end:
                break
        seed += 1
    if arguments.full:
        os.environ["WASMER_STRESS_SCALE"] = "100"
        return int(sum(not _passes(*each) for each in found if each[1].__module__.endswith("leaks")) > 0)
    return 0


def cases(name: str, scenario: Callable[..., object]) -> Iterator[tuple[str, Callable[[], object]]]:
    """A scenario per value that it is marked with. Those that need a fixture are pytest's alone."""
    marks = [mark for mark in getattr(scenario, "pytestmark", []) if mark.name == "parametrize"]
    if len(inspect.signature(scenario).parameters) != len(marks):
        return
    if any(mark.name == "xfail" for mark in getattr(scenario, "pytestmark", [])):
        return
    for given in itertools.product(*(mark.args[1] for mark in marks)):
        arguments = {mark.args[0]: value for mark, value in zip(marks, given, strict=True)}
        case = functools.partial(scenario, **arguments)
        case.__module__ = scenario.__module__
        yield f"{name}{list(given) if given else ''}", case


def _passes(name: str, scenario: Callable[[], object]) -> bool:
    start = time.monotonic()
    try:
        scenario()
    except AssertionError as error:
        print(f"FAILED  {name}\n{error}")
        return False
    print(f"passed  {name}  {time.monotonic() - start:.1f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
