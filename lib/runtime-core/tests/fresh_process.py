"""Processes of their own, for what a test cannot do to the one that runs it."""

from __future__ import annotations

import subprocess
import sys


def fresh_process(code: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a new interpreter that finds what this one finds."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{code}"],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
