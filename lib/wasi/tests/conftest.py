"""Fixtures of the WASI tests, and the way to their helper modules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from guests import DirectGuest, Guest, RuntimeGuest, backends, plant

from wasmer_wasi.types import SNAPSHOT0, SNAPSHOT1

VERSIONS = [pytest.param(SNAPSHOT0, id="snapshot0"), pytest.param(SNAPSHOT1, id="snapshot1")]


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A directory to be preopened, and a canary outside it that is looked after when the test ends."""
    root = plant(tmp_path)
    canary = tmp_path / "canary"
    before = (canary.read_bytes(), canary.stat().st_mtime_ns, sorted(path.name for path in tmp_path.iterdir()))
    yield root
    after = (canary.read_bytes(), canary.stat().st_mtime_ns, sorted(path.name for path in tmp_path.iterdir()))
    assert after == before, "the guest touched something outside its directory"


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture
def guest(tree: Path, version: int) -> Iterator[Guest]:
    """A guest that calls the host functions directly, with `tree` preopened as /d."""
    made = DirectGuest(tree, version)
    yield made
    made.close()


@pytest.fixture(params=backends())
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def runtime_guest(tree: Path, version: int, backend: str) -> Iterator[Guest]:
    """The same, from inside a module that the runtime has compiled."""
    made = RuntimeGuest(tree, version, backend)
    yield made
    made.close()
