"""What one running program has: its memory, files, clocks, and what its own exports do for it.

A process refers to its instance weakly: the instance owns the functions that it was given, they own the process, so
dropping the program frees its memory at once. What the process needs of the instance is in `Links`, which the
`Program` owns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, final
from weakref import ref

from wasmer_emscripten.errors import NotSupported, OutOfMemory, WrongArgument
from wasmer_emscripten.exports import TYPES, is_meant
from wasmer_emscripten.giving_back import GivingBack
from wasmer_emscripten.glue.names import NO_NAMES, Names
from wasmer_emscripten.guest import U32, Guest
from wasmer_emscripten.heap_of_glue import HeapPlace
from wasmer_emscripten.numbers import FROM_HOST, PLAIN, Layouts, must_be_answer
from wasmer_emscripten.signatures import signature_of
from wasmer_emscripten.state import Exceptions, Fastcomp, JavaScript, Mapped
from wasmer_emscripten.uniform import call_uniformly, is_uniform
from wasmer_runtime_core.running.objects.tags import Tag
from wasmer_runtime_core.wasm.types import FUNCREF, I32, FunctionType
from wasmer_vfs.clock import Clock, SystemClock
from wasmer_vfs.descriptors import DEFAULT_LIMIT, DescriptorTable
from wasmer_vfs.network import Network
from wasmer_vfs.network_sockets import NetworkSocket
from wasmer_vfs.random import RandomSource, system
from wasmer_vfs.standard_streams import INHERIT, open_stream
from wasmer_vfs.trees import Opened, Tree

if TYPE_CHECKING:
    from wasmer_emscripten.glue.names import Symbols
    from wasmer_runtime_core.running.instance import Instance
    from wasmer_runtime_core.running.objects.memory import Memory

MAX_EXIT_FUNCTIONS: Final = 65_536
"""Functions that a program can register with `atexit`."""

DYN_CALL: Final = "dynCall_"
"""How names of exports begin that call pointers to functions of one type."""
_POINTER: Final = bytes((I32,))
MALLOC: Final = ("malloc", "emscripten_builtin_malloc")
"""Names of the program's own allocator."""

DEFAULT_ENVIRONMENT: Final = {
    b"USER": b"web_user",
    b"LOGNAME": b"web_user",
    b"PATH": b"/",
    b"PWD": b"/",
    b"HOME": b"/home/web_user",
    b"LANG": b"C.UTF-8",
    b"_": b"./this.program",
}
"""What every program of emcc finds."""


@final
class Links:
    """What a process needs of its instance: exports by all the names that they have had.

    Attributes:
        exports: the instance's.
    """

    __slots__ = (
        "__weakref__",
        "_by_type",
        "_found",
        "_instance",
        "_names",
        "_table",
        "exports",
        "stack_restore",
        "stack_save",
    )

    def __init__(self, instance: Instance, names: Names, by_type: bool = False) -> None:
        """Look for what is needed of an instance.

        Args:
            by_type: its pointers to functions are of its first backend's kind.
        """
        self.exports = instance.exports
        self._by_type = by_type
        self._names = names
        self._found: dict[tuple[str, ...], Any] = {}
        self._instance = instance
        self._table: Any = None
        self.stack_save = self.find("_emscripten_stack_get_current", "emscripten_stack_get_current", "stackSave")
        self.stack_restore = self.find("_emscripten_stack_restore", "stackRestore")

    @property
    def table(self) -> Any:
        """Where pointers to functions lead, or None.

        Asked for when one is called: an instance whose table Python has seen is freed by the garbage collector, any
        other with its last reference.
        """
        if self._table is None:
            try:
                table = self._instance.table(0)
            except LookupError as none:
                must_be_answer(none)
                return None
            if table.element != FUNCREF:  # objects of the user's, which no program may call
                return None
            self._table = table
        return self._table

    def export(self, name: str) -> Any:
        """What is exported by this real name, or None."""
        letters = self._names.exports.get(name, name)
        return self.exports[letters] if letters in self.exports else None

    def called(self, name: str) -> Any:
        """The exported function that a user means by a name, of whatever type it is, or None."""
        return next((export for each in (name, "_" + name) if callable(export := self.export(each))), None)

    def find(self, *names: str) -> Any:
        """The exported function of the first of these names, of `exports`, that there is with its type, or None."""
        found = self._found.get(names, self)
        if found is not self:
            return found
        found = None
        for name in names:
            export = self.export(name)
            if callable(export) and is_meant(name, export):
                found = export
                break
        self._found[names] = found
        return found

    def need(self, what: str, *names: str) -> Any:
        """The exported function of the first of these names, of `exports`, that there is with its type.

        Raises:
            NotSupported: there is none; `what` needs it.
        """
        found = self.find(*names)
        if found is None:
            wanted = " or ".join(names)
            raise NotSupported(
                what,
                f"the module does not export {wanted} of type {TYPES[names[0]][0]}: build it with "
                f"-sEXPORTED_FUNCTIONS=_{names[0]}",
            )
        return found

    def tag(self, name: str) -> Tag | None:
        """The exported tag of a name, or None."""
        found = self.export(name)
        return found if isinstance(found, Tag) else None

    def dyn_call(self, type: FunctionType) -> Any:
        """The export that calls pointers to functions of a type, where these are no places in the table; else None.

        Its own type has the pointer before the other parameters.
        """
        name = DYN_CALL + signature_of(type)
        found = self._found.get((name,), self)
        if found is self:
            found = self.export(name)
            if not callable(found) or found.core_type != FunctionType(_POINTER + bytes(type.params), type.results):
                found = None
            self._found[(name,)] = found
        return found

    def function(self, index: int, *types: FunctionType) -> Any:
        """What a pointer to a function leads to.

        Args:
            types: that it may be of, which only a program of the first backend has to be told.

        Raises:
            WrongArgument: nothing.
        """
        index &= U32
        if self._by_type:
            for type in types:
                call = self.dyn_call(type)
                if call is not None:
                    return Pointed(call, index, type)
        table = self.table
        function = table[index] if table is not None and index < len(table) else None
        if function is None:
            raise WrongArgument(f"the program called a pointer to a function that leads nowhere: {index}")
        return function

    def call(self, index: int, wanted: FunctionType, *args: Any) -> Any:
        """Call what a pointer leads to, as a function of the wanted type: who wants no result gets none.

        Raises:
            WrongArgument: nothing, or a function of another type.
        """
        function = self.function(index, wanted)
        found = function.core_type
        results = wanted.results
        if found.params != wanted.params or (results and found.results != results):
            if is_uniform(found, wanted):
                return call_uniformly(function, found, wanted, args)
            raise WrongArgument(
                f"the program called a function of type {found} through a pointer, as one of type {wanted}"
            )
        result = function(*args)
        return result if results else None


