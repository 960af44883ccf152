"""Blocks, branches, returns (specification, section 4.4.8).

Every branch leaves a note at its label: from which block, with which locals and values. The
end of the label makes phis of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wasmer_llvm_backend.ir.operators.loops import close_loop
from wasmer_llvm_backend.ir.view import Label
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.wasm.body.body import END_FALLS_THROUGH, END_IS_TARGET, END_OF_IF_WITHOUT_ELSE

if TYPE_CHECKING:
    from wasmer_llvm_backend.ir.function import FunctionState

UNREACHABLE: Final = BY_NAME["UNREACHABLE"].number


def unreachable(f: FunctionState, word: int, a: int, b: int) -> None:
    f.trap(UNREACHABLE)


def block(f: FunctionState, word: int, a: int, b: int) -> None:
    params, results = f.block_types(b)
    f.labels[a] = Label(f"b{a}", len(f.stack) - len(params), params, results, len(f.places))


def if_(f: FunctionState, word: int, a: int, b: int) -> None:
    condition = f.condition(f.stack.pop())
    params, results = f.block_types(b)
    label = Label(f"b{a}", len(f.stack) - len(params), params, results, len(f.places))
    f.labels[a] = label
    label.saved = (f.snapshot(), tuple(f.stack[label.height :]))
    label.otherwise = f"n{a}"
    label.branch = (len(f.out), f.block)
    f.branch(f"br i1 {condition}, label %y{a}, label %n{a}", condition)
    f.start(f"y{a}", f.block)


def second_arm(f: FunctionState, label: Label) -> None:
    f.start(label.otherwise)
    f.forget_places(label.places)
    label.otherwise = ""
    f.locals = dict(label.saved[0])
    f.kept = label.saved[0]
    f.stack[label.height :] = label.saved[1]


def else_(f: FunctionState, word: int, a: int, b: int) -> None:
    label = f.labels[a]
    if b:
        f.jump(label)
    second_arm(f, label)


def end(f: FunctionState, word: int, a: int, b: int) -> None:
    label = f.labels[a]
    falls = b & END_FALLS_THROUGH
    if a == 0:
        if falls:
            f.jump(label)
        return
    del f.labels[a]
    if label.loop:
        close_loop(f, label)
        if not falls:
            del f.stack[label.height :]
        return
    if falls and not b & (END_IS_TARGET | END_OF_IF_WITHOUT_ELSE) and not label.edges:
        return
    if falls:
        f.jump(label)
    if b & END_OF_IF_WITHOUT_ELSE:
        skip(f, label)
    if label.edges:
        f.join(label, label.results)
    else:
        del f.stack[label.height :]


def skip(f: FunctionState, label: Label) -> None:
    """The missing second arm of an if: its branch goes to the end at once."""
    at, block = label.branch
    if block in label.sources:  # so does the first arm, and a phi tells blocks apart
        second_arm(f, label)
        f.jump(label)
    else:
        f.out[at] = f.out[at].replace(f"label %{label.otherwise}", f"label %{label.name}")
        label.add_edge(block, *label.saved)


def br(f: FunctionState, word: int, a: int, b: int) -> None:
    f.jump(f.labels[a])


def br_if(f: FunctionState, word: int, a: int, b: int) -> None:
    branch_on(f, f.condition(f.stack.pop()), a)


def branch_on(f: FunctionState, condition: str, a: int) -> None:
    """Go to a label if a bit is set."""
    label = f.labels[a]
    hint = f.loop_hint if label.loop else ""
    target = f.branch_to(label)
    f.blocks += 1
    f.branch(f"br i1 {condition}, label %{target}, label %c{f.blocks}{hint}", condition)
    f.start(f"c{f.blocks}", f.block)


def br_on_null(f: FunctionState, word: int, a: int, b: int) -> None:
    reference = f.stack.pop()
    branch_on(f, f.let(f"icmp eq ptr {reference}, null"), a)
    f.stack.append(reference)


def br_on_non_null(f: FunctionState, word: int, a: int, b: int) -> None:
    branch_on(f, f.let(f"icmp ne ptr {f.stack[-1]}, null"), a)
    f.stack.pop()


def br_table(f: FunctionState, word: int, a: int, b: int) -> None:
    index = f.stack.pop()
    targets = f.pool[a : a + 2 * (b & 0xFFFFFFFF) + 2 : 2]
    default = targets[-1]
    f.blocks += 1
    prefix = f"s{f.blocks}."
    cases = " ".join([f"i32 {at}, label %{prefix}{target}" for at, target in enumerate(targets[:-1])])
    f.out.append(f"switch i32 {index}, label %{prefix}{default} [{cases}]")
    # one block between per label, so that a label has one edge from here
    for target in dict.fromkeys(targets):
        f.start(f"{prefix}{target}")
        f.out.append(f"br label %{f.branch_to(f.labels[target])}")


def return_(f: FunctionState, word: int, a: int, b: int) -> None:
    f.jump(f.labels[0])
