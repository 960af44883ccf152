"""Many operands alive at once: what each backend makes of them is compared with a model that is a list.

Random programs nest ten deep at most; what a compiler does with hundreds of operands (evict, copy, settle) needs a
stack as deep as that, and locals that are written while operands stand for their old values.
"""

from __future__ import annotations

import random

import pytest

from tests.backends import BACKENDS, compiler_or_skip
from tests.shapes.generate import (
    ADD,
    BLOCK,
    CONST,
    DROP,
    END,
    IF,
    branch_if,
    call,
    function,
    get,
    module,
    set_,
    tee,
    type_,
)
from wasmer_runtime_core.compile_module import compile_with

LOCALS = 40
DEPTH = 150
STEPS = 900
MASK = 0xFFFF_FFFF
STRAIGHT = ("get", "get", "const", "set", "tee", "add", "call", "drop")


def program(seed: int) -> tuple[bytes, int]:
    """A function of no parameters, and its result: all operands added up."""
    draw = random.Random(seed)
    body = bytearray()
    stack: list[int] = []
    locals_ = [0] * LOCALS
    for step in range(STEPS):
        kind = draw.choice(STRAIGHT if seed % 2 else (*STRAIGHT, "block", "if", "branch"))
        local = draw.randrange(LOCALS)
        growing = len(stack) < DEPTH * step // STEPS
        if kind == "const" or (growing and kind == "drop"):
            stack.append(step % 60)
            body += b"\x41" + bytes((step % 60,))
        elif kind == "get" or (growing and kind == "add") or len(stack) < 2:
            stack.append(locals_[local])
            body += get(local)
        elif kind == "set":
            locals_[local] = stack.pop()
            body += set_(local)
        elif kind == "tee":
            locals_[local] = stack[-1]
            body += tee(local)
        elif kind == "add":
            stack[-2:] = [stack[-2] + stack[-1] & MASK]
            body += ADD
        elif kind == "call":  # doubles the topmost
            stack[-1] = stack[-1] * 2 & MASK
            body += call(1)
        elif kind == "block":
            locals_[local] = 7
            body += BLOCK + b"\x41\7" + set_(local) + END
        elif kind == "if":
            condition = stack.pop()
            if condition:
                locals_[local] = 9
            body += IF + b"\x41\x09" + set_(local) + END
        elif kind == "branch":
            body += BLOCK + CONST + branch_if(0) + b"\x41\x05" + set_(local) + END
            locals_[local] = 5
        else:
            stack.pop()
            body += DROP
    while len(stack) > 1:
        stack[-2:] = [stack[-2] + stack[-1] & MASK]
        body += ADD
    bodies = [function(bytes(body), LOCALS), function(get(0) + get(0) + ADD)]
    return module(bodies, [type_(0, 1), type_(1, 1)], [0, 1]), stack[0]


SEEDS = {"singlepass": 30, "cranelift": 10, "llvm": 4}


@pytest.mark.parametrize("backend", BACKENDS)
def test_deep_stacks(backend: str) -> None:
    compiler = compiler_or_skip(backend)
    for seed in range(SEEDS[backend]):
        source, expected = program(seed)
        found = compile_with(source, compiler).instantiate({}).exports.f()
        assert found & MASK == expected, f"seed {seed}"


def test_the_books_balance() -> None:
    """The accountant of singlepass after every operator of such programs."""
    backend = pytest.importorskip("wasmer_singlepass_backend")
    from wasmer_runtime_core.compiling.pipeline import Compilation, run

    for seed in range(10):
        compilation = run(Compilation(program(seed)[0]), until="validate")
        for body in compilation.bodies:
            backend.SinglepassCompiler().records(compilation.info, body, compilation.config, verify=True)
