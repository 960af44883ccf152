"""Values and their types as users write them: `Type`, `Value`, `FuncSig`, descriptors.

Calls take and give plain Python values; what stands here is for the places where a plain
value does not say enough. `Value.F32(1)` is a 32-bit float where ``1`` could be four
things, and it keeps its bits: a signalling NaN goes in and comes out as it was, which a
Python float on the way would not allow.

`Type` members are the type codes of the binary format, so they stand wherever the core
takes a code. A descriptor says what an extern is (Wasmer's word for the specification's
external types, section 2.3.7); each has the attributes of the core's own type and can be
given in its place.

Long for one idea: types, values of them and descriptors that name them are written in the same words.
"""

from __future__ import annotations

import enum
import struct
from operator import index

from wasmer_runtime_core.contract.units import WASM_MAX_PAGES, Pages
from wasmer_runtime_core.errors import InvalidDescriptor, SignatureError
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, TypeAlias
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.wasm.types import (
    ANYREF,
    EXNREF,
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    I32,
    I64,
    KIND,
    MAX_WIDE_PAGES,
    NON_NULL,
    V128,
    VALUE_TYPE_CODES,
    ExternalType,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
    TagType,
    ValueTypes,
    value_type_name,
    value_types,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class Type(enum.IntEnum):
    """A value type (specification, section 2.3.4). The number is its code in the binary format."""

    I32 = I32
    I64 = I64
    F32 = F32
    F64 = F64
    V128 = V128
    FUNCREF = FUNCREF
    EXTERNREF = EXTERNREF
    ANYREF = ANYREF
    EXNREF = EXNREF

    @property
    def kind(self) -> Type:
        """Itself; of a `ReferenceType` the member that it is a narrower form of."""
        return self

    @classmethod
    def of(cls, type: ValueType | int | str) -> ValueType:
        """The member for a member, a code, or a name in any case; a `ReferenceType` for the number of one.

        Raises:
            ValueError: there is no such type.
        """
        if isinstance(type, str):
            code = VALUE_TYPE_CODES.get(type.lower())
            if code is None:
                raise ValueError(f"{type!r} is no value type; there are {', '.join(VALUE_TYPE_CODES)}")
            return _TYPES[code]
        member = _TYPES.get(type)
        if member is None and type > KIND and type & KIND in _REFERENCES:
            return type if isinstance(type, ReferenceType) else ReferenceType(type)
        return cls(type) if member is None else member  # the former says what is wrong

    def __str__(self) -> str:
        return self.name.lower()

    def __repr__(self) -> str:
        return f"Type.{self.name}"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


_TYPES: Final = {int(member): member for member in Type}
"""By code. An enum finds its members so, too, but takes what a signal's handler raises meanwhile for its own."""


class ReferenceType(int):
    """A reference type that says more than its kind: that it has no null, or to what it refers.

    An int, as `Type` members are: the core's number, which has a meaning in one module (of an import, an export),
    or in this process (of what an instance has).

    Attributes:
        text: as the text format writes it: ``(ref null 3)``; the type of a function of an instance is written out.
    """

    text: str

    def __new__(cls, number: int, text: str = "") -> ReferenceType:
        made = super().__new__(cls, number)
        made.text = text or value_type_name(number)
        return made

    @property
    def kind(self) -> Type:
        """`Type.FUNCREF` and its like: what its values are at least."""
        return Type(self & KIND)

    @property
    def nullable(self) -> bool:
        """Whether None is a value of it."""
        return not self & NON_NULL

    @property
    def name(self) -> str:
        """Its text, as members of `Type` have a name."""
        return self.text

    def __reduce__(self) -> tuple[Any, ...]:
        return (ReferenceType, (int(self), self.text))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"ReferenceType({int(self):#x}, {self.text!r})"

    def __format__(self, spec: str) -> str:
        return format(self.text, spec)


ValueType: TypeAlias = "Type | ReferenceType"
_REFERENCES: Final = (Type.FUNCREF, Type.EXTERNREF, Type.ANYREF, Type.EXNREF)


class ElementType(enum.IntEnum):
    """What a table holds (specification, section 2.3.9)."""

    ANYFUNC = FUNCREF
    """Wasmer's name for functions of any signature."""
    FUNCREF = FUNCREF
    EXTERNREF = EXTERNREF
    ANYREF = ANYREF
    EXNREF = EXNREF

    def __str__(self) -> str:
        return "anyfunc" if self is ElementType.ANYFUNC else self.name.lower()


_BITS: Final = {Type.I32: 32, Type.I64: 64, Type.F32: 32, Type.F64: 64, Type.V128: 128}


def _integer_bits(value: int, width: int, name: str) -> int:
    """Two's complement bits of an int in the signed or the unsigned range of `width` bits."""
    value = index(value)
    if not -(1 << (width - 1)) <= value < 1 << width:
        raise OverflowError(f"{value} does not fit {name}")
    return value & ((1 << width) - 1)


def _f32_bits(value: float) -> int:
    """Bits of the nearest 32-bit float; past the range, infinity."""
    try:
        return int.from_bytes(struct.pack("<f", value), "little")
    except OverflowError:
        return 0x7F800000 if value > 0 else 0xFF800000
    except struct.error as error:
        raise TypeError(f"{value!r} is not a number") from error


def _f64_bits(value: float) -> int:
    try:
        return int.from_bytes(struct.pack("<d", value), "little")
    except struct.error as error:
        raise TypeError(f"{value!r} is not a number") from error


class Value:
    """A value with its type. Equal when type and bits are: NaN equals itself, 0.0 is not -0.0."""

    __slots__ = ("_reference", "bits", "type")

    type: Type
    bits: int
    """Unsigned; 0 for references."""
    _reference: Any

    def __init__(self, type: Type, bits: int, reference: object = None) -> None:
        """From raw bits. `Value.I32` and its like are what one usually wants."""
        object.__setattr__(self, "type", Type(type))
        object.__setattr__(self, "bits", bits)
        object.__setattr__(self, "_reference", reference)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Value does not change")

    @classmethod
    def I32(cls, value: int) -> Value:
        """A 32-bit integer, given in signed or unsigned range.

        Raises:
            OverflowError: it is in neither.
        """
        return cls(Type.I32, _integer_bits(value, 32, "i32"))

    @classmethod
    def I64(cls, value: int) -> Value:
        """A 64-bit integer, given in signed or unsigned range.

        Raises:
            OverflowError: it is in neither.
        """
        return cls(Type.I64, _integer_bits(value, 64, "i64"))

    @classmethod
    def F32(cls, value: float) -> Value:
        """A 32-bit float, rounded to nearest. For a NaN with a payload see `from_bits`.

        Raises:
            TypeError: not a number.
        """
        return cls(Type.F32, _f32_bits(value))

    @classmethod
    def F64(cls, value: float) -> Value:
        """A 64-bit float.

        Raises:
            TypeError: not a number.
        """
        return cls(Type.F64, _f64_bits(value))

    @classmethod
    def V128(cls, value: int | bytes) -> Value:
        """A vector: 16 bytes, or an int of 128 bits, little-endian.

        Raises:
            ValueError: not 16 bytes.
            OverflowError: the int has more than 128 bits.
        """
        if isinstance(value, int):
            return cls(Type.V128, _integer_bits(value, 128, "v128"))
        if len(value) != 16:
            raise ValueError(f"a v128 is 16 bytes, not {len(value)}")
        return cls(Type.V128, int.from_bytes(value, "little"))

    @classmethod
    def FUNCREF(cls, function: object) -> Value:
        """A reference to a function, or None."""
        return cls(Type.FUNCREF, 0, function)

    @classmethod
    def EXTERNREF(cls, value: object) -> Value:
        """A reference to any Python object; None is the null reference."""
        return cls(Type.EXTERNREF, 0, value)

    @classmethod
    def ANYREF(cls, value: object) -> Value:
        """A reference below ``any``: None, as long as there are no objects of WebAssembly's own."""
        return cls(Type.ANYREF, 0, value)

    @classmethod
    def EXNREF(cls, exception: object) -> Value:
        """A reference to an exception, or None."""
        return cls(Type.EXNREF, 0, exception)

    @classmethod
    def from_bits(cls, type: Type | int | str, bits: int) -> Value:
        """A number of `type` with exactly these bits, NaN payloads and all.

        Raises:
            OverflowError: `bits` is negative or wider than the type.
            ValueError: `type` is no number or vector type.
        """
        type = Type.of(type).kind
        width = _BITS.get(type)
        if width is None:
            raise ValueError(f"{type} has no bits")
        if not 0 <= bits < 1 << width:
            raise OverflowError(f"{bits:#x} does not fit {type}")
        return cls(type, bits)

    @classmethod
    def of(cls, type: Type | int | str, value: Any) -> Value:
        """`value` as a value of `type`; a `Value` of that type is returned as it is.

        Raises:
            TypeError: a `Value` of another type, or not a number.
            OverflowError: an integer out of range.
        """
        type = Type.of(type).kind
        if isinstance(value, Value):
            if value.type is not type:
                raise TypeError(f"expected {type}, got {value!r}")
            return value
        made: Value = getattr(cls, type.name)(value)
        return made

    def ty(self) -> Type:
        """Its type (Wasmer's spelling; `type` is the same)."""
        return self.type

    def to_u128(self) -> int:
        """Its bits as an unsigned int, zero-extended."""
        return self.bits

    @property
    def value(self) -> Any:
        """The plain Python value: a signed int, a float, 16 bytes, or the object referred to."""
        type, bits = self.type, self.bits
        if type is Type.I32:
            return (bits ^ 0x8000_0000) - 0x8000_0000
        if type is Type.I64:
            return (bits ^ 0x8000_0000_0000_0000) - 0x8000_0000_0000_0000
        if type is Type.F32:
            return struct.unpack("<f", bits.to_bytes(4, "little"))[0]
        if type is Type.F64:
            return struct.unpack("<d", bits.to_bytes(8, "little"))[0]
        if type is Type.V128:
            return bits.to_bytes(16, "little")
        return self._reference

    @property
    def raw(self) -> Any:
        """`bits`, or for a reference the object referred to: what calls by bits take."""
        return self._reference if self.type in _REFERENCES else self.bits

    @classmethod
    def from_raw(cls, type: Type, raw: Any) -> Value:
        """The value that `raw` gave."""
        return cls(type, 0, raw) if type in _REFERENCES else cls(type, raw)

    def __int__(self) -> int:
        return int(self.value) if self.type is not Type.V128 else self.bits

    def __index__(self) -> int:
        if self.type not in (Type.I32, Type.I64):
            raise TypeError(f"{self!r} is not an integer")
        return int(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value):
            return NotImplemented
        return self.type is other.type and self.bits == other.bits and self._reference is other._reference

    def __hash__(self) -> int:
        return hash((self.type, self.bits, id(self._reference)))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Value, (self.type, self.bits, self._reference))

    def __str__(self) -> str:
        return str(self.value) if self.type is not Type.V128 else f"{self.bits:#034x}"

    def __repr__(self) -> str:
        type, bits, value = self.type, self.bits, self.value
        if value != value:
            return f"Value.from_bits({type!r}, {bits:#x})"
        shown = f"{bits:#034x}" if type is Type.V128 else repr(value)
        return f"Value.{type.name}({shown})"


