"""Calls with values that carry their types: Wasmer's ``DynFunc``.

An exported function is called with plain Python values. `DynFunc` is for callers that learn
a function's signature only when they run, and for those who need every bit: it takes and
gives `Value` objects, so a NaN keeps its payload and an i32 is never taken for an i64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmer_runtime_core.errors import SignatureError
from wasmer_runtime_core.values import FuncSig, Type, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wasmer_runtime_core.functions import Function


class DynFunc:
    """A function called with and returning lists of `Value`."""

    __slots__ = ("_function", "_signature", "name")

    def __init__(self, function: Function, name: str = "") -> None:
        self._function = function
        self._signature = FuncSig.from_function_type(function.type)
        self.name = name or function.__name__

    def call(self, values: Sequence[Value | Any] = ()) -> list[Value]:
        """Call the function.

        Args:
            values: one for each parameter; what is not a `Value` is taken as the parameter's type.

        Raises:
            SignatureError: another number of values, or a value of another type.
            RuntimeError: the call traps.
        """
        arguments = self._signature.bind(values, self.name)
        results = self._function.call_bits([value.raw for value in arguments])
        return [Value.from_raw(type, raw) for type, raw in zip(self._signature.returns, results, strict=True)]

    def __call__(self, *values: Value | Any) -> list[Value]:
        """The same, arguments one by one."""
        return self.call(values)

    def signature(self) -> FuncSig:
        """Its parameters and results."""
        return self._signature

    def raw(self) -> int:
        """Address of its machine code."""
        return self._function.address

    def __repr__(self) -> str:
        return f"<DynFunc {self.name} {self._signature}>"


def check_signature(
    function: Function,
    name: str,
    params: Iterable[Type | int | str] | None,
    returns: Iterable[Type | int | str] | None,
) -> Function:
    """`function`, if it has the given types; None stands for any.

    Raises:
        SignatureError: it has others.
    """
    found = FuncSig.from_function_type(function.type)
    wanted = FuncSig(
        found.params if params is None else params,
        found.returns if returns is None else returns,
    )
    if wanted != found:
        raise SignatureError(str(wanted), str(found), name)
    return function
