"""Scripts: each command with its line and what it says."""

from __future__ import annotations

import pytest

from wasmer_runtime_core.errors import DecodeError
from wasmer_runtime_core.wasm.text.parser import parse_module
from wasmer_runtime_core.wasm.text.script import Action, Pattern, read_script

SCRIPT = r"""
(module $a (func (export "f") (param i32)))
(module binary "\00asm" "\01\00\00\00")
(module $q quote "(func)" "(memory 1)")
(register "b" $a)
(register "c")
(invoke $a "f" (i32.const -1))
(assert_return (invoke "f" (f32.const nan:0x200000)) (f64.const nan:canonical) (ref.null func))
(assert_return (get $a "g") (either (i32.const 1) (v128.const f32x4 1 nan:arithmetic 0 -0)))
(assert_return_canonical_nan (invoke "f"))
(assert_trap (invoke "f" (ref.extern 7)) "unreachable")
(assert_trap (module (start 0)) "out of bounds")
(assert_exhaustion (invoke "f") "call stack exhausted")
(assert_malformed
  (module quote "(foo)") "unknown operator")
(assert_invalid (module (func (result i32))) "type mismatch")
(assert_unlinkable (module (import "a" "b" (func))) "unknown import")
(module definition $d (func))
(module instance $i $d)
(assert_exception (invoke "f"))
(assert_return (invoke "f") (ref.func) (ref.extern) (ref.struct) (ref.null))
"""


def test_commands() -> None:
    commands = read_script(SCRIPT)
    assert [command.line for command in commands] == [*range(2, 15), *range(16, 22)]
    assert [command.kind for command in commands] == (
        "module module module register register action assert_return assert_return assert_return assert_trap "
        "assert_trap assert_exhaustion assert_malformed assert_invalid assert_unlinkable definition instance "
        "assert_exception assert_return"
    ).split()
    text, binary, quote = (command.module for command in commands[:3])
    assert text is not None and binary is not None and quote is not None
    assert (text.kind, text.name, binary.kind, binary.name, quote.kind, quote.name) == (
        "text",
        "$a",
        "binary",
        None,
        "quote",
        "$q",
    )
    assert text.encode() == parse_module('(module $a (func (export "f") (param i32)))')
    assert binary.encode() == b"\0asm\1\0\0\0"
    assert quote.encode() == parse_module("(func)(memory 1)")
    assert (commands[3].text, commands[3].name, commands[4].name) == ("b", "$a", None)
    assert commands[5].action == Action("invoke", "$a", "f", (Pattern("i32", 0xFFFF_FFFF, 32, ("",)),))
    action = commands[6].action
    assert action is not None and action.arguments[0].bits == 0x7FA0_0000
    assert commands[6].expected == (Pattern("f64", 0, 64, ("canonical",)), Pattern("ref.null", None, heap="func"))
    assert commands[7].action == Action("get", "$a", "g", ())
    (either,) = commands[7].expected
    assert either.alternatives[1] == Pattern("v128", 0x3F80_0000 | 1 << 127, 32, ("", "arithmetic", "", ""))
    assert commands[8].expected[0].nans == ("canonical",)
    assert commands[9].action is not None and commands[9].action.arguments[0] == Pattern("ref.extern", 7)
    assert commands[10].module is not None and commands[10].text == "out of bounds"
    assert commands[12].text == "unknown operator"
    assert (commands[16].name, commands[16].definition) == ("$i", "$d")
    assert [pattern.type for pattern in commands[18].expected] == ["ref.func", "ref.extern", "ref.struct", "ref.null"]


def test_fields_alone_are_one_module() -> None:
    (command,) = read_script('(func) (memory 0) (func (export "f"))')
    assert command.module is not None
    assert command.module.encode() == parse_module('(module (func) (memory 0) (func (export "f")))')


def test_a_module_that_cannot_be_read_fails_when_it_is_encoded() -> None:
    first, second = read_script("(module (fnc))\n(module)")
    assert first.module is not None and second.module is not None
    with pytest.raises(DecodeError, match="unknown operator fnc") as caught:
        first.module.encode()
    assert (caught.value.line, caught.value.column) == (1, 10)
    second.module.encode()


@pytest.mark.parametrize(
    "text",
    ["(assert_foo)", "module", "(module", "(assert_return (call))", '(invoke "f" (i32.add))', "(assert_return)"],
)
def test_what_is_no_script(text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read_script(text)
    assert caught.value.line == 1


@pytest.mark.parametrize("count", [2, 200_000])
def test_alternatives_have_no_alternatives(count: int) -> None:
    """What reads them calls itself, and compiled code has no limit of recursion."""
    nested = "(either " * count + "(i32.const 1)" + ")" * count
    with pytest.raises(DecodeError, match="expected a constant or a pattern"):
        read_script(f'(assert_return (invoke "f") {nested})')
