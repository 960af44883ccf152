"""Instances, and what they export.

An `Instance` holds its machine side (`core`: memories, tables, globals, imports), and an
`Exports` object that makes the Python object for an export when it is first asked for.
Functions, tables and globals that were taken from an instance keep the machine side alive,
not the `Instance`: nothing here refers in a circle, so dropping the last reference frees
memories at once.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Sequence, ValuesView
from typing import TYPE_CHECKING, Any, cast

from wasmer_runtime_core.errors import ExportNotFound, ExportWrongType, SignatureError
from wasmer_runtime_core.link import link
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.wasm.module import FUNCTION, KIND_NAMES, MEMORY, TABLE

# Imported for their effect: they tell the machine which hooks to use, and of signals.
import wasmer_runtime_core.interrupts  # isort: skip
import wasmer_runtime_core.trap  # noqa: F401  # isort: skip

if TYPE_CHECKING:
    from typing import Self

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

    Iterates over the names, in the module's order. An attribute that Python or this class
    has already (names with two underscores, ``keys``, ``values``, ``items``) is reached by item.
    """

    def __init__(self, core: machine.Instance, places: dict[str, tuple[int, int]]) -> None:
        self._core = core
        self._places = places
        self._made: dict[str, Extern] = {}
        self._named: set[int] | None = None  # functions that have the name they were first asked for by, if any

    def __getitem__(self, name: str) -> Extern:
        made = self._made.get(name)
        if made is None:
            place = self._places.get(name)
            if place is None:
                self._check_open()
                raise ExportNotFound(name, tuple(self._places))
            made = self._made[name] = self._make(name, *place)
        return made

    def _make(self, name: str, kind: int, index: int) -> Extern:
        if kind == FUNCTION:
            function = self._core.function(index)
            if self._named is None:
                self._named = set()
            if index not in self._named:  # under two names it keeps the one asked for first
                self._named.add(index)
                function.__name__ = name
            return function
        if kind == MEMORY:
            return self._core.memory(index)
        if kind == TABLE:
            return self._core.table(index)
        return self._core.global_(index)

    def __getattr__(self, name: str) -> Extern:
        if name in ("_core", "_made", "_named", "_places"):  # of an object that is being copied
            raise AttributeError(name)
        # Kept as an attribute of the object, so that the next access costs what any attribute does.
        made = self.__dict__[name] = self[name]
        return made

    def _check_open(self) -> None:
        if self._core.closed:
            raise ValueError("the instance is closed")

    def _close(self) -> None:
        core = self._core
        self.__dict__.clear()  # of attributes that were asked for, too
        self.__init__(core, {})  # type: ignore[misc]

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name for name in self._places if name.isidentifier())]

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._places.keys()

    def values(self) -> ValuesView[Extern]:
        """What they name."""
        return dict(self.items()).values()

    def items(self) -> ItemsView[str, Extern]:
        """Names and what they name."""
        return {name: self[name] for name in self._places}.items()

    def kind(self, name: str) -> str:
        """ "function", "memory", "table" or "global".

        Raises:
            ExportNotFound: there is no such export.
        """
        place = self._places.get(name)
        if place is None:
            self._check_open()
            raise ExportNotFound(name, tuple(self._places))
        return KIND_NAMES[place[0]]

    def __repr__(self) -> str:
        return f"<exports: {', '.join(self._places)}>"


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
        plan, places = link(module)
        if limits is not None:
            limits.check(module.info)
        self.core = core = machine.Instance(plan, externs, ctx, module)
        if limits is not None:
            limits.apply(core)
        self.exports = Exports(core, places)
        if ctx is not None:
            ctx.instance = self
        core.initialize()

    @classmethod
    def of(cls, core: machine.Instance) -> Instance:
        """Another object for a machine side that is still alive."""
        self = cls.__new__(cls)
        self.module = core.module
        self.core = core
        self.exports = Exports(core, link(core.module).places)
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
        self.exports._close()

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
        kind = self.exports.kind(name)
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
        return f"<Instance{f' of {name!r}' if name else ''}: {', '.join(self.exports) or 'no exports'}>"
