"""Frames that are made late: where ways part on which nothing is called.

Random functions return early, call in loops and call themselves; their definition in Python says what they give.
"""

from __future__ import annotations

import random

import pytest

from wasmer_clif_backend.compile_function import Stages
from wasmer_clif_backend.compiler import CraneliftCompiler
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.parser import parse_file
from wasmer_clif_backend.machine.code import CALL_CLOBBERS
from wasmer_clif_backend.machine.regalloc.allocation import FIRST_SLOT
from wasmer_clif_backend.machine.regalloc.checker import _Checker, check
from wasmer_clif_backend.machine.x64.registers import REGISTERS
from wasmer_clif_backend.passes.optimise import optimised
from wasmer_runtime_core.codegen.x64.printer import format_records
from wasmer_runtime_core.codegen.x64.registers import RBX, RCX, RSI
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.errors import InternalError, Trap
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.module import Module

MASK = 0xFFFF_FFFF_FFFF_FFFF
OPERATORS = {
    "i64.add": lambda x, y: x + y & MASK,
    "i64.sub": lambda x, y: x - y & MASK,
    "i64.mul": lambda x, y: x * y & MASK,
    "i64.xor": lambda x, y: x ^ y,
}


class Recursion:
    """``f(depth, p1, …)``: tests that return, or leave to a return that all share; then loops that call."""

    def __init__(self, seed: int) -> None:
        some = random.Random(seed)
        self.count = some.randrange(2, 11)
        names = list(OPERATORS)
        self.tests = [
            (
                some.randrange(self.count),
                some.choice([1, 3, 7]),
                some.choice(names),
                some.randrange(self.count),
                some.randrange(self.count),
                some.choice(["return", "return", "shared", "trap"]) if at else "return",
            )
            for at in range(some.randrange(1, 5))
        ]
        self.shared = (some.choice(names), some.randrange(1, 1 << 40))
        self.rounds = some.randrange(1, 4)
        self.calls = [
            ([some.randrange(self.count) for _ in range(self.count)], some.choice(names), some.randrange(self.count))
            for _ in range(some.randrange(1, 3))
        ]
        self.ends = some.choice(["return", "shared"])

    def text(self) -> str:
        parameters = " ".join(f"(param $p{n} i64)" for n in range(self.count))
        lines = []
        for number, mask, name, x, y, how in self.tests:
            value = f"({name} (local.get $p{x}) (local.get $p{y}))"
            what = {
                "return": f"(return {value})",
                "shared": f"(local.set $r {value}) (br $shared)",
                "trap": "(unreachable)",
            }[how]
            lines.append(f"(if (i64.eqz (i64.and (local.get $p{number}) (i64.const {mask}))) (then {what}))")
        body = []
        for given, name, into in self.calls:
            arguments = " ".join(f"(local.get $p{n})" for n in given)
            call = f"(call $f (i32.sub (local.get $depth) (i32.const 1)) {arguments})"
            body.append(f"(local.set $p{into} ({name} (local.get $p{into}) {call}))")
            body.append(f"(local.set $r (i64.add (local.get $r) (local.get $p{into})))")
        operator, number = self.shared
        last = "(br $shared)" if self.ends == "shared" else "(return (local.get $r))"
        return f"""
          (module
            (func $f (export "f") (param $depth i32) {parameters} (result i64) (local $r i64) (local $i i32)
              (if (i32.eqz (local.get $depth)) (then (return (local.get $p0))))
              (block $shared
                {" ".join(lines)}
                (loop $again
                  {" ".join(body)}
                  (local.set $i (i32.add (local.get $i) (i32.const 1)))
                  (br_if $again (i32.lt_u (local.get $i) (i32.const {self.rounds}))))
                {last})
              ({operator} (local.get $r) (i64.const {number}))))"""

    def result(self, depth: int, p: list[int]) -> int | None:
        """What the function gives; None: it traps."""
        if depth == 0:
            return p[0]
        p = p.copy()
        operator, number = self.shared
        for test, mask, name, x, y, how in self.tests:
            if p[test] & mask == 0:
                value = OPERATORS[name](p[x], p[y])
                return None if how == "trap" else OPERATORS[operator](value, number) if how == "shared" else value
        r = 0
        for _ in range(self.rounds):
            for given, name, into in self.calls:
                called = self.result(depth - 1, [p[n] for n in given])
                if called is None:
                    return None
                p[into] = OPERATORS[name](p[into], called)
                r = r + p[into] & MASK
        return OPERATORS[operator](r, number) if self.ends == "shared" else r


def instance_of(text: str) -> Instance:
    compilation = run(Compilation(text, CraneliftCompiler(prove=True)))
    return Instance(Module(compilation.info, compilation.compiled), [])


@pytest.mark.parametrize("seed", range(60))
def test_a_recursion(seed: int) -> None:
    recursion = Recursion(seed)
    f = instance_of(recursion.text()).exports.f
    some = random.Random(~seed)
    for depth in (0, 1, 2, 2, 3):
        arguments = [some.randrange(1 << 64) | 1 for _ in range(recursion.count)]
        expected = recursion.result(depth, arguments)
        given = [one - (1 << 64) if one >> 63 else one for one in arguments]
        if expected is None:
            with pytest.raises(Trap):
                f(depth, *given)
        else:
            assert f(depth, *given) & MASK == expected


def test_most_of_these_make_their_frame_late() -> None:
    late = 0
    for seed in range(60):
        compiler = CraneliftCompiler()
        compilation = run(Compilation(Recursion(seed).text(), compiler))
        records = compiler.records(compilation.info, compilation.bodies[0], compilation.config)
        late += "pop rbp" in format_records(records)
    assert late > 40


