"""What all tests share: the switch that rewrites expected output."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bless", action="store_true", help="rewrite the expected output of golden tests")


@pytest.fixture
def bless(request: pytest.FixtureRequest) -> bool:
    """Whether a golden test should write what it sees instead of comparing."""
    return bool(request.config.getoption("--bless"))
