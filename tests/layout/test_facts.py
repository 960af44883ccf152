"""What must agree stands in one place: nobody else spells it."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from wasmer_runtime_core.codegen.x64.forms.rows import FEATURES
from wasmer_runtime_core.contract.target import PROCESSOR_FEATURES, TARGET, host_features, of_level
from wasmer_runtime_core.support import handlers

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCES: Final = sorted(ROOT.glob("lib/*/src/**/*.py"))
LINUX: Final = {linux for name, _, linux, _ in PROCESSOR_FEATURES if linux != name}


def _tokens(path: Path) -> Iterator[str]:
    """Numbers as they are written, and what stands in quotes; no comments, no docstrings."""
    with tokenize.open(path) as lines:
        for token in tokenize.generate_tokens(lines.readline):
            if token.type == tokenize.NUMBER:
                yield token.string
            elif token.type == tokenize.STRING and not token.string.startswith('"""'):
                yield token.string.strip("\"'")


@pytest.mark.parametrize(
    ("words", "home"),
    [
        ({TARGET}, "contract/target.py"),
        (LINUX, "contract/target.py"),
    ],
    ids=["the target", "Linux' names of features"],
)
def test_it_stands_in_one_module(words: set[str], home: str) -> None:
    assert len(SOURCES) > 250
    spelled = {path for path in SOURCES if not words.isdisjoint(_tokens(path))}
    assert spelled == {ROOT / "lib/runtime-core/src/wasmer_runtime_core" / home}


def test_the_packages_are_known_that_hold_no_handlers_of_signals() -> None:
    assert {path.parent.name for path in ROOT.glob("lib/*/src/*/__init__.py")} == handlers._OURS


def test_the_size_of_a_page() -> None:
    """In C it comes with the header that is made of the contract."""
    sources = [*SOURCES, *sorted(ROOT.glob("lib/*/src/**/*.[ch]"))]
    written = re.compile(r"PAGE\w*(: Final)?( =)? \(?65_?536")
    assert [path.name for path in sources if written.search(path.read_text())] == ["types.py"]


def test_features_of_processors() -> None:
    for column in (0, 2, 3):
        assert len({row[column] for row in PROCESSOR_FEATURES}) == len(PROCESSOR_FEATURES)
    assert len(FEATURES) <= 32, "a form holds its feature's number in five bits"
    assert host_features() <= set(FEATURES)
    assert set(of_level(2)) < set(of_level(3)) < set(of_level(4))


def test_llvm_knows_its_names() -> None:
    binding = pytest.importorskip("llvmlite.binding", reason="the llvm backend needs llvmlite")
    assert {llvm for _, _, _, llvm in PROCESSOR_FEATURES} <= set(binding.get_host_cpu_features())
