"""A little of each attack with every run of the tests, always the same; ``python -m tests.attack`` does more."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.attack import calls, pairs, shapes
from wasmer_runtime import CompilerConfig, compile
from wasmer_runtime.error import Error

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", sorted(shapes.SHAPES))
@pytest.mark.parametrize(("backend", "sizes"), [("singlepass", (1, 7, 60)), ("cranelift", (1, 60)), ("llvm", (20,))])
def test_a_shape_is_compiled_or_refused(
    name: str, backend: str, sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASMER_CLIF_CHECK", "")  # proofs of what is made to be large take minutes
    make, _ = shapes.SHAPES[name]
    for n in sizes:
        try:
            made = compile(make(random.Random(n), n), backend=backend)
        except Error as refused:
            assert len(str(refused)) < 10_000
        else:
            own = len(made.info.functions) - made.info.imported_functions
            assert (len(made.compiled.code) > 0) == (own > 0)


def test_some_pairs() -> None:
    """In a process of its own: a crash is a failed test."""
    command = [sys.executable, "-m", "tests.attack.test_attacks"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("attack", ["unwinding", "stored", "heaps", "later"])
def test_some_seconds_of(attack: str) -> None:
    """In processes of their own, likewise."""
    command = [sys.executable, "-m", f"tests.attack.{attack}", "--seed", "11", "--seconds", "3"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize(("seed", "backends"), [(208, "singlepass cranelift"), (3, "singlepass cranelift llvm")])
def test_some_calls(seed: int, backends: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMER_CLIF_CHECK", "")
    ends = calls.check(seed, backends.split())
    assert len(ends) == len(calls.INPUTS)


def some_pairs() -> None:
    guest = compile(pairs.GUEST, config=CompilerConfig(release_gil=True))
    source = random.Random(3)
    outcomes: Counter[str] = Counter()
    for _ in range(40):
        world = pairs.World(guest, source)
        names = sorted(world.operations(0))
        pair = (source.choice(names), source.choice(names))
        print(*pair, flush=True)
        pairs.run(world, pair, 50, outcomes)
        pairs.next_tenant(compile(pairs.TENANT), world.memory.pages)
    assert outcomes["done"]


if __name__ == "__main__":
    some_pairs()
