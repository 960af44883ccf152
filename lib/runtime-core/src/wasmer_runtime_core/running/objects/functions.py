"""Functions: exported ones, which Python calls, and host functions, which Python gives.

An import takes its type from the module that wants it, so any callable will do there. A
reference has no such place: a table of functions or a ``funcref`` holds functions of many
types. `Function` makes one of a callable, with its signature and an identity that stays::

    table[0] = Function(FuncSig(["i32"], ["i32"]), lambda number: number + 1)

It belongs to no instance and runs in whichever calls it, wherever it was put.

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

from wasmer_runtime_core.contract.values import FuncSig, Value
from wasmer_runtime_core.native.machine import Function, HostFunction, configure, make_host_function, released
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any
from wasmer_runtime_core.support.printable import printable
from wasmer_runtime_core.wasm.types import KIND, FunctionType, value_type_name

import wasmer_runtime_core.running.hooks  # noqa: F401  # isort: skip  # tells the machine how to make a trap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["DynFunc", "Function", "HostFunction", "make_host_function", "released"]


class DynFunc:
    """An exported function whose arguments and results are `Value` objects."""

    __slots__ = ("_results", "_signature", "function")

    def __init__(self, function: Function) -> None:
        self.function = function
        self._signature = function.type
        self._results = self._signature.returns

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
            from wasmer_runtime_core.running.interrupts import timeout as deadline

            with deadline(timeout):
                return self.call(arguments)
        values = self._signature.bind(arguments, self.function.__name__)
        bits = [value.raw for value in values]
        return [
            Value.from_raw(type.kind, result)
            for type, result in zip(self._results, self.function.call_bits(bits), strict=True)
        ]

    __call__ = call

    def raw(self) -> int:
        """Address of its machine code."""
        return self.function.address

    def __repr__(self) -> str:
        return f"<DynFunc {printable(self.function.__name__)}: {self._signature}>"


def type_text(type: int) -> str:
    """A value type of a function, which names types by this process's numbers."""
    if type <= KIND:
        return value_type_name(type)
    from wasmer_runtime_core.running.process_types import type_text

    return type_text(type)


def _describe(function: Function, what: str) -> object:
    """What `Function` has that is made when it is asked for: `type`, `__signature__`, `__doc__` and its like."""
    if what == "type":
        return FuncSig.from_function_type(function.core_type, type_text)
    if what == "released":
        return released(function)
    if what == "call_async":
        from functools import partial

        from wasmer_runtime_core.running.calls_async import call_async

        return partial(call_async, function)
    type = function.core_type
    params = list(map(type_text, type.params))
    results = list(map(type_text, type.results))
    returned = "None" if not results else results[0] if len(results) == 1 else f"tuple[{', '.join(results)}]"
    if what == "doc":
        return f"{printable(function.__name__)}({', '.join(params)}) -> {returned}\n\nA WebAssembly function."
    from inspect import Parameter, Signature

    return Signature(
        [Parameter(f"p{number}", Parameter.POSITIONAL_ONLY, annotation=param) for number, param in enumerate(params)]
        + [Parameter("timeout", Parameter.KEYWORD_ONLY, default=None, annotation="float | None")],
        return_annotation=returned,
    )


def _make_function(
    signature: FuncSig | FunctionType | Callable[..., Any] | None = None,
    callable_: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
) -> Function:
    """``Function(signature, callable)``, or ``Function(callable)`` where `func` or annotations say every type.

    Args:
        signature: a `FuncSig` or `FunctionType`.
        name: as messages and `__name__` have it; else the callable's own.

    Raises:
        TypeError: the types are not known, the callable takes another number of arguments, or a `Ctx`,
            which only an import gets.
    """
    from wasmer_runtime_core.running.host import HostFunc, arity, func, is_async, wrong_arity

    type: FunctionType | None
    if callable_ is None and callable(signature):
        callable_ = signature if isinstance(signature, (HostFunc, Function)) else func(signature)
        type = callable_.core_type if isinstance(callable_, Function) else callable_.function_type()
        if type is None:
            raise TypeError(f"not all types of {callable_} are known; give them: Function(FuncSig([…], […]), function)")
    elif isinstance(signature, (FuncSig, FunctionType)):
        type = signature.to_function_type() if isinstance(signature, FuncSig) else signature
    else:
        raise TypeError(f"a Function is made of a FuncSig and a callable; the first is {signature!r}")
    if not callable(callable_):
        raise TypeError(f"a Function is made of a FuncSig and a callable; {callable_!r} cannot be called")
    if isinstance(callable_, Function) and callable_.core_type == type:
        return callable_
    if isinstance(callable_, Function) or (isinstance(callable_, HostFunc) and not callable_.accepts(type)):
        raise TypeError(f"a Function of type {type} cannot be made of {callable_}")
    if isinstance(callable_, HostFunc):
        callable_ = callable_.function
    refused = wrong_arity(callable_, len(type.params))
    if refused:
        raise TypeError(f"a Function of type {type} cannot be made of {refused}")
    if arity(callable_)[0]:
        raise TypeError("only an import is called with a Ctx; a Function belongs to no instance")
    if name is None:
        name = getattr(callable_, "__name__", None)
    if not isinstance(name, str):
        name = callable_.__class__.__name__
    if is_async(callable_):
        from wasmer_runtime_core.running.host_async import waiting_for

        callable_ = waiting_for(callable_)
    return make_host_function(callable_, type, str(getattr(callable_, "__module__", None) or "Python"), name)


configure(describe=_describe, make_function=_make_function)
