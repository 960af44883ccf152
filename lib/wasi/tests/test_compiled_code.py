"""Called from compiled code, on every backend, the functions answer as when they are called directly.

That holds for whole scenarios, in both versions, and shows that numbers cross the boundary
whole: negative ones, 64-bit ones, pointers at the end of memory.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from guests import BUFFER, RESULT, DirectGuest, Guest, RuntimeGuest, plant
from scenarios import SCENARIOS

from wasmer_wasi import ExitCode
from wasmer_wasi.types import SNAPSHOT0, SNAPSHOT1


@pytest.mark.parametrize("version", ["snapshot0", "snapshot1", "latest"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenarios(name: str, version: str, backend: str, tmp_path: Path) -> None:
    (tmp_path / "compiled").mkdir()
    (tmp_path / "direct").mkdir()
    number = SNAPSHOT0 if version == "snapshot0" else SNAPSHOT1
    guest = RuntimeGuest(plant(tmp_path / "compiled"), number, backend, latest=version == "latest")
    compiled = list(SCENARIOS[name](guest))
    direct = list(SCENARIOS[name](DirectGuest(plant(tmp_path / "direct"), number)))
    assert compiled == direct


def test_exit_unwinds_to_the_caller(runtime_guest: Guest) -> None:
    for code in (0, 1, 255, -1):
        with pytest.raises(ExitCode) as end:
            runtime_guest.call("proc_exit", code)
        assert end.value.code == code & 0xFFFFFFFF
    assert runtime_guest.call("sched_yield") == "SUCCESS"


def test_memory_that_grows_in_between(tmp_path: Path, backend: str) -> None:
    guest = RuntimeGuest(plant(tmp_path), 1, backend)
    memory = guest.instance.exports.memory
    end = len(memoryview(memory))
    assert guest.call("clock_time_get", 0, 0, end - 4) == "FAULT"
    memory.grow(1)
    assert guest.call("clock_time_get", 0, 0, end - 4) == "SUCCESS"
    assert bytes(memoryview(memory)[end : end + 4]) != bytes(4)


def test_pointers_above_two_gigabytes_are_not_negative(runtime_guest: Guest) -> None:
    for pointer in (-1, -8, -(1 << 31), (1 << 31) - 1):
        assert runtime_guest.call("fd_write", 1, pointer, 1, RESULT) == "FAULT"
        assert runtime_guest.call("clock_time_get", 0, 0, pointer) == "FAULT"
    assert runtime_guest.call("fd_write", 1, *runtime_guest.iovecs((BUFFER, 0xFFFFFFFF)), RESULT) == "FAULT"
