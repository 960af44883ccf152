"""A module that lies in an artifact: what of it is read when.

When it is loaded, its code is put where it runs, for that says at once whether this machine can run it. Its plan is
read with the first instance, and what it declares field by field, when asked for. So a module of thousands of
functions is called without a Python object for any of them.
"""

from __future__ import annotations

import os

from wasmer_runtime_core.contract.artifact import COMPILED_FIELDS, INFO_FIELDS
from wasmer_runtime_core.contract.backend import CompiledModule
from wasmer_runtime_core.contract.target import TARGET, host_features
from wasmer_runtime_core.errors import CacheError, CompileError
from wasmer_runtime_core.native.machine import MappedFile, Plan, unpack_sites
from wasmer_runtime_core.running.artifacts.layout import CODE, UNREADABLE, Sections
from wasmer_runtime_core.running.artifacts.plain_values import load_plain
from wasmer_runtime_core.running.preparing import Prepared
from wasmer_runtime_core.running.publish import publish
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.support.printable import printable
from wasmer_runtime_core.wasm.module import ModuleInfo
from wasmer_runtime_core.wasm.types import FunctionType

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from typing_extensions import Buffer

    from wasmer_runtime_core.native.machine import Code

SITES: Final = "sites"
MAPPED: Final = (SITES, "inlined")
"""Tables that are used where they lie; that of sites is packed (`native/system/sites.c`)."""
READ: Final = ("function_offsets", "relocations", "handlers", "saved")
"""Tables that are read."""
FACTS: Final = tuple([name for name in COMPILED_FIELDS if name not in (*MAPPED, *READ, CODE)])
"""What else is known of code: plain values, in the directory."""
PLAN: Final = "plan"
"""A section: what a `Plan` takes, and what its exports are."""
DATA: Final = "data"
"""A section: the bytes of all data segments."""
PACKED: Final = "packed"
"""A section: the data segments as a `Plan` takes them, rows of `PACKEDDATA`. Where it cannot (``plain``), they are
with the other rows of the plan, and with what the module declares."""


class StoredInfo(ModuleInfo):
    """What a stored module declares, each field read when it is first asked for."""

    def __init__(self, sections: Sections) -> None:
        self.__dict__.update(sections.facts["info"], _sections=sections)

    def __getattr__(self, name: str) -> Any:
        if name not in _FIELDS:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        sections = self._sections
        if name == DATA and not sections.facts["plain"]:
            from wasmer_runtime_core.running.plan import unpacked_segments

            try:
                value: Any = unpacked_segments(self, sections[PACKED], sections[DATA])
            except UNREADABLE as failure:
                if raised_by_a_handler(failure):
                    raise
                raise sections.damaged("its data segments cannot be read") from failure
        else:
            value = sections.value(f"info.{name}")
        setattr(self, name, value)  # found before this from then on; threads that ask at once store the same
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        return _plain_info, ({name: getattr(self, name) for name in INFO_FIELDS},)


_FIELDS: Final = frozenset(INFO_FIELDS)
_SECTIONS: Final = frozenset((CODE, *MAPPED, *READ, PLAN, PACKED, DATA))
_FACT_TYPES: Final[dict[str, type]] = {
    "backend": str,
    "target": str,
    "checked_memories": tuple,
    "cpu_features": tuple,
    "release_gil": bool,
    "info": dict,
    "plain": bool,
}


def _plain_info(fields: dict[str, Any]) -> ModuleInfo:
    """What a `StoredInfo` is elsewhere, where its artifact is not."""
    info = ModuleInfo()
    info.__dict__.update(fields)
    return info


def load_stored(source: Buffer | os.PathLike[Any]) -> StoredModule:
    """The module in bytes, or in a file. Raises what `Module.deserialize` says."""
    if isinstance(source, os.PathLike):
        return StoredModule(MappedFile(source), printable(os.fsdecode(source)))
    if isinstance(source, str):
        raise TypeError("a compiled module is bytes or a path; for a file name, pass pathlib.Path(name)")
    return StoredModule(source if type(source) is bytes else bytes(memoryview(source)), "this")


