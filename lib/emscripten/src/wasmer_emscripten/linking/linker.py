"""The dynamic linker of one program.

Loading is all or nothing: every module that is needed is found and compiled before anything is placed; what is placed
and cannot be linked is taken back. Symbols are looked for as on other systems: in the program, then in the libraries
that are global (needed by the program, or opened with ``RTLD_GLOBAL``), then in the library itself and in those that it
needs. Each module has a global offset table of its own, so libraries that are local do not meet.

A function that nothing has yet is looked for again when it is called, for a library that is loaded later may have it.
An address has to be there at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, final

from wasmer_emscripten import functions as provided
from wasmer_emscripten.errors import NotSupported, SideModuleError
from wasmer_emscripten.guest import U32
from wasmer_emscripten.library.javascript import missing
from wasmer_emscripten.library.refused import remedy_for
from wasmer_emscripten.linking.dylink import Dylink
from wasmer_emscripten.linking.library import Cell, Library
from wasmer_emscripten.linking.modules import paths_of
from wasmer_emscripten.linking.places import (
    ALIGNMENT,
    HEAP_POINTER,
    NO_PLACES,
    SHARED_TABLE,
    STACK_POINTER,
    MainPlaces,
    aligned,
)  # fmt: skip
from wasmer_emscripten.linking.record import TODAY, Record
from wasmer_emscripten.linking.slots import Slots
from wasmer_emscripten.numbers import must_be_answer
from wasmer_emscripten.recognising import info_of
from wasmer_emscripten.signatures import of_emscripten, signature_of, type_of
from wasmer_runtime_core.compiling.middleware.metering import use_points_of
from wasmer_runtime_core.contract.values import Value
from wasmer_runtime_core.errors import LinkError
from wasmer_runtime_core.running.ctx import Ctx
from wasmer_runtime_core.running.host import func
from wasmer_runtime_core.running.imports import ImportObject, resolve_imports
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.interrupts import check_interrupts
from wasmer_runtime_core.running.objects.functions import Function
from wasmer_runtime_core.running.objects.globals import Global
from wasmer_runtime_core.running.objects.tags import Tag
from wasmer_runtime_core.wasm.module import FUNCTION, GLOBAL, MEMORY, TABLE, TAG
from wasmer_runtime_core.wasm.types import I32, PAGE_BYTES, FunctionType
from wasmer_vfs.waiting import PIECE_BYTES, look

if TYPE_CHECKING:
    from wasmer_emscripten.linking.modules import Finder, SideModule
    from wasmer_emscripten.process import Process
    from wasmer_runtime_core.running.module import Module
    from wasmer_runtime_core.running.objects.limits import Limits
    from wasmer_runtime_core.wasm.module import Import, ModuleInfo

MAX_LIBRARIES: Final = 256
"""Side modules that a program can have loaded."""
MAX_HANDLES: Final = 65_536
"""Names under which it can have opened them."""
MAIN: Final = "__main__"
GOT: Final = ("GOT.mem", "GOT.func")
UNWINDING: Final = ("__asyncify_state", "__asyncify_data")
"""Globals of programs whose calls may be unwound (Asyncify), which stay 0: here a sleep is a wait."""

Provide = Callable[[str, str, FunctionType], Callable[..., Any] | None]
"""What the host has for a namespace, a name and a type."""


@final
class Linker:
    """Loads the side modules of one program.

    Attributes:
        main: the program's own module.
        libraries: those that are loaded, in the order of loading, by what they are known by.
        handles: what the program calls them.
        record: how what it passes to `dlopen` lies.
        finder: where they are found.
        slots: the places of the table that all of them share; None until there is one.
    """

    __slots__ = (
        "_batch", "_heap", "_heap_is_unused", "_heap_pointer", "_hosts", "_is_placed", "_limits", "_process",
        "_provide", "_stack", "_stack_pointer", "_started", "_unwinding", "_waiting", "finder", "handles", "libraries",
        "main", "record", "slots",
    )  # fmt: skip

    def __init__(
        self, process: Process, dylink: Dylink, places: MainPlaces | None, finder: Finder, provide: Provide,
        limits: Limits | None, record: Record = TODAY,
    ) -> None:  # fmt: skip
        """Make one that has loaded nothing.

        Args:
            places: where the main module is put; None: its exports will tell.
            limits: how large instances may become.
        """
        self._process = process
        self._provide = provide
        self._limits = limits
        self.record = record
        self._is_placed = places is None
        if places is None:
            places = NO_PLACES
        self._heap = places.heap
        self._heap_is_unused = not self._is_placed  # data can be put in front of it
        self._heap_pointer: Any = None  # gives the address where it says where the rest of its heap begins
        self._stack_pointer = Global(Value.I32(places.stack), True)
        self._unwinding: dict[str, Global] = {}
        self._stack = (
            {  # names of its ends, where these are made here
                "__stack_high": places.stack,
                "__stack_low": aligned(places.memory + dylink.memory_size, ALIGNMENT),
            }
            if not self._is_placed
            else {}
        )
        self._started = False
        self._batch: list[Library] = []  # being loaded
        self._waiting: list[Library] = []  # for their constructors
        self._hosts: dict[str, Any] = {}  # functions of the host's that have an address
        self.finder = finder
        self.main = Library(MAIN, dylink, places.memory, places.table, True)
        self.libraries: dict[str, Library] = {}
        self.handles: dict[int, Library] = {}
        self.slots: Slots | None = None

    # --- what modules import

    def imported_global(self, library: Library, entry: Import) -> Global | None:
        """What a global is that a module imports, or None: no linker has it."""
        if entry.namespace in GOT:
            cell = Cell(entry.namespace, entry.name, Global(Value.I32(0), True))
            library.cells.append(cell)
            return cell.value
        if entry.namespace != "env":
            return None
        if entry.name == "__stack_pointer":
            return self._stack_pointer
        if entry.name in UNWINDING:  # one of each, for all that may be unwound
            return self._unwinding.setdefault(entry.name, Global(Value.I32(0), True))
        value = {"__memory_base": library.memory, "__table_base": library.table}.get(entry.name)
        return None if value is None else Global(Value.I32(value), False)

    def _memory(self) -> Any:
        """What the program imports, or has itself."""
        main = self.main.instance
        return main.memory(0) if self._process.memory is None and main is not None else self._process.memory

    def _imports(self, library: Library, info: ModuleInfo) -> ImportObject:
        namespaces: dict[str, dict[str, Any]] = {}
        for entry in info.imports:
            check_interrupts()  # each may be looked for in all modules
            found: Any = None
            if entry.kind == MEMORY:
                found = self._memory()
            elif entry.kind == TABLE:
                found = self.slots.table if self.slots is not None else None
            elif entry.kind == GLOBAL:
                found = self.imported_global(library, entry)
            elif entry.kind == FUNCTION and isinstance(entry.type, int):
                found = self._function(library, entry, info.types[entry.type])
            elif entry.kind == TAG and isinstance(entry.type, int):
                found = self._tag(library, entry.name, info.types[entry.type])
            if found is not None:
                namespaces.setdefault(entry.namespace, {})[entry.name] = found
        imports = ImportObject(state=None)
        for name, namespace in namespaces.items():
            imports.register(name, namespace)
        return imports

    def _function(self, library: Library, entry: Import, wanted: FunctionType) -> Any:
        for each in self._scope(library):
            found = each.function(entry.name)
            if found is not None:
                return found
        function = self._provide(entry.namespace, entry.name, wanted)
        if function is None:
            function = self.later(library, entry.name, _absent(library.name, entry.name))
        return func(function, params=wanted.params, returns=wanted.results)

    def _tag(self, library: Library, name: str, wanted: FunctionType) -> Tag:
        found = next((tag for each in self._scope(library) if (tag := each.tag(name)) is not None), None)
        return found or self._process.imported_tag(name, wanted)

    def later(self, library: Library, name: str, absent: Callable[..., Any]) -> Callable[..., Any]:
        """A function of a module's that is looked for when it is called; until there is one, `absent` is called."""
        found: list[Any] = []

        def calling(*args: Any) -> Any:
            if not found:
                functions = (each.function(name) for each in self._scope(library))
                found.extend([each for each in functions if each is not None][:1])
            return (found[0] if found else absent)(*args)

        return calling

    # --- symbols

    def global_scope(self) -> Iterator[Library]:
        """The modules in which everybody looks, in their order."""
        yield self.main
        for each in self.libraries.values():
            if each.is_global:
                yield each

    def _scope(self, library: Library) -> Iterator[Library]:
        """The modules in which one looks."""
        yield from self.global_scope()
        yield from [each for each in self._batch if each.is_global]
        yield from _with_needed(library)

    def find(self, scope: Iterator[Library] | Sequence[Library], name: str) -> Any:
        """A function or an address by its name, or None."""
        return next((found for each in scope if (found := each.symbol(name)) is not None), None)

    def address(self, symbol: Any, made: list[int]) -> int:
        """The address of what `find` finds."""
        assert self.slots is not None
        return self.slots.of(symbol, made) if callable(symbol) else symbol

    def host_function(self, name: str) -> Any:
        """A function of the host's that has one type, for a pointer to it; None: there is none.

        A pointer to a function that is refused by name is one to nothing in particular: its type is known to who calls
        it alone, and that call traps.
        """
        if name not in self._hosts:
            for row in provided.ROWS.get(name, ())[:1]:
                wanted = type_of(f"{row.params.replace('?', '')}->{row.result}")
                function = self._provide("env", name, wanted)
                if function is not None:
                    self._hosts[name] = Function(of_emscripten(signature_of(wanted)), function)
            remedy = remedy_for(name) if name not in self._hosts else None
            if remedy is not None:
                self._hosts[name] = Function(of_emscripten("v"), missing(self._process, "env", name, remedy))
        return self._hosts.get(name)

    def _resolve(self, library: Library, made: list[int]) -> None:
        """Fill a module's global offset table.

        Raises:
            SideModuleError: nothing has a symbol of it.
        """
        for cell in library.cells:
            check_interrupts()
            if cell.name == "__heap_base":
                cell.value.value = self._heap
                continue
            if cell.namespace == "GOT.mem" and cell.name in self._stack:
                cell.value.value = self._stack[cell.name]
                continue
            found = self.find(self._scope(library), cell.name)
            if found is None and cell.namespace == "GOT.func":
                found = self.host_function(cell.name)
            if found is not None:
                cell.value.value = _signed(self.address(found, made))
            elif not library.dylink.is_weak(cell.namespace, cell.name):
                raise SideModuleError(
                    library.name,
                    f"undefined symbol `{cell.name}`",
                    cell.name,
                    "neither the program nor a library that is loaded has it: build the program with "
                    f"-sEXPORTED_FUNCTIONS=_{cell.name}, or load the library before",
                )

    # --- loading

    def start(self, instance: Instance) -> None:
        """Load what the program needs, and link it with that. Its constructors are next, then `construct`.

        Raises:
            SideModuleError: something is missing, or a library cannot be used.
            CreationError, GrowError: there is no room for one.
        """
        self.main.instance = instance
        if self._is_placed:
            self._read_places(instance)
        assert self.slots is not None
        self.slots.know(self.main.table, self.main.dylink.table_size)
        paths = paths_of(self.main.dylink, MAIN)
        needed = [self.finder.known_by(name, paths) for name in self.main.dylink.needed]
        loaded = self._load(needed, True, self.main)
        self.main.run("__wasm_apply_data_relocs")
        for library in loaded:
            library.run("__wasm_apply_data_relocs")
        if loaded and self._heap_pointer is not None:  # else it knows from its data where the heap begins
            self._process.guest.put_u32(self._heap_pointer(), self._heap)
        self._waiting = loaded
        self._started = True
        self._heap_is_unused = False

    def _read_places(self, instance: Instance) -> None:
        """Read where a module lies that has been placed already (`is_placed`)."""
        exports: Any = instance.exports
        self._stack_pointer = exports[STACK_POINTER]
        self.slots = Slots(exports[SHARED_TABLE])
        base = exports["__table_base"] if "__table_base" in exports else None
        if isinstance(base, Global) and base.type.value == I32:
            self.main.table = base.value & U32
        heap = self.main.symbol("__heap_base")
        self._heap_pointer = self._process.links.find(*HEAP_POINTER)
        if isinstance(heap, int) and self._heap_pointer is not None:
            self._heap, self._heap_is_unused = aligned(heap, ALIGNMENT), True

    def construct(self) -> None:
        """Run the constructors of what `start` has loaded."""
        loaded, self._waiting = self._waiting, []
        for library in loaded:
            library.run("__wasm_call_ctors")

    def open(self, name: str, is_global: bool) -> Library:
        """A library that the program asks for, loaded unless it is.

        Raises:
            SideModuleError: it cannot be loaded, or something that it needs.
            CreationError, GrowError, OutOfMemory: there is no room for it.
        """
        if self.main.instance is None:
            raise SideModuleError(name, "the program asks for it before its start function has ended")
        known = self.finder.known_by(name)
        if known not in self.libraries:
            self._load([known], is_global, None)
        library = self.libraries[known]
        if is_global:
            for each in _with_needed(library):
                each.is_global = True
        return library

    def instances(self) -> list[Instance]:
        """Of the side modules that are loaded."""
        return [each.instance for each in self.libraries.values() if each.instance is not None]

    def _load(self, names: Sequence[str], is_global: bool, first: Library | None) -> list[Library]:
        """Load libraries, by what they are known by, and what they need; `first` is linked together with them."""
        process, slots = self._process, self.slots
        assert slots is not None
        process.giving_back.begin()
        functions_at_exit = len(process.exit_functions)
        heap = self._heap
        made: list[int] = []
        placed: list[Library] = []
        outer = self._batch  # that of who calls a start function
        try:
            found, order = self._found(names)
            for side in order:
                library = self._place(side, is_global, placed)
                library.needed = [
                    known for name in found[side.name] if (known := self._known(name, placed)) is not None
                ]
                self._batch = placed
                self._instantiate(library, side.module)
                slots.know(library.table, library.dylink.table_size)
            for library in ([first] if first is not None else []) + placed:
                self._resolve(library, made)
            for library in placed:
                self.libraries[library.name] = library
            self._batch = outer
            if self._started:
                for library in placed:
                    library.run("__wasm_apply_data_relocs")
                for library in placed:
                    library.run("__wasm_call_ctors")
        except BaseException:
            self._batch = outer
            for library in placed:
                if self.libraries.get(library.name) is library:
                    del self.libraries[library.name]
            del process.exit_functions[functions_at_exit:]
            self._heap = heap
            for library in placed:
                slots.give_back(library.table, library.places, made)
            process.giving_back.after_failure(lambda: self._free(placed))
            raise
        return placed

    def _instantiate(self, library: Library, module: Module) -> None:
        """Make a module's instance, which counts in the points of the program's."""
        info = info_of(module)
        try:
            externs = resolve_imports(info, self._imports(library, info))
            library.instance = Instance(module, externs, _Context(self.main.instance), self._limits)
        except LinkError as failure:
            must_be_answer(failure)
            raise SideModuleError(library.name, str(failure)) from failure

    def _free(self, placed: Sequence[Library]) -> None:
        """Free the data of what is not loaded after all."""
        for library in placed:
            if library.allocated:
                self._process.free(library.allocated, "dlopen")

    def _known(self, name: str, placed: list[Library]) -> Library | None:
        return self.libraries.get(name) or next((each for each in placed if each.name == name), None)

    def _found(self, names: Sequence[str]) -> tuple[dict[str, list[str]], list[SideModule]]:
        """What has to be loaded for some libraries, what is needed before what needs it; and what each needs."""
        needs: dict[str, list[str]] = {}
        order: list[SideModule] = []
        waiting: list[tuple[str, SideModule | None]] = [(name, None) for name in reversed(names)]
        while waiting:
            name, side = waiting.pop()
            if side is not None:
                order.append(side)  # all that it needs is there
                continue
            if name in self.libraries or name in needs:
                continue
            if len(self.libraries) + len(needs) >= MAX_LIBRARIES:
                raise SideModuleError(name, f"the program has {MAX_LIBRARIES} libraries, the most there can be")
            side = self.finder.module(name)
            paths = paths_of(side.dylink, name)
            needs[name] = [self.finder.known_by(each, paths) for each in side.dylink.needed]
            waiting.append((name, side))
            waiting += [(each, None) for each in reversed(needs[name])]
        return needs, order

    def _place(self, side: SideModule, is_global: bool, placed: list[Library]) -> Library:
        """Give a module room for its data, all zero, and its places in the table."""
        assert self.slots is not None
        dylink = side.dylink
        library = Library(side.name, dylink, 0, 0, is_global)
        placed.append(library)
        if dylink.memory_size:
            alignment = max(dylink.memory_alignment, ALIGNMENT)
            if not self._heap_is_unused:
                library.allocated = self._process.malloc(dylink.memory_size + alignment, "dlopen")
                library.memory = aligned(library.allocated, alignment)
                self._zero(library.memory, dylink.memory_size)
            else:
                library.memory = aligned(self._heap, alignment)
                self._reserve(aligned(library.memory + dylink.memory_size, ALIGNMENT))
        library.table = self.slots.range(dylink.table_size, dylink.table_alignment)
        library.places = dylink.table_size
        return library

    def _zero(self, start: int, size: int) -> None:
        guest = self._process.guest
        for at in range(start, start + size, PIECE_BYTES):
            guest.write(at, bytes(min(PIECE_BYTES, start + size - at)))
            look()

    def _reserve(self, heap: int) -> None:
        """Let the heap, which nothing has used yet, begin at an address."""
        guest = self._process.guest
        size = guest.look()
        if heap > size:
            guest.memory.grow(aligned(heap - size, PAGE_BYTES) // PAGE_BYTES)
            guest.look()
        self._heap = heap


@final
class _Context(Ctx):
    """The context of a side module: its instance, before any of its code runs, uses the points of the program's."""

    __slots__ = ("_program",)

    def __init__(self, program: Instance | None) -> None:
        super().__init__()
        self._program = program

    @property
    def instance(self) -> Instance:
        """The instance this belongs to.

        Raises:
            ReferenceError: it is gone.
        """
        return super().instance

    @instance.setter
    def instance(self, instance: Instance) -> None:
        Ctx.instance.fset(self, instance)  # type: ignore[attr-defined]  # mypy knows no setter of a property's class
        if self._program is not None:
            use_points_of(instance, self._program)
            self._program = None


def _with_needed(library: Library) -> list[Library]:
    """A library, then those that it needs, then those that these need; each once."""
    found = [library]
    seen = {id(library)}
    for each in found:  # which grows meanwhile
        for needed in each.needed:
            if id(needed) not in seen:
                seen.add(id(needed))
                found.append(needed)
    return found


def _absent(library: str, name: str) -> Callable[..., Any]:
    def calling(*args: Any) -> Any:
        raise NotSupported(
            name,
            f"{library} calls it, and neither the program nor a library that is loaded exports it: build the program "
            f"with -sEXPORTED_FUNCTIONS=_{name}, or give a function for it, functions={{{name!r}: f}}",
        )

    return calling


def _signed(address: int) -> int:
    return address - (1 << 32) if address >= 1 << 31 else address
