"""`vectorize`: a scalar WebAssembly function over whole arrays, in native code.

::

    area = vectorize(instance.exports.area)      # (f64, f64) -> f64
    area(widths, heights)                        # numpy arrays, any buffers, lists, numbers
    area(widths, 2.5, out=result)

WebAssembly is entered once and the function called in a loop, at some nanoseconds an
element. Operands are broadcast as numpy does: shapes are aligned at their last dimensions,
and a dimension of 1, or a missing one, is repeated.

* *Operands* may be buffers whose elements are those of the parameter (i32: 32-bit integers
  of either sign, f64: doubles, …), numbers, or, where numpy is installed, arrays of types
  that numpy converts without changing the kind, and nested lists.
* *The result* goes to ``out``, which must have exactly the result's shape and type; else to
  a new numpy array, or without numpy to a `memoryview` of that shape. For numbers alone it
  is a number.
* The function must take numbers and return one number.

A trap ends the loop: the exception has the note "at element …", and what was written to
``out`` up to there stays. Memories and globals are those of the instance, as in any call;
interrupts, deadlines, limits and `release_gil` hold as well.
"""

from __future__ import annotations

import struct

from wasmer_runtime_core.native.machine import map_elements
from wasmer_runtime_core.running.objects.functions import Function
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.support.printable import printable
from wasmer_runtime_core.wasm.types import F32, F64, I32, I64

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORMATS: Final = {I32: "i", I64: "q", F32: "f", F64: "d"}
_BITS: Final = {I32: 32, I64: 64}
_DTYPES: Final = {I32: "int32", I64: "int64", F32: "float32", F64: "float64"}


class Vectorized:
    """A function over arrays, made by `vectorize`.

    Attributes:
        function: what is called for each element.
    """

    __slots__ = ("_params", "_result", "function")

    def __init__(self, function: Function) -> None:
        """
        Raises:
            TypeError: not a WebAssembly function of numbers with one result.
        """
        if not isinstance(function, Function):
            raise TypeError(f"vectorize takes a WebAssembly function, not {type(function).__name__}")
        params, results = function.core_type.params, function.core_type.results
        if len(results) != 1 or not params or not all(code in _FORMATS for code in (*params, *results)):
            raise TypeError(
                f"{printable(function.__name__)} {function.type} cannot be applied to arrays: "
                "it must take at least one number and return one"
            )
        self.function = function
        self._params = params
        self._result = results[0]

    def __call__(self, *operands: Any, out: Any = None) -> Any:
        """Apply the function to each element.

        Args:
            operands: one per parameter.
            out: a writable buffer for the results.

        Returns:
            `out`, a new array, or a number if all operands are numbers.

        Raises:
            TypeError: too few operands or too many, or elements of the wrong type.
            ValueError: shapes that do not fit together.
            OverflowError: a number outside the range of its parameter.
            Trap: the function trapped.
        """
        if len(operands) != len(self._params):
            raise TypeError(
                f"{printable(self.function.__name__)} takes {len(self._params)} operands, {len(operands)} were given "
                f"(signature {self.function.type})"
            )
        if out is None and all(isinstance(operand, (int, float)) for operand in operands):
            return self.function(*operands)
        buffers = tuple(_operand(operand, code) for operand, code in zip(operands, self._params, strict=True))
        shape = _broadcast([memoryview(buffer).shape or () for buffer in buffers])
        if out is None:
            out = _empty(shape, self._result)
        elif memoryview(out).shape != shape:
            raise ValueError(f"out has the shape {memoryview(out).shape}, the result {shape}")
        map_elements(self.function, buffers, out)
        return out

    def __repr__(self) -> str:
        return f"<vectorized {self.function!r}>"


def vectorize(function: Function) -> Vectorized:
    """A WebAssembly function as one over arrays; see the module's description.

    Raises:
        TypeError: not a WebAssembly function of numbers with one result.
    """
    return Vectorized(function)


def _numpy() -> Any:
    """numpy, or None where it is not installed."""
    try:
        import numpy
    except ImportError:
        return None
    return numpy


def _operand(operand: Any, code: int) -> Any:
    """An operand as a buffer with elements of the parameter's type, if it can be had."""
    if isinstance(operand, (int, float)):
        return _scalar(operand, code)
    format: str | None = None
    try:
        with memoryview(operand) as view:  # which an error's traceback would keep
            if _fits(view, code):
                return operand
            format = view.format
    except (TypeError, ValueError) as failure:
        if raised_by_a_handler(failure):
            raise
    numpy = _numpy()
    if numpy is None:
        raise TypeError(
            f"a {type(operand).__name__} is no buffer of {_DTYPES[code]}"
            + ("" if format is None else f", its elements have the format {format!r}")
            + "; with numpy installed it could be converted"
        )
    array = numpy.asarray(operand)
    dtype = numpy.dtype(_DTYPES[code])
    if array.dtype.kind in "iub" and dtype.kind == "i" and array.dtype.itemsize == dtype.itemsize:
        return array.astype(array.dtype.newbyteorder("="))
    if not numpy.can_cast(array.dtype, dtype, "same_kind") and array.size and not _small(numpy, array, dtype):
        raise TypeError(
            f"an array of {array.dtype} cannot be given for a parameter of {_DTYPES[code]}; convert it first"
        )
    return array.astype(dtype)


def _small(numpy: Any, array: Any, dtype: Any) -> bool:
    """Are these integers that fit, as those of a list of Python ints do?"""
    if dtype.kind != "i" or array.dtype.kind not in "iu":
        return False
    limits = numpy.iinfo(dtype)
    return bool(array.min() >= limits.min and array.max() <= limits.max)


def _fits(view: memoryview[Any], code: int) -> bool:
    format = view.format.lstrip("@=<")
    if len(format) != 1 or view.itemsize != struct.calcsize(_FORMATS[code]):
        return False
    return format in "iIlLqQnN" if code in _BITS else format == _FORMATS[code]


def _scalar(value: int | float, code: int) -> memoryview[Any]:
    """One number as a buffer without dimensions."""
    bits = _BITS.get(code)
    format: Any = _FORMATS[code]
    if bits is None:
        data = struct.pack(format, value)
    elif not isinstance(value, int):
        raise TypeError(f"a float cannot be given for a parameter of {_DTYPES[code]}")
    elif not -(1 << bits - 1) <= value < 1 << bits:
        raise OverflowError(f"{value} does not fit {_DTYPES[code]}")
    else:
        data = (value & (1 << bits) - 1).to_bytes(bits // 8, "little")
    return memoryview(data).cast(format, [])


def _broadcast(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape that all of these can be repeated to.

    Raises:
        ValueError: there is none.
    """
    dimensions = max(len(shape) for shape in shapes)
    result = []
    for at in range(-dimensions, 0):
        sizes = {shape[at] for shape in shapes if -at <= len(shape)} - {1}
        if len(sizes) > 1:
            raise ValueError(f"operands of the shapes {', '.join(map(str, shapes))} do not fit together")
        result.append(sizes.pop() if sizes else 1)
    return tuple(result)


def _empty(shape: tuple[int, ...], code: int) -> Any:
    """A new array for results."""
    numpy = _numpy()
    if numpy is not None:
        return numpy.empty(shape, _DTYPES[code])
    format: Any = _FORMATS[code]
    count = 1
    for size in shape:
        count *= size
    data = memoryview(bytearray(max(count, 1) * struct.calcsize(format)))
    if count == 0:
        return data[:0].cast(format) if len(shape) == 1 else data.cast(format)[:0]
    return data.cast(format, list(shape))
