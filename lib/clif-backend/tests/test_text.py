"""CLIF text: every row is read as it is printed; what is wrong is said with its place."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from clif_files import GIVEN, OWN, by_name, needs_given_files
from lines import INTERPRETED, Lines

from wasmer_clif_backend.ir.opcodes import ENDS, PARAMETER, RESULT, ROWS, UNDEFINED, VALUE, Row, derived
from wasmer_clif_backend.ir.parser import parse_file, parse_function
from wasmer_clif_backend.ir.printer import print_function
from wasmer_clif_backend.ir.types import type_name
from wasmer_clif_backend.ir.verify import verify
from wasmer_runtime_core.errors import DecodeError

WORDS = {
    "number": "-7",
    "float32": "0x1.8p3",
    "float64": "-0x1.8p-3",
    "lane": "1",
    "intcc": "sge",
    "floatcc": "ueq",
    "atomic": "smax",
    "flags": "notrap aligned little",
    "offset": "+8",
    "slot": "ss0",
    "function": "fn0",
    "signature": "sig0",
    "constant": "const0",
    "mask": "[0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15]",
    "code": "user7",
    "block": "block1(v0, v0)",
    "table": "block2, [block1(v0, v0), block2]",
}


def written(row: Row, controlling: int) -> tuple[str, list[int]]:
    """An instruction of a row as text, and the types of the values it takes: v0 (an i8), then v1, v2, …"""
    types: list[int] = []
    text = f"{row.name}.{type_name(controlling)}" if controlling else row.name
    comma = " "
    for operand in row.operands:
        kind = operand.kind
        if kind == VALUE:
            types.append(min(derived(operand.rule, controlling)))
            word = f"v{len(types)}"
        elif kind == "arguments":
            word = "v0" if row.name == "return" else "(v0)"
        else:
            word = WORDS[kind]
            if kind == "number" and controlling:
                word = "-7"
            if kind == "flags" and row.name == "bitcast":
                word = "little"
        text += word if kind == "offset" or (kind == "arguments" and row.name != "return") else comma + word
        comma = " " if kind in ("flags", "intcc", "floatcc", "atomic") else ", "
    return text, types


def function_of(row: Row, controlling: int) -> str:
    """A function that holds one instruction of a row."""
    text, types = written(row, controlling)
    results = ["i8"] if row.results == ("call",) else [type_name(min(derived(one, controlling))) for one in row.results]
    given = [f"v{at}: {type_name(type)}" for at, type in enumerate([1, *types])]
    names = ", ".join(f"v{len(given) + at}" for at in range(len(results)))
    lines = [
        f"function %f({', '.join(one.split(': ')[1] for one in given)}) -> i8 {{",
        "    ss0 = explicit_slot 64",
        "    sig0 = (i8) -> i8",
        "    fn0 = %g sig0",
        "    const0 = 0x000102030405060708090a0b0c0d0e0f",
        f"block0({', '.join(given)}):",
        f"    {names} = {text}" if results else f"    {text}",
    ]
    if not row.effects & ENDS:
        lines.append("    return v0")
    lines += ["block1(v30: i8, v31: i8):", "    return v30", "block2:", "    return v0", "}"]
    return "\n".join(lines)


@pytest.mark.parametrize("row", [row for row in ROWS[1:] if row.number not in (PARAMETER, RESULT, UNDEFINED)], ids=repr)
def test_every_row_is_read_verified_and_printed(row: Row) -> None:
    for controlling in sorted(row.types) or [0]:
        function = parse_function(function_of(row, controlling))
        assert [str(one) for one in verify(function)] == []
        text = print_function(function)
        assert row.name in text
        again = parse_function(text)
        assert print_function(again) == text
        assert [str(one) for one in verify(again)] == []


@pytest.mark.parametrize("path", OWN, ids=by_name)
def test_our_files_print_as_they_were_read(path: Path) -> None:
    prints_as_read(path)


@needs_given_files
@pytest.mark.parametrize("path", GIVEN, ids=by_name)
def test_given_files_print_as_they_were_read(path: Path) -> None:
    prints_as_read(path)


def prints_as_read(path: Path) -> None:
    parsed = parse_file(path.read_text())
    assert parsed.functions
    for one in parsed.functions:
        text = print_function(one.function)
        assert print_function(parse_function(text)) == text
        assert [str(finding) for finding in verify(one.function)] == []


def test_what_is_printed() -> None:
    source = """
