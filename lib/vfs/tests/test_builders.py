"""What a program is given, collected by the base of all builders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wasmer_vfs import MemoryDirectory, VirtualClock
from wasmer_vfs.builders import StateBuilder
from wasmer_vfs.standard_streams import INHERIT
from wasmer_vfs.streams import Captured


def test_what_is_said_is_kept_in_its_order() -> None:
    directory, clock = MemoryDirectory(), VirtualClock()
    builder = StateBuilder().arg("a").args(["b", b"c"]).env("X", "1").envs({"Y": "2"}).envs([("X", "3")])
    builder.map_dir("/d", directory).map_dirs([("/e", "host")]).current_dir("/d").clock(clock).random(7).descriptors(9)
    assert builder._args == [b"a", b"b", b"c"]
    assert builder._environ == {b"X": b"3", b"Y": b"2"}
    assert builder._mounts == {b"/d": directory, b"/e": "host"}
    assert (builder._current, builder._clock, builder._descriptors) == (b"/d", clock, 9)
    assert builder._random(4) == StateBuilder().random(7)._random(4)
    assert builder._streams == [INHERIT, INHERIT, INHERIT]
    builder.stdin(b"text").stdout(None).capture_stderr(5)
    assert builder._streams[:2] == [b"text", None] and isinstance(builder._streams[2], Captured)


def test_variables_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THIS_PROCESS", "value")
    assert StateBuilder()._environ == {}
    assert StateBuilder().inherit_env()._environ[b"OF_THIS_PROCESS"] == b"value"


class Special(StateBuilder):
    """An integration's own."""


def test_each_method_returns_the_builder() -> None:
    assert isinstance(Special().arg("a").capture_stdout().stderr(None), Special)


WRONG: dict[str, tuple[Callable[[StateBuilder], Any], type[Exception], str]] = {
    "an argument with a NUL": (lambda b: b.arg("a\0b"), ValueError, "NUL"),
    "arguments that are one": (lambda b: b.args("text"), TypeError, "several"),
    "a variable without a name": (lambda b: b.env("", "x"), ValueError, "empty"),
    "a variable with an equals sign": (lambda b: b.env("A=B", "x"), ValueError, "'='"),
    "a value with a NUL": (lambda b: b.env("A", "\0"), ValueError, "NUL"),
    "a relative mount": (lambda b: b.map_dir("relative", "."), ValueError, "from / on"),
    "input that is a text": (lambda b: b.stdin("text"), TypeError, "str"),
    "output that is a path": (lambda b: b.stdout("path"), TypeError, "open the file"),
}


@pytest.mark.parametrize("which", WRONG)
def test_what_is_wrong_is_said_at_once(which: str) -> None:
    call, kind, says = WRONG[which]
    with pytest.raises(kind, match=says):
        call(StateBuilder())
