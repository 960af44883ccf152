"""Compiled functions that call themselves: mypyc has no limit of recursion, so a text that nests deep ends the process.

Looked at is each module by itself: functions by their names, methods by ``self``. What may stay is bounded by something
else than what is read, which its row says.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

BOUNDED: Final = {
    "choice.py: compare_integers": "of what was widened, or subtracted, once",
    "choice.py: _compare_constant": "as `compare_integers`: operands are made by it, and so are no truth of a truth",
    "choice.py: inverse": "the same",
    "float.py: signs": "once, for a sign that is known; signs within one another are gone through in a loop",
    "float.py: bitcast": "operands are made by it, and so are no bitcast",
    "integer.py: arithmetic": "its constant is joined with that of its operand, which is made by it",
    "integer.py: _and_constant": "as `arithmetic`",
    "integer.py: shift": "as `_shift_by`",
    "integer.py: _shift_by": "its count is joined with that of its operand, which is made by it",
    "integer.py: extend": "operands are made by it, and so are no extension",
    "integer.py: reduce": "operands are made by it, and so are no reduction",
    "emit.py: _move": "once, through a scratch register",
    "emit.py: _branch": "once: within what is repeated, nothing is (`repeats`)",
    "emit.py: _go_on": "the same",
    "emit.py: _repeat": "the same",
    "lanes.py: _are_alike": "it counts how deep it is",
    "lanes.py: _make": "what `_are_alike` has gone through",
    "objects.py: _put_text": "it counts how deep it is",
    "objects.py: _put_texts": "the same",
    "script.py: read_pattern": "alternatives have no alternatives",
    "script.py: read_patterns": "the same",
}
"""File and function, and why it ends soon."""


def compiled_modules() -> Iterator[Path]:
    for project in sorted(ROOT.glob("lib/*/pyproject.toml")):
        tool = tomllib.loads(project.read_text()).get("tool", {}).get("hatch", {})
        hooks = tool.get("build", {}).get("targets", {}).get("wheel", {}).get("hooks", {})
        chosen: set[Path] = set()
        (package,) = [each for each in (project.parent / "src").iterdir() if each.is_dir()]
        for pattern in hooks.get("custom", {}).get("modules", []):
            if pattern.startswith("!"):
                chosen -= set(package.glob(pattern[1:]))
            else:
                chosen |= set(package.glob(pattern))
        yield from sorted(chosen)


def calls(function: ast.FunctionDef, in_class: bool) -> set[str]:
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            if not in_class and isinstance(node.func, ast.Name):
                found.add(node.func.id)
            elif in_class and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "self":
                found.add(node.func.attr)
    return found


def recursive(scope: ast.Module | ast.ClassDef) -> set[str]:
    """Functions of a module, or methods of a class, that reach themselves."""
    graph = {
        each.name: calls(each, isinstance(scope, ast.ClassDef))
        for each in scope.body
        if isinstance(each, ast.FunctionDef)
    }
    found = set()
    for name in graph:
        reached, pending = set(), [name]
        while pending:
            for called in graph[pending.pop()] & graph.keys() - reached:
                reached.add(called)
                pending.append(called)
        if name in reached:
            found.add(name)
    return found


def test_no_compiled_function_calls_itself_without_end() -> None:
    modules = list(compiled_modules())
    assert len(modules) > 80
    found = set()
    for path in modules:
        tree = ast.parse(path.read_text())
        for scope in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]:
            found |= {f"{path.name}: {name}" for name in recursive(scope)}
    unexpected = found - BOUNDED.keys()
    assert not unexpected, f"of what bounds them, nothing is said: {sorted(unexpected)}"
    assert not BOUNDED.keys() - found, f"they call themselves no longer: {sorted(BOUNDED.keys() - found)}"
