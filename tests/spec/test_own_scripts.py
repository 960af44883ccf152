"""Scripts of this repository, for what the specification's releases have no scripts of: every command passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backends import BACKENDS, compiler_or_skip
from tests.spec.runner import run_script

SCRIPTS = sorted(Path(__file__).with_name("own").glob("*.wast"))


@pytest.mark.parametrize("script", SCRIPTS, ids=[script.stem for script in SCRIPTS])
@pytest.mark.parametrize("backend", BACKENDS)
def test_script(backend: str, script: Path) -> None:
    compiler_or_skip(backend)
    result = run_script(script, backend)
    assert result.failures == {}
    assert result.passed == result.assertions > 0
