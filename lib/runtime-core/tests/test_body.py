"""Bodies: what the validator hands over, as text, and the verifier that checks it."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.body.text import format_body, local_weights, loop_writes, read_records
from wasmer_runtime_core.wasm.body.verifier import verify_body
from wasmer_runtime_core.wasm.module import ModuleInfo
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC, OPERATORS, Operator
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.validation.validate import validate_module


def compile_text(text: str) -> tuple[ModuleInfo, list[Body]]:
    decoded = decode_module(parse_module(text))
    bodies = validate_module(decoded)
    for body in bodies:
        assert verify_body(decoded.info, body) == []
    return decoded.info, bodies


def body_of(function: str, declarations: str = "") -> Body:
    """The body of one function in a module that declares some more."""
    return compile_text(f"(module {declarations} {function})")[1][-1]


def lines_of(function: str, declarations: str = "") -> list[str]:
    """Its records as text, without offsets."""
    lines = format_body(body_of(function, declarations)).split("\n")
    return [line[8:] for line in lines if line.lstrip().startswith("0x")]


# --- records --------------------------------------------------------------------------------
def test_a_record_is_sixteen_bytes_as_documented() -> None:
    body = body_of("(func (param i32) (result i32) (i32.add (local.get 0) (i32.const -2)))")
    assert body.records == struct.pack(
        "<HBBiII HBBiII HBBiII HBBiII".replace(" ", ""),
        *(0x20, 0x7F, 0, 0, 0, body.offset + 1),
        *(0x41, 0, 0, -2, 0, body.offset + 3),
        *(0x6A, 0, 0, 0, 0, body.offset + 5),
        *(0x0B, 0, 0, 0, 1, body.offset + 6),
    )
    assert (body.max_stack, body.label_count, body.calls, body.memory_accesses) == (2, 0, 0, 0)
    assert body.pool == b"" and body.loops == b""


def test_the_text_form_grows_with_the_body() -> None:
    """However deep blocks nest; the text is not as long as blocks times records."""
    count = 2_000
    text = f"(func {'(block ' * count} {'(drop (i32.const 0)) ' * count} {')' * count})"
    assert len(format_body(body_of(text))) < 150 * 4 * count


def test_the_text_form() -> None:
    text = """(func (param i32) (local i64)
        (loop $again
          (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
          (br_if $again (local.get 0))))"""
    assert format_body(body_of(text)).split("\n") == [
        "function 0 type 0, locals i32 i64, 18 bytes at 0x17",
        "stack 2, labels 1, calls 0, call weight 0, memory accesses 0",
        "local weights 24 0",
        "loop @1 writes 0",
        "  0x1a  loop @1",
        "  0x1c    local.get 0 i32",
        "  0x1e    i32.const 1",
        "  0x20    i32.sub",
        "  0x21    local.set 0 i32",
        "  0x23    local.get 0 i32",
        "  0x25    br_if @1 height 0",
        "  0x27  end @1 falls through",
        "  0x28  end @0 falls through",
    ]


def test_constants() -> None:
    function = """(func
        (drop (i32.const -2147483648)) (drop (i32.const 0x7fffffff)) (drop (i64.const -9223372036854775808))
        (drop (i64.const 0x7fffffffffffffff)) (drop (i64.const 0x80000000)) (drop (f32.const -nan))
        (drop (f64.const -0))
        (drop (v128.const i32x4 1 2 3 -1)))"""
    assert [line for line in lines_of(function) if "const" in line] == [
        "i32.const -2147483648",
        "i32.const 2147483647",
        "i64.const -9223372036854775808",
        "i64.const 9223372036854775807",
        "i64.const 2147483648",
        "f32.const 0xffc00000",
        "f64.const 0x8000000000000000",
        "v128.const 0xffffffff000000030000000200000001",
    ]


def test_memory_accesses() -> None:
    function = """(func (local v128)
        (i64.store32 offset=0xffffffff align=2 (i32.load8_s offset=0x80000000 (i32.const 0)) (i64.const 0))
        (local.set 0 (v128.load16_lane offset=5 3 (i32.const 0) (local.get 0))))"""
    declarations = "(memory 1)"
    assert [line for line in lines_of(function, declarations) if "align" in line] == [
        "i32.load8_s offset=2147483648 align=1",
        "i64.store32 offset=4294967295 align=2",
        "v128.load16_lane offset=5 align=2 lane=3",
    ]
    assert body_of(function, declarations).memory_accesses == 3


def test_operators_with_indices() -> None:
    declarations = """(type $t (func (param i32) (result i64))) (import "m" "f" (func $f (type $t)))
        (memory 1) (table $a 1 funcref) (table $b 1 externref) (table $c 1 funcref) (global $g (mut f32) (f32.const 0))
        (data $d "x") (elem $e func $f)"""
    function = """(func
        (drop (call $f (i32.const 1))) (drop (call_indirect $c (type $t) (i32.const 1) (i32.const 2)))
        (global.set $g (global.get $g)) (table.set $b (i32.const 0) (table.get $b (i32.const 0)))
        (drop (table.grow $b (ref.null extern) (i32.const 0))) (table.fill $c (i32.const 0) (ref.func $f) (i32.const 0))
        (table.init $c $e (i32.const 0) (i32.const 0) (i32.const 0)) (elem.drop $e)
        (table.copy $a $c (i32.const 0) (i32.const 0) (i32.const 0)) (drop (table.size $c))
        (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)) (data.drop $d)
        (memory.copy (i32.const 0) (i32.const 0) (i32.const 0)) (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))
        (drop (memory.grow (memory.size))) (drop (ref.is_null (ref.null func)))
        (drop (select (i32.const 1) (i32.const 2) (i32.const 0)))
        (drop (select (result externref) (ref.null extern) (ref.null extern) (i32.const 0))))"""
    body = body_of(function, declarations)
    lines = [line for line in lines_of(function, declarations) if not line.startswith(("i32.const", "drop", "end"))]
    assert lines == [
        "call 0 type 0",
        "call_indirect type 0 table 2",
        "global.get 0 f32",
        "global.set 0 f32",
        "table.get 1",
        "table.set 1",
        "ref.null externref",
        "table.grow 1",
        "ref.func 0",
        "table.fill 2",
        "table.init 0 table 2",
        "elem.drop 0",
        "table.copy 0 2",
        "table.size 2",
        "memory.init 0",
        "data.drop 0",
        "memory.copy",
        "memory.fill",
        "memory.size",
        "memory.grow",
        "ref.null funcref",
        "ref.is_null",
        "select i32",
        "ref.null externref",
        "ref.null externref",
        "select externref",
    ]
    assert body.calls == 2
    assert body.call_weight == 2 + 12  # helpers: all of the table's but size, bulk memory, memory.grow


def test_lanes() -> None:
    function = """(func (param v128) (result v128)
        (i8x16.replace_lane 15 (local.get 0) (i32x4.extract_lane 2 (local.get 0)))
        (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31 (local.get 0)))"""
    assert lines_of(function)[2:] == [
        "i32x4.extract_lane 2",
        "i8x16.replace_lane 15",
        "local.get 0 v128",
        "i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31",
        "end @0 falls through",
    ]


# --- control --------------------------------------------------------------------------------
def test_blocks_say_how_they_end() -> None:
    function = """(func (param i32) (result i32)
        (block (result i32) (br_if 0 (i32.const 1) (local.get 0)) (drop) (br 0 (i32.const 2)))
        (if (param i32) (result i32) (local.get 0) (then (return)) (else (drop) (i32.const 3)))
        (if (local.get 0) (then nop)))"""
    assert lines_of(function) == [
        "block @1 i32",
        "  i32.const 1",
        "  local.get 0 i32",
        "  br_if @1 height 0 arity 1",
        "  drop i32",
        "  i32.const 2",
        "  br @1 height 0 arity 1",
        "end @1 target",
        "local.get 0 i32",
        "if @2 type 0",
        "  return arity 1",
        "else @2",
        "  drop i32",
        "  i32.const 3",
        "end @2 falls through",
        "local.get 0 i32",
        "if @3",
        "end @3 falls through, target, no else",
        "end @0 falls through",
    ]


def test_a_first_arm_that_falls_through_makes_the_end_a_target() -> None:
    assert lines_of("(func (if (i32.const 1) (then) (else unreachable)))") == [
        "i32.const 1",
        "if @1",
        "else @1 falls through",
        "  unreachable",
        "end @1 target",
        "end @0 falls through",
    ]


def test_branches_unwind_to_their_label() -> None:
    function = """(func (param i32) (result i64)
        (i64.const 1) (i64.const 2)
        (loop $l (param i64 i64) (result i64)
          (br_table $l 1 $l (local.get 0))))"""
    assert lines_of(function.replace("br_table $l 1 $l", "br_table $l $l"))[2:5] == [
        "loop @1 type 1",
        "  local.get 0 i32",
        "  br_table @1 height 0, default @1 height 0 arity 2",
    ]
    nested = """(func (result i32) (f32.const 0) (i32.const 1)
        (block (param i32) (result i32) (i64.const 1) (drop) (br 1)) (br 0))"""
    assert lines_of(nested)[2:6] == ["block @1 type 1", "  i64.const 1", "  drop i64", "  br @0 height 0 arity 1"]


def test_dead_code_leaves_no_record() -> None:
    function = """(func (result i32)
        (block $b (br $b) (i32.add) (block (loop (br 0))) (if (then) (else)) (drop))
        (unreachable) (local.get 0) (call 0) (br_if 0) (select) (drop))"""
    lines = lines_of(function.replace("(func", "(func (param i32)").replace("(local.get 0)", "(i32.const 0)"))
    assert lines == ["block @1", "  br @1 height 0", "end @1 target", "unreachable", "end @0 unreached"]


def test_code_behind_an_end_that_nothing_reaches_is_dead() -> None:
    function = """(func (result i32) (local i32)
        (block (result i32) (loop (br 0)) (local.set 0 (i32.const 1)) (i32.const 7))
        (if (i32.const 1) (then (call 0) (drop)))
        (i32.load (i32.const 4)) (drop))"""
    body = body_of(function, "(memory 1)")
    assert lines_of(function, "(memory 1)") == [
        "block @1 i32",
        "  loop @2",
        "    br @2 height 0",
        "  end @2 unreached",
        "end @1 unreached",
        "end @0 unreached",
    ]
    assert (body.calls, body.call_weight, body.memory_accesses, body.label_count) == (0, 0, 0, 2)
    assert local_weights(body) == (0,)


def test_a_label_is_live_if_a_branch_from_live_code_goes_there() -> None:
    dead_branch = "(func (block $a (block (br 0) (br $a)) (return)) (nop) (drop (i32.const 1)))"
    assert lines_of(dead_branch)[-2:] == ["end @1 unreached", "end @0 unreached"]
    live_branch = "(func (block $a (block (br_if $a (i32.const 1)) (br 0)) (return)) (drop (i32.const 1)))"
    assert lines_of(live_branch)[-4:] == ["end @1 target", "i32.const 1", "drop i32", "end @0 falls through"]


# --- what is counted ----------------------------------------------------------------------------
def test_weights_grow_by_eight_for_each_loop_and_stop_at_four() -> None:
    loops = "(local.set 0 (local.get 1)) (call $f)"
    for _ in range(6):
        loops = f"(loop {loops}) (local.set 0 (local.get 0)) (call $f)"
    body = body_of(f"(func $f (local i32 i32 i32) {loops})")
    weights = [8 ** min(depth, 4) for depth in range(7)]
    assert local_weights(body) == (sum(2 * weight for weight in weights[:6]) + weights[6], weights[6], 0)
    assert body.call_weight == sum(weights)
    assert body.calls == 7


def test_loops_list_what_they_write_once() -> None:
    function = """(func (local i32 i32 i32 i32 i32)
        (local.set 4 (i32.const 1))
        (loop
          (local.set 1 (i32.const 1)) (local.set 1 (i32.const 2))
          (loop (local.set 0 (local.tee 2 (i32.const 1))) (local.set 1 (i32.const 1)))
          (loop (local.set 2 (i32.const 1)))
          (local.set 1 (local.get 3)))
        (loop (drop (local.get 0))))"""
    body = body_of(function)
    assert {label: sorted(writes) for label, writes in loop_writes(body).items()} == {
        1: [0, 1, 2],
        2: [0, 1, 2],
        3: [2],
        4: [],
    }


def test_max_stack_counts_values() -> None:
    wide = "(func (param v128) (result v128) (v128.and (local.get 0) (v128.or (local.get 0) (local.get 0))))"
    assert body_of(wide).max_stack == 3
    assert body_of("(func)").max_stack == 0
    assert body_of("(func (result i32 i32 i32) (call 0))").max_stack == 3


def test_escaping_functions() -> None:
    info, _ = compile_text(
        """(module (func) (func (export "e")) (func) (func) (func) (func) (table 1 funcref) (start 2)
        (elem (i32.const 0) 3) (elem declare func 4) (global funcref (ref.func 5)))"""
    )
    assert info.escaping == (1, 3, 4, 5)


def test_bodies_know_their_function() -> None:
    _, bodies = compile_text("""(module (import "m" "f" (func (param i32))) (func) (func (param f64) (local v128)))""")
    assert [(body.function_index, body.type_index) for body in bodies] == [(1, 1), (2, 2)]
    assert bodies[1].local_types == bytes((0x7C, 0x7B))


# --- every operator -------------------------------------------------------------------------------
SAMPLES = {"i32": "(i32.const 1)", "i64": "(i64.const 1)", "f32": "(f32.const 1)", "f64": "(f64.const 1)"}
SAMPLES["v128"] = "(v128.const i32x4 1 1 1 1)"
IMMEDIATES = {
    "": "",
    "zero": "",
    "memarg": "",
    "lane": "0",
    "memarg lane": "0",
    "i32": "1",
    "i64": "1",
    "f32": "1",
    "f64": "1",
}
IMMEDIATES |= {"v128": "i32x4 1 1 1 1", "lanes": " ".join("0" * 16), "memory": "", "memory memory": ""}
IMMEDIATES |= {"data memory": "0", "data": "0", "element": "0", "element table": "0", "table": "0", "table table": ""}


TYPED = [row for row in OPERATORS.values() if row.typed_by_row]


@pytest.mark.parametrize("operator", TYPED, ids=[row.mnemonic for row in TYPED])
def test_every_operator_typed_by_its_row(operator: Operator) -> None:
    """It takes what its row says and gives what its row says."""
    operands = [SAMPLES[name] for name in operator.params]
    results = " ".join(operator.results)
    declarations = '(memory 1) (table 1 funcref) (data "x") (elem func)'
    instruction = f"({operator.mnemonic} {IMMEDIATES[operator.immediate]} "
    body = body_of(f"(func (result {results}) {instruction} {' '.join(operands)}))", declarations)
    records = list(read_records(body))
    assert [record.code for record in records[-2:]] == [operator.code, BY_MNEMONIC["end"].code]
    assert len(records) == len(operands) + 2


# --- the verifier ---------------------------------------------------------------------------------
FIELDS = """function_index type_index offset size local_types records pool loops max_stack label_count
    local_weights call_weight calls memory_accesses""".split()


def changed(body: Body, **fields: Any) -> Body:
    return Body(**{name: getattr(body, name) for name in FIELDS} | fields)


def test_the_verifier_finds_what_is_wrong() -> None:
    info, (body,) = compile_text(
        "(module (func (param i32) (block (loop (local.set 0 (i32.const 1)) (br_if 1 (local.get 0)) (br 0)))))"
    )
    records = [body.records[at : at + 16] for at in range(0, len(body.records), 16)]

    def findings(**fields: Any) -> str:
        return "\n".join(verify_body(info, changed(body, **fields)))

    assert findings() == ""
    assert "labels: the body says 5, found 2" in findings(label_count=5)
    assert "deepest stack: the body says 9" in findings(max_stack=9)
    assert "local weights" in findings(local_weights=bytes(4))
    assert "writes of loop @2" in findings(pool=struct.pack("<I", 7))
    assert "ends in the middle" in findings(records=b"".join(records[:-1]))
    assert "a record follows" in findings(records=body.records + records[-1])
    assert "an operand is missing" in findings(records=b"".join(records[:2] + records[3:]))
    assert "cannot be reached" in findings(records=b"".join(records[:7] + records[6:]))
    wrong_height = records[5][:8] + struct.pack("<I", 1) + records[5][12:]
    assert "height of @1" in findings(records=b"".join([*records[:5], wrong_height, *records[6:]]))
    wrong_type = struct.pack("<HBB", 0x41, 0, 0)
    f32_const = struct.pack("<HBB", 0x43, 0, 0)
    assert records[2][:4] == wrong_type
    assert "wants i32, finds f32" in findings(
        records=b"".join([*records[:2], f32_const + records[2][4:], *records[3:]])
    )
