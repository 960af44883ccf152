"""Calls from Python into C++: a Python function, generated for each signature.

Where all arguments can be passed as they are, which most are (an int that fits, a float), nothing is asked but that::

    def function(self, a0=MISSING, *more):
        try:
            if type(a0) is float and not more and not dropped:
                held = self._held
                if held is not None and held.class_ is class_:
                    return call(context, held.pointer, a0)
        except THROWN as thrown:
            leave(thrown)
            raise
        return general(self, a0, *more)

All else is done by the function behind it, whose text is short, too: a call that needs nothing freed has no place for
it::

    def function(a0=MISSING, a1=MISSING, *more):
        if more or a1 is MISSING:
            raise count(...)
        if dropped:
            drain()
        try:
            w0 = a0 if type(a0) is float else to0(a0, None)
            w1 = a1 if type(a1) is float else to1(a1, None)
        except BadArgument as wrong:
            raise explained(wrong, (a0, a1)) from None
        try:
            wire = call(context, w0, w1)
        except THROWN as thrown:
            leave(thrown)
            raise
        return wire

Only numbers and fixed words are put into the text; names of the program's are values beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from typing import Any, Final, NamedTuple

from wasmer_emscripten.embind.bound import BadArgument, Bound, run
from wasmer_emscripten.embind.registry import Registry
from wasmer_emscripten.errors import BindingError
from wasmer_emscripten.leaving import THROWN, leave
from wasmer_runtime_core.support.printable import printable


class Missing:
    """Stands for an argument that was not given."""


MISSING: Final = Missing()


class Signature(NamedTuple):
    """A function of C++, as its types say.

    Attributes:
        name: with its class.
        result: what it returns.
        params: what it takes.
    """

    name: str
    result: Bound
    params: tuple[Bound, ...]

    @property
    def needed(self) -> int:
        """How many arguments must be given: the last ones may be optional."""
        count = len(self.params)
        while count and self.params[count - 1].optional:
            count -= 1
        return count

    def __str__(self) -> str:
        return printable(f"{self.result.name} {self.name}({', '.join(param.name for param in self.params)})")

    def explained(self, wrong: BadArgument, arguments: tuple[Any, ...]) -> BindingError:
        """The error of an argument that C++ cannot take."""
        at = next((at for at, each in enumerate(arguments, 1) if each is wrong.value), 0)
        where = f"argument {at} of {self}" if at else str(self)
        return BindingError(f"{where}: {wrong}")

    def miscounted(self, arguments: tuple[Any, ...]) -> BindingError:
        """The error of a wrong number of arguments."""
        given = sum(each is not MISSING for each in arguments)
        return BindingError(f"{self} takes {wanted([self])}, and {given} were given")


def wanted(signatures: list[Signature]) -> str:
    """How many arguments functions take, for a message."""
    counts = sorted({count for each in signatures for count in range(each.needed, len(each.params) + 1)})
    text = " or ".join(map(str, counts))
    return f"{text} argument" if text == "1" else f"{text} arguments"


def generated(
    registry: Registry,
    signature: Signature,
    call: Callable[..., Any],
    context: int,
    pointer_of: Callable[[Any], int] | None = None,
    class_: object = None,
    give: Callable[[Any], Any] | None = None,
) -> Callable[..., Any]:
    """A Python function that calls C++.

    Args:
        call: takes `context`, the object's pointer if `pointer_of` is given, then wire forms.
        pointer_of: the pointer of `self`, if it is not simply an object of `class_`.
        give: what becomes of the result, instead of what its type says.
    """
    params = signature.params
    count = len(params)
    names = [f"a{at}" for at in range(count)]
    values: dict[str, Any] = {
        "after_failure": registry.process.giving_back.after_failure,
        "BadArgument": BadArgument,
        "begin": registry.process.giving_back.begin,
        "THROWN": THROWN,
        "MISSING": MISSING,
        "call": call,
        "class_": class_,
        "context": context,
        "leave": partial(leave, registry.process),
        "drain": registry.drain,
        "dropped": registry.dropped,
        "explained": signature.explained,
        "give": give or signature.result.from_wire,
        "miscounted": signature.miscounted,
        "partial": partial,
        "pointer_of": pointer_of,
        "run": run,
    }
    head = ["self"] if pointer_of is not None else []
    lines = [f"def function({', '.join([*head, *(f'{name}=MISSING' for name in names), '*more'])}):"]
    arguments = f"({''.join(f'{name}, ' for name in names)}*more,)"
    missing = f" or {names[signature.needed - 1]} is MISSING" if signature.needed else ""
    lines += [f"    if more{missing}:", f"        raise miscounted({arguments})", "    if dropped:", "        drain()"]
    frees = any(param.frees for param in params)
    indent = "        " if frees else "    "
    if frees:
        lines += ["    later = []", "    begin()", "    try:"]
    if params:
        lines += [f"{indent}try:"]
        for at, param in enumerate(params):
            values[f"to{at}"] = param.to_wire
            argument = names[at]
            if at >= signature.needed:
                argument = f"(None if {argument} is MISSING else {argument})"
                lines.append(f"{indent}    w{at} = to{at}({argument}, {'later' if frees else 'None'})")
                continue
            taking = param.taking(argument, f"to{at}")
            lines.append(f"{indent}    w{at} = {taking if frees else taking.replace(', later)', ', None)')}")
        lines += [
            f"{indent}except BadArgument as wrong:",
            f"{indent}    raise explained(wrong, {arguments}) from None",
        ]
    self_pointer = []
    if pointer_of is not None:
        lines += [
            f"{indent}held = self._held",
            f"{indent}at = held.pointer if held is not None and held.class_ is class_ else pointer_of(self)",
        ]
        self_pointer = ["at"]
    giving = "give(wire)" if give else signature.result.giving("wire", "give")
    passed = ", ".join(["context", *self_pointer, *(f"w{at}" for at in range(count))])
    lines += [
        f"{indent}try:",
        f"{indent}    wire = call({passed})",
        f"{indent}except THROWN as thrown:",
        f"{indent}    leave(thrown)",
        f"{indent}    raise",
    ]
    lines.append(f"{indent}{'result =' if frees else 'return'} {giving}")
    if frees:
        lines += ["    except BaseException:", "        after_failure(partial(run, later))", "        raise"]
        lines += ["    run(later)", "    return result"]
    exec("\n".join(lines), values)
    function: Callable[..., Any] = values["function"]
    usual = [param.usual(name) for name, param in zip(names, params, strict=True)]
    if all(usual):
        values["general"] = function
        called = f"call({', '.join(['context', *(['held.pointer'] if head else []), *names])})"
        given = f"give({called})" if give else signature.result.giving(called, "give")
        exec("\n".join(_usual_function(head, names, usual, given)), values)
        function = values["function"]
    function.__doc__ = str(signature)
    function.__name__ = function.__qualname__ = signature.name.rpartition(".")[2]
    return function


def _usual_function(head: list[str], names: list[str], usual: list[str], given: str) -> list[str]:
    """The lines of the function for arguments that pass as they are; for all else it calls `general`.

    Args:
        head: ``["self"]``, or nothing.
        usual: the conditions of the arguments.
        given: the text of the call, and of what becomes of its result.
    """
    lines = [
        f"def function({', '.join([*head, *(f'{name}=MISSING' for name in names), '*more'])}):",
        "    try:",
        f"        if {' and '.join([*usual, 'not more', 'not dropped'])}:",
    ]
    indent = "            "
    if head:
        lines += [f"{indent}held = self._held", f"{indent}if held is not None and held.class_ is class_:"]
        indent += "    "
    return [
        *lines,
        f"{indent}return {given}",
        "    except THROWN as thrown:",
        "        leave(thrown)",
        "        raise",
        f"    return general({', '.join([*head, *names, '*more'])})",
    ]


class Bindable:
    """A function of C++ that is bound: its types are looked for when it is first called.

    Attributes:
        name: with its class.
        count: how many parameters it has.
    """

    def __init__(
        self,
        registry: Registry,
        name: str,
        result: int,
        params: list[int],
        invoker: int,
        context: int,
        *,
        pointer_of: Callable[[Any], int] | None = None,
        class_: object = None,
        held: bool = False,
    ) -> None:
        self._registry = registry
        self.name = name
        self._result = result
        self._params = params
        self._invoker = invoker
        self._context = context
        self._pointer_of = pointer_of
        self._class = class_
        self._held = held
        self.count = len(params)
        self._signature: Signature | None = None
        self._function: Callable[..., Any] | None = None

    @property
    def signature(self) -> Signature:
        """Its types.

        Raises:
            WrongArgument: the program has not bound one of them.
        """
        if self._signature is None:
            registry, name = self._registry, self.name
            params = tuple(registry.passed(raw, name) for raw in self._params)
            self._signature = Signature(name, registry.type_of(self._result, name), params)
        return self._signature

    @property
    def function(self) -> Callable[..., Any]:
        """What Python calls."""
        if self._function is None:
            signature = self.signature
            letters = "i" + ("i" if self._pointer_of is not None else "")
            letters += "".join(param.letter for param in signature.params)
            call = self._registry.function(self._invoker, self.name, letters, signature.result.letter)
            give = getattr(signature.result, "hold", None) if self._held else None
            self._function = generated(
                self._registry, signature, call, self._context, self._pointer_of, self._class, give
            )
        return self._function


class Overloads:
    """Functions of one name, told apart by how many arguments they are given.

    Attributes:
        bindables: by the number of parameters.

    `settle` is told the function when there is no other to choose from, so that it can be called without asking here,
    and None when it must be asked for again.
    """

    def __init__(self, name: str, settle: Callable[[Callable[..., Any] | None], None] | None = None) -> None:
        self.name = name
        self.bindables: dict[int, Bindable] = {}
        self._chosen: dict[int, Callable[..., Any]] = {}
        self._settle = settle

    def add(self, bindable: Bindable) -> None:
        """One more; one with as many parameters is replaced, as in a derived class."""
        self.bindables[bindable.count] = bindable
        if self._chosen and self._settle is not None:
            self._settle(None)
        self._chosen.clear()

    def choose(self, count: int) -> Callable[..., Any]:
        """The function for a number of arguments.

        Raises:
            BindingError: there is none; it has all signatures.
        """
        found = self._chosen.get(count)
        if found is not None:
            return found
        if len(self.bindables) == 1:  # which says itself what is wrong
            found = next(iter(self.bindables.values())).function
            if self._settle is not None:
                self._settle(found)
        elif count in self.bindables:
            found = self.bindables[count].function
        else:
            signatures = [each.signature for each in self.bindables.values()]
            fitting = [each for each in self.bindables.values() if each.signature.needed <= count <= each.count]
            if not fitting:
                listed = "; ".join(map(str, signatures))
                raise BindingError(f"{self.name}() takes {wanted(signatures)}, and {count} were given: {listed}")
            found = fitting[0].function
        self._chosen[count] = found
        return found


class BoundFunction(Overloads):
    """A function of C++, for Python to call."""

    def __call__(self, *args: Any) -> Any:
        return self.choose(len(args))(*args)

    def __repr__(self) -> str:
        return f"<C++ function {printable(self.name)}>"


def function_of(names: MutableMapping[str, Any], name: str) -> BoundFunction:
    """The function of a name among others; one that is made, if there is none, or something else."""
    found = names.get(name)
    if not isinstance(found, BoundFunction):
        found = names[name] = BoundFunction(name)
    return found


def as_method(overloads: Overloads) -> Callable[..., Any]:
    """A function for the dictionary of a class."""

    def method(self: Any, *args: Any) -> Any:
        return overloads.choose(len(args))(self, *args)

    method.__name__ = method.__qualname__ = overloads.name
    return method


def names_of(found: Mapping[int, Bindable]) -> list[str]:
    """The signatures of functions, for people; those whose types are not bound are left out."""
    return [str(bindable.signature) for bindable in found.values()]
