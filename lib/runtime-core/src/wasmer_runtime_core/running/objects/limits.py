"""`Limits`: how large instances may become, and how many there may be.

::

    limits = Limits(memory_pages=16, total_memory_pages=64, table_elements=1000, instances=10, stack_bytes=256 * 1024)
    instance = module.instantiate(imports, limits=limits)
    memory = Memory(1, limits=limits)  # of the host's own, counted with the others

One object may be given once or to many; it then stands for all of them as a store does
elsewhere: totals and ``instances`` are those of everything that is alive and was made under it.

====================  ==================================  =====================================
limit                 at instantiation                    later
====================  ==================================  =====================================
memory_pages,         `UnableToCreateMemory`              ``memory.grow`` returns -1;
total_memory_pages                                        `Memory.grow` raises `MemoryGrowError`
table_elements,       `UnableToCreateTable`               ``table.grow`` returns -1;
total_table_elements                                      `Table.grow` raises `TableGrowError`
instances             `TooManyInstances`
stack_bytes           `Trap` in a start function          `Trap`, kind STACK_OVERFLOW
references            `RuntimeError` in a start function  `RuntimeError` from the host function
heap_bytes            `Trap` in a start function          `Trap`, kind HEAP_EXHAUSTED
====================  ==================================  =====================================

Pages and elements are those of each memory and table that the instance makes, and of all
together; what it imports belongs to whoever made it. They are given back when the memory or
table is freed, pages also when it is closed. The stack is the machine's, measured from the
outermost call, host functions in between included; how much a call needs depends on the backend.
Objects that host functions return to WebAssembly live until the outermost call ends, whatever becomes
of them there; `references` bounds how many different ones, and is reached before twice as many were given. It bounds
as well what the exceptions take that an instance threw and that somebody still has: so many times 64 bytes.
Instances that are linked run on one stack and have one collected heap: the smallest of their limits holds. The heap
is counted in blocks of 64 KiB, each for objects of one size, and large arrays in pages of 4 KiB; what is not needed any
more is collected before the limit is reached. Execution is limited by `middleware.metering` or `interrupts.timeout`.
"""

from __future__ import annotations

from wasmer_runtime_core.errors import TooManyInstances, UnableToCreateMemory, UnableToCreateTable
from wasmer_runtime_core.native.machine import Budget, restrict
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from wasmer_runtime_core.native import machine
    from wasmer_runtime_core.wasm.module import ModuleInfo

AnyMemory = TypeVar("AnyMemory", bound="machine.Memory")
AnyTable = TypeVar("AnyTable", bound="machine.Table")

NAMES: Final = (
    "memory_pages",
    "total_memory_pages",
    "table_elements",
    "total_table_elements",
    "instances",
    "stack_bytes",
    "references",
    "heap_bytes",
)


