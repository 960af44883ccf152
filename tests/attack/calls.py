"""Functions of two modules that call each other in every way there is, and throw: the same on all backends.

    python -m tests.attack.calls --seed 7 --seconds 20

A *case* is two modules. The second imports the functions of the first, and both fill the tables through which they call
back: directly, indirectly, by reference, as tail calls of functions of other parameters. Between the calls stand tries
and branches on null, with operands below them. Whatever happens is mixed into one number, which the backends have to
agree on, and on how the call ended; the modules of a case are compiled by different backends, too.

Calls end because each passes on one unit less of fuel, and all together have a budget.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.running.objects.tags import WasmException

NUMBERS: Final = ("i32", "i64", "f32", "f64", "v128")
REFERENCE: Final = "(ref null $t0)"
PARAMETERS: Final = (0, 1, 2, 3, 5, 7, 9, 14, 25)
RESULTS: Final = (0, 1, 1, 1, 2, 3, 5)
CARRIED: Final = (0, 1, 1, 2, 4, 9)
INPUTS: Final = (1, 2, 3, 5, 8)
BUDGET: Final = 400
"""Calls, all together."""
TABLE: Final = 16
CONSTANTS: Final = {
    "i32": ("0", "1", "-1", "7", "0x7fffffff", "0x80000000"),
    "i64": ("0", "1", "-1", "0x7fffffffffffffff", "0x8000000000000000", "123456789012"),
    "f32": ("0", "-0", "1.5", "-2.25", "3.4e38", "1e-40"),
    "f64": ("0", "-0", "1.5", "-2.25", "1e308", "4e-320"),
    "v128": ("i64x2 0 0", "i64x2 -1 1", "i32x4 1 2 3 0x80000000", "i8x16 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 255"),
}
OPERATORS: Final = {
    "i32": (
        *(f"(i32.{name} I I)" for name in ("add", "sub", "mul", "xor", "and", "or", "rotl", "shl", "shr_s")),
        *("(i32.wrap_i64 L)", "(i32.trunc_sat_f64_s D)", "(i32x4.extract_lane 3 V)", "(ref.is_null R)"),
        *("(i32.div_s I (i32.or (i32.const 2) I))", "(i64.lt_s L L)"),
    ),
    "i64": (
        *(f"(i64.{name} L L)" for name in ("add", "sub", "mul", "xor", "and", "or", "rotr", "shl")),
        *("(i64.extend_i32_s I)", "(i64.trunc_sat_f32_u F)", "(i64x2.extract_lane 1 V)"),
    ),
    "f32": ("(f32.convert_i32_s I)", "(f32.add (f32.convert_i32_s I) (f32.const 0.5))", "(f32.neg F)"),
    "f64": ("(f64.convert_i64_s L)", "(f64.promote_f32 F)", "(f64.abs D)"),
    "v128": ("(i64x2.splat L)", "(v128.xor V V)", "(i32x4.add V V)", "(i64x2.replace_lane 1 V L)"),
    REFERENCE: ("(table.get $same (i32.and (i32.const 3) I))", "(ref.null $t0)"),
}
"""What gives a value of a type; a capital letter stands for an operand."""
LETTERS: Final = {"I": "i32", "L": "i64", "F": "f32", "D": "f64", "V": "v128", "R": REFERENCE}
MIXING: Final = """
  (func $mix_i64 (export "mix_i64") (param i64) (global.set $sum (i64.xor (local.get 0)
    (i64.mul (i64.rotl (global.get $sum) (i64.const 7)) (i64.const 0x9E3779B97F4A7C15)))))
  (func $mix_i32 (export "mix_i32") (param i32) (call $mix_i64 (i64.extend_i32_u (local.get 0))))
  (func $mix_f32 (export "mix_f32") (param f32) (call $mix_i32 (select
    (i32.reinterpret_f32 (local.get 0)) (i32.const 77) (f32.eq (local.get 0) (local.get 0)))))
  (func $mix_f64 (export "mix_f64") (param f64) (call $mix_i64 (select
    (i64.reinterpret_f64 (local.get 0)) (i64.const 78) (f64.eq (local.get 0) (local.get 0)))))
  (func $mix_v128 (export "mix_v128") (param v128)
    (call $mix_i64 (i64x2.extract_lane 0 (local.get 0))) (call $mix_i64 (i64x2.extract_lane 1 (local.get 0))))"""
"""The bits of a NaN are nobody's business."""


