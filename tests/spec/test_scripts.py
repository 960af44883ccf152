"""Every script on every backend."""

from __future__ import annotations

import pytest

from tests.spec.corpus import (
    AHEAD,
    LAZY,
    LEVELS,
    NO_DATA,
    STORED,
    SUPPORTED,
    SWAPPED,
    all_expected_failures,
    data_directory,
    scripts,
)
from tests.spec.run import default_backends
from tests.spec.verdict import Verdict, judge
from tests.spec.workers import Worker
from wasmer_runtime_core.compiling.registry import find_compiler

needs_data = pytest.mark.skipif(data_directory() is None, reason=NO_DATA)

ONE_RELEASE = ("cranelift",)
"""Backends that run the newest release only, which says all that the others say; ``./do spec`` runs all."""

CASES = [
    (backend, script)
    for backend in default_backends()
    for script in scripts((SUPPORTED,) if backend in ONE_RELEASE else LEVELS) + scripts(("3.0",), AHEAD)
]


@needs_data
@pytest.mark.parametrize(("backend", "script"), CASES, ids=[f"{backend}-{script}" for backend, script in CASES])
def test_script(backend: str, script: str, workers: dict[str, Worker], verdicts: list[Verdict]) -> None:
    worker = workers.setdefault(backend, Worker(backend))
    verdict = judge(script, backend, worker.run(script))
    verdicts.append(verdict)
    assert not verdict.problems, "\n" + verdict.report()


SAMPLE = (
    *("1.0/address", "1.0/linking", "1.0/names", "2.0/bulk", "2.0/call_indirect", "2.0/data", "2.0/elem"),
    *("2.0/exports", "2.0/global", "2.0/imports", "2.0/ref_func", "2.0/start", "2.0/table_copy", "2.0/traps"),
    *("2.0/simd_const", "3.0/multi-memory/data0", "3.0/multi-memory/memory_init0"),
    *("3.0/memory64/memory64", "3.0/memory64/table_init64"),
)
"""Scripts that are run from artifacts with every run of the tests; ``./do spec`` runs all."""
STORED_CASES = [
    (backend + STORED, script) for backend in default_backends() for script in scripts(("1.0", "2.0", "3.0"), SAMPLE)
]


@needs_data
@pytest.mark.parametrize(("backend", "script"), STORED_CASES, ids=[f"{one}-{other}" for one, other in STORED_CASES])
def test_script_from_artifacts(backend: str, script: str, workers: dict[str, Worker], verdicts: list[Verdict]) -> None:
    test_script(backend, script, workers, verdicts)


LAZY_SAMPLE = (
    *("1.0/call", "1.0/fac", "1.0/func_ptrs", "1.0/linking", "2.0/call_indirect", "2.0/ref_func", "2.0/start"),
    *(
        "2.0/table_copy",
        "2.0/traps",
        "2.0/simd_lane",
        "3.0/*/return_call",
        "3.0/*/return_call_indirect",
        "3.0/*/throw*",
    ),
    *("3.0/*/try_table", "3.0/*/call_ref", "3.0/memory64/table_init64"),
)
"""Scripts whose functions are compiled when they are called, with every run of the tests; ``./do spec`` runs all."""
LAZY_CASES = [
    (backend + LAZY, script)
    for backend in default_backends()
    if hasattr(find_compiler(backend), "in_parts")
    for script in scripts(("1.0", "2.0", "3.0"), LAZY_SAMPLE)
]


@needs_data
@pytest.mark.parametrize(("backend", "script"), LAZY_CASES, ids=[f"{one}-{other}" for one, other in LAZY_CASES])
def test_script_compiled_lazily(backend: str, script: str, workers: dict[str, Worker], verdicts: list[Verdict]) -> None:
    test_script(backend, script, workers, verdicts)


SWAPPED_SAMPLE = (
    *("1.0/func_ptrs", "1.0/linking", "2.0/call_indirect", "2.0/table_copy", "2.0/traps"),
    *("3.0/return_call*", "3.0/exceptions/t*", "3.0/call_ref"),
)
"""Likewise, whose functions get other code between calls."""


@needs_data
@pytest.mark.skipif("cranelift" not in default_backends(), reason="both backends are needed")
@pytest.mark.parametrize("script", scripts(("1.0", "2.0", "3.0"), SWAPPED_SAMPLE))
def test_script_with_code_exchanged(script: str, workers: dict[str, Worker], verdicts: list[Verdict]) -> None:
    test_script(SWAPPED, script, workers, verdicts)


@needs_data
def test_expected_failures_name_scripts_that_exist() -> None:
    names = scripts()
    from fnmatch import fnmatchcase

    for row in all_expected_failures():
        assert any(fnmatchcase(name, row.file) for name in names), row
        assert row.reason


@needs_data
def test_all_assertions_are_found() -> None:
    """The counts that the releases are known to have."""
    from tests.spec.corpus import script_path
    from wasmer_runtime_core.wasm.text.script import read_script

    counts = {}
    for level in ("1.0", "2.0"):
        counts[level] = sum(
            command.kind.startswith("assert_")
            for name in scripts((level,))
            for command in read_script(script_path(name).read_bytes())
        )
    assert counts == {"1.0": 18_438, "2.0": 52_230}
