"""Features: each row of the table, refused by its name in bytes and in text, or switched off."""

from __future__ import annotations

import pickle
from collections.abc import Mapping

import pytest

from wasmer_runtime_core.compiling.pipeline import Compilation, run, validate, validate_and_report_errors
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import DecodeError, UnsupportedFeatureError, ValidationError
from wasmer_runtime_core.features import BY_NAME, FEATURES
from wasmer_runtime_core.wasm.operators import proposals
from wasmer_runtime_core.wasm.operators.rows import OPERATORS
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.text.keywords import KEYWORDS

HEADER = b"\0asm\1\0\0\0"
FUNCTION = b"\1\x60\0\0"  # type section: one type, [] -> []


def section(number: int, content: bytes) -> bytes:
    assert len(content) < 0x80
    return bytes((number, len(content))) + content


def with_body(instructions: bytes, local_types: bytes = b"\0", before: bytes = b"") -> bytes:
    body = local_types + instructions + b"\x0b"
    code = section(10, bytes((1, len(body))) + body)
    return HEADER + section(1, FUNCTION) + section(3, b"\1\0") + before + code


def with_type(form: bytes) -> bytes:
    return HEADER + section(1, b"\1" + form)


MEMORY = section(5, b"\1\0\1")

# Feature, what it is told by, the module.
BINARIES: list[tuple[str, str, bytes]] = [
    ("component_model", "a component", b"\0asm\x0d\0\1\0"),
    ("component_model", "a component", b"\0asm\x0a\0\1\0\1\2\3"),
    ("shared_everything_threads", "a shared type", with_type(b"\x65\x60\0\0")),
    ("shared_everything_threads", "a shared table", HEADER + section(4, b"\1\x70\3\1\1")),
    ("shared_everything_threads", "a shared global", HEADER + section(6, b"\1\x7f\3\x41\0\x0b")),
    ("shared_everything_threads", "global.atomic.get", with_body(b"\xfe\x4f\0\0")),
    ("wide_arithmetic", "i64.add128", with_body(b"\xfc\x13")),
    ("wide_arithmetic", "i64.mul_wide_u", with_body(b"\xfc\x16")),
    ("stack_switching", "a continuation type", with_type(b"\x5d\0")),
    ("stack_switching", "suspend", with_body(b"\xe2\0")),
    ("custom_page_sizes", "a memory with a page size of its own", HEADER + section(5, b"\1\x08\1\0")),
    ("memory_control", "memory.discard", with_body(b"\xfc\x12\0")),
    ("custom_descriptors", "a type with a descriptor", with_type(b"\x4d\1\x5f\0")),
    ("custom_descriptors", "ref.get_desc", with_body(b"\xfb\x22\0")),
]

TEXTS: list[tuple[str, str, str]] = [
    ("component_model", "a component", "(component (core module))"),
    ("component_model", "a component", '(component $c (import "a" (func)))'),
    ("shared_everything_threads", "a shared type", "(module (type (shared (func))))"),
    ("wide_arithmetic", "i64.mul_wide_s", "(module (func i64.mul_wide_s))"),
    ("stack_switching", "a continuation type", "(module (type $f (func)) (type $c (cont $f)))"),
    ("stack_switching", "suspend", "(module (func (suspend 0)))"),
    ("custom_page_sizes", "a memory with a page size of its own", "(module (memory 1 (pagesize 1)))"),
    ("memory_control", "memory.discard", "(module (func memory.discard))"),
    ("custom_descriptors", "ref.get_desc", "(module (func (ref.get_desc 0)))"),
]  # fmt: skip


def refusal(source: bytes | str, features: Mapping[str, bool] = {}) -> UnsupportedFeatureError:
    with pytest.raises(UnsupportedFeatureError) as caught:
        run(Compilation(source, config=CompilerConfig(features=features)), until="validate")
    return caught.value


# --- what is not here -----------------------------------------------------------------------------
@pytest.mark.parametrize(("feature", "use", "module"), BINARIES)
def test_a_binary_module_is_refused_by_name(feature: str, use: str, module: bytes) -> None:
    error = refusal(module)
    assert (error.feature, error.use, error.switched_off) == (feature, use, False)
    assert str(error).startswith(f"uses {BY_NAME[feature].title} ({use}), which this version does not run (")
    assert error.offset is not None and error.offset < len(module) and f"at byte {error.offset:#x}" in str(error)
    in_code = module.startswith(with_body(b"")[: len(HEADER) + 10])
    assert (error.function == 0) == ("in function 0" in str(error)) == in_code
    assert error.without.offset == error.offset and error.line is None
    assert not validate(module)