_known_members: Final[dict[bytes, tuple[ValueType, ...]]] = {}
_MOST_KNOWN: Final = 512


def _members(codes: ValueTypes, text: Callable[[int], str]) -> tuple[ValueType, ...]:
    """Value types by their codes: one object for all functions of a type, of which a module may have a million."""
    if not isinstance(codes, bytes):
        return tuple([Type.of(code) if code <= KIND else ReferenceType(code, text(code)) for code in codes])
    found = _known_members.get(codes)
    if found is None:
        found = tuple(map(Type, codes))
        if len(_known_members) >= _MOST_KNOWN:
            _known_members.clear()
        _known_members[codes] = found
    return found


class FuncSig:
    """The type of a function (specification, section 2.3.6), wherever one is shown: ``exports.f.type``,
    ``module.exports[0].type``. Printed as ``[i32, i32] -> [i32]``.

    Attributes:
        params, returns: `Type` members, or `ReferenceType`s.
    """

    __slots__ = ("params", "returns")

    params: tuple[ValueType, ...]
    returns: tuple[ValueType, ...]

    def __init__(
        self, params: Iterable[ValueType | int | str] = (), returns: Iterable[ValueType | int | str] = ()
    ) -> None:
        """Types as `Type` members, codes or names.

        Raises:
            ValueError: there is no such type.
        """
        self.params = tuple(Type.of(type) for type in params)
        self.returns = tuple(Type.of(type) for type in returns)

    @property
    def results(self) -> tuple[ValueType, ...]:
        """The specification's word for `returns`."""
        return self.returns

    @classmethod
    def from_function_type(cls, type: FunctionType, text: Callable[[int], str] = value_type_name) -> FuncSig:
        """The signature that the core's `FunctionType` says; `text` writes reference types of more than their kind."""
        made = cls()
        made.params, made.returns = _members(type.params, text), _members(type.results, text)
        return made

    def to_function_type(self) -> FunctionType:
        """The same as the core's `FunctionType`."""
        return FunctionType(value_types(map(int, self.params)), value_types(map(int, self.returns)))

    def check_param_value_types(self, values: Sequence[Value]) -> bool:
        """Whether these values can be passed."""
        return tuple(value.type for value in values) == tuple(type.kind for type in self.params)

    def bind(self, values: Sequence[Any], name: str = "") -> list[Value]:
        """`values` as `Value` objects of the parameters' types.

        Raises:
            SignatureError: another number of values, or one that does not fit its parameter.
            OverflowError: an integer out of range.
        """
        if len(values) == len(self.params):
            try:
                return [Value.of(type, value) for type, value in zip(self.params, values, strict=True)]
            except (TypeError, ValueError) as failure:
                if raised_by_a_handler(failure):
                    raise
        found = ", ".join(str(value.type) if isinstance(value, Value) else type(value).__name__ for value in values)
        raise SignatureError(str(self), f"({found})", name)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, FuncSig):
            return self.params == other.params and self.returns == other.returns
        if isinstance(other, FunctionType):
            return self.to_function_type() == other
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.to_function_type())

    def __reduce__(self) -> tuple[Any, ...]:
        return (FuncSig, (self.params, self.returns))

    def __str__(self) -> str:
        return f"[{', '.join(map(str, self.params))}] -> [{', '.join(map(str, self.returns))}]"

    def __repr__(self) -> str:
        return f"FuncSig({self})"


