"""Random programs of structs, arrays, i31 and casts: types below one another, chains and cycles of objects.

A program is functions that take numbers and give one: what they compute, folded. Statements are drawn for a pool of
locals, of numbers and of references; expressions are drawn for the type that is wanted. Most values that a cast or an
access meets fit, some do not: then it traps, in every engine alike. Floats are stored and compared, nothing is computed
with them.
"""

from __future__ import annotations

import random
from typing import Any, Final, NamedTuple

import wasmtime

from tests.differential.wasmtimes import trap_kind
from wasmer_runtime_core.errors import Trap

NUMBERS: Final = ("i32", "i64", "f32", "f64", "v128")
PACKED: Final = ("i8", "i16")
DEEPEST: Final = 4
MOST_LENGTH: Final = 15
"""Of an array; a power of two less one."""

AS_I64: Final = {
    "i32": "(i64.extend_i32_u {})",
    "i64": "{}",
    "f32": "(i64.extend_i32_u (i32.reinterpret_f32 {}))",
    "f64": "(i64.reinterpret_f64 {})",
    "v128": "(i64x2.extract_lane 1 {})",
}


class Field(NamedTuple):
    storage: str  # a number, a packed one, ``anyref``, ``eqref``, ``externref``, or ``$t3``: a nullable reference
    mutable: bool

    @property
    def value(self) -> str:
        """What code has of it."""
        return "i32" if self.storage in PACKED else self.storage

    @property
    def text(self) -> str:
        written = f"(ref null {self.storage})" if self.storage[0] == "$" else self.storage
        return f"(mut {written})" if self.mutable else written


class Type(NamedTuple):
    name: str
    above: int  # place of its supertype, or -1
    final: bool
    fields: tuple[Field, ...]
    array: bool

    @property
    def text(self) -> str:
        what = f"(array {self.fields[0].text})"
        if not self.array:
            what = f"(struct {' '.join(f'(field {field.text})' for field in self.fields)})"
        above = f" $t{self.above}" if self.above >= 0 else ""
        return f"(type {self.name} (sub{' final' if self.final else ''}{above} {what}))"


