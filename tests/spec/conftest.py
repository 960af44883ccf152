"""The totals of the scripts at the end of a pytest run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.spec.verdict import Verdict, table
from tests.spec.workers import Worker

VERDICTS = pytest.StashKey[list[Verdict]]()


@pytest.fixture(scope="session")
def workers() -> Iterator[dict[str, Worker]]:
    """Backend -> its worker, shared by all scripts."""
    running: dict[str, Worker] = {}
    yield running
    for worker in running.values():
        worker.close()


@pytest.fixture
def verdicts(pytestconfig: pytest.Config) -> list[Verdict]:
    """What has been run so far."""
    return pytestconfig.stash.setdefault(VERDICTS, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    verdicts = config.stash.get(VERDICTS, [])
    if verdicts:
        terminalreporter.section("specification scripts")
        terminalreporter.write_line("\n".join(table(verdicts)))
