"""Other Pythons are found where they are kept, asked what they are, and have wheels of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import pythons, wheels

HERE = f"python3.{sys.version_info.minor}"


def put(folder: Path, name: str, text: str = "") -> Path:
    """A program of that name: this interpreter, or a script."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    if text:
        path.write_text(text)
        path.chmod(0o755)
    else:
        path.symlink_to(sys.executable)
    return path


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has no Python but those put below this folder."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    return tmp_path


def test_they_are_found_on_the_path_and_in_pyenv_and_uv(places: Path) -> None:
    found = [
        put(places / "bin", "python3.12"),
        put(places / "pyenv" / "versions" / "3.14.2" / "bin", "python3.14"),
        put(places / "uv" / "cpython-3.13" / "bin", "python3.13"),
    ]
    assert [path for _, path in pythons.candidates()] == found


def test_old_ones_and_what_is_no_program_of_its_own_are_left_out(places: Path) -> None:
    put(places / "bin", "python3.10")
    put(places / "bin", "python3.12-config")
    put(places / "bin", "python3.13", "#!/bin/sh\nexit 127\n")  # as pyenv's are for versions that are not chosen
    (places / "bin" / "python3.14").symlink_to(places / "nowhere")
    assert not list(pythons.candidates())


def test_one_that_is_not_what_its_name_says_is_no_other(places: Path) -> None:
    put(places / "bin", f"python3.{sys.version_info.minor + 1}")
    put(places / "bin", HERE)
    pythons.others.cache_clear()
    try:
        assert pythons.others() == ()
    finally:
        pythons.others.cache_clear()


def test_this_one_answers_and_what_does_not_is_none(tmp_path: Path) -> None:
    assert pythons.this().release == sys.version_info[:2] and pythons.this().facts[0] == sys.version
    assert pythons.ask(put(tmp_path, "python3.12", "#!/bin/sh\necho 3.12\n")) is None
    assert pythons.ask(tmp_path / "nowhere") is None


def test_each_has_wheels_and_a_builder_of_its_own() -> None:
    this = pythons.this()
    other = this._replace(release=(3, 99), facts=("3.99", *this.facts[1:]))
    assert wheels.key("runtime", False, this) == wheels.key("runtime", False, this)
    assert wheels.key("runtime", False, this) != wheels.key("runtime", False, other)
    assert wheels._folder("runtime", True, this) != wheels._folder("runtime", True, other)


@pytest.mark.parametrize("python", pythons.others(), ids=lambda python: python.name)
def test_the_others_of_this_machine_are_what_they_say(python: pythons.Python) -> None:
    assert python.release >= pythons.OLDEST and python.release != sys.version_info[:2]
    assert python.facts[0].startswith(python.name + ".") and not python.unfit
