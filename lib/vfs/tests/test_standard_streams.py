"""What can be given as a standard stream, and what is refused with a word what to give."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from wasmer_vfs.standard_streams import INHERIT, as_input, as_output, captured_bytes, open_stream
from wasmer_vfs.streams import Captured


def read(given: Any) -> bytes:
    file = open_stream(as_input(given), 0)
    buffer = bytearray(8)
    count = file.read([memoryview(buffer)])
    file.close()
    return bytes(buffer[:count])


def test_inputs(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"file")
    lines = [b"given"]
    for given, expected in [
        (b"bytes", b"bytes"),
        (bytearray(b"more"), b"more"),
        (io.BytesIO(b"object"), b"object"),
        (tmp_path / "f", b"file"),
        (lambda size: lines.pop(), b"given"),
        (None, b""),
    ]:
        assert read(given) == expected


def test_outputs() -> None:
    kept, written = Captured(8), io.BytesIO()
    for given in (kept, written, None):
        file = open_stream(as_output(given, "output"), 1)
        assert file.write([b"text"]) == 4
        file.close()
    assert captured_bytes(kept, 1) == captured_bytes(written, 1) == b"text"
    with pytest.raises(TypeError, match="stdout is not captured"):
        captured_bytes(INHERIT, 1)


@pytest.mark.parametrize("wrong", ["text", 3, object(), io.BytesIO])
def test_what_is_no_input(wrong: Any) -> None:
    with pytest.raises(TypeError, match="standard input"):
        as_input(wrong)


@pytest.mark.parametrize("wrong", ["text", Path("log"), 3, io.BytesIO])
def test_what_is_no_output(wrong: Any) -> None:
    with pytest.raises(TypeError, match="standard error is a file object"):
        as_output(wrong, "error")


def test_a_directory_is_no_input(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="is a directory"):
        open_stream(tmp_path, 0)
