"""A pytest plugin (``-p tests.programs.matrix``): what passed, backend by WASI version.

Every test with parameters `backend` and `version` counts, wherever it is.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import pytest

VERSIONS: Final = ("snapshot0", "snapshot1", "latest")
_OUTCOMES: Final = ("passed", "failed", "skipped")

_places: dict[str, tuple[str, str]] = {}
_counts: Counter[tuple[str, str, str]] = Counter()


def place(item: Any) -> tuple[str, str] | None:
    """The (backend, version) that a test is about, if it is about one of each."""
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    backend, version = parameters.get("backend"), parameters.get("version")
    if not isinstance(backend, str) or version is None:
        return None
    return backend, version if isinstance(version, str) else VERSIONS[version]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        found = place(item)
        if found is not None:
            _places[item.nodeid] = found


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    found = _places.get(report.nodeid)
    if found is not None and (report.when == "call" or report.outcome != "passed"):
        _counts[(*found, report.outcome)] += 1


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not _counts:
        return
    terminalreporter.section("backend by WASI version")
    terminalreporter.write_line(f"{'backend':<12}" + "".join(f"{version:>24}" for version in VERSIONS))
    for backend in sorted({backend for backend, _, _ in _counts}):
        cells = [cell({outcome: _counts[backend, version, outcome] for outcome in _OUTCOMES}) for version in VERSIONS]
        terminalreporter.write_line(f"{backend:<12}" + "".join(f"{text:>24}" for text in cells))


def cell(counts: dict[str, int]) -> str:
    """``128 passed, 2 skipped``; nothing of what there is none of."""
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count) or "-"
