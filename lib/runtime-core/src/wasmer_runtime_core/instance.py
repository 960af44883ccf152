"""Instances, and what they export.

An `Instance` holds its machine side (`core`: memories, tables, globals, imports), and an
`Exports` object that makes the Python object for an export when it is first asked for.
Functions, tables and globals that were taken from an instance keep the machine side alive,
not the `Instance`: nothing here refers in a circle, so dropping the last reference frees
memories at once.
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Sequence, ValuesView
from typing import TYPE_CHECKING, Any, Final, cast

from wasmer_runtime_core.errors import ExportNotFound, ExportWrongType, SignatureError
from wasmer_runtime_core.link import link
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.printable import printable
from wasmer_runtime_core.wasm.module import FUNCTION, KIND_NAMES, MEMORY, TABLE

# Imported for their effect: they tell the machine which hooks to use, and of signals.
import wasmer_runtime_core.interrupts  # isort: skip
import wasmer_runtime_core.trap  # noqa: F401  # isort: skip

if TYPE_CHECKING:
    from typing import NoReturn, Self

    from wasmer_runtime_core.functions import DynFunc, Function
    from wasmer_runtime_core.globals import Global
    from wasmer_runtime_core.limits import Limits
    from wasmer_runtime_core.memory import Memory
    from wasmer_runtime_core.module import Module
    from wasmer_runtime_core.table import Table

Extern = Any
"""A `Function`, `Memory`, `Table` or `Global`."""


class Exports:
    """The exports of an instance, by item (``exports["add"]``) or attribute (``exports.add``).

    Iterates over the names, in the module's order. The names are the module's, so every one of them is
    an attribute: `keys`, `values`, `items` and `kind` are the methods below where the module exports
    nothing of that name. Python's own names, which begin and end with two underscores, are reached by item
    alone. What never depends on the module: items, ``in``, ``len``, iteration, and `Module.exports`.
    """

    __slots__ = ("__dict__", "__weakref__", "_core", "_named")

    def __init__(self, core: machine.Instance) -> None:
        _set_core(self, core)

    def __getitem__(self, name: str) -> Extern:
        made = self.__dict__.get(name)
        if made is None:
            made = _make(self, name)
            if not _is_pythons(name):
                self.__dict__[name] = made
        return made

    def __getattr__(self, name: str) -> Extern:
        if _is_pythons(name):
            raise AttributeError(f"exports have no attribute {name!r}; an export of that name is reached by item")
        made = _make(self, name)
        # Kept as an attribute of the object, so that the next access costs what any attribute does.
        object.__setattr__(self, name, made)
        return made

    def __contains__(self, name: object) -> bool:
        return name in _places(self)

    def __iter__(self) -> Iterator[str]:
        return iter(_places(self))

    def __len__(self) -> int:
        return len(_places(self))

    def __dir__(self) -> list[str]:
        names = {name for name in _places(self) if name.isidentifier() and not _is_pythons(name)}
        return sorted(names.union(dir(type(self))))

    def __copy__(self) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("exports cannot be pickled; pickle the Module, and make an instance of it")

    def keys(self) -> KeysView[str]:
        """The names."""
        return _places(self).keys()

    def values(self) -> ValuesView[Extern]:
        """What they name."""
        return {name: self[name] for name in self}.values()

    def items(self) -> ItemsView[str, Extern]:
        """Names and what they name."""
        return {name: self[name] for name in self}.items()

    def kind(self, name: str) -> str:
        """ "function", "memory", "table" or "global".

        Raises:
            ExportNotFound: there is no such export.
        """
        return KIND_NAMES[_place(self, name)[0]]

    def __repr__(self) -> str:
        return f"<exports: {', '.join(map(printable, self))}>"


# What the object keeps has no name that a module could take: these are all that reach it.
_core_of: Final[Callable[[Exports], machine.Instance]] = Exports.__dict__["_core"].__get__
_set_core: Final[Callable[[Exports, machine.Instance], None]] = Exports.__dict__["_core"].__set__
_named_of: Final[Callable[[Exports], set[int]]] = Exports.__dict__["_named"].__get__
"""The functions that have the name they were first asked for by; AttributeError before the first."""
_set_named: Final[Callable[[Exports, set[int]], None]] = Exports.__dict__["_named"].__set__
for _slot in ("_core", "_named"):
    delattr(Exports, _slot)


def _is_pythons(name: str) -> bool:
    """Whether it is a name of Python's own protocols."""
    return len(name) > 4 and name[:2] == "__" == name[-2:]


def _places(exports: Exports) -> dict[str, tuple[int, int]]:
    """Kind and index of each export; none when the instance is closed."""
    core = _core_of(exports)
    return {} if core.closed else link(core.module).places


def _place(exports: Exports, name: str) -> tuple[int, int]:
    """Kind and index of one export.

    Raises:
        ExportNotFound: there is none of this name.
        ValueError: the instance is closed.
    """
    core = _core_of(exports)
    if core.closed:
        raise ValueError("the instance is closed")
    places = link(core.module).places
    place = places.get(name)
    if place is None:
        raise ExportNotFound(name, tuple(places))
    return place


def _hide_methods(exports: Exports, names: Iterable[str]) -> None:
    """Put exports that are called like methods of `Exports` before them."""
    for name in names:
        exports.__dict__[name] = _make(exports, name)


