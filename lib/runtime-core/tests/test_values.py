"""Values keep their bits; units, signatures and descriptors say what they are."""

from __future__ import annotations

import math
import pickle
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmer_runtime_core.contract.units import WASM_MAX_PAGES, Bytes, Pages
from wasmer_runtime_core.contract.values import (
    ElementType,
    FuncSig,
    GlobalDescriptor,
    MemoryDescriptor,
    TableDescriptor,
    Type,
    Value,
    describe,
)
from wasmer_runtime_core.errors import InvalidDescriptor, PageError, SignatureError
from wasmer_runtime_core.wasm.types import VALUE_TYPE_NAMES, FunctionType, GlobalType, Limits, MemoryType, TableType


def test_types_are_their_codes() -> None:
    assert {int(type): str(type) for type in Type} == VALUE_TYPE_NAMES
    assert Type.of("I32") is Type.of(0x7F) is Type.of(Type.I32) is Type.I32
    assert f"{Type.F64:>5}" == "  f64"
    with pytest.raises(ValueError, match="'int' is no value type"):
        Type.of("int")


@given(st.integers(0, 2**32 - 1))
def test_every_f32_keeps_its_bits(bits: int) -> None:
    value = Value.from_bits(Type.F32, bits)
    assert value.to_u128() == bits
    assert pickle.loads(pickle.dumps(value)) == value
    if value.value == value.value:
        assert Value.F32(value.value).bits == bits


def test_signalling_nans_stay() -> None:
    value = Value.from_bits("f32", 0x7FA00000)
    assert value.bits == 0x7FA00000
    assert math.isnan(value.value)
    assert repr(value) == "Value.from_bits(Type.F32, 0x7fa00000)"
    assert value == Value.from_bits("f32", 0x7FA00000)
    assert value != Value.from_bits("f32", 0x7FC00000)


@given(st.integers(-(2**31), 2**32 - 1))
def test_i32_takes_both_ranges(number: int) -> None:
    value = Value.I32(number)
    assert value.bits == number % 2**32
    assert value.value == (number if number < 2**31 else number - 2**32)


@given(st.floats())
def test_f64_keeps_its_bits(number: float) -> None:
    assert Value.F64(number).bits == struct.unpack("<Q", struct.pack("<d", number))[0]


def test_integers_out_of_range_are_refused() -> None:
    for make, number in ((Value.I32, 2**32), (Value.I32, -(2**31) - 1), (Value.I64, 2**64), (Value.V128, 2**128)):
        with pytest.raises(OverflowError, match="does not fit"):
            make(number)
    with pytest.raises(OverflowError):
        Value.from_bits(Type.F32, 2**32)
    with pytest.raises(OverflowError):
        Value.from_bits(Type.I64, -1)
    with pytest.raises(ValueError, match="has no bits"):
        Value.from_bits(Type.FUNCREF, 0)


def test_wrong_kinds_are_type_errors() -> None:
    for make in (Value.I32, Value.I64, Value.F32, Value.F64):
        with pytest.raises(TypeError):
            make("1")  # type: ignore[operator]
    with pytest.raises(TypeError, match="expected i64, got"):
        Value.of(Type.I64, Value.I32(1))
    with pytest.raises(ValueError, match="a v128 is 16 bytes, not 3"):
        Value.V128(b"abc")
    with pytest.raises(TypeError, match="is not an integer"):
        Value.F32(1).__index__()


def test_floats_round_to_nearest_and_to_infinity() -> None:
    assert Value.F32(0.1).value == struct.unpack("<f", struct.pack("<f", 0.1))[0]
    assert Value.F32(1e300).value == math.inf
    assert Value.F32(-1e300).value == -math.inf


def test_equality_is_of_type_and_bits() -> None:
    assert Value.F64(math.nan) == Value.F64(math.nan)
    assert Value.F64(0.0) != Value.F64(-0.0)
    assert Value.I32(1) != Value.I64(1)
    assert hash(Value.I32(1)) == hash(Value.I32(1))
    assert (Value.I32(1) == 1) is False


