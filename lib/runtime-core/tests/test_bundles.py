"""Modules that are taken from a bundle are what they were otherwise; what is no bundle for them is passed over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from wasmer_runtime_core import build_hook, bundles

PACKAGE: Final = "wasmer_bundled"
SOURCES: Final = {
    "__init__.py": "",
    "plain.py": "NUMBER = 1\ndef fail() -> None:\n    raise ValueError('here')\n",
    "inner/__init__.py": "from wasmer_bundled.inner.deep import WORD\n",
    "inner/deep.py": "WORD = 'deep'\n",
    "left_out.py": "NUMBER = 2\n",
}
BEGIN: Final = f"import sys, wasmer_runtime_core, {PACKAGE}\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with a bundle, whose sources say something else by now."""
    directory = tmp_path / PACKAGE
    for name, text in SOURCES.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    made = build_hook.bundled(directory, [f"{PACKAGE}/left_out.py"])
    (directory / bundles.NAME).write_bytes(made)
    plain = directory / "plain.py"
    plain.write_text(plain.read_text().replace("NUMBER = 1", "NUMBER = 9"))
    return directory


def said(package: Path, code: str, *options: str) -> str:
    """What a fresh interpreter prints that finds the package."""
    path = [str(package.parent), *sys.path]
    result = subprocess.run(
        [sys.executable, *options, "-c", f"import sys; sys.path[:] = {path!r}\n{BEGIN}{code}"],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    return (result.stdout + result.stderr).strip()


def test_modules_come_from_the_bundle(package: Path) -> None:
    code = (
        f"import {PACKAGE}.plain as plain, {PACKAGE}.inner as inner, {PACKAGE}.left_out as left_out\n"
        "print(plain.NUMBER, inner.WORD, left_out.NUMBER)\n"
        "print(plain.__cached__ == inner.deep.__cached__, plain.__cached__ == left_out.__cached__)\n"
        "print(plain.__file__, inner.__path__, inner.__package__, plain.__package__)"
    )
    plain, inner = package / "plain.py", package / "inner"
    assert said(package, code).splitlines() == [
        "1 deep 2",
        "True False",
        f"{plain} {[str(inner)]} {PACKAGE}.inner {PACKAGE}",
    ]


def test_tracebacks_sources_and_resources_are_found(package: Path) -> None:
    code = (
        f"import inspect, importlib.resources, traceback, {PACKAGE}.plain as plain, {PACKAGE}.inner\n"
        f"print(inspect.getsource(plain.fail).splitlines()[0], importlib.resources.files({PACKAGE}.inner))\n"
        "try: plain.fail()\n"
        "except ValueError as error: print(traceback.extract_tb(error.__traceback__)[-1].filename)"
    )
    assert said(package, code).splitlines() == [
        f"def fail() -> None: {package / 'inner'}",
        str(package / "plain.py"),
    ]


NUMBER: Final = f"import {PACKAGE}.plain; print({PACKAGE}.plain.NUMBER)"


def test_another_bundle_than_was_looked_into_is_none(package: Path) -> None:
    """An installer puts another in its place while a program runs."""
    path = package / bundles.NAME
    replaced = f"import os; os.replace({str(path)!r} + '.new', {str(path)!r})\n{NUMBER}"
    path.with_suffix(".bundle.new").write_bytes(path.read_bytes())
    assert said(package, f"import {PACKAGE}.inner\n{replaced}") == "9"
    assert said(package, f"import {PACKAGE}.inner, os; os.remove({str(path)!r})\n{NUMBER}") == "9"


def test_what_this_python_cannot_use_is_passed_over(package: Path) -> None:
    path = package / bundles.NAME
    whole = path.read_bytes()
    assert said(package, NUMBER) == "1"
    assert said(package, NUMBER, "-O") == "9"  # it has assertions
    for other in (b"\0" + whole[1:], whole[:10], b""):
        path.write_bytes(other)
        assert said(package, NUMBER) == "9"


def test_a_bundle_has_all_modules_but_what_is_compiled_or_imported_before() -> None:
    source = Path(bundles.__file__).parent
    made = build_hook.bundled(source, [f"{source.name}/wasm/reader.py"])
    path = {str(each) for each in source.rglob("*.py")}
    names = {each.removeprefix(f"{source.parent}/").removesuffix(".py").replace("/", ".") for each in path}
    names = {each.removesuffix(".__init__") for each in names}
    length = int.from_bytes(made[16:20], "little")
    import marshal

    index = marshal.loads(made[20 : 20 + length])
    assert set(index) == names - {source.name, f"{source.name}.bundles", f"{source.name}.wasm.reader"}
    assert [name for name, row in index.items() if row[2]] == [
        name for name in index if (source.parent / name.replace(".", "/")).is_dir()
    ]
