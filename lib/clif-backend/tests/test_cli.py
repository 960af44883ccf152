"""The commands on CLIF files."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from wasmer_clif_backend.cli import main

GOOD = "function %f(i32) -> i32 {\nblock5(v7: i32):\n    return v7\n}\n"


def test_print(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.clif"
    path.write_text(GOOD)
    assert main(["print", str(path)]) == 0
    assert capsys.readouterr().out == "function %f(i32) -> i32 {\nblock0(v0: i32):\n    return v0\n}\n"


def test_print_from_the_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(GOOD))
    assert main(["print", "-"]) == 0
    assert "return v0" in capsys.readouterr().out


def test_bad_files_are_said_and_the_others_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.clif"
    bad.write_text("function %f() {\nblock0:\n    returns\n}")
    binary = tmp_path / "binary.clif"
    binary.write_bytes(b"\xff\xfe")
    good = tmp_path / "good.clif"
    good.write_text(GOOD)
    names = [str(bad), str(binary), str(tmp_path / "none.clif"), str(good)]
    assert main(["print", *names]) == 1
    said = capsys.readouterr()
    assert "return v0" in said.out
    assert said.err.splitlines()[0] == f"{bad}:3:5: there is no instruction 'returns'"
    assert said.err.splitlines()[1].startswith(f"{binary}: no text: ")
    assert said.err.splitlines()[2] == f"{tmp_path}/none.clif: No such file or directory"


def test_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.clif"
    path.write_text("function %f(i64) -> i32 {\nblock0(v7: i64):\n    return v7\n}\n" + GOOD)
    assert main(["verify", str(path)]) == 1
    assert capsys.readouterr().err == f"{path}:3: %f: return v0: returns i64; the signature says i32\n"
