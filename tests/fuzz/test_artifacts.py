"""A little fuzzing of artifacts with every run of the tests, always the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_changed_artifact_is_refused_or_holds() -> None:
    """In a process of its own, for a fault would end it."""
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.fuzz.artifacts", "0", "2000"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr[-3000:]
    found = json.loads(ran.stdout)
    assert found["damaged"] > 1900 and found["refused"] > 500 and found["used"] > 500
