"""Features against the scripts of the other releases: that before them, and that after."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.spec import engine
from tests.spec.corpus import NO_BACKEND, NO_DATA, script_path, scripts
from tests.spec.runner import run_script
from wasmer_runtime_core.errors import CompileError, UnsupportedFeatureError
from wasmer_runtime_core.features import FEATURES, switched_off
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.text.script import read_script
from wasmer_runtime_core.wasm.validation.validate import validate_module

OTHERWISE: dict[str, set[int]] = {"1.0/unreached-invalid": {538}, "1.0/address": {206}}
"""Assertions of 1.0 that no feature takes back: 2.0 types code that cannot run in another way. A text may have an
offset of more than 32 bits; the binary that comes of it is refused, in other words."""


@pytest.mark.skipif(not scripts(("1.0",)), reason=NO_DATA)
def test_without_the_features_of_later_releases_the_scripts_of_1_0_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those too that a later release supersedes."""
    off = switched_off({row.name: False for row in FEATURES if row.here})
    check: Callable[[bytes], object] = lambda binary: validate_module(decode_module(binary), off)  # noqa: E731
    monkeypatch.setattr(engine, "check", check)
    passed = 0
    for name in scripts(("1.0",)):
        result = run_script(script_path(name), NO_BACKEND)
        assert result.failures.keys() == OTHERWISE.get(name, set()), (name, result.failures)
        passed += result.passed
    assert passed > 2000


COMPILES = ("module", "definition", "assert_trap", "assert_unlinkable")


@pytest.mark.skipif(not scripts(("3.0",)), reason=NO_DATA)
def test_modules_of_3_0_are_accepted_or_refused_by_name() -> None:
    """Each module that a script of 3.0 compiles."""
    named = set()
    accepted = 0
    for name in scripts(("3.0",)):
        if name.startswith("3.0/simd/"):
            continue  # they are those of 2.0
        for command in read_script(script_path(name).read_bytes()):
            if command.module is None or command.kind not in (
                "module",
                "definition",
                "assert_trap",
                "assert_unlinkable",
            ):
                continue
            try:
                validate_module(decode_module(command.module.encode()))
                accepted += 1
            except UnsupportedFeatureError as error:
                named.add(error.feature)
            except CompileError as error:
                pytest.fail(f"{name}:{command.line}: {error}")
    missing = {row.name for row in FEATURES if row.release == "3.0" and not row.here}
    assert named == missing
    assert accepted > 1000
