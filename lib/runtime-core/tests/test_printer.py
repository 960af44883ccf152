"""Modules as text, and back."""

from __future__ import annotations

import itertools
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmer_runtime_core.errors import (
    DecodeError,
    ImplementationLimitError,
    Timeout,
    UnsupportedFeatureError,
    ValidationError,
)
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_runtime_core.support.checkpoint import STRETCH
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.operators.effects import CLOSES
from wasmer_runtime_core.wasm.operators.rows import OPERATORS
from wasmer_runtime_core.wasm.text import parse_module, printer
from wasmer_runtime_core.wasm.text.keywords import operator_bytes
from wasmer_runtime_core.wasm.text.numerals import float_bits
from wasmer_runtime_core.wasm.text.printer import BYTES_AT_ONCE, float_text, print_module

TEXT = r"""(module $m
  (type $t (;0;) (func (param i32) (result i32)))
  (type (;1;) (func))
  (import "a" "b\00\22" (func $i (;0;) (type $t) (param $p i32) (result i32)))
  (import "a" "mém" (memory (;0;) 1 2))
  (func $f (;1;) (type $t) (param $x i32) (result i32)
    (local i32 i32) (local $l f64)
    block $out (result i32)
      local.get $x
      if $inner (result i32)
        i32.const -1
        br $out
      else
        loop
          br 0
          br_table 0 $inner $out 3
        end
        local.get 1
      end
    end
    i32.load offset=8 align=1
    f64.const -1.5e-07
    local.set $l
    f32.const 0.1
    f32.const nan:0x200000
    drop
    drop
    ref.func $f
    ref.null extern
    drop
    drop
    i32.const 0
    i32.const 0
    i32.const 4
    memory.init $d
    v128.const i32x4 0x00000001 0x00000002 0xffffffff 0x00000000
    i8x16.extract_lane_s 3
    select (result i32)
    call_indirect $tab (type $t))
  (func (;2;) (type 1))
  (table (;0;) 1 externref)
  (table $tab (;1;) 2 2 funcref)
  (global $g (;0;) (mut i32) (i32.const 7))
  (export "f" (func $f))
  (start 2)
  (elem $e (;0;) (table $tab) (i32.const 0) func $f $i)
  (elem (;1;) funcref (ref.null func))
  (elem (;2;) declare func 2)
  (data $d (;0;) "text\0a\ff\22")
  (data (;1;) (i32.const 16) ""))
"""


MANY: Final = 3 * STRETCH
LONG_LISTS: Final = {
    "types": "(type (func))" * MANY,
    "imports": '(import "" "" (func))' * MANY,
    "functions": "(func)" * MANY,
    "globals": "(global i32 (i32.const 0))" * MANY,
    "exports": "(func)" + "".join(f'(export "{number}" (func 0))' for number in range(MANY)),
    "element segments": "(elem func)" * MANY,
    "elements": f"(func) (elem func {'0 ' * MANY})",
    "elements that are expressions": f"(elem funcref {'(ref.null func)' * MANY})",
    "data segments": '(data "")' * MANY,
    "data": f'(data "{"x" * (MANY * BYTES_AT_ONCE // STRETCH)}")',
    "custom sections": '(@custom "" "")' * MANY,
    "a custom section": f'(@custom "" "{"x" * (MANY * BYTES_AT_ONCE // STRETCH)}")',
    "names": "".join(f"(type $t{number} (func))" for number in range(MANY)),
    "locals": f"(func (local {'i32 i64 ' * (MANY // 2)}))",
    "names of locals": f"(func {''.join(f'(local $l{number} i32)' for number in range(MANY))})",
    "targets": f"(func (br_table {'0 ' * MANY} (i32.const 0)))",
    "types of select": f"(func (select (result {'i32 ' * MANY}) (i32.const 0) (i32.const 0) (i32.const 0)))",
}


