"""Python callables as host functions: which WebAssembly types they take and return.

A plain callable needs no declaration, the import says its types. `func` adds what the
author knows, in arguments or as annotations, so that a mistake shows when the module is
linked and not when the function is called. Nothing here needs `inspect`, whose import
alone costs more than compiling a small module.
"""

from __future__ import annotations

from wasmer_runtime_core.contract.values import Type
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.functions import MethodType, lru_cache, partial
from wasmer_runtime_core.support.printable import printable
from wasmer_runtime_core.wasm.types import (
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    I32,
    I64,
    V128,
    VALUE_TYPE_CODES,
    VALUE_TYPE_NAMES,
    FunctionType,
    ValueTypes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType

    from wasmer_runtime_core.running.process_types import ProcessType


CO_COROUTINE: Final = 0x80
"""In the flags of code: of an ``async def`` (`inspect` has the name, and takes too long to import)."""


def article(word: str) -> str:
    """With its article."""
    return f"an {word}" if word[:1].lower() in "aeiou" else f"a {word}"


# What an annotation allows: the codes of value types, b"" for "any".
_ANNOTATIONS: Final = {
    "int": bytes((I32, I64)),
    "bool": bytes((I32,)),
    "float": bytes((F32, F64)),
    "bytes": bytes((V128,)),
    "object": bytes((EXTERNREF,)),
    "Any": b"",
    "Callable": bytes((FUNCREF,)),
} | {name: bytes((code,)) for name, code in VALUE_TYPE_CODES.items()}


class HostFunc:
    """A Python callable with the WebAssembly types it takes and returns. Made by `func`.

    Calling it calls the Python function, so `func` can stand as a decorator.

    Attributes:
        function: the callable.
        wants_ctx: whether it takes a `Ctx` first.
        state_creator: makes what the function needs of its own in each instance that imports it; the instance's
            `Ctx.states` keep it, and so it is there whatever mapping the function is handed over in. None: nothing.
    """

    __slots__ = ("__weakref__", "_params", "_returns", "function", "state_creator", "wants_ctx")

    def __init__(
        self,
        function: Callable[..., Any],
        params: Iterable[Type | int | str] | None = None,
        returns: Iterable[Type | int | str] | Type | str | None = None,
    ) -> None:
        if not callable(function):
            raise TypeError(f"func() needs a callable, not {article(type(function).__name__)}")
        self.function = function
        self.state_creator: Callable[[], object] | None = None
        self.wants_ctx = arity(function)[0]
        # A tuple of allowed codes for each parameter; None: not known, so any.
        self._params: tuple[bytes, ...] | None
        self._returns: tuple[bytes, ...] | None
        if params is not None:
            self._params = _exact(params if type(params) is bytes else bytes(Type.of(each) for each in params))
        else:
            self._params = _annotated_params(function, self.wants_ctx)
        if returns is not None:
            several = (returns,) if isinstance(returns, (Type, str)) else returns
            self._returns = _exact(several if type(several) is bytes else bytes(Type.of(each) for each in several))
        else:
            self._returns = _annotated_returns(function)

    def with_state(self, creator: Callable[[], object]) -> HostFunc:
        """The same function with a state creator."""
        copy = HostFunc.__new__(HostFunc)
        copy.function = self.function
        copy.state_creator = creator
        copy.wants_ctx = self.wants_ctx
        copy._params = self._params
        copy._returns = self._returns
        return copy

    def accepts(self, wanted: ProcessType) -> bool:
        """Whether this function can stand for an import of type `wanted`."""
        return _agrees(self._params, wanted.params) and _agrees(self._returns, wanted.results)

    def signature(self) -> str:
        """The types as far as they are known: ``[int, f64] -> [i32]``."""
        return f"{_shown(self._params)} -> {_shown(self._returns)}"

    def function_type(self) -> FunctionType | None:
        """The type, where every part of it is exactly known, else None."""
        if self._params is None or self._returns is None:
            return None
        if any(len(codes) != 1 for codes in self._params + self._returns):
            return None
        return FunctionType(b"".join(self._params), b"".join(self._returns))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return printable(f"func({getattr(self.function, '__qualname__', self.function)}: {self.signature()})")


def func(
    function: Callable[..., Any],
    params: Iterable[Type | int | str] | None = None,
    returns: Iterable[Type | int | str] | Type | str | None = None,
) -> HostFunc:
    """A host function with its WebAssembly types.

    Types come from `params` and `returns` if given (``params=["i32"], returns=[]``), else
    from annotations: `Type` members and names like ``"i32"`` say one type, ``int`` and
    ``float`` say 32 or 64 bits, whichever the module wants. What is not said is taken from
    the import. A first parameter called ``ctx`` or annotated `Ctx` gets the calling
    instance's `Ctx`.

    Raises:
        TypeError: `function` cannot be called.
        ValueError: a type of that name does not exist.
    """
    return HostFunc(function, params, returns)


@lru_cache(maxsize=512)
def _exact(types: bytes) -> tuple[bytes, ...]:
    """What allows these types alone: one object for all functions of a type, of which there may be a million."""
    return tuple(bytes((Type.of(each),)) for each in types)


def _agrees(allowed: tuple[bytes, ...] | None, wanted: ValueTypes) -> bool:
    if allowed is None or (isinstance(wanted, bytes) and allowed is _exact(wanted)):
        return True
    if len(allowed) != len(wanted):
        return False
    return all(not codes or code in codes for codes, code in zip(allowed, wanted, strict=True))


def _shown(allowed: tuple[bytes, ...] | None) -> str:
    if allowed is None:
        return "[…]"
    names = {bytes((I32, I64)): "int", bytes((F32, F64)): "float", b"": "any"}
    return "[" + ", ".join(names.get(codes) or VALUE_TYPE_NAMES[codes[0]] for codes in allowed) + "]"


def _allowed(annotation: Any) -> bytes:
    """Codes that an annotation allows; b"" when it says nothing we know."""
    if isinstance(annotation, int):
        return bytes((annotation,)) if annotation in VALUE_TYPE_NAMES else b""
    if isinstance(annotation, type):
        annotation = annotation.__name__
    if not isinstance(annotation, str):
        return b""
    name = annotation.strip("\"' ")
    if name not in _ANNOTATIONS:
        name = name.rpartition(".")[2]
        if name.lower() in VALUE_TYPE_CODES:
            name = name.lower()
    return _ANNOTATIONS.get(name, b"")


def _function_of(function: Callable[..., Any]) -> tuple[Any, int]:
    """The function object that runs when `function` is called, and how many parameters are bound already."""
    for _ in range(8):
        if isinstance(function, MethodType):
            return function.__func__, 1
        if isinstance(function, HostFunc):
            function = function.function
        elif hasattr(function, "__code__"):
            if function.__code__.co_argcount == 0 and hasattr(function, "__wrapped__"):
                function = function.__wrapped__
            else:
                return function, 0
        elif isinstance(function, (type, partial)):
            return None, 0
        else:
            call: Any = type(function).__call__
            return (call, 1) if hasattr(call, "__code__") else (None, 0)
    return None, 0


@lru_cache(maxsize=512)
def _arity_of_code(code: CodeType, bound: int) -> tuple[bool, int, int]:
    """(whether the first parameter is called ctx, positional parameters, the most that can be given or -1)."""
    names = code.co_varnames[bound : code.co_argcount]
    most = -1 if code.co_flags & 0x04 else len(names)
    return bool(names) and names[0] == "ctx", len(names), most


def arity(function: Callable[..., Any]) -> tuple[bool, int, int]:
    """(takes a ctx first, fewest and most further positional arguments; most is -1 for any number)."""
    target, bound = _function_of(function)
    if target is None:
        return False, 0, -1
    code = target.__code__
    wants_ctx, count, most = _arity_of_code(code, bound)
    annotations = target.__annotations__
    if annotations and count and not wants_ctx:
        first = annotations.get(code.co_varnames[bound])
        name = first if isinstance(first, str) else getattr(first, "__name__", "")
        wants_ctx = name.strip("\"'").rpartition(".")[2] == "Ctx"
    defaults = target.__defaults__
    fewest = count - (len(defaults) if defaults else 0) - wants_ctx
    return wants_ctx, max(fewest, 0), most - wants_ctx if most >= 0 else -1


def is_async(function: Callable[..., Any]) -> bool:
    """Whether it is a coroutine function: what calling it returns is to be awaited."""
    target, _ = _function_of(function.func if isinstance(function, partial) else function)
    return target is not None and bool(target.__code__.co_flags & CO_COROUTINE)


def wrong_arity(function: Callable[..., Any], count: int) -> str:
    """What to say of a function that cannot be called with `count` arguments and perhaps a ctx; "" if it can."""
    _, fewest, most = arity(function)
    if fewest <= count and (most < 0 or count <= most):
        return ""
    takes = f"{fewest}" if fewest == most else f"{fewest} or more" if most < 0 else f"{fewest} to {most}"
    title = getattr(function, "__qualname__", type(function).__name__)
    return printable(f"the Python function {title}, which takes {takes} arguments")


def _annotated_params(function: Callable[..., Any], wants_ctx: bool) -> tuple[bytes, ...] | None:
    target, bound = _function_of(function)
    if target is None or not target.__annotations__ or target.__code__.co_flags & 0x04 or target.__defaults__:
        return None
    names = target.__code__.co_varnames[bound + wants_ctx : target.__code__.co_argcount]
    return tuple(_allowed(target.__annotations__.get(name)) for name in names)


def _annotated_returns(function: Callable[..., Any]) -> tuple[bytes, ...] | None:
    target, _ = _function_of(function)
    if target is None or "return" not in target.__annotations__:
        return None
    annotation = target.__annotations__["return"]
    if annotation is None or annotation == "None":
        return ()
    if isinstance(annotation, str):
        text = annotation.strip("\"' ")
        if text.startswith(("tuple[", "Tuple[")) and text.endswith("]"):
            return tuple(_allowed(part) for part in text[6:-1].split(",") if part.strip())
    elif getattr(annotation, "__origin__", None) is tuple:
        return tuple(_allowed(part) for part in annotation.__args__)
    allowed = _allowed(annotation)
    return (allowed,) if allowed else None
