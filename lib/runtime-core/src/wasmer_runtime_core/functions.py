"""Functions: exported ones, which Python calls, and host functions, which Python gives.

`Function` is a type of the C part: a call costs what a C function costs. Arguments are
converted as Python users expect: an integer may be given in the signed or in the unsigned
range of its type, else OverflowError; floats take ints too; ``v128`` is 16 bytes or an int
of 128 bits; ``funcref`` is a `Function` or None; ``externref`` any object, None is null.
Results are None, one value, or a tuple; integers come back signed.

`DynFunc` is the same call on `Value` objects, bit by bit. ``function.released`` is the same
function with calls that let other Python threads run meanwhile, which costs some 40 ns;
``await function.call_async(…)`` runs in a thread of its own (`calls_async`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wasmer_runtime_core.native.machine import Function, HostFunction, configure, make_host_function, released
from wasmer_runtime_core.values import FuncSig, Type, Value
from wasmer_runtime_core.wasm.types import EXTERNREF, FUNCREF, VALUE_TYPE_NAMES

import wasmer_runtime_core.trap  # noqa: F401  # isort: skip  # tells the machine how to make a trap

__all__ = ["DynFunc", "Function", "HostFunction", "make_host_function", "released"]


class DynFunc:
    """An exported function whose arguments and results are `Value` objects."""

    __slots__ = ("_results", "_signature", "function")

    def __init__(self, function: Function) -> None:
        self.function = function
        self._signature = FuncSig.from_function_type(function.type)
        self._results = tuple(Type(code) for code in function.type.results)

    def signature(self) -> FuncSig:
        """Its parameters and results."""
        return self._signature

    def call(self, arguments: Sequence[Any] = (), *, timeout: float | None = None) -> list[Value]:
        """Call it. Arguments may be plain values too, where they fit the signature.

        Raises:
            SignatureError: another number of arguments, or one of another type.
            RuntimeError: it trapped.
            Timeout: it ran longer than `timeout` seconds.
        """
        if timeout is not None:
            from wasmer_runtime_core.interrupts import timeout as deadline

            with deadline(timeout):
                return self.call(arguments)
        values = self._signature.bind(arguments, self.function.__name__)
        bits = [value.value if value.type in (FUNCREF, EXTERNREF) else value.bits for value in values]
        return [
            Value(type, 0, result) if type in (FUNCREF, EXTERNREF) else Value(type, result)
            for type, result in zip(self._results, self.function.call_bits(bits), strict=True)
        ]

    __call__ = call

    def raw(self) -> int:
        """Address of its machine code."""
        return self.function.address

    def __repr__(self) -> str:
        return f"<DynFunc {self.function.__name__}: {self._signature}>"


def _describe(function: Function, what: str) -> object:
    """`Function.__signature__` and `Function.__doc__`, made when they are asked for."""
    if what == "released":
        return released(function)
    if what == "call_async":
        from functools import partial

        from wasmer_runtime_core.calls_async import call_async

        return partial(call_async, function)
    type = function.type
    params = [VALUE_TYPE_NAMES[code] for code in type.params]
    results = [VALUE_TYPE_NAMES[code] for code in type.results]
    returned = "None" if not results else results[0] if len(results) == 1 else f"tuple[{', '.join(results)}]"
    if what == "doc":
        return f"{function.__name__}({', '.join(params)}) -> {returned}\n\nA WebAssembly function."
    from inspect import Parameter, Signature

    return Signature(
        [Parameter(f"p{number}", Parameter.POSITIONAL_ONLY, annotation=param) for number, param in enumerate(params)]
        + [Parameter("timeout", Parameter.KEYWORD_ONLY, default=None, annotation="float | None")],
        return_annotation=returned,
    )


configure(describe=_describe)
