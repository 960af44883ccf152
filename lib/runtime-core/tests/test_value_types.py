"""Value types beyond a byte: their numbers, which match, what the validator makes of them, and what a backend gets."""

from __future__ import annotations

import itertools
import pickle

import pytest

from wasmer_runtime_core.errors import ValidationError
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.body.text import format_body
from wasmer_runtime_core.wasm.body.verifier import verify_body
from wasmer_runtime_core.wasm.subtyping import ANY, ANY_REFERENCE, TypeSpace
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.text.encoding import value_type_bytes, value_type_vector
from wasmer_runtime_core.wasm.types import (
    ANYREF,
    FUNCREF,
    HEAP_ARRAY,
    HEAP_STRUCT,
    HEAP_TYPES,
    I32,
    KIND,
    NON_NULL,
    REFERENCE_KINDS,
    VALUE_TYPE_NAMES,
    FunctionType,
    GlobalType,
    Limits,
    TableType,
    kinds,
    reference_type,
    value_type_name,
    value_types,
)
from wasmer_runtime_core.wasm.validation.validate import validate_module

ANY_FUNCTION = reference_type(FUNCREF, nullable=False)
TO_0 = reference_type(FUNCREF, nullable=False, type_index=0)
TO_0_OR_NULL = reference_type(FUNCREF, nullable=True, type_index=0)
TO_1_OR_NULL = reference_type(FUNCREF, nullable=True, type_index=1)
TO_BELOW_0 = reference_type(FUNCREF, nullable=False, type_index=2)
TO_STRUCT = reference_type(ANYREF, nullable=False, type_index=3)
TO_ARRAY = reference_type(ANYREF, nullable=True, type_index=4)
FAR = reference_type(FUNCREF, nullable=False, type_index=9_999_999)
"""As many types as a module could have under any limits."""
ALL = (
    *VALUE_TYPE_NAMES,
    *(row.number for row in HEAP_TYPES if row.number > KIND),
    *(row.number | NON_NULL for row in HEAP_TYPES),
    TO_0,
    TO_0_OR_NULL,
    TO_1_OR_NULL,
    TO_BELOW_0,
    TO_STRUCT,
    TO_ARRAY,
)
BY_NAME = {value_type_name(type_): type_ for type_ in ALL}

SPACE = TypeSpace()
"""Two functions, one below the first, a struct and an array."""
SPACE.add_function(0)
SPACE.add_function(1)
SPACE.add(2, 0, 0)
SPACE.add(3, HEAP_STRUCT, -1)
SPACE.add(4, HEAP_ARRAY, -1)

HEAPS_ABOVE = {
    "nofunc": "0 1 2 func",
    "2": "0 func",
    "0": "func",
    "1": "func",
    "none": "any eq i31 struct array 3 4",
    "3": "struct eq any",
    "4": "array eq any",
    "struct": "eq any",
    "array": "eq any",
    "i31": "eq any",
    "eq": "any",
    "noextern": "extern",
    "noexn": "exn",
}
"""Heap type -> all above it (3.3.3)."""


def heap(type_: int) -> str:
    name = value_type_name(type_ | NON_NULL)
    return name.removeprefix("(ref ").removesuffix(")")


def is_reference(type_: int) -> bool:
    return type_ & KIND in REFERENCE_KINDS


def test_a_type_of_2_is_its_byte_and_all_others_have_one_as_their_kind() -> None:
    assert reference_type(FUNCREF, nullable=True) == FUNCREF
    assert kinds(value_types(ALL)) == bytes([type_ & KIND for type_ in ALL])
    assert len(set(ALL)) == len(ALL) == len(BY_NAME)
    assert all(type_ & KIND in VALUE_TYPE_NAMES for type_ in ALL)
    assert [value_type_name(type_) for type_ in (ANY_FUNCTION, TO_0, TO_0_OR_NULL, FAR)] == [
        "(ref func)",
        "(ref 0)",
        "(ref null 0)",
        "(ref 9999999)",
    ]


def test_equal_lists_are_equal_objects() -> None:
    narrow = value_types([I32, FUNCREF])
    assert narrow == bytes((I32, FUNCREF)) and kinds(narrow) is narrow
    types = [FunctionType(value_types(types), b"") for types in ([FUNCREF], [TO_0], [TO_0_OR_NULL])]
    assert len(set(types)) == 3, "types that differ beyond the kind are different types"
    assert [type_.param_kinds for type_ in types] == [bytes((FUNCREF,))] * 3
    assert pickle.loads(pickle.dumps(types)) == types
    assert str(types[2]) == "[(ref null 0)] -> []"
    assert str(TableType(TO_0_OR_NULL, Limits(1))) == "{(ref null 0), min: 1}"
    assert str(GlobalType(TO_0, mutable=True)) == "{mut (ref 0)}"


