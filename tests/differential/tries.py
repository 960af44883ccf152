"""Nests of tries of the legacy encoding, and what the proposal says that they do, worked out by following it.

A program is a tree of statements. It is written as text, and it is run here: an exception is a Python one, a label a
place in the tree. Each statement that is reached adds a digit to a trace, so that where control went is seen, not only
how it ended.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Final, NamedTuple

TAGS: Final = ("$a", "$b")
ALL: Final = "all"
LONGEST: Final = (1 << 31) - 1


class Mark(NamedTuple):
    """The trace gets a digit."""

    digit: int


class Throw(NamedTuple):
    """An exception with the trace for a value; from a function that is called, or by itself."""

    tag: str
    called: bool


class Rethrow(NamedTuple):
    """What the arm so many labels out has caught."""

    depth: int


class Branch(NamedTuple):
    """Out of so many labels and one more."""

    depth: int


class Arm(NamedTuple):
    tag: str  # or `ALL`
    body: tuple[Statement, ...]


class Try(NamedTuple):
    """`delegate` is None, or so many labels out of those around the try."""

    body: tuple[Statement, ...]
    arms: tuple[Arm, ...] = ()
    delegate: int | None = None


class Block(NamedTuple):
    body: tuple[Statement, ...]


Statement = Mark | Throw | Rethrow | Branch | Try | Block


# --- as text --------------------------------------------------------------------------------------------
def written(statement: Statement) -> str:
    match statement:
        case Mark(digit):
            added = f"(i32.add (i32.mul (local.get $t) (i32.const 10)) (i32.const {digit}))"
            return f"(local.set $t (i32.and {added} (i32.const {LONGEST})))"
        case Throw(tag, called):
            return f"(call $throw{tag[1]} (local.get $t))" if called else f"(throw {tag} (local.get $t))"
        case Rethrow(depth):
            return f"(rethrow {depth})"
        case Branch(depth):
            return f"(br {depth})"
        case Block(body):
            return f"(block {all_written(body)})"
        case Try(body, arms, delegate):
            text = f"try {all_written(body)}"
            if delegate is not None:
                return f"{text} delegate {delegate}"
            for arm in arms:
                taken = "catch_all" if arm.tag == ALL else f"catch {arm.tag} (local.set $v)"
                text += f" {taken} {all_written(arm.body)}"
            return f"{text} end"
    raise AssertionError(statement)


def all_written(body: tuple[Statement, ...]) -> str:
    return " ".join(map(written, body))


def module(programs: dict[str, tuple[Statement, ...]]) -> str:
    """A function for each, without parameters, that gives the trace and the last value caught, one behind the other."""
    functions = "\n".join(
        f'(func (export "{name}") (result i64) (local $t i32) (local $v i32) (block {all_written(body)})'
        "(i64.or (i64.shl (i64.extend_i32_u (local.get $t)) (i64.const 32)) (i64.extend_i32_u (local.get $v))))"
        for name, body in programs.items()
    )
    throwers = " ".join(f"(func $throw{tag[1]} (param i32) (throw {tag} (local.get 0)))" for tag in TAGS)
    tags = " ".join(f'(tag {tag} (export "{tag[1]}") (param i32))' for tag in TAGS)
    return f"(module {tags} {throwers} {functions})"


# --- as the proposal has it -----------------------------------------------------------------------------
class Thrown(Exception):
    """`past`: a delegate has handed it to whoever is outside of this label; None: to whoever is next."""

    def __init__(self, tag: str, value: int, past: object = None) -> None:
        self.tag, self.value, self.past = tag, value, past


class Jump(Exception):
    def __init__(self, label: object) -> None:
        self.label = label


class Run:
    """One execution; `outcome` says how it ended."""

    def __init__(self) -> None:
        self.trace = self.value = 0
        self.labels: list[tuple[object, Thrown | None]] = []  # innermost last, with what an arm has caught

    def outcome(self, body: tuple[Statement, ...]) -> tuple[object, ...]:
        try:
            self.body(object(), body, None)
        except Thrown as thrown:
            return ("thrown", thrown.tag[1], thrown.value)
        return ("returned", self.trace << 32 | self.value)

    def body(self, label: object, body: tuple[Statement, ...], caught: Thrown | None) -> None:
        """What stands between two labels."""
        self.labels.append((label, caught))
        depth = len(self.labels)
        try:
            for statement in body:
                self.statement(statement)
        except Jump as jump:
            if jump.label is not label:
                raise
        except Thrown as thrown:
            if thrown.past is label:
                thrown.past = None
            raise
        finally:
            del self.labels[depth - 1 :]

    def statement(self, statement: Statement) -> None:
        match statement:
            case Mark(digit):
                self.trace = (self.trace * 10 + digit) & LONGEST
            case Throw(tag, _):
                raise Thrown(tag, self.trace)
            case Rethrow(depth):
                caught = self.labels[-1 - depth][1]
                assert caught is not None
                raise Thrown(caught.tag, caught.value)
            case Branch(depth):
                raise Jump(self.labels[-1 - depth][0])
            case Block(body):
                self.body(object(), body, None)
            case Try(body, arms, delegate):
                self.attempt(body, arms, delegate)

    def attempt(self, body: tuple[Statement, ...], arms: tuple[Arm, ...], delegate: int | None) -> None:
        label = object()
        try:
            self.body(label, body, None)
            return
        except Thrown as exception:
            thrown = exception
        if delegate is not None:  # as if thrown right inside of the label; beyond all labels is the caller
            outside = self.labels[-1 - delegate][0] if delegate < len(self.labels) else "the caller"
            raise Thrown(thrown.tag, thrown.value, thrown.past or outside)
        if thrown.past is not None:
            raise thrown
        for arm in arms:
            if arm.tag in (ALL, thrown.tag):
                if arm.tag != ALL:
                    self.value = thrown.value
                self.body(label, arm.body, thrown)
                return
        raise Thrown(thrown.tag, thrown.value)


# --- which ones --------------------------------------------------------------------------------------------
def nests(depth: int) -> Iterator[tuple[Statement, ...]]:
    """All of `depth` labels, one in the other, with something or nothing thrown within."""
    for within in (Mark(1), Throw("$a", True), Throw("$b", True), Throw("$a", False)):
        for shape in itertools.product(("block", "end", "delegate", "a", "all", "again"), repeat=depth):
            delegates = shape.count("delegate")
            for targets in itertools.product(range(depth + 1), repeat=delegates):
                body: tuple[Statement, ...] = (Mark(2), within, Mark(3))
                left = list(targets)
                for at, kind in enumerate(shape):
                    out = depth - 1 - at  # labels around
                    digit = 4 + at
                    if kind == "delegate":
                        target = left.pop()
                        if target > out + 1:
                            break
                        body = (Try(body, (), target), Mark(digit))
                    elif kind == "block":
                        body = (Block(body), Mark(digit))
                    else:
                        arms: dict[str, tuple[Arm, ...]] = {
                            "end": (),
                            "a": (Arm("$a", (Mark(7),)),),
                            "all": (Arm("$b", (Mark(8), Branch(0), Mark(1))), Arm(ALL, (Mark(9),))),
                            "again": (Arm(ALL, (Mark(0), Block((Rethrow(1),)))),),
                        }
                        body = (Try(body, arms[kind]), Mark(digit))
                else:
                    yield body


class Drawn:
    """A random program."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(f"tries {seed}")
        self.left = 30
        self.labels: list[bool] = [False]  # whether it is of an arm
        self.program = self.body(4)

    def body(self, most: int) -> tuple[Statement, ...]:
        return tuple(self.statement() for _ in range(self.random.randrange(1, most)))

    def within(self, arm: bool, most: int = 4) -> tuple[Statement, ...]:
        self.labels.append(arm)
        found = self.body(most)
        self.labels.pop()
        return found

    def statement(self) -> Statement:
        draw = self.random
        self.left -= 1
        kind = draw.randrange(12) if self.left > 0 else draw.randrange(4)
        if kind < 3:
            return Mark(draw.randrange(10))
        if kind == 3:
            return Throw(draw.choice(TAGS), draw.random() < 0.5)
        arms = [at for at, arm in enumerate(reversed(self.labels)) if arm]
        if kind == 4 and arms:
            return Rethrow(draw.choice(arms))
        if kind == 5:
            return Branch(draw.randrange(len(self.labels)))
        if kind == 6:
            return Block(self.within(False))
        if kind < 9:
            return Try(self.within(False), (), draw.randrange(len(self.labels) + 1))
        tried = self.within(False)
        tags = draw.sample(TAGS, draw.randrange(3)) + draw.choice(([], [ALL]))
        return Try(tried, tuple(Arm(tag, self.within(True)) for tag in tags))
