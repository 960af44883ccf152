"""The specification's scripts of 2.0 on this compiler, with every function verified and every allocation proved.

The backend is not among those that the workspace's own run of the scripts finds; here it stands in for the one that
says it is not there.
"""

from __future__ import annotations

import pytest

from tests.spec.corpus import NO_DATA, data_directory, script_path, scripts
from tests.spec.runner import run_script
from tests.spec.verdict import judge
from wasmer_clif_backend.compiler import ClifCompiler
from wasmer_runtime_core.compiling import registry as backends


@pytest.mark.skipif(data_directory() is None, reason=NO_DATA)
@pytest.mark.parametrize("script", scripts(("2.0",)))
def test_script(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backends._found, "cranelift", ClifCompiler(prove=True))
    verdict = judge(script, "cranelift", run_script(script_path(script), "cranelift"))
    assert not verdict.problems, "\n" + verdict.report()