def test_what_matches_what() -> None:
    for found, wanted in itertools.product(ALL, ALL):
        expected = found == wanted
        if is_reference(found) and is_reference(wanted):
            below = heap(found) == heap(wanted) or heap(wanted) in HEAPS_ABOVE.get(heap(found), "").split()
            expected = below and (found & NON_NULL) >= (wanted & NON_NULL)
        assert SPACE.matches(found, wanted) == expected, (value_type_name(found), value_type_name(wanted))
    for type_ in ALL:
        assert SPACE.matches(ANY, type_)
        assert SPACE.matches(ANY_REFERENCE, type_) == is_reference(type_)
    assert SPACE.all_match((TO_0, I32), value_types([FUNCREF, I32]))
    assert not SPACE.all_match((FUNCREF, I32), (TO_0, I32))
    assert not SPACE.all_match((I32,), (I32, I32))


def test_the_binary_form() -> None:
    assert value_type_bytes(I32) == b"\x7f"
    assert value_type_bytes(ANY_FUNCTION) == b"\x64\x70"
    assert value_type_bytes(TO_1_OR_NULL) == b"\x63\x01"
    assert value_type_vector(value_types([I32, TO_0])) == b"\x02\x7f\x64\x00"
    for row in HEAP_TYPES:
        assert value_type_bytes(row.number) == bytes((row.code,))
        assert value_type_bytes(row.number | NON_NULL) == bytes((0x64, row.code))


# --- the validator ----------------------------------------------------------------------------------
TYPES = """(type $plain (func)) (type $other (func (param i32)))
  (rec (type $f (sub (func (result i32))))) (rec (type $below (sub $f (func (result i32)))))
  (type $s (struct (field i32)))"""


def checked(text: str) -> list[Body]:
    """The bodies of a valid module, in text after `TYPES`."""
    decoded = decode_module(parse_module(f"(module {TYPES} {text})"))
    bodies = validate_module(decoded)
    for body in bodies:
        assert verify_body(decoded.info, body) == [], "a body holds kinds alone"
        assert "(ref" not in format_body(body)
    return bodies


def refused(text: str) -> str:
    with pytest.raises(ValidationError) as caught:
        checked(text)
    return caught.value.reason


