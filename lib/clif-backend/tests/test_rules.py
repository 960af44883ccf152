"""Every rule of folding does what its text says, and changes nothing that can be seen.

A rule is an example, two instructions in Lisp's notation. Each is built as CLIF and made through `make`: the left
side has to become the right one, by that rule; and both, compiled as they are written, give the same for numbers
at the edges.
"""

from __future__ import annotations

import random
import re
import struct

import pytest

from wasmer_clif_backend.ir.parser import parse_file
from wasmer_clif_backend.ir.printer import print_function
from wasmer_clif_backend.ir.rebuild import Rebuilder
from wasmer_clif_backend.ir.rule import RULES
from wasmer_clif_backend.ir.verify import verify
from wasmer_clif_backend.passes.optimise import Passes
from wasmer_clif_backend.text_module import TextModule

BYTES = {"i8": 1, "i16": 2, "i32": 4, "i64": 8, "f32": 4, "f64": 8}


class Text:
    """A side of a rule as a function of CLIF."""

    def __init__(self, side: str, parameters: dict[str, str], name: str) -> None:
        self.words = re.findall(r"[()]|[^\s()]+", side)
        self.parameters = parameters
        self.lines: list[str] = []
        self.type = ""
        result = self.expression()
        assert not self.words
        given = ", ".join(f"{one}: {type}" for one, type in parameters.items())
        given = ", ".join(f"v{number}: {type}" for number, type in enumerate(parameters.values()))
        self.text = "\n".join(
            [
                f"function %{name}({', '.join(parameters.values())}) -> {self.type} {{",
                f"block0({given}):",
                *self.lines,
                f"    return {result}",
                "}",
            ]
        )

    def add(self, text: str) -> str:
        name = f"v{len(self.parameters) + len(self.lines)}"
        self.lines.append(f"    {name} = {text}")
        return name

    def expression(self) -> str:
        word = self.words.pop(0)
        if word != "(":
            return self.atom(word)
        name, _, suffix = self.words.pop(0).partition(".")
        operands = []
        types = []
        while self.words[0] != ")":
            operands.append(self.expression())
            types.append(self.type)
        self.words.pop(0)
        if name in ("icmp", "fcmp"):
            self.type = "i8"
            return self.add(f"{name} {suffix} {', '.join(operands)}")
        if suffix:
            self.type = suffix
            written = f".{suffix}" if name in ("uextend", "sextend", "ireduce", "bitcast") else ""
            if name == "bitcast" and "x" in suffix:
                written += " little"
            return self.add(f"{name}{written} {', '.join(operands)}")
        self.type = types[1] if name == "select" else types[0]
        return self.add(f"{name} {', '.join(operands)}")

    def atom(self, word: str) -> str:
        value, _, type = word.partition(":")
        self.type = type or "i32"
        if value in self.parameters:
            return f"v{list(self.parameters).index(value)}"
        if self.type in ("f32", "f64"):
            return self.add(f"{self.type}const {float(value).hex()}")
        if "x" in self.type:
            return self.add(f"vconst.{self.type} 0x{int(value):032x}")
        return self.add(f"iconst.{self.type} {value}")


def parameters_of(left: str, right: str) -> dict[str, str]:
    found = {}
    for name, type in re.findall(r"\b([xyz])\b(?::(\w+))?", f"{left} {right}"):
        found[name] = type or "i32"
    return dict(sorted(found.items()))


def made(text: str) -> tuple[str, list[int]]:
    """A function through `make`, printed, and how often each rule was applied."""
    rebuilder = Rebuilder(parse_file(text).functions[0].function)
    function = rebuilder.run()
    Passes().run(function, rebuilder.flow)
    assert verify(function) == []
    return print_function(function), [int(n) for n in rebuilder.numbering.fired]


@pytest.mark.parametrize("number", range(len(RULES)), ids=lambda number: RULES[number][0])
def test_a_rule(number: int) -> None:
    left, right = RULES[number]
    parameters = parameters_of(left, right)
    one = Text(left, parameters, "f").text
    two = Text(right, parameters, "f").text
    folded, fired = made(one)
    expected, _ = made(two)
    assert folded == expected
    assert fired[number] > 0


@pytest.mark.parametrize("number", range(len(RULES)), ids=lambda number: RULES[number][0])
def test_both_sides_compute_the_same(number: int) -> None:
    left, right = RULES[number]
    parameters = parameters_of(left, right)
    text = Text(left, parameters, "left").text + "\n" + Text(right, parameters, "right").text
    functions = [one.function for one in parse_file(text).functions]
    module = TextModule(functions, prove=True)
    some = random.Random(number)
    for _ in range(60):
        given = [number_at_edge(some, BYTES[type]) for type in parameters.values()]
        assert module.call("%left", given) == module.call("%right", given)


def number_at_edge(some: random.Random, size: int) -> bytes:
    """Bytes of a number: near 0, near a power of two, a float, or any."""
    bits = 8 * size
    which = some.randrange(4)
    if which == 0:
        value = some.randrange(-40, 40)
    elif which == 1:
        value = (1 << some.randrange(bits)) + some.randrange(-2, 3)
    elif which == 2 and size >= 4:
        return struct.pack("<f" if size == 4 else "<d", some.choice([0.0, -0.0, 1.5, -2.5, float("inf"), float("nan")]))
    else:
        value = some.getrandbits(bits)
    return (value & ((1 << bits) - 1)).to_bytes(size, "little")