@pytest.mark.parametrize(("feature", "use", "text"), TEXTS)
def test_a_text_is_refused_by_name(feature: str, use: str, text: str) -> None:
    error = refusal(text)
    assert (error.feature, error.use) == (feature, use)
    assert (error.offset is None) == (error.line is not None)
    assert "(at line 1, column " in str(error) or "at byte 0x" in str(error)
    assert not validate(text)


def test_each_feature_that_is_not_here_is_refused_in_both_formats() -> None:
    missing = {row.name for row in FEATURES if not row.here}
    assert {feature for feature, _, _ in BINARIES} == missing
    assert {feature for feature, _, _ in TEXTS} == missing


@pytest.mark.parametrize("code", sorted(proposals.OPERATORS))
def test_each_operator_of_a_proposal_is_refused_in_both_formats(code: int) -> None:
    feature, mnemonic = proposals.OPERATORS[code]
    if code < 0x100:
        encoded = bytes((code,))
    else:
        prefix, page = max((row for row in proposals.PREFIX_PAGES.items() if row[1] <= code), key=lambda row: row[1])
        sub_opcode = code - page
        encoded = bytes((prefix, sub_opcode & 0x7F | (0x80 if sub_opcode > 0x7F else 0)))
        encoded += bytes((sub_opcode >> 7,)) if sub_opcode > 0x7F else b""
    error = refusal(with_body(encoded))
    assert (error.feature, error.use, error.function) == (feature, mnemonic, 0)
    assert isinstance(error.without, DecodeError) and error.without.reason.startswith("illegal opcode 0x")
    for text in (f"(module (func {mnemonic}))", f"(module (func ({mnemonic})))"):
        error = refusal(text)
        assert (error.feature, error.use) == (feature, mnemonic)
        assert isinstance(error.without, DecodeError) and error.without.reason.startswith("unknown operator")


def test_what_no_proposal_has_is_still_malformed() -> None:
    for module in (
        HEADER + section(14, b""),
        b"\0asm\x0d\0\2\0",
        b"\0asm\2\0\0\0",
        with_body(b"\x1e"),
        with_body(b"\xfc\x7f"),
        with_body(b"\xfc\x80\2"),  # where the next page begins, which has a row there
        with_body(b"\xfd\x80\4"),
        with_body(b"\xfd\x94\2"),
        with_body(b"\xfe\x7f"),
        with_body(b"\xfb\x80\x80\x80\x80"),
        with_type(b"\x5c\0"),
        HEADER + section(5, b"\1\x10\1"),
        HEADER + section(2, b"\1\0\0\5\0"),
    ):
        with pytest.raises(DecodeError):
            validate_and_report_errors(module)
    for text in (
        "(module (func (i32.foo)))",
        "(module (bogus))",
        "(module (memory i65 1))",
        "(module (func (param (reff 0))))",
    ):
        with pytest.raises(DecodeError):
            validate_and_report_errors(text)


def test_a_malformed_body_comes_before_what_makes_a_module_invalid() -> None:
    module = with_body(b"\xff", before=section(6, b"\1\x7f\0\x23\0\x0b"))
    with pytest.raises(DecodeError, match="illegal opcode 0xff"):
        validate_and_report_errors(module)


def test_the_error_crosses_processes() -> None:
    error = refusal(with_body(b"\xfc\x13"))
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.feature, again.function) == (str(error), "wide_arithmetic", 0)
    assert str(again.without) == str(error.without)


