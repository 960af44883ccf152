"""`Ctx`: what a host function sees of the instance that called it (Wasmer's ``vm::Ctx``).

Each instance has one, made when it is instantiated and given as the first argument to host
functions that ask for it. It refers to its instance weakly: an instance owns its context,
never the other way round, so dropping the last instance frees its memory at once.
"""

from __future__ import annotations

from _thread import allocate_lock
from _weakref import ref  # `weakref.ref`; the rest of that module takes half a millisecond
from os import register_at_fork

from wasmer_runtime_core.errors import ExportNotFound
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wasmer_runtime_core.native import machine
    from wasmer_runtime_core.running.instance import Instance
    from wasmer_runtime_core.running.internal_fields import InternalField
    from wasmer_runtime_core.running.objects.memory import Memory

_first_field: Final = allocate_lock()
"""Held where a context gets its first field: no thread may replace what another has set. Nothing is made or called
meanwhile, so neither a finalizer nor a handler of a signal meets it held."""
register_at_fork(after_in_child=_first_field._at_fork_reinit)  # type: ignore[attr-defined]


class Ctx:
    """The calling instance, as a host function sees it.

    Attributes:
        data: what the import object's state creator made, or whatever was set. Where the import object has none:
            the first of `states`, or None.
        states: what state creators of the imported functions made (`HostFunc.state_creator`). Unset if they have none.
    """

    __slots__ = ("__weakref__", "_core", "_finalizer", "_instance", "_internals", "data", "states")

    states: tuple[Any, ...]

    def __init__(self, data: Any = None, finalizer: Callable[[Any], object] | None = None) -> None:
        self.data = data
        self._finalizer = finalizer
        self._instance: ref[Instance] | None = None
        self._core: ref[machine.Instance] | None = None  # lives as long as any of its functions
        self._internals: dict[int, int] | None = None

    @property
    def instance(self) -> Instance:
        """The instance this belongs to.

        Raises:
            ReferenceError: it is gone.
        """
        instance = None if self._instance is None else self._instance()
        if instance is None:
            core = None if self._core is None else self._core()
            if core is None:
                raise ReferenceError("the instance of this context is gone")
            instance = _instance_of(core)
            self._instance = ref(instance)
        return instance

    @instance.setter
    def instance(self, instance: Instance) -> None:
        self._instance = ref(instance)
        self._core = ref(instance.core)

    def memory(self, which: int | str = 0) -> Memory:
        """The instance's memory of this index, imported ones first, or the one that is exported under this name.

        Raises:
            IndexError: there is no such memory.
            ExportNotFound: there is no such export.
            ExportWrongType: it is no memory.
        """
        return self.instance.memory(which)

    def memory_and_data(self, index: int = 0) -> tuple[Memory, Any]:
        """The memory and `data` at once (Wasmer's ``memory_and_data_mut``)."""
        return self.instance.memory(index), self.data

    def call_with_table_index(self, index: int, args: Sequence[Any] = (), table: int = 0) -> Any:
        """Call the function at `index` of one of the instance's tables, as ``call_indirect`` would.

        Returns:
            What the function returns: None, a value, or a tuple.

        Raises:
            ExportNotFound: the element is null.
            IndexError: there is no such element or table.
        """
        function = self.instance.table(table)[index]
        if function is None:
            raise ExportNotFound(f"table[{index}]")
        return function(*args)

    def get_internal(self, field: InternalField) -> int:
        """An internal field's value; 0 at first."""
        return 0 if self._internals is None else self._internals.get(field.index, 0)

    def set_internal(self, field: InternalField, value: int) -> None:
        """Set an internal field; 64 bits are kept."""
        if self._internals is None:
            fields: dict[int, int] = {}
            with _first_field:
                if self._internals is None:
                    self._internals = fields
        self._internals[field.index] = value & 0xFFFF_FFFF_FFFF_FFFF

    def __del__(self) -> None:
        finalizer = getattr(self, "_finalizer", None)
        if finalizer is not None:
            finalizer(self.data)


def _instance_of(core: machine.Instance) -> Instance:
    from wasmer_runtime_core.running.instance import Instance

    return Instance.of(core)