def test_values_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Value.I32(1).bits = 2


def test_v128_and_references() -> None:
    vector = Value.V128(bytes(range(16)))
    assert vector.value == bytes(range(16))
    assert int(vector) == int.from_bytes(bytes(range(16)), "little")
    thing = object()
    assert Value.EXTERNREF(thing).value is thing
    assert Value.FUNCREF(None).value is None
    assert str(Value.I32(-1)) == "-1" and repr(Value.I32(-1)) == "Value.I32(-1)"


def test_signatures() -> None:
    signature = FuncSig([Type.I32, "i32"], [0x7F])
    assert str(signature) == "[i32, i32] -> [i32]"
    assert signature == FunctionType(b"\x7f\x7f", b"\x7f")
    assert FuncSig.from_function_type(signature.to_function_type()) == signature
    assert signature.check_param_value_types([Value.I32(1), Value.I32(2)])
    assert not signature.check_param_value_types([Value.I32(1), Value.I64(2)])
    assert pickle.loads(pickle.dumps(signature)) == signature
    assert len({signature, FuncSig(["i32", "i32"], ["i32"])}) == 1


def test_binding_names_what_was_given() -> None:
    signature = FuncSig(["i32", "f64"], [])
    assert signature.bind([1, 2.5]) == [Value.I32(1), Value.F64(2.5)]
    with pytest.raises(
        SignatureError, match=r"signature of f does not fit: expected \[i32, f64\] -> \[\], found \(int\)"
    ):
        signature.bind([1], "f")
    with pytest.raises(SignatureError, match=r"found \(i64, str\)"):
        signature.bind([Value.I64(1), "x"])
    with pytest.raises(OverflowError):
        signature.bind([2**40, 1.0])


def test_memory_descriptors() -> None:
    assert MemoryDescriptor(1).memory_type() == "Dynamic"
    assert MemoryDescriptor(1, 2).memory_type() == "Static"
    assert MemoryDescriptor(1, 2, True).memory_type() == "SharedStatic"
    with pytest.raises(InvalidDescriptor, match="Max number of pages is required for shared memory"):
        MemoryDescriptor(1, None, True)
    with pytest.raises(InvalidDescriptor, match="a maximum of 1 is not between the minimum, 2"):
        MemoryDescriptor(2, 1)
    with pytest.raises(ValueError):
        MemoryDescriptor(WASM_MAX_PAGES + 1)
    with pytest.raises(InvalidDescriptor):
        MemoryDescriptor(-1)


def test_descriptors_and_core_types_say_the_same() -> None:
    for type in (
        MemoryType(Limits(1, 2), False),
        TableType(0x70, Limits(0)),
        GlobalType(0x7E, True),
        FunctionType(b"\x7c", b""),
    ):
        descriptor = describe(type)
        back = descriptor.to_function_type() if isinstance(descriptor, FuncSig) else descriptor.to_type()
        assert back == type
        assert pickle.loads(pickle.dumps(descriptor)) == descriptor
    assert MemoryDescriptor(1) != MemoryDescriptor(2)
    assert MemoryDescriptor(1) != TableDescriptor(ElementType.ANYFUNC, 1)
    assert repr(GlobalDescriptor(True, "i64")) == "GlobalDescriptor(mutable=True, ty=Type.I64)"
    assert TableDescriptor(ElementType.ANYFUNC, 3, 5).limits == Limits(3, 5)
    with pytest.raises(ValueError):
        TableDescriptor(0x7F, 1)


def test_pages_and_bytes() -> None:
    assert Pages(2).bytes() == Bytes(131072) == 131072
    assert Bytes(65537).pages() == Pages(2)
    assert Bytes(0).pages() == 0
    assert repr(Pages(3)) == "Pages(3)" and str(Pages(3)) == "3"
    assert Pages(1).checked_add(2) == Pages(3)
    with pytest.raises(PageError, match=r"Exceeded max pages: 65536 \+ 1"):
        Pages(65536).checked_add(1)