class StoredModule:
    """The machine side of a module in an artifact.

    Attributes:
        sections: the artifact.
        info: what the module declares.
        code: where its code runs.
        backend: who compiled it.
        checked_memories: as in `CompiledModule`.
    """

    __slots__ = ("backend", "checked_memories", "code", "info", "sections")

    def __init__(self, source: bytes | MappedFile, name: str, tick: Callable[[Code], int] | None = None) -> None:
        """Check an artifact, and put its code where it runs.

        Args:
            source: where it is.
            name: what it is called in messages.
            tick: who replaces its code (`publish`).

        Raises:
            CacheError: it is no artifact, is not whole, is damaged, of another version, or for another processor.
            MemoryError: no room for its code.
        """
        self.sections = sections = Sections(source, name)
        facts = sections.facts
        self._check_contents()
        if facts["target"] != TARGET:
            target = printable(facts["target"])
            raise CacheError(
                f"{name} is for {target}; this machine runs {TARGET}: compile the module again here", "processor"
            )
        if missing := sorted(set(facts["cpu_features"]).difference(host_features() if facts["cpu_features"] else ())):
            raise CacheError(
                f"{name} needs a processor with {printable(', '.join(missing))}; compile the module again here",
                "processor",
            )
        self.backend: str = facts["backend"]
        self.checked_memories: tuple[int, ...] = facts["checked_memories"]
        self.info = StoredInfo(sections)
        try:
            self.code = publish(self._compiled(sections.part), self.info, tick, packed=True)
        except CompileError as failure:  # it has what no code of this version has
            raise CacheError(f"{name}: {failure}", "version") from failure
        except UNREADABLE as failure:
            if raised_by_a_handler(failure):
                raise
            raise sections.damaged(str(failure)) from failure

    def _check_contents(self) -> None:
        """See that every fact and section is there, before one is asked for."""
        sections, facts = self.sections, self.sections.facts
        if not isinstance(facts, dict) or {name: type(fact) for name, fact in facts.items()} != _FACT_TYPES:
            raise sections.damaged("its facts are not those of a module")
        small = facts["info"]
        elsewhere = {f"info.{name}" for name in _FIELDS.difference(small) if name != DATA or facts["plain"]}
        if sections.names != _SECTIONS | elsewhere or not _FIELDS.issuperset(small):
            raise sections.damaged("its sections are not those of a module")
        if not all(value is None or type(value) is int for value in small.values()) or not all(
            type(value) is kind
            for name, kind in (("checked_memories", int), ("cpu_features", str))
            for value in facts[name]
        ):
            raise sections.damaged("its facts are of other types")

    def _compiled(self, take: Any) -> CompiledModule:
        sections = self.sections
        fields: dict[str, Any] = {name: sections.facts[name] for name in FACTS}
        fields.update({name: sections[name] for name in READ})
        fields.update({name: take(name) for name in (CODE, *MAPPED)})
        return CompiledModule(**fields)

    def compiled(self) -> CompiledModule:
        """All of it as plain data, with a copy of the code."""
        copy = self._compiled(self.sections.__getitem__)
        return copy._replace(sites=unpack_sites(copy.sites))

    def prepared(self) -> Prepared:
        """The module ready for instances.

        Raises:
            CacheError: what it consists of does not fit together.
            MemoryError: no room for it.
        """
        sections = self.sections
        try:
            numbers, types, *rows, places, like_methods = load_plain(sections[PLAN])
            if rows[-1] is None:
                rows[-1] = sections[PACKED], sections.part(DATA)
            if types is None:
                from wasmer_runtime_core.running.plan import in_this_process

                made = in_this_process(self.info, (numbers, None, *rows))
            else:
                made = (numbers, _function_types(types), *rows)
            plan = Plan(self.code, self.info, *made)
            return Prepared(plan, _places(places), tuple(map(str, like_methods)))
        except UNREADABLE as failure:
            if raised_by_a_handler(failure):
                raise
            raise sections.damaged(f"its plan cannot be used: {failure}") from failure


def _function_types(types: Collection[Any]) -> tuple[FunctionType, ...]:
    """Pairs as function types. (A module has hundreds: nothing is called in Python for each.)

    Raises:
        ValueError, TypeError: they are none.
    """
    if set(map(type, types)) - {tuple} or set(map(len, types)) - {2}:
        raise ValueError("what should be function types are none")
    return tuple(map(tuple.__new__, [FunctionType] * len(types), types))


def _places(places: Any) -> dict[str, tuple[int, int]]:
    """Where exports are, if it says so of each.

    Raises:
        ValueError, TypeError: it does not.
    """
    if type(places) is not dict or set(map(type, places)) - {str} or set(map(type, places.values())) - {tuple}:
        raise ValueError("what should be the places of exports is none")
    if set(map(len, places.values())) - {2} or {type(each) for place in places.values() for each in place} - {int}:
        raise ValueError("what should be places are none")
    found: dict[str, tuple[int, int]] = places
    return found
