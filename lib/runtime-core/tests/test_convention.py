"""`contract.convention` against the rules of the ABI. That the C part agrees is what calls with many arguments test."""

from __future__ import annotations

import random

import pytest

from wasmer_runtime_core.contract.convention import (
    FLOAT,
    IN_INTEGER_REGISTER,
    IN_VECTOR_REGISTER,
    INTEGER,
    INTEGER_ARGUMENTS,
    ON_STACK,
    VECTOR,
    VECTOR_ARGUMENTS,
    Arguments,
)


def test_registers_in_order_of_their_class() -> None:
    placed = Arguments([INTEGER, FLOAT, INTEGER, VECTOR], 1)
    assert placed.wheres == [IN_INTEGER_REGISTER, IN_VECTOR_REGISTER, IN_INTEGER_REGISTER, IN_VECTOR_REGISTER]
    assert placed.places == [1, 0, 2, 1]
    assert placed.stack_bytes == 0


def test_what_finds_no_register_goes_to_the_stack_and_vectors_are_aligned() -> None:
    """psABI 3.2.3: eightbytes in their order; `__m128` at multiples of 16."""
    placed = Arguments([*[INTEGER] * INTEGER_ARGUMENTS, *[VECTOR] * VECTOR_ARGUMENTS, INTEGER, VECTOR, FLOAT], 1)
    assert placed.wheres[INTEGER_ARGUMENTS - 1] == ON_STACK and placed.places[INTEGER_ARGUMENTS - 1] == 0
    assert placed.wheres[-3:] == [ON_STACK] * 3
    assert placed.places[-3:] == [8, 16, 32]
    assert placed.stack_bytes == 48


def test_one_class_leaves_the_others_registers_alone() -> None:
    placed = Arguments([FLOAT] * 20 + [INTEGER], 2)
    assert placed.wheres[-1] == IN_INTEGER_REGISTER and placed.places[-1] == 2
    assert placed.places[VECTOR_ARGUMENTS:20] == [8 * at for at in range(20 - VECTOR_ARGUMENTS)]


@pytest.mark.parametrize("seed", range(40))
def test_any_arguments_lie_apart(seed: int) -> None:
    chosen = random.Random(seed)
    classes = [chosen.choice((INTEGER, FLOAT, VECTOR)) for _ in range(chosen.randrange(40))]
    taken = chosen.randrange(3)
    placed = Arguments(classes, taken)
    registers = [(where, place) for where, place in zip(placed.wheres, placed.places, strict=True) if where != ON_STACK]
    assert len(set(registers)) == len(registers)
    assert all(place >= taken for where, place in registers if where == IN_INTEGER_REGISTER)
    end = 0
    for class_, where, place in zip(classes, placed.wheres, placed.places, strict=True):
        if where == ON_STACK:
            size = 16 if class_ == VECTOR else 8
            assert place >= end and place % size == 0
            end = place + size
    assert end <= placed.stack_bytes < end + 16 and placed.stack_bytes % 16 == 0