# --- what can be switched off -----------------------------------------------------------------------
USES: list[tuple[str, str, str]] = [
    ("sign_extension", "i32.extend8_s", "(func (drop (i32.extend8_s (i32.const 0))))"),
    ("saturating_float_to_int", "i32.trunc_sat_f32_u", "(func (drop (i32.trunc_sat_f32_u (f32.const 0))))"),
    ("multi_value", "a function type with several results", "(func (result i32 i32) unreachable)"),
    ("multi_value", "a block with parameters or several results", "(func (i32.const 0) (block (param i32) (drop)))"),
    ("bulk_memory", "memory.fill", "(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))"),
    ("bulk_memory", "a passive segment", '(data "x")'),
    ("bulk_memory", "a passive segment", "(func $f) (elem func $f)"),
    (
        "bulk_memory",
        "a data count section",
        '(memory 1) (data (i32.const 0) "x") (func (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 0)))',
    ),
    ("reference_types", "externref", "(func (param externref))"),
    ("reference_types", "externref", "(func (local externref))"),
    ("reference_types", "externref", "(table 1 externref)"),
    ("reference_types", "externref", '(import "m" "g" (global externref))'),
    ("reference_types", "funcref", "(global funcref (ref.null func))"),
    ("reference_types", "more than one table", "(table 1 funcref) (table 1 funcref)"),
    ("reference_types", "a declarative segment", "(func $f) (elem declare func $f)"),
    ("reference_types", "table.get", "(table 1 funcref) (func (drop (table.get 0 (i32.const 0))))"),
    (
        "reference_types",
        "select with its type written",
        "(func (drop (select (result i32) (i32.const 0) (i32.const 0) (i32.const 0))))",
    ),
    ("simd", "v128", "(func (param v128))"),
    ("simd", "v128", "(func (local v128))"),
    ("simd", "v128", "(func (block (result v128) unreachable) drop)"),
    ("simd", "v128", "(func unreachable (select (result v128)) drop)"),
    ("simd", "v128.const", "(func (drop (v128.const i64x2 0 0)))"),
    ("relaxed_simd", "f32x4.relaxed_madd", "(func unreachable f32x4.relaxed_madd drop)"),
    (
        "relaxed_simd",
        "i32x4.relaxed_dot_i8x16_i7x16_add_s",
        "(func unreachable i32x4.relaxed_dot_i8x16_i7x16_add_s drop)",
    ),
    ("tail_call", "return_call", "(func $f (return_call $f))"),
    ("tail_call", "return_call_indirect", "(table 1 funcref) (func (return_call_indirect (i32.const 0)))"),
    ("tail_call", "return_call_ref", "(type (func)) (func unreachable return_call_ref 0)"),
    ("function_references", "call_ref", "(type (func)) (func unreachable call_ref 0)"),
    ("function_references", "br_on_null", "(func unreachable br_on_null 0 drop)"),
    ("function_references", "(ref null 0)", "(type (func)) (func (param (ref null 0)))"),
    ("function_references", "(ref func)", "(func (param (ref func)))"),
    ("function_references", "(ref null 0)", "(type (func)) (func (local (ref null 0)))"),
    ("function_references", "(ref null 0)", "(type (func)) (func (block (result (ref null 0)) unreachable) drop)"),
    ("function_references", "(ref extern)", "(func unreachable (select (result (ref extern))) drop)"),
    ("function_references", "a reference to 0", "(type (func)) (func (drop (ref.null 0)))"),
    ("function_references", "a reference to 0", "(type (func)) (global funcref (ref.null 0))"),
    ("function_references", "a table with an initializer", "(table 1 funcref (ref.null func))"),
    ("function_references", "(ref 0)", '(type (func)) (import "m" "g" (global (ref 0)))'),
    ("function_references", "(ref null 0)", "(type (func)) (table 1 (ref null 0))"),
    (
        "function_references",
        "(ref func)",
        "(func $f) (table 1 funcref) (elem (i32.const 0) (ref func) (ref.func $f))",
    ),
    ("gc", "a struct or array type", "(type (struct (field i32)))"),
    ("gc", "ref.i31", "(func (drop (ref.i31 (i32.const 0))))"),
    ("gc", "ref.eq", "(func (drop (ref.eq (unreachable) (unreachable))))"),
    ("gc", "ref.test", "(func (drop (ref.test funcref (unreachable))))"),
    ("gc", "br_on_cast", "(func (drop (block (result funcref) (br_on_cast 0 funcref funcref (unreachable)))))"),
    ("gc", "a struct or array type", "(type (array i8))"),
    ("gc", "a recursive group of types", "(rec (type (func)) (type (func)))"),
    ("gc", "a subtype", "(type (sub (func)))"),
    ("gc", "anyref", "(func (param anyref))"),
    ("gc", "eqref", "(table 1 eqref)"),
    ("gc", "i31ref", '(import "m" "g" (global i31ref))'),
    ("gc", "nullfuncref", "(func (local nullfuncref))"),
    ("gc", "anyref", "(func (block (result anyref) unreachable) drop)"),
    ("gc", "a reference to none", "(func (drop (ref.null none)))"),
    ("gc", "a reference to nofunc", "(global funcref (ref.null nofunc))"),
    ("gc", "an initializer with the module's own global", "(global i32 (i32.const 0)) (global i32 (global.get 0))"),
    ("exceptions", "a tag", "(tag (param i32))"),
    ("exceptions", "a tag", '(import "m" "t" (tag))'),
    ("exceptions", "throw_ref", "(func unreachable throw_ref)"),
    ("exceptions", "try_table", "(func (block (try_table (catch_all 0))))"),
    ("exceptions", "exnref", "(func (param exnref))"),
    ("exceptions", "exnref", "(global exnref (ref.null exn))"),
    ("exceptions", "exnref", "(func (block (result exnref) unreachable) drop)"),
    ("legacy_exceptions", "try", "(func (try (do) (catch_all)))"),
    ("legacy_exceptions", "try", "(func (try (do) (delegate 0)))"),
    ("extended_const", "i64.sub", "(global i64 (i64.sub (i64.const 1) (i64.const 2)))"),
    ("extended_const", "i32.add", '(memory 1) (data (i32.add (i32.const 1) (i32.const 2)) "")'),
    ("extended_const", "i32.mul", "(table 1 funcref) (elem (i32.mul (i32.const 0) (i32.const 2)))"),
    ("threads", "a shared memory", "(memory 1 2 shared)"),
    ("threads", "a shared memory", '(import "m" "m" (memory 1 2 shared))'),
    ("threads", "i64.atomic.rmw8.add_u", "(memory 1) (func unreachable i64.atomic.rmw8.add_u drop)"),
    ("threads", "memory.atomic.wait64", "(memory 1) (func unreachable memory.atomic.wait64 drop)"),
    ("threads", "atomic.fence", "(func atomic.fence)"),
    ("multi_memory", "more than one memory", "(memory 1) (memory 1)"),
    ("memory64", "a 64-bit memory", "(memory i64 1)"),
    ("memory64", "a 64-bit memory", '(memory i64 (data "x"))'),
    ("memory64", "a 64-bit memory", '(import "m" "m" (memory i64 1 2))'),
    ("memory64", "a 64-bit table", "(table i64 1 funcref)"),
    ("memory64", "a 64-bit table", '(import "m" "t" (table i64 1 funcref))'),
    ("memory64", "a size of more than 32 bits", "(memory i64 0x100000000)"),
    ("memory64", "a 64-bit memory", "(memory i64 1) (func (drop (i32.load offset=0x100000000 (i64.const 0))))"),
    ("multi_memory", "more than one memory", '(import "m" "a" (memory 1)) (import "m" "b" (memory 1))'),
    ("multi_memory", "more than one memory", '(import "m" "a" (memory 1)) (memory 1) (func (drop (memory.size 1)))'),
]


