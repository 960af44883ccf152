"""Loops: the head with its phis, and counted loops, which are written twice (see `counted`).

A loop's phis are written when it closes: only then are all branches to it known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmer_llvm_backend.ir.operators.context import context_constant, field
from wasmer_llvm_backend.ir.operators.counted import CountedLoop, Sum, find
from wasmer_llvm_backend.ir.operators.floats import hide_integers
from wasmer_llvm_backend.ir.view import Label
from wasmer_llvm_backend.module_text import LIKELY, LOOP, RARE_LOOP
from wasmer_runtime_core.contract.vmctx import MEMORY_DEFINITION

if TYPE_CHECKING:
    from wasmer_llvm_backend.ir.function import FunctionState


def loop(f: FunctionState, word: int, a: int, b: int) -> None:
    params, results = f.block_types(b)
    if f.body.function_index in f.counted:
        loop = find(f.words, f.at - 1, a, f.integers)
        if loop is not None:
            twice(f, loop, a, params, results)
            return
    open_loop(f, a, f"l{a}", params, results)


def twice(f: FunctionState, loop: CountedLoop, a: int, params: list[str], results: list[str]) -> None:
    """A counted loop: plainly if nothing in it can trap, else exactly."""
    begin = f.at
    height = len(f.stack)
    joined = Label(f"j{a}", height, [], results, len(f.places))
    safe = cannot_trap(f, loop)
    f.out.append(f"br i1 {safe}, label %p{a}, label %x{a}{LIKELY}")
    entry = f.snapshot()
    for name, volatile, loop_name in ((f"p{a}", "", f"q{a}"), (f"x{a}", "volatile ", f"l{a}")):
        f.start(name)
        f.forget_places(joined.places)
        f.locals = dict(entry)
        f.kept = entry
        f.at = begin
        f.volatile = volatile
        f.fencing = bool(volatile)
        if loop.converts and not volatile:
            hide_integers(f, written(f, a))
        open_loop(f, a, loop_name, params, results)
        f.loop_hint = RARE_LOOP if volatile else ""
        f.translate_records(loop.end + 1)
        f.jump(joined)
        del f.stack[height:]
    f.loop_hint = LOOP
    f.join(joined, results)


def cannot_trap(f: FunctionState, loop: CountedLoop) -> str:
    """A bit: every address that the loop will use lies in its memory. In 64 bits, where nothing wraps."""
    condition = loop.condition
    step = abs(condition.step)
    left, right = sum_now(f, condition.left), sum_now(f, condition.right)
    if condition.relation == "ne":
        if condition.step < 0:
            left, right = right, left
        distance = f.let(f"sub i32 {right}, {left}")
        ends = f.let(f"icmp eq i32 {f.let(f'urem i32 {distance}, {step}')}, 0")
        more = f.let(f"zext i32 {f.let(f'udiv i32 {distance}, {step}')} to i64")
    else:
        signed = condition.relation == "lt_s"
        extend = "sext" if signed else "zext"
        low = f.let(f"{extend} i32 {left} to i64")
        high = f.let(f"{extend} i32 {right} to i64")
        ends = f.let(f"icmp sle i64 {high}, {(1 << 31 if signed else 1 << 32) - step}")
        distance = f.let(f"sub i64 {high}, {low}")
        distance = f.let(f"call i64 @llvm.smax.i64(i64 {distance}, i64 0)")
        more = f.let(f"udiv i64 {f.let(f'add i64 {distance}, {step - 1}')}, {step}")
    safe = ends
    for range_ in loop.ranges:
        definition = context_constant(f, "ptr", f.view.memory_offsets[range_.memory])
        length = field(f, "i64", definition, MEMORY_DEFINITION["length"].offset)
        first = f.let(f"zext i32 {sum_now(f, range_.lowest)} to i64")
        highest = first
        if range_.step:
            last = f.let(f"add i64 {first}, {f.let(f'mul i64 {more}, {range_.step}')}")
            if range_.step > 0:
                highest = last
            else:
                safe = f.let(f"and i1 {safe}, {f.let(f'icmp sge i64 {last}, 0')}")
        end = f.let(f"add i64 {highest}, {range_.extent}")
        safe = f.let(f"and i1 {safe}, {f.let(f'icmp ule i64 {end}, {length}')}")
    return safe


def sum_now(f: FunctionState, sum_: Sum) -> str:
    """A sum of locals as they are now, as an i32."""
    value = str(sum_.constant)
    for local, times in sum_.terms:
        term = f.locals[local]
        if times != 1:
            term = f.let(f"mul i32 {term}, {times}")
        value = f.let(f"add i32 {value}, {term}")
    return value


def open_loop(f: FunctionState, a: int, name: str, params: list[str], results: list[str]) -> None:
    label = Label(name, len(f.stack) - len(params), params, results)
    label.loop = True
    f.labels[a] = label
    f.branch_to(label)
    f.out.append(f"br label %{name}")
    f.start(name)
    label.at = len(f.out)
    for local in written(f, a):
        label.phis.append((local, f.number))
        f.locals[local] = f"%{f.number}"
        f.number += 1
        f.kept = None
    for at in range(len(params)):
        label.phis.append((-1 - at, f.number))
        f.stack[label.height + at] = f"%{f.number}"
        f.number += 1
    f.out.extend([""] * len(label.phis))


def written(f: FunctionState, a: int) -> list[int]:
    """The locals that a loop writes, those that are values."""
    at, count = f.loop_rows.get(a, (0, 0))
    return [local for local in f.pool[at : at + count] if local not in f.slots]


def close_loop(f: FunctionState, label: Label) -> None:
    """All branches to the loop are known: write its phis."""
    out = f.out
    at = label.at
    blocks = [edge[0] for edge in label.edges]
    for local, number in label.phis:
        if local >= 0:
            type_ = f.local_types[local]
            values = [edge[1][local] for edge in label.edges]
        else:
            type_ = label.params[-1 - local]
            values = [edge[2][-1 - local] for edge in label.edges]
        out[at] = f"%{number} = phi {type_} {f.incoming(type_, values, blocks)}"
        at += 1