def many(word: str, types: Sequence[str]) -> str:
    """``(result i32 f64)``, or nothing."""
    return f"({word} {' '.join(types)})" if types else ""


class Writer:
    """Writes the two modules of a case."""

    def __init__(self, seed: int) -> None:
        self.chance = chance = random.Random(seed)
        self.types = [
            (
                ["i32", *chance.choices(NUMBERS, k=chance.choice(PARAMETERS))],
                chance.choices(NUMBERS, k=chance.choice(RESULTS)),
            )
            for _ in range(chance.randrange(3, 8))
        ]
        self.functions = [chance.randrange(len(self.types)) for _ in range(chance.randrange(4, 11))]  # their types
        self.modules = [0, *(chance.randrange(2) for _ in self.functions[1:])]  # that they are in
        self.tags = [
            chance.choices((*NUMBERS, REFERENCE), k=chance.choice(CARRIED)) for _ in range(chance.randrange(1, 4))
        ]
        self.elements = [chance.randrange(-1, len(self.functions)) for _ in range(TABLE)]
        alike = [-1, *(number for number, type_ in enumerate(self.functions) if type_ == 0)]
        self.same = chance.choices(alike, k=4)
        # Of what is being written:
        self.module = 0
        self.locals: dict[str, str] = {}
        self.results: list[str] = []
        self.left = 0
        self.labels = 0

    def label(self) -> str:
        self.labels += 1
        return f"$l{self.labels}"

    # --- expressions ---------------------------------------------------------------------------------
    def visible(self, type_: int) -> list[int]:
        """Functions of a type that the module has."""
        return [n for n, each in enumerate(self.functions) if each == type_ and self.module >= self.modules[n]]

    def constant(self, type_: str) -> str:
        if type_ != REFERENCE:
            return f"({type_}.const {self.chance.choice(CONSTANTS[type_])})"
        return self.chance.choice(["(ref.null $t0)", *(f"(ref.func $f{number})" for number in self.visible(0))])

    def value(self, type_: str, depth: int = 0) -> str:
        chance = self.chance
        known = [name for name, each in self.locals.items() if each == type_]
        if depth > 2 or chance.random() < 0.35:
            return f"(local.get {chance.choice(known)})" if known and chance.random() < 0.85 else self.constant(type_)
        kind = chance.random()
        if kind < 0.12 and type_ != REFERENCE:
            return f"(select (result {type_}) {self.values([type_] * 2, depth + 1)} {self.condition()})"
        if kind < 0.2:
            arms = f"(then {self.value(type_, depth + 1)}) (else {self.value(type_, depth + 1)})"
            return f"(if (result {type_}) {self.condition()} {arms})"
        giving = [number for number, (_, results) in enumerate(self.types) if results == [type_]]
        if kind < 0.3 and depth < 2 and giving:
            return self.call(chance.choice(giving), depth)
        pattern = chance.choice((*OPERATORS[type_], self.constant(type_)) if type_ == REFERENCE else OPERATORS[type_])
        return "".join(
            self.value(LETTERS[part], depth + 1) if part in LETTERS and pattern[at - 1] in " " else part
            for at, part in enumerate(pattern)
        )

    def values(self, types: Sequence[str], depth: int = 0) -> str:
        return " ".join(self.value(type_, depth) for type_ in types)

    def condition(self) -> str:
        return f"(i32.and (i32.const {self.chance.choice((1, 2, 3, 4, -1))}) {self.value('i32', 2)})"

    def call(self, type_: int, depth: int, tail: bool = False) -> str:
        """A call of a function of this type, in any way."""
        chance = self.chance
        known = self.visible(type_)
        ways = ["indirect", *(("direct", "direct", "ref") if known else ()), *(("any ref",) if type_ == 0 else ())]
        given = f"(i32.sub (local.get $fuel) (i32.const 1)) {self.values(self.types[type_][0][1:], depth + 1)}"
        way, prefix = chance.choice(ways), "return_" if tail else ""
        if way == "direct":
            return f"({prefix}call $f{chance.choice(known)} {given})"
        if way == "ref":
            return f"({prefix}call_ref $t{type_} {given} (ref.func $f{chance.choice(known)}))"
        if way == "any ref":
            return f"({prefix}call_ref $t0 {given} {self.value(REFERENCE, depth + 1)})"
        fitting = [at for at, number in enumerate(self.elements) if number >= 0 and self.functions[number] == type_]
        at = f"(i32.const {chance.choice(fitting)})" if fitting and chance.random() < 0.7 else self.value("i32", 2)
        return f"({prefix}call_indirect $any (type $t{type_}) {given} (i32.and (i32.const {TABLE - 1}) {at}))"

    # --- statements, which leave the operand stack as it was --------------------------------------------
    def store(self, types: Sequence[str]) -> str:
        """Take values off the stack."""
        taken = []
        for type_ in reversed(types):
            known = [name for name, each in self.locals.items() if each == type_ and name != "$fuel"]
            taken.append(f"(local.set {self.chance.choice(known)})" if known else "(drop)")
        return " ".join(taken)

    def block(self, depth: int) -> str:
        return "\n".join(self.statement(depth) for _ in range(self.chance.randrange(1, 4)))

    def statement(self, depth: int) -> str:
        self.left -= 1
        simple = (self.assign, self.mix, self.any_call)
        nested = (self.leave, self.throw, self.loop, self.choose, self.on_null, self.on_non_null)
        kinds: tuple[Callable[[int], str], ...] = (*simple, *nested, *(self.attempt,) * 3)
        return self.chance.choice(simple if self.left < 0 or depth > 4 else kinds)(depth)

    def assign(self, depth: int) -> str:
        type_ = self.chance.choice([each for name, each in self.locals.items() if name != "$fuel"])
        return f"{self.value(type_)} {self.store([type_])}"

    def mix(self, depth: int) -> str:
        type_ = self.chance.choice(NUMBERS)
        return f"(call $mix_{type_} {self.value(type_)})"

    def any_call(self, depth: int) -> str:
        type_ = self.chance.randrange(len(self.types))
        return f"{self.call(type_, 0)} {self.store(self.types[type_][1])}"

    def leave(self, depth: int) -> str:
        return f"(if {self.condition()} (then {self.tail_call()}))"

    def tail_call(self) -> str:
        alike = [number for number, (_, results) in enumerate(self.types) if results == self.results]
        return self.call(self.chance.choice(alike), 0, tail=True)

    def throw(self, depth: int) -> str:
        if self.chance.random() < 0.3:
            return f"(if {self.condition()} (then (throw_ref (local.get $x{self.chance.randrange(2)}))))"
        tag = self.chance.randrange(len(self.tags))
        return f"(if {self.condition()} (then (throw $g{tag} {self.values(self.tags[tag])})))"

    def loop(self, depth: int) -> str:
        """All loops of a function together go a few rounds."""
        label, most = self.label(), self.chance.randrange(2, 6)
        again = f"(i32.lt_u (local.tee $c (i32.add (local.get $c) (i32.const 1))) (i32.const {most}))"
        return f"(loop {label} {self.block(depth + 1)} (br_if {label} {again}))"

    def choose(self, depth: int) -> str:
        return f"(if {self.condition()} (then {self.block(depth + 1)}) (else {self.block(depth + 1)}))"

    def on_null(self, depth: int) -> str:
        label, below = self.label(), self.below()
        inside = f"{self.values(below)} (br_on_null {label} {self.value(REFERENCE)}) {self.block(depth + 1)}"
        return f"(block {label} {many('result', below)} {inside} {self.store([REFERENCE])}) {self.store(below)}"

    def on_non_null(self, depth: int) -> str:
        label, below = self.label(), self.below()
        dropped = " (drop)" * len(below)
        inside = f"{self.values(below)} (br_on_non_null {label} {self.value(REFERENCE)}) {self.block(depth + 1)}"
        rest = f"{dropped} {self.values(below)} (ref.as_non_null {self.value(REFERENCE)})"
        results = many("result", [*below, "(ref $t0)"])
        return f"(block {label} {results} {inside} {rest}) {self.store([*below, REFERENCE])}"

    def below(self) -> list[str]:
        return self.chance.choice([[], ["i64"], ["f64", "i32"], ["v128"], ["i32", "f32", "i64"]])

    def attempt(self, depth: int) -> str:
        """A try_table in a block for each of its arms, in one for what comes behind, above some operands."""
        chance, behind, below, results = self.chance, self.label(), self.below(), self.below()
        arms = []
        for _ in range(chance.randrange(4)):
            kind = chance.choice(("catch", "catch_ref", "catch_all", "catch_all_ref"))
            arms.append((kind, chance.randrange(len(self.tags)), self.label()))
        clauses = [f"({kind}{'' if 'all' in kind else f' $g{tag}'} {label})" for kind, tag, label in arms]
        body = (
            f"(try_table {many('result', results)} {' '.join(clauses)} {self.block(depth + 1)} {self.values(results)})"
        )
        body += f" {self.store(results)} (br {behind})"
        for at, (kind, tag, label) in enumerate(arms):
            carried = [] if "all" in kind else self.tags[tag]
            keeps = kind.endswith("ref")
            body = f"(block {label} {many('result', [*carried, *(['exnref'] if keeps else [])])} {body})"
            body += f" (local.set $x{chance.randrange(2)})" if keeps else ""
            body += (
                f" {self.store(carried)} (call $mix_i32 (i32.const {chance.randrange(1000)})) {self.block(depth + 2)}"
            )
            body += f" (br {behind})" if at + 1 < len(arms) or chance.random() < 0.5 else ""
        return f"{self.values(below)} (block {behind} {body}) {self.store(below)}"

    # --- modules -------------------------------------------------------------------------------------
    def function(self, number: int) -> str:
        chance = self.chance
        type_ = self.functions[number]
        params, self.results = self.types[type_]
        self.left = chance.randrange(6, 22)
        names = ["$fuel", *(f"$p{at}" for at in range(len(params) - 1))]
        own = {f"$v{at}": each for at, each in enumerate(chance.choices(NUMBERS, k=chance.randrange(2, 8)))}
        own |= {"$r0": REFERENCE, "$r1": REFERENCE}
        self.locals = {**dict(zip(names, params, strict=True)), **own}
        declared = [f"(param {name} {each})" for name, each in zip(names, params, strict=True)]
        declared += [many("result", self.results), *(f"(local {name} {each})" for name, each in own.items())]
        spent = "(i32.or (i32.le_s (local.get $fuel) (i32.const 0)) (i32.lt_s (global.get $budget) (i32.const 0)))"
        mixed = [f"(call $mix_{self.locals[name]} (local.get {name}))" for name in names[1:]]
        body = f"{self.block(0)}\n{self.block(0)}\n"
        body += self.tail_call() if chance.random() < 0.4 else self.values(self.results)
        return f"""(func $f{number} (export "f{number}") (type $t{type_}) {" ".join(declared)}
          (local $x0 exnref) (local $x1 exnref) (local $c i32)
          (global.set $budget (i32.sub (global.get $budget) (i32.const 1)))
          (if {spent} (then (return {" ".join(map(self.constant, self.results))})))
          {" ".join(mixed)}
          {body})"""

    def segments(self) -> str:
        """What the module has of the tables' elements; and its functions, for references."""
        rows = [
            f"(elem (table {table}) (i32.const {at}) {type_} (item (ref.func $f{number})))"
            for table, type_, elements in (("$any", "funcref", self.elements), ("$same", REFERENCE, self.same))
            for at, number in enumerate(elements)
            if number >= 0 and self.modules[number] == self.module
        ]
        seen = [f"$f{number}" for number, module in enumerate(self.modules) if module <= self.module]
        return f"{' '.join(rows)} (elem declare func {' '.join(seen)})"

    def both(self) -> tuple[str, str]:
        """The modules."""
        types = " ".join(
            f"(type $t{number} (func {many('param', params)} {many('result', results)}))"
            for number, (params, results) in enumerate(self.types)
        )
        texts = []
        for self.module in range(2):
            own = [self.function(number) for number, module in enumerate(self.modules) if module == self.module]
            texts.append(f"{self.segments()} {' '.join(own)}")
        tags = [f"(tag $g{number} {{}} {many('param', carried)})" for number, carried in enumerate(self.tags)]
        defined = " ".join(tag.format(f'(export "g{number}")') for number, tag in enumerate(tags))
        first = f"""(module {types} {defined}
          (global $sum (export "sum") (mut i64) (i64.const 1))
          (global $budget (export "budget") (mut i32) (i32.const 0))
          (table $any (export "any") {TABLE} funcref) (table $same (export "same") 4 {REFERENCE})
          {MIXING} {texts[0]} {self.entry()})"""
        imported = [f'(import "a" "g{number}" {tag.format("")})' for number, tag in enumerate(tags)]
        imported += [f'(import "a" "mix_{type_}" (func $mix_{type_} (param {type_})))' for type_ in NUMBERS]
        imported += [
            f'(import "a" "f{number}" (func $f{number} (type $t{self.functions[number]})))'
            for number, module in enumerate(self.modules)
            if module == 0
        ]
        second = f"""(module {types} {" ".join(imported)}
          (import "a" "sum" (global $sum (mut i64))) (import "a" "budget" (global $budget (mut i32)))
          (import "a" "any" (table $any {TABLE} funcref)) (import "a" "same" (table $same 4 {REFERENCE}))
          {texts[1]})"""
        return first, second

    def entry(self) -> str:
        params, results = self.types[self.functions[0]]
        self.module = 0
        given = f"(local.get 0) {' '.join(map(self.constant, params[1:]))}"
        mixed = " ".join(f"(call $mix_{type_})" for type_ in reversed(results))
        return f"""(func (export "run") (param i32) (result i64)
          (global.set $budget (i32.const {BUDGET})) (global.set $sum (i64.const 1))
          (call $f0 {given}) {mixed} (global.get $sum))"""


