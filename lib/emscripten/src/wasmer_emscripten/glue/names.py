"""Names of imports and exports of modules that emcc has minified (``a.b``), from the glue beside them.

The glue hands the module an object, ``{a: _fd_write, b: _abort, …}``; where a bundler has not renamed the functions,
their names are there. Of all objects in the text, the one with most keys in common with the module's imports is taken,
if it has nearly all of them. Where the names are gone, what the functions do may tell (`fingerprints`). Exports are
assigned to names one by one, in one of a few forms.

What is not found stays a letter: calling it says so, and shows its JavaScript. A user who knows more gives `symbols`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from wasmer_emscripten.glue.constant import constant
from wasmer_emscripten.glue.fingerprints import Fits, names_by_marks
from wasmer_emscripten.glue.internal import internal_exports
from wasmer_emscripten.glue.matching import LOOK_EVERY, matches
from wasmer_emscripten.glue.objects import Glue
from wasmer_emscripten.numbers import must_be_answer
from wasmer_emscripten.recognising import is_minified
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.running.interrupts import check_interrupts
from wasmer_runtime_core.support.printable import printable
from wasmer_runtime_core.wasm.module import FUNCTION

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.module import ModuleInfo

MAX_BYTES: Final = 64 << 20
"""Of a glue file, or a file of symbols."""
MOST_LETTERS: Final = 3
"""Of a name that emcc has minified."""
ENOUGH: Final = 0.9
"""The share of a module's imports that an object must have, to be the one."""
MOST_LEFT_OVER: Final = 0.5
"""The share of those of a module's imports that do something that may stay letters."""
LEAST_NAMED: Final = 1 / 3
"""The share of them that must have a name."""
_SHOWN: Final = 160
"""Characters of the JavaScript of one function in a list of them."""
_MOST_LISTED: Final = 200
"""Functions in such a list."""

Symbols = Mapping[str, str] | str | os.PathLike[str]
"""Names by their letters, or a file of them: JSON, or a line ``letters:name`` each. (Or `Names`, of another run.)"""

MOST_NAMES: Final = 100_000
"""Of one object, and of all exports."""

_WHOLE: Final = ("memory", "table")
"""Keys that are never letters: what programs of 2020 import besides functions."""
_PAIR: Final = re.compile(r"""\s*+["']?(memory|table|[\w$]{1,3}+)["']?\s*+:\s*+([A-Za-z_$][\w$]*+)\s*+([,}])""")
_EXPORT: Final = re.compile(
    r"""(?:\[\s*+["'](?P<quoted>[\w$]++)["']\s*+\]|\.(?P<property>[\w$]++)|(?<![\w$.])(?P<variable>_[\w$]++))"""
    r"""\s*+=\s*+\(?+[\w$]++(?:\.[\w$]++(?=[.\[]))*+(?:\[["']asm["']\])?+"""
    r"""(?:\[\s*+["'](?P<key>[\w$]{1,3}+)["']\s*+\]|\.(?P<dotted>[\w$]{1,3}+))(?![\w$(])"""
)


class Names(NamedTuple):
    """What names a module's letters stand for, found once: `Program.names`, to be given as `symbols`.

    Attributes:
        imports: real names by what the module imports.
        exports: what the module exports by real names.
        texts: JavaScript of imports that have no name.
    """

    imports: Mapping[str, str]
    exports: Mapping[str, str]
    texts: Mapping[str, str] = {}

    def of_import(self, name: str) -> str:
        """The real name of an import, or the name itself."""
        return self.imports.get(name, name)


NO_NAMES: Final = Names({}, {})


def read_text(path: str | os.PathLike[str]) -> str:
    """A file of text, not more of it than a glue can have."""
    with Path(path).open("rb") as file:
        return file.read(MAX_BYTES).decode("utf-8", "replace")


def imports_in(glue: str, wanted: set[str]) -> dict[str, str]:
    """The names in the object that has most of the `wanted` keys, and fewest others; none if it has too few of them."""
    return _imports_in(glue, wanted)[0]


def _imports_in(glue: str, wanted: set[str]) -> tuple[dict[str, str], int]:
    """The same, and where the object ends."""
    best: dict[str, str] = {}
    best_count, best_others, best_end, steps = 0, 0, -1, 0
    end = glue.find("{")
    while end >= 0:
        found: dict[str, str] = {}
        count = 0
        end += 1
        while (pair := _PAIR.match(glue, end)) is not None and len(found) < MOST_NAMES:
            count += pair[1] in wanted and pair[1] not in found
            found[pair[1]] = pair[2]
            end = pair.end()
            steps += 1
            if steps % LOOK_EVERY == 0:
                check_interrupts()
            if pair[3] == "}":
                break
        others = len(found) - count  # of another variant of the program, whose glue lies beside it
        if (count, -others) > (best_count, -best_others):
            best, best_count, best_others, best_end = found, count, others, end
        steps += 1
        if steps % LOOK_EVERY == 0:
            check_interrupts()
        end = glue.find("{", end)
    if best_count < ENOUGH * len(wanted):
        return {}, -1
    names = {letters: name.removeprefix("_") for letters, name in best.items() if letters not in _WHOLE}
    if sum(len(name) > MOST_LETTERS for name in names.values()) < ENOUGH * len(names):
        return {}, -1  # a bundler's letters for emcc's
    return names, best_end


