"""Tokens, and what is none."""

from __future__ import annotations

import pytest

from wasmer_runtime_core.errors import DecodeError
from wasmer_runtime_core.wasm.text import lexer
from wasmer_runtime_core.wasm.text.lexer import tokenize


def spellings(text: str | bytes) -> list[str]:
    tokens = tokenize(text)
    return [tokens.spellings[number] for number in tokens.numbers[: -lexer.LOOKAHEAD]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\r\n;; only a comment", []),
        ("(module)", ["(", "module", ")"]),
        ("(func(nop))", ["(", "func", "(", "nop", ")", ")"]),
        ("nop;;bla\nend", ["nop", "end"]),
        ("nop;;bla\rend", ["nop", "end"]),
        ("nop(;bla;)end", ["nop", "end"]),
        ("(; ;; (; ;) ;) a", ["a"]),
        ('"(;" a ";)"', ['"(;"', "a", '";)"']),
        (';; "unclosed\na', ["a"]),
        ('"a\\"b" c', ['"a\\"b"', "c"]),
        ('$l"a"', ['$l"a"']),
        ('"a""b"', ['"a""b"']),
        ("a;b,c[d]{e}", ["a;b,c[d]{e}"]),
        ("0$l $a$b", ["0$l", "$a$b"]),
        ('(@x a (b ")" ;) \n c)) d', [")", "d"]),
        ("(@x(@y)(;)) ;)\n)a", ["a"]),
        ('(@name "x") a', ["(@name", '"x"', ")", "a"]),
        ('(@named "x") a', ["a"]),
        ('(;ü;) "ü"', ['"ü"']),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert spellings(text) == expected
    assert spellings(text.encode()) == expected


@pytest.mark.parametrize(
    ("text", "reason", "line", "column"),
    [
        ('(module\n  (data "a', "unclosed string", 2, 9),
        ('(data "a\tb")', "malformed string literal", 1, 7),
        ("a\n(; (; ;)", "unclosed comment", 2, 1),
        ("a ü", "illegal character", 1, 3),
        ("a\r\nb\rc \x01", "illegal character", 3, 3),
        ("(@)", "empty annotation id", 1, 1),
        ("(@x (y)", "unclosed annotation", 1, 1),
        ("(@x ü)", "illegal character", 1, 5),
        (b"ok\n(; \xff ;)", "malformed UTF-8 encoding", 2, 4),
        (b'(@"\\ff" x)', "malformed UTF-8", 1, 3),
    ],
)
def test_what_is_no_token(text: str | bytes, reason: str, line: int, column: int) -> None:
    with pytest.raises(DecodeError) as caught:
        tokenize(text)
    assert caught.value.reason.startswith(reason)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_chunks_do_not_change_the_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    text = '(module (func $a nop)\n  ;; comment (\n  (data "x\\n") (; over\n two lines ;)\n\n (export "e" (func $a)))\n'
    whole = tokenize(text)
    for size in range(1, len(text)):
        monkeypatch.setattr(lexer, "CHUNK_CHARACTERS", size)
        tokens = tokenize(text)
        assert (tokens.numbers, tokens.spellings) == (whole.numbers, whole.spellings)


def test_lines_of_tokens() -> None:
    assert tokenize("a b\r\nc\rd (; \n ;) e\n\nf").lines() == [1, 1, 2, 3, 4, 6, 6]


def test_memory_is_shared_by_equal_spellings() -> None:
    tokens = tokenize("i32.const 1 i32.const 1 " * 1000)
    assert len(tokens.numbers) == 4000 + lexer.LOOKAHEAD
    assert tokens.spellings[-1] == "1"


def test_every_quotation_mark_of_an_unclosed_string_is_looked_at_once() -> None:
    """A hundred thousand marks: were the rest tried at each of them, this would take hours."""
    for text in ('"' + '\\"' * 100_000, '(; (; ;) ;) "' + '\\"' * 100_000, '(@a) "' + '\\"' * 100_000 + "\n"):
        with pytest.raises(DecodeError, match=r"unclosed string|malformed string"):
            tokenize(text)
