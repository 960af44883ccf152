"""Tables of instruction forms that rules look into: by opcode or by type, as columns of numbers."""

from __future__ import annotations

from librt.vecs import vec

from wasmer_clif_backend.ir.columns import column
from wasmer_runtime_core.codegen.x64.forms import FORMS, Form
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, i64

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMS_BY_NAME: Final = {form.name: form for form in FORMS}


def rows_of(table: Mapping[int, Sequence[Form]]) -> vec[i64]:
    """Numbers of forms by key, as many for each: those of key k begin at k times that."""
    width: i64 = len(next(iter(table.values())))
    found = column(width * i64(max(table) + 1))
    for key, row in table.items():
        at: i64 = width * i64(key)
        for form in row:
            found[at] = form.number
            at += 1
    return found