def exports_in(glue: str, exported: set[str], near: int = -1) -> dict[str, str]:
    """What is exported by its real name, as the glue assigns it.

    Args:
        near: where the object of its imports is: of several assignments the nearest counts, for a file may have the
            glues of several modules. If nothing is said, the first.
    """
    found: dict[str, str] = {}
    distances: dict[str, int] = {}
    for match in matches(_EXPORT, glue):
        key = match["key"] or match["dotted"]
        name = match["quoted"] or match["property"] or match["variable"]
        if key in exported and len(name) > MOST_LETTERS and len(found) < MOST_NAMES:
            name = name.removeprefix("_")
            distance = abs(match.start() - near) if near >= 0 else 0
            if distance < distances.get(name, len(glue) + 1):
                found[name], distances[name] = key, distance
    return found


def symbols_of(given: Symbols) -> dict[str, str]:
    """Names by their letters, as a user gave them.

    Raises:
        ValueError: a file is neither JSON nor lines ``letters:name``.
    """
    if isinstance(given, Mapping):
        return {str(letters): str(name).removeprefix("_") for letters, name in given.items()}
    text = read_text(given)
    if text.lstrip().startswith("{"):
        try:
            return symbols_of(json.loads(text))
        except RecursionError as failure:
            must_be_answer(failure)
            raise ValueError("symbols: the file is no object of names, but many within each other") from None
    found = {}
    for line in text.splitlines():
        if line.strip():
            letters, colon, name = line.partition(":")
            if not colon:
                raise ValueError(f"symbols: expected a line letters:name, not {line[:80]!r}")
            found[letters.strip()] = name.strip().removeprefix("_")
    return found


def names_of(info: ModuleInfo, glue: str, symbols: Symbols | None, fits: Fits) -> Names:
    """The names that a module's letters stand for, as far as they are needed and known.

    Args:
        fits: whether there is a function of a name for a type.

    Raises:
        CompileError: the module is minified, and nothing says what its letters stand for, or too little; it lists them.
        ValueError: `symbols` is not of its form.
    """
    if not is_minified(info):
        return NO_NAMES
    types = {entry.name: info.types[entry.type] for entry in info.imports if isinstance(entry.type, int)}
    wanted = set(types)
    functions = [entry.name for entry in info.exports if entry.kind == FUNCTION]
    exported = {entry.name for entry in info.exports}
    given = symbols_of(symbols) if symbols is not None else {}
    known = {letters: name for letters, name in given.items() if letters in wanted}
    imports, place = _imports_in(glue, wanted)
    script: Glue | None = None
    texts: Mapping[str, str] = {}
    if not imports and len(known) < len(wanted):
        script = Glue(glue, wanted, ENOUGH)
        left = {letters: text for letters, text in script.functions.items() if letters not in known}
        imports = names_by_marks(left, types, fits, script.defined)
        texts = {letters: text for letters, text in left.items() if letters in wanted and letters not in imports}
        place = script.place
    imports |= known
    unclear = sum(constant(text, "i") is None for text in texts.values())
    doing = len(wanted) - len(texts) + unclear
    if len(imports) < LEAST_NAMED * len(wanted) or unclear > MOST_LEFT_OVER * doing:
        listed = "".join(
            f"\n  {letters} {types[letters]}: {text[:_SHOWN]}" for letters, text in islice(texts.items(), _MOST_LISTED)
        ) + ("\n  …" if len(texts) > _MOST_LISTED else "")
        raise CompileError(
            printable(
                "emcc has minified the names of the module's imports, and nothing here says what they were: give the "
                "JavaScript that emcc wrote beside it (glue=), or symbols={letters: name}, or link with -O1, or with "
                f"--profiling-funcs, to keep them{listed and '. These are left over:'}{listed}",
                "\n",
            )
        )
    exports = exports_in(glue, exported, place) | {
        name: letters for letters, name in given.items() if letters in exported
    }
    if script is not None:
        kinds = ((each.name, info.functions[each.index]) for each in info.exports if each.kind == FUNCTION)
        typed = {name: info.types[index] for name, index in kinds}
        exports |= internal_exports(script, imports, typed, exports)
    if functions and functions[0] not in exports.values():
        exports.setdefault("__wasm_call_ctors", functions[0])  # which emcc exports before all other functions
    return Names(imports, exports, texts)
