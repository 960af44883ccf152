"""From a compiled module to what all its instances have in common.

Done once for a module, by its first instance, and kept in ``module.prepared``. The C part copies the plan's vmctx for
each instance. Its rows come from what the module declares (`plan`), or out of an artifact, and then nothing is imported
that reads declarations.
"""

from __future__ import annotations

from wasmer_runtime_core.native.machine import Plan
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final
from wasmer_runtime_core.support.checkpoint import watched
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_runtime_core.wasm.module import ModuleInfo

if TYPE_CHECKING:
    from wasmer_runtime_core.contract.artifact import Artifact


class Prepared(NamedTuple):
    """A module that can be instantiated."""

    plan: Plan
    places: dict[str, tuple[int, int]]
    """Kind and index of each export, in the module's order."""

    like_methods: tuple[str, ...]
    """Exports whose name a method of `Exports` has, too."""


METHODS_OF_EXPORTS: Final = frozenset(("keys", "values", "items", "kind"))
"""The names in the class `Exports` that are not Python's own; a test compares them with it."""


def prepared(module: Artifact) -> Prepared:
    """The module ready for instances, made so if this is the first time.

    Raises:
        CompileError: the code cannot run on this machine.
        MemoryError: no room for it.
    """
    made: Prepared | None = module.prepared
    if made is None:
        stored = module.stored
        if stored is None:
            from wasmer_runtime_core.running.plan import make_plan

            ready = Prepared(make_plan(module), *export_places(module.info))
        else:
            ready = stored.prepared()
        made = module.prepared
        if made is None:  # no thread was faster
            made = ready
            module.is_prepared(ready)
    return made


def export_places(info: ModuleInfo) -> tuple[dict[str, tuple[int, int]], tuple[str, ...]]:
    """`Prepared.places` and `Prepared.like_methods` of a module."""
    places = {row.name: (row.kind, row.index) for row in watched(info.exports)}
    return places, tuple(sorted(METHODS_OF_EXPORTS.intersection(places)))
