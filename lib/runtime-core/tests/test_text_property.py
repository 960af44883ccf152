"""Any text is a module, or an error with line and column: malformed, or a feature not here. Never anything else."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from wasmer_runtime_core.errors import DecodeError, UnsupportedFeatureError
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.text.keywords import KEYWORDS
from wasmer_runtime_core.wasm.text.script import read_script

REFUSED = (DecodeError, UnsupportedFeatureError)

SEED = r"""(module $m
  (type $t (func (param i32) (result i32)))
  (import "a" "b" (func $i (type $t)))
  (memory (export "m") 1 2) (table $tab funcref (elem $f $i))
  (global $g (mut f32) (f32.const -0x1.8p-3))
  (func $f (export "f") (param $x i32) (result i32) (local $l v128)
    (local.set $l (v128.const i16x8 1 2 3 4 5 6 7 -8))
    (if (result i32) (local.get $x)
      (then block $b (result i32) (br_if $b (i32.load8_u offset=3 align=1 (i32.const 0)) (i32.const 1)) end)
      (else (call_indirect $tab (type $t) (call $i (local.get $x)) (i32.const 0))))
    (select (result i32) (i32.const 1) (i32.const 2)) (; a comment ;)
    drop i8x16.extract_lane_s 3 ;; another
    (@annotation "x" ())
    br_table 0 0 1)
  (elem declare func $f) (data $d (i32.const 0) "text\00\u{20ac}" "more") (start $f))
"""

WORDS = [*KEYWORDS, "$x", "$f", '"a"', "0", "-1", "0x1p3", "nan:0x1", "offset=1", "align=2", ";; c\n", "(;", ";)", "\n"]
SCRIPT_WORDS = [*WORDS, "assert_return", "invoke", "module", "binary", "quote", "register"]
SLICES = st.tuples(st.integers(0, len(SEED)), st.integers(0, len(SEED)))


def outcome(text: str | bytes) -> None:
    """Parse: the module can be decoded or is refused as a whole, and an error says where."""
    try:
        binary = parse_module(text)
    except REFUSED as error:
        assert error.line is not None and error.line >= 1
        assert error.column is not None and error.column >= 1
        assert str(error)
    else:
        assert binary.startswith(b"\0asm\1\0\0\0")
        decode_module(binary)


def test_the_seed_is_a_module() -> None:
    assert parse_module(SEED)


@settings(deadline=None)
@given(st.text(max_size=200))
@example("(func $\ud800)")
@example('(data "\ud800")')
@example('(func $"\ud800")')
@example('(export "\ud800" (func 0))')
def test_random_text(text: str) -> None:
    outcome(text)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    outcome(data)


@settings(deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=40), st.booleans())
def test_random_words(words: list[str], in_function: bool) -> None:
    text = " ".join(words)
    outcome(f"(func {text})" if in_function else text)


@settings(max_examples=500, deadline=None)
@given(SLICES, st.one_of(st.text(max_size=6), st.sampled_from(WORDS)), st.booleans())
def test_mutated_text(bounds: tuple[int, int], put: str, words: bool) -> None:
    start, end = sorted(bounds)
    end = min(end, start + 20)
    outcome(SEED[:start] + (f" {put} " if words else put) + SEED[end:])


@settings(deadline=None)
@given(SLICES, st.integers(0, len(SEED)))
def test_moved_text(bounds: tuple[int, int], to: int) -> None:
    start, end = sorted(bounds)
    rest = SEED[:start] + SEED[end:]
    outcome(rest[:to] + SEED[start:end] + rest[to:])


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([*WORDS, "assert_return", "invoke", "module", "binary", "quote", "register"]), max_size=30)
)
def test_random_scripts(words: list[str]) -> None:
    try:
        commands = read_script(" ".join(words))
    except REFUSED as error:
        assert error.line is not None and error.column is not None
        return
    for command in commands:
        if command.module is not None and command.module.kind != "binary":
            try:
                command.module.encode()
            except REFUSED as error:
                assert error.line is not None and error.column is not None
