"""The ten distributions fit together: ranges, versions, files, and what they say of themselves."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.distributions import NAMES, ROOT, installed, package, pyproject, requirements, version
from tools import pythons

RANGES = [
    (name, requirement)
    for name in NAMES
    for requirement in map(Requirement, requirements(name))
    if requirement.name.startswith("wasmer-")
]


def test_there_are_ten() -> None:
    assert NAMES == [
        "blazor",
        "clif-backend",
        "emscripten",
        "go",
        "llvm-backend",
        "runtime",
        "runtime-core",
        "singlepass-backend",
        "vfs",
        "wasi",
    ]


@pytest.mark.parametrize(("name", "requirement"), RANGES, ids=lambda value: str(value))
def test_every_range_admits_its_sibling(name: str, requirement: Requirement) -> None:
    sibling = requirement.name.removeprefix("wasmer-")
    assert sibling in NAMES
    assert requirement.specifier.contains(version(sibling), prereleases=True)
    assert {specifier.operator for specifier in requirement.specifier} == {">=", "<"}, "a range, not a pin"


def test_the_facade_needs_two_backends_and_offers_the_rest_as_extras() -> None:
    project = pyproject("runtime")["project"]
    needed = {Requirement(text).name for text in project["dependencies"]}
    assert needed >= {"wasmer-runtime-core", "wasmer-singlepass-backend", "wasmer-clif-backend"}
    assert needed.isdisjoint({"wasmer-llvm-backend", "wasmer-wasi", "wasmer-emscripten", "wasmer-go", "wasmer-blazor"})
    assert project["optional-dependencies"].keys() >= {"llvm", "wasi", "emscripten", "go", "blazor"}


@pytest.mark.parametrize("name", NAMES)
def test_each_says_what_it_is_and_ships_its_types(name: str) -> None:
    project = pyproject(name)["project"]
    assert project["name"] == f"wasmer-{name}"
    assert project["requires-python"] == ">=" + ".".join(map(str, pythons.OLDEST))
    named = [text.rpartition(" ")[2] for text in project["classifiers"] if ":: 3." in text]
    assert tuple(named) == pythons.TESTED
    assert (package(name) / "py.typed").is_file()
    for file in ("README.md", "CHANGELOG.md"):
        assert (ROOT / "lib" / name / file).read_text().splitlines()[0].endswith(f"wasmer-{name}")
    assert (ROOT / "lib" / name / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_version_is_written_once(name: str) -> None:
    table = pyproject(name)
    assert "version" not in table["project"]
    assert table["project"]["dynamic"] == ["version"]
    assert f"## {version(name)}" in (ROOT / "lib" / name / "CHANGELOG.md").read_text()
    others = [path for path in package(name).rglob("*.py") if path.name != "version.py"]
    assert not [path for path in others if f'"{version(name)}"' in path.read_text()]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_installed_is_what_the_sources_say(name: str) -> None:
    distribution = installed(name)
    assert distribution.version == version(name)
    declared = [Requirement(text) for text in distribution.requires or ()]
    assert plain([requirement for requirement in declared if requirement.marker is None]) == plain(
        [Requirement(text) for text in pyproject(name)["project"]["dependencies"]]
    )


def plain(requirements: list[Requirement]) -> set[tuple[str, str]]:
    """Names and ranges, however they are spelled."""
    return {(canonicalize_name(requirement.name), str(requirement.specifier)) for requirement in requirements}


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("-backend")])
def test_each_backend_is_found_by_its_entry_point(name: str) -> None:
    (entry,) = [entry for entry in installed(name).entry_points if entry.group == "wasmer.backends"]
    assert entry.load().__module__.startswith(package(name).name)
