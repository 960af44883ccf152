"""What a program has bound so far: types by their numbers, and public names.

A number of a type is the address of its `type_info`: the program's word, so anything. A type is looked for when
something that uses it is first called, not before: then all are there, in whatever order they came. How much a program
can register has a limit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar, final

from wasmer_emscripten.embind.at_once import AtOnce
from wasmer_emscripten.embind.bound import Bound
from wasmer_emscripten.embind.handles import HOLDING, Handles
from wasmer_emscripten.embind.memory import Memory
from wasmer_emscripten.errors import WrongArgument
from wasmer_emscripten.guest import U32
from wasmer_emscripten.library.type_names import demangled
from wasmer_emscripten.signatures import letters_of, type_of
from wasmer_runtime_core.support.printable import printable

if TYPE_CHECKING:
    from wasmer_emscripten.process import Process

MAX_REGISTERED: Final = 65_536
"""Things that a program can register: types, functions, members."""
MAX_NAME_BYTES: Final = 1024
"""Of a name that is registered."""
MAX_ARGUMENTS: Final = 255
"""Of one function."""
MAX_DEPTH: Final = 64
"""Of classes that derive from each other."""

Kind = TypeVar("Kind", bound=Bound)


@final
class Registry:
    """Of one program.

    Attributes:
        process: the program.
        memory: its memory.
        types: by number.
        names: what is public.
        constants: name, number of the type, wire form: of those that are not yet public.
        handles: what the program holds of Python's.
        at_once: what it passes in one call, or as constants.
        inherited: objects of classes that Python derives, by the address of their C++ part.
        dropped: what Python has let go, to be destroyed at the next call.
        globals: what the program finds by name in its world.
        records: how many are being looked into, each in the one before.
        extended: the classes that it has made of others.
        ended: the program is closed; its objects went with its memory.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self.memory = Memory(process.guest)
        self.types: dict[int, Bound] = {}
        self.names: dict[str, Any] = {}
        self.constants: deque[tuple[str, int, Any]] = deque()
        self.handles = Handles()
        self.at_once = AtOnce()
        self.inherited: dict[int, Any] = {}
        self.handles.also = self.inherited
        self.dropped: deque[Any] = deque()
        self.callers: list[Any] = []
        self.records = 0
        self.extended: list[type] = []
        self.ended = False
        self._count = 0

    # --- what is registered

    def count(self) -> None:
        """One thing more.

        Raises:
            WrongArgument: these are too many.
        """
        self._count += 1
        if self._count > MAX_REGISTERED:
            raise WrongArgument(f"the program bound more than {MAX_REGISTERED} things")

    def name(self, pointer: int) -> str:
        """A name in the program's memory; what newer programs add to it as its signature is cut."""
        return self.memory.string(pointer, MAX_NAME_BYTES).decode("utf-8", "replace")

    def add(self, raw: int, bound: Bound) -> None:
        """A type.

        Raises:
            WrongArgument: another has this number.
        """
        self.count()
        raw &= U32
        if raw in self.types:
            raise WrongArgument(printable(f"the program bound {bound.name} as a type that {self.types[raw].name} is"))
        self.types[raw] = bound

    def type_of(self, raw: int, what: str) -> Bound:
        """The type of a number.

        Raises:
            WrongArgument: there is none; it says which the program did not bind.
        """
        found = self.types.get(raw & U32)
        if found is None:
            raise WrongArgument(
                printable(f"{what} uses the type {self.type_name(raw)}, which the program did not bind")
            )
        return found

    def passed(self, raw: int, what: str) -> Bound:
        """The type of a number, which something is passed as.

        Raises:
            WrongArgument: there is none, or it is void.
        """
        found = self.type_of(raw, what)
        if not found.letter:
            raise WrongArgument(printable(f"{what} takes {found.name}, which is no value"))
        return found

    def kind(self, raw: int, kind: type[Kind], what: str) -> Kind:
        """The type of a number, which must be of a kind."""
        found = self.type_of(raw, what)
        if not isinstance(found, kind):
            raise WrongArgument(printable(f"{what} uses {found.name} as what it is not"))
        return found

    def type_name(self, raw: int) -> str:
        """What C++ calls a type that is not bound, as far as the program can say."""
        links = self.process.links
        name = links.find("__getTypeName", "___getTypeName")
        if name is not None:
            pointer = name(raw) & U32
            text = self.process.text(pointer, 512)
            self.process.free(pointer, "embind")
        else:
            text = self.process.text(self.memory.u32((raw & U32) + 4), 512)
        return demangled(text) or str(raw & U32)

    def numbers(self, count: int, pointer: int) -> list[int]:
        """The numbers of types of a function: its result, then its parameters.

        Raises:
            WrongArgument: these are too many, or none.
        """
        if not 0 < count <= MAX_ARGUMENTS:
            raise WrongArgument(f"the program bound a function with {count} types")
        data = self.memory.read(pointer, 4 * count)
        return [int.from_bytes(data[at : at + 4], "little") for at in range(0, 4 * count, 4)]

    def function(self, index: int, what: str, params: str, result: str | None) -> Callable[..., Any]:
        """What a pointer to a function leads to, if that is of a type.

        Args:
            params, result: letters; None: whatever it returns.

        Raises:
            WrongArgument: it leads nowhere, or its function is of another type.
        """
        types = [type_of(f"{params}->{each}") for each in (("", *"iIdf") if result is None else (result,))]
        function: Callable[..., Any] = self.process.links.function(index, *types)
        type = function.core_type  # type: ignore[attr-defined]
        has = letters_of(type.params), letters_of(type.results)
        if has[0] != params or (result is not None and has[1] != result):
            raise WrongArgument(
                printable(f"the program bound {what} as {params}->{result or ''}, to a function {has[0]}->{has[1]}")
            )
        return function

    def pointer(self, index: int, what: str, params: str, result: str | None) -> Callable[..., Any]:
        """The same, looked for when it is first called."""
        found: Callable[..., Any] | None = None

        def calling(*args: Any) -> Any:
            nonlocal found
            if found is None:
                found = self.function(index, what, params, result)
            return found(*args)

        return calling

    # --- its end

    def views_going(self, memory: Any) -> int:
        """How many views of a memory nobody but the program has."""
        from wasmer_emscripten.embind.going import views_going

        members = (vars(each).values() for each in self.extended)
        return views_going((self.handles.held(), self.inherited.values(), self.names.values(), *members), memory)

    def let_go(self) -> None:
        """Hold nothing of Python's any more: the program has ended."""
        self.ended = True
        for each in self.extended:
            for name in [name for name in vars(each) if not (name.startswith("__") and name.endswith("__"))]:
                delattr(each, name)
        self.names = {name: found for name, found in self.names.items() if not isinstance(found, tuple(HOLDING))}
        self.constants.clear()
        self.inherited.clear()
        self.handles.let_go()
        self.dropped.clear()

    # --- what Python uses of it

    def drain(self) -> None:
        """Destroy what Python has let go."""
        while self.dropped:
            self.dropped.popleft().give_up()

    def finish(self) -> None:
        """Behind the program's constructors: what can be made public now."""
        with self.at_once:
            while self.constants:
                name, raw, wire = self.constants.popleft()
                self.names[name] = self.type_of(raw, f"the constant {name}").from_wire(wire)

    def public(self, name: str) -> Any:
        """What is bound by a name.

        Raises:
            KeyError: nothing is.
        """
        found = self.names[name]
        return found.python_class() if hasattr(found, "python_class") else found


def registry_of(process: Process) -> Registry:
    """The registry of a program."""
    found: Registry | None = process.bindings
    if found is None:
        found = process.bindings = Registry(process)
    return found