# --- descriptors ----------------------------------------------------------------------------


def _check_limits(what: str, minimum: int, maximum: int | None, most: int) -> None:
    if not 0 <= minimum <= most:
        raise InvalidDescriptor(f"{what}: a minimum of {minimum} is not between 0 and {most}")
    if maximum is not None and not minimum <= maximum <= most:
        raise InvalidDescriptor(f"{what}: a maximum of {maximum} is not between the minimum, {minimum}, and {most}")


def _index_type(what: str, type: Type | int | str) -> Type:
    found = Type.of(type).kind
    if found not in (I32, I64):
        raise InvalidDescriptor(f"{what}: an index is an i32 or an i64, no {found.name.lower()}")
    return found


class _Descriptor:
    """Equality, hash, pickling and text from `__slots__`."""

    __slots__: tuple[str, ...] = ()

    def _key(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), self._key()))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), self._key())

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({fields})"


class MemoryDescriptor(_Descriptor):
    """Of a memory: how many pages it has at first, and how many it may have.

    Attributes:
        minimum: pages of 64 KiB at first.
        maximum: pages it may grow to, or None.
        shared: whether threads share it; needs a maximum.
        index_type: `Type.I32`, or `Type.I64` of a 64-bit memory.
    """

    __slots__ = ("minimum", "maximum", "shared", "index_type")  # noqa: RUF023 - as the constructor has them

    def __init__(
        self, minimum: int, maximum: int | None = None, shared: bool = False, index_type: Type | int | str = I32
    ) -> None:
        """Raises:
        InvalidDescriptor: the counts contradict one another, a shared memory has no maximum, an index no such type.
        """
        self.index_type = _index_type("memory", index_type)
        _check_limits("memory", minimum, maximum, WASM_MAX_PAGES if self.index_type == I32 else MAX_WIDE_PAGES)
        if shared and maximum is None:
            raise InvalidDescriptor("Max number of pages is required for shared memory")
        self.minimum = Pages(minimum)
        self.maximum = None if maximum is None else Pages(maximum)
        self.shared = bool(shared)

    @classmethod
    def from_type(cls, type: MemoryType) -> MemoryDescriptor:
        """What the core's `MemoryType` says."""
        return cls(type.limits.minimum, type.limits.maximum, type.shared, type.index_type)

    def to_type(self) -> MemoryType:
        """The same as the core's `MemoryType`."""
        return MemoryType(self.limits, self.shared, int(self.index_type))

    @property
    def limits(self) -> Limits:
        return Limits(int(self.minimum), None if self.maximum is None else int(self.maximum))

    def memory_type(self) -> str:
        """Wasmer's kind: "SharedStatic", "Static" (a maximum is known) or "Dynamic"."""
        return "SharedStatic" if self.shared else "Dynamic" if self.maximum is None else "Static"


