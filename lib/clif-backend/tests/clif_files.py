"""Where test files of CLIF are: our own beside the tests, Cranelift's in the test data, if that is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
TESTDATA = Path(os.environ.get("WASMER_TESTDATA") or ROOT.parent / "shared" / "testdata")
RUNTESTS = TESTDATA / "clif-runtests"
OWN = sorted((HERE / "runtests").glob("*.clif"))
GIVEN = sorted(RUNTESTS.glob("*.clif"))

needs_given_files = pytest.mark.skipif(
    not RUNTESTS.is_dir(), reason=f"Cranelift's run tests are not at {RUNTESTS}: set WASMER_TESTDATA"
)


def by_name(path: Path) -> str:
    """What a parametrised test is called."""
    return path.stem