PAIRS = (
    ("(ref $f)", "(ref null $f)"),
    ("(ref $below)", "(ref $f)"),
    ("(ref null $below)", "funcref"),
    ("(ref func)", "funcref"),
    ("(ref $s)", "structref"),
    ("(ref null $s)", "anyref"),
    ("nullfuncref", "(ref null $f)"),
    ("nullref", "eqref"),
    ("(ref i31)", "(ref eq)"),
    ("(ref extern)", "externref"),
)
WAYS = (
    "(func (param {found}) (result {wanted}) local.get 0)",
    "(func (param {found}) (result {wanted}) local.get 0 return)",
    "(func (param {found}) (result {wanted}) (block (result {wanted}) local.get 0 br 0))",
    "(func (param {found}) (result {wanted}) (loop (result {wanted}) local.get 0))",
    "(func (param {found}) (param {wanted}) local.get 0 local.set 1)",
    "(func (param {found}) (local {wanted}) local.get 0 local.set 1)",
    "(func (param {found}) (param {wanted}) local.get 0 local.tee 1 drop)",
    "(func $g (param {wanted})) (func (param {found}) local.get 0 call $g)",
    "(func (param {found}) (result {wanted}) local.get 0 local.get 0 i32.const 0 select (result {wanted}))",
    "(func (param {found} i32) (result {wanted})"
    " local.get 1 (if (result {wanted}) (then local.get 0) (else local.get 0)))",
    "(func (param {found} i32) (result {wanted}) local.get 0 local.get 1 br_if 0)",
    "(func (param {found} i32) (result {wanted}) local.get 0 local.get 1 br_table 0 0)",
    '(global $g (import "e" "g") (mut {wanted})) (func (param {found}) local.get 0 global.set $g)',
    '(global $g (import "e" "g") {found}) (global {wanted} (global.get $g))',
    '(import "e" "t" (table $t 1 {wanted})) (func (param {found}) i32.const 0 local.get 0 table.set $t)',
    '(import "e" "t" (table $t 1 {found})) (func (result {wanted}) i32.const 0 table.get $t)',
    '(import "e" "t" (table $t 1 {wanted})) (import "e" "u" (table $u 1 {found}))'
    " (func i32.const 0 i32.const 0 i32.const 0 table.copy $t $u)",
    '(import "e" "t" (table $t 1 {wanted})) (func (param {found}) local.get 0 i32.const 0 table.grow $t drop)',
    "(func (param {found}) (result {wanted} i32) (local.get 0) (block (result i32) (i32.const 1)))",
    "(type $taking (func (param {wanted}))) (func (param {found} (ref $taking))"
    " local.get 0 local.get 1 call_ref $taking)",
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("found, wanted", PAIRS)
def test_each_place_takes_a_subtype_and_refuses_a_supertype(way: str, found: str, wanted: str) -> None:
    checked(way.format(found=found, wanted=wanted))
    assert "mismatch" in refused(way.format(found=wanted, wanted=found))
    checked(way.format(found=found, wanted=found))


def test_a_local_that_is_never_null_is_set_before_it_is_read() -> None:
    local = "(func (param $p (ref $f)) (local $x (ref $f)) {})"
    checked(local.format("(local.set $x (local.get $p)) (drop (local.get $x))"))
    checked(local.format("(drop (local.tee $x (local.get $p))) (drop (local.get $x))"))
    checked(local.format("(local.set $x (local.get $p)) (block (loop (drop (local.get $x))))"))
    checked("(func (local funcref) (drop (local.get 0)))")
    for body in (
        "(drop (local.get $x))",
        "(block (local.set $x (local.get $p))) (drop (local.get $x))",
        "(loop (local.set $x (local.get $p))) (drop (local.get $x))",
        "(if (i32.const 0) (then (local.set $x (local.get $p)) (drop (local.get $x)))) (drop (local.get $x))",
        "(if (i32.const 0) (then (local.set $x (local.get $p))) (else (drop (local.get $x))))",
        "(if (i32.const 0) (then (local.set $x (local.get $p))) (else (local.set $x (local.get $p))))"
        " (drop (local.get $x))",
    ):
        assert refused(local.format(body)).startswith("uninitialized local 1"), body
    # one function says nothing of the next
    both = local.format("(local.set $x (local.get $p)) (drop (local.get $x))") + local.format("(drop (local.get $x))")
    assert refused(both).startswith("uninitialized local 1")


@pytest.mark.parametrize(
    "body, reason",
    [
        ("(call_ref $s (ref.null $s))", "type mismatch: type 4 is no function type"),
        ("(call_ref $other (ref.null $f))", "type mismatch"),
        ("(call_ref $plain (ref.null func))", "type mismatch"),
        ("(call_ref 9 (ref.null func))", "unknown type 9"),
        ("(call_indirect (type 4) (i32.const 0))", "type mismatch: type 4 is no function type"),
        ("(block (type 4))", "type mismatch: type 4 is no function type"),
        ("(drop (ref.as_non_null (i32.const 0)))", "type mismatch: ref.as_non_null needs a reference"),
        ("(drop (ref.null 9))", "unknown type 9"),
        ("(block (br_on_non_null 0 (ref.null func)))", "type mismatch: br_on_non_null goes to a label"),
        (
            "(drop (block (result i32) (br_on_non_null 0 (ref.null func)) (i32.const 0)))",
            "type mismatch: br_on_non_null",
        ),
        ("(block (br_on_null 0 (i32.const 0)) drop)", "type mismatch: br_on_null needs a reference"),
        ("(drop (i32.add (i32.const 0) (ref.as_non_null (unreachable))))", "type mismatch: i32.add"),
        ("(drop (select (ref.null $f) (ref.null $f) (i32.const 0)))", "type mismatch: select of references"),
    ],
)
def test_misused_operators(body: str, reason: str) -> None:
    assert refused(f"(table 1 funcref) (func {body})").startswith(reason)


def test_operators_that_branch_leave_what_their_label_takes() -> None:
    checked("""
      (func (param $r (ref null $f)) (result i32)
        (block $null (call_ref $f (br_on_null $null (local.get $r))) return) (i32.const 0))
      (func (param $r (ref null $f)) (result i32)
        (block $there (result i32 (ref $f)) (i32.const 1) (br_on_non_null $there (local.get $r)) return)
        (call_ref $f) (drop))
      (func (result (ref func)) (br_on_non_null 0 (ref.null $below)) unreachable)
      (func (drop (ref.as_non_null (unreachable))))
      (func (block (drop (br_on_null 0 (unreachable)))))
      (func (result funcref) (br_on_non_null 0 (unreachable)) (ref.null func))""")
