"""`Limits`: how large instances may become, and how many there may be.

::

    limits = Limits(memory_pages=16, table_elements=1000, instances=10, stack_bytes=256 * 1024)
    instance = module.instantiate(imports, limits=limits)

One object may be given once or to many instances; it then stands for all of them as a
store does elsewhere, and ``instances`` counts those that are alive.

===============  ==================================  =====================================
limit            at instantiation                    later
===============  ==================================  =====================================
memory_pages     `UnableToCreateMemory`              ``memory.grow`` returns -1;
                                                     `Memory.grow` raises `MemoryGrowError`
table_elements   `UnableToCreateTable`               ``table.grow`` returns -1;
                                                     `Table.grow` raises `TableGrowError`
instances        `TooManyInstances`
stack_bytes      `Trap` in a start function          `Trap`, kind STACK_OVERFLOW
===============  ==================================  =====================================

Pages and elements are those of each memory and table that the instance makes; what it
imports belongs to whoever made it. The stack is the machine's, measured from the outermost
call, host functions in between included; how much a call needs depends on the backend.
Instances that are linked run on one stack: the smallest of their limits holds. Execution
is limited by `middleware.metering` or `interrupts.timeout`.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from wasmer_runtime_core.errors import TooManyInstances, UnableToCreateMemory, UnableToCreateTable
from wasmer_runtime_core.native.machine import restrict

if TYPE_CHECKING:
    from wasmer_runtime_core.native import machine
    from wasmer_runtime_core.wasm.module import ModuleInfo


class Limits:
    """See the module's description. None is no limit but the machine's own.

    Attributes:
        memory_pages: pages of 64 KiB of each memory.
        table_elements: elements of each table.
        instances: how many may live at once.
        stack_bytes: of an outermost call.
    """

    __slots__ = ("_alive", "instances", "memory_pages", "stack_bytes", "table_elements")

    def __init__(
        self,
        *,
        memory_pages: int | None = None,
        table_elements: int | None = None,
        instances: int | None = None,
        stack_bytes: int | None = None,
    ) -> None:
        """
        Raises:
            ValueError: a limit is negative.
        """
        self.memory_pages = _checked("memory_pages", memory_pages)
        self.table_elements = _checked("table_elements", table_elements)
        self.instances = _checked("instances", instances)
        self.stack_bytes = _checked("stack_bytes", stack_bytes)
        self._alive: weakref.WeakSet[machine.Instance] = weakref.WeakSet()

    @property
    def alive(self) -> int:
        """Instances that were made with these limits and are not gone yet."""
        return len(self._alive)

    def check(self, info: ModuleInfo) -> None:
        """May a module be instantiated now?

        Raises:
            UnableToCreateMemory, UnableToCreateTable, TooManyInstances: as above.
        """
        if self.instances is not None and self.alive >= self.instances:
            raise TooManyInstances(f"{self.alive} instances are alive; the limit is {self.instances}")
        if self.memory_pages is not None:
            for memory in info.memories[info.imported_memories :]:
                if memory.limits.minimum > self.memory_pages:
                    raise UnableToCreateMemory(
                        f"the module wants a memory of {memory.limits.minimum} pages; the limit is {self.memory_pages}"
                    )
        if self.table_elements is not None:
            for table in info.tables[info.imported_tables :]:
                if table.limits.minimum > self.table_elements:
                    raise UnableToCreateTable(
                        f"the module wants a table of {table.limits.minimum} elements; "
                        f"the limit is {self.table_elements}"
                    )

    def apply(self, core: machine.Instance) -> None:
        """Put a new instance, not yet initialized, under these limits."""
        restrict(core, _number(self.memory_pages), _number(self.table_elements), _number(self.stack_bytes))
        self._alive.add(core)

    def __repr__(self) -> str:
        given = (name for name in ("memory_pages", "table_elements", "instances", "stack_bytes"))
        shown = ", ".join(f"{name}={getattr(self, name)}" for name in given if getattr(self, name) is not None)
        return f"Limits({shown})"


def _checked(name: str, value: int | None) -> int | None:
    if value is not None and (value < 0 or value >= 1 << 63):
        raise ValueError(f"{name} of {value}: a limit is a number from 0 on, or None")
    return value


def _number(value: int | None) -> int:
    return -1 if value is None else value