@final
class Pointed:
    """What a pointer of the first backend's leads to."""

    __slots__ = ("_call", "_index", "core_type")

    def __init__(self, call: Any, index: int, type: FunctionType) -> None:
        self._call = call
        self._index = index
        self.core_type = type

    def __call__(self, *args: Any) -> Any:
        return self._call(self._index, *args)


@final
class Process:
    """Ready to run. Made by `loading`.

    Attributes:
        args: the program's arguments, its name first.
        environ: `NAME=value` each.
        streams: what was given as its three standard streams.
        tree: the files that it sees.
        descriptors: its open files.
        close_on_exec: numbers whose flag is set, which nothing follows from.
        umask: what `umask` has set.
        clock, random, zone: where time, random bytes and the time zone come from.
        guest: its memory.
        memory: the memory that was made for it, if it imports one.
        net: what it may reach by TCP and UDP; None: it has no sockets.
        halves: it takes results of 64 bits in halves: the low one, then the high one from ``tempRet0``.
        layouts, errors: how its records are laid out; its error numbers by the host's.
        mappings: what `mmap` has made, by address, where the program's C library does not keep it.
        fastcomp: what a program of emcc's first backend has besides; None for any other.
        heap_place: where the heap is of a program that asks its host to move its end, as its glue says.
        temp_ret0: the high half of the last i64 that was returned in halves.
        exit_functions: what `atexit` has registered: pointer and argument.
        ending: these have begun to run.
        glue, symbols, names: the JavaScript beside the module, what the user says of names, what became of both.
        bindings: what it binds, a `Registry` of embind (`registry_of`); None until it binds something.
        globals: what the user adds to the world that its C++ finds by name.
        libraries: side modules that its user gave, by name.
        tags: those that it imports, by name, its side modules the same ones.
        linker: loads the side modules of a program that is linked dynamically, a `Linker`; None for any other.
        giving_back: what the program does when a call of it has failed.
        exceptions, javascript: C++ exceptions under way; what the user gave for the program's own JavaScript.
    """

    __slots__ = (
        "__weakref__",
        "_links",
        "args",
        "bindings",
        "clock",
        "close_on_exec",
        "descriptors",
        "ending",
        "environ",
        "errors",
        "exceptions",
        "exit_functions",
        "fastcomp",
        "giving_back",
        "globals",
        "glue",
        "guest",
        "halves",
        "heap_place",
        "javascript",
        "layouts",
        "libraries",
        "linker",
        "mappings",
        "memory",
        "names",
        "net",
        "random",
        "streams",
        "symbols",
        "tags",
        "temp_ret0",
        "tree",
        "umask",
        "zone",
    )

    def __init__(
        self,
        args: list[bytes] | None = None,
        environ: list[bytes] | None = None,
        streams: tuple[Any, Any, Any] = (INHERIT, INHERIT, INHERIT),
        tree: Tree | None = None,
        clock: Clock | None = None,
        random: RandomSource = system,
        zone: str | None = None,
        limit: int = DEFAULT_LIMIT,
        net: Network | None = None,
    ) -> None:
        self.args = [b"./this.program"] if args is None else args
        self.environ = [b"=".join(each) for each in DEFAULT_ENVIRONMENT.items()] if environ is None else environ
        self.streams = streams
        self.tree = Tree() if tree is None else tree
        self.descriptors: DescriptorTable[Opened] = DescriptorTable(limit)
        self.close_on_exec: set[int] = set()
        self.umask = 0o22
        self.clock: Clock = SystemClock() if clock is None else clock
        self.random = random
        self.zone = zone
        self.net = net
        self.guest = Guest()
        self.memory: Memory | None = None
        self.halves = False
        self.layouts: Layouts = PLAIN
        self.errors: Mapping[int, int] = FROM_HOST
        self.mappings: dict[int, Mapped] = {}
        self.fastcomp: Fastcomp | None = None
        self.heap_place: HeapPlace | None = None
        self.glue = ""
        self.symbols: Symbols | Names | None = None
        self.names = NO_NAMES
        self.temp_ret0 = 0
        self.exit_functions: list[tuple[int, int | None]] = []
        self.ending = False
        self.exceptions = Exceptions()
        self.javascript = JavaScript()
        self.bindings: Any = None
        self.libraries: Mapping[str, Any] = {}
        self.tags: dict[str, Tag] = {}
        self.linker: Any = None
        self.giving_back = GivingBack()
        self.globals: Mapping[str, Any] = {}
        self._links: Callable[[], Links | None] = _nothing
        for number, given in enumerate(streams):
            flags = 1 if number else 0
            self.descriptors.insert(Opened(file=open_stream(given, number), path=_NAMES[number], flags=flags))

    def belong_to(self, ctx: Any) -> None:
        """Called when an instance gets this process.

        Raises:
            TypeError: another instance has it.
        """
        if self.guest.owner is not None and self.guest.owner() not in (None, ctx):
            raise TypeError("this environment belongs to another instance: make one for each, as load() does")
        self.guest.belong_to(ctx)

    def link(self, instance: Instance) -> Links:
        """What is needed of the instance; kept as long as its caller keeps it."""
        links = Links(instance, self.names, self.fastcomp is not None)
        self._links = ref(links)
        return links

    @property
    def links(self) -> Links:
        """What is needed of the instance; for the length of a call where nobody keeps it (in a start function)."""
        links = self._links()
        if links is None:
            links = Links(self.guest.context.instance, self.names, self.fastcomp is not None)
        return links

    # --- what many functions need

    def tag(self, name: str) -> Tag | None:
        """The tag by which the program throws what is called so: it exports it, or imports it from here; None: neither,
        so nobody but itself knows it."""
        return self.tags.get(name) or self.links.tag(name)

    def imported_tag(self, name: str, type: FunctionType) -> Tag:
        """A tag that a module of the program imports: the first that does says its type."""
        found = self.tags.get(name)
        if found is None:
            found = self.tags[name] = Tag(type)
        return found

    def set_temp_ret0(self, value: int) -> None:
        """Keep the high half of a result where the program looks for it."""
        self.temp_ret0 = value & U32
        setter = self.links.find("_emscripten_tempret_set", "setTempRet0")
        if setter is not None:
            setter(self.temp_ret0)

    def malloc(self, size: int, what: str) -> int:
        """Memory from the program's own allocator, for `what`.

        Raises:
            NotSupported: it exports none.
            OutOfMemory: it has none left.
        """
        pointer: int = self.links.need(what, *MALLOC)(size) & U32 if size <= U32 else 0
        if not pointer:
            raise OutOfMemory(f"{what}: the program has no {size} bytes left")
        self.guest.check(pointer, size)
        return pointer

    def free(self, pointer: int, what: str) -> None:
        """Give memory back to the program's own allocator."""
        self.links.need(what, "free", "emscripten_builtin_free")(pointer)

    def text(self, pointer: int, most: int = 4096) -> str:
        """A text of the program's, for a message: what of it there is."""
        if not pointer & U32:
            return ""
        try:
            return self.guest.string(pointer, most).decode("utf-8", "replace")
        except OSError as failure:
            must_be_answer(failure)
            return f"(unreadable text at {pointer & U32:#x})"

    def close_sockets(self) -> None:
        """Close what others could still be waiting at, when the program has ended."""
        for number, opened in list(self.descriptors.open.items()):
            if isinstance(opened.file, NetworkSocket):
                self.descriptors.close(number)

    def close(self) -> None:
        """Close all files. Python file objects are flushed and stay open."""
        self.descriptors.close_all()


_NAMES: Final = (b"/dev/stdin", b"/dev/stdout", b"/dev/stderr")


def _nothing() -> None:
    return None
