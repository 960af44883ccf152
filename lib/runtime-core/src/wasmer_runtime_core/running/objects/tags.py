"""Tags, by which exceptions are told apart (specification 3.0, section 4.2.8), and exceptions as Python has them."""

from __future__ import annotations

from wasmer_runtime_core.contract.values import TagDescriptor, Type, Value
from wasmer_runtime_core.errors import Cancelled, ExitCode, InternalError, Timeout, Traced, Trap, Uncatchable
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, cast
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.wasm.types import FunctionType, TagType, value_types_text

if TYPE_CHECKING:
    from collections.abc import Iterable

PASSING: Final = (Trap, Timeout, Cancelled, ExitCode, Uncatchable, InternalError)
"""Exceptions, beside those that are no `Exception`, that no WebAssembly code may catch."""


class Tag(machine.Tag):
    """A tag, made alone or by an instance; each is one of its own, whatever its types.

    ``Tag("i32", "i64")`` is for exceptions that carry these two values.
    """

    __slots__ = ()

    def __new__(cls, *params: Type | int | str | FunctionType) -> Tag:
        """A tag for values of these types.

        Raises:
            ValueError: no type is called that.
        """
        if len(params) == 1 and isinstance(params[0], FunctionType):
            type_ = params[0]
        else:
            type_ = FunctionType(bytes([int(Type.of(cast("Type", each))) for each in params]), b"")
        return cast("Tag", super().__new__(cls, type_))

    @property
    def type(self) -> TagType:
        """The types of its values."""
        return TagType(self.core_type.params)

    @property
    def descriptor(self) -> TagDescriptor:
        """The same as a descriptor."""
        return TagDescriptor.from_type(self.type)

    def __repr__(self) -> str:
        return f"<wasm tag: {self.type}>"


class WasmException(Traced):
    """An exception of WebAssembly (specification 3.0, section 4.2.9).

    A host function may raise one; code that called it may catch it by its tag. One that no code caught arrives where
    WebAssembly was called.

    Attributes:
        tag: its `Tag`.
        values: what it carries, one for each parameter of the tag.
        frames: the wasm functions that it left, innermost first.
    """

    def __init__(self, tag: Tag, values: Iterable[object] = ()) -> None:
        """Raises:
        TypeError: not a tag; or as many values as the tag does not take, or of other types.
        OverflowError: a number out of range.
        """
        if not isinstance(tag, Tag):
            raise TypeError(f"an exception has a Tag, not {tag!r}")
        given = tuple(values)
        types = tag.type.params
        if len(given) != len(types):
            raise TypeError(f"this tag takes {len(types)} values ({value_types_text(types)}), not {len(given)}")
        made = tuple([Value.of(type, value).value for type, value in zip(types, given, strict=True)])
        tag.check(made)
        self._set(tag, made)

    def _set(self, tag: Tag, values: tuple[Any, ...]) -> None:
        """The same for values that are known to fit."""
        self.tag = tag
        self.values = values
        super().__init__("WebAssembly threw an exception" + (f": {', '.join(map(repr, values))}" if values else ""))


def make_exception(tag: machine.Tag, values: tuple[Any, ...]) -> WasmException:
    """What Python raises for an exception that WebAssembly threw."""
    made = WasmException.__new__(WasmException)
    made._set(cast("Tag", tag), values)
    return made


def thrown(failure: BaseException) -> tuple[machine.Tag | None, tuple[Any, ...]] | None:
    """How WebAssembly may catch what a host function raised: by a tag, with values; without one, by ``catch_all``
    alone; or None: not at all."""
    if isinstance(failure, PASSING) or raised_by_a_handler(failure):
        return None
    if isinstance(failure, WasmException):
        return failure.tag, failure.values
    return None, ()


machine.configure(tag=Tag, make_exception=make_exception, thrown=thrown)