def _make(exports: Exports, name: str) -> Extern:
    """The object for an export."""
    kind, index = _place(exports, name)
    core = _core_of(exports)
    if kind == FUNCTION:
        function = core.function(index)
        try:
            named = _named_of(exports)
        except AttributeError:
            named = set()
            _set_named(exports, named)
        if index not in named:  # under two names it keeps the one asked for first
            named.add(index)
            function.__name__ = name
        return function
    if kind == MEMORY:
        return core.memory(index)
    if kind == TABLE:
        return core.table(index)
    return core.global_(index)


class Instance:
    """A module with its own memories, tables and globals, ready to be called.

    Attributes:
        module: what it was made from.
        exports: what it offers.
        core: its machine side.
    """

    __slots__ = ("__weakref__", "core", "exports", "module")

    def __init__(
        self, module: Module, externs: Sequence[Extern], ctx: Any = None, limits: Limits | None = None
    ) -> None:
        """Make an instance; its start function, if it has one, runs.

        Args:
            module: a compiled module.
            externs: what its imports are, resolved and matched, in its order: `Function`,
                `HostFunction`, `Memory`, `Table` or `Global`.
            ctx: first argument for host functions that want one. Its attribute `instance`
                is set to this instance before any of them can run.
            limits: how large it may become.

        Raises:
            Trap: an active segment does not fit, or the start function traps.
            CreationError: a memory or table cannot be had.
        """
        self.module = module
        linked = link(module)
        if limits is not None:
            limits.check(module.info)
        self.core = core = machine.Instance(linked.plan, externs, ctx, module)
        if limits is not None:
            limits.apply(core)
        self.exports = Exports(core)
        if linked.like_methods:
            _hide_methods(self.exports, linked.like_methods)
        if ctx is not None:
            ctx.instance = self
        core.initialize()

    @classmethod
    def of(cls, core: machine.Instance) -> Instance:
        """Another object for a machine side that is still alive."""
        self = cls.__new__(cls)
        self.module = core.module
        self.core = core
        self.exports = Exports(core)
        _hide_methods(self.exports, link(core.module).like_methods)
        return self

    def memory(self, index: int = 0) -> Memory:
        """The memory of this index, imported ones first.

        Raises:
            IndexError: there is no such memory.
        """
        return cast("Memory", self.core.memory(index))

    def table(self, index: int = 0) -> Table:
        """The table of this index, imported ones first.

        Raises:
            IndexError: there is no such table.
        """
        return cast("Table", self.core.table(index))

    def global_(self, index: int) -> Global:
        """The global of this index, imported ones first.

        Raises:
            IndexError: there is no such global.
        """
        return cast("Global", self.core.global_(index))

    def context(self) -> Any:
        """What host functions get as their first argument."""
        return self.core.context

    def close(self) -> None:
        """Give back its own memories, at once, and everything else that nobody else uses.

        Later use of the instance, its functions and memories is a ValueError. Tables, globals
        and imported memories live on where others have them. Code of another instance that
        still refers to a function or memory of this one traps when it touches the memory.
        Closing twice does nothing; ``with instantiate(…) as instance:`` closes in the end.

        Raises:
            BufferError: views of its memories exist.
            RuntimeError: it, or an instance linked to it, is running.
        """
        self.core.close()
        self.exports.__dict__.clear()

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return bool(self.core.closed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def call(self, name: str, *arguments: Any, timeout: float | None = None) -> Any:
        """Call an exported function.

        Raises:
            ExportNotFound, ExportWrongType: there is no such function.
            Timeout: it ran longer than `timeout` seconds.
        """
        if timeout is None:
            return self.func(name)(*arguments)
        return self.func(name)(*arguments, timeout=timeout)

    def func(self, name: str, params: Sequence[Any] | None = None, returns: Sequence[Any] | None = None) -> Function:
        """An exported function; if types are given, they must be its own.

        Raises:
            ExportNotFound, ExportWrongType: there is no such function.
            SignatureError: its types are others.
        """
        kind = KIND_NAMES[_place(self.exports, name)[0]]
        if kind != "function":
            raise ExportWrongType(name, "function", kind)
        function: Function = self.exports[name]
        if params is not None or returns is not None:
            from wasmer_runtime_core.values import FuncSig

            found = FuncSig.from_function_type(function.type)
            wanted = FuncSig(found.params if params is None else params, found.returns if returns is None else returns)
            if wanted != found:
                raise SignatureError(str(wanted), str(found), name)
        return function

    def dyn_func(self, name: str) -> DynFunc:
        """An exported function on `Value` objects.

        Raises:
            ExportNotFound, ExportWrongType: there is no such function.
        """
        from wasmer_runtime_core.functions import DynFunc

        return DynFunc(self.func(name))

    def get_internal(self, field: Any) -> int:
        """An internal field of its context."""
        return int(self.context().get_internal(field))

    def set_internal(self, field: Any, value: int) -> None:
        """Set an internal field of its context."""
        self.context().set_internal(field, value)

    def __repr__(self) -> str:
        if self.closed:
            return "<Instance: closed>"
        name = self.module.info.module_name
        return f"<Instance{f' of {name!r}' if name else ''}: {', '.join(map(printable, self.exports)) or 'no exports'}>"
