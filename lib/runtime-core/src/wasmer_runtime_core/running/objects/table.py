"""Tables (specification, section 4.2.7): elements are functions or objects, None is null."""

from __future__ import annotations

from wasmer_runtime_core.contract.values import TableDescriptor
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.objects.functions import type_text
from wasmer_runtime_core.support.annotations import TYPE_CHECKING
from wasmer_runtime_core.wasm.types import I32, I64, KIND, Limits, TableType

if TYPE_CHECKING:
    from wasmer_runtime_core.running.objects.limits import Limits as SharedLimits


class Table(machine.Table):
    """A table, made alone or by an instance. ``len``, indexing and iteration work as on a list.

    Attributes:
        element: value type code of its elements.
        minimum: elements it was made with.
        maximum: elements it may have, or None.
    """

    __slots__ = ()

    def __new__(cls, descriptor: TableDescriptor, *, limits: SharedLimits | None = None) -> Table:
        """A table by descriptor.

        Args:
            descriptor: what it is to be.
            limits: bound and count it as they do the tables of instances.

        Raises:
            UnableToCreateTable: too many elements, or too many for `limits`.
            TypeError: not a descriptor.
        """
        if limits is not None:
            return limits.table(cls(descriptor))
        if not isinstance(descriptor, TableDescriptor):
            raise TypeError(f"a table is made of a TableDescriptor; this is {descriptor!r}")
        if descriptor.element > KIND:
            raise TypeError(f"a table of {descriptor.element} is made by a module: what that means, no other knows")
        return super().__new__(  # type: ignore[return-value]
            cls, int(descriptor.element), int(descriptor.minimum), descriptor.maximum, descriptor.index_type == I64
        )

    @property
    def type(self) -> TableType:
        """Its type now: the minimum is the current size, as matching of imports wants it."""
        return TableType(self.element, Limits(len(self), self.maximum), I64 if self.wide else I32)

    @property
    def size(self) -> int:
        """Elements it has now."""
        return len(self)

    @property
    def descriptor(self) -> TableDescriptor:
        """What it was made with."""
        return TableDescriptor(self.element, self.minimum, self.maximum, I64 if self.wide else I32)

    def __repr__(self) -> str:
        return f"<wasm table: {len(self)} of {type_text(self.element)}>"


machine.configure(table=Table)
