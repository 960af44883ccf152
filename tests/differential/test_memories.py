"""Several memories, of each index type: every operator reaches the memory that it names, and nothing beyond its end.

What is expected is worked out on bytes of Python's. The memories have different lengths and contents, so an access
that goes to another one is seen.
"""

from __future__ import annotations

import itertools
from typing import Any, Final, NamedTuple

import pytest

from tests.differential.variants import VARIANTS
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.middleware.metering import Metering, get_points_used, set_points_used
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.wasm.types import PAGE_BYTES

MEMORIES: Final = (("i32", 1, 2), ("i64", 2, 3), ("i32", 2, 3), ("i64", 0, 1), ("i32", 0, 1))
"""Index type, pages at first and at most."""
OFFSETS: Final = {
    "i32": (0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF0, 0xFFFF_FFFF),
    "i64": (
        *(0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, (1 << 48) - 1, 1 << 48),
        *((1 << 63) - 1, 1 << 63, (1 << 64) - 16, (1 << 64) - 1),
    ),
}


class Access(NamedTuple):
    """Operators of one size.

    Attributes:
        load, store: to and from an i64; ``{m}`` stands for memory and offset, ``{p}`` for the address.
        size: bytes.
    """

    load: str
    store: str
    size: int


ACCESSES: Final = (
    Access("(i64.load8_u {m} {p})", "(i64.store8 {m} {p} (local.get 1))", 1),
    Access("(i64.extend_i32_u (i32.load16_u {m} {p}))", "(i32.store16 {m} {p} (i32.wrap_i64 (local.get 1)))", 2),
    Access(
        "(i64.extend_i32_u (i32.load {m} {p}))",
        "(f32.store {m} {p} (f32.reinterpret_i32 (i32.wrap_i64 (local.get 1))))",
        4,
    ),
    Access("(i64.load {m} {p})", "(i64.store {m} {p} (local.get 1))", 8),
    Access("(i64.add (i64.const 0) (i64.load {m} {p}))", "(f64.store {m} {p} (f64.reinterpret_i64 (local.get 1)))", 8),
    Access("(i64x2.extract_lane 1 (v128.load {m} {p}))", "(v128.store {m} {p} (i64x2.splat (local.get 1)))", 16),
    Access(
        "(i64.extend_i32_u (i16x8.extract_lane_u 3 (v128.load16_splat {m} {p})))",
        "(v128.store16_lane {m} 5 {p} (i64x2.splat (i64.rotl (local.get 1) (i64.const 48))))",
        2,
    ),
    Access(
        "(i64x2.extract_lane 1 (v128.load64_lane {m} 1 {p} (v128.const i64x2 0 0)))",
        "(v128.store64_lane {m} 0 {p} (i64x2.splat (local.get 1)))",
        8,
    ),
)


def text_of(memories: tuple[tuple[str, int, int], ...]) -> str:
    """A module with functions for each operator, memory and offset."""
    fields = [
        f'(memory (export "m{n}") {"i64 " * (t == "i64")}{least} {most})' for n, (t, least, most) in enumerate(memories)
    ]
    for memory, (index_type, _, _) in enumerate(memories):
        for number, access in enumerate(ACCESSES):
            for offset in OFFSETS[index_type]:
                name = f"{memory} {number} {offset}"
                where = {"m": f"{memory} offset={offset}", "p": "(local.get 0)"}
                load, store = access.load.format(**where), access.store.format(**where)
                fields.append(f'(func (export "load {name}") (param {index_type}) (result i64) {load})')
                fields.append(f'(func (export "store {name}") (param {index_type} i64) {store})')
        fields.append(f'(func (export "size {memory}") (result {index_type}) (memory.size {memory}))')
        fields.append(
            f'(func (export "grow {memory}") (param {index_type}) (result {index_type}) '
            f"(memory.grow {memory} (local.get 0)))"
        )
        fields.append(
            f'(func (export "fill {memory}") (param {index_type} i32 {index_type}) '
            f"(memory.fill {memory} (local.get 0) (local.get 1) (local.get 2)))"
        )
        fields.append(
            f'(func (export "init {memory}") (param {index_type} i32 i32) '
            f"(memory.init {memory} $data (local.get 0) (local.get 1) (local.get 2)))"
        )
        for source, (source_type, _, _) in enumerate(memories):
            count = index_type if index_type == source_type else "i32"
            fields.append(
                f'(func (export "copy {memory} {source}") (param {index_type} {source_type} {count}) '
                f"(memory.copy {memory} {source} (local.get 0) (local.get 1) (local.get 2)))"
            )
    return f'(module {" ".join(fields)} (data $data "0123456789"))'


