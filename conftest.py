"""What all tests share: the switch that rewrites expected output, and where random numbers come from.

Tests depend on no luck: hypothesis draws the same examples in every run, with
`WASMER_EXAMPLES=random` others each time.
"""

from __future__ import annotations

import os
import signal

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bless", action="store_true", help="rewrite the expected output of golden tests")


def pytest_configure(config: pytest.Config) -> None:
    """Before any test module is read, which takes the profile that stands then."""
    os.environ["WASMER_CACHE_DIR"] = ""  # what is tested is compiled
    os.environ.setdefault("WASMER_CLIF_CHECK", "1")  # whatever the cranelift backend compiles is proved, as it goes
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell leaves it to what it starts in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        from hypothesis import HealthCheck, settings
    except ImportError:  # a session without it runs no such test
        return
    wanted = os.environ.get("WASMER_EXAMPLES", "")
    quiet = [HealthCheck.too_slow]  # a busy machine is no fault of a test
    settings.register_profile("same", derandomize=True, database=None, deadline=None, suppress_health_check=quiet)
    settings.register_profile("random", settings.get_profile("same"), derandomize=False)
    settings.load_profile("random" if wanted == "random" else "same")


SLOW_TO_COMPILE = "llvm"
"""A backend that meets the large ones among real programs for one version of WASI alone; ``./do matrix`` runs all."""
SLOWEST_TO_COMPILE = "cranelift"
"""One that meets each program once, and of real programs the small ones."""


def is_for_the_matrix(item: pytest.Item) -> bool:
    """Whether a test of a program is left to ``./do matrix``."""
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    if item.path.name not in ("test_programs.py", "test_real_programs.py"):
        return False
    backend, version = parameters.get("backend"), parameters.get("version", "latest")
    is_large = "examples" not in getattr(parameters.get("program"), "origin", "examples")
    if backend == SLOWEST_TO_COMPILE:
        return is_large or version != "latest"
    return backend == SLOW_TO_COMPILE and is_large and version == "snapshot0"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.pluginmanager.hasplugin("tests.programs.matrix"):
        return
    left = [item for item in items if is_for_the_matrix(item)]
    if left:
        items[:] = [item for item in items if not is_for_the_matrix(item)]
        config.hook.pytest_deselected(items=left)


@pytest.fixture
def bless(request: pytest.FixtureRequest) -> bool:
    """Whether a golden test should write what it sees instead of comparing."""
    return bool(request.config.getoption("--bless"))
