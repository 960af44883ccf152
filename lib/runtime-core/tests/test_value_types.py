"""Value types beyond a byte: their numbers, which match, what the validator makes of them, and what a backend gets.

No format reads or writes such types yet, so modules get them here, in place of types that were decoded.
"""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable

import pytest

from wasmer_runtime_core.errors import ValidationError
from wasmer_runtime_core.wasm.binary.decode import DecodedModule, decode_module
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.body.text import format_body
from wasmer_runtime_core.wasm.body.verifier import verify_body
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.text.encoding import value_type_bytes, value_type_vector
from wasmer_runtime_core.wasm.types import (
    EXTERNREF,
    FUNCREF,
    I32,
    KIND,
    VALUE_TYPE_NAMES,
    FunctionType,
    GlobalType,
    Limits,
    TableType,
    all_match,
    kinds,
    matches,
    reference_type,
    value_type_name,
    value_types,
)
from wasmer_runtime_core.wasm.validation.validate import validate_module

ANY_FUNCTION = reference_type(FUNCREF, nullable=False)
TO_0 = reference_type(FUNCREF, nullable=False, type_index=0)
TO_0_OR_NULL = reference_type(FUNCREF, nullable=True, type_index=0)
TO_1_OR_NULL = reference_type(FUNCREF, nullable=True, type_index=1)
FAR = reference_type(FUNCREF, nullable=False, type_index=9_999_999)
"""As many types as a module could have under any limits."""
ALL = (
    *VALUE_TYPE_NAMES,
    ANY_FUNCTION,
    TO_0,
    TO_0_OR_NULL,
    TO_1_OR_NULL,
    FAR,
    reference_type(EXTERNREF, nullable=False),
)

MATCHES = {
    (ANY_FUNCTION, FUNCREF),
    (TO_0, FUNCREF),
    (TO_0, ANY_FUNCTION),
    (TO_0, TO_0_OR_NULL),
    (TO_0_OR_NULL, FUNCREF),
    (TO_1_OR_NULL, FUNCREF),
    (FAR, FUNCREF),
    (FAR, ANY_FUNCTION),
    (reference_type(EXTERNREF, nullable=False), EXTERNREF),
} | {(type_, type_) for type_ in ALL}


def test_a_type_of_2_is_its_byte_and_all_others_have_one_as_their_kind() -> None:
    assert reference_type(FUNCREF, nullable=True) == FUNCREF
    assert kinds(value_types(ALL)) == bytes([type_ & KIND for type_ in ALL])
    assert len(set(ALL)) == len(ALL)
    assert all(type_ & KIND in VALUE_TYPE_NAMES for type_ in ALL)
    assert [value_type_name(type_) for type_ in ALL[-6:]] == [
        "(ref func)",
        "(ref 0)",
        "(ref null 0)",
        "(ref null 1)",
        "(ref 9999999)",
        "(ref extern)",
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
    assert {pair for pair in itertools.product(ALL, ALL) if matches(*pair)} == MATCHES
    for a, b, c in itertools.product(ALL, ALL, ALL):
        assert not (matches(a, b) and matches(b, c)) or matches(a, c), "matching is transitive"
    assert all_match((TO_0, I32), value_types([FUNCREF, I32]))
    assert not all_match((FUNCREF, I32), (TO_0, I32))
    assert not all_match((I32,), (I32, I32))


def test_the_binary_form() -> None:
    assert value_type_bytes(I32) == b"\x7f"
    assert value_type_bytes(ANY_FUNCTION) == b"\x64\x70"
    assert value_type_bytes(TO_1_OR_NULL) == b"\x63\x01"
    assert value_type_vector(value_types([I32, TO_0])) == b"\x02\x7f\x64\x00"


# --- the validator ----------------------------------------------------------------------------------
def with_types(text: str, change: Callable[[DecodedModule], None]) -> list[Body]:
    """Validate a module after its declarations were changed."""
    decoded = decode_module(parse_module(f"(module {text})"))
    change(decoded)
    bodies = validate_module(decoded)
    for body in bodies:
        assert verify_body(decoded.info, body) == [], "a body holds kinds alone"
        assert "(ref" not in format_body(body)
    return bodies


def passing(*types: int) -> Callable[[DecodedModule], None]:
    """Let type 1 take and give these types."""

    def change(decoded: DecodedModule) -> None:
        decoded.info.types[1] = FunctionType(value_types(types), value_types(types))

    return change


TYPES = "(type (func)) (type (func (param {0}) (result {0}))) (type (func (result funcref)))"
WAYS = (
    "(func (type 1) local.get 0)",
    "(func (type 1) (local i32 funcref) local.get 0 local.tee 0)",
    "(func (type 1) local.get 0 local.set 0 local.get 0 return)",
    "(func (type 1) local.get 0 call 0)",
    "(func (type 1) local.get 0 i32.const 0 call_indirect (type 1))",
    "(func (type 1) local.get 0 block (type 1) br 0 end)",
    "(func (type 1) local.get 0 loop (type 1) i32.const 0 br_if 0 end)",
    "(func (type 1) local.get 0 i32.const 0 if (type 1) else end)",
    "(func (type 1) local.get 0 i32.const 0 if (type 1) end)",
    "(func (type 1) local.get 0 i32.const 0 br_table 0 0)",
    "(func (type 1) unreachable)",
    "(func (type 1) unreachable local.set 0)",
    "(func (type 1) loop local.get 0 local.set 0 end local.get 0)",
)


@pytest.mark.parametrize("type_", [TO_0, TO_0_OR_NULL, ANY_FUNCTION, FAR])
@pytest.mark.parametrize("way", WAYS)
def test_a_wide_type_flows_wherever_a_narrow_one_does(way: str, type_: int) -> None:
    text = f"(table 1 funcref) {TYPES.format('funcref')} {way}"
    narrow = with_types(text, lambda decoded: None)
    wide = with_types(text, passing(type_))
    assert [vars(body) for body in wide] == [vars(body) for body in narrow], "no backend sees a difference"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("(func (type 1) ref.null func)", "(ref 0)"),
        ("(func (type 1) ref.null func local.set 0 local.get 0)", "(ref 0)"),
        ("(func (type 1) ref.null func call 0)", "(ref 0)"),
        ("(func (type 1) (local funcref) local.get 1)", "(ref 0)"),
        ("(func (type 1) block (type 2) local.get 0 i32.const 0 br_if 0 end)", "(ref 0)"),
        ("(func (type 1) local.get 0 i32.const 0 if (type 1) drop ref.null func end)", "(ref 0)"),
        ("(func (type 1) local.get 0 local.get 0 i32.const 1 select)", "select of references"),
    ],
)
def test_a_supertype_is_not_enough(body: str, found: str) -> None:
    text = f"(table 1 funcref) {TYPES.format('funcref')} {body}"
    with_types(text, lambda decoded: None) if "select" not in body else None
    with pytest.raises(ValidationError) as caught:
        with_types(text, passing(TO_0))
    assert found in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        "(func (type 1) local.get 0 ref.is_null drop local.get 0)",
        "(func (type 1) (local funcref) local.get 0 local.set 1 local.get 0)",
        "(func (type 1) block (result funcref) local.get 0 end drop local.get 0)",
        "(func (type 1) local.get 0 drop local.get 0)",
        "(func (type 1) local.get 0 local.get 0 i32.const 1 select (result funcref) drop local.get 0)",
        "(func (type 1) i32.const 0 local.get 0 table.set 0 local.get 0)",
    ],
)
def test_a_subtype_is_enough(body: str) -> None:
    with_types(f"(table 1 funcref) {TYPES.format('funcref')} {body}", passing(TO_0))


