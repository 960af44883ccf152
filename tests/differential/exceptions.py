"""Random functions with tries in one of the two encodings, which throw, catch, rethrow and delegate.

What they compute is a sum of locals that every arm changes. Each ends: loops count together.
"""

from __future__ import annotations

import random
from collections.abc import Callable

TAGS = {"$a": "i32", "$b": "i64 f64 i32", "$n": ""}
INTEGERS = (0, 1, 4)
SUM = """(i32.add (i32.add (local.get 0) (i32.mul (local.get 1) (i32.const 3)))
  (i32.add (i32.wrap_i64 (i64.add (local.get 2) (i64.mul (local.get 5) (i64.const 7))))
    (i32.add (i32.trunc_sat_f64_s (local.get 3)) (i32.mul (local.get 4) (i32.const 11)))))"""
"""Of all locals: $0 i32, $1 i32, $2 i64, $3 f64, $4 i32, $5 i64, which counts rounds."""

MODULE = """(module
  (type $many (func (param i32 i64 f64 i32 i64 i32 i64 i32) (result i32 f64 i64)))
  (tag $a (param i32)) (tag $b (param i64 f64 i32)) (tag $n)
  (table funcref (elem $many))
  (func $may (param i32 i32) (result i32) (local i32)
    (local.set 2 (i32.rem_u (local.get 0) (local.get 1)))
    (if (i32.eqz (local.get 2)) (then (throw $a (i32.xor (local.get 0) (i32.const 21)))))
    (if (i32.eq (local.get 2) (i32.const 1)) (then (throw $n)))
    (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.const 1)))
  (func $many (type $many)
    (if (i32.eqz (i32.rem_u (local.get 0) (i32.const 3)))
      (then (throw $b (local.get 1) (local.get 2) (local.get 0))))
    (i32.add (local.get 0) (i32.add (local.get 5) (local.get 7)))
    (f64.add (local.get 2) (f64.const 1)) (i64.add (local.get 1) (local.get 6)))
  {functions})"""


