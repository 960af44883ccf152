"""Everything together: functions of CLIF files, each allocation proved, give what their lines say."""

from __future__ import annotations

from pathlib import Path

import pytest
from clif_files import GIVEN, OWN, by_name, needs_given_files

from wasmer_clif_backend.cli import main
from wasmer_clif_backend.ir.parser import parse_file
from wasmer_clif_backend.runtests import commands_of, run
from wasmer_clif_backend.text_module import TextModule
from wasmer_runtime_core.errors import CompileError, Trap

WITHOUT_LINES = frozenset(("uadd_overflow_trap",))


def holds(path: Path, optimise: bool) -> None:
    parsed = parse_file(path.read_text())
    outcomes = run(parsed, prove=True, optimise=optimise)
    assert outcomes, "the file asks for nothing"
    assert [f"{one.command.line}: {one.command.text} -> {one.said}" for one in outcomes if not one.good] == []


HOW = pytest.mark.parametrize("optimise", [False, True], ids=["as it is", "optimised"])


@HOW
@pytest.mark.parametrize("path", OWN, ids=by_name)
def test_our_files(path: Path, optimise: bool) -> None:
    holds(path, optimise)


@needs_given_files
@HOW
@pytest.mark.parametrize("path", GIVEN, ids=by_name)
def test_given_files(path: Path, optimise: bool) -> None:
    holds(path, optimise)


def test_lines_are_read() -> None:
    parsed = parse_file("""
function %f(i32, i32x4) -> i32, i64 {
block0(v0: i32, v1: i32x4):
    v2 = sextend.i64 v0
    return v0, v2
}
; run: %f(1, [1 2 3 4]) == [1, 1]
; run: %other(0x10, [1 2 3 4]) != [1, 1]
; not run: %f(1)
; print: %f(-1, [0 0 0 0])
""")
    first, second, third = commands_of(parsed)
    assert (first.name, first.arguments, first.relation, first.expected) == ("%f", "1, [1 2 3 4]", "==", "[1, 1]")
    assert (second.name, second.relation) == ("%f", "!=")
    outcomes = run(parsed, prove=True)
    assert [one.good for one in outcomes] == [True, True, True]
    assert outcomes[2].said == "[-1, -1]"
    assert third.relation == ""


TRAPS = {
    "trap user7": "integer divide by zero",
    "v3 = iconst.i32 0\n    v4 = udiv v0, v3\n    trap int_ovf": "integer divide by zero",
    "v3 = iconst.i32 -1\n    v4 = sdiv v0, v3\n    return v4": "integer overflow",
    "trapz v1, bad_toint\n    return v0": "invalid conversion to integer",
    "trapnz v0, int_ovf\n    return v0": "integer overflow",
    "v3 = uadd_overflow_trap v0, v0, heap_oob\n    return v3": "out of bounds memory access",
    "v3 = f64const +NaN\n    v4 = fcvt_to_sint.i32 v3\n    return v4": "invalid conversion to integer",
    "v3 = f64const 0x1p31\n    v4 = fcvt_to_sint.i32 v3\n    return v4": "integer overflow",
    "v3 = f64const -0x1.00000002p31\n    v4 = fcvt_to_sint.i32 v3\n    return v4": "integer overflow",
    "v3 = f32const -1.0\n    v4 = fcvt_to_uint.i32 v3\n    return v4": "integer overflow",
}


@pytest.mark.parametrize("body", TRAPS)
def test_traps_are_exceptions(body: str) -> None:
    """x is the least number, y is 0."""
    text = f"function %f(i32, i32) -> i32 {{\nblock0(v0: i32, v1: i32):\n    {body}\n}}"
    module = TextModule([parse_file(text).functions[0].function], prove=True)
    with pytest.raises(Trap, match=TRAPS[body]):
        module.call("%f", [b"\0\0\0\x80", bytes(4)])