def test_locals_before_the_first_wide_one_are_read_fast_and_the_others_too() -> None:
    """Whichever way locals are read, the records are the same; that no local is there is said in the same words."""
    text = "(type (func)) (type (func (param i32 funcref i64) (result i64)))"
    body = "(func (type 1) (local f32 i32) local.get 0 local.set 4 local.get 1 drop local.get 2 local.tee 2)"

    def widen(decoded: DecodedModule) -> None:
        type_ = decoded.info.types[1]
        decoded.info.types[1] = FunctionType(value_types([I32, TO_0, type_.params[2]]), type_.results)

    narrow = with_types(text + body, lambda decoded: None)
    assert [vars(body) for body in with_types(text + body, widen)] == [vars(body) for body in narrow]
    for change in (widen, lambda decoded: None):
        with pytest.raises(ValidationError, match="unknown local 5"):
            with_types(text + "(func (type 1) local.get 5 drop unreachable)", change)
        with pytest.raises(ValidationError, match="unknown local 5"):
            with_types(text + "(func (type 1) i32.const 0 local.set 5 unreachable)", change)


def test_globals_tables_and_segments() -> None:
    text = """(type (func)) (table 1 funcref) (table 1 funcref) (global (mut funcref) (ref.null func))
        (elem funcref) (func {0})"""

    def widen(decoded: DecodedModule) -> None:
        decoded.info.globals[0] = GlobalType(TO_0_OR_NULL, mutable=True)
        decoded.info.tables[0] = TableType(TO_0_OR_NULL, Limits(1))

    ways = ("global.get 0 global.set 0", "i32.const 0 i32.const 0 table.get 0 table.set 1", "table.size 0 drop")
    for way in (*ways, "i32.const 0 i32.const 0 i32.const 0 table.copy 1 0"):
        narrow = with_types(text.format(way), lambda decoded: None)
        assert [vars(body) for body in with_types(text.format(way), widen)] == [vars(body) for body in narrow]
    for way, reason in {
        "i32.const 0 table.get 1 global.set 0": "needs [(ref null 0)], the stack holds [funcref]",
        "i32.const 0 i32.const 0 i32.const 0 table.copy 0 1": "table.copy between tables",
        "i32.const 0 i32.const 0 i32.const 0 table.init 0 0": "table.init from a segment",
    }.items():
        with_types(text.format(way), lambda decoded: None)
        with pytest.raises(ValidationError) as caught:
            with_types(text.format(way), widen)
        assert reason in str(caught.value)
