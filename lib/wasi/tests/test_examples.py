"""The examples in Python print what they say they do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "python"

OUTPUT = {
    "hello": "42\n0\nTrue False\n",
    "host_functions": "7\nhello from wasm\n1.5\nthe program was ended by ValueError('I do not like 7')\n",
    "middleware": "a store at byte 64\na store at byte 64\npoints: 23\n",
    "memory": "sum of what Python wrote: 15\npages before growing: 1 bytes now: 131072\nstill there: [1, 2, 3, 4, 5]\n",
    "wasi": (
        "built for WasiVersion.SNAPSHOT1\nexit code 3\n"
        "standard output: b'hello, file\\n'\nthe file: b'hello, file\\n'\n"
    ),
}

ELSEWHERE = {"cluster"}
"""What needs more than is installed here; the tests of wasmer-runtime run it (`test_sharing`)."""


def test_every_example_is_known() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*OUTPUT, *ELSEWHERE}


@pytest.mark.parametrize("name", OUTPUT)
def test_example(name: str, backend: str) -> None:
    done = subprocess.run([sys.executable, str(EXAMPLES / f"{name}.py")], capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == (OUTPUT[name], "", 0)
