"""Fuzz the text format: ``python -m tests.fuzz.texts --minutes 10``.

Texts of the specification's scripts are broken token by token and character by character.
Whatever comes of it is a module or a `DecodeError` with line and column; and a module that
can be printed comes back from its text as the same bytes.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

from tests.fuzz import corpus
from wasmer_runtime_core.errors import DecodeError, UnsupportedFeatureError, ValidationError
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.text.cursor import Cursor
from wasmer_runtime_core.wasm.text.keywords import KEYWORDS
from wasmer_runtime_core.wasm.text.lexer import tokenize
from wasmer_runtime_core.wasm.text.printer import print_module
from wasmer_runtime_core.wasm.text.script import read_script

LONGEST: Final = 3000
"""Longer texts, in tokens, are left out."""
CHARACTERS: Final = ("", "\\", '"', "(", ")", "@", ";", "é", "0", "_", "\x00", "$", "\ud800", "nan", "0x", "-", "\n")


def spellings(text: str | bytes) -> list[str]:
    """The tokens of a text, spelled."""
    tokens = tokenize(text)
    return [tokens.spellings[number] for number in tokens.numbers if number]


def texts(releases: tuple[str, ...]) -> list[list[str]]:
    """The modules of the scripts that are written as text, each as its tokens; our own where there are no scripts."""
    found = [spellings(text) for text in corpus.OWN_MODULES]
    for release in releases:
        for path in sorted((corpus.scripts() / release).rglob("*.wast")):
            for command in read_script(path.read_bytes()):
                source = command.module
                if source is None or source.kind == "binary":
                    continue
                if source.kind == "text":
                    cursor = Cursor(source.tokens, source.start)
                    cursor.skip()
                    numbers = source.tokens.numbers[source.start - 2 : cursor.at]
                    tokens = [source.tokens.spellings[number] for number in numbers]
                else:
                    try:
                        tokens = spellings(source.content)
                    except (DecodeError, UnsupportedFeatureError):
                        continue
                if len(tokens) <= LONGEST:
                    found.append(tokens)
    return found


def broken(source: random.Random, sources: list[list[str]]) -> str:
    """A text with some of its tokens taken out, put in, exchanged or misspelled."""
    tokens = list(source.choice(sources))
    other = source.choice(sources) or [""]
    words = list(KEYWORDS)
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(tokens)) if tokens else 0
        kind = source.randrange(6) if tokens else 1
        if kind == 0:
            del tokens[at : at + source.randint(1, 3)]
        elif kind == 1:
            tokens.insert(at, source.choice(words))
        elif kind == 2:
            tokens.insert(at, source.choice(other))
        elif kind == 3:
            tokens[at] = source.choice(other)
        elif kind == 4:
            start = source.randrange(len(other))
            tokens[at:at] = other[start : start + source.randint(1, 20)]
        else:
            spelling = tokens[at]
            place = source.randrange(len(spelling) + 1)
            tokens[at] = spelling[:place] + source.choice(CHARACTERS) + spelling[place + source.randint(0, 1) :]
    return " ".join(tokens)


def outcome(text: str) -> str:
    """What becomes of a text: "malformed", "unprintable" or "module".

    Raises:
        AssertionError: an error without a position, or a module that does not come back.
    """
    try:
        binary = parse_module(text)
    except (DecodeError, UnsupportedFeatureError) as error:
        assert error.line is not None and error.column is not None, f"no position: {error}"
        assert str(error), "no reason"
        return "malformed"
    try:
        printed = print_module(binary)
    except (DecodeError, UnsupportedFeatureError, ValidationError):  # what text can write and the decoder refuses
        return "unprintable"
    assert parse_module(printed) == binary, "another module comes back from the text"
    return "module"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.texts", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None, help="start here; printed at the end of every run")
    parser.add_argument("--failures", type=Path, default=Path("build/fuzz"), help="where to write what fails")
    options = parser.parse_args()
    seed = random.SystemRandom().getrandbits(32) if options.seed is None else options.seed
    source = random.Random(seed)
    sources = texts(("1.0", "2.0"))
    counts: Counter[str] = Counter()
    end = time.monotonic() + options.minutes * 60
    while time.monotonic() < end:
        text = broken(source, sources)
        try:
            counts[outcome(text)] += 1
        except Exception as error:
            options.failures.mkdir(parents=True, exist_ok=True)
            path = options.failures / f"{seed}-{sum(counts.values())}.wat"
            path.write_text(text, "utf-8", "surrogatepass")
            print(f"{type(error).__name__}: {error}\n  the text is in {path}, seed {seed}")
            return 1
    print(f"{sum(counts.values())} texts tried: {dict(counts)}; no failure, seed {seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
