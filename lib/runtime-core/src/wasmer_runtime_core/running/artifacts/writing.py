"""A module as an artifact."""

from __future__ import annotations

from wasmer_runtime_core.contract.artifact import INFO_FIELDS
from wasmer_runtime_core.native.machine import pack_sites
from wasmer_runtime_core.running.artifacts.layout import CODE, write
from wasmer_runtime_core.running.artifacts.plain_values import dump, dump_plain
from wasmer_runtime_core.running.artifacts.stored import DATA, FACTS, MAPPED, PACKED, PLAN, READ, SITES
from wasmer_runtime_core.running.plan import packed_data, plan_rows
from wasmer_runtime_core.running.preparing import export_places
from wasmer_runtime_core.support.annotations import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmer_runtime_core.contract.artifact import Artifact


def serialized(module: Artifact) -> bytes:
    """A compiled module as an artifact."""
    if module.stored is not None:
        whole: bytes = module.stored.sections.whole()
        return whole
    info, compiled = module.info, module.compiled
    declared = {name: getattr(info, name) for name in INFO_FIELDS}
    small = {name: value for name, value in declared.items() if value is None or isinstance(value, int)}
    numbers, types, *rows, segments = plan_rows(info, compiled.checked_memories)
    packed = packed_data(segments)
    plain = packed is None  # an offset is computed: the rows as they are
    if not plain:
        del declared[DATA]
    kinds = None if types is None else tuple([tuple(type_) for type_ in types])
    plan = (numbers, kinds, *rows, segments if plain else None, *export_places(info))
    return write(
        {**{name: getattr(compiled, name) for name in FACTS}, "info": small, "plain": plain},
        {
            **{name: getattr(compiled, name) for name in (CODE, *MAPPED, *READ)},
            SITES: pack_sites(compiled.sites),
            PLAN: dump_plain(plan),
            PACKED: packed or b"",
            DATA: b"" if plain else b"".join([row.data for row in info.data]),
            **{f"info.{name}": dump(value) for name, value in declared.items() if name not in small},
        },
    )
