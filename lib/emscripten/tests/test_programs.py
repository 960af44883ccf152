"""Programs that emcc has built print what they print in node, or natively, on every backend."""

from __future__ import annotations

from typing import Any

import pytest
from programs import PROGRAMS, TODAY
from worlds import fixture, todays

from wasmer_emscripten import CAPTURE, load

RUNS = [
    pytest.param(program, run, id=f"{program.name}-{run.name}")
    for program in PROGRAMS
    if program.kept
    for run in program.runs
]


@pytest.mark.parametrize(("built", "run"), RUNS)
def test_a_program_prints_what_it_must(built: Any, run: Any, backend: str) -> None:
    running = load(
        fixture(built.name, backend),
        args=run.args,
        env=dict(run.env),
        stdin=run.stdin,
        stdout=CAPTURE,
        stderr=CAPTURE,
        current="/tmp",
        libraries={side.name: side.module for side in built.sides},
    )
    code = running.main()
    expected, _, output = built.expected(run).read_bytes().partition(b"\n")
    assert running.stdout_bytes().decode().splitlines() == output.decode().splitlines()
    assert code == int(expected)
    running.close()


TODAYS = [
    pytest.param(program, run, id=f"{program.name}-{run.name}")
    for program in PROGRAMS
    if program.today
    for run in program.runs
]


@pytest.mark.parametrize(("built", "run"), TODAYS)
def test_what_is_built_today_prints_the_same(built: Any, run: Any, backend: str) -> None:
    libraries = {side.name: TODAY / side.module.name for side in built.sides}
    with load(todays(built.name, backend), args=run.args, stdout=CAPTURE, libraries=libraries) as running:
        code = running.main()
        expected, _, output = built.expected(run).read_bytes().partition(b"\n")
        assert running.stdout_bytes() == output.replace(b"Could not load dynamic lib", b"could not load dynamic lib")
        assert code == int(expected)


def test_every_fixture_belongs_to_a_program() -> None:
    from programs import FIXTURES

    made = {TODAY / each.module.name for program in PROGRAMS if program.today for each in (program, *program.sides)}
    assert set(TODAY.iterdir()) == made
    known = {program.module for program in PROGRAMS if program.kept}
    known |= {side.module for program in PROGRAMS if program.kept for side in program.sides}
    known |= {program.expected(run) for program in PROGRAMS if program.kept for run in program.runs}
    assert set(FIXTURES.iterdir()) == known | {TODAY}


def test_what_a_program_writes_to_standard_error_is_kept_apart() -> None:
    running = load(fixture("surroundings"), stdin=None, stdout=CAPTURE, stderr=CAPTURE, env={"MINE": "yes"})
    assert running.main("one") == 0
    assert running.stderr_bytes() == b"to the other stream\n"
    assert b"argument 1: one\n" in running.stdout_bytes() and b"mine yes" in running.stdout_bytes()


def test_each_program_has_its_own_files() -> None:
    first, second = (load(fixture("files"), stdout=CAPTURE) for _ in range(2))
    assert first.main() == second.main() == 0
    assert first.stdout_bytes() == second.stdout_bytes()
    assert first.fs.exists("/tmp/d/x") and second.fs.exists("/tmp/d/x")
    first.fs.unlink("/tmp/d/x")
    assert second.fs.exists("/tmp/d/x")
