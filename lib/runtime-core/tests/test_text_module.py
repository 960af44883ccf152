"""Modules from text: abbreviations, names, errors with their place, depth."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

import pytest
from refusals import refusal

from wasmer_runtime_core.errors import DecodeError
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.support.checkpoint import STRETCH
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.text.definitions import Definitions
from wasmer_runtime_core.wasm.text.encoding import name_map
from wasmer_runtime_core.wasm.text.lexer import tokenize
from wasmer_runtime_core.wasm.text.sections import Sections

HEADER = b"\0asm\1\0\0\0"

SAME = [
    # folded and flat
    ("(func (i32.add (i32.const 1) (i32.const 2)) drop)", "(func i32.const 1 i32.const 2 i32.add drop)"),
    (
        "(func (result i32) (if (result i32) (i32.const 1) (then (i32.const 2)) (else (i32.const 3))))",
        "(func (result i32) i32.const 1 if (result i32) i32.const 2 else i32.const 3 end)",
    ),
    ("(func (if (i32.const 1) (nop) (then)))", "(func i32.const 1 nop if end)"),
    ("(func (block (loop (br 1) (br 0))))", "(func block loop br 1 br 0 end end)"),
    ("(func (block (result i32) i32.const 1) drop)", "(func block (result i32) (i32.const 1) end drop)"),
    ("(func (if (i32.const 0) (then nop) (else)))", "(func i32.const 0 if nop else end)"),
    ("(func i32.const 1 select (result i32) unreachable)", "(func (i32.const 1) (select (result i32)) (unreachable))"),
    # type uses
    (
        "(func (param i32) (result i64) unreachable)",
        "(type (func (param i32) (result i64))) (func (type 0) unreachable)",
    ),
    ("(type (func (param i32))) (func (type 0) (param i32))", "(type (func (param i32))) (func (param i32))"),
    ("(func (param i32 i32) (param i64))", "(func (param i32) (param i32) (param i64))"),
    ("(func (block (param) (result)))", "(func (block))"),
    ("(func (local i32) (local i32 i64))", "(func (local i32 i32) (local i64))"),
    # inline imports and exports
    ('(func (import "a" "b") (param i32))', '(import "a" "b" (func (param i32)))'),
    ('(memory (export "m") (import "a" "b") 1 2)', '(import "a" "b" (memory 1 2)) (export "m" (memory 0))'),
    ('(global (export "g") (export "h") i32 (i32.const 1))',
     '(global i32 (i32.const 1)) (export "g" (global 0)) (export "h" (global 0))'),
    ('(table (import "a" "b") 1 externref)', '(import "a" "b" (table 1 externref))'),
    ('(global (import "a" "b") (mut f64))', '(import "a" "b" (global (mut f64)))'),
    # segments
    ('(memory (data "abc" "d"))', '(memory 1 1) (data (i32.const 0) "abcd")'),
    ('(memory (data))', '(memory 0 0) (data (i32.const 0))'),
    ("(func) (table funcref (elem 0 0))", "(func) (table 2 2 funcref) (elem (i32.const 0) func 0 0)"),
    (
        "(table externref (elem (ref.null extern)))",
        "(table 1 1 externref) (elem (table 0) (i32.const 0) externref (item ref.null extern))",
    ),
    ("(table 1 funcref) (func) (elem (offset i32.const 0) 0)", "(table 1 funcref) (func) (elem 0 (i32.const 0) 0)"),
    (
        "(table 1 funcref) (func) (elem (i32.const 0) func 0)",
        "(table 1 funcref) (func) (elem (table 0) (i32.const 0) func 0)",
    ),
    ('(memory 1) (data (memory 0) (i32.const 0) "a")', '(memory 1) (data 0 (i32.const 0) "a")'),
    # literals
    ("(func f32.const 0x1.8p1 drop)", "(func f32.const 3 drop)"),
    ("(func i32.const 0xffff_ffff drop)", "(func i32.const -1 drop)"),
    ("(func v128.const i8x16 1 0 0 0 2 0 0 0 3 0 0 0 4 0 0 0 drop)", "(func v128.const i32x4 1 2 3 4 drop)"),
    ('(memory 1) (data (i32.const 0) "\\41\\u{42}\\n\\"")', '(memory 1) (data (i32.const 0) "AB\\0a\\22")'),
    (
        "(memory 1) (func (drop (i32.load offset=0 align=4 (i32.const 0))))",
        "(memory 1) (func (drop (i32.load (i32.const 0))))",
    ),
    # optional indices
    (
        "(table 1 funcref) (func (drop (table.get (i32.const 0))))",
        "(table 1 funcref) (func (drop (table.get 0 (i32.const 0))))",
    ),
    ("(memory 1) (func (drop (memory.size)))", "(memory 1) (func (drop (memory.size 0)))"),
    ("(module)", ""),
    ("(func (;1;)) ;; two\n(func)", "(func) (@note x) (func)"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_abbreviations(one: str, other: str) -> None:
    assert parse_module(one) == parse_module(other)
    assert parse_module(one.encode()) == parse_module(one)
    decode_module(parse_module(one))


@pytest.mark.parametrize(
    ("literal", "content"),
    [
        (r"\00\ff\7F", b"\x00\xff\x7f"),
        (r"\na\nb", b"\na\nb"),
        (r"\"a\"b", b'"a"b'),
        (r"\\", b"\\"),
        (r"a\\\"b", b'a\\"b'),
        (r"\t\n\r\'", b"\t\n\r'"),
        (r"\u{20_ac}é", "€é".encode()),
        (r"\41 \42", b"A B"),
        (r"\\ab\\", b"\\ab\\"),
        ("", b""),
    ],
)
def test_string_literals(literal: str, content: bytes) -> None:
    assert parse_module(f'(data "{literal}" "x")').endswith(bytes((len(content) + 1,)) + content + b"x")


def test_the_empty_module() -> None:
    assert parse_module("") == parse_module(b"(module)") == HEADER


def test_a_whole_module_byte_by_byte() -> None:
    text = '(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))'
    assert parse_module(text) == HEADER + bytes.fromhex(
        "01 07 01 60 02 7f 7f 01 7f"  # types
        "03 02 01 00"  # functions
        "07 07 01 03 61 64 64 00 00"  # exports
        "0a 09 01 07 00 20 00 20 01 6a 0b"  # code
    )


def test_definitions_may_be_used_before_they_stand() -> None:
    text = """(module
      (export "f" (func $f)) (start $g) (elem (table $t) (i32.const 0) func $f)
      (func $f (type $s) (call $g) (drop (global.get $x)) (drop (i32.load (i32.const 0))))
      (func $g) (global $x i32 (i32.const 1)) (memory $m 1) (table $t 1 funcref) (type $s (func)))"""
    info = decode_module(parse_module(text)).info
    assert info.start == 1
    assert info.exports[0].index == 0


def test_names() -> None:
    text = """(module $m (import "a" "b" (func $imported (param $p i32)))
      (type $t (func)) (table $tab 1 funcref) (memory $mem 1) (global $glob i32 (i32.const 0))
      (func $own (param i32) (param $x i32) (local $y i64) block $label end)
      (func) (elem $e func) (data $d "") )"""
    binary = parse_module(text)
    start = binary.index(b"\x04name") + 5
    subsections = {}
    while start < len(binary):
        size = binary[start + 1]
        subsections[binary[start]] = binary[start + 2 : start + 2 + size]
        start += 2 + size
    assert subsections[0] == b"\x01m"
    assert subsections[1] == b"\x02\x00\x08imported\x01\x03own"
    assert subsections[2] == b"\x02\x00\x01\x00\x01p\x01\x02\x01\x01x\x02\x01y"
    assert subsections[3] == b"\x01\x01\x01\x00\x05label"
    assert subsections[4] == b"\x01\x00\x01t"
    assert subsections[5] == b"\x01\x00\x03tab"
    assert subsections[6] == b"\x01\x00\x03mem"
    assert subsections[7] == b"\x01\x00\x04glob"
    assert subsections[8] == b"\x01\x00\x01e"
    assert subsections[9] == b"\x01\x00\x01d"


def test_quoted_identifiers() -> None:
    assert parse_module('(func $"f") (func (call $f))') == parse_module('(func $f) (func (call $"\\66"))')
    assert b"two words" in parse_module('(func $"two words")')


ERRORS = [
    # text, reason, line, column
    ("(module", "unexpected token: the text ends, expected", 1, 8),
    ("(module))", "unexpected token ), expected the end of the text", 1, 9),
    ("(func\n  i32.const)", "unexpected token ), expected an i32 literal", 2, 12),
    ("(func i32.konst 1)", "unknown operator i32.konst", 1, 7),
    ("(func (drop (i32.const0)))", "unknown operator i32.const0", 1, 14),
    ("(func i32.const 4294967296)", "constant out of range: 4294967296", 1, 17),
    ("(func f32.const 1e40)", "constant out of range: 1e40", 1, 17),
    ("(func local.get $x)", "unknown local $x", 1, 17),
    ("(func call $f)", "unknown function $f", 1, 12),
    ("(func global.get $f)", "unknown global $f", 1, 18),
    ("(func br $l)", "unknown label $l", 1, 10),
    ("(func block $l end br $l)", "unknown label $l", 1, 23),
    ("(func (type $t))", "unknown type $t", 1, 13),
    ("(func (type 3) (param i32))", "unknown type 3", 1, 13),
    ("(type (func)) (func (type 0) (param i32))", "inline function type", 1, 30),
    ("(func block $a end $b)", "mismatching label", 1, 20),
    ("(func if $a else $b end)", "mismatching label", 1, 18),
    ("(func end)", "unexpected token end", 1, 7),
    ("(func block else end)", "unexpected token else", 1, 13),
    ("(func (block)\n end)", "unexpected token end", 2, 2),
    ("(func block)", "unexpected token ), expected an instruction or end", 1, 12),
    ("(func (if i32.const 0 (then)))", "unexpected token i32.const", 1, 11),
    ("(func (if (i32.const 0)))", "unexpected token ), expected (then", 1, 24),
    ("(func (if (i32.const 0) (then) (then)))", "unexpected token then, expected (else or )", 1, 33),
    ("(func (then))", "unexpected token then", 1, 8),
    ("(func (param $a i32) (local $a i32))", "duplicate local $a", 1, 29),
    ("(func $f) (func $f)", "duplicate func $f", 1, 17),
    ("(global $g i32 (i32.const 0)) (global $g i32 (i32.const 0))", "duplicate global $g", 1, 39),
    ("(func $)", "empty identifier", 1, 7),
    ("(func) (import \"\" \"\" (func))", "import after function", 1, 9),
    ("(memory 1) (table (import \"\" \"\") 1 funcref)", "import after memory", 1, 13),
    ("(type (func (result i32) (param i32)))", "unexpected token param", 1, 27),
    ("(func (nop) (local i32))", "unexpected token local", 1, 14),
    ("(start 0) (start 0)", "multiple start sections", 1, 12),
    ("(memory 1) (func (i32.load align=3 (i32.const 0)))", "alignment must be a power of two", 1, 28),
    ("(memory 1) (func (i32.load offset=18446744073709551616 (i32.const 0)))", "i64 constant out of range", 1, 28),
    ("(memory 18446744073709551616)", "i64 constant out of range", 1, 9),
    ("(export \"\\ff\" (func 0))", "malformed UTF-8 encoding", 1, 9),
    ("(func v128.const i32x4 1 2 3)", "wrong number of lane literals", 1, 24),
    ("(func i8x16.extract_lane_s 256)", "malformed lane index", 1, 28),
    ("(func i8x16.shuffle 1 2 3)", "invalid lane length", 1, 21),
    ("(fnc)", "unknown operator fnc", 1, 2),
    ("nop", "unexpected token nop, expected a module field", 1, 1),
    ("(global $g anyfunc (ref.null func))", "unknown operator anyfunc", 1, 12),
    ("(table 1 i32)", "unexpected token i32, expected a reference type", 1, 10),
    ("(func) (elem (i32.const 0) nop)", "unexpected token nop", 1, 28),
    ("(data (offset))\n(dat)", "unknown operator dat", 2, 2),
    ('(data "a\\q")', "malformed string literal: unknown escape '\\\\q'", 1, 7),
    ('(data "\\u{d800}")', "malformed UTF-8 encoding", 1, 7),
    ('(data "\\u{1__0}")', "malformed string literal", 1, 7),
    ('(func $"\\q")', "malformed string literal", 1, 7),
    ("(type (func) nop)", "unexpected token nop, expected )", 1, 14),
    ("(elem (table 0) (i32.const 0) 1)", "unexpected token 1, expected func or a reference type", 1, 31),
    ("(data 0)", "unexpected token ), expected (offset or a folded instruction", 1, 8),
    ("(elem (table 0))", "unexpected token ), expected (offset or a folded instruction", 1, 16),
    ("(func (foo)) (func", "unknown operator foo", 1, 8),
]  # fmt: skip


@pytest.mark.parametrize(("text", "reason", "line", "column"), ERRORS)
def test_errors(text: str, reason: str, line: int, column: int) -> None:
    error = refusal(parse_module, text)
    assert isinstance(error, DecodeError) and error.reason.startswith(reason)
    assert (error.line, error.column, error.offset) == (line, column, None)


@pytest.mark.parametrize(
    "text", ["(table", "(import", '(import ""', "(func (", "(elem", "(func memory.init", "(func block ("]
)
def test_texts_that_end_where_more_is_looked_for(text: str) -> None:
    with pytest.raises(DecodeError, match="the text ends"):
        parse_module(text)


DEPTH = 100_000


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("(block ", ")"),
        ("(i32.eqz ", ")"),
        ("block ", "end "),
        ("(if (i32.const 1) (then ", "))"),
        ("i32.const 1 if nop else ", "end "),
    ],
)
def test_depth(opening: str, closing: str) -> None:
    text = "(func " + opening * DEPTH + closing * DEPTH + ")"
    assert len(parse_module(text)) > DEPTH
    with pytest.raises(DecodeError, match="unexpected token"):
        parse_module(text + ")")


@pytest.mark.parametrize("text", ["(" * DEPTH, "(func " * DEPTH, "(; " * DEPTH, "(@a " * DEPTH, ")" * DEPTH])
def test_depth_of_what_is_no_module(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_module(text)


def test_a_label_is_found_however_deep() -> None:
    text = "(func block $outer " + "block $l " * 1000 + "br $l br $outer " + "end " * 1001 + ")"
    binary = parse_module(text)
    assert b"\x0c\x00\x0c\xe8\x07\x0b" in binary


@pytest.mark.parametrize(
    "text",
    [
        "(func (i32.const {digits}))",
        "(func (f64.const 0x{digits}))",
        "(func (f64.const 0x1p{digits}))",
        "(func (drop (v128.const i32x4 {digits} 0 0 0)))",
        "(func (i32.load offset={digits}))",
        "(func (i32.load align={digits}))",
        "(func (local.get {digits}))",
        "(func (br {digits}))",
        "({name})",
        "(func {name})",
        "(func ${name}) (func ${name})",
        "(func (call ${name}))",
        "(func (br ${name}))",
        "(func block $a end ${name})",
        "(func block ${name} end $a)",
        "(func (local.get ${name}))",
        "(global i32 (global.get ${name}))",
        '(func (export "a") (export "a") (nop {name}))',
        '(data "\\z{name}")',
        "(type (func)) (func (type 0) (param {types}))",
    ],
)
def test_messages_do_not_quote_what_is_as_long_as_the_text(text: str) -> None:
    written = text.format(digits="1" * 100_000, name="n" * 100_000, types="i32 " * 10_000)
    with pytest.raises(DecodeError) as caught:
        parse_module(f"(module {written})")
    assert len(str(caught.value)) < 500


MANY = 9_000


def with_local_names() -> Sections:
    sections = Sections()
    sections.local_names += [(function, {0: b"x"}) for function in range(MANY)]
    return sections


@pytest.mark.parametrize(
    "write",
    [
        partial(tokenize, " ".join(f"${at}" for at in range(MANY))),
        partial(name_map, dict.fromkeys(range(MANY), b"x")),
        partial(parse_module, "(type (func))" * MANY),
        partial(with_local_names().module_bytes, Definitions()),
    ],
    ids=("spellings", "names", "types", "functions with names"),
)
def test_lists_are_gone_through_with_looks_in_between(
    write: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those of what was read already: a deadline ends that, too."""
    looks = itertools.count()
    monkeypatch.setattr(machine, "check_interrupts", lambda: next(looks) and None)
    write()
    assert next(looks) >= MANY // STRETCH
