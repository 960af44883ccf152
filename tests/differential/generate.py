"""Random WebAssembly programs that are valid, end soon and are deterministic.

The specification's scripts test operators one by one, in functions of a line. What they
leave alone is what a compiler of ours gets wrong: many operands alive at once, operands that
wait while control flow joins, locals written while an older value is still on the stack,
calls in the middle of an expression, arguments that must change places. So these programs
nest: any expression may contain a block, an `if`, a call, a tee.

Deterministic: float arithmetic may give any NaN, so every result that might be one is made
canonical before its bits can be seen. Ends soon: loops count down from a small constant, and a
function calls only functions before it.
"""

from __future__ import annotations

import random
from typing import Final

TYPES: Final = ("i32", "i64", "f32", "f64")
_CONTENTS: Final = "\\01\\23\\45\\67\\89\\ab\\cd\\ef the quick brown fox \\00\\ff\\80\\7f"
INDEX_TYPES: Final = ("i32", "i64")
"""What memories may have for an index."""

_INTEGER_BINARY: Final = (
    *("add", "sub", "mul", "and", "or", "xor", "shl", "shr_s", "shr_u", "rotl", "rotr"),
    *("div_s", "div_u", "rem_s", "rem_u"),
)
_BINARY: Final = {
    "i32": _INTEGER_BINARY,
    "i64": _INTEGER_BINARY,
    "f32": ("add", "sub", "mul", "div", "min", "max", "copysign"),
    "f64": ("add", "sub", "mul", "div", "min", "max", "copysign"),
}  # fmt: skip
_UNARY: Final = {
    "i32": ("clz", "ctz", "popcnt", "extend8_s", "extend16_s"),
    "i64": ("clz", "ctz", "popcnt", "extend8_s", "extend16_s", "extend32_s"),
    "f32": ("abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"),
    "f64": ("abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"),
}
_COMPARISONS: Final = {
    "i32": ("eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"),
    "i64": ("eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"),
    "f32": ("eq", "ne", "lt", "gt", "le", "ge"),
    "f64": ("eq", "ne", "lt", "gt", "le", "ge"),
}
_CONVERSIONS: Final = {
    "i32": (("wrap_i64", "i64"), ("trunc_sat_f32_s", "f32"), ("trunc_sat_f32_u", "f32"), ("trunc_sat_f64_s", "f64"),
            ("trunc_sat_f64_u", "f64"), ("reinterpret_f32", "f32"), ("trunc_f64_s", "f64"), ("trunc_f32_u", "f32")),
    "i64": (("extend_i32_s", "i32"), ("extend_i32_u", "i32"), ("trunc_sat_f32_s", "f32"), ("trunc_sat_f32_u", "f32"),
            ("trunc_sat_f64_s", "f64"), ("trunc_sat_f64_u", "f64"), ("reinterpret_f64", "f64"), ("trunc_f64_u", "f64")),
    "f32": (("convert_i32_s", "i32"), ("convert_i32_u", "i32"), ("convert_i64_s", "i64"), ("convert_i64_u", "i64"),
            ("demote_f64", "f64"), ("reinterpret_i32", "i32")),
    "f64": (("convert_i32_s", "i32"), ("convert_i32_u", "i32"), ("convert_i64_s", "i64"), ("convert_i64_u", "i64"),
            ("promote_f32", "f32"), ("reinterpret_i64", "i64")),
}  # fmt: skip
_LOADS: Final = {
    "i32": ("load", "load8_s", "load8_u", "load16_s", "load16_u"),
    "i64": ("load", "load8_s", "load8_u", "load16_s", "load16_u", "load32_s", "load32_u"),
    "f32": ("load",),
    "f64": ("load",),
}
_STORES: Final = {
    "i32": ("store", "store8", "store16"),
    "i64": ("store", "store8", "store16", "store32"),
    "f32": ("store",),
    "f64": ("store",),
}
_ATOMIC_WIDTHS: Final = {"i32": {"": 4, "8": 1, "16": 2}, "i64": {"": 8, "8": 1, "16": 2, "32": 4}}
"""By type: how the widths of its atomic accesses are written, and their bytes."""
_CHANGES: Final = ("add", "sub", "and", "or", "xor", "xchg", "cmpxchg")
_INTERESTING: Final[dict[str, tuple[int | str, ...]]] = {
    "i32": (0, 1, -1, 2, 3, 5, 7, 8, 10, 31, 32, 255, 256, 65535, 0x7FFFFFFF, -0x80000000, 0x12345678, 1000000007),
    "i64": (
        *(0, 1, -1, 2, 3, 7, 10, 63, 64, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000),
        *(0x7FFFFFFFFFFFFFFF, -0x8000000000000000, 0x123456789ABCDEF),
    ),
    "f32": (
        *("0", "-0", "1", "-1", "0.5", "-1.5", "3.25e8", "inf", "-inf", "nan"),
        *("0x1p-149", "2147483648", "-2147483649"),
    ),
    "f64": (
        *("0", "-0", "1", "-1", "0.5", "-1.5", "3.25e8", "inf", "-inf", "nan"),
        *("0x1p-1074", "4294967296", "9.3e18"),
    ),
}