@pytest.mark.parametrize(("feature", "use", "fields"), USES)
def test_what_is_switched_off_is_refused_by_name(feature: str, use: str, fields: str) -> None:
    module = parse_module(f"(module {fields})")
    others = {row.name: False for row in FEATURES if row.name != feature and row.here}
    if use != "select with its type written" and "(select (result v128)" not in fields:
        run(Compilation(module, config=CompilerConfig(features=others | {"reference_types": True})), until="validate")
    error = refusal(module, {feature: False})
    assert (error.feature, error.use, error.switched_off) == (feature, use, True)
    assert f'switches off: CompilerConfig(features={{"{feature}": False}})' in str(error)
    assert error.offset is not None and 8 <= error.offset < len(module)
    validate_and_report_errors(module)


@pytest.mark.parametrize(
    ("instructions", "use", "without"),
    [
        (b"\x41\0\x28\x42\0\0\x1a", "the index of a memory", "malformed memop flags"),
        (b"\x41\0\xfd\0\x40\0\0\x1a", "the index of a memory", "malformed memop flags"),
        (b"\x3f\x80\0\x1a", "the index of a memory", "zero byte expected"),
        (b"\x41\0\x40\x80\0\x1a", "the index of a memory", "zero byte expected"),
        (b"\x41\0\x41\0\x41\0\xfc\x0a\0\x80\0", "the index of a memory", "zero byte expected"),
        (b"\x41\0\x41\0\x41\0\xfc\x0b\x80\0", "the index of a memory", "zero byte expected"),
    ],
)
def test_memory_0_named_as_releases_with_one_memory_cannot(instructions: bytes, use: str, without: str) -> None:
    module = with_body(instructions, before=MEMORY)
    validate_and_report_errors(module)
    error = refusal(module, {"multi_memory": False})
    assert (error.feature, error.use, error.function) == ("multi_memory", use, 0)
    assert isinstance(error.without, DecodeError) and error.without.reason == without


