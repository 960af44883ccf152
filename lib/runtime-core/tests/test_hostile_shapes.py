"""Modules and texts of one tiny thing many times over: what they cost grows with their bytes and with nothing else.

Every count of the binary format and every kind of token has its shape here. Memory is bounded by a factor that
docs/limits.md names; work is counted in calls, Python's and C's, of a module and of one four times as large.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any, Final

import pytest

from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.text.printer import print_module
from wasmer_runtime_core.wasm.validation.validate import validate_module

FACTORS: Final = {"validate": 150, "print": 200, "parse": 150}
"""Bytes of memory per byte of a module or character of a text, at most; docs/limits.md has them."""
SMALL: Final = 1500
LARGE: Final = 4 * SMALL


def leb(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def section(number: int, content: bytes) -> bytes:
    return bytes((number,)) + leb(len(content)) + content


def rows(count: int, row: bytes | Callable[[int], bytes]) -> bytes:
    """A vector of equal rows, or of a row per number."""
    return leb(count) + (row * count if isinstance(row, bytes) else b"".join(map(row, range(count))))


def name(number: int) -> bytes:
    encoded = b"%x" % number
    return leb(len(encoded)) + encoded


HEADER: Final = b"\0asm\1\0\0\0"
TYPE: Final = section(1, b"\1\x60\0\0")
FUNCTION: Final = TYPE + section(3, b"\1\0")
CODE: Final = section(10, b"\1\2\0\x0b")
WIDE: Final = b"\x60" + leb(1000) + b"\x7f" * 1000 + leb(1000) + b"\x7f" * 1000


def module(*sections: bytes) -> bytes:
    return HEADER + b"".join(sections)


def function(body: bytes, locals_: bytes = b"\0") -> bytes:
    body = locals_ + body + b"\x0b"
    return module(FUNCTION, section(10, b"\1" + leb(len(body)) + body))


def functions(count: int, *others: bytes) -> bytes:
    """Many functions, with sections between them and their code, and behind."""
    return module(
        TYPE, section(3, rows(count, b"\0")), *others[:-1], section(10, rows(count, b"\2\0\x0b")), *others[-1:]
    )


def names(kind: int, content: bytes) -> bytes:
    return section(0, b"\4name" + section(kind, content))


def unnamed(number: int) -> bytes:
    return leb(number) + b"\0"


MODULES: Final[dict[str, Callable[[int], bytes]]] = {
    "types": lambda n: module(section(1, rows(n, b"\x60\0\0"))),
    "different types": lambda n: module(
        section(1, rows(n, lambda i: b"\x60\x08" + bytes(0x7C + (i >> 2 * k & 3) for k in range(8)) + b"\0"))
    ),
    "wide types": lambda n: module(section(1, rows(n // 100, WIDE))),
    "imported globals": lambda n: module(section(2, rows(n, b"\0\0\3\x7f\0"))),
    "imported functions": lambda n: module(TYPE, section(2, rows(n, b"\0\0\0\0"))),
    "imports of all names": lambda n: module(section(2, rows(n, lambda i: name(i) + name(i // 2) + b"\3\x7f\0"))),
    "functions": functions,
    "globals": lambda n: module(section(6, rows(n, b"\x7f\0\x41\0\x0b"))),
    "exports": lambda n: module(FUNCTION, section(7, rows(n, lambda i: name(i) + b"\0\0")), CODE),
    "element segments": lambda n: module(section(9, rows(n, b"\1\0\0"))),
    "elements": lambda n: module(FUNCTION, section(9, b"\1\1\0" + rows(n, b"\0")), CODE),
    "elements that are expressions": lambda n: module(section(9, b"\1\5\x70" + rows(n, b"\xd0\x70\x0b"))),
    "elements of all functions": lambda n: functions(n, section(9, b"\1\1\0" + rows(n, leb)), b""),
    "data segments": lambda n: module(section(11, rows(n, b"\1\0"))),
    "custom sections": lambda n: module(b"\0\1\0" * n),
    "names of functions": lambda n: functions(n, b"", names(1, rows(n, unnamed))),
    "names of locals": lambda n: functions(n, b"", names(2, rows(n, lambda i: leb(i) + b"\0"))),
    "name sections": lambda n: module(
        FUNCTION,
        section(10, b"\1" + leb(3 * n + 2) + b"\0" + b"\2\x40\x0b" * n + b"\x0b"),
        names(3, b"\1\0\1\0\0") * n,
    ),
    "nops": lambda n: function(b"\1" * n),
    "constants": lambda n: function(b"\x41\0" * n + b"\x1a" * n),
    "calls": lambda n: function(b"\x10\0" * n),
    "blocks": lambda n: function(b"\2\x40\x0b" * n),
    "nested blocks": lambda n: function(b"\2\x40" * n + b"\x0b" * n),
    "nested blocks that are dead": lambda n: function(b"\0" + b"\2\x40" * n + b"\x0b" * n),
    "nested loops": lambda n: function(b"\3\x40" * n + b"\x0b" * n),
    "nested ifs": lambda n: function(b"\x41\0\4\x40\5" * n + b"\x0b" * n),
    "groups of no locals": lambda n: function(b"", rows(n, b"\0\x7f")),
    "groups of locals": lambda n: function(b"", rows(n, b"\1\x7f")),
    "targets": lambda n: function(b"\x41\0\x0e" + rows(n, b"\0") + b"\0"),
    "targets of all depths": lambda n: function(b"\2\x40" * n + b"\x41\0\x0e" + rows(n, leb) + b"\0" + b"\x0b" * n),
    "vectors": lambda n: function((b"\xfd\x0c" + bytes(16) + b"\x1a") * n),
    "an error in front of all": lambda n: module(
        TYPE, section(3, rows(n, b"\0")), section(10, rows(n, lambda i: b"\2\0\x0b" if i else b"\3\0\x1a\x0b"))
    ),
}

TEXTS: Final[dict[str, Callable[[int], str]]] = {
    "functions": lambda n: "(func)" * n,
    "names": lambda n: "".join(f"(func $f{i} (call $f{i}))" for i in range(n)),
    "nested blocks": lambda n: "(func " + "(block " * n + ")" * n + ")",
    "flat blocks": lambda n: "(func " + "block " * n + "end " * n + ")",
    "blocks of one label": lambda n: "(func " + "block $a " * n + "br $a " * n + "end " * n + ")",
    "folded operands": lambda n: "(func (drop " + "(i32.eqz " * n + "(i32.const 0)" + ")" * n + "))",
    "nested comments": lambda n: "(; " * n + ";) " * n,
    "comments in a comment": lambda n: "(;" + "(; a ;)" * n + ";)",
    "comments": lambda n: "(; a ;)" * n,
    "line comments": lambda n: ";;\n" * n,
    "unclosed comments": lambda n: "(;" * n,
    "unclosed parentheses": lambda n: "(" * n,
    "nested annotations": lambda n: "(@a " * n + ")" * n,
    "annotations": lambda n: '(@a "x" (;;))' * n,
    "custom annotations": lambda n: '(@custom "a" "b")' * n,
    "a string": lambda n: '(data "' + "a" * n + '")',
    "escapes": lambda n: '(data "' + "\\t\\00" * n + '")',
    "strings": lambda n: "(data " + '"a" ' * n + ")",
    "quotation marks that open nothing": lambda n: '(data "' + '\\"' * n,
    "unclosed strings": lambda n: '(data "\n' * n,
    "digits": lambda n: f"(func (drop (i32.const {'0' * n})) (drop (f64.const 1.{'1' * n})))",
    "an identifier": lambda n: f"(func ${'a' * n})",
    "no token": lambda n: f"(func {'[{,' * n})",
    "types": lambda n: "".join(
        f"(func (param {' '.join(('i32', 'i64', 'f32', 'f64')[i >> 2 * k & 3] for k in range(8))}))" for i in range(n)
    ),
    "uses of a wide type": lambda n: f"(type $t (func (param {'i32 ' * 900})))" + "(func (type $t))" * n,
    "exports": lambda n: "(func" + "".join(f'(export "{i}")' for i in range(n)) + ")",
    "elements": lambda n: f"(func $f) (elem func {'$f ' * n})",
    "targets": lambda n: f"(func (block $l (br_table {'$l ' * n} (i32.const 0))))",
    "names of locals": lambda n: f"(func {''.join(f'(local $l{i} i32)' for i in range(n))})",
    "spaces": lambda n: " " * n + "(func)",
    "lines before an error": lambda n: "\n" * n + "(func oops)",
    "functions before an error": lambda n: "(func nop)" * n + "(func oops)",
}

STAGES: Final[dict[str, Callable[[Any], object]]] = {
    "validate": lambda data: validate_module(decode_module(data)),
    "print": print_module,
    "parse": parse_module,
}
CASES: Final = [(stage, shape, make) for shape, make in MODULES.items() for stage in ("validate", "print")] + [
    ("parse", shape, make) for shape, make in TEXTS.items()
]
every_case = pytest.mark.parametrize(("stage", "shape", "make"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES])


def perform(stage: str, source: bytes | str) -> None:
    """One stage; that it refuses the source in the end is as good."""
    try:
        STAGES[stage](source)
    except CompileError:
        pass


def memory(stage: str, source: bytes | str) -> int:
    """Bytes at the highest point."""
    gc.collect()
    tracemalloc.start()
    try:
        perform(stage, source)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def calls(stage: str, source: bytes | str) -> int:
    """Calls of functions, in Python and out of it."""
    counted = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal counted
        counted += 1

    sys.setprofile(count)
    try:
        perform(stage, source)
    finally:
        sys.setprofile(None)
    return counted


@every_case
def test_memory_is_bounded_by_the_size(stage: str, shape: str, make: Callable[[int], bytes | str]) -> None:
    small, large = make(SMALL), make(LARGE)
    perform(stage, small)  # what is made once
    more = memory(stage, large) - memory(stage, small)
    assert more < FACTORS[stage] * (len(large) - len(small)) + 100_000


@every_case
def test_work_is_proportional_to_the_size(stage: str, shape: str, make: Callable[[int], bytes | str]) -> None:
    small, large = make(SMALL), make(LARGE)
    perform(stage, small)
    assert calls(stage, large) < 1.3 * (len(large) / len(small)) * calls(stage, small) + 1000
