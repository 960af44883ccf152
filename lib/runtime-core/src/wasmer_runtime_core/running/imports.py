"""What a module may be given, and how it is matched with what the module wants.

Imports are a mapping of namespaces, each a mapping of names. Plain dictionaries do; an
`ImportObject` is one that can also make a state per instance. A namespace may be a
dictionary, a `Namespace`, or an instance, whose exports it then stands for. What a name
stands for may be a function (of an instance, or any Python callable), a `Memory`, a
`Table`, a `Global`, or for an immutable global its plain value.

`resolve_imports` is the specification's matching (section 3.4 of its embedding, 4.5.4):

* a function's type is the one that is wanted, or declared to be below it;
* a memory or table has *now* at least the elements that are wanted, and a maximum that is
  no larger than the wanted one, if one is wanted; kinds are the same;
* a global's mutability is the wanted one; its type, too, exactly if it is mutable, else it may be below it.

A Python callable takes the signature that the module wants; if it is wrapped in `func`,
its annotations or the types given there must agree. Every import that is missing or does
not match is collected before `LinkError` is raised, so one run shows the whole list.
"""

from __future__ import annotations

from _collections_abc import Callable, Mapping, MutableMapping  # what `collections.abc` is, without `collections`

from wasmer_runtime_core.contract.values import Value
from wasmer_runtime_core.errors import (
    ImportNotFound,
    IncorrectGlobalDescriptor,
    IncorrectImportSignature,
    IncorrectImportType,
    IncorrectMemoryDescriptor,
    IncorrectTableDescriptor,
    IncorrectTagDescriptor,
    LinkError,
    LinkErrorItem,
)
from wasmer_runtime_core.native.machine import DefinedType, type_matches
from wasmer_runtime_core.running.exports import Exports
from wasmer_runtime_core.running.host import HostFunc, arity, article, func, is_async, wrong_arity
from wasmer_runtime_core.running.objects.functions import Function, HostFunction
from wasmer_runtime_core.running.objects.globals import Global
from wasmer_runtime_core.running.objects.memory import Memory
from wasmer_runtime_core.running.objects.table import Table
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, cast
from wasmer_runtime_core.support.checkpoint import STRETCH, watched
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.support.printable import printable
from wasmer_runtime_core.wasm.module import FUNCTION, GLOBAL, MEMORY, TABLE, TAG, ModuleInfo
from wasmer_runtime_core.wasm.types import (
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
    TagType,
    show_external_type,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wasmer_runtime_core.running.process_types import ProcessType
    from wasmer_runtime_core.wasm.types import ExternalType

StateCreator = Callable[[], object]

WASI_HINT: Final = "this module needs WASI: pass wasmer_wasi.generate_import_object(...)"


# --- the containers -------------------------------------------------------------------------


class Namespace(MutableMapping[str, Any]):
    """One namespace of imports: names and what they stand for."""

    __slots__ = ("_exports",)

    def __init__(self, exports: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()) -> None:
        # of an instance by item: it may export something of the name `keys`
        pairs = ((name, exports[name]) for name in exports) if isinstance(exports, Exports) else exports
        self._exports: dict[str, Any] = dict(pairs)

    def insert(self, name: str, export: Any) -> Any:
        """Set `name`; returns what stood there, or None."""
        previous = self._exports.get(name)
        self._exports[name] = export
        return previous

    def contains_key(self, name: str) -> bool:
        return name in self._exports

    def get_export(self, name: str) -> Any:
        """What `name` stands for, or None."""
        return self._exports.get(name)

    def get_exports(self) -> list[tuple[str, Any]]:
        return list(self._exports.items())

    def maybe_insert(self, name: str, export: Any) -> bool:
        """Set `name`; True, since a namespace can always be added to."""
        self._exports[name] = export
        return True

    def __getitem__(self, name: str) -> Any:
        return self._exports[name]

    def __setitem__(self, name: str, export: Any) -> None:
        self._exports[name] = export

    def __delitem__(self, name: str) -> None:
        del self._exports[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._exports)

    def __len__(self) -> int:
        return len(self._exports)

    def __repr__(self) -> str:
        return f"Namespace({self._exports!r})"


class ImportObject(MutableMapping[str, Any]):
    """All imports: a mapping of namespaces that can make a state per instance.

    Attributes:
        state_creator: called once for each instantiation; what it returns is `Ctx.data` of
            the instance. Returns a pair (data, destructor) to have `destructor(data)` called
            when the instance goes. If the state's class has a method `belong_to`, it is told the instance's
            `Ctx`, and may refuse to serve two of them.
        allow_missing_functions: missing functions are replaced by ones that raise when they
            are called, instead of a `LinkError`.
    """

    __slots__ = ("_namespaces", "allow_missing_functions", "state_creator")

    def __init__(self, namespaces: Mapping[str, Any] | None = None, state: StateCreator | None = None) -> None:
        self._namespaces: dict[str, Any] = dict(namespaces) if namespaces else {}
        self.state_creator = state
        self.allow_missing_functions = False

    @classmethod
    def new_with_data(cls, state_creator: StateCreator) -> ImportObject:
        """Empty, with a state creator (Wasmer's name)."""
        return cls(state=state_creator)

    def register(self, name: str, namespace: Any) -> Any:
        """Set a namespace: a mapping, a `Namespace` or an instance. Returns the previous one, or None."""
        previous = self._namespaces.get(name)
        self._namespaces[name] = namespace
        return previous

    def with_namespace(self, name: str, function: Callable[[Any], Any]) -> Any:
        """`function(namespace)`.

        Raises:
            KeyError: there is no such namespace.
        """
        return function(self._namespaces[name])

    def maybe_with_namespace(self, name: str, function: Callable[[Any], Any]) -> Any:
        """`function(namespace)`, or None if there is no such namespace."""
        namespace = self._namespaces.get(name)
        return None if namespace is None else function(namespace)

    def get_export(self, namespace: str, name: str) -> Any:
        """What the import stands for, or None."""
        found = self._namespaces.get(namespace)
        export = _MISSING if found is None else _lookup(found, namespace, name)
        return None if export is _MISSING else export

    def clone_ref(self) -> ImportObject:
        """Another object over the same namespaces."""
        clone = ImportObject(state=self.state_creator)
        clone._namespaces = self._namespaces
        clone.allow_missing_functions = self.allow_missing_functions
        return clone

    def triples(self) -> Iterator[tuple[str, str, Any]]:
        """(namespace, name, export) of everything."""
        for namespace, exports in self._namespaces.items():
            for name, export in _items(exports, namespace):
                yield namespace, name, export

    def extend(self, more: Mapping[str, Any] | Iterable[tuple[str, str, Any]]) -> None:
        """Add all of `more`; what is there already under the same names is replaced.

        Namespaces that were given are copied before they are added to, so that others who use
        them see no change.
        """
        if isinstance(more, ImportObject):
            triples: Iterable[tuple[str, str, Any]] = more.triples()
        elif isinstance(more, Mapping):
            triples = ImportObject(more).triples()
        else:
            triples = more
        extended: dict[str, Namespace] = {}
        for namespace, name, export in list(triples):
            if namespace not in extended:
                present = self._namespaces.get(namespace)
                extended[namespace] = Namespace(() if present is None else _items(present, namespace))
            extended[namespace][name] = export
        self._namespaces.update(extended)

    def __or__(self, more: Mapping[str, Any]) -> ImportObject:
        """Another object with the imports of both, the right ones first; the state creator is the left one's."""
        merged = ImportObject(self._namespaces, self.state_creator)
        merged.allow_missing_functions = self.allow_missing_functions
        merged.extend(more)
        return merged

    def __getitem__(self, name: str) -> Any:
        return self._namespaces[name]

    def __setitem__(self, name: str, namespace: Any) -> None:
        self._namespaces[name] = namespace

    def __delitem__(self, name: str) -> None:
        del self._namespaces[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._namespaces)

    def __len__(self) -> int:
        return len(self._namespaces)

    def __repr__(self) -> str:
        return f"ImportObject({self._namespaces!r})"


def imports(namespaces: Mapping[str, Any] | None = None, *, state: StateCreator | None = None) -> ImportObject:
    """An `ImportObject` of these namespaces: ``imports({"env": {"log": func(log)}}, state=make_state)``."""
    return ImportObject(namespaces, state)


_MISSING: Final = object()
_LONGEST_CONSTANT: Final = 128
"""Bits of an int that a message shows."""


def _exports(namespace: Any) -> Any:
    """The names and exports of a mapping or an instance, or None."""
    if isinstance(namespace, (Mapping, Exports)):
        return namespace
    return getattr(namespace, "exports", None)


def _lookup(namespace: Any, label: str, name: str) -> Any:
    """What `name` stands for in a namespace of any form, or `_MISSING`."""
    exports = _exports(namespace)
    if exports is not None:
        try:
            return exports[name]
        except KeyError as failure:
            if raised_by_a_handler(failure):
                raise
            return _MISSING
    get_export = getattr(namespace, "get_export", None)
    if get_export is not None:
        export = get_export(name)
        return _MISSING if export is None else export
    raise _no_namespace(namespace, label)


def _no_namespace(namespace: Any, label: str) -> TypeError:
    return TypeError(
        f"imports[{label!r}] is {article(type(namespace).__name__)}; "
        "expected a mapping of names, a Namespace or an instance"
    )


def _items(namespace: Any, label: str) -> Iterable[tuple[str, Any]]:
    exports = _exports(namespace)
    if exports is not None:
        return [(name, exports[name]) for name in exports]
    get_exports = getattr(namespace, "get_exports", None)
    if get_exports is not None:
        return cast("Iterable[tuple[str, Any]]", get_exports())
    raise _no_namespace(namespace, label)


# --- matching -------------------------------------------------------------------------------


def _limits_match(found: Limits, wanted: Limits) -> bool:
    """Section 3.4.1 of the specification; the minimum that is found is the size there is now."""
    if found.minimum < wanted.minimum:
        return False
    return wanted.maximum is None or (found.maximum is not None and found.maximum <= wanted.maximum)


def _host_function(
    export: Callable[..., Any], wanted: ProcessType, namespace: str, name: str
) -> HostFunction | IncorrectImportSignature:
    """A Python callable as an extern of type `wanted`, or why it cannot be."""
    if isinstance(export, HostFunc):
        if not export.accepts(wanted):
            return IncorrectImportSignature(namespace, name, str(wanted), export.signature())
        function = export.function
    else:
        function = export
    refused = wrong_arity(function, len(wanted.params))
    if refused:
        return IncorrectImportSignature(namespace, name, str(wanted), refused)
    wants_ctx = arity(function)[0]
    if is_async(function):
        from wasmer_runtime_core.running.host_async import waiting_for

        function = waiting_for(function)
    return HostFunction(function, wanted, namespace, name, wants_ctx)


def _missing_function(wanted: ProcessType, namespace: str, name: str) -> HostFunction:
    """What stands for a function that was not given, if that is allowed."""

    def missing(*_: Any) -> Any:
        raise LinkError([ImportNotFound(namespace, name, f"function {wanted}")])

    return HostFunction(missing, wanted, namespace, name, False)


def _kind_of(export: Any) -> str:
    if isinstance(export, Memory):
        return "memory"
    if isinstance(export, Table):
        return "table"
    if isinstance(export, (Global, Value, int, float)):
        return "global"
    if isinstance(export, Function) or callable(export):
        return "function"
    return type(export).__name__


def _match_function(export: Any, wanted: ProcessType, namespace: str, name: str) -> Any:
    if isinstance(export, (Function, HostFunction)):
        found = export.core_type
        if found == wanted or (isinstance(found, DefinedType) and found.is_below(wanted)):
            return export
        return IncorrectImportSignature(namespace, name, str(wanted), str(export.core_type))
    if isinstance(export, (Memory, Table, Global)) or not callable(export):
        return IncorrectImportType(namespace, name, "function", _kind_of(export))
    return _host_function(export, wanted, namespace, name)


def _match_memory(export: Any, wanted: MemoryType, namespace: str, name: str) -> Any:
    if not isinstance(export, Memory):
        return IncorrectImportType(namespace, name, "memory", _kind_of(export))
    found = export.type
    if (found.shared, found.index_type) == (wanted.shared, wanted.index_type) and _limits_match(
        found.limits, wanted.limits
    ):
        return export
    return IncorrectMemoryDescriptor(namespace, name, str(wanted), str(found))


def _match_table(export: Any, wanted: TableType, namespace: str, name: str) -> Any:
    if not isinstance(export, Table):
        return IncorrectImportType(namespace, name, "table", _kind_of(export))
    found = export.type
    if (found.element, found.index_type) == (wanted.element, wanted.index_type) and _limits_match(
        found.limits, wanted.limits
    ):
        return export
    return IncorrectTableDescriptor(namespace, name, str(wanted), str(found))


def _match_global(export: Any, wanted: GlobalType, namespace: str, name: str) -> Any:
    if isinstance(export, Global):
        found = export.type
        if found == wanted or (
            found.mutable == wanted.mutable and not wanted.mutable and type_matches(found.value, wanted.value)
        ):
            return export
        return IncorrectGlobalDescriptor(namespace, name, str(wanted), str(found))
    if isinstance(export, (Value, int, float)):
        if wanted.mutable:
            return IncorrectGlobalDescriptor(namespace, name, str(wanted), _constant(export))
        try:
            return Global(Value.of(wanted.value, export))
        except (TypeError, ValueError, OverflowError) as failure:
            if raised_by_a_handler(failure):
                raise
            return IncorrectGlobalDescriptor(namespace, name, str(wanted), _constant(export))
    return IncorrectImportType(namespace, name, "global", _kind_of(export))


def _match_tag(export: Any, wanted: ProcessType, namespace: str, name: str) -> Any:
    from wasmer_runtime_core.running.objects.tags import Tag

    if not isinstance(export, Tag):
        return IncorrectImportType(namespace, name, "tag", _kind_of(export))
    if export.is_of(wanted):
        return export
    params = wanted.params if isinstance(wanted, FunctionType) else ()
    return IncorrectTagDescriptor(namespace, name, str(TagType(params)), str(export.type))


def _constant(export: Value | int | float) -> str:
    """A constant for a message; Python writes no int of more than some thousand digits."""
    if isinstance(export, int) and export.bit_length() > _LONGEST_CONSTANT:
        return f"an int of {export.bit_length():,} bits"
    return f"the constant {export!r}"


_MATCH: Final[dict[int, Callable[[Any, Any, str, str], Any]]] = {
    FUNCTION: _match_function,
    TABLE: _match_table,
    MEMORY: _match_memory,
    GLOBAL: _match_global,
    TAG: _match_tag,
}


def resolve_imports(
    info: ModuleInfo, imports: Mapping[str, Any] | None, creators: list[StateCreator] | None = None
) -> list[Any]:
    """The externs for a module's imports, in the module's order.

    Args:
        info: the module.
        imports: what it is given.
        creators: gets the state creators that functions among them bring (`HostFunc.state_creator`), each once.

    Raises:
        LinkError: imports are missing or do not match; all of them are listed.
        TypeError: `imports` or a namespace in it is not of a form described above.
    """
    wanted_imports = info.imports
    if not wanted_imports:
        return []
    if imports is None:
        imports = {}
    elif not isinstance(imports, Mapping):
        raise TypeError(f"imports must be a mapping of namespaces, not {article(type(imports).__name__)}")
    externs: list[Any] = []
    errors: list[LinkErrorItem] = []
    module_types = None
    if info.definitions:
        from wasmer_runtime_core.running.process_types import in_process, process_types

        module_types = process_types(info)
    types: Sequence[ProcessType] = info.types if module_types is None else module_types.types
    rows = wanted_imports if len(wanted_imports) <= STRETCH else watched(wanted_imports)  # mostly without a call
    for namespace, name, kind, wanted in rows:
        exports = imports.get(namespace)
        export = _MISSING if exports is None else _lookup(exports, namespace, name)
        wanted_type: Any
        if kind == TAG:
            wanted_type = types[cast("int", wanted)]
        elif isinstance(wanted, int):
            wanted_type = types[wanted]
        else:
            wanted_type = wanted if module_types is None else in_process(module_types, wanted)
        if export is not _MISSING:
            extern = _MATCH[kind](export, wanted_type, namespace, name)
            if isinstance(extern, tuple):  # one of the link errors; no extern is a tuple
                errors.append(cast("LinkErrorItem", extern))
            else:
                externs.append(extern)
                if type(export) is HostFunc and export.state_creator is not None and creators is not None:
                    if export.state_creator not in creators:
                        creators.append(export.state_creator)
        elif kind == FUNCTION and getattr(imports, "allow_missing_functions", False):
            externs.append(_missing_function(cast("ProcessType", wanted_type), namespace, name))
        else:
            shown = f"function {wanted_type}"
            if kind != FUNCTION:
                shown = show_external_type(cast("ExternalType", wanted_type))
            errors.append(ImportNotFound(namespace, name, shown))
    if errors:
        raise LinkError(errors, _hint(errors, imports))
    return externs


def _hint(errors: list[LinkErrorItem], given: Mapping[str, Any]) -> str:
    for error in errors:
        if isinstance(error, ImportNotFound):
            if error.namespace.startswith("wasi_"):
                return WASI_HINT
            if error.namespace not in given and _is_export(given.get(error.name)):
                return (
                    f"imports map namespaces, each of which maps names: {error.name} is given as a namespace; "
                    + printable(f"pass {{{error.namespace!r}: {{{error.name!r}: …}}}}")
                )
    return ""


def _is_export(given: Any) -> bool:
    """Whether it is what a name stands for, and no namespace."""
    return isinstance(given, (Memory, Table, Global, Value)) or callable(given)


__all__ = [
    "HostFunc",
    "ImportObject",
    "Namespace",
    "func",
    "imports",
    "resolve_imports",
]