def test_numbers_of_32_bits_written_as_ones_of_64() -> None:
    """In more bytes than releases without memory64 allow."""
    for module, use in (
        (HEADER + section(5, b"\1\0\x81\x80\x80\x80\x80\0"), "a size of more than 32 bits"),
        (HEADER + section(4, b"\1\x70\1\1\x82\x80\x80\x80\x80\0"), "a size of more than 32 bits"),
        (with_body(b"\x41\0\x28\2\x81\x80\x80\x80\x80\0\x1a", before=MEMORY), "an offset of more than 32 bits"),
    ):
        validate_and_report_errors(module)
        error = refusal(module, {"memory64": False})
        assert (error.feature, error.use) == ("memory64", use)
        assert isinstance(error.without, DecodeError) and error.without.reason == "integer representation too long"


def test_each_feature_that_is_here_can_be_switched_off() -> None:
    assert {feature for feature, _, _ in USES} == {row.name for row in FEATURES if row.here}
    everything = CompilerConfig(features={row.name: False for row in FEATURES})
    text = '(memory 1) (table 1 funcref) (func $f (export "f") (result i32) (i32.const 1)) (elem (i32.const 0) $f)'
    run(Compilation(text, config=everything), until="validate")


@pytest.mark.parametrize("row", [row for row in OPERATORS.values() if row.feature])
def test_each_operator_of_a_feature_can_be_switched_off(row: object) -> None:
    """By its row, in code that cannot run; immediates are zeros, whose form is right for all but a vector's."""
    from wasmer_runtime_core.wasm.binary.decode import decode_module
    from wasmer_runtime_core.wasm.operators.rows import Operator
    from wasmer_runtime_core.wasm.text.keywords import operator_bytes
    from wasmer_runtime_core.wasm.validation.switched_off import check_switched_off

    assert isinstance(row, Operator)
    decoded = decode_module(with_body(operator_bytes(row.code) + bytes(16)))
    with pytest.raises(UnsupportedFeatureError) as caught:
        check_switched_off(decoded, frozenset((row.feature,)))
    assert (caught.value.feature, caught.value.function) == (row.feature, 0)


def test_a_feature_of_the_table_only() -> None:
    with pytest.raises(ValueError, match="no feature is called 'smid'; there is: sign_extension, "):
        Compilation("", config=CompilerConfig(features={"smid": False}))
    with pytest.raises(
        ValueError, match="the feature stack_switching cannot be switched on: this version does not run stack switching"
    ):
        Compilation("", config=CompilerConfig(features={"stack_switching": True}))
    off = CompilerConfig(features={"stack_switching": False, "simd": True})
    run(Compilation("(func)", config=off), until="validate")


# --- the tables ----------------------------------------------------------------------------------------
def test_operators_name_features_that_are_here_and_proposals_those_that_are_not() -> None:
    assert {row.feature for row in OPERATORS.values()} - {""} == {row.name for row in FEATURES if row.here} - {
        "multi_value",
        "extended_const",
        "multi_memory",
        "memory64",
    }
    for use in [*proposals.OPERATORS.values(), *proposals.WORDS.values(), *proposals.TYPE_FORMS.values()]:
        assert not BY_NAME[use.feature].here
    assert not proposals.OPERATORS.keys() & OPERATORS.keys()
    assert not proposals.WORDS.keys() & KEYWORDS.keys()


def test_without_the_feature_the_module_is_wrong_as_releases_before_had_it() -> None:
    assert isinstance(refusal(HEADER + section(5, b"\2\0\1\0\1"), {"multi_memory": False}).without, ValidationError)
    without = refusal("(memory 1 1 shared)", {"threads": False}).without
    assert isinstance(without, DecodeError) and without.reason == "malformed limits flags"
