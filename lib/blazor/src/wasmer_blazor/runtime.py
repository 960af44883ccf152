"""The .NET runtime in an instance: started, asked to call managed code, asked what an exception is.

This does what the runtime's own JavaScript does, in its order: variables, options, assemblies,
`mono_wasm_load_runtime`; then managed methods of ``JavaScriptExports`` are called with rows of slots. The versions
differ in few things, each told by what the module exports:

=====  ==============================  ==================================  ======================================
.NET   load_runtime takes              a managed method is called by       CallEntrypoint takes
=====  ==============================  ==================================  ======================================
8      a text that is not used, level  `mono_wasm_invoke_method_bound`     a method (`…get_entry_point`), arguments
9      level                           `mono_wasm_invoke_jsexport`         an assembly's name, arguments, a flag
10     level, properties               the same                            the same
=====  ==============================  ==================================  ======================================

What an exception is. The interface hands over a message and, on demand, the stack trace; of its class it says
nothing. The runtime writes that only of an exception that leaves a managed method. So it is thrown once more: a method
that calls a function of JavaScript is called, and the host answers with the exception. This ends the runtime, which
has nothing else to do then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

from wasmer_blazor import slots
from wasmer_blazor.errors import DotnetException, RuntimeAborted, UnknownFramework
from wasmer_blazor.host import MOST_TEXT_BYTES, TASK_OF_MAIN, U32, Host, Outcome
from wasmer_blazor.slots import LAYOUT_OF_8
from wasmer_emscripten.errors import Aborted
from wasmer_runtime_core.errors import ExportNotFound
from wasmer_runtime_core.running.interrupts import check_interrupts

if TYPE_CHECKING:
    from wasmer_emscripten.process import Process
    from wasmer_emscripten.program import Program

INTEROP: Final = "System.Runtime.InteropServices.JavaScript"
EXPORTED: Final = "JavaScriptExports"
IMPORTED: Final = "JavaScriptImports"
THROWING: Final = "GetGlobalThis"
"""A method without parameters that calls a function of JavaScript: the host answers with an exception."""

OPTIONS: Final = tuple(f"--no-jiterpreter-{what}-enabled" for what in ("traces", "interp-entry", "jit-call"))
"""No code is made while a program runs: that would be modules of WebAssembly, compiled by JavaScript."""
VARIABLES: Final = {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
PROPERTIES: Final = {
    "APP_CONTEXT_BASE_DIRECTORY": "/",
    "RUNTIME_IDENTIFIER": "browser-wasm",
    "System.Globalization.Invariant": "true",
}
"""What holds whatever is asked for."""
TEXTS: Final = {"System.Resources.UseSystemResourceKeys": "false"}
"""Messages of exceptions are texts, as far as the class library has them, though a page would show their keys."""
UNHANDLED: Final = "Unhandled Exception:\n"
"""What the runtime writes to standard error before an exception that ends it: one of a task that nobody waits for."""
THROWN: Final = re.compile(r"([\w.+`]+): ")
_ALIGNMENT: Final = 16
_NESTED: Final = "\n   at "


@final
class Strings:
    """Managed strings: made of Python's, and read. A slot holds one, on the runtime's list of roots."""

    __slots__ = ("_data", "_make", "_process", "_space")

    def __init__(self, process: Process, exports: Any) -> None:
        self._process = process
        self._make = exports["mono_wasm_string_from_utf16_ref"]
        self._data = exports["mono_wasm_string_get_data_ref"]
        self._space = process.malloc(12, "reading strings of .NET")

    def make(self, slot: int, text: str) -> None:
        """Put a string into a slot."""
        pointer = self.utf16(text)
        self._make(pointer, len(text.encode("utf-16-le", "surrogatepass")) // 2, slot)
        self._process.free(pointer, "strings of .NET")

    def utf16(self, text: str) -> int:
        """A copy of a text in the runtime's heap, as .NET has it: a pointer, to be freed by whoever gets it."""
        data = text.encode("utf-16-le", "surrogatepass") + b"\0\0"
        pointer = self._process.malloc(len(data), "strings of .NET")
        self._process.guest.write(pointer, data)
        return pointer

    def read(self, slot: int) -> str:
        """The string in a slot, or what of it is not too long to be told; "" if there is none."""
        guest, space = self._process.guest, self._space
        guest.write(space, bytes(12))
        self._data(slot, space, space + 4, space + 8)
        pointer, length = guest.u32(space), guest.u32(space + 4)
        if not pointer or not length:
            return ""
        return guest.read(pointer, min(length, MOST_TEXT_BYTES)).decode("utf-16-le", "replace")