function u0:3(i32 uext, i64 vmctx) -> i32 fast {
    ss4 = explicit_slot 16, align = 8
    fn7 = colocated %g(i32) -> i32, i64 tail
    const2 = 0x01
block7(v9: i32, v3: i64):
    v5, v6 = call fn7(v9)
    v1 -> v5
    brif v1, block3(v6), block4 ; a comment
block4 cold:
    v10 = load.i32 notrap user3 little v3+16
    v11 = vconst.i32x4 const2
    store v10, v3-8
    trap int_ovf
block3(v8: i64):
    v2 = ireduce.i32 v8
    v4 = iadd v2, v9
    return v4
}
"""
    assert (
        print_function(parse_function(source))
        == """\
function u0:3(i32 uext, i64 vmctx) -> i32 fast {
    ss0 = explicit_slot 16, align = 8
    sig0 = (i32) -> i32, i64 tail
    fn0 = colocated %g sig0
    const0 = 0x00000000000000000000000000000001

block0(v0: i32, v1: i64):
    v2, v3 = call fn0(v0)
    brif v2, block2(v3), block1

block1 cold:
    v4 = load.i32 notrap little user3 v1+16
    v5 = vconst.i32x4 const0
    store v4, v1-8
    trap int_ovf

block2(v6: i64):
    v7 = ireduce.i32 v6
    v8 = iadd v7, v0
    return v8
}
"""
    )


HEAD = "function %f(i32, i64) -> i32 {\nblock0(v0: i32, v1: i64):\n"
BAD = {
    "nothing after the name": ("function %f", "expected '(' before the parameters, found the end of the text", 1, 12),
    "a name": ("function f() {", r"expected the function's name (%name or u0:0), found 'f'", 1, 10),
    "a character": (HEAD + "    v2 = iadd v0, `", "unexpected character '`'", 3, 19),
    "a type": ("function %f(i33) {", "'i33' is no type; there are i8, ", 1, 13),
    "an instruction": (HEAD + "    v2 = fold v0", "there is no instruction 'fold'", 3, 10),
    "a pseudo-instruction": (HEAD + "    v2 = parameter v0", "there is no instruction 'parameter'", 3, 10),
    "its type": (HEAD + "    v2 = fadd.i32 v0, v0", "fadd is not for i32; there are f32, f64", 3, 15),
    "no type": (HEAD + "    v2 = iconst 1", "expected a type behind iconst (iconst.i8)", 3, 10),
    "a type ahead": (HEAD + "    v2 = ineg v3", "v3 is defined further on: its type must be written", 3, 10),
    "another type": (HEAD + "    v2 = ineg.i8 v0\n    return v0\n}", "ineg.i8 of a value of type i32", 3, 10),
    "a comma": (HEAD + "    v2 = iadd v0 v1", "expected ',' before y, found 'v1'", 3, 18),
    "a value": (HEAD + "    v2 = ineg 7", "expected a value (v0, v1, …), found '7'", 3, 15),
    "an unknown value": (HEAD + "    return v9\n}", "v9 is not defined", 3, 12),
    "a circle of names": (
        HEAD + "    v8 -> v9\n    v9 -> v8\n    return v9\n}",
        "v9 is not defined, or only as v8",
        3,
        11,
    ),
    "a block": (HEAD + "    jump block9\n}", "block9 is not defined", 3, 10),
    "a value twice": (HEAD + "    v0 = ineg v0", "v0 is defined twice", 3, 5),
    "a block twice": (HEAD + "    return v0\nblock0:", "block0 is defined twice", 4, 1),
    "results": (HEAD + "    v2, v3 = ineg v0", "ineg has 1 results; 2 are named", 3, 14),
    "no results": (HEAD + "    v2 = store v0, v1", "store has 0 results; 1 are named", 3, 10),
    "a number": (HEAD + "    v2 = iconst.i8 256", "256 does not fit 8 bits", 3, 20),
    "a float": (HEAD + "    v2 = f32const 0x1.0000001", "has too many digits for f32", 3, 19),
    "a large float": (HEAD + "    v2 = f32const 0x1.0p128", "does not fit f32", 3, 19),
    "lanes": (HEAD + "    v2 = vconst.i32x4 [1 2 3]", "has 3 lanes; expected 4", 3, 23),
    "a condition": (HEAD + "    v2 = icmp lt v0, v0", "expected a condition (eq, ne, slt, ", 3, 15),
    "a trap": (HEAD + "    trap user0", "expected a trap (stk_ovf, ", 3, 10),
    "a declaration": ("function %f() {\n    gv0 = vmctx\n", "expected a declaration (ss0, sig0, fn0, const0)", 2, 5),
    "an undeclared one": (HEAD + "    v2 = call fn0(v0)", "fn0 is not declared", 3, 15),
    "one twice": ("function %f() {\n sig0 = ()\n sig0 = ()", "sig0 is declared twice", 3, 2),
    "an alignment": ("function %f() {\n ss0 = explicit_slot 8, align = 3", "3 is no power of two", 2, 33),
    "an end": (HEAD + "    return v0\n", "expected an instruction, found the end of the text", 4, 1),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_text(name: str) -> None:
    text, reason, line, column = BAD[name]
    with pytest.raises(DecodeError) as raised:
        parse_file(text)
    assert reason in raised.value.reason
    assert (raised.value.line, raised.value.column) == (line, column)


def test_every_beginning_of_a_text_is_an_error_or_a_text() -> None:
    text = function_of(ROWS[1 + [row.name for row in ROWS[1:]].index("br_table")], 0)
    for length in range(len(text)):
        try:
            parse_file(text[:length])
        except DecodeError as error:
            assert error.line is not None and error.column is not None


def test_every_mutation_of_a_text_is_an_error_or_a_text() -> None:
    text = function_of(ROWS[1 + [row.name for row in ROWS[1:]].index("store")], 3)
    signs = "(){}[],:=.;@-v0%\n x"
    for at in range(len(text)):
        sign = signs[at % len(signs)]
        try:
            functions = parse_file(text[:at] + sign + text[at + 1 :]).functions
        except DecodeError:
            continue
        for one in functions:
            verify(one.function)


def test_a_deep_chain_of_names_and_a_long_function_are_read() -> None:
    lines = ["function %f(i32) -> i32 {", "block0(v0: i32):"]
    lines += [f"    v{at} -> v{at - 1}" for at in range(1, 2000)]
    lines += ["    return v1999", "}"]
    assert "return v0" in print_function(parse_function("\n".join(lines)))


# --- hostile texts


def function(body: str, parameters: str = "", head: str = "") -> str:
    given = ", ".join(word.split(":")[1].strip() for word in parameters.split(",") if word)
    return f"function %f({given}) {{\n{head}block0({parameters}):\n{body}\n    return\n}}\n"


HOSTILE: dict[str, tuple[str, str]] = {
    "a long number of a value": (function(f"    v{'9' * 5000} = iconst.i32 1"), "there is no instruction"),
    "a long number of a block": (function(f"    jump block{'9' * 5000}"), "expected a block"),
    "a long number of a trap": (function(f"    trap user{'9' * 5000}"), "expected a trap"),
    "a long number of a slot": (function("", head=f"    ss{'9' * 5000} = explicit_slot 8\n"), "expected a declaration"),
    "a far place": (function(f"    @{'f' * 40} v1 = iconst.i32 1"), "a place in a source is 0xffffffff at most"),
    "a long integer": (function(f"    v1 = iconst.i32 {'9' * 5000}"), "a number of 5000 characters"),
    "a long hexadecimal integer": (function(f"    v1 = iconst.i32 0x{'f' * 100_000}"), "a number of 100002 characters"),
    "a small float": (function("    v1 = f32const 0x1p-99999999999999"), "has too many digits"),
    "a great float": (function("    v1 = f32const 0x1p99999999999999"), "does not fit f32"),
    "a float of a long exponent": (function(f"    v1 = f32const 0x1p-{'9' * 5000}"), "a number of 5005 characters"),
    "a long word": (function(f"    v1 = {'a' * 100_000}"), "there is no instruction"),
    "a name with signs of control": ('function %"\x1b[2J"() {\n}\n', "cannot be shown: %.*x1b"),
    "values that are each other": (function("    v1 -> v2\n    v2 -> v3\n    v3 -> v1"), "is not defined"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts(name: str) -> None:
    text, reason = HOSTILE[name]
    with pytest.raises(DecodeError, match=reason) as error:
        parse_file(text)
    assert len(error.value.reason) < 1100 and error.value.reason.isprintable()


def names_of_names(n: int) -> str:
    return function("".join(f"    v{k} -> v{k - 1}\n" for k in range(n, 0, -1)), "v0: i32")


def circles_of_names(n: int) -> str:
    circle = "".join(f"    v{k} -> v{k + 1}\n" for k in range(1, n)) + f"    v{n} -> v1\n"
    return function(circle + "".join(f"    v{n + k} = iadd.i32 v{k}, v0\n" for k in range(1, n)), "v0: i32")


def functions_with_signatures(n: int) -> str:
    return function("", head="".join(f"    fn{k} = %g(i32)\n" for k in range(n)))


@pytest.mark.parametrize("shape", [names_of_names, circles_of_names, functions_with_signatures])
@pytest.mark.skipif(not INTERPRETED, reason="compiled modules run no lines that could be counted")
def test_steps_of_reading(shape: Callable[[int], str]) -> None:
    counts = []
    for n in (100, 200, 400):
        lines = Lines()
        with lines, contextlib.suppress(DecodeError):
            parse_file(shape(n))
        counts.append(lines.count)
    small, middle, large = counts
    assert large - middle <= 2.6 * (middle - small), counts
