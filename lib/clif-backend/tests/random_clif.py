"""Random functions in CLIF, and an interpreter that says what they give.

What they are for is the register allocator: many values at once, in loops and across calls, branches with
arguments, parameters that change places, both kinds of register, operations that want registers of their own. All
loops end, so that everything can be run.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

MASK = (1 << 64) - 1


def signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _divide(x: int, y: int) -> int:
    return x // (y | 1)


INTEGER: dict[str, Callable[[int, int], int]] = {
    "iadd": lambda x, y: (x + y) & MASK,
    "isub": lambda x, y: (x - y) & MASK,
    "imul": lambda x, y: (x * y) & MASK,
    "band": lambda x, y: x & y,
    "bor": lambda x, y: x | y,
    "bxor": lambda x, y: x ^ y,
    "ishl": lambda x, y: (x << (y & 63)) & MASK,
    "ushr": lambda x, y: x >> (y & 63),
    "sshr": lambda x, y: (signed(x) >> (y & 63)) & MASK,
    "rotl": lambda x, y: ((x << (y & 63)) | (x >> ((64 - y) & 63))) & MASK,
    "umulhi": lambda x, y: (x * y) >> 64,
    "smax": lambda x, y: max(signed(x), signed(y)) & MASK,
    "umin": lambda x, y: min(x, y),
}


class Generator:
    """Makes one function from a seed: its text, and what it gives for two arguments."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.count = 0
        self.blocks = 0
        # The interpreter: by name, what computes a value; control as Python code would be a second compiler,
        # so the function is built as a tree of steps that are both printed and done.
        self.steps: list[Callable[[dict[str, int | float]], None]] = []

    def name(self) -> str:
        self.count += 1
        return f"v{self.count - 1}"

    def block(self) -> str:
        self.blocks += 1
        return f"block{self.blocks - 1}"

    def function(self) -> tuple[str, Callable[[int, int], int]]:
        first, second = self.name(), self.name()
        entry = self.block()
        self.lines = [
            "function %callee(i64, i64) -> i64 {",
            "block0(v0: i64, v1: i64):",
            "    v2 = bxor v0, v1",
            "    v3 = iconst.i64 77",
            "    v4 = iadd v2, v3",
            "    return v4",
            "}",
            "function %f(i64, i64) -> i64 {",
            "    fn0 = %callee(i64, i64) -> i64",
            f"{entry}({first}: i64, {second}: i64):",
        ]
        integers, floats = self.body([first, second], [], 3)
        total = self.sum(integers, floats, self.steps)
        self.lines += [f"    return {total}", "}"]
        steps = self.steps

        def interpret(x: int, y: int) -> int:
            values: dict[str, int | float] = {first: x, second: y}
            for step in steps:
                step(values)
            return int(values[total])

        return "\n".join(self.lines), interpret

    def sum(self, integers: list[str], floats: list[str], steps: list[Callable[[dict[str, int | float]], None]]) -> str:
        """Everything that there is goes into one number, so that everything is alive until here."""
        total = integers[0]
        for one in integers[1:]:
            total = self.operation("bxor", total, one, steps)
        for one in floats:
            bits = self.name()
            self.lines.append(f"    {bits} = bitcast.i64 little {one}")

            def cast(values: dict[str, int | float], bits: str = bits, one: str = one) -> None:
                values[bits] = struct.unpack("<Q", struct.pack("<d", values[one]))[0]

            steps.append(cast)
            total = self.operation("iadd", total, bits, steps)
        return total

    def operation(self, name: str, x: str, y: str, steps: list[Callable[[dict[str, int | float]], None]]) -> str:
        result = self.name()
        self.lines.append(f"    {result} = {name}.i64 {x}, {y}")
        compute = INTEGER[name]

        def step(values: dict[str, int | float]) -> None:
            values[result] = compute(int(values[x]), int(values[y]))

        steps.append(step)
        return result

    def body(self, integers: list[str], floats: list[str], depth: int) -> tuple[list[str], list[str]]:
        """Straight code, and in between loops and branches; the values that are there behind it."""
        steps = self.steps
        integers = list(integers)
        floats = list(floats)
        for _ in range(self.random.randrange(3, 16)):
            choice = self.random.random()
            if choice < 0.5:
                name = self.random.choice(list(INTEGER))
                integers.append(self.operation(name, self.random.choice(integers), self.random.choice(integers), steps))
            elif choice < 0.6:
                integers.append(self.constant(steps))
            elif choice < 0.7:
                floats.append(self.to_float(self.random.choice(integers), steps))
            elif choice < 0.76 and floats:
                floats.append(self.float_sum(self.random.choice(floats), self.random.choice(floats), steps))
            elif choice < 0.82:
                integers.append(self.division(self.random.choice(integers), self.random.choice(integers), steps))
            elif choice < 0.88:
                integers.append(self.call(self.random.choice(integers), self.random.choice(integers), steps))
            elif choice < 0.94 and depth:
                integers, floats = self.branch(integers, floats, depth - 1)
            elif depth:
                integers, floats = self.loop(integers, floats, depth - 1)
            if len(integers) > 24:
                self.random.shuffle(integers)
                del integers[20:]
        return integers, floats

    def constant(self, steps: list[Callable[[dict[str, int | float]], None]]) -> str:
        result = self.name()
        value = self.random.choice([0, 1, -1, 5, 127, 128, -129, 1 << 31, 1 << 40, -(1 << 62)])
        self.lines.append(f"    {result} = iconst.i64 {value}")
        steps.append(lambda values: values.update({result: value & MASK}))
        return result

    def to_float(self, x: str, steps: list[Callable[[dict[str, int | float]], None]]) -> str:
        result = self.name()
        self.lines.append(f"    {result} = fcvt_from_sint.f64 {x}")
        steps.append(lambda values: values.update({result: float(signed(int(values[x])))}))
        return result

    def float_sum(self, x: str, y: str, steps: list[Callable[[dict[str, int | float]], None]]) -> str:
        result = self.name()
        self.lines.append(f"    {result} = fadd {x}, {y}")
        steps.append(lambda values: values.update({result: values[x] + values[y]}))
        return result

    def division(self, x: str, y: str, steps: list[Callable[[dict[str, int | float]], None]]) -> str:
        one, odd, result = self.name(), self.name(), self.name()
        self.lines += [
            f"    {one} = iconst.i64 1",
            f"    {odd} = bor {y}, {one}",
            f"    {result} = udiv {x}, {odd}",
        ]
        steps.append(lambda values: values.update({result: _divide(int(values[x]), int(values[y]))}))
        return result

    def call(self, x: str, y: str, steps: list[Callable[[dict[str, int | float]], None]]) -> str:
        result = self.name()
        self.lines.append(f"    {result} = call fn0({x}, {y})")
        steps.append(lambda values: values.update({result: ((int(values[x]) ^ int(values[y])) + 77) & MASK}))
        return result

    def nested(
        self, integers: list[str], floats: list[str], depth: int
    ) -> tuple[list[str], list[str], list[Callable[[dict[str, int | float]], None]]]:
        """A body whose steps are its own."""
        outer = self.steps
        self.steps = []
        integers, floats = self.body(integers, floats, depth)
        steps = self.steps
        self.steps = outer
        return integers, floats, steps

    def branch(self, integers: list[str], floats: list[str], depth: int) -> tuple[list[str], list[str]]:
        """Two ways that each bring some values to one block."""
        x, y = self.random.choice(integers), self.random.choice(integers)
        condition = self.name()
        then, other, join = self.block(), self.block(), self.block()
        self.lines += [f"    {condition} = icmp ult {x}, {y}", f"    brif {condition}, {then}, {other}"]
        carried = self.random.randrange(1, 5)
        arms = []
        for label in (then, other):
            self.lines.append(f"{label}:")
            there, _, steps = self.nested(integers, floats, depth)
            given = [self.random.choice(there) for _ in range(carried)]
            self.lines.append(f"    jump {join}({', '.join(given)})")
            arms.append((steps, given))
        parameters = [self.name() for _ in range(carried)]
        self.lines.append(f"{join}({', '.join(f'{one}: i64' for one in parameters)}):")

        def step(values: dict[str, int | float]) -> None:
            steps, given = arms[0] if int(values[x]) < int(values[y]) else arms[1]
            for one in steps:
                one(values)
            values.update(zip(parameters, [values[one] for one in given], strict=True))

        self.steps.append(step)
        return integers + parameters, floats

    def loop(self, integers: list[str], floats: list[str], depth: int) -> tuple[list[str], list[str]]:
        """A loop that runs a few times and carries values that change places."""
        times = self.random.randrange(1, 4)
        carried = self.random.randrange(1, 5)
        start = [self.random.choice(integers) for _ in range(carried)]
        count, head, behind = self.name(), self.block(), self.block()
        self.lines += [f"    {count} = iconst.i64 {times}", f"    jump {head}({', '.join([count, *start])})"]
        parameters = [self.name() for _ in range(carried + 1)]
        self.lines.append(f"{head}({', '.join(f'{one}: i64' for one in parameters)}):")
        there, _, steps = self.nested(integers + parameters[1:], floats, depth)
        again = [self.random.choice([*parameters[1:], *there]) for _ in range(carried)]
        one, less = self.name(), self.name()
        given = ", ".join([less, *again])
        self.lines += [
            f"    {one} = iconst.i64 -1",
            f"    {less} = iadd {parameters[0]}, {one}",
            f"    brif {less}, {head}({given}), {behind}",
            f"{behind}:",
        ]

        def step(values: dict[str, int | float]) -> None:
            values.update(zip(parameters, [times, *(values[name] for name in start)], strict=True))
            while True:
                for inner in steps:
                    inner(values)
                values[less] = (int(values[parameters[0]]) - 1) & MASK
                if not values[less]:
                    return
                values.update(zip(parameters, [values[less], *(values[name] for name in again)], strict=True))

        self.steps.append(step)
        return integers + [less, *again], floats
