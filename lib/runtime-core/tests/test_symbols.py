"""C++ and Rust symbols: readable, or left as they are; never expensive."""

from __future__ import annotations

import signal
import sys

import pytest
from pending import Raised, handler

from wasmer_runtime_core.wasm.debug import symbols
from wasmer_runtime_core.wasm.debug.symbols import demangle


@pytest.mark.parametrize(
    ("symbol", "package", "readable"),
    [
        ("_ZN3foo3barEiPKc", "itanium_demangler", "foo::bar(int, char const*)"),
        ("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "rust_demangler", "core::fmt::Formatter::pad"),
        ("_RNvC7mycrate3bar", "rust_demangler", "mycrate::bar"),
    ],
)
def test_symbols_become_readable(symbol: str, package: str, readable: str) -> None:
    pytest.importorskip(package, reason="demangling is an extra")
    assert demangle(symbol) == readable


@pytest.mark.parametrize("name", ["", "main", "_start", "_Z", "_ZN", "_R", "_ZN3fooE🦀", "_RNvC", "__wasm_call_ctors"])
def test_other_names_stay(name: str) -> None:
    assert demangle(name) == name


def test_without_a_demangler_names_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "itanium_demangler", None)
    monkeypatch.setitem(sys.modules, "rust_demangler", None)
    demangle.cache_clear()
    assert demangle("_ZN3foo3barEiPKc") == "_ZN3foo3barEiPKc"
    demangle.cache_clear()


def references(depth: int) -> str:
    """A C++ symbol of so many templates, each of which is twice the one within."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return "_Z1f" + "3twoI" * depth + "1x" + "".join(f"S{digits[at - 1] if at else ''}_E" for at in range(depth))


@pytest.mark.parametrize(
    "symbol",
    [
        references(34), "_RINvC1a1b" + "TB0_B0_E" * 100 + "E", "_RNvCGzzzzzzz_3foo", "_RINvC1a1bFG" + "z" * 20 + "_EuE",
        "_Z" + "P" * 990 + "i", "_Z1f" + "I" * 990, "_R" + "N" * 990, "_RNvC1a" + "u" + "9" * 900,
        "_ZN" + "1a" * 100_000 + "E", "_ZN" + "1a" * 480 + "E",
        "_ZN3fooE" + "S_" * 480, "_RNvC1a" + "B_" * 400, "_R" + "B" * 990 + "_",
    ],
    ids=range(13),
)  # fmt: skip
def test_symbols_that_stand_for_more_than_they_say(symbol: str) -> None:
    pytest.importorskip("itanium_demangler", reason="demangling is an extra")
    pytest.importorskip("rust_demangler", reason="demangling is an extra")
    demangle.cache_clear()
    assert len(demangle(symbol)) < 1_000_000
    assert sys.getprofile() is None


def test_a_symbol_that_takes_too_long_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("itanium_demangler", reason="demangling is an extra")
    demangle.cache_clear()
    assert demangle(references(34)) == references(34)
    assert demangle(references(3)) != references(3)
    monkeypatch.setattr(symbols, "MOST_EVENTS", 10)
    demangle.cache_clear()
    assert demangle("_ZN3foo3barEiPKc") == "_ZN3foo3barEiPKc"
    demangle.cache_clear()


def test_a_profiler_is_left_alone() -> None:
    demangle.cache_clear()
    seen = []

    def profiler(frame: object, event: str, argument: object) -> None:
        seen.append(event)

    sys.setprofile(profiler)
    try:
        assert demangle("_ZN3foo3barEiPKc") == "_ZN3foo3barEiPKc"
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(None)
        demangle.cache_clear()
    assert seen


def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal comes whenever a symbol is read."""
    demangler = pytest.importorskip("itanium_demangler", reason="demangling is an extra")
    parse = demangler.parse

    def parse_and_interrupt(symbol: str) -> object:
        signal.raise_signal(signal.SIGUSR1)
        return parse(symbol)

    monkeypatch.setattr(demangler, "parse", parse_and_interrupt)
    demangle.cache_clear()


def test_whoever_runs_while_a_symbol_is_read_is_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handlers of signals and finalizers are called in the midst, and may take as long as they like."""
    interrupted(monkeypatch)
    monkeypatch.setattr(symbols, "MOST_EVENTS", 500)
    done = []

    def work(*_: object) -> None:
        for _ in range(1000):
            len(done)
        done.append(True)

    before = signal.signal(signal.SIGUSR1, work)
    try:
        assert demangle("_ZN3foo3barEiPKc") == "_ZN3foo3barEiPKc", "nothing was left for the symbol itself"
    finally:
        signal.signal(signal.SIGUSR1, before)
        demangle.cache_clear()
    assert done == [True]


def test_what_a_handler_raises_while_a_symbol_is_read_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, handler(), pytest.raises(Raised):
        interrupted(patch)
        demangle("_ZN3foo3barEiPKc")
    assert sys.getprofile() is None
    assert demangle("_ZN3foo3barEiPKc") == "foo::bar(int, char const*)"