DOWN = """
function %down(i64, i64) -> i64 {
    fn0 = %down(i64, i64) -> i64
block0(v0: i64, v1: i64):
    brif v1, block1, block2(v0)

block1:
    v2 = iconst.i64 -1
    v3 = iadd v1, v2
    v4 = call fn0(v0, v3)
    v5 = iadd v4, v1
    jump block2(v5)

block2(v6: i64):
    return v6
}
"""
LONG = "".join(f"    v{n} = imul v{n - 1}, v0\n" for n in range(7, 13)) + "    return v12"
HEAD = ("block0(v0: i64, v1: i64):\n", "block0(v0: i64, v9: i64):\n    jump block3(v9)\n\nblock3(v1: i64):\n")
WITHOUT_FRAME = """\
  L1:
    push rbp
    mov rbp, rsp
    test rsi, rsi
    jne L2
    mov rax, rdi
    pop rbp
    ret
  L2:
    sub rsp, 0x10
    mov [rbp - 8], rbx
    mov rbx, rsi
    lea rsi, [rbx - 1]
    call qword ptr [table 0]                ; call site at 0xa
    add rax, rbx
    mov rbx, [rbp - 8]
    leave
    ret
"""


def stages_of(text: str) -> tuple[Stages, Function, str]:
    function = optimised(parse_file(text).functions[0].function)
    stages = Stages({function.name: 0}, prove=True)
    return stages, function, format_records(stages.records(function)[0])


def test_a_way_that_calls_nothing_has_no_frame() -> None:
    _, _, records = stages_of(DOWN)
    assert records == WITHOUT_FRAME


@pytest.mark.parametrize(
    ("what", "old", "new"),
    [
        ("there are slots", "    fn0", "    ss0 = explicit_slot 8\n    fn0"),
        ("the entry calls", "    brif v1,", "    v9 = call fn0(v0, v0)\n    brif v1,"),
        ("no way is without calls", "    return v6", "    v8 = call fn0(v6, v6)\n    return v8"),
        (
            "what both share is long",
            "    return v6",
            "".join(f"    v{n} = imul v{n - 1}, v0\n" for n in range(7, 13)) + "    return v12",
        ),
        ("control comes back", "jump block2(v5)", "brif v3, block3(v3), block2(v5)"),
    ],
)
def test_else_the_entry_makes_the_frame(what: str, old: str, new: str) -> None:
    text = DOWN.replace(old, new)
    if "block3" in new:
        text = text.replace(*HEAD)
    assert text.count(new) == 1, what
    _, function, records = stages_of(text)
    assert function.framed == 0, what
    assert "pop rbp" not in records


@pytest.mark.parametrize(
    ("place", "says"),
    [(RBX, "place 3 is written"), (FIRST_SLOT, "place 32 is written"), (RCX, None)],
)
def test_the_proof_finds_what_needs_a_frame_before_there_is_one(place: int, says: str | None) -> None:
    stages, function, _ = stages_of(DOWN)
    out = stages.allocation
    at = 2 * stages.code.first + 4  # the test, in the first block
    out.move(at, place, RSI)
    if says is None:
        check(function, stages.code, out, REGISTERS.kept)
    else:
        with pytest.raises(InternalError, match=says):
            check(function, stages.code, out, REGISTERS.kept)


def test_ways_out_of_the_block_that_makes_the_frame_are_behind_it() -> None:
    """A move there may go to what calls keep; on a way before, or into that block, it may not."""
    stages, function, _ = stages_of(DOWN)
    out, code = stages.allocation, stages.code
    makes = code.block_first[function.framed]
    seen = set()
    for b in code.order:
        for e in function.edges(b):
            out.edge_to[0], out.edge_from[0] = RBX, RSI
            out.edge_first[e], out.edge_end[e] = 0, 1
            prove = _Checker(function, code, out, REGISTERS.kept)._nothing_before_frame
            if code.block_first[b] < makes:
                with pytest.raises(InternalError, match=f"place 3 is written on edge {e}"):
                    prove()
            else:
                prove()
            out.edge_end[e] = 0
            seen.add(b)
    assert function.framed in seen and function.entry in seen


def test_the_proof_finds_a_call_before_the_frame() -> None:
    stages, function, _ = stages_of(DOWN)
    stages.code.roles[stages.code.first + 2] |= CALL_CLOBBERS
    with pytest.raises(InternalError, match="a call stands before the frame"):
        check(function, stages.code, stages.allocation, REGISTERS.kept)


def test_the_proof_finds_a_frame_that_nobody_makes() -> None:
    stages, function, _ = stages_of(DOWN)
    stages.allocation.framed_at += 2
    with pytest.raises(InternalError, match="no frame is made"):
        check(function, stages.code, stages.allocation, REGISTERS.kept)


BEHIND = """
function %behind(i64, i64) -> i64 {
    fn0 = %behind(i64, i64) -> i64
block0(v0: i64, v1: i64):
    brif v1, block1, block4(v0)

block1:
    jump block2(v1, v0)

block2(v2: i64, v3: i64):
    v4 = call fn0(v2, v0)
    v5 = isub v3, v1
    brif v5, block2(v5, v4), block3

block3:
    v6 = iadd v2, v0
    v7 = iadd v6, v1
    jump block4(v7)

block4(v8: i64):
    return v8
}
"""


def test_where_the_frame_is_made_moves_need_it() -> None:
    """The block that makes it moves arguments of a loop to where calls keep them."""
    stages, function, records = stages_of(BEHIND)
    assert "pop rbp" in records
    (e,) = function.edges(int(function.framed))
    assert any(1 << to & REGISTERS.kept for to, _ in stages.allocation.moves_of(e))
