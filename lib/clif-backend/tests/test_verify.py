"""The verifier: each kind of fault is found, and said with its instruction."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lines import INTERPRETED, Lines

from wasmer_clif_backend.ir.function import Function, Parameter
from wasmer_clif_backend.ir.opcodes import IADD, ICONST, JUMP, PARAMETER, RESULT, RETURN
from wasmer_clif_backend.ir.parser import parse_function
from wasmer_clif_backend.ir.types import I32, I64
from wasmer_clif_backend.ir.verify import LONGEST_TEXT, MOST_FINDINGS, verify

HEAD = """
function %f(i32, i64, f32) -> i32 {
    ss0 = explicit_slot 8
    sig0 = (i64) -> i32
    fn0 = %g sig0
block0(v0: i32, v1: i64, v2: f32):
"""

# By name: the body, and all that is to be found.
BAD = {
    "operand types": (
        "v3 = iadd.i32 v0, v1\n return v3",
        ["v3 = iadd v0, v1: operand y is i64; expected i32"],
    ),
    "a derived type": ("v3 = uextend.i32 v1\n return v3", ["operand x is i64; expected i8 or i16"]),
    "controlling type": ("v3 = iadd v2, v2\n return v0", ["is not for f32; there are i8, "]),
    "address": ("store v0, v0\n return v0", ["store v0, v0: operand at is i32; expected i64"]),
    "return": ("return v1", ["return v1: returns i64; the signature says i32"]),
    "return nothing": ("return", ["returns nothing; the signature says i32"]),
    "call": ("v3 = call fn0(v0)\n return v3", ["is given i32; the signature says i64"]),
    "tail call": ("return_call fn0()", ["is given nothing; the signature says i64"]),
    "edge": ("jump block1(v1)\nblock1(v3: i32):\n return v3", ["gives block1 i64; it takes i32"]),
    "edges": ("brif v0, block1, block1(v0)\nblock1:\n return v0", ["gives block1 i32; it takes nothing"]),
    "no end": ("v3 = iadd v0, v0", ["v3 = iadd v0, v0: the block does not end with"]),
    "no instruction": ("jump block1\nblock1:\nblock2:\n return v0", ["block1: the block does not end with"]),
    "a second end": ("return v0\n return v0", ["ends its block, but instructions stand behind it"]),
    "back to the entry": ("jump block0(v0, v1, v2)", ["is the entry, but a branch leads there"]),
    "not dominated": (
        "brif v0, block1, block2\nblock1:\n v3 = ineg v0\n jump block2\nblock2:\n return v3",
        ["return v3: v3 is not defined on every way to here"],
    ),
    "used before": ("v4 = iadd.i32 v3, v0\n v3 = ineg v0\n return v4", ["v4 is not defined on every way to here"]),
    "slot": ("v3 = stack_load.i64 ss0+4\n return v0", ["bytes 4 to 12 are outside of ss0 (8)"]),
    "lane": ("v3 = splat.f32x4 v2\n v4 = extractlane v3, 4\n return v0", ["there is no lane 4: f32x4 has 4"]),
    "two at once": (
        "v3 = iadd.i32 v0, v1\n v4 = ineg v2\n return v1",
        ["operand y is i64", "ineg v2: is not for f32", "returns i64"],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_findings(name: str) -> None:
    body, expected = BAD[name]
    findings = verify(parse_function(f"{HEAD}{body}\n}}"))
    assert len(findings) == len(expected)
    for finding, text in zip(findings, expected, strict=True):
        # In the dominance case values are numbered as printed.
        assert text in str(finding) or text.split(": ")[-1].split(" ", 1)[1] in str(finding)
        if finding.instruction:
            assert finding.line > 0


def sound() -> Function:
    """A function without fault, made by hand."""
    function = Function()
    function.signature.parameters.append(Parameter(I32))
    function.signature.results.append(Parameter(I32))
    first = function.block()
    second = function.block()
    parameter = function.add(first, PARAMETER, I32)
    e = function.edge(first, second)
    function.add(first, JUMP, 0, e)
    one = function.add(second, ICONST, I32, immediate=1)
    sum = function.add(second, IADD, I32, parameter, one)
    function.add(second, RETURN, 0, 0, function.new_list([int(sum)]))
    return function


def test_a_function_made_by_hand() -> None:
    assert verify(sound()) == []


def unlinked(function: Function) -> None:
    function.previous[4] = 0


def other_block(function: Function) -> None:
    function.block_of[4] = 1


def lost_edge(function: Function) -> None:
    function.incoming[2] = 0


def no_target(function: Function) -> None:
    function.edge_to[1] = 9


def no_value(function: Function) -> None:
    function.a[4] = 99


def jump_as_value(function: Function) -> None:
    function.a[4] = 2


def result_alone(function: Function) -> None:
    function.opcode[3] = RESULT
    function.immediate[3] = 1


def parameter_inside(function: Function) -> None:
    function.opcode[4] = PARAMETER


def large_constant(function: Function) -> None:
    function.immediate[3] = 1 << 31


def wrong_result(function: Function) -> None:
    function.type[4] = I64


DAMAGE = [
    (unlinked, "is linked wrongly"),
    (other_block, "is linked wrongly"),
    (lost_edge, "has 1 edges that lead to it, and lists others"),
    (no_target, "leads nowhere"),
    (no_value, "operand x is no value"),
    (jump_as_value, "operand x is no value"),
    (result_alone, "does not stand behind its instruction"),
    (parameter_inside, "does not stand at the block's start"),
    (large_constant, "the constant does not fit i32"),
    (wrong_result, "gives i64; expected i32"),
]


@pytest.mark.parametrize(("damage", "reason"), DAMAGE, ids=lambda one: getattr(one, "__name__", ""))
def test_damage(damage: Callable[[Function], None], reason: str) -> None:
    function = sound()
    damage(function)
    assert any(reason in str(finding) for finding in verify(function))


def test_no_block() -> None:
    assert [str(finding) for finding in verify(Function())] == ["the function has no block"]


def many_uses(n: int) -> Function:
    """A call of n arguments that are not defined on every way to it."""
    defined = "".join(f"    v{k} = iconst.i32 {k}\n" for k in range(1, n + 1))
    given = ", ".join(f"v{k}" for k in range(1, n + 1))
    return parse_function(
        f"function %f(i32) {{\n    sig0 = ({', '.join(['i32'] * n)})\n    fn0 = %g sig0\nblock0(v0: i32):\n"
        f"    brif v0, block1, block2\nblock1:\n{defined}    jump block2\n"
        f"block2:\n    call fn0({given})\n    return\n}}\n"
    )


def test_what_is_said_has_a_limit() -> None:
    """Each finding quotes its instruction: all of them would be the square of the text."""
    findings = verify(many_uses(2000))
    assert len(findings) == MOST_FINDINGS + 1 and max(len(str(one)) for one in findings) < 2 * LONGEST_TEXT + 10


def blocks_in_a_row(n: int) -> Function:
    """Each of n blocks uses what the first one has."""
    blocks = "".join(f"block{k}:\n    v{k} = iadd v0, v0\n    jump block{k + 1}\n" for k in range(1, n))
    return parse_function(
        f"function %f(i32) {{\nblock0(v0: i32):\n    jump block1\n{blocks}block{n}:\n    return\n}}\n"
    )


@pytest.mark.skipif(not INTERPRETED, reason="compiled modules run no lines that could be counted")
def test_steps() -> None:
    counts = []
    for n in (100, 200, 400):
        made = blocks_in_a_row(n)
        lines = Lines()
        with lines:
            assert verify(made) == []
        counts.append(lines.count)
    small, middle, large = counts
    assert large - middle <= 2.6 * (middle - small), counts