def test_what_does_not_trap() -> None:
    text = """
function %f(i32, i32) -> i32, i32, i32, i32 {
block0(v0: i32, v1: i32):
    v2 = iconst.i32 -1
    v3 = srem v0, v2
    v4 = f64const -0x1.fffffffp31
    v8 = f64const -0x1.00000001p31
    v5 = fcvt_to_sint.i32 v8
    v6 = f32const 0x1.fffffep31
    v7 = fcvt_to_uint.i32 v6
    v9 = f32const -0x1.fffffep-1
    v10 = fcvt_to_uint.i32 v9
    trapnz v1, int_ovf
    trapz v0, int_ovf
    return v3, v5, v7, v10
}
; run: %f(0x80000000, 0) == [0, -2147483648, 0xffffff00, 0]
"""
    assert [one.said for one in run(parse_file(text), prove=True)] == ["[0, 0x8000_0000, -256, 0]"]


def test_a_function_that_is_not_there_is_said() -> None:
    text = "function %f() {\n    fn0 = %g()\nblock0:\n    call fn0()\n    return\n}"
    with pytest.raises(CompileError, match="there is no function %g"):
        TextModule([parse_file(text).functions[0].function])


def test_a_frame_that_is_too_large_is_said() -> None:
    text = "function %f() {\n    ss0 = explicit_slot 20000000\nblock0:\n    return\n}"
    with pytest.raises(CompileError, match="function %f needs a frame of 20,000,000 bytes"):
        TextModule([parse_file(text).functions[0].function])


def test_arguments_are_checked() -> None:
    text = "function %f(i32) {\nblock0(v0: i32):\n    return\n}"
    module = TextModule([parse_file(text).functions[0].function])
    with pytest.raises(ValueError, match="%f takes i32"):
        module.call("%f", [bytes(8)])


def test_run_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.clif"
    path.write_text(
        "function %f(i32) -> i32 {\nblock0(v0: i32):\n    v1 = iadd v0, v0\n    return v1\n}\n"
        "; run: %f(2) == 4\n; run: %f(2) == 5\n; print: %f(3)\n"
    )
    assert main(["run", str(path)]) == 1
    said = capsys.readouterr()
    assert said.err == f"{path}:7: %f(2) == 5: 4\n"
    assert said.out == f"%f(3) -> 6\n{path}: 2 of 3 lines hold\n"


@pytest.mark.parametrize("stage", ["clif", "vcode", "ra", "asm"])
def test_stages_are_printed(stage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.clif"
    path.write_text("function %f(i32) -> i32 {\nblock0(v0: i32):\n    v1 = ineg v0\n    return v1\n}\n")
    assert main(["compile", f"--stage={stage}", str(path)]) == 0
    out = capsys.readouterr().out
    expected = {"clif": "v2 = ineg v1", "vcode": "neg v2 with", "ra": "neg v2:rdi with", "asm": "neg edi"}
    assert out.startswith("%f:\n")
    assert expected[stage] in out
    if stage == "asm":
        assert main(["disasm", str(path)]) == 0
        assert capsys.readouterr().out == out


@pytest.mark.parametrize(
    "line",
    [
        "run: %f()" + " " * 300_000 + "x",
        "run: %f()" + " == " * 100_000 + " ",
        "run: %f(" + ")" * 300_000,
        "run" + " " * 300_000 + "x",
    ],
    ids=["blanks", "signs", "brackets", "words"],
)
def test_long_lines_are_read_once(line: str) -> None:
    """What does not fit is not tried in all ways in which it could."""
    parsed = parse_file(f"function %f() {{\nblock0:\n    return\n}}\n; {line}\n")
    try:
        found = commands_of(parsed)
    except ValueError as wrong:
        assert len(str(wrong)) < 300
    else:
        assert len(found) < 2


def test_long_values_are_read_once() -> None:
    parsed = parse_file("function %f(i8x16) {\nblock0(v0: i8x16):\n    return\n}\n; print: %f(" + "[" * 300_000 + ")\n")
    (outcome,) = run(parsed)
    assert not outcome.good and len(outcome.said) < 300
