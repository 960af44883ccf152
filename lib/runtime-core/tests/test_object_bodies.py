"""Structs, arrays, i31 and casts: what is valid, what bodies say of them, and both formats."""

import pytest

from wasmer_runtime_core.compiling.middleware.editor import BodyEditor, MiddlewareError, edit_bodies
from wasmer_runtime_core.compiling.middleware.metering import Metering
from wasmer_runtime_core.contract.casts import ALWAYS, IF_BELOW, IF_EQ, IF_FORM, IF_I31, IF_TYPE, NEVER, cast
from wasmer_runtime_core.errors import ValidationError
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.body.text import Record, format_body
from wasmer_runtime_core.wasm.body.verifier import verify_body
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.text.printer import print_module
from wasmer_runtime_core.wasm.types import (
    ANYREF,
    FIRST_TYPE,
    FUNCREF,
    HEAP_EQ,
    HEAP_I31,
    HEAP_NONE,
    HEAP_STRUCT,
)
from wasmer_runtime_core.wasm.validation.validate import validate_module

TYPES = """
    (type $pair (sub (struct (field $a i32) (field $b (mut i8)) (field $rest (mut anyref)))))
    (type $triple (sub final $pair (struct (field i32) (field (mut i8)) (field (mut anyref)) (field f64))))
    (type $shorts (array (mut i16)))
    (type $pairs (array (mut (ref null $pair))))
    (type $held (struct (field (ref $pair))))
    (type $fixed (array i64))
    (data $bytes "0123") (elem $items (ref null $pair) (ref.null $pair))
"""


def bodies(fields: str):
    binary = parse_module(f"(module {TYPES} {fields})")
    assert parse_module(print_module(binary)) == binary
    decoded = decode_module(binary)
    found = validate_module(decoded)
    for body in found:
        assert verify_body(decoded.info, body) == []
    for body in Metering(100)(decoded.info, found):
        assert verify_body(decoded.info, body) == []
    return decoded, found


VALID = {
    "structs": """(func (param (ref null $pair)) (result i32)
        (struct.set $pair $b (local.get 0) (i32.const 1))
        (struct.get_u $pair $b (local.get 0))
        (struct.get $pair 0 (struct.new $pair (i32.const 1) (i32.const 2) (ref.null none)))
        i32.add)""",
    "arrays": """(func (result i32) (local $s (ref null $shorts))
        (local.set $s (array.new_data $shorts $bytes (i32.const 0) (i32.const 2)))
        (array.fill $shorts (local.get $s) (i32.const 0) (i32.const 7) (i32.const 1))
        (array.copy $shorts $shorts (local.get $s) (i32.const 0) (local.get $s) (i32.const 1) (i32.const 1))
        (array.init_data $shorts $bytes (local.get $s) (i32.const 0) (i32.const 0) (i32.const 1))
        (array.set $shorts (local.get $s) (i32.const 0) (array.get_s $shorts (local.get $s) (i32.const 0)))
        (drop (array.new $shorts (i32.const 1) (i32.const 2))) (drop (array.new_default $pairs (i32.const 2)))
        (array.init_elem $pairs $items (array.new_fixed $pairs 1 (ref.null none)) (i32.const 0)
         (i32.const 0) (i32.const 0))
        (drop (array.new_elem $pairs $items (i32.const 0) (i32.const 1)))
        (array.len (local.get $s)))""",
    "casts": """(func (param anyref) (result i32)
        (block $is (result (ref $pair)) (br_on_cast $is anyref (ref $pair) (local.get 0)) (drop)
        (struct.new_default $pair))
        (drop) (block $no (result anyref) (br_on_cast_fail $no anyref (ref null $triple) (local.get 0))
        (drop) (ref.null any))
        (drop) (ref.test (ref null i31) (ref.cast eqref (local.get 0))))""",
    "i31": """(func (param i32 externref) (result i32) (i31.get_s (ref.i31 (local.get 0)))
        (i31.get_u (ref.cast (ref i31) (any.convert_extern (extern.convert_any (any.convert_extern (local.get 1))))))
        (ref.eq (ref.i31 (local.get 0)) (ref.null i31)) i32.add i32.add)""",
    "a field that takes what is below its type": """(func (param $t (ref $triple))
        (drop (struct.new $held (local.get $t))) (drop (array.new $pairs (local.get $t) (i32.const 3))))""",
    "what is never reached": """(func (result anyref) unreachable (array.new_fixed $pairs 4294967295))
        (func (result i32) unreachable (struct.get $pair $a) drop (ref.test (ref $pair)) drop (i31.get_s))""",
    "initializers": """(global $i (ref i31) (ref.i31 (i32.const 3)))
        (global (ref $held) (struct.new $held (struct.new_default $pair)))
        (global (ref $shorts) (array.new_fixed $shorts 2 (i32.const 1) (i32.const 2)))
        (table 1 anyref (ref.i31 (i32.const 9)))
        (elem anyref (item (ref.i31 (i32.const 1))) (item (array.new $shorts (i32.const 0) (i32.const 2))))
        (global externref (extern.convert_any (array.new_default $pairs (i32.const 1))))""",
}


