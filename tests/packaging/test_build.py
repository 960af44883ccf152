"""The build hook asks for the right things, compiles the right files and fails with a clear word."""

from __future__ import annotations

import importlib.util
import re
import sysconfig
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

from tests.packaging.distributions import NAMES, ROOT, installed, package, pyproject
from tools.wheels import group, hook_table

COMPILED = [name for name in NAMES if "modules" in hook_table(name)]


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    """`build_hook.py` of the sources, loaded as the hooks load it."""
    path = package("runtime-core") / "build_hook.py"
    specification = importlib.util.spec_from_file_location("build_hook_under_test", path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_compilers_version_is_the_workspaces() -> None:
    pinned = {Requirement(text).name: text for text in group("build")}
    wanted = pyproject("runtime-core")["project"]["optional-dependencies"]["build"]
    assert {pinned["mypy"], pinned["librt"]} <= set(wanted), "these decide the machine code"
    for requirement in map(Requirement, wanted):
        (exact,) = Requirement(pinned[requirement.name]).specifier
        assert requirement.specifier.contains(exact.version)
    for name in COMPILED:
        assert pinned["librt"] in pyproject(name)["project"]["dependencies"], "compiled code is bound to its librt"


def test_the_hooks_are_one_piece_of_code() -> None:
    assert "runtime-core" in COMPILED and "singlepass-backend" in COMPILED
    texts = {(ROOT / "lib" / name / "hatch_build.py").read_text() for name in NAMES}
    assert len(texts) == 1
    for name in NAMES:
        assert "hatch_build.py" in pyproject(name)["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_installed_has_a_bundle(hook: ModuleType, name: str) -> None:
    """But for an editable installation."""
    place = Path(str(installed(name).locate_file(package(name).name)))
    if not place.is_dir():
        pytest.skip(f"wasmer-{name} is installed as its sources")
    assert (place / "modules.bundle").is_file()


@pytest.mark.parametrize("name", COMPILED)
def test_the_installed_hot_modules_are_compiled_all_or_none(hook: ModuleType, name: str) -> None:
    hot = [path.relative_to(package(name)) for path in hook.hot_modules(package(name), hook_table(name)["modules"])]
    assert hot
    place = Path(str(installed(name).locate_file(package(name).name)))
    assert [path for path in hot if (place / path).with_suffix(EXTENSION_SUFFIXES[0]).is_file()] in ([], hot)


@pytest.mark.parametrize("name", COMPILED)
def test_what_uses_native_integers_is_compiled(hook: ModuleType, name: str) -> None:
    """Interpreted, such a module is slow; a new one is easily left out of the list. One may be taken away by name."""
    patterns = hook_table(name)["modules"]
    hot = hook.hot_modules(package(name), patterns)
    hot += [package(name) / pattern[1:] for pattern in patterns if pattern.startswith("!")]
    native = re.compile(r"^from (mypy_extensions|librt\.vecs) import .*\b(i64|i32|u8|vec)\b", re.MULTILINE)
    assert not [path for path in package(name).rglob("*.py") if native.search(path.read_text()) and path not in hot]


WRITTEN_BY_MYPYC = """\
CPyTagged CPyDef_numerals____half(CPyTagged cpy_r_n);
CPyTagged CPyDef_numerals____half(CPyTagged cpy_r_n) {
    CPyTagged cpy_r_r0;
    cpy_r_r0 = CPyTagged_FloorDivide(cpy_r_n, 4);
    return cpy_r_r0;
}
PyObject *CPyDef_numerals___Number___doubled(PyObject *cpy_r_self) {
    cpy_r_r1 = cpy_r_r0 * 2;
    cpy_r_r2 = CPyTagged_Multiply(4, cpy_r_r1);
CPyL1: ;
    cpy_r_r3 = CPyTagged_Multiply(4, cpy_r_r2);
}
char CPyDef_numerals___Number_____init__(PyObject *cpy_r_self) {
    cpy_r_r1 = CPyTagged_Multiply(4, cpy_r_r1);
}
"""


def test_products_of_large_ints_are_found_in_what_mypyc_wrote(hook: ModuleType) -> None:
    """That mypyc still writes so is seen where the name of its function is: in its own headers."""
    found = hook.large_products(WRITTEN_BY_MYPYC.splitlines())
    assert found == ["numerals.Number.doubled", "numerals.Number.__init__"]
    mypyc = importlib.util.find_spec("mypyc")
    if mypyc is None or mypyc.origin is None:
        pytest.skip("mypyc is not installed here")
    header = (Path(mypyc.origin).parent / "lib-rt" / "CPy.h").read_text()
    assert "CPyTagged CPyTagged_Multiply(CPyTagged left, CPyTagged right)" in header


def test_patterns_choose_and_take_away_and_never_match_nothing(hook: ModuleType, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.py").touch()
    chosen = [path.stem for path in hook.hot_modules(tmp_path, ["*.py", "!b.py"])]
    assert chosen == ["a", "c"]
    for patterns in (["d.py"], ["a.py", "!b.py"]):
        with pytest.raises(LookupError, match="no module matches"):
            hook.hot_modules(tmp_path, patterns)


@pytest.mark.parametrize(
    ("compiler", "include", "words"),
    [
        ("no-such-compiler", None, ["no C compiler", "no-such-compiler", "apt install gcc"]),
        (None, "/nonexistent", ["headers of Python", "apt install python3-dev"]),
    ],
)
def test_a_missing_compiler_is_one_sentence_that_says_what_to_install(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, compiler: str | None, include: str | None, words: list[str]
) -> None:
    monkeypatch.setenv("CC", compiler or "sh")
    if include:
        monkeypatch.setattr(sysconfig, "get_path", lambda name: include)
    with pytest.raises(Exception, match="Install") as raised:
        hook.native_build().check_platform()
    assert "\n" not in str(raised.value)
    for word in words:
        assert word in str(raised.value)


@pytest.mark.parametrize(("value", "pure"), [("1", True), ("0", False), ("", False)])
def test_the_switch_for_uncompiled_builds(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, value: str, pure: bool
) -> None:
    monkeypatch.setenv(hook.PURE, value)
    assert hook.is_pure() is pure


def test_stale_extension_modules_are_removed(hook: ModuleType, tmp_path: Path) -> None:
    stale = tmp_path / "package" / f"module{EXTENSION_SUFFIXES[0]}"
    stale.parent.mkdir()
    stale.touch()
    source = stale.with_name("module.py")
    source.touch()
    assert hook.remove_extensions(tmp_path) == [stale]
    assert not stale.exists() and source.exists()


def test_the_sessions_groups_exist() -> None:
    groups = pyproject("")["dependency-groups"]
    text = re.sub(r'GROUPS\["[\w-]+"\]', "", (ROOT / "noxfile.py").read_text())
    named = {name for names in re.findall(r"groups=\[([^\]]*)\]", text) for name in re.findall(r'"([\w-]+)"', names)}
    (table,) = re.findall(r"^GROUPS: Final = \{(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    named |= {name for row in re.findall(r"\((.*?)\)", table) for name in re.findall(r'"([\w-]+)"', row)}
    assert named <= groups.keys()