class TableDescriptor(_Descriptor):
    """Of a table: what it holds, how many elements it has at first and may have.

    Attributes:
        element: an `ElementType`, or a `ReferenceType`.
        minimum: elements at first.
        maximum: elements it may grow to, or None.
        index_type: `Type.I32`, or `Type.I64` of a 64-bit table.
    """

    __slots__ = ("element", "minimum", "maximum", "index_type")  # noqa: RUF023 - as the constructor has them

    def __init__(
        self,
        element: ElementType | ReferenceType | int,
        minimum: int,
        maximum: int | None = None,
        index_type: Type | int | str = I32,
    ) -> None:
        """Raises:
        InvalidDescriptor: the counts contradict one another, or an index has no such type.
        """
        self.index_type = _index_type("table", index_type)
        _check_limits("table", minimum, maximum, 0xFFFF_FFFF if self.index_type == I32 else 0xFFFF_FFFF_FFFF_FFFF)
        self.element = ElementType(element) if element <= KIND else ReferenceType(element)
        self.minimum = minimum
        self.maximum = maximum

    @classmethod
    def from_type(cls, type: TableType) -> TableDescriptor:
        """What the core's `TableType` says."""
        return cls(type.element, type.limits.minimum, type.limits.maximum, type.index_type)

    def to_type(self) -> TableType:
        """The same as the core's `TableType`."""
        return TableType(int(self.element), self.limits, int(self.index_type))

    @property
    def limits(self) -> Limits:
        return Limits(self.minimum, self.maximum)


