"""`Instance`: a module with its own memories, tables and globals, ready to be called.

It holds its machine side (`core`: memories, tables, globals, imports) and `exports`. Nothing here refers in a circle,
so dropping the last reference frees memories at once.
"""

from __future__ import annotations

from wasmer_runtime_core.errors import ExportWrongType, RuntimeError, SignatureError
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.exports import Exports, Extern, hide_methods, place_of
from wasmer_runtime_core.running.preparing import prepared
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, cast
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.support.printable import printable
from wasmer_runtime_core.wasm.module import KIND_NAMES, MEMORY, TABLE

# Imported for their effect: they tell the machine which hooks to use, and of signals.
import wasmer_runtime_core.running.interrupts  # isort: skip
import wasmer_runtime_core.running.hooks  # noqa: F401  # isort: skip

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Self

    from wasmer_runtime_core.contract.artifact import Artifact
    from wasmer_runtime_core.running.objects.functions import DynFunc, Function
    from wasmer_runtime_core.running.objects.globals import Global
    from wasmer_runtime_core.running.objects.limits import Limits
    from wasmer_runtime_core.running.objects.memory import Memory
    from wasmer_runtime_core.running.objects.table import Table


def close_behind(what: Any, ended_by: BaseException | None) -> None:
    """Call `what.close()` at the end of a `with` block.

    An exception that ends the block is what its user has to see, and its traceback alone may hold views: it gets a note
    if closing is refused.
    """
    if ended_by is None:
        what.close()
        return
    try:
        what.close()
    except (BufferError, RuntimeError) as refused:
        if type(refused) not in (BufferError, RuntimeError) or raised_by_a_handler(refused):
            raise
        ended_by.add_note(f"{what!r} is not closed: {refused}")


class Instance:
    """A module with its own memories, tables and globals, ready to be called.

    Attributes:
        module: what it was made from.
        exports: what it offers.
        core: its machine side.
    """

    __slots__ = ("__weakref__", "core", "exports", "module")

    def __init__(
        self, module: Artifact, externs: Sequence[Extern], ctx: Any = None, limits: Limits | None = None
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
        ready = prepared(module)
        if limits is not None:
            limits.check(module.info)
        self.core = core = machine.Instance(ready.plan, externs, ctx, module)
        if limits is not None:
            limits.apply(core)
        self.exports = Exports(core)
        if ready.like_methods:
            hide_methods(self.exports, ready.like_methods)
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
        hide_methods(self.exports, prepared(core.module).like_methods)
        return self

    def memory(self, which: int | str = 0) -> Memory:
        """The memory of this index, imported ones first, or the one that is exported under this name.

        Raises:
            IndexError: there is no such memory.
            ExportNotFound: there is no such export.
            ExportWrongType: it is no memory.
        """
        return cast("Memory", self.core.memory(self._index(which, MEMORY)))

    def table(self, which: int | str = 0) -> Table:
        """The table of this index, imported ones first, or the one that is exported under this name.

        Raises:
            IndexError: there is no such table.
            ExportNotFound: there is no such export.
            ExportWrongType: it is no table.
        """
        return cast("Table", self.core.table(self._index(which, TABLE)))

    def _index(self, which: int | str, kind: int) -> int:
        if not isinstance(which, str):
            return which
        found, index = place_of(self.exports, which)
        if found != kind:
            raise ExportWrongType(which, KIND_NAMES[kind], KIND_NAMES[found])
        return index

    def global_(self, index: int) -> Global:
        """The global of this index, imported ones first.

        Raises:
            IndexError: there is no such global.
        """
        return cast("Global", self.core.global_(index))

    def struct(self, type_: int | str, *values: Any, **by_name: Any) -> machine.StructRef:
        """A new struct of a type of the module, for this instance: ``instance.struct("point", 1, 2)``.

        Args:
            type_: the type's index, or its name in the module's name section.
            values: of its fields, in order, or of some, and
            by_name: of others, by their names there. Fields of numbers are else 0, and references null.

        Raises:
            IndexError, KeyError: there is no such type, no field of that name.
            TypeError: it is no struct; or a value is of another type, or missing where null is no value of the field.
            Trap: the collected heap is exhausted.
        """
        from wasmer_runtime_core.running.objects.references import new_struct

        return new_struct(self.core, self.module.info, type_, values, by_name)

    def array(self, type_: int | str, values: Iterable[Any]) -> machine.ArrayRef:
        """A new array of a type of the module with these elements.

        Raises:
            IndexError, KeyError: there is no such type.
            TypeError: it is no array; or an element is of another type.
            Trap: the collected heap is exhausted.
        """
        from wasmer_runtime_core.running.objects.references import new_array

        return new_array(self.core, self.module.info, type_, values)

    @property
    def heap(self) -> machine.Heap | None:
        """The collected heap, where its structs and arrays lie and those of instances that are linked to it; None
        before there is one. It says how large it is (``bytes``, ``live_bytes``), what ``collections`` there were and
        how long they took; its ``collect()`` is a collection, which comes by itself when it is needed."""
        return self.core.heap

    def context(self) -> Any:
        """What host functions get as their first argument."""
        return self.core.context

    def close(self) -> None:
        """Give back its own memories, at once, and everything else that nobody else uses.

        Later use of the instance, its functions and memories is a ValueError. Tables, globals
        and imported memories live on where others have them. Code of another instance that
        still refers to a function or memory of this one traps when it touches the memory.
        Closing twice does nothing; ``with instantiate(…) as instance:`` closes in the end. Where that cannot be, and an
        exception ends the block, the exception goes on, with a note.

        Raises:
            BufferError: views of its memories exist; nothing is closed.
            RuntimeError: it, or an instance linked to it, is running; nothing is closed.
        """
        self.core.close()
        self.exports.__dict__.clear()

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return bool(self.core.closed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, value: BaseException | None, traceback: object) -> None:
        close_behind(self, value)

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
        kind = KIND_NAMES[place_of(self.exports, name)[0]]
        if kind != "function":
            raise ExportWrongType(name, "function", kind)
        function: Function = self.exports[name]
        if params is not None or returns is not None:
            from wasmer_runtime_core.contract.values import FuncSig

            found = function.type
            wanted = FuncSig(found.params if params is None else params, found.returns if returns is None else returns)
            if wanted != found:
                raise SignatureError(str(wanted), str(found), name)
        return function

    def dyn_func(self, name: str) -> DynFunc:
        """An exported function on `Value` objects.

        Raises:
            ExportNotFound, ExportWrongType: there is no such function.
        """
        from wasmer_runtime_core.running.objects.functions import DynFunc

        return DynFunc(self.func(name))

    def tiers(self) -> dict[int, str]:
        """Whose code is called: for the index of each function that the module defines, the name of a backend."""
        module = self.module
        first = module.info.imported_functions
        count, tiers = len(module.info.functions) - first, module.tiers
        return {
            first + number: (None if tiers is None else tiers.of(number)) or module.backend for number in range(count)
        }

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