def outcomes(texts: Sequence[str], backends: Sequence[str]) -> list[tuple[object, ...]]:
    """How the case ends for each input, and the sum then, if each module is compiled by a backend."""
    modules: list[Any] = [
        compile_with(text, find_compiler(backend), CompilerConfig())
        for text, backend in zip(texts, backends, strict=True)
    ]
    ends: list[tuple[object, ...]] = []
    for fuel in INPUTS:
        first = modules[0].instantiate({})
        second = modules[1].instantiate({"a": first.exports})
        try:
            end: object = first.exports.run(fuel)
        except Trap as trap:
            end = str(trap.kind)
        except WasmException as thrown:
            end = f"threw {len(thrown.values)} values"
        ends.append((end, first.exports.sum.value))
        del second
    return ends


def check(seed: int, backends: Sequence[str]) -> list[tuple[object, ...]]:
    """All backends agree about a case, alone and with each other; what they agree on."""
    texts = Writer(seed).both()
    pairs = [(backend, backend) for backend in backends] + list(
        zip(backends, [*backends[1:], backends[0]], strict=True)
    )
    results = {pair: outcomes(texts, pair) for pair in dict.fromkeys(pairs)}
    for pair, result in results.items():
        assert result == results[pairs[0]], f"case {seed}: {pair} gives {result}, {pairs[0]} {results[pairs[0]]}"
    return results[pairs[0]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attack.calls", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--backends", default="singlepass,cranelift,llvm", help="separated by commas")
    options = parser.parse_args()
    os.environ["WASMER_CLIF_CHECK"] = ""  # proofs take most of the time, and random programs have them elsewhere
    end = time.monotonic() + options.seconds
    seed: int = options.seed
    while seed == options.seed or time.monotonic() < end:
        check(seed, options.backends.split(","))
        seed += 1
    print(f"{seed - options.seed} cases")
    return 0


if __name__ == "__main__":
    sys.exit(main())
