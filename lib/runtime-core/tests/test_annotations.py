"""The names that annotations are made of cost nothing, and `mypy_extensions` is whole for whoever wants more of it."""

from __future__ import annotations

import subprocess
import sys
import typing

import mypy_extensions
import pytest

from wasmer_runtime_core.support import annotations, integers


def test_they_are_names_of_typing() -> None:
    assert set(annotations.__all__) - set(dir(typing)) == set(integers.__all__)
    assert set(integers.__all__) <= set(dir(mypy_extensions))


def run(program: str) -> None:
    """In a process where nobody has imported anything yet."""
    subprocess.run([sys.executable, "-c", program], check=True)


WHOLE: typing.Final = """
real = {}
exec(compile(open(mypy_extensions.__file__).read(), "mypy_extensions", "exec"), real)
for name in real:
    if not name.startswith("__"):
        getattr(mypy_extensions, name)
assert mypy_extensions.__doc__ == real["__doc__"]
assert mypy_extensions.i64 is i64 and isinstance(7, i64) and i64("7f", 16) == 127 == i64(x="127")
assert str(i64) == "<class 'mypy_extensions.i64'>"
from librt.vecs import append, vec
from mypy_extensions import u8
assert list(append(vec[u8]([1]), 2)) == [1, 2] and str(vec[i64]([5])) == "vec[i64]([5])"
try:
    mypy_extensions.nonsense
except AttributeError as error:
    assert "nonsense" in str(error)
else:
    raise AssertionError("a name that is none")
"""


@pytest.mark.parametrize(
    "imports",
    [
        "from wasmer_runtime_core.support.integers import i64; import mypy_extensions",
        "import mypy_extensions; from wasmer_runtime_core.support.integers import i64",
        "import librt.vecs, mypy_extensions; from wasmer_runtime_core.support.integers import i64",
    ],
)
def test_there_is_one_mypy_extensions_and_it_is_whole(imports: str) -> None:
    run(imports + WHOLE)


def test_it_looks_like_the_module_before_it_is_loaded() -> None:
    run("""
import importlib.util, sys
real = importlib.util.find_spec("mypy_extensions")
import wasmer_runtime_core.support.integers
import mypy_extensions
assert importlib.util.find_spec("mypy_extensions").origin == mypy_extensions.__file__ == real.origin
assert not hasattr(mypy_extensions, "__path__") and not hasattr(mypy_extensions, "__warningregistry__")
assert "u64" not in vars(mypy_extensions), "asking for what every module has does not load it"
from mypy_extensions import u64
assert u64(5) == 5 and type(mypy_extensions) is type(sys)
""")


def test_threads_that_ask_at_once_get_the_same() -> None:
    run("""
import sys, threading
sys.setswitchinterval(1e-6)
import wasmer_runtime_core.support.integers
import mypy_extensions
found, barrier = [], threading.Barrier(8)
def ask():
    barrier.wait()
    found.append(mypy_extensions.i64)
    mypy_extensions.TypedDict
    found.append(mypy_extensions.i64)
threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len(found) == 16 and len(set(found)) == 1
""")
