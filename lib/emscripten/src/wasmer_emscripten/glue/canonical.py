"""A function of JavaScript in a form that does not depend on what a minifier called its variables.

Parameters are ``p0``, ``p1`` …; other variables are ``_``; what JavaScript calls by its name, keeps it. Properties and
keys of three letters or less, which Closure makes, are ``$``. There is one way to write a string, a number, true and
false, and no blank that is not needed; a template is the sum of its parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from wasmer_emscripten.glue.scripts import Token, tokens

KEPT: Final = frozenset(
    """
    return try catch finally new typeof if else for while do switch case break continue throw delete in of instanceof
    default this null arguments NaN Infinity Date Math Error BigInt Number String Object Array Promise performance
    console crypto setTimeout clearTimeout Uint8Array Uint32Array isNaN
    """.split()
)
"""Words that are the same in every glue."""
DECLARING: Final = frozenset(("var", "let", "const"))
"""Words that are left out: minifiers join and move them."""
SHORTEST_KEPT: Final = 4
"""Letters of a property that no minifier has made."""


_MOST_DIGITS: Final = 200
"""Of a number in base 16, far beyond what a number of JavaScript tells apart."""
_WORDLIKE: Final = re.compile(r"[\w$]").match


def _parameters(found: list[Token]) -> tuple[dict[str, str], int]:
    """Names of the parameters in canonical form by name, and where what follows them begins."""
    at = 0
    while at < len(found) and found[at].text in ("async", "function"):
        at += 1
    if at < len(found) and found[at].kind == "word" and at + 1 < len(found) and found[at + 1].text == "(":
        at += 1  # a function that has a name for itself
    if at + 1 < len(found) and found[at].kind == "word" and found[at + 1].text == "=>":
        return {found[at].text: "p0"}, at + 1
    names: dict[str, str] = {}
    if at >= len(found) or found[at].text != "(":
        return names, 0
    depth = 0
    before = ""
    while at < len(found):
        token = found[at]
        depth += (token.text in "([{") - (token.text in ")]}") if token.kind == "mark" else 0
        if depth == 0:
            return names, at + 1
        if token.kind == "word" and depth == 1 and before in ("(", ",", "..."):
            names.setdefault(token.text, f"p{len(names)}")
        before = token.text
        at += 1
    return names, 0


def _template(token: Token) -> Iterator[Token]:
    """The parts of a template, with a plus between them: strings, and tokens of what stands in braces."""
    text = token.text[1:-1]
    at = count = 0
    while at < len(text) or not count:
        start = text.find("${", at)
        literal = text[at : len(text) if start < 0 else start]
        if literal or not count:
            if count:
                yield Token("mark", "+", token.start)
            yield Token("text", f'"{literal}"', token.start)
            count += 1
        if start < 0:
            return
        at = start + 2
        depth = 1
        yield Token("mark", "+", token.start)
        for inner in tokens(text, at):
            depth += (inner.text == "{") - (inner.text == "}")
            at = inner.start + len(inner.text)
            if not depth:
                break
            yield inner
        else:
            return


def _without_templates(found: Iterator[Token]) -> Iterator[Token]:
    for token in found:
        if token.kind == "text" and token.text[0] == "`":
            yield from _template(token)
        else:
            yield token


def called(script: str) -> list[str]:
    """Names of the functions of its own glue that a function calls, in their order."""
    found = list(tokens(script))
    parameters, start = _parameters(found)
    names = (
        token.text
        for at, token in enumerate(found[start:-1], start)
        if token.kind == "word" and found[at + 1].text == "(" and (not at or found[at - 1].text not in (".", "?."))
    )
    return list(dict.fromkeys(name for name in names if name not in parameters and name not in KEPT))


def _number(text: str) -> str:
    value = float.fromhex(text[:_MOST_DIGITS]) if text[:2] in ("0x", "0X") else float(text)
    return str(int(value)) if value.is_integer() and value < 1e16 else repr(value)


def canonical(script: str) -> str:
    """The canonical form of a function's text, behind its parameters."""
    found = list(_without_templates(tokens(script)))
    names, start = _parameters(found)
    pieces: list[str] = []
    before = ""
    for at in range(start, len(found)):
        token = found[at]
        if token.kind == "text":
            piece = f'"{token.text[1:-1]}"' if token.text[0] == "'" else token.text
        elif token.kind == "number":
            piece = _number(token.text)
        elif token.text in DECLARING:
            continue
        elif token.kind == "word":
            after = found[at + 1].text if at + 1 < len(found) else ""
            if before in (".", "?.") or (after == ":" and before in ("{", ",")):
                known = len(token.text) >= SHORTEST_KEPT or (before == "." and at > 1 and found[at - 2].text in KEPT)
                piece = token.text if known else "$"
            else:
                plain = {"true": "!0", "false": "!1"}.get(token.text, "_")
                piece = names.get(token.text) or (token.text if token.text in KEPT else plain)
        else:
            piece = token.text
        if piece == "}" and pieces and pieces[-1] == ";":
            pieces.pop()
        if pieces and _WORDLIKE(piece[:1]) and _WORDLIKE(pieces[-1][-1:]):
            pieces.append(" ")
        pieces.append(piece)
        before = token.text
    return "".join(pieces)


def first_variable(script: str) -> str:
    """The first variable in a function's text that is no parameter: what tells functions that share one."""
    found = list(tokens(script))
    names, start = _parameters(found)
    before = ""
    for token in found[start:]:
        if token.kind == "word" and before not in (".", "?.") and token.text not in names:
            if token.text not in KEPT and token.text not in DECLARING:
                return token.text
        before = token.text
    return ""
