"""The program's own JavaScript: ``EM_ASM``, ``EM_JS``, functions of a library of its own.

There is no JavaScript here. The user gives a Python function for each piece that the program uses; what nobody has
given raises `NotSupported` when it is called, which shows the JavaScript, so that a function can be written from it::

    load("program.js", functions={"my_js_function": f}, asm={"return $0 + $1": lambda a, b: a + b})

A piece of ``EM_ASM`` is known by its text, spaces aside, or by its number; its arguments come as ints and floats.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from struct import Struct
from typing import Any, Final, NoReturn

from wasmer_emscripten.errors import NotSupported, WrongArgument
from wasmer_emscripten.functions import provides
from wasmer_emscripten.glue.matching import LOOK_EVERY, matches
from wasmer_emscripten.guest import U32
from wasmer_emscripten.numbers import must_be_answer
from wasmer_emscripten.process import Process
from wasmer_emscripten.state import plain
from wasmer_runtime_core.running.interrupts import check_interrupts

MAX_ARGUMENTS: Final = 64
"""Arguments of one piece."""
MAX_TEXT: Final = 65_536
"""Bytes of the text of one piece."""
_SHOWN: Final = 2000
_I64: Final = Struct("<q")


_PIECE: Final = re.compile(
    r"(?<![\w$])(\d{1,10}+)\s*+:\s*+(?:function\s*+)?+(?:\([^(){}]{0,1000}+\)|[$\w]{1,100}+)\s*+"
    r"(?:(?:=>\s*+)?+(?P<block>\{)|=>)"
)
_RENAMED: Final = re.compile(r"\{\s*+\d{4,10}+\s*+:\s*+(?:function\b|\(|[$\w]{1,100}+\s*+=>)")
"""How an object of pieces begins: each is called after an address in the module's data."""
_BRACE: Final = re.compile(r"[{}]")
_BRACKET: Final = re.compile(r"[][(){},]")
MOST_PIECES: Final = 65_536
MAX_PIECES_TEXT: Final = 1 << 22
"""Characters in which a glue lists its pieces."""


def asm_constants(glue: str) -> dict[int, str]:
    """The pieces of ``EM_ASM`` that a glue file lists, by number."""
    start = glue.find("ASM_CONSTS")
    if start < 0:  # a minifier took the name
        renamed = next(matches(_RENAMED, glue), None)
        if renamed is None:
            return {}
        start = renamed.start()
    end = glue.find("\n};", start)
    region = glue[start : start + MAX_PIECES_TEXT if end < 0 else min(end, start + MAX_PIECES_TEXT)]
    found: dict[int, str] = {}
    at = steps = 0
    while (head := _PIECE.search(region, at)) is not None and len(found) < MOST_PIECES:
        check_interrupts()
        depth = 1
        for brace in (_BRACE if head["block"] else _BRACKET).finditer(region, head.end()):
            depth += (brace[0] in "{[(") - (brace[0] in "}])") - (depth == 1 and brace[0] == ",")
            steps += 1
            if steps % LOOK_EVERY == 0:
                check_interrupts()
            if not depth:
                break
        if depth:
            break
        at = brace.end()
        found[int(head[1])] = region[head.end() : brace.start()].strip()
    return found


def _arguments(process: Process, signature: int, buffer: int) -> list[int | float]:
    """What was passed: a letter of the signature for each, i and p in 4 bytes, others in 8 that lie so."""
    letters = process.guest.string(signature, MAX_ARGUMENTS) if signature & U32 else b""
    at = buffer & U32
    values: list[int | float] = []
    for letter in letters.decode("latin-1"):
        if letter in "ip":
            values.append(process.guest.i32(at))
            at += 4
            continue
        at = at + 7 & ~7
        if letter == "j":
            values.append(process.guest.unpack(_I64, at)[0])
        elif letter in "df":
            values.append(process.guest.f64(at))
        else:
            raise WrongArgument(f"the program called EM_ASM with arguments {letters!r}")
        at += 8
    return values


def _text(process: Process, code: int) -> str:
    known = process.javascript.texts.get(code)
    if known is not None:
        return known
    try:
        data = process.guest.string(code, MAX_TEXT)
    except OSError as failure:
        must_be_answer(failure)
        return ""
    text = data.decode("utf-8", "replace")
    return text if text.isprintable() or "\n" in text else ""


def _run(process: Process, code: int, signature: int, buffer: int) -> Any:
    code &= U32
    given = process.javascript.asm
    function = given.get(code)
    text = ""
    if function is None:
        text = _text(process, code)
        function = given.get(plain(text)) if text else None
    if function is None:
        shown = f":\n{text[:_SHOWN]}" if text else " (the glue file beside the module has its text: give it as glue=)"
        raise NotSupported(
            f"EM_ASM code {code}",
            f"give a Python function for it, asm={{{code}: f}} or by its text, which is JavaScript{shown}",
        )
    return function(*_arguments(process, signature, buffer))


@provides("iii->i", "emscripten_asm_const_int", "emscripten_asm_const_int_sync_on_main_thread")
def asm_const_int(process: Process, code: int, signature: int, buffer: int) -> int:
    """Run a piece of JavaScript that returns an int, or nothing."""
    value = _run(process, code, signature, buffer)
    return int(value or 0) & U32


@provides("iii->i", "emscripten_asm_const_ptr", "emscripten_asm_const_ptr_sync_on_main_thread")
def asm_const_pointer(process: Process, code: int, signature: int, buffer: int) -> int:
    """Run a piece of JavaScript that returns a pointer."""
    return int(_run(process, code, signature, buffer) or 0) & U32


@provides("iii->d", "emscripten_asm_const_double", "emscripten_asm_const_double_sync_on_main_thread")
def asm_const_double(process: Process, code: int, signature: int, buffer: int) -> float:
    """Run a piece of JavaScript that returns a number."""
    return float(_run(process, code, signature, buffer) or 0)


@provides("iii->", "emscripten_asm_const_async_on_main_thread")
def asm_const_async(process: Process, code: int, signature: int, buffer: int) -> None:
    """Run a piece of JavaScript that nobody waits for."""
    _run(process, code, signature, buffer)


EM_JS_PREFIX: Final = "__em_js__"


def em_js_text(process: Process, name: str) -> str:
    """The JavaScript of a function that was written with ``EM_JS``, where the module still has it; else ""."""
    for prefix in (EM_JS_PREFIX, "___em_js__"):
        address = getattr(process.links.export(prefix + name), "value", None)
        if isinstance(address, int):
            return process.text(address, MAX_TEXT)
    return ""


def missing(process: Process, namespace: str, name: str, remedy: str | None) -> Callable[..., NoReturn]:
    """What stands for an import that is not here: it says so, and shows its JavaScript."""

    def calling(*_: Any) -> NoReturn:
        if remedy is not None:
            raise NotSupported(name, remedy)
        text = em_js_text(process, name)
        parameters, separator, body = text.partition("<::>")
        shown = f", which is JavaScript, {parameters} => {body[:_SHOWN]}" if separator else ""
        raise NotSupported(f"{namespace}.{name}", f"give a Python function for it, functions={{{name!r}: f}}{shown}")

    return calling
