"""docs/emscripten-functions.md is the list of functions that programs of emcc import, with their state."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import wasmer_emscripten
import wasmer_emscripten.embind.provided
import wasmer_emscripten.loading
from tests.documents.blocks import ROOT
from wasmer_emscripten.functions import ROWS, Row
from wasmer_emscripten.library.refused import REMEDIES

PAGE: Final = ROOT / "docs" / "emscripten-functions.md"
HEAD: Final = """# Functions that programs of emcc import

Made from the tables of [lib/emscripten](../lib/emscripten), by `pytest tests/documents --bless`. What an import gets
is decided by its name and the type that it wants: a letter per parameter (`i` i32, `I` i64, `f` f32, `d` f64;
those behind `?` may be missing), then the result's. An i64 may be wanted as two i32, and a result may not be wanted.
Names may have one more `_`; `__syscall_NAME` was `__sys_NAME` once. A function that is not in this list is the
program's own JavaScript: give a Python function for it ([emscripten.md](emscripten.md#its-javascript)), or it raises
`NotSupported`, which shows its text, when it is called.

`invoke_TYPE`, for every type, calls through a pointer, and comes back from C++ exceptions and `longjmp`. In programs of
emcc's first backend, `___syscallNUMBER` is the system call of this number on i386; `jsCall_TYPE` calls a Python
function, `nullFunc_TYPE` ends the program, and the globals that say where its stack and heap lie are there.
"""
NOT_HERE: Final = """
## Not here

These raise `NotSupported` when they are called, with the remedy.

| names | what to do |
|---|---|
"""


def grouped() -> Iterator[tuple[str, list[Row]]]:
    """Rows by the file that has them, in the order of the files' names, with what the file says of itself."""
    modules: dict[str, list[Row]] = {}
    for rows in ROWS.values():
        for row in rows:
            if not row.name.startswith("__sys_"):
                modules.setdefault(row.function.__module__, []).append(row)
    for name in sorted(modules):
        title = (sys.modules[name].__doc__ or "").partition("\n")[0].rstrip(".")
        yield title, modules[name]


def shown(rows: list[Row]) -> Iterator[str]:
    """One line per function: names of it that differ only in what surrounds them are one."""
    functions: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        names = functions.setdefault((row.about, f"{row.params}→{row.result}", row.function.__name__), [])
        names.append(row.name)
    for (about, type, _), names in functions.items():
        listed = f"`{names[0]}` … `{names[-1]}`" if len(names) > 12 else ", ".join(f"`{name}`" for name in names)
        types = "one per number of parameters" if len(names) > 12 else f"`{type}`"
        yield f"| {listed} | {types} | {about} |\n"


def page() -> str:
    parts = [HEAD]
    for title, rows in grouped():
        parts.append(f"\n## {title}\n\n| names | type | what it does |\n|---|---|---|\n")
        parts.extend(shown(rows))
    parts.append(NOT_HERE)
    for pattern, remedy in REMEDIES:
        names = (
            pattern.replace(r"\w*", "…").replace(r"\w+", "…").replace("[A-Z]", "").replace("?", "").replace("|", ", ")
        )
        parts.append(f"| {names} | {remedy} |\n")
    return "".join(parts)


def test_the_page_has_the_list(bless: bool) -> None:
    now = page()
    if bless:
        PAGE.write_text(now)
    assert PAGE.read_text() == now


HONEST: Final = {
    "get_now_is_monotonic": "it is",
    "sched_yield": "there is nobody else",
    "keepalive": "tells what is to happen in an event loop; there is none",
    "keepalive_check": "nothing goes on behind main",
    "register_symbol": "a name is read each time that it is used",
    "typeid_for": "a type's number is its address",
    "notify_memory_growth": "the memory is looked at when it is needed",
    "one_core": "there is one",
    "has_threads": "there are none",
    "getpagesize": "as its C library was built",
    "getuid": "as emcc says",
    "getpid": "as emcc says",
    "getppid": "as emcc says",
    "madvise": "a hint may be ignored",
    "lock": "there is nobody else who could have it",
    "alone": "the same",
    "sync": "what is written is the host's at once",
}
"""Functions that do nothing, and why what they answer is true all the same."""


def test_no_function_that_does_nothing_says_that_it_did() -> None:
    """Each whose text is no more than an answer has a reason to be; any other does something, or raises."""
    found = set()
    for path in sorted(Path(wasmer_emscripten.__file__).parent.rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and {"provides", "syscall", "wasi", "answers"} & {
                each.func.id
                for each in node.decorator_list
                if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)
            }:
                body = node.body[1:]
                used = any(isinstance(each, (ast.Call, ast.Attribute)) for step in body for each in ast.walk(step))
                if not used and len(body) <= 1:
                    found.add(node.name)
    assert found == set(HONEST)
