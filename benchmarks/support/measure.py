"""Fair timing on a machine that others use too, and tables that say what it found.

Candidates take turns: one sample of each in every round, so that a slow minute of the
machine falls on all of them. Time is the CPU time of this process, which leaves out the
time others had the processor. Of the rounds the minimum is what the code needs, the
median what it took; ratios are of minima, because what disturbs a run only ever adds.

What is printed leads with ratios, which travel from machine to machine; times follow for
those who want them. `--json` keeps everything.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from timeit import Timer


@dataclass(frozen=True)
class Sample:
    """Seconds of CPU time over the rounds of one candidate."""

    minimum: float
    median: float
    rounds: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Sample:
        return cls(min(seconds), statistics.median(seconds), len(seconds))


def alternate(candidates: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Sample]:
    """Run every candidate once a round, in turn, and time each.

    Args:
        candidates: name -> what to run. The order turns by one each round, so that none
            always follows the same other.
        rounds: how many, at least 1.
    """
    names = list(candidates)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            run = candidates[name]
            gc.collect()
            gc.disable()
            try:
                start = time.process_time()
                run()
                seconds[name].append(time.process_time() - start)
            finally:
                gc.enable()
    return {name: Sample.of(taken) for name, taken in seconds.items()}


def per_call(
    statements: Mapping[str, tuple[str, Mapping[str, object]]], rounds: int, budget: float
) -> dict[str, Sample]:
    """Seconds for one execution of each statement, net of an empty loop, in alternation.

    Args:
        statements: name -> (the statement, the names it uses; they become locals of the loop).
        rounds: how many.
        budget: about how many seconds of CPU one sample may take.
    """
    timers: dict[str, tuple[Timer, int]] = {}
    for name, (statement, names) in statements.items():
        setup = "; ".join(f"{local} = given_{local}" for local in names) or "pass"
        hidden = {f"given_{local}": value for local, value in names.items()}
        timer = Timer(statement, setup, timer=time.process_time, globals=hidden)
        number = 1
        while (taken := timer.timeit(number)) < budget / 10 and number < 10**8:
            number *= 4 if taken < budget / 100 else 2
        timers[name] = (timer, max(1, int(number * budget / max(taken, 1e-9))))
    empty = Timer("pass", timer=time.process_time)
    seconds: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(rounds):
        for name, (timer, number) in timers.items():
            loop = empty.timeit(number)
            seconds[name].append(max(0.0, timer.timeit(number) - loop) / number)
    return {name: Sample.of(taken) for name, taken in seconds.items()}


def geometric_mean(values: Iterable[float]) -> float:
    """The n-th root of the product; NaN of nothing."""
    kept = list(values)
    return math.exp(sum(map(math.log, kept)) / len(kept)) if kept else math.nan


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Text in columns: the first to the left, the others to the right."""
    lines = [list(heads), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    text = []
    for line in [lines[0], ["-" * width for width in widths], *lines[1:]]:
        cells = [cell.rjust(widths[column]) if column else cell.ljust(widths[0]) for column, cell in enumerate(line)]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)


def arguments(description: str, rounds: int) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark has: --rounds, --quick, --json."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=rounds, help=f"samples of each candidate (default {rounds})")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter samples: a look, not a measurement")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured to FILE")
    return parser


def write_json(path: Path | None, results: object) -> None:
    """Keep `results` with what they were measured on, where the user asked for it."""
    if path is None:
        return
    where = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    path.write_text(json.dumps({"measured_on": where, "results": results}, indent=2, default=vars) + "\n")
    print(f"\nwritten: {path}", file=sys.stderr)