@pytest.mark.parametrize("what", LONG_LISTS)
def test_long_lists_are_printed_with_looks_in_between(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a module has much of, a deadline ends printing it soon."""
    module = parse_module(f"(module {LONG_LISTS[what]})")
    decoded = decode_module(module)
    looks = itertools.count()
    monkeypatch.setattr(machine, "check_interrupts", lambda: next(looks) and None)
    monkeypatch.setattr(printer, "decode_module", lambda *_: decoded)  # which looks, too
    print_module(module)
    assert next(looks) >= MANY // STRETCH


@pytest.mark.parametrize("tail", ["", "63", "640a", "7f", "c07f", "ffffffff0f", "808080808080", "00", "0000", "40"])
def test_a_body_of_any_bytes_is_printed_or_refused(tail: str) -> None:
    """Behind each operator: bytes that are no immediate of its, in the last body of a module and in one before."""
    head = bytes.fromhex("0061736d 01000000 010401600000 0303020000 0404017000 01 0503010001".replace(" ", ""))
    empty = bytes.fromhex("02000b")
    for code in OPERATORS:
        body = b"\0" + operator_bytes(code) + bytes.fromhex(tail)
        for two in ((empty, bytes((len(body),)) + body), (bytes((len(body),)) + body, empty)):
            contents = b"\x02" + b"".join(two)
            try:
                print_module(head + b"\x0a" + bytes((len(contents),)) + contents)
            except (DecodeError, ValidationError, UnsupportedFeatureError):
                continue


def test_printing_ends_with_the_deadline() -> None:
    for text in ("(module (func" + " nop" * 5000 + "))", "(module" + " (func)" * 3000 + ")", "(module (func $f))"):
        module = parse_module(text)
        with timeout(0), pytest.raises(Timeout):
            print_module(module)
        assert parse_module(print_module(module)) == module


def test_the_text_of_a_module() -> None:
    assert print_module(parse_module(TEXT)) == TEXT


def test_the_empty_module() -> None:
    assert print_module(parse_module("")) == "(module)\n"


def test_every_operator_comes_back() -> None:
    immediates = {
        "": "",
        "block": " end",
        "label": " 0",
        "labels": " 0 0 0",
        "function": " 0",
        "type table": " 1 (type 0)",
        "types": "",
        "local": " 1",
        "global": " 0",
        "table": " 1",
        "memory": "",
        "memarg": " offset=4294967295 align=1",
        "i32": " -2147483648",
        "i64": " -9223372036854775808",
        "f32": " -0",
        "f64": " nan:0x1",
        "v128": " i64x2 -1 2",
        "heap type": " extern",
        "type": " 0",
        "tag": " 0",
        "block catches": " (catch 0 0) (catch_all_ref 0) end",
        "data memory": " 0",
        "data": " 0",
        "memory memory": "",
        "element table": " 1 0",
        "element": " 0",
        "table table": " 1 0",
        "lane": " 1",
        "memarg lane": " offset=3 1",
        "reference type": " (ref 2)",
        "cast": " 0 anyref (ref null 2)",
        "type field": " 2 $b",
        "type count": " 3 4",
        "type data": " 3 0",
        "type element": " 3 0",
        "type type": " 3 3",
        "lanes": " " + " ".join(map(str, range(16))),
        "zero": "",
    }
    body = []
    for operator in OPERATORS.values():
        if operator.effects & CLOSES:
            continue
        mnemonic = "select (result f32)" if operator.mnemonic == "select t" else operator.mnemonic
        written = immediates[operator.immediate]
        if operator.mnemonic.endswith(" null"):
            mnemonic, written = operator.word, " (ref null 2)"
        body.append(mnemonic + written)
    body.append("if else end try catch 0 catch_all end try delegate 0")
    binary = parse_module(
        "(type (func (param i32 i32))) (type (func)) (type (struct (field i8) (field $b i8))) (type (array i8))"
        "(table 1 funcref) (table 1 funcref) (memory 1) (global (mut i32) (i32.const 0)) (elem func) (data)"
        f"(func (param i32 i32) {' '.join(body)})"
    )
    assert parse_module(print_module(binary)) == binary


@pytest.mark.parametrize(
    "text",
    [
        '(module (@name "") (func $a) (func (@name "a")) (func $"b c") (func $"\\u{20ac}") (func (@name "")))',
        "(func (param $a i32) (param i32 i32) (local $b i64) (local i64))",
        '(func (param (@name "x") i32) (param (@name "x") i32) (drop (local.get 1)))',
        '(import "a" "b" (func (param i32) (param $second i64)))',
        "(func block $l block $l br $l br 1 end end block $l end)",
        '(func block $"two words" br $"two words" end block (@name "") br 0 end)',
        "(type $a (func)) (table $b 1 funcref) (memory $c 1) (global $d i32 (i32.const 0)) (elem $e func) (data $f)",
        '(@custom "x" (before first) "\\00\\ff") (func) (@custom "y" (after code) "1") (@custom "z" "")',
        '(@custom "name" "nonsense")',
        '(import "m" "t" (tag $i (param i32))) (tag $e (export "e") (param i32 i64)) (tag (type 0))',
        '(tag $i) (export "i" (tag $i))',
        "(tag $e) (func block $l (result exnref) try_table $l (catch_all_ref $l) (catch $e 1) end end drop)",
        "(tag $e) (func try $t try delegate $t catch $e rethrow $t catch_all rethrow 0 end)",
        "(tag $e) (func (try $t (do (try (do nop) (delegate $t))) (catch $e) (catch_all (rethrow $t))) (try (do)))",
        "(tag) (func (try_table (catch 0 0) (catch_ref 0 0) (throw 0)) (throw_ref (ref.null exn)))",
        '(tag) (@custom "x" (after tag) "1") (global exnref (ref.null exn))',
        '(func) (@custom "name" (after last) "\\01\\05\\01\\07\\02no")',
        "(type (func (result i32))) (func block (type 0) i32.const 1 end drop)",
        "(func (result i32 i64) unreachable) (func block (param) (result i32 i64) unreachable end drop drop)",
        "(func i32.const 1 select (result) (unreachable))",
        '(data "\\00\\"\\\\é")',
        f"(func {'block ' * 300}{'end ' * 300})",
        f"(func (local {'i32 ' * 1000}))",
    ],
)
def test_round_trips(text: str) -> None:
    binary = parse_module(text)
    assert parse_module(print_module(binary)) == binary


def test_other_encodings_come_back_as_the_canonical_one() -> None:
    padded = b"\0asm\1\0\0\0" + bytes.fromhex(
        "01 84 80 00 01 60 00 00"  # a size in three bytes
        "03 02 01 00"
        "0a 0a 01 08 02 01 7f 81 00 7f 01 0b"  # two runs of one local
    )
    printed = print_module(padded)
    assert parse_module(printed) == parse_module("(func (local i32 i32) nop)")


@settings(deadline=None)
@given(st.integers(0, (1 << 32) - 1))
def test_f32(bits: int) -> None:
    assert float_bits(float_text(bits, 32), 32) == bits


@settings(deadline=None)
@given(st.integers(0, (1 << 64) - 1))
def test_f64(bits: int) -> None:
    assert float_bits(float_text(bits, 64), 64) == bits


@settings(deadline=None)
@given(st.binary(max_size=60), st.booleans())
def test_name_sections_are_kept_whatever_they_hold(content: bytes, cut: bool) -> None:
    base = parse_module("(module $m (func $f (param $x i32)) (func) (table $t 1 funcref))")
    start = base.index(b"\x04name") + 5
    names = base[start : start + len(content)] + content if cut else content
    size = len(names) + 5
    binary = base[: start - 7] + bytes((0, size)) + b"\x04name" + names
    again = parse_module(print_module(binary))
    assert print_module(again) == print_module(binary)


def test_few_bytes_do_not_become_a_text_without_end() -> None:
    binary = parse_module("(func (local i32))").replace(b"\x0a\x06\x01\x04\x01\x01\x7f\x0b", b"")
    binary += bytes.fromhex("0a 0a 01 08 01 ff ff ff ff 0f 7f 0b")
    with pytest.raises(ImplementationLimitError, match="locals"):
        print_module(binary)


def test_parameters_are_counted_as_locals() -> None:
    """A function of five bytes writes as many words as its type has parameters."""
    type_ = f"(type (func (param {'i32 ' * 1000})))"
    assert print_module(parse_module(type_ + "(func (type 0))" * 1000))
    with pytest.raises(ImplementationLimitError, match="locals"):
        print_module(parse_module(type_ + "(func (type 0))" * 1100))


def test_a_long_name_is_not_written_at_a_million_uses() -> None:
    """It stays at its definition; where enough of it has been written, the index stands, which means the same."""
    name = "n" * 50_000
    for kind in ("func", "block"):
        uses = f"(func ${name}) (func {f'call ${name} ' * 10_000})"
        if kind == "block":
            uses = f"(func (block ${name} {f'br_if ${name} ' * 10_000}))"
        binary = parse_module(uses)
        text = print_module(binary)
        assert len(text) < 100 * len(binary)
        assert text.count(name) > 10
        assert parse_module(text) == binary


def test_indentation_ends() -> None:
    depth = 20_000
    binary = parse_module("(func " + "block " * depth + "nop " * depth + "end " * depth + ")")
    text = print_module(binary)
    assert len(text) < 100 * len(binary)
    assert parse_module(text) == binary


def test_what_cannot_be_printed() -> None:
    with pytest.raises(DecodeError):
        print_module(b"\0asm")
    with pytest.raises(DecodeError):
        print_module(parse_module("(func nop)")[:-1] + b"\xff")
    with pytest.raises(ValidationError):
        print_module(parse_module("(global i32 (i32.clz (i32.const 1)))"))
    with pytest.raises(UnsupportedFeatureError):
        print_module(b"\0asm\1\0\0\0\4\5\1\x70\3\1\1")  # a shared table
