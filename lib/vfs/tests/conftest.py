"""Fixtures of the tests of vfs, and the way to their helper module."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from trees import KINDS, make

from wasmer_vfs import Directory


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def tree(kind: str, tmp_path: Path) -> Iterator[Directory]:
    """A tree with a canary beside it."""
    canary = tmp_path / "canary"
    canary.write_bytes(b"alive")
    made = make(kind, tmp_path / "root")
    yield made
    made.close()
    assert canary.read_bytes() == b"alive" and {path.name for path in tmp_path.iterdir()} <= {"canary", "root"}