@final
class Runtime:
    """A .NET runtime in an instance.

    Attributes:
        host: what it imports.
        exports: of its instance.
    """

    __slots__ = ("_interop", "_methods", "exports", "host", "layout", "process")

    def __init__(self, program: Program, host: Host) -> None:
        self.host = host
        self.process = program.process
        self.layout = host.layout
        self.exports = program.exports
        self._interop = 0
        self._methods: dict[tuple[str, str], int] = {}

    # --- starting it

    def start(
        self,
        variables: Mapping[str, str],
        properties: Mapping[str, str],
        assemblies: Sequence[tuple[str, bytes | Path]],
    ) -> None:
        """Start it.

        Args:
            variables: environment variables.
            properties: what AppContext is to say, .NET 10 only.
            assemblies: by their names: bytes, or the file that has them.

        Raises:
            RuntimeAborted: it gave up.
            OutOfMemory: it has no room for the assemblies.
            OSError: a file cannot be read.
        """
        with self.aborting():
            self._set_up(variables, assemblies)
            self._load(dict(properties) | PROPERTIES)
            self.host.strings = Strings(self.process, self.exports)
            with self._text(INTEROP) as name:
                self._interop = self.exports["mono_wasm_assembly_load"](name)
        if not self._interop:
            raise UnknownFramework(f"the framework has no assembly {INTEROP}, which calls Main: it was trimmed away")

    def _set_up(self, variables: Mapping[str, str], assemblies: Sequence[tuple[str, bytes | Path]]) -> None:
        for name, value in variables.items():
            with self._text(name) as first, self._text(value) as second:
                self.exports["mono_wasm_setenv"](first, second)
        self.exports["mono_wasm_parse_runtime_options"](len(OPTIONS), self._pointers(OPTIONS))
        for name, content in assemblies:
            check_interrupts()
            with self._text(name) as pointer:
                self.exports["mono_wasm_add_assembly"](pointer, *self._copy(content))

    def _copy(self, content: bytes | Path) -> tuple[int, int]:
        """Where an assembly has been put, for as long as the runtime lives, and its length."""
        if isinstance(content, bytes):
            start = self._room(len(content))
            self.process.guest.write(start, content)
            return start, len(content)
        with content.open("rb") as file:
            length = file.seek(0, 2)
            file.seek(0)
            start = self._room(length)
            with self.process.guest.view(start, length) as view:
                length = file.readinto(view)
        return start, length

    def _room(self, length: int) -> int:
        start = self.process.malloc(length + _ALIGNMENT, "an assembly of .NET")
        return (start + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT

    def _load(self, properties: Mapping[str, str]) -> None:
        load = self.exports["mono_wasm_load_runtime"]
        wanted = len(load.type.params)
        if wanted == 4:
            load(0, len(properties), self._pointers(properties), self._pointers(properties.values()))
        elif wanted == 2:
            with self._text("") as unused:
                load(unused, 0)
        else:
            load(0)

    @contextmanager
    def _text(self, text: str) -> Iterator[int]:
        """A copy of a text in its heap, while it is called."""
        data = text.encode("utf-8", "surrogateescape") + b"\0"
        pointer = self.process.malloc(len(data), "a text for .NET")
        self.process.guest.write(pointer, data)
        yield pointer  # an exception leaves a runtime that is not called again
        self.process.free(pointer, "a text for .NET")

    def _pointers(self, texts: Any) -> int:
        """Pointers to copies of texts, which stay."""
        found = []
        for text in texts:
            data = text.encode("utf-8", "surrogateescape") + b"\0"
            pointer = self.process.malloc(len(data), "a text for .NET")
            self.process.guest.write(pointer, data)
            found.append(pointer)
        row = self.process.malloc(4 * len(found) + 4, "texts for .NET")
        for at, pointer in enumerate(found):
            self.process.guest.put_u32(row + 4 * at, pointer)
        return row

    @contextmanager
    def aborting(self) -> Iterator[None]:
        """A block in which the runtime may give up.

        Raises:
            DotnetException: because of an exception that nobody could handle.
            RuntimeAborted: because of something else; it says what.
        """
        try:
            yield
        except Aborted as failure:
            raise self._gave_up() from failure

    def _gave_up(self) -> DotnetException | RuntimeAborted:
        _, marked, text = self.host.heard.decode("utf-8", "replace").rpartition(UNHANDLED)
        thrown = THROWN.match(text)
        if marked and thrown is not None:
            head, _, trace = text.rstrip().partition(_NESTED)
            message = head.partition(": ")[2].partition("\n ---> ")[0]
            return DotnetException(text.rstrip(), thrown[1], message, _NESTED[1:] + trace if trace else "")
        said = [text for _, text in self.host.messages if text]
        return RuntimeAborted("the .NET runtime gave up" + (": " + "\n".join(said[-4:]) if said else ""))

    # --- calling managed code

    def _method(self, name: str, of: str = EXPORTED) -> int:
        """A managed method of the interface, 0 if it was trimmed away."""
        found = self._methods.get((of, name))
        if found is None:
            exports = self.exports
            with self._text(INTEROP) as namespace, self._text(of) as kind, self._text(name) as method:
                owner = exports["mono_wasm_assembly_find_class"](self._interop, namespace, kind)
                found = exports["mono_wasm_assembly_find_method"](owner, method, -1) if owner else 0
            self._methods[of, name] = found
        return int(found)

    @contextmanager
    def _row(self, count: int) -> Iterator[int]:
        """A row of empty slots, on the list of roots."""
        row = self._slots(count)
        yield row
        self.exports["mono_wasm_deregister_root"](row)
        self.process.free(row, "slots")

    def _slots(self, count: int) -> int:
        length = self.layout.size * count
        row = self.process.malloc(length, "slots")
        self.process.guest.write(row, bytes(length))
        with self._text("wasmer") as name:
            self.exports["mono_wasm_register_root"](row, length, name)
        return row

    def _call(self, method: int, row: int) -> str:
        """Call a managed method with a row: "", or the exception that left it, as text (.NET 8; others abort)."""
        if "mono_wasm_invoke_jsexport" in self.exports:
            self.exports["mono_wasm_invoke_jsexport"](method, row)
            return ""
        with self._row(1) as root:
            failed = self.exports["mono_wasm_invoke_method_bound"](method, row, root)
            return self.host.strings.read(root) if failed else ""

    def call_main(self, name: str, args: Sequence[str]) -> Outcome | None:
        """Call the `Main` of an assembly: how it ended, or None: its task is not done.

        Raises:
            UnknownFramework: the framework was trimmed of what calls it.
            RuntimeAborted: the runtime gave up.
        """
        host, guest, layout = self.host, self.process.guest, self.layout
        method = self._method("CallEntrypoint")
        if not method:
            raise UnknownFramework(
                "the framework cannot call Main: its JavaScriptExports.CallEntrypoint was trimmed away"
            )
        self.exports["mono_wasm_set_main_args"](len(args) + 1, self._pointers([name, *args]))
        old = layout is LAYOUT_OF_8
        row = self._slots(4 if old else 5)  # for good: the frames of a task that is not done may look at it
        result, entry, given = (layout.slot(row, number) for number in range(slots.RESULT_SLOT, 4))
        guest.put_u32(entry, self._entry_point(name) if old else self._kept(name))
        host.put_kind(entry, slots.POINTER)
        if args:
            self._put_strings(given, args)
        if not old:
            host.put_kind(layout.slot(row, 4), slots.BOOLEAN)  # false: no debugger is waited for
            host.put_number(result, slots.HANDLE, TASK_OF_MAIN)
            host.put_kind(result, slots.PENDING)
        text = self._call(method, row)
        if text:
            raise RuntimeAborted(f"the .NET runtime could not call Main: {text}")
        if host.kind(row) != slots.NONE:
            return host.failed(row)
        kind = host.kind(result)
        if host.outcome is not None or kind in (slots.PENDING, slots.TASK):
            return host.outcome
        if kind == slots.REJECTED:
            return host.failed(result)
        if kind == slots.RESOLVED:
            host.put_kind(result, guest.read(result + layout.element, 1)[0])
        return host.done(result)

    def _kept(self, text: str) -> int:
        return self.process.guest.u32(self._pointers([text]))

    def _entry_point(self, name: str) -> int:
        with self._text(name) as pointer:
            assembly = self.exports["mono_wasm_assembly_load"](pointer)
        return int(self.exports["mono_wasm_assembly_get_entry_point"](assembly, 0)) & U32 if assembly else 0

    def _put_strings(self, slot: int, texts: Sequence[str]) -> None:
        """Put an array of strings into a slot."""
        host, layout = self.host, self.layout
        array = self._slots(len(texts))  # the runtime frees it
        for number, text in enumerate(texts):
            host.put_kind(layout.slot(array, number), slots.STRING)
            host.strings.make(layout.slot(array, number), text)
        host.put_number(slot, slots.VALUE, array)
        host.put_number(slot, slots.LENGTH, len(texts))
        host.put_kind(slot, slots.ARRAY)
        self.process.guest.write(slot + layout.element, bytes((slots.STRING,)))

    # --- turns

    def turn(self) -> bool:
        """Do what there is to do now: whether there was something."""
        turns = self.host.turns
        if turns.background:
            turns.background = False
            self.exports["mono_background_exec"]()
            return True
        if turns.until_due() == 0:
            turns.due = None
            self.exports["mono_wasm_execute_timer"]()
            return True
        return False

    # --- exceptions

    def described(self, outcome: Outcome) -> DotnetException:
        """The exception that `Main` failed with. Nothing of the runtime runs behind this."""
        assert outcome.exception is not None
        message = outcome.message
        with self._row(3) as row:
            slot = self.layout.slot(row, slots.FIRST_ARGUMENT)
            self.host.put_number(slot, slots.HANDLE, outcome.exception)
            self.host.put_kind(slot, slots.EXCEPTION)
            method = self._method("GetManagedStackTrace")
            if method:
                self._call(method, row)
            trace = self.host.strings.read(self.layout.slot(row, slots.RESULT_SLOT))
        head = self._thrown_again(outcome.exception).partition(_NESTED + INTEROP)[0]
        kind = head.partition(": ")[0] if head else ""
        if not head.startswith(f"{kind}: {message}"):
            head, kind = message, ""
        return DotnetException(head + ("\n" + trace if trace else ""), kind, message, trace)

    def _thrown_again(self, exception: int) -> str:
        """What the runtime writes of an exception that leaves a managed method; "" where it cannot be had."""
        method = self._method(THROWING, IMPORTED)
        if not method:
            return ""
        host = self.host
        for number in (1, 2):  # where the runtime would write it, too
            if number in self.process.descriptors.open:
                self.process.descriptors.close(number)
        host.throwing, host.silent = exception, True
        host.messages.clear()
        try:
            with self._row(3) as row:
                return self._call(method, row)
        except Aborted:
            return next((text for level, text in host.messages if level == "critical"), "")
        except ExportNotFound:
            return ""