@pytest.mark.parametrize("fields", VALID.values(), ids=VALID)
def test_what_is_valid_is_written_as_it_was_typed(fields: str) -> None:
    bodies(fields)


INVALID = {
    "unknown type": "(func (drop (struct.new_default 99)))",
    "is no struct type": "(func (drop (struct.new_default $shorts)))",
    "is no array type": "(func (param anyref) (drop (array.new_default $pair (i32.const 0))))",
    "unknown field 3": "(func (param (ref $pair)) (drop (struct.get $pair 3 (local.get 0))))",
    "field type is not defaultable: field 0": "(func (drop (struct.new_default $held)))",
    "field is immutable": "(func (param (ref $pair)) (struct.set $pair $a (local.get 0) (i32.const 0)))",
    "array is immutable": "(func (param (ref $fixed)) (array.set $fixed (local.get 0) (i32.const 0) (i64.const 0)))",
    "struct.get of field 1 that is packed": "(func (param (ref $pair)) (drop (struct.get $pair $b (local.get 0))))",
    "struct.get_s of field 0 that is not": "(func (param (ref $pair)) (drop (struct.get_s $pair $a (local.get 0))))",
    "array.get_u of an array that is not": "(func (drop (array.get_u $fixed (ref.null $fixed) (i32.const 0))))",
    "array type is not numeric": "(func (drop (array.new_data $pairs $bytes (i32.const 0) (i32.const 0))))",
    "array types do not match": """(func (param (ref $shorts))
        (array.copy $shorts $fixed (local.get 0) (i32.const 0) (ref.null $fixed) (i32.const 0) (i32.const 0)))""",
    "from a segment of another type": """(func (drop (array.new_elem $shorts $items (i32.const 0) (i32.const 0))))""",
    "needs \\[externref\\]": "(func (param anyref) (drop (ref.test externref (local.get 0))))",
    "is not below": "(func (block (result (ref $pair)) (br_on_cast 0 (ref $pair) anyref (unreachable))) drop)",
    "the label takes \\[\\]": "(func (br_on_cast 0 anyref (ref $pair) (ref.null any)) drop)",
    "needs \\[eqref\\]": "(func (param anyref) (drop (ref.eq (local.get 0) (ref.null eq))))",
    "constant expression required": "(global anyref (array.new_data $shorts $bytes (i32.const 0) (i32.const 0)))",
    "struct.new in an initializer": "(global anyref (struct.new $pair (i32.const 1)))",
    "array.new_fixed in an initializer": "(global anyref (array.new_fixed $fixed 2 (i64.const 1)))",
    "not defaultable: struct.new_default": "(global anyref (struct.new_default $held))",
}