class GlobalDescriptor(_Descriptor):
    """Of a global.

    Attributes:
        mutable: whether it may be set.
        ty: its `Type`.
    """

    __slots__ = ("mutable", "ty")

    def __init__(self, mutable: bool, ty: ValueType | int | str) -> None:
        self.mutable = bool(mutable)
        self.ty = Type.of(ty)

    @classmethod
    def from_type(cls, type: GlobalType) -> GlobalDescriptor:
        """What the core's `GlobalType` says."""
        return cls(type.mutable, type.value)

    def to_type(self) -> GlobalType:
        """The same as the core's `GlobalType`."""
        return GlobalType(int(self.ty), self.mutable)

    @property
    def value(self) -> ValueType:
        return self.ty


class TagDescriptor(_Descriptor):
    """Of a tag: the values that an exception with it carries.

    Attributes:
        params: their types, a tuple of `Type`.
    """

    __slots__ = ("params",)

    def __init__(self, params: Iterable[Type | int | str]) -> None:
        self.params = tuple([Type.of(type) for type in params])

    @classmethod
    def from_type(cls, type: TagType) -> TagDescriptor:
        """What the core's `TagType` says."""
        return cls(type.params)

    def to_type(self) -> TagType:
        """The same as the core's `TagType`."""
        return TagType(bytes(self.params))


ExternDescriptor = FuncSig | MemoryDescriptor | TableDescriptor | GlobalDescriptor | TagDescriptor


class Initializer(_Descriptor):
    """How a module's own global starts: a constant, or the value of an imported global.

    Attributes:
        const: a `Value`, or None.
        get_global: index of an imported global, or None.
    """

    __slots__ = ("const", "get_global")

    def __init__(self, const: Value | None = None, get_global: int | None = None) -> None:
        self.const = const
        self.get_global = get_global


def describe(type: ExternalType) -> ExternDescriptor:
    """The descriptor for one of the core's external types."""
    if isinstance(type, FunctionType):
        return FuncSig.from_function_type(type)
    if isinstance(type, MemoryType):
        return MemoryDescriptor.from_type(type)
    if isinstance(type, TableType):
        return TableDescriptor.from_type(type)
    if isinstance(type, TagType):
        return TagDescriptor.from_type(type)
    return GlobalDescriptor.from_type(type)
