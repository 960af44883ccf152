"""Points where they are put for speed are the points of the definition: on random programs, traps included."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence

import pytest

from tests.backends import BACKENDS, compiler_or_skip
from tests.differential.generate import Program
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.middleware import BodyEditor, Metering, edit_bodies, get_points_used, set_points_used
from wasmer_runtime_core.compiling.middleware.metering import use_points_of
from wasmer_runtime_core.compiling.pipeline import read_module
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import ExecutionLimitExceeded, Trap
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.body.text import Record
from wasmer_runtime_core.wasm.module import ModuleInfo
from wasmer_runtime_core.wasm.types import I64, V128

BOUNDARIES = frozenset(
    "loop block end if else unreachable br br_table br_if br_on_null br_on_non_null return".split()
    + "call call_indirect call_ref return_call return_call_indirect return_call_ref".split()
)
SHIFTS = {"memory.fill": (0, 4), "memory.copy": (0, 4), "memory.grow": (6, 0)}
PROGRAMS = 60


def by_definition(info: ModuleInfo, bodies: Sequence[Body]) -> list[Body]:
    """In front of each boundary, and nowhere else; what grows with a size, in front of the operator."""
    counts: dict[int, int] = {}

    def visit(editor: BodyEditor, record: Record) -> None:
        function = editor.function_index
        if function not in counts:
            types = editor.body.local_types[len(info.types[editor.body.type_index].params) :]
            counts[function] = (len(types) + types.count(V128)) // 8
        counts[function] += 1
        if record.mnemonic.startswith("br") or record.mnemonic == "return":
            counts[function] += record.arity // 8
        elif "call" in record.mnemonic:
            type_ = info.types[record.b if record.mnemonic.endswith("call") else record.a]
            counts[function] += (len(type_.params) + len(type_.results)) // 8
        if record.mnemonic in SHIFTS:
            memories = {record.a, record.b} if record.mnemonic == "memory.copy" else {record.a}
            wide = not record.mnemonic.endswith("init") and record.mnemonic.startswith("memory.")
            wide = wide and all(info.memories[memory].index_type == I64 for memory in memories)
            editor.emit("internal.add_points_by_size", *SHIFTS[record.mnemonic], type="i64" if wide else "i32")
        if record.mnemonic in BOUNDARIES:
            editor.emit("internal.add_points", counts[function])
            counts[function] = 0
        editor.copy(record)

    return edit_bodies(info, bodies, visit)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("first", range(0, PROGRAMS, 20))
def test_points(first: int, backend: str) -> None:
    compiler = compiler_or_skip(backend)
    for seed in range(first, first + 20):
        program = Program(seed)
        metered, defined = (
            compile_with(program.text, compiler, CompilerConfig(middlewares=(middleware,))).instantiate({})
            for middleware in (Metering(2**62), by_definition)
        )
        for name, params in program.exports:
            arguments = program.arguments(params)
            for instance in (metered, defined):
                try:
                    instance.exports[name](*arguments)
                except Trap:
                    pass
            assert get_points_used(metered) == get_points_used(defined), (seed, name)
        assert get_points_used(metered) > 0


SIZES = """
(module
  (memory (export "memory") 2 4) (data $bytes "0123456789012345678901234567890123456789")
  (table $t 40 60 externref) (table $f 40 funcref) (elem $elements func $rest $rest $rest $rest $rest $rest $rest)
  (type $wide (func (param i64 i64 i64 i64 i64 i64 i64 i64) (result i32 i32 i32 i32 i32 i32 i32 i32)))
  (func $rest)
  (func $locals (export "locals") (local i32 i32 i32 i32 i32 i32 i32 i32 i64 i64 f32 f64 v128 v128))
  (func (export "vectors") (param v128 v128 v128 v128 v128 v128 v128 v128) (local v128 v128 v128 v128))
  (func (export "few") (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (local i32 i32 i32 i32 i32 i32 i32))
  (func $wide (type $wide) (unreachable))
  (func (export "call") (call $wide (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)
    (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)) (unreachable))
  (func (export "carry") (param i32)
    (block (result i32 i32 i32 i32 i32 i32 i32 i32)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (br_if 0 (local.get 0)) (br 0))
    (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop))
  (func (export "fill") (param i32) (memory.fill (i32.const 0) (i32.const 0) (local.get 0)))
  (func (export "copy") (param i32) (memory.copy (i32.const 0) (i32.const 0) (local.get 0)))
  (func (export "init") (param i32) (memory.init $bytes (i32.const 0) (i32.const 0) (local.get 0)))
  (func (export "grow") (param i32) (drop (memory.grow (local.get 0))))
  (func (export "table.fill") (param i32) (table.fill $t (i32.const 0) (ref.null extern) (local.get 0)))
  (func (export "table.copy") (param i32) (table.copy $t $t (i32.const 0) (i32.const 0) (local.get 0)))
  (func (export "table.init") (param i32) (table.init $f $elements (i32.const 0) (i32.const 0) (local.get 0)))
  (func (export "table.grow") (param i32) (drop (table.grow $t (ref.null extern) (local.get 0))))
  (func (export "constant") (memory.fill (i32.const 0) (i32.const 0) (i32.const 160)))
  (func (export "computed") (param i32)
    (memory.fill (i32.const 0) (i32.const 0) (i32.eqz (i32.eqz (local.get 0))))))
"""
PLAIN = 5  # three operands, the operator, end


@pytest.mark.parametrize("backend", BACKENDS)
def test_numbers_are_paid_for(backend: str) -> None:
    module = compile_with(SIZES, compiler_or_skip(backend), CompilerConfig(middlewares=(Metering(1 << 30),)))
    zeros = [bytes(16)] * 8
    for name, arguments, expected, kind in (
        ("locals", (), 1 + 16 // 8, ""),
        ("vectors", zeros, 1 + 8 // 8, ""),
        ("few", [0] * 9, 1, ""),
        ("call", (), 9 + 16 // 8 + 1, "UNREACHABLE"),  # that of the function called
        ("carry", (0,), 1 + 8 + 2 + 1 + 1 + 1 + 9, ""),
        ("carry", (1,), 1 + 8 + 2 + 1 + 9, ""),
        ("fill", (15,), PLAIN, ""),
        ("fill", (16,), PLAIN + 1, ""),
        ("fill", (65536,), PLAIN + 4096, ""),
        ("fill", (-1,), (1 << 28) - 1, "MEMORY_OUT_OF_BOUNDS"),
        ("copy", (47,), PLAIN + 2, ""),
        ("init", (40,), PLAIN + 2, ""),
        ("init", (4000,), 250, "MEMORY_OUT_OF_BOUNDS"),
        ("grow", (0,), 4, ""),
        ("grow", (2,), 4 + 2 * 64, ""),
        ("grow", (3,), 4 + 3 * 64, ""),
        ("table.fill", (40,), PLAIN + 40, ""),
        ("table.copy", (1,), PLAIN + 1, ""),
        ("table.init", (7,), PLAIN + 7, ""),
        ("table.init", (8,), 8, "TABLE_OUT_OF_BOUNDS"),
        ("table.grow", (20,), 5 + 20, ""),
        ("table.grow", (21,), 5 + 21, ""),
        ("constant", (), PLAIN + 10, ""),
        ("computed", (5,), PLAIN + 2, ""),
        ("computed", (0,), PLAIN + 2, ""),
    ):
        instance = module.instantiate({})
        found = ""
        try:
            instance.exports[name](*arguments)
        except Trap as trap:
            found = trap.kind
        assert (get_points_used(instance), found) == (expected, kind), (name, arguments)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_happens_of_what_is_too_much(backend: str) -> None:
    for limit in (1_000, 1 << 33):  # immediates of both sizes
        module = compile_with(SIZES, compiler_or_skip(backend), CompilerConfig(middlewares=(Metering(limit),)))
        instance = module.instantiate({})
        memory = memoryview(instance.exports.memory)
        memory[:] = b"x" * len(memory)
        set_points_used(instance, limit - 1000)
        with pytest.raises(ExecutionLimitExceeded):
            instance.exports.fill(16_000)
        assert bytes(memory) == b"x" * len(memory)
        set_points_used(instance, limit - 1000)
        instance.exports.fill(15_999)
        assert not any(memory[:15_999]) and memory[15_999] == ord("x")
        set_points_used(instance, limit - 128)
        with pytest.raises(ExecutionLimitExceeded):
            instance.exports.grow(2)
        assert instance.exports.memory.size == 2


def linked(source: str, section: str) -> bytes:
    """A module that says that it is linked dynamically."""
    module = read_module(source)
    content = bytes((len(section),)) + section.encode()
    return module + b"\0" + bytes((len(content),)) + content


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("section", ["dylink.0", "dylink"])
def test_points_of_modules_that_are_linked_dynamically(section: str, backend: str) -> None:
    """They count in the points of one of them, each as much as it does by itself."""
    compiler = compiler_or_skip(backend)
    for seed in range(8):
        program = Program(seed)
        alone, part, owner = (
            compile_with(source, compiler, CompilerConfig(middlewares=(Metering(2**62),))).instantiate({})
            for source in (program.text, linked(program.text, section), linked(program.text, section))
        )
        use_points_of(part, owner)
        for name, params in program.exports:
            arguments = program.arguments(params)
            for instance in (alone, part, owner):
                try:
                    instance.exports[name](*arguments)
                except Trap:
                    pass
            assert get_points_used(part) == get_points_used(owner) == 2 * get_points_used(alone), (seed, name)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("limit", [1_000, 1 << 33])
def test_a_limit_that_modules_share(limit: int, backend: str) -> None:
    config = CompilerConfig(middlewares=(Metering(limit),))
    module = compile_with(linked(SIZES, "dylink.0"), compiler_or_skip(backend), config)
    parts = [module.instantiate({}) for _ in range(3)]
    for each in parts[1:]:
        use_points_of(each, parts[0])
    set_points_used(parts[1], limit - 1000)
    parts[1].exports.fill(400 * 16)
    parts[2].exports["table.fill"](40)
    with pytest.raises(ExecutionLimitExceeded):
        parts[2].exports.copy(560 * 16)
    assert get_points_used(parts[0]) >= limit
    with pytest.raises(ExecutionLimitExceeded):
        parts[0].exports.fill(0)
    set_points_used(parts[0], 0)
    parts[2].exports.fill(400 * 16)
    assert get_points_used(parts[1]) == PLAIN + 400


def test_whose_points_are_used_is_said_once() -> None:
    module = compile_with(linked(SIZES, "dylink.0"), compiler_or_skip("singlepass"))
    first, second, third = (module.instantiate({}) for _ in range(3))
    with pytest.raises(ValueError, match="said once, of another instance"):
        use_points_of(first, first)
    use_points_of(second, first)
    use_points_of(third, second)  # those of the first
    for owner in (first, third):
        with pytest.raises(ValueError, match="said once, of another instance"):
            use_points_of(second, owner)
    with pytest.raises(ValueError, match="said once, of another instance"):
        use_points_of(first, third)  # which uses its own
    with pytest.raises(TypeError, match="takes an instance"):
        first.core.use_points_of(5)
    set_points_used(third, 7)
    gone = weakref.ref(first.core)
    del first, owner
    assert gone() is not None and get_points_used(second) == 7
    del second, third
    gc.collect()
    assert gone() is None