@pytest.mark.parametrize(("reason", "fields"), INVALID.items(), ids=INVALID)
def test_what_is_invalid_says_why(reason: str, fields: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        validate_module(decode_module(parse_module(f"(module {TYPES} {fields})")))


def test_a_branch_on_a_cast_is_a_test_that_leaves_its_operand_and_a_branch() -> None:
    _, (body,) = bodies(
        """(func (param anyref) (result (ref $pair))
            (br_on_cast 0 anyref (ref $pair) (local.get 0)) (drop)
            (block (result anyref) (br_on_cast_fail 0 anyref (ref null $pair) (local.get 0)) (ref.as_non_null) (return))
            (drop) (unreachable))"""
    )
    lines = [line.split(maxsplit=1)[1] for line in format_body(body).splitlines()[3:]]
    assert lines[:10] == [
        "local.get 0 anyref",
        "ref.test 0 of any stays",
        "br_if @0 height 0 arity 1",
        "drop anyref",
        "block @1 anyref",
        "local.get 0 anyref",
        "ref.test null 0 of any stays",
        "i32.eqz",
        "br_if @1 height 0 arity 1",
        "ref.as_non_null anyref",
    ]


def test_records_say_what_is_known_of_an_operand() -> None:
    _, (body,) = bodies(
        """(func (param $p (ref $pair)) (param $n (ref null $pair)) (param $a eqref) (result i32)
            (struct.get $pair $a (local.get $p)) (struct.get $pair $a (local.get $n)) (i32.add)
            (ref.test (ref $triple) (local.get $n)) (i32.add) (ref.test (ref $triple) (local.get $p)) (i32.add)
            (ref.test (ref i31) (local.get $a)) (i32.add))"""
    )
    lines = [
        line.split(maxsplit=1)[1]
        for line in format_body(body).splitlines()
        if "struct.get" in line or "ref.test" in line
    ]
    assert lines == [
        "struct.get type 0 field 0 i32 not null",
        "struct.get type 0 field 0 i32",
        "ref.test 1 of 0",
        "ref.test 1 of 0 not null",
        "ref.test i31 of eq",
    ]


def test_names_of_fields_are_kept_and_printed() -> None:
    struct = "(struct (field $x i32) (field i32) (field $z i64))"
    get = "(func (param (ref $p)) (result i64) (struct.get $p $z (local.get 0)))"
    binary = parse_module(f"(module (type $p {struct}) {get})")
    text = print_module(binary)
    assert struct in text
    assert "struct.get $p $z" in text
    assert parse_module(text) == binary


STEPS = {
    (HEAP_EQ, 0): IF_EQ,
    (HEAP_I31, 0): IF_I31,
    (HEAP_STRUCT, HEAP_EQ): IF_FORM,
    (FIRST_TYPE, 0): IF_BELOW,
    (FIRST_TYPE + 1, 0): IF_TYPE,
    (FIRST_TYPE + 1, FIRST_TYPE): IF_TYPE,
    (FIRST_TYPE, FIRST_TYPE + 1): ALWAYS,
    (HEAP_STRUCT, FIRST_TYPE): ALWAYS,
    (0, FIRST_TYPE): ALWAYS,
    (0, 0): ALWAYS,
    (FIRST_TYPE, HEAP_NONE): ALWAYS,
    (HEAP_NONE, 0): NEVER,
    (FIRST_TYPE, HEAP_I31): NEVER,
    (FIRST_TYPE + 2, FIRST_TYPE): NEVER,
}


@pytest.mark.parametrize(("target", "source"), STEPS)
def test_a_cast_looks_at_no_more_than_it_has_to(target: int, source: int) -> None:
    decoded, _ = bodies("")
    steps = cast(decoded.info, ANYREF, target, False, source, True)
    assert steps.what == STEPS[target, source]
    assert steps.tagged == (steps.what >= IF_FORM and source in (0, HEAP_EQ))
    assert not steps.function


def test_a_cast_of_a_function_reads_its_record() -> None:
    decoded, _ = bodies("(type (sub (func))) (type (sub 6 (func)))")
    index = len(decoded.info.types) - 1
    steps = cast(decoded.info, FUNCREF, FIRST_TYPE + index, True, 0, True)
    assert (steps.what, steps.function, steps.tagged, steps.depth, steps.type_index) == (
        IF_BELOW,
        True,
        False,
        1,
        index,
    )


def test_middlewares_write_operators_of_objects() -> None:
    """A counter in a struct, and an element: types of fields are looked up."""
    binary = parse_module(
        """(module (type $count (struct (field (mut i8)) (field (mut i64)))) (type $bytes (array (mut i8)))
        (func (param (ref $count) (ref $bytes)) (loop)))"""
    )
    decoded = decode_module(binary)

    def visit(editor: BodyEditor, record: Record) -> None:
        editor.copy(record)
        if record.mnemonic == "loop":
            editor.emit("local.get", 0)
            editor.emit("local.get", 0)
            editor.emit("struct.get", 0, 1)
            editor.emit("struct.set", 0, 1)
            editor.emit("local.get", 1)
            editor.emit("i32.const", 0)
            editor.emit("i32.const", 7)
            editor.emit("array.set", 1)

    (body,) = edit_bodies(decoded.info, validate_module(decoded), visit)
    assert verify_body(decoded.info, body) == []
    lines = [
        line.split(maxsplit=1)[1] for line in format_body(body).splitlines() if "struct" in line or "array" in line
    ]
    assert lines == ["struct.get type 0 field 1 i64", "struct.set type 0 field 1 i64", "array.set type 1 i32"]
    with pytest.raises(MiddlewareError, match="br_on_cast is written by a method"):
        edit_bodies(decoded.info, validate_module(decoded), lambda editor, record: editor.emit("br_on_cast"))
