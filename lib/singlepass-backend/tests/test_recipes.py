"""Every recipe of the vector table can be read; the table covers every operator."""

from __future__ import annotations

import pytest

from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC
from wasmer_singlepass_backend.x64.lowering import atomic_table, vector, vector_table
from wasmer_singlepass_backend.x64.lowering.object import with_objects
from wasmer_singlepass_backend.x64.lowering.table import by_code
from wasmer_singlepass_backend.x64.lowering.vector_table import VECTOR_LOWERINGS

LEFT_OUT_BY_THE_VALIDATOR = {"nop", "select t", "rethrow", "try_table", "br_on_cast", "br_on_cast_fail"}


@pytest.mark.parametrize("mnemonic", VECTOR_LOWERINGS)
def test_recipes_can_be_read(mnemonic: str) -> None:
    rule = VECTOR_LOWERINGS[mnemonic]
    for part in getattr(rule, "recipes", [rule]):
        steps = getattr(part, "steps", None)
        if steps is not None and steps.text:
            steps.read()


@pytest.mark.parametrize("text", ["nonsense a, b", "pshufb a", "pshufb a, b, c", "movd a, 3"])
def test_a_recipe_without_a_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no form for"):
        vector.Steps(text).read()


def test_every_operator_has_a_lowering() -> None:
    every = with_objects(by_code())
    others = vector_table.BY_CODE.keys() | atomic_table.BY_CODE.keys()
    missing = {name for name, row in BY_MNEMONIC.items() if every[row.code] is None and row.code not in others}
    assert missing == LEFT_OUT_BY_THE_VALIDATOR
