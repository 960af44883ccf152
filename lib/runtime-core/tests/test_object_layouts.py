"""Where fields and elements lie."""

import random

import pytest

from wasmer_runtime_core.contract.objects import (
    ALIGNMENT,
    ELEMENTS,
    FIELDS,
    STORAGE_BYTES,
    ObjectLayouts,
    array_layout,
    is_reference,
    storage_bytes,
    struct_layout,
)
from wasmer_runtime_core.wasm.types import (
    ANYREF,
    EXTERNREF,
    F64,
    FUNCREF,
    I8,
    I16,
    I32,
    I64,
    NON_NULL,
    V128,
    ArrayType,
    FieldType,
    FunctionType,
    StructType,
    TypeDefinition,
    reference_type,
)


def struct(*storages: int) -> StructType:
    return StructType(tuple(FieldType(storage, True) for storage in storages))


def definition(composite, supertype=-1):
    return TypeDefinition(composite, supertype, False, 0, 1, 0)


def test_a_struct_without_fields_is_its_header() -> None:
    layout = struct_layout(struct())
    assert (layout.size, layout.offsets, layout.references, layout.leading) == (16, (), (), 0)


def test_references_come_first_and_then_the_largest() -> None:
    layout = struct_layout(struct(I8, I64, ANYREF, I32, EXTERNREF | NON_NULL, I16))
    assert layout.offsets == (38, 24, 8, 32, 16, 36)
    assert layout.references == (8, 16)
    assert layout.leading == 2
    assert layout.size == 48


def test_a_vector_lies_at_a_multiple_of_sixteen() -> None:
    assert struct_layout(struct(FUNCREF, V128)).offsets == (8, 16)
    assert struct_layout(struct(V128)).offsets == (16,)


def test_a_subtype_has_its_own_fields_behind_those_above() -> None:
    above = struct_layout(struct(I8, ANYREF))
    below = struct_layout(struct(I8, reference_type(ANYREF, False, 3), I8, ANYREF, I16), above)
    assert below.offsets[:2] == above.offsets == (16, 8)
    assert below.offsets[2:] == (34, 24, 32)
    assert below.references == (8, 24)
    assert below.leading == 1


def test_an_array_has_its_elements_behind_its_length() -> None:
    layout = array_layout(ArrayType(FieldType(I16, False)))
    assert (layout.size, layout.element_bytes, layout.refers) == (ELEMENTS, 2, False)
    assert array_layout(ArrayType(FieldType(reference_type(ANYREF, True, 0), False))).refers


def test_fields_lie_apart_and_where_the_supertype_has_them() -> None:
    random_ = random.Random(20)
    for _ in range(200):
        definitions, fields = [], []
        for depth in range(random_.randrange(1, 5)):
            fields += [FieldType(random_.choice([*STORAGE_BYTES]), True) for _ in range(random_.randrange(6))]
            definitions.append(definition(StructType(tuple(fields)), depth - 1))
        layouts = ObjectLayouts(definitions)
        last = layouts.of(len(definitions) - 1)
        taken: set[int] = set()
        for field, offset in zip(fields, last.offsets, strict=True):
            size = storage_bytes(field)
            place = set(range(offset, offset + size))
            assert offset % size == 0 and offset >= FIELDS and not place & taken
            taken |= place
        assert last.size % ALIGNMENT == 0 and last.size >= max(taken, default=0) + 1
        of_references = [at for field, at in zip(fields, last.offsets, strict=True) if is_reference(field)]
        assert list(last.references) == sorted(of_references)
        for index, row in enumerate(definitions):
            assert layouts.of(index).offsets == last.offsets[: len(row.composite.fields)]


def test_functions_have_no_layout() -> None:
    with pytest.raises(TypeError, match="type 0 is of functions"):
        ObjectLayouts([definition(FunctionType(b"", bytes([F64])))]).of(0)