class Writer:
    """Writes a function; `labels` are those that are open."""

    def __init__(self, seed: int, legacy: bool) -> None:
        self.chance = random.Random(seed)
        self.legacy = legacy
        self.left = 40
        self.names = 0
        self.labels: list[str] = []
        self.catching: list[str] = []  # tries of which an arm is open
        self.tries: list[str] = []  # whose body is
        self.kinds: list[Callable[[int], str]] = [self.assign, self.wide, self.float, self.call, self.call, self.many]
        self.kinds += [self.throw, self.branch, self.attempt, self.attempt, self.attempt, self.choose, self.loop]
        self.kinds += [self.value]

    def function(self) -> str:
        kept = "" if self.legacy else "(local $x exnref)"
        return (
            f'(func (export "run") (param i32) (result i32) (local i32 i64 f64 i32 i64) {kept}\n{self.block(0)}\n{SUM})'
        )

    def name(self) -> str:
        self.names += 1
        return f"$l{self.names}"

    def integer(self) -> int:
        return self.chance.choice(INTEGERS)

    def condition(self) -> str:
        return f"(i32.eqz (i32.rem_u (local.get {self.integer()}) (i32.const {self.chance.randrange(2, 6)})))"

    def block(self, depth: int) -> str:
        return "\n".join(self.statement(depth) for _ in range(self.chance.randrange(1, 5)))

    def statement(self, depth: int) -> str:
        self.left -= 1
        kinds = self.kinds if self.left > 0 and depth < 6 else self.kinds[:8]
        return self.chance.choice(kinds)(depth)

    # --- what leaves the operand stack as it was -----------------------------------------------------
    def assign(self, depth: int) -> str:
        value = (
            f"(i32.add (i32.mul (local.get {self.integer()}) (i32.const 5)) (i32.const {self.chance.randrange(99)}))"
        )
        return f"(local.set {self.integer()} {value})"

    def wide(self, depth: int) -> str:
        return f"(local.set 2 (i64.add (i64.extend_i32_u (local.get {self.integer()})) (local.get 2)))"

    def float(self, depth: int) -> str:
        return "(local.set 3 (f64.add (f64.mul (local.get 3) (f64.const 0.5)) (f64.convert_i32_u (local.get 0))))"

    def call(self, depth: int) -> str:
        modulus = self.chance.randrange(3, 9)
        return f"(local.set {self.integer()} (call $may (local.get {self.integer()}) (i32.const {modulus})))"

    def many(self, depth: int) -> str:
        given = "(local.get 2) (local.get 3) (i32.const 5) (i64.const 6) (local.get 4) (i64.const 8) (i32.const 9)"
        call = f"(call_indirect (type $many) (local.get {self.integer()}) {given} (i32.const 0))"
        return f"{call} (local.set 2) (local.set 3) (local.set {self.integer()})"

    def throw(self, depth: int) -> str:
        if self.catching and self.chance.random() < 0.6:
            return f"(if {self.condition()} (then (rethrow {self.chance.choice(self.catching)})))"
        tag = self.chance.choice(list(TAGS))
        values = {"$a": "(local.get 1)", "$b": "(local.get 2) (local.get 3) (local.get 4)", "$n": ""}[tag]
        return f"(if {self.condition()} (then (throw {tag} {values})))"

    def branch(self, depth: int) -> str:
        label = self.chance.choice([*self.labels, ""])
        return f"(br_if {label} {self.condition()})" if label else f"(if {self.condition()} (then (return {SUM})))"

    def choose(self, depth: int) -> str:
        label = self.name()
        self.labels.append(label)
        arms = f"(then {self.block(depth + 1)}) (else {self.block(depth + 1)})"
        self.labels.pop()
        return f"(if {label} {self.condition()} {arms})"

    def loop(self, depth: int) -> str:
        """Four rounds at most, all loops around together."""
        label = self.name()
        more = f"(br_if {label} (i64.lt_u (local.get 5) (i64.const 4)))"
        return f"(loop {label} {self.block(depth + 1)} (local.set 5 (i64.add (local.get 5) (i64.const 1))) {more})"

    def value(self, depth: int) -> str:
        """Operands lie below a try."""
        local = self.integer()
        return f"(local.get {local}) (local.get 3) {self.attempt(depth)} (local.set 3) (local.set {local})"

    def attempt(self, depth: int) -> str:
        chance = self.chance
        tags = chance.sample(list(TAGS), chance.randrange(4)) + chance.choice(([], ["all"]))
        return self.old(depth, tags) if self.legacy else self.new(depth, tags)

    def taken(self, tag: str) -> str:
        """An arm puts the values of an exception into locals."""
        return {"$a": "(local.set 1)", "$b": "(local.set 4) (local.set 3) (local.set 2)"}.get(tag, "")

    def old(self, depth: int, tags: list[str]) -> str:
        name = self.name()
        around = list(self.tries)
        self.labels.append(name)
        self.tries.append(name)
        text = f"try {name} {self.block(depth + 1)}"
        self.tries.pop()
        if self.chance.random() < 0.2:
            self.labels.pop()
            return f"{text} delegate {self.chance.choice([*around, '0'])}"
        self.catching.append(name)
        for tag in tags:
            text += f"\n{'catch_all' if tag == 'all' else f'catch {tag}'} {self.taken(tag)} {self.block(depth + 1)}"
        self.catching.pop()
        self.labels.pop()
        return f"{text} end"

    def new(self, depth: int, tags: list[str]) -> str:
        done = self.name()
        arms = [(self.name(), tag, self.chance.random() < 0.5) for tag in tags]
        clauses = ""
        for name, tag, keeps in arms:
            word = ("catch_all" if tag == "all" else "catch") + ("_ref" if keeps else "")
            clauses += f"({word} {'' if tag == 'all' else tag} {name})"
        self.labels.append(done)
        text = f"(try_table {clauses} {self.block(depth + 1)}) (br {done})"
        for name, tag, keeps in arms:
            types = f"{TAGS.get(tag, '')} {'exnref' if keeps else ''}".strip()
            text = f"(block {name} {f'(result {types})' if types else ''} {text})"
            if keeps:
                text += f" (local.set $x) {self.taken(tag)} (if {self.condition()} (then (throw_ref (local.get $x))))"
            else:
                text += self.taken(tag)
            text += f" {self.block(depth + 1)} (br {done})"
        self.labels.pop()
        return f"(block {done} {text})"


def module(seed: int, legacy: bool) -> str:
    """Its text; it exports ``run``, from i32 to i32."""
    return MODULE.replace("{functions}", Writer(seed, legacy).function())