class Generator:
    """One program; `text` is the module, `exports` the names of its functions, each of three i32s to an i64."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.types: list[Type] = []
        self.exports: list[str] = []
        self.globals = 4
        self.text = self.module()

    # --- types ------------------------------------------------------------------------------------------
    def module(self) -> str:
        draw = self.draw
        count = draw.randrange(3, 9)
        for at in range(count):
            self.types.append(self.type(at, count))
        functions = []
        for at in range(draw.randrange(2, 5)):
            self.exports.append(f"f{at}")
            functions.append(self.function(f"f{at}"))
        globals_ = [
            f"(global $g{at} (mut anyref) {self.constant() if at % 2 else '(ref.null any)'})"
            for at in range(self.globals)
        ]
        types = " ".join(type_.text for type_ in self.types)
        return "\n".join(
            (
                "(module",
                f"(rec {types})",
                *globals_,
                '(data $bytes "' + "abcdefgh" * 8 + '")',
                self.fold(),
                *functions,
                ")",
            )
        )

    def type(self, at: int, count: int) -> Type:
        """A type; below one of those before, now and then."""
        draw = self.draw
        above = -1
        open_ = [place for place, type_ in enumerate(self.types) if not type_.final]
        if open_ and draw.random() < 0.5:
            above = draw.choice(open_)
        array = self.types[above].array if above >= 0 else draw.random() < 0.35
        fields = list(self.types[above].fields) if above >= 0 else []
        if array and not fields:
            fields = [self.field(count)]
        elif not array:
            fields += [self.field(count) for _ in range(draw.randrange(0 if fields else 1, 5))]
        return Type(f"$t{at}", above, draw.random() < 0.3, tuple(fields), array)

    def field(self, count: int) -> Field:
        draw = self.draw
        storage = draw.choice((*NUMBERS, *PACKED, "anyref", "eqref", "externref", *[f"$t{draw.randrange(count)}"] * 4))
        return Field(storage, draw.random() < 0.75)

    def constant(self) -> str:
        """An initializer."""
        plain = [type_ for type_ in self.types if not type_.array]
        if not plain or self.draw.random() < 0.3:
            return f"(ref.i31 (i32.const {self.draw.randrange(-9, 9)}))"
        return f"(struct.new_default {self.draw.choice(plain).name})"

    # --- what is found out in the end -----------------------------------------------------------------------
    def fold(self) -> str:
        """``$fold``: a reference as a number: which of the types it is of, and what it holds that is a number."""
        parts = ["(if (ref.is_null (local.get 0)) (then (return (i64.const 1))))"]
        parts.append(
            "(if (ref.test (ref i31) (local.get 0)) (then (return (i64.add (i64.const 77) (i64.extend_i32_s "
            "(i31.get_s (ref.cast (ref i31) (local.get 0))))))))"
        )
        parts.append("(local.set 2 (i64.const 3))")
        for at, type_ in enumerate(self.types):
            body = f"(local.set 2 (i64.add (i64.mul (local.get 2) (i64.const 31)) (i64.const {at})))"
            cast = f"(ref.cast (ref {type_.name}) (local.get 0))"
            if type_.array:
                body += f"(local.set 2 (i64.add (local.get 2) (i64.extend_i32_u (array.len {cast}))))"
            else:
                for place, field in enumerate(type_.fields):
                    number = self.as_number(field, f"struct.get{{}} {type_.name} {place} {cast}")
                    body += f"(local.set 2 (i64.xor (i64.rotl (local.get 2) (i64.const 5)) {number}))"
            parts.append(f"(if (ref.test (ref {type_.name}) (local.get 0)) (then {body}))")
        return (
            "(func $fold (param anyref i32) (result i64) (local i64) "
            "(if (i32.eqz (local.get 1)) (then (return (i64.const 5))))" + " ".join(parts) + "(local.get 2))"
        )

    def as_number(self, field: Field, get: str) -> str:
        """A field as an i64; references once more, not for ever."""
        storage = field.storage
        if storage in PACKED:
            return AS_I64["i32"].format(f"({get.format(self.draw.choice(('_s', '_u')))})")
        got = f"({get.format('')})"
        if storage in NUMBERS:
            return AS_I64[storage].format(got)
        if storage == "externref":
            got = f"(any.convert_extern {got})"
        return f"(call $fold {got} (i32.sub (local.get 1) (i32.const 1)))"

    # --- functions ---------------------------------------------------------------------------------------------
    def function(self, name: str) -> str:
        draw = self.draw
        self.locals: list[str] = ["i32", "i32", "i32"]
        self.locals += [draw.choice(NUMBERS) for _ in range(4)] + ["anyref", "anyref", "eqref", "externref"]
        self.locals += [type_.name for type_ in self.types for _ in range(2)]
        made = [f"(local.set {at} {self.new(type_, 2)})" for at, type_ in enumerate(self.locals) if type_[0] == "$"]
        body = made + [self.statement(3) for _ in range(draw.randrange(4, 14))]
        result = "(i64.const 7)"
        for at, type_ in enumerate(self.locals):
            value = f"(local.get {at})"
            if type_ in NUMBERS:
                number = AS_I64[type_].format(value)
            else:
                value = f"(any.convert_extern {value})" if type_ == "externref" else value
                number = f"(call $fold {value} (i32.const 3))"
            result = f"(i64.xor (i64.rotl {result} (i64.const 7)) {number})"
        for at in range(self.globals):
            result = f"(i64.add {result} (call $fold (global.get $g{at}) (i32.const 3)))"
        locals_ = " ".join(f"(ref null {type_})" if type_[0] == "$" else type_ for type_ in self.locals[3:])
        head = f'(func (export "{name}") (param i32 i32 i32) (result i64) (local {locals_})'
        return "\n".join((head, *body, f"{result})"))

    def statement(self, deep: int) -> str:
        draw = self.draw
        kind = draw.randrange(12)
        if kind < 4:
            at = draw.randrange(3, len(self.locals))
            return f"(local.set {at} {self.value(self.locals[at], DEEPEST)})"
        if kind < 6:
            return self.field_set()
        if kind < 8:
            return self.array_change()
        if kind == 8:
            return f"(global.set $g{draw.randrange(self.globals)} {self.value('anyref', 3)})"
        if kind == 9 and deep:
            arms = " ".join(self.statement(deep - 1) for _ in range(2))
            return f"(if {self.value('i32', 2)} (then {arms}) (else {self.statement(deep - 1)}))"
        if kind == 10 and deep:
            return self.loop(deep)
        return f"(drop {self.value(draw.choice(self.locals), DEEPEST)})"

    def loop(self, deep: int) -> str:
        """A few rounds, counted by a field of the parameters."""
        rounds = self.draw.randrange(1, 6)
        inner = " ".join(self.statement(deep - 2 if deep > 1 else 0) for _ in range(3))
        counter = "(local.get 0)"
        return (
            f"(local.set 0 (i32.const {rounds})) (loop $l{deep} {inner} "
            f"(br_if $l{deep} (i32.gt_s (local.tee 0 (i32.sub {counter} (i32.const 1))) (i32.const 0))))"
        )

    def field_set(self) -> str:
        structs = [
            (type_, at)
            for type_ in self.types
            if not type_.array
            for at, field in enumerate(type_.fields)
            if field.mutable
        ]
        if not structs:
            return "(nop)"
        type_, at = self.draw.choice(structs)
        value = self.value(type_.fields[at].value, 3)
        return f"(struct.set {type_.name} {at} {self.object(type_.name, 2)} {value})"

    def array_change(self) -> str:
        draw = self.draw
        arrays = [type_ for type_ in self.types if type_.array and type_.fields[0].mutable]
        if not arrays:
            return "(nop)"
        type_ = draw.choice(arrays)
        value = self.value(type_.fields[0].value, 2)
        array = self.object(type_.name, 2)
        index = self.index()
        kind = draw.randrange(4)
        if kind == 0:
            return f"(array.fill {type_.name} {array} {index} {value} {self.index()})"
        if kind == 1:
            other = self.object(type_.name, 2)
            return f"(array.copy {type_.name} {type_.name} {array} {index} {other} {self.index()} {self.index()})"
        if kind == 2 and type_.fields[0].storage in NUMBERS + PACKED:
            return f"(array.init_data {type_.name} $bytes {array} {index} {self.index()} {self.index()})"
        return f"(array.set {type_.name} {array} {index} {value})"

    def index(self) -> str:
        """Mostly within the arrays that are made here."""
        if self.draw.random() < 0.97:
            return f"(i32.const {self.draw.randrange(2)})"
        return f"(i32.and {self.value('i32', 1)} (i32.const 7))"

    # --- expressions ----------------------------------------------------------------------------------------------
    def value(self, type_: str, deep: int) -> str:
        """An expression of a type."""
        if type_ in NUMBERS:
            return self.number(type_, deep)
        if type_ == "externref":
            if deep <= 0 or self.draw.random() < 0.4:
                return self.draw.choice((self.local("externref"), "(ref.null extern)"))
            return f"(extern.convert_any {self.value('anyref', deep - 1)})"
        if type_ in ("anyref", "eqref"):
            return self.any(type_, deep)
        return self.reference(type_, deep)

    def local(self, type_: str) -> str:
        return f"(local.get {self.draw.choice([at for at, each in enumerate(self.locals) if each == type_])})"

    def get(self, wanted: str, deep: int) -> str | None:
        """A field or an element of this type, if some type has one."""
        draw = self.draw
        found = [(type_, at) for type_ in self.types for at, field in enumerate(type_.fields) if field.value == wanted]
        if not found:
            return None
        type_, at = draw.choice(found)
        sign = draw.choice(("_s", "_u")) if type_.fields[at].storage in PACKED else ""
        object_ = self.object(type_.name, deep - 1)
        if type_.array:
            return f"(array.get{sign} {type_.name} {object_} {self.index()})"
        return f"(struct.get{sign} {type_.name} {at} {object_})"

    def number(self, type_: str, deep: int) -> str:
        draw = self.draw
        if deep > 0 and draw.random() < 0.5:
            got = self.get(type_, deep)
            if got is not None:
                return got
        if type_ == "i32" and deep > 0 and draw.random() < 0.7:
            return self.about(deep)
        if type_ == "i64" and deep > 0 and draw.random() < 0.4:
            return f"(i64.add {self.value('i64', deep - 1)} {AS_I64['i32'].format(self.value('i32', deep - 1))})"
        if type_ in self.locals and draw.random() < 0.6:
            return self.local(type_)
        n = draw.choice((0, 1, -1, 255, 0x7FFF, draw.getrandbits(31)))
        if type_ == "v128":
            return f"(v128.const i64x2 {n} {draw.getrandbits(60)})"
        return f"({type_}.const {n})"

    def about(self, deep: int) -> str:
        """A question about references, or a sum."""
        draw = self.draw
        kind = draw.randrange(7)
        if kind == 0:
            return f"(ref.eq {self.value('eqref', deep - 1)} {self.value('eqref', deep - 1)})"
        if kind == 1:
            return f"(ref.is_null {self.value(draw.choice(('anyref', draw.choice(self.types).name)), deep - 1)})"
        if kind == 2:
            return f"(i31.get_{draw.choice('su')} (ref.i31 {self.value('i32', deep - 1)}))"
        arrays = [type_.name for type_ in self.types if type_.array]
        if kind == 3 and arrays:
            return f"(array.len {self.object(draw.choice(arrays), deep - 1)})"
        if kind == 4:
            return f"(i32.xor {self.value('i32', deep - 1)} {self.value('i32', deep - 1)})"
        return f"(ref.test {self.target()} {self.some_reference(deep - 1)})"

    def target(self) -> str:
        """What is asked for."""
        heap = self.draw.choice(
            [type_.name for type_ in self.types] * 2 + ["any", "eq", "i31", "struct", "array", "none"]
        )
        return f"(ref {self.draw.choice(('', 'null '))}{heap})"

    def some_reference(self, deep: int) -> str:
        """Below any, of a type of its own."""
        return self.value(self.draw.choice(("anyref", "anyref", "eqref", self.draw.choice(self.types).name)), deep)

    def any(self, type_: str, deep: int) -> str:
        draw = self.draw
        kind = draw.randrange(9)
        if deep <= 0 or kind == 0:
            return self.local(type_)
        if kind == 1:
            return f"(ref.i31 {self.value('i32', deep - 1)})"
        if kind == 2 and type_ == "anyref":
            return f"(global.get $g{draw.randrange(self.globals)})"
        if kind == 3 and type_ == "anyref":
            return f"(any.convert_extern {self.value('externref', deep - 1)})"
        if kind == 4:
            got = self.get(type_, deep)
            if got is not None:
                return got
        if kind == 5:
            below = draw.choice(self.types).name
            source = self.value("anyref", deep - 1)
            return (
                f"(block $is (result {type_}) (drop (br_on_cast $is anyref (ref null {below}) {source})) "
                f"{self.value(type_, deep - 1)})"
            )
        return self.value(draw.choice(self.types).name, deep - 1)

    def reference(self, name: str, deep: int) -> str:
        """A reference to a type, which may be null; what is below it is of it, too."""
        draw = self.draw
        below = self.some_below(name)
        kind = draw.randrange(10)
        if deep <= 0 or kind < 3:
            return self.local(below)
        if kind == 3 and draw.random() < 0.3:
            return f"(ref.null {name})"
        if kind == 4:
            if draw.random() < 0.1:
                return f"(ref.cast (ref null {below}) {self.some_reference(deep - 1)})"
            return f"(ref.cast (ref null {name}) {self.local(below)})"
        if kind == 5:
            got = self.get(name, deep)
            if got is not None:
                return got
        if kind == 6:
            source = self.value("anyref", deep - 1)
            return (
                f"(block $no (result (ref null {name})) (block $fails (result anyref) "
                f"(br $no (br_on_cast_fail $fails anyref (ref null {below}) {source}))) "
                f"(drop) {self.local(name)})"
            )
        return self.new(below, deep - 1)

    def object(self, name: str, deep: int) -> str:
        """The same where null would trap: mostly it is looked for."""
        value = self.value(name, deep)
        if self.draw.random() < 0.04:
            return value
        made = f"(array.new_default {name} (i32.const 6))"
        if not self.types[int(name[2:])].array:
            made = f"(struct.new_default {name})"
        return f"(block $there (result (ref {name})) (br_on_non_null $there {value}) {made})"

    def some_below(self, name: str) -> str:
        """It, or a type below it."""
        at = int(name[2:])
        found = [at]
        for place in range(at + 1, len(self.types)):
            if self.types[place].above in found:
                found.append(place)
        return f"$t{self.draw.choice(found)}"

    def new(self, name: str, deep: int) -> str:
        """An object of just this type."""
        draw = self.draw
        type_ = self.types[int(name[2:])]
        if not type_.array:
            if deep <= 0 or draw.random() < 0.2:
                return f"(struct.new_default {name})"
            return f"(struct.new {name} {' '.join(self.value(field.value, deep - 1) for field in type_.fields)})"
        field = type_.fields[0]
        kind = draw.randrange(4)
        if deep <= 0 or kind == 0:
            return f"(array.new_default {name} (i32.const {draw.randrange(3, MOST_LENGTH)}))"
        if kind == 1:
            length = f"(i32.or (i32.const 4) (i32.and {self.value('i32', deep - 1)} (i32.const {MOST_LENGTH})))"
            return f"(array.new {name} {self.value(field.value, deep - 1)} {length})"
        if kind == 2 and field.storage in NUMBERS + PACKED:
            return f"(array.new_data {name} $bytes (i32.const {draw.randrange(4)}) (i32.const {draw.randrange(2, 4)}))"
        values = [self.value(field.value, deep - 1) for _ in range(draw.randrange(3, 6))]
        return f"(array.new_fixed {name} {len(values)} {' '.join(values)})"


# --- what they give -------------------------------------------------------------------------------------
ARGUMENTS: Final = ((0, 0, 0), (1, 2, 3), (-1, 7, 100_000), (5, -9, 3))
_BITS_64: Final = (1 << 64) - 1


def outcomes(instance: Any, program: Generator) -> list[int | str]:
    """What the functions of a program give, one after another in one instance: a number, or the words of a trap."""
    found: list[int | str] = []
    for name in program.exports:
        for arguments in ARGUMENTS:
            try:
                found.append(instance.exports[name](*arguments) & _BITS_64)
            except Trap as trap:
                found.append(trap_kind(str(trap)))
    return found


def outcomes_of_wasmtime(engine: wasmtime.Engine, wasm: bytes, program: Generator) -> list[int | str]:
    """The same in wasmtime."""
    store = wasmtime.Store(engine)
    exports: Any = wasmtime.Instance(store, wasmtime.Module(engine, wasm), []).exports(store)
    found: list[int | str] = []
    for name in program.exports:
        for arguments in ARGUMENTS:
            try:
                found.append(exports[name](store, *arguments) & _BITS_64)
            except wasmtime.Trap as trap:
                found.append(trap_kind(trap.message))
    return found
