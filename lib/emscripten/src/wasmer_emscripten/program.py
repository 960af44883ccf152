"""`Program`: an instance that runs, with what Python calls of it.

::

    lua = load(Path("lua.wasm"), mounts={"/work": "scripts"}, current="/work")
    lua.main("script.lua")                 # the exit code

    library = load(Path("sqlite.wasm"))
    library.sqlite3_libversion_number()    # an export
    version = library.cwrap("sqlite3_libversion", str, [])
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, final

from wasmer_emscripten.calling import Stack, TableSlots, converted, wrapped
from wasmer_emscripten.embind.public import Bindings
from wasmer_emscripten.fastcomp.start import initializers
from wasmer_emscripten.guest import U32
from wasmer_emscripten.leaving import THROWN, leave
from wasmer_emscripten.library.embedded import load_exported_table
from wasmer_emscripten.library.ending import run_exit_functions
from wasmer_emscripten.numbers import must_be_answer
from wasmer_emscripten.process import Process
from wasmer_emscripten.recognising import info_of
from wasmer_runtime_core.errors import ExitCode, ExportNotFound
from wasmer_runtime_core.running.instance import close_behind
from wasmer_runtime_core.running.interrupts import timeout as deadline
from wasmer_vfs.standard_streams import captured_bytes
from wasmer_vfs.tree_files import Files

if TYPE_CHECKING:
    from wasmer_emscripten.glue.names import Names
    from wasmer_runtime_core.running.instance import Instance
    from wasmer_runtime_core.running.objects.memory import Memory

_START: Final = ("__wasm_call_ctors", "_initialize", "___wasm_call_ctors")
_MAIN: Final = ("__main_argc_argv", "main", "_main", "__main_void")
MAX_TEXT: Final = 1 << 30
"""Bytes of a text that Python asks for."""


@final
class Program:
    """A program of emcc. Made by `load`. Exports are attributes; what this class has itself is reached by `exports`.

    Attributes:
        instance: the WebAssembly instance.
        process: what it has.
        exports: its exports.
        fs: its files.
    """

    def __init__(self, instance: Instance, process: Process, *, start: bool = True) -> None:
        """Link an instance that has the imports of `process`, and run its constructors unless they have run."""
        self.instance = instance
        self.process = process
        self.exports = instance.exports
        self.links = process.link(instance)
        self.fs = Files(process.tree)
        self._memory = _own_memory(instance, process)
        self._slots = TableSlots(process, self.links)
        if start:
            with self._described():
                self._start()

    def _start(self) -> None:
        """Before anything else of it is called: its stack, then constructors of globals."""
        links, linker = self.links, self.process.linker
        if linker is not None:
            linker.start(self.instance)
        init = links.find("emscripten_stack_init")
        if init is not None:
            init()
        limits = links.find("__set_stack_limits", "___set_stack_limits")
        base, end = links.find("emscripten_stack_get_base"), links.find("emscripten_stack_get_end")
        if limits is not None and base is not None and end is not None:
            limits(base(), end())
        load_exported_table(self.process)
        constructors = links.find(*_START)
        if constructors is not None:
            constructors()
        if linker is not None:
            linker.construct()
        if self.process.fastcomp is not None:
            for constructor in initializers(self.process, self.exports):
                constructor()
        bindings = self.process.bindings
        if bindings is not None:
            bind = links.find("_embind_initialize_bindings", "__embind_initialize_bindings")
            if bind is not None and not bindings.types:  # else its constructors have called it
                bind()
            bindings.finish()

    # --- running it

    def main(self, *args: str | bytes) -> int:
        """Run the program's `main`.

        Args:
            args: its arguments, instead of those that `load` was given.

        Returns:
            Its exit code. However it ends, its sockets are closed.

        Raises:
            ExportNotFound: it has no `main`.
            Trap, EmscriptenError: it failed.
        """
        process = self.process
        if args:
            process.args[1:] = [os.fsencode(each) for each in args]
        start = self.links.find("_start")
        main = self.links.find(*_MAIN)
        if start is None and main is None:
            raise ExportNotFound("main")
        with self._described():
            try:
                if main is None:
                    start()
                    code = 0
                else:
                    code = self._call_main(main)
                self.finish()
            except ExitCode as ended:
                code = ended.code
                self.flush()
            finally:
                process.close_sockets()
        return code & 0xFF if code >= 0 else code & U32

    def _call_main(self, main: Any) -> int:
        if len(main.type.params) == 0:
            return int(main() or 0)
        if not Stack.exists(self.links):
            return int(main(0, 0) or 0)  # emcc exports no way to pass any to a program that looks at none
        args = self.process.args
        stack = Stack(self.process, self.links)
        pointers = [stack.string(each) for each in args]
        argv = stack.allocate(4 * (len(args) + 1))
        for at, pointer in enumerate([*pointers, 0]):
            self.process.guest.put_u32(argv + 4 * at, pointer)
        return int(main(len(args), argv) or 0)

    def finish(self) -> None:
        """What is done at a program's end: functions of `atexit`, then its streams are flushed."""
        run_exit_functions(self.process)
        self.flush()

    def flush(self) -> None:
        """Write out what the program keeps in its buffers, as far as it exports how."""
        flush = self.links.find("fflush", "_fflush")
        if flush is not None:
            flush(0)
        else:
            flush = self.links.find("__stdio_exit", "___stdio_exit")
            if flush is not None:
                flush()

    def _described(self) -> _Describing:
        return _Describing(self.process)

    # --- exports

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        exports = self.__dict__.get("exports")
        if exports is None:
            raise AttributeError(name)
        if self.instance.closed:
            raise ValueError(f"{name}() cannot be called: the program is closed")
        bindings = self.process.bindings
        if bindings is not None and name in bindings.names:
            return bindings.public(name)
        for each in (name, "_" + name):
            found = self.links.export(each)
            if found is not None:
                return _Call(self.process, found) if callable(found) else found
        raise ExportNotFound(name, list(exports))

    @property
    def names(self) -> Names:
        """What the letters of its module stand for, found once: `load(…, symbols=)` takes them as they are."""
        return self.process.names

    @property
    def bindings(self) -> Bindings:
        """What the program binds by embind: functions, classes, enums and constants of C++, by name."""
        return Bindings(self.process.bindings)

    def cwrap(self, name: str, returns: Any, parameters: Sequence[Any] = ()) -> Callable[..., Any]:
        """An export that takes and returns Python's values.

        Args:
            name: the export.
            returns: `int`, `float`, `bool`, `str`, `bytes` or None.
            parameters: the same for each parameter. Texts and bytes are on the program's stack during the call.
                ``[int]``: a pointer to an integer (or a pointer) that C writes. It is not passed; the call returns it
                behind the result, in a tuple.

        Raises:
            ExportNotFound: there is none.
            TypeError: a type is none of these.
        """
        function = self.links.called(name)
        if function is None:
            raise ExportNotFound(name, list(self.exports))
        return wrapped(self.process, self.links, function, name, returns, tuple(parameters), self._described)

    def ccall(self, name: str, returns: Any, parameters: Sequence[Any], *arguments: Any) -> Any:
        """Call an export once, as `cwrap` does."""
        return self.cwrap(name, returns, parameters)(*arguments)

    # --- its memory

    @property
    def memory(self) -> Memory:
        """The program's memory. It may have grown after any call: take views of it anew."""
        return self.instance.memory(0)

    def string(self, pointer: int, length: int | None = None) -> str:
        """The text at a pointer: `length` bytes, or until the next NUL.

        Raises:
            IndexError: it does not lie in memory.
        """
        return self.memory.read_string(pointer & U32, length)

    def new_string(self, text: str | bytes) -> int:
        """A copy of a text in the program's heap, with a NUL: a pointer, to be given to `free`."""
        data = converted(text) + b"\0"
        pointer = self.process.malloc(len(data), "new_string")
        self.process.guest.write(pointer, data)
        return pointer

    def stack(self) -> Stack:
        """Memory on the program's stack, until the end of a `with` block.

        ::

            with program.stack() as stack:
                program.puts(stack.string("hello"))
        """
        return Stack(self.process, self.links)

    def add_function(self, function: Callable[..., Any], signature: str) -> int:
        """A pointer that the program can call: to a Python function.

        Args:
            function: what is called.
            signature: Emscripten's: the result, then the parameters: i, j, f, d, p, or v for no result: ``vii``.

        Raises:
            ValueError: no signature.
            TableGrowError: the table cannot grow: build with -sALLOW_TABLE_GROWTH.
        """
        return self._slots.add(function, signature)

    def remove_function(self, pointer: int) -> None:
        """Take one back; its place is used again.

        Raises:
            ValueError: `add_function` has not made it.
        """
        self._slots.remove(pointer)

    # --- what it wrote

    def stdout_bytes(self) -> bytes:
        """What was written to a captured standard output until now.

        Raises:
            TypeError: it is not captured.
        """
        return self._captured(1, "stdout")

    def stderr_bytes(self) -> bytes:
        """What was written to a captured standard error until now.

        Raises:
            TypeError: it is not captured.
        """
        return self._captured(2, "stderr")

    def _captured(self, number: int, name: str) -> bytes:
        try:
            return captured_bytes(self.process.streams[number], number)
        except TypeError as not_captured:
            raise TypeError(f"{not_captured}: load the program with {name}=CAPTURE") from None

    # --- ending it

    def close(self) -> None:
        """Close its files and sockets, and give its memory back at once. Closing twice does nothing.

        What the program holds of Python's it has no longer: views of its own memory that it has itself keep nobody
        from closing it. Those that Python has do. Either all is closed, or nothing.

        Raises:
            RuntimeError: it is running, in another thread or below this call; nothing is closed.
            BufferError: Python has views of its memory; nothing is closed.
        """
        instance, process = self.instance, self.process
        instances = [instance] if process.linker is None else [instance, *process.linker.instances()]
        if not instance.closed:
            if not instance.core.running:
                self._must_have_no_views()
            instance.core.end(*[each.core for each in instances[1:]])
        # a signal's handler may end this anywhere; then it is done the next time
        if process.bindings is not None:
            process.bindings.let_go()
        self._give_memory_back(instances)
        process.close()

    def _must_have_no_views(self) -> None:
        left = self._views_of_pythons()
        if left:
            gc.collect()  # the program may have dropped circles
            left = self._views_of_pythons()
        if left:
            exist = "view of it exists" if left == 1 else "views of it exist"
            raise BufferError(f"the memory cannot be closed: {left} {exist}")

    def _views_of_pythons(self) -> int:
        memory, bindings = self._memory, self.process.bindings
        if memory is None or not memory.views:
            return 0
        return int(memory.views - (0 if bindings is None else bindings.views_going(memory)))

    def _give_memory_back(self, instances: Sequence[Instance]) -> None:
        memory = self._memory
        if memory is not None and memory.views:
            gc.collect()  # the program may have left circles
        try:
            for each in instances:
                each.close()
            if memory is not None:
                memory.close()
        except BufferError as failure:  # one that was made meanwhile: the memory goes with it
            must_be_answer(failure)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, value: BaseException | None, traceback: object) -> None:
        close_behind(self, value)

    def __repr__(self) -> str:
        return f"<program of emcc: {self.instance!r}>"


def _own_memory(instance: Instance, process: Process) -> Memory | None:
    """The memory that ends with a program: one that it imports is that of whoever has made it."""
    if process.memory is not None:
        return process.memory
    info = info_of(instance.module)
    return instance.memory(0) if info.memories and not info.imported_memories else None


class _Describing:
    """A block in which a C++ exception that leaves the program is told what it is."""

    __slots__ = ("_process",)

    def __init__(self, process: Process) -> None:
        self._process = process

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(value, THROWN):
            leave(self._process, value)


class _Call:
    """An export, called as it is, whose C++ exceptions say what they are."""

    __slots__ = ("_function", "_process")

    def __init__(self, process: Process, function: Any) -> None:
        self._process = process
        self._function = function

    def __call__(self, *args: Any, timeout: float | None = None) -> Any:
        if timeout is None:
            return self._described(args)
        with deadline(timeout):  # around the description, too, which runs code of the program
            return self._described(args)

    def _described(self, args: tuple[Any, ...]) -> Any:
        try:
            return self._function(*args)
        except THROWN as thrown:
            leave(self._process, thrown)
            raise

    @property
    def type(self) -> Any:
        """Its WebAssembly type."""
        return self._function.type

    def __repr__(self) -> str:
        return repr(self._function)
