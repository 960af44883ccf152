"""Where the module of a glue file is: beside it, or in its text (``-sSINGLE_FILE``), as base64 or character by byte.

Character by byte, from 4.0.18 on, is a string of JavaScript in which each character is a byte; 0 is written as it is,
as an escape, or as U+0100, for some tools do not keep a NUL. If there is none of the glue's own name, its text may
name the file.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Final

from wasmer_emscripten.glue.compressed import compressed
from wasmer_emscripten.glue.matching import matches
from wasmer_emscripten.glue.names import read_text
from wasmer_emscripten.numbers import must_be_answer
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.support.printable import printable

SUFFIXES: Final = (".js", ".mjs", ".cjs")
"""Of glue files."""

_BASE64: Final = re.compile(r"AGFzbQ[A-Za-z0-9+/]{16,}={0,2}")
"""A module in base64: its first four bytes are always the same."""
_NUL: Final = r"(?:\x00|\u0100|\\0|\\x00|\\u0000|\\u0100)"
_RAW: Final = re.compile(
    rf"""(?P<quote>["'`])(?={_NUL}asm)(?P<text>(?:(?!(?P=quote))[^\\]|\\.)*+)(?P=quote)""", re.DOTALL
)
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|(\r\n|.))", re.DOTALL)
_NAMED: Final = re.compile(r"""["'`/]([\w.+-]{1,100}+(?<=\.wasm))["'`]""")
"""The name of a module, without its directory."""
MOST_NAMED: Final = 64
"""Names of modules that are looked for."""
_LETTERS: Final = {"0": "\0", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_LINE_ENDS: Final = frozenset(("\n", "\r", "\r\n", "\u2028", "\u2029"))
HEAD: Final = b"\0asm\x01\0\0\0"
"""What a module begins with: its magic and its version (specification, section 5.5.16)."""


def module_of(glue: Path) -> bytes | Path:
    """The module of a glue file, or the file that it is in.

    Raises:
        CompileError: there is none, neither beside it nor in it.
        OSError: it cannot be read.
    """
    beside = glue.with_suffix(".wasm")
    if beside.is_file():
        return beside
    text = read_text(glue)
    modules = (data for data in chain(compressed(text), _in_base64(text), _raw(text)) if data.startswith(HEAD))
    found = next(modules, None)
    if found is not None:
        return found
    named = _named(text, glue)
    if len(named) == 1:
        return named[0]
    listed = f"; it names {', '.join(printable(str(each)) for each in named)}" if named else ""
    raise CompileError(
        f"{glue} has no module: there is no {beside.name} beside it, and none in it, as base64 or as it is{listed}; "
        "give the module's path, and glue= this one"
    )


def _named(text: str, glue: Path) -> list[Path]:
    """The modules that a glue names and that are beside it, or in a directory beside it."""
    names = dict.fromkeys(found[1] for found in islice(matches(_NAMED, text), MOST_NAMED))
    return [
        each
        for name in names
        for each in ([glue.parent / name] if (glue.parent / name).is_file() else sorted(glue.parent.glob(f"*/{name}")))
    ]


def _in_base64(text: str) -> Iterator[bytes]:
    for found in _BASE64.finditer(text):
        try:
            yield base64.b64decode(found[0])
        except binascii.Error as failure:
            must_be_answer(failure)


def _raw(text: str) -> Iterator[bytes]:
    for found in _RAW.finditer(text):
        try:
            data = _plain(found["text"]).replace("\u0100", "\0").encode("latin-1")
        except UnicodeEncodeError as failure:
            must_be_answer(failure)
            continue
        if data.startswith(HEAD):
            yield data


def _plain(text: str) -> str:
    """A string's text without escapes."""
    pieces: list[str] = []
    end = 0
    for escape in matches(_ESCAPE, text):
        pieces += (text[end : escape.start()], _unescaped(escape))
        end = escape.end()
    return "".join([*pieces, text[end:]])


def _unescaped(escape: re.Match[str]) -> str:
    digits = escape[1] or escape[2] or escape[3]
    if digits:
        return chr(min(int(digits, 16), 0x10FFFF))
    letter = escape[4]
    return "" if letter in _LINE_ENDS else _LETTERS.get(letter, letter)
