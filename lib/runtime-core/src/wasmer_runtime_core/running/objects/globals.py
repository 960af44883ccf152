"""Globals (specification, section 4.2.9)."""

from __future__ import annotations

from wasmer_runtime_core.contract.values import GlobalDescriptor, Type, Value
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.objects.functions import type_text
from wasmer_runtime_core.support.annotations import cast
from wasmer_runtime_core.wasm.types import KIND, GlobalType


class Global(machine.Global):
    """A global variable, made alone or by an instance.

    ``Global(Value.I32(7))`` is immutable, ``Global.new_mutable(Value.I32(7))`` is not. `get`
    and `set` work with plain Python values, `get_value` and `set_value` with `Value`, that is,
    bit by bit.

    Attributes:
        value: the plain value; assignment is `set`.
        mutable: whether it may be set; if not, AttributeError.
    """

    __slots__ = ()

    def __new__(cls, value: Value, mutable: bool = False) -> Global:
        """A global of the value's type.

        Raises:
            TypeError: not a `Value`: a plain one does not say its type.
        """
        if not isinstance(value, Value):
            raise TypeError(f"a global is made of a Value, which has a type, such as Value.I32(7); this is {value!r}")
        return cast("Global", super().__new__(cls, int(value.type), _bits(value), mutable, True))

    @classmethod
    def new_mutable(cls, value: Value) -> Global:
        """A global that may be set."""
        return cls(value, True)

    @property
    def type(self) -> GlobalType:
        """Its value type and mutability."""
        return GlobalType(self.value_type, self.mutable)

    global_type = type

    @property
    def descriptor(self) -> GlobalDescriptor:
        """The same as a descriptor."""
        return GlobalDescriptor(self.mutable, self.value_type)

    def get_value(self) -> Value:
        """Its value with its type, bit by bit."""
        bits, type = self.get_bits(), self.value_type
        return Value.from_raw(Type(type & KIND), bits)

    def set_value(self, value: Value) -> None:
        """Set it, bit by bit.

        Raises:
            AttributeError: it is immutable.
            TypeError: the value is of another type.
        """
        if value.type != self.value_type & KIND:
            raise TypeError(f"this global is of type {type_text(self.value_type)}, not {value.type}")
        self.set_bits(_bits(value))

    def __repr__(self) -> str:
        mutable = "mutable " if self.mutable else ""
        return f"<wasm global: {mutable}{type_text(self.value_type)} {self.get()!r}>"


def _bits(value: Value) -> object:
    return value.raw


machine.configure(global_=Global)
