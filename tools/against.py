"""Is this tree slower than an earlier commit? Benchmarks of both, in alternation, and the ratio of each figure.

    python tools/against.py COMMIT [--rounds N] [--only boundary,compiling,execution] [--backends singlepass,llvm]

Both are built as wheels, compiled, each into an environment of its own below build/against. The
scripts are those of this tree, so that both are asked the same. A round runs each script once with
either; of the rounds the least value counts, since what disturbs a run only ever adds. Peers are left out.
What is more than two percent slower or faster is shown, and the geometric mean of each script.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
PLACE: Final = ROOT / "build" / "against"
SHOWN: Final = 0.02

SCRIPTS: Final = {
    "boundary": ["--rounds", "9"],
    "compiling": ["--rounds", "5"],
    "execution": ["--rounds", "3", "--peers", ""],
}
"""Benchmarks that ask for --backends and --json, with what they are given here."""


def environment(tree: Path, name: str) -> Path:
    """The interpreter of an environment with the compiled wheels of `tree`, and what benchmarks use."""
    printed = subprocess.run(
        [sys.executable, "tools/wheels.py"], cwd=tree, check=True, stdout=subprocess.PIPE, text=True
    )
    sys.path.insert(0, str(ROOT))
    from tools.wheels import group

    place = PLACE / f"environment-{name}"
    python = place / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "virtualenv", "-q", str(place)], check=True)
    pip = [str(python), "-m", "pip", "install", "-q"]
    subprocess.run([*pip, *group("programs"), *group("arrays")], check=True)
    subprocess.run([*pip, *printed.stdout.split()], check=True)
    subprocess.run([*pip, "--force-reinstall", "--no-deps", *printed.stdout.split()], check=True)
    return python


def checkout(commit: str) -> tuple[Path, str]:
    """A working tree of `commit` below build/against, and the commit's short name."""
    git = ["git", "-C", str(ROOT)]
    short = subprocess.run(
        [*git, "rev-parse", "--short", "--verify", f"{commit}^{{commit}}"], check=True, capture_output=True, text=True
    ).stdout.strip()
    tree = PLACE / f"tree-{short}"
    if not tree.exists():
        subprocess.run([*git, "worktree", "prune"], check=True)
        subprocess.run([*git, "worktree", "add", "-q", "--detach", str(tree), short], check=True)
    return tree, short


def figures(python: Path, script: str, backends: str) -> dict[str, float]:
    """What one run of a benchmark measured: seconds or bytes, by name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "figures.json")
        command = [
            str(python),
            f"benchmarks/{script}.py",
            *SCRIPTS[script],
            "--backends",
            backends,
            "--json",
            str(path),
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=dict(os.environ, WASMER_PURE="0"))
        if not path.exists():
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        results = json.loads(path.read_text())["results"]
    return {" ".join(names): value for names, value in _flat(results, ()) if "native" not in names}


def _flat(results: Any, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], float]]:
    if isinstance(results, dict):
        if "minimum" in results:
            yield names, float(results["minimum"])
            return
        for name, value in results.items():
            yield from _flat(value, (*names, str(name)))
    elif isinstance(results, int | float):
        yield names, float(results)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python tools/against.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("commit")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(SCRIPTS), help=f"of {', '.join(SCRIPTS)}")
    parser.add_argument("--backends", default="singlepass", help="separated by commas")
    options = parser.parse_args()
    tree, short = checkout(options.commit)
    pythons = {short: environment(tree, short), "here": environment(ROOT, "here")}
    print(f"least of {options.rounds} rounds; here / {short}, above 1 is slower (or larger)")
    for script in options.only.split(","):
        least: dict[str, dict[str, float]] = {name: {} for name in pythons}
        for number in range(options.rounds):
            for name in sorted(pythons, reverse=bool(number % 2)):
                for figure, value in figures(pythons[name], script, options.backends).items():
                    least[name][figure] = min(value, least[name].get(figure, math.inf))
        _report(script, least["here"], least[short])
    return 0


def _report(script: str, here: dict[str, float], before: dict[str, float]) -> None:
    ratios = {name: here[name] / before[name] for name in here if before.get(name, 0) > 0 and here[name] > 0}
    mean = math.exp(sum(map(math.log, ratios.values())) / len(ratios)) if ratios else math.nan
    print(f"\n{script}: geometric mean {mean:.3f} of {len(ratios)} figures")
    for name, ratio in sorted(ratios.items(), key=lambda item: -item[1]):
        if abs(ratio - 1) > SHOWN:
            print(f"  {ratio:.3f}  {name}  ({before[name]:.4g} -> {here[name]:.4g})")


if __name__ == "__main__":
    sys.exit(main())