class Limits:
    """See the module's description. None is no limit but the machine's own. They do not change.

    Attributes:
        memory_pages: pages of 64 KiB of each memory.
        total_memory_pages: of all memories together.
        table_elements: elements of each table.
        total_table_elements: of all tables together.
        instances: how many may live at once.
        stack_bytes: of an outermost call.
        references: objects that host functions return during an outermost call, and 64 bytes each of exceptions;
            None is ten million.
        heap_bytes: of the collected heap, where structs and arrays lie; None is 4 GiB.
    """

    __slots__ = ("_budget", *NAMES)

    def __init__(
        self,
        *,
        memory_pages: int | None = None,
        total_memory_pages: int | None = None,
        table_elements: int | None = None,
        total_table_elements: int | None = None,
        instances: int | None = None,
        stack_bytes: int | None = None,
        references: int | None = None,
        heap_bytes: int | None = None,
    ) -> None:
        """
        Raises:
            ValueError: a limit is negative.
        """
        self.memory_pages = _checked("memory_pages", memory_pages)
        self.total_memory_pages = _checked("total_memory_pages", total_memory_pages)
        self.table_elements = _checked("table_elements", table_elements)
        self.total_table_elements = _checked("total_table_elements", total_table_elements)
        self.instances = _checked("instances", instances)
        self.stack_bytes = _checked("stack_bytes", stack_bytes)
        self.references = _checked("references", references)
        self.heap_bytes = _checked("heap_bytes", heap_bytes)
        self._budget = Budget(
            _number(self.total_memory_pages), _number(self.total_table_elements), _number(self.instances)
        )

    @property
    def alive(self) -> int:
        """Instances that were made with these limits and are not gone yet."""
        return self._budget.instances

    @property
    def pages(self) -> int:
        """Pages that all memories under these limits have now."""
        return self._budget.pages

    @property
    def elements(self) -> int:
        """Elements that all tables under these limits have now."""
        return self._budget.elements

    def check(self, info: ModuleInfo) -> None:
        """May a module be instantiated now? So that nothing is made where it may not be; `apply` has the last word.

        Raises:
            UnableToCreateMemory, UnableToCreateTable, TooManyInstances: as above.
        """
        if self.instances is not None and self.alive >= self.instances:
            raise TooManyInstances(f"{self.alive} instances are alive; the limit is {self.instances}")
        pages = 0
        for memory in info.memories[info.imported_memories :]:
            pages += memory.limits.minimum
            self._check_pages(memory.limits.minimum, pages)
        elements = 0
        for table in info.tables[info.imported_tables :]:
            elements += table.limits.minimum
            self._check_elements(table.limits.minimum, elements)

    def _check_pages(self, pages: int, together: int) -> None:
        if self.memory_pages is not None and pages > self.memory_pages:
            raise UnableToCreateMemory(f"a memory of {pages} pages is wanted; the limit is {self.memory_pages}")
        if self.total_memory_pages is not None and self.pages + together > self.total_memory_pages:
            wanted = f"a memory of {pages} pages is" if pages == together else f"memories of {together} pages are"
            raise UnableToCreateMemory(
                f"{wanted} wanted; all memories have {self.pages}, and the limit is {self.total_memory_pages}"
            )

    def _check_elements(self, elements: int, together: int) -> None:
        if self.table_elements is not None and elements > self.table_elements:
            raise UnableToCreateTable(f"a table of {elements} elements is wanted; the limit is {self.table_elements}")
        if self.total_table_elements is not None and self.elements + together > self.total_table_elements:
            raise UnableToCreateTable(
                f"tables of {together} elements are wanted; all tables have {self.elements}, and the limit is "
                f"{self.total_table_elements}"
            )

    def apply(self, core: machine.Instance) -> None:
        """Put a new instance, not yet initialized, under these limits.

        Raises:
            UnableToCreateMemory, UnableToCreateTable, TooManyInstances: others took what was left meanwhile.
        """
        self._restrict(core)

    def memory(self, memory: AnyMemory) -> AnyMemory:
        """Put a new memory that no instance made under these limits; the argument of ``Memory(…, limits=…)``.

        Raises:
            UnableToCreateMemory: as above.
        """
        self._check_pages(memory.pages, memory.pages)
        self._restrict(memory)
        return memory

    def table(self, table: AnyTable) -> AnyTable:
        """Put a new table that no instance made under these limits; the argument of ``Table(…, limits=…)``.

        Raises:
            UnableToCreateTable: as above.
        """
        self._check_elements(len(table), len(table))
        self._restrict(table)
        return table

    def _restrict(self, made: machine.Instance | machine.Memory | machine.Table) -> None:
        restrict(
            made,
            _number(self.memory_pages),
            _number(self.table_elements),
            _number(self.stack_bytes),
            _number(self.references),
            _number(self.heap_bytes),
            self._budget,
        )

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)}" for name in NAMES if getattr(self, name) is not None)
        return f"Limits({shown})"


def _checked(name: str, value: Any) -> int | None:
    if value is not None and not (isinstance(value, int) and 0 <= value < 1 << 63):
        raise ValueError(f"{name} of {value!r}: a limit is a whole number from 0 on, or None")
    return value


def _number(value: int | None) -> int:
    return -1 if value is None else value