def bits(index_type: str) -> int:
    return int(index_type[1:])


def places(index_type: str, offset: int, size: int, length: int) -> list[int]:
    """Indices where the sum of index, offset and size passes the length, or a power of two."""
    most = 1 << bits(index_type)
    edges = {0, length, 1 << 31, 1 << 32, (1 << 32) + length}
    if index_type == "i64":
        edges |= {1 << 47, 1 << 48, 1 << 63, most - length, most - (1 << 32)}
    found = {
        (edge - taken + step) % most
        for edge in edges
        for taken in (0, offset, size, offset + size)
        for step in (-1, 0, 1)
    }
    return sorted(found)


def contents(number: int, length: int) -> bytes:
    return bytes((at * (number + 3) + at // 256 + number) & 0xFF for at in range(256 * 3)) * (length // (256 * 3) + 1)


class Model:
    """An instance and what its memories should hold."""

    def __init__(self, variant: str, memories: tuple[tuple[str, int, int], ...]) -> None:
        compiler, config = VARIANTS[variant]()
        self.memories = memories
        self.exports: Any = compile_with(text_of(memories), compiler, config).instantiate({}).exports
        self.expected = [
            bytearray(contents(n, least * PAGE_BYTES)[: least * PAGE_BYTES]) for n, (_, least, _) in enumerate(memories)
        ]
        for number, expected in enumerate(self.expected):
            self.memory(number).write(0, bytes(expected))

    def memory(self, number: int) -> Any:
        return self.exports[f"m{number}"]

    def call(self, name: str, *arguments: int) -> int | None:
        """The result; None for a trap."""
        try:
            result = self.exports[name](*arguments)
        except Trap as trap:
            assert trap.kind == "MEMORY_OUT_OF_BOUNDS", (name, arguments)
            return None
        return 0 if result is None else int(result)

    def check(self) -> None:
        """All memories are as expected."""
        for number, expected in enumerate(self.expected):
            assert bytes(memoryview(self.memory(number))) == expected, f"memory {number}"


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("memories", (MEMORIES, (("i64", 1, 2),)), ids=("several", "one of 64 bits"))
def test_accesses(variant: str, memories: tuple[tuple[str, int, int], ...]) -> None:
    model = Model(variant, memories)
    value = 0x8182_8384_8586_8788
    for memory, (index_type, _, _) in enumerate(memories):
        expected = model.expected[memory]
        for (number, access), offset in itertools.product(enumerate(ACCESSES), OFFSETS[index_type]):
            name = f"{memory} {number} {offset}"
            for index in places(index_type, offset, access.size, len(expected)):
                at = index + offset
                loaded = model.call(f"load {name}", index)
                if at + access.size > len(expected):
                    assert loaded is None, (name, index)
                    assert model.call(f"store {name}", index, value) is None, (name, index)
                    continue
                part = bytes(expected[at : at + access.size])
                wanted = part[8:16] if access.size == 16 else part
                assert loaded is not None and loaded & (1 << 8 * len(wanted)) - 1 == int.from_bytes(wanted, "little")
                assert model.call(f"store {name}", index, value) == 0
                written = (value & (1 << 8 * min(8, access.size)) - 1).to_bytes(min(8, access.size), "little")
                if number == 6:
                    written = ((value << 48 | value >> 16) >> 16 & 0xFFFF).to_bytes(2, "little")
                expected[at : at + access.size] = written * (2 if access.size == 16 else 1)
    model.check()


@pytest.mark.parametrize(
    "variant", ("singlepass", "singlepass, bounds checks", "cranelift", "llvm", "llvm, bounds checks")
)
def test_operators_of_whole_memories(variant: str) -> None:
    model = Model(variant, MEMORIES)
    expected = model.expected
    for memory, (index_type, least, most) in enumerate(MEMORIES):
        assert model.call(f"size {memory}") == least
        for delta in (most - least + 1, 1 << 31, (1 << bits(index_type)) - 1):
            assert model.call(f"grow {memory}", delta) == -1, (memory, delta)
        assert model.call(f"grow {memory}", most - least) == least
        expected[memory] += bytes((most - least) * PAGE_BYTES)
        assert model.call(f"size {memory}") == most and model.memory(memory).pages == most
        length = len(expected[memory])
        top = 1 << bits(index_type)
        for at, count in (
            (5, 70),
            (length - 3, 3),
            (length, 0),
            (length - 3, 4),
            (length + 1, 0),
            (top - 1, 2),
            (top - length, length),
        ):
            fits = at + count <= length
            assert model.call(f"fill {memory}", at, 0x1A5, count) == (0 if fits else None), (memory, at, count)
            if fits:
                expected[memory][at : at + count] = bytes((0xA5,)) * count
        for at, source, count in (
            (9, 2, 5),
            (length - 2, 0, 3),
            (length - 3, 7, 3),
            (length - 3, 8, 3),
            (top - 1, 0, 1),
            (3, 10, 0),
            (3, 11, 0),
        ):
            fits = at + count <= length and source + count <= 10
            assert model.call(f"init {memory}", at, source, count) == (0 if fits else None), (memory, at, source, count)
            if fits:
                expected[memory][at : at + count] = b"0123456789"[source : source + count]
    for (to, (to_type, _, _)), (source, (source_type, _, _)) in itertools.product(
        enumerate(MEMORIES), enumerate(MEMORIES)
    ):
        ends = len(expected[to]), len(expected[source])
        tops = 1 << bits(to_type), 1 << bits(source_type)
        for at, of, count in (
            (10, 50, 100),
            (50, 10, 100),
            (ends[0] - 8, 0, 8),
            (0, ends[1] - 8, 8),
            (0, 0, min(ends)),
            (ends[0], ends[1], 0),
            (ends[0] - 8, 0, 9),
            (0, ends[1] - 8, 9),
            (0, 0, min(ends) + 1),
            (tops[0] - 4, 0, 8),
            (0, tops[1] - 4, 8),
            (tops[0] - 4, tops[1] - 4, 4),
            (1, 1, (1 << 32) - 1),
        ):
            fits = at + count <= ends[0] and of + count <= ends[1]
            assert model.call(f"copy {to} {source}", at, of, count) == (0 if fits else None), (
                to,
                source,
                at,
                of,
                count,
            )
            if fits:
                expected[to][at : at + count] = bytes(expected[source][of : of + count])
    model.check()


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_memory_by_two_names(variant: str) -> None:
    """What is written by one index is read by the other: nothing is kept because the indices differ."""
    compiler, config = VARIANTS[variant]()
    maker = compile_with('(module (memory (export "m") 1 4))', compiler, config).instantiate({})
    module = compile_with(
        """(module (import "a" "m" (memory $a 1)) (import "a" "m" (memory $b 1))
        (func (export "f") (param $at i32) (param $value i32) (result i32)
            (i32.store $a (local.get $at) (i32.const 5))
            (i32.store $b (local.get $at) (local.get $value))
            (i32.add (i32.load $a (local.get $at)) (i32.mul (i32.const 1000) (i32.load $b (local.get $at)))))
        (func (export "loop") (param $count i32) (result i32) (local $sum i32)
            (loop
                (i32.store $a (i32.const 64) (local.get $count))
                (i32.store $b offset=60 (i32.const 4) (i32.mul (i32.load $b (i32.const 64)) (i32.const 2)))
                (local.set $sum (i32.add (local.get $sum) (i32.load $a (i32.const 64))))
                (br_if 0 (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
            (local.get $sum))
        (func (export "grown") (result i32)
            (drop (i32.load $b (i32.const 0)))
            (drop (memory.grow $a (i32.const 1)))
            (i32.store $b (i32.const 65536) (i32.const 7))
            (i32.add (i32.load $a (i32.const 65536)) (memory.size $b))))""",
        compiler,
        config,
    )
    exports: Any = module.instantiate({"a": maker}).exports
    assert exports.f(16, 7) == 7007
    assert exports.loop(100) == 2 * sum(range(1, 101))
    assert exports.grown() == 9 and maker.exports["m"].pages == 2


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_the_second_memory_is_used(variant: str) -> None:
    """A function that touches no other memory, calls nothing and has many locals, in loops."""
    compiler, config = VARIANTS[variant]()
    locals_ = 20
    adds = " ".join(
        f"(local.set $l{n} (i64.add (local.get $l{n}) (i64.load8_u $b offset={n} (local.get $at))))"
        for n in range(locals_)
    )
    total = (
        "".join("(i64.add " for _ in range(locals_))
        + "(i64.const 0)"
        + "".join(f" (local.get $l{n}))" for n in range(locals_))
    )
    module = compile_with(
        f"""(module (memory $a 0) (memory $b (export "b") 1)
        (func (export "f") (param $at i32) (result i64) {" ".join(f"(local $l{n} i64)" for n in range(locals_))}
            (loop {adds}
                (i64.store16 $b (i32.const 60000) (local.get $l0))
                (br_if 0 (local.tee $at (i32.sub (local.get $at) (i32.const 1)))))
            {total}))""",
        compiler,
        config,
    )
    exports: Any = module.instantiate({}).exports
    data = bytes(at * 7 & 0xFF for at in range(2000))
    exports.b.write(0, data)
    assert exports.f(1000) == sum(data[at + n] for at in range(1, 1001) for n in range(locals_))
    with pytest.raises(Trap, match="out of bounds memory access"):
        exports.f(65530)


WIDE_TABLES: Final = """
(module
  (type $t (func (result i32))) (type $other (func (param i32)))
  (table $t (export "t") i64 4 8 funcref) (table $n (export "n") 6 6 funcref) (table $e (export "e") i64 3 5 externref)
  (elem (table $t) (i64.const 1) func $one $two) (elem $items func $two $one $two)
  (elem (table $n) (i32.const 0) func $two $wrong)
  (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2)) (func $wrong (param i32))
  (func (export "call") (param i64) (result i32) (call_indirect $t (type $t) (local.get 0)))
  (func (export "is null") (param i64) (result i32) (ref.is_null (table.get $t (local.get 0))))
  (func (export "clear") (param i64) (table.set $t (local.get 0) (ref.null func)))
  (func (export "size") (result i64) (table.size $t))
  (func (export "grow") (param i64) (result i64) (table.grow $t (ref.func $one) (local.get 0)))
  (func (export "fill") (param i64 externref i64) (table.fill $e (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init") (param i64 i32 i32) (table.init $t $items (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param i64 i64 i64) (table.copy $t $t (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy from") (param i64 i32 i32) (table.copy $t $n (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy to") (param i32 i64 i32) (table.copy $n $t (local.get 0) (local.get 1) (local.get 2))))
"""
BEYOND: Final = (1 << 31, 1 << 32, (1 << 32) + 1, 1 << 61, (1 << 61) + 1, 1 << 63, (1 << 64) - 1)
"""Indices; times 8 some of them would be in bounds."""


def trap_of(function: Any, *arguments: Any) -> str:
    with pytest.raises(Trap) as caught:
        function(*arguments)
    return caught.value.kind


@pytest.mark.parametrize("variant", VARIANTS)
def test_tables_with_64_bit_indices(variant: str) -> None:
    compiler, config = VARIANTS[variant]()
    exports: Any = compile_with(WIDE_TABLES, compiler, config).instantiate({}).exports
    assert exports.call(1) == 1 and exports.call(2) == 2
    assert trap_of(exports.call, 0) == "UNINITIALIZED_ELEMENT"
    for index in (4, *BEYOND):
        assert trap_of(exports.call, index) == "UNDEFINED_ELEMENT", index
        for name in ("is null", "clear"):
            assert trap_of(exports[name], index) == "TABLE_OUT_OF_BOUNDS", (name, index)
        for name, arguments in (
            ("fill", (index, None, 1)),
            ("fill", (0, None, index)),
            ("init", (index, 0, 1)),
            ("copy", (index, 0, 1)),
            ("copy", (0, index, 1)),
            ("copy", (0, 0, max(index, 5))),
            ("copy from", (index, 0, 1)),
            ("copy to", (0, index, 1)),
        ):
            assert trap_of(exports[name], *arguments) == "TABLE_OUT_OF_BOUNDS", (name, arguments)
        assert exports.grow(max(index, 5)) == -1
    assert exports["is null"](3) == 1 and exports["is null"](2) == 0
    exports.init(0, 1, 2)
    assert [exports.call(at) for at in range(3)] == [1, 2, 2]
    exports.copy(1, 0, 2)
    assert [exports.call(at) for at in range(3)] == [1, 1, 2]
    exports["copy from"](2, 0, 2)
    assert exports.call(2) == 2 and trap_of(exports.call, 3) == "INDIRECT_CALL_TYPE_MISMATCH"
    exports["copy to"](3, 0, 3)
    assert [element() for element in list(exports.n)[3:]] == [1, 1, 2]
    exports.clear(0)
    assert trap_of(exports.call, 0) == "UNINITIALIZED_ELEMENT"
    assert exports.grow(4) == 4 and exports.size() == 8 and exports.call(7) == 1 and exports.grow(1) == -1
    exports.fill(1, "x", 2)
    assert list(exports.e) == [None, "x", "x"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_sizes_of_64_bits_are_paid_for(variant: str) -> None:
    compiler, config = VARIANTS[variant]()
    text = """(module (memory $m i64 1 2) (memory $n 1) (table $t i64 4 8 externref)
        (func (export "fill") (param i64) (memory.fill $m (i64.const 0) (i32.const 7) (local.get 0)))
        (func (export "copy") (param i32) (memory.copy $n $m (i32.const 0) (i64.const 0) (local.get 0)))
        (func (export "grow") (param i64) (result i64) (memory.grow $m (local.get 0)))
        (func (export "grow table") (param i64) (result i64) (table.grow $t (ref.null extern) (local.get 0))))"""
    module = compile_with(text, compiler, config._replace(middlewares=(Metering(10**6),)))
    instance = module.instantiate({})
    exports: Any = instance.exports

    def points(name: str, argument: int) -> int:
        set_points_used(instance, 0)
        exports[name](argument)
        return get_points_used(instance)

    assert points("fill", 16_000) - points("fill", 0) == 1000
    assert points("copy", 16_000) - points("copy", 0) == 1000
    assert points("grow", 100) - points("grow", 0) == 6400
    assert points("grow table", 100) - points("grow table", 0) == 100
    for size in (1 << 33, 1 << 47, 1 << 58, (1 << 64) - (1 << 20), (1 << 64) - 1):
        for name in ("fill", "grow", "grow table"):
            set_points_used(instance, 999_000)
            assert trap_of(exports[name], size) == "EXECUTION_LIMIT_EXCEEDED", (name, size)
            assert get_points_used(instance) > 10**6, "nothing comes round"