class Program:
    """One module as text, and the exports to call with their parameter types.

    `text` is the module, `exports` a list of (name, parameter types), `memories` the names of exported memories.
    """

    def __init__(self, seed: int, size: int = 5) -> None:
        """`size` is the depth to which expressions nest."""
        self._random: Final = random.Random(seed)
        self._size: Final = size
        self._functions: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
        self._memories: list[tuple[str, str]] = []  # name, type of the index
        self._shared: set[str] = set()
        for index in range(self._random.choice((1, 1, 1, 2, 3))):
            self._memories.append((f"$memory{index or ''}", self._random.choice(INDEX_TYPES)))
            if self._random.random() < 0.25:
                self._shared.add(self._memories[-1][0])
        self.exports: list[tuple[str, tuple[str, ...]]] = []
        self.memories: list[str] = [name[1:] for name, _ in self._memories]
        bodies = []
        for index in range(self._random.randint(2, 5)):
            bodies.append(self._function(index))
        table = " ".join(f"$f{index}" for index in range(len(self._functions)))
        self.text = "\n".join(
            [
                "(module",
                *(
                    f'  (memory {name} (export "{name[1:]}") {"i64 " if t == "i64" else ""}1 2'
                    f"{' shared' if name in self._shared else ''})"
                    for name, t in self._memories
                ),
                *(f'  (global $g{t} (export "g{t}") (mut {t}) ({t}.const 1))' for t in TYPES),
                *(f"  (type $t{index} (func{_signature(*type_)}))" for index, type_ in enumerate(self._functions)),
                f"  (table {len(self._functions) + 2} funcref)",
                f"  (elem (i32.const 1) {table})",
                *(f'  (data (memory {name}) ({t}.const 0) "{_CONTENTS}")' for name, t in self._memories),
                *bodies,
                ")",
            ]
        )

    def arguments(self, params: tuple[str, ...]) -> list[int | float]:
        """Random arguments for a call."""
        values: list[int | float] = []
        for type_ in params:
            choice = self._random.choice(_INTERESTING[type_])
            values.append(choice if isinstance(choice, int) else _float(choice))
        return values

    # --- functions ------------------------------------------------------------------------
    def _function(self, index: int) -> str:
        draw = self._random
        params = tuple(draw.choice(TYPES) for _ in range(draw.choice((0, 1, 2, 3, 5, 9, 12, 25))))
        results = tuple(draw.choice(TYPES) for _ in range(draw.choice((0, 1, 1, 1, 2, 3))))
        locals_ = tuple(draw.choice(TYPES) for _ in range(draw.choice((0, 2, 5, 14))))
        self._locals = [(f"$p{i}", t) for i, t in enumerate(params)] + [(f"$l{i}", t) for i, t in enumerate(locals_)]
        self._counters = 0
        self._callable = index
        self._labels: list[tuple[str, tuple[str, ...]]] = []
        self._loop_depth = 0
        self._results = results
        statements = [self._statement(self._size - 1) for _ in range(draw.randint(1, 4))]
        tail_call = self._tail_call(self._size) if draw.random() < 0.3 else ""
        values = [tail_call] if tail_call else [self._expression(t, self._size) for t in results]
        counters = "".join(f" (local $c{i} i32)" for i in range(self._counters))
        head = (
            f'  (func $f{index} (export "f{index}")'
            + "".join(f" (param $p{i} {t})" for i, t in enumerate(params))
            + "".join(f" (result {t})" for t in results)
            + "".join(f" (local $l{i} {t})" for i, t in enumerate(locals_))
            + counters
            + " (local $nan32 f32) (local $nan64 f64)"
        )
        self._functions.append((params, results))
        self.exports.append((f"f{index}", params))
        return "\n    ".join([head, *statements, *values]) + ")"

    # --- expressions ----------------------------------------------------------------------
    def _expression(self, type_: str, depth: int) -> str:
        draw = self._random
        if depth <= 0:
            return self._leaf(type_)
        kind = draw.choices(
            (
                "leaf",
                "binary",
                "unary",
                "compare",
                "convert",
                "load",
                "block",
                "if",
                "select",
                "tee",
                "call",
                "grow",
                "loop",
                "atomic",
            ),
            (2, 8, 2, 3, 2, 3, 2, 2, 2, 3, 2, 1, 1, 1),
        )[0]
        if kind == "binary":
            operator = draw.choice(_BINARY[type_])
            right = self._expression(type_, depth - 1)
            if operator.startswith(("div", "rem")) and type_[0] == "i" and draw.random() < 0.95:
                right = f"({type_}.or {right} ({type_}.const 6))"  # seldom zero, so that programs go on
            return self._canonical(type_, f"({type_}.{operator} {self._expression(type_, depth - 1)} {right})")
        if kind == "unary":
            return self._canonical(
                type_, f"({type_}.{draw.choice(_UNARY[type_])} {self._expression(type_, depth - 1)})"
            )
        if kind == "compare" and type_ == "i32":
            of = draw.choice(TYPES)
            if draw.random() < 0.2:
                return f"(i32.eqz {self._expression('i32', depth - 1)})"
            left, right = self._expression(of, depth - 1), self._expression(of, depth - 1)
            return f"({of}.{draw.choice(_COMPARISONS[of])} {left} {right})"
        if kind == "convert":
            name, source = draw.choice(_CONVERSIONS[type_])
            return self._canonical(type_, f"({type_}.{name} {self._expression(source, depth - 1)})")
        if kind == "load":
            name, index_type = draw.choice(self._memories)
            place = f"{name} {self._offset()} {self._address(index_type, depth - 1)}"
            return self._canonical(type_, f"({type_}.{draw.choice(_LOADS[type_])} {place})")
        if kind == "block":
            return self._block(type_, depth)
        if kind == "if":
            return (
                f"(if (result {type_}) {self._expression('i32', depth - 1)} "
                f"(then {self._statements(depth - 2)} {self._expression(type_, depth - 1)}) "
                f"(else {self._statements(depth - 2)} {self._expression(type_, depth - 1)}))"
            )
        if kind == "select":
            chosen, otherwise = self._expression(type_, depth - 1), self._expression(type_, depth - 1)
            return f"(select {chosen} {otherwise} {self._expression('i32', depth - 1)})"
        if kind == "tee":
            names = [name for name, t in self._locals if t == type_]
            if names:
                return f"(local.tee {draw.choice(names)} {self._expression(type_, depth - 1)})"
        if kind == "call":
            call = self._call(type_, depth)
            if call:
                return call
        if kind == "grow":
            names = [name for name, t in self._memories if t == type_]
            if names:
                return draw.choice(("(memory.size {})", f"(memory.grow {{}} ({type_}.const 0))")).format(
                    draw.choice(names)
                )
        if kind == "loop" and depth > 1 and self._loop_depth < 2:
            return self._loop(type_, depth)
        if kind == "atomic" and type_ in _ATOMIC_WIDTHS:
            return self._atomic(type_, depth)
        return self._leaf(type_)

    def _leaf(self, type_: str) -> str:
        draw = self._random
        names = [name for name, t in self._locals if t == type_]
        if names and draw.random() < 0.6:
            return f"(local.get {draw.choice(names)})"
        if draw.random() < 0.25:
            return f"(global.get $g{type_})"
        return f"({type_}.const {draw.choice(_INTERESTING[type_])})"

    def _canonical(self, type_: str, text: str) -> str:
        """A float that may be some NaN becomes the one."""
        if type_ not in ("f32", "f64"):
            return text
        name = "$nan32" if type_ == "f32" else "$nan64"
        return (
            f"(select ({type_}.const nan) (local.tee {name} {text}) ({type_}.ne (local.get {name}) (local.get {name})))"
        )

    def _offset(self) -> str:
        return self._random.choice(("", "", "offset=1", "offset=8", "offset=1000", "offset=4097"))

    def _address(self, type_: str, depth: int) -> str:
        """Nearly always inside of the memory, now and then at its end."""
        if self._random.random() < 0.01:
            return self._expression(type_, depth)
        mask = self._random.choices((0xFF, 0xFFF, 0xFFFF), (10, 10, 1))[0]
        return f"({type_}.and {self._expression(type_, depth)} ({type_}.const {mask}))"

    def _aligned(self, depth: int, size: int, memory: tuple[str, str]) -> str:
        """The immediates and the address of an atomic access: nearly always aligned and inside of the memory."""
        draw = self._random
        name, type_ = memory
        if draw.random() < 0.01:
            return f"{name} {self._offset()} {self._address(type_, depth)}"
        mask = draw.choice((0xFF, 0xFFF)) & -size
        offset = draw.choice(("", "", "offset=8", "offset=1000", "offset=4096"))
        return f"{name} {offset} ({type_}.and {self._expression(type_, depth)} ({type_}.const {mask}))"

    def _atomic(self, type_: str, depth: int) -> str:
        """An atomic access with a result: one that reads or changes, or one that wakes or would wait."""
        draw = self._random
        memory = draw.choice(self._memories)
        width, size = draw.choice(list(_ATOMIC_WIDTHS[type_].items()))
        sign = "_u" if width else ""
        kind = draw.randrange(12)
        if kind < 3:
            return f"({type_}.atomic.load{width}{sign} {self._aligned(depth - 1, size, memory)})"
        if kind == 3 and type_ == "i32":
            notified = f"memory.atomic.notify {self._aligned(depth - 1, 4, memory)}"
            return f"({notified} {self._expression('i32', depth - 1)})"
        if kind == 4 and type_ == "i32" and (memory[0] in self._shared or draw.random() < 0.03):
            bits, of = draw.choice(((32, "i32"), (64, "i64")))
            expected = f"{self._aligned(depth - 1, bits // 8, memory)} {self._expression(of, depth - 1)}"
            return f"(memory.atomic.wait{bits} {expected} (i64.const {draw.choice((0, 1))}))"
        change = draw.choice(_CHANGES)
        operands = " ".join(self._expression(type_, depth - 1) for _ in range(2 if change == "cmpxchg" else 1))
        return f"({type_}.atomic.rmw{width}.{change}{sign} {self._aligned(depth - 1, size, memory)} {operands})"

    def _block(self, type_: str, depth: int) -> str:
        label = f"$b{len(self._labels)}"
        self._labels.append((label, (type_,)))
        body = self._statements(depth - 1)
        value = self._expression(type_, depth - 1)
        if self._random.random() < 0.5:
            early = f"(drop (br_if {label} {self._expression(type_, depth - 2)} {self._expression('i32', depth - 2)}))"
            body = f"{body} {early}"
        if self._random.random() < 0.2:
            targets = " ".join(label for _ in range(self._random.randint(1, 7)))
            value = f"(br_table {targets} {label} {value} {self._expression('i32', depth - 2)})"
        self._labels.pop()
        return f"(block {label} (result {type_}) {body} {value})"

    def _loop(self, type_: str, depth: int) -> str:
        """A loop that takes operands: each time round others, above one that stays behind in the end."""
        draw = self._random
        counter = f"$c{self._counters}"
        label = f"$operands{self._counters}"
        self._counters += 1
        params = [draw.choice(TYPES) for _ in range(draw.randint(1, 3))]
        first = " ".join(self._expression(t, depth - 2) for t in params)
        taken = []
        for t in reversed(params):
            names = [name for name, of in self._locals if of == t]
            taken.append(f"local.set {draw.choice(names)}" if names else "drop")
        self._loop_depth += 1
        body = self._statements(depth - 1)
        kept = self._expression(type_, depth - 2)
        again = " ".join(self._expression(t, depth - 2) for t in params)
        self._loop_depth -= 1
        left = f"(local.tee {counter} (i32.sub (local.get {counter}) (i32.const 1)))"
        return (
            f"(local.set {counter} (i32.const {draw.randint(1, 4)})) {first} "
            f"(loop {label} (param {' '.join(params)}) (result {type_}) {' '.join(taken)} {body} {kept} {again} "
            f"(br_if {label} {left}) {'drop ' * len(params)})"
        )

    def _call(self, type_: str, depth: int) -> str:
        if self._loop_depth > 1:
            return ""
        choices = [i for i in range(self._callable) if self._functions[i][1] == (type_,)]
        if not choices:
            return ""
        index = self._random.choice(choices)
        params = self._functions[index][0]
        arguments = " ".join(self._expression(t, max(0, depth - 3)) for t in params)
        if self._random.random() < 0.4:
            signature = _signature(params, (type_,))
            if self._random.random() < 0.4:
                return f"(call_ref $t{index} {arguments} {self._reference(index)})"
            return f"(call_indirect{signature} {arguments} (i32.const {index + 1}))"
        return f"(call $f{index} {arguments})"

    def _reference(self, index: int) -> str:
        """A reference to a function before this one; now and then it has gone through what asks whether it is null."""
        draw = self._random
        function = f"(ref.func $f{index})"
        kind = draw.randrange(4)
        if kind == 0:
            return f"(ref.as_non_null {function})"
        if kind == 1:
            return f"(block $known (result (ref $t{index})) (br_on_non_null $known {function}) unreachable)"
        if kind == 2:
            condition = f"(i32.const {draw.randint(0, 1)})"
            return f"(select (result (ref null $t{index})) {function} {function} {condition})"
        return function

    def _tail_call(self, depth: int) -> str:
        """In place of this function, of one before it with the same results; nothing if there is none."""
        draw = self._random
        choices = [index for index in range(self._callable) if self._functions[index][1] == self._results]
        if not choices:
            return ""
        index = draw.choice(choices)
        params = self._functions[index][0]
        arguments = " ".join(self._expression(t, max(0, depth - 3)) for t in params)
        if draw.random() < 0.5:
            return f"(return_call $f{index} {arguments})"
        signature = _signature(params, self._results)
        if draw.random() < 0.4:
            return f"(return_call_ref $t{index} {arguments} {self._reference(index)})"
        place = f"(i32.const {index + 1})"
        if draw.random() < 0.1:  # another one before it, none, or beyond the table
            place = f"(i32.const {draw.choice((0, 1000, draw.randrange(self._callable) + 1))})"
        return f"(return_call_indirect{signature} {arguments} {place})"

    # --- statements -----------------------------------------------------------------------
    def _statements(self, depth: int) -> str:
        if depth <= 0:
            return ""
        return " ".join(self._statement(depth) for _ in range(self._random.randint(0, 2)))

    def _statement(self, depth: int) -> str:
        draw = self._random
        kind = draw.choices(
            ("set", "global", "store", "if", "loop", "block", "table", "bulk", "call", "return"),
            (6, 2, 4, 2, 2, 1, 1, 1, 2, 0.6),
        )[0]
        if kind == "set" and self._locals:
            name, type_ = draw.choice(self._locals)
            return f"(local.set {name} {self._expression(type_, depth)})"
        if kind == "store" and draw.random() < 0.15:
            type_ = draw.choice(tuple(_ATOMIC_WIDTHS))
            width, size = draw.choice(list(_ATOMIC_WIDTHS[type_].items()))
            place = self._aligned(depth - 1, size, draw.choice(self._memories))
            fence = draw.choice(("", "", "(atomic.fence) "))
            return f"{fence}({type_}.atomic.store{width} {place} {self._expression(type_, depth)})"
        if kind == "store":
            type_ = draw.choice(TYPES)
            name, index_type = draw.choice(self._memories)
            address, value = self._address(index_type, depth - 1), self._expression(type_, depth)
            return f"({type_}.{draw.choice(_STORES[type_])} {name} {self._offset()} {address} {value})"
        if kind == "if" and depth > 0:
            arms = f"(then {self._statements(depth - 1)})"
            if draw.random() < 0.5:
                arms += f" (else {self._statements(depth - 1)})"
            return f"(if {self._expression('i32', depth - 1)} {arms})"
        if kind == "loop" and depth > 1 and self._loop_depth < 2:
            counter = f"$c{self._counters}"
            self._counters += 1
            self._loop_depth += 1
            body = self._statements(depth - 1)
            self._loop_depth -= 1
            return (
                f"(local.set {counter} (i32.const {draw.randint(1, 6)})) (loop $loop{counter[2:]} {body} "
                f"(br_if $loop{counter[2:]} (local.tee {counter} (i32.sub (local.get {counter}) (i32.const 1)))))"
            )
        if kind == "block" and depth > 0:
            label = f"$s{len(self._labels)}"
            self._labels.append((label, ()))
            leave = f"(br_if {label} {self._expression('i32', depth - 1)})"
            text = f"(block {label} {self._statements(depth - 1)} {leave} {self._statements(depth - 1)})"
            self._labels.pop()
            return text
        if kind == "table" and depth > 0:
            count = draw.randint(1, 8)
            labels = [f"$t{len(self._labels)}_{i}" for i in range(count)]
            inner = f"(br_table {' '.join(labels)} {self._expression('i32', depth - 1)})"
            for label in labels:
                inner = f"(block {label} {inner}) {self._statements(depth - 2)}"
            return f"(block {inner})"
        if kind == "bulk":
            name, index_type = draw.choice(self._memories)
            source, source_type = draw.choice(self._memories)
            fills = draw.random() < 0.5
            count = index_type if fills or source_type == index_type else "i32"
            size = f"({count}.and {self._expression(count, depth - 1)} ({count}.const 63))"
            to = self._address(index_type, 1)
            if fills:
                return f"(memory.fill {name} {to} {self._expression('i32', depth - 1)} {size})"
            return f"(memory.copy {name} {source} {to} {self._address(source_type, 1)} {size})"
        if kind == "call" and self._callable and self._loop_depth < 2:
            index = draw.randrange(self._callable)
            params, results = self._functions[index]
            arguments = " ".join(self._expression(t, max(0, depth - 2)) for t in params)
            drops = "".join(f" (global.set $g{t})" if t in ("i32", "i64") else " drop" for t in reversed(results))
            return f"(call $f{index} {arguments}){drops}"
        if kind == "return" and depth > 1:
            tail_call = self._tail_call(depth - 1) if draw.random() < 0.5 else ""
            if tail_call:
                return f"(if {self._expression('i32', depth - 1)} (then {tail_call}))"
            values = " ".join(self._expression(t, depth - 2) for t in self._results)
            return f"(if {self._expression('i32', depth - 1)} (then (return {values})))"
        type_ = draw.choice(TYPES)
        return f"(global.set $g{type_} {self._expression(type_, depth)})"


def _float(text: str) -> float:
    return float.fromhex(text) if "0x" in text else float(text)


def _signature(params: tuple[str, ...], results: tuple[str, ...]) -> str:
    """`` (param i32) (result f64)``."""
    return "".join(f" (param {t})" for t in params) + "".join(f" (result {t})" for t in results)
