"""The same calls on the same tree, answered by us and by wasmtime."""

from __future__ import annotations

from pathlib import Path

import pytest
from guests import DirectGuest, WasmtimeGuest, plant
from scenarios import DIFFERENCES, SCENARIOS

from wasmer_wasi.types import SNAPSHOT0, SNAPSHOT1


def answers(name: str, guest: object) -> dict[str, object]:
    found: dict[str, object] = {}
    for label, answer in SCENARIOS[name](guest):
        times = sum(known.split(" #")[0] == label for known in found)
        found[f"{label} #{times + 1}" if times else label] = answer
    return found


def grown(tmp_path: Path, name: str) -> Path:
    (tmp_path / name).mkdir()
    return plant(tmp_path / name)


@pytest.mark.parametrize("name", SCENARIOS)
def test_answers_are_wasmtimes(name: str, tmp_path: Path) -> None:
    expected = answers(name, WasmtimeGuest(grown(tmp_path, "theirs")))
    found = answers(name, DirectGuest(grown(tmp_path, "ours"), SNAPSHOT1))
    different = {label for label in expected if found[label] != expected[label]}
    listed = {label.partition(": ")[2] for label in DIFFERENCES if label.startswith(f"{name}: ")}
    shown = "\n".join(
        f"{label}: ours {found[label]}, wasmtime {expected[label]}" for label in sorted(different - listed)
    )
    assert not different - listed, f"not as wasmtime answers:\n{shown}"
    assert not listed - different, "no longer different; take it out of DIFFERENCES"


@pytest.mark.parametrize("name", SCENARIOS)
def test_snapshot0_answers_as_snapshot1(name: str, tmp_path: Path) -> None:
    """Whatever the layout of records and numbers, the answers are the same."""
    old = answers(name, DirectGuest(grown(tmp_path, "old"), SNAPSHOT0))
    new = answers(name, DirectGuest(grown(tmp_path, "new"), SNAPSHOT1))
    assert old == new
