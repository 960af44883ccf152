"""Programs with threads (the proposal wasi-threads): an instance and a Python thread for each, over one shared memory.

Such a program imports its memory, shared, and ``wasi.thread-spawn``; it exports ``wasi_thread_start``, with which every
new thread begins. Compilers make one of a C program with ``-pthread``::

    program = ThreadedProgram(module, WasiState.new("words").build())
    program.run()

All threads have the same files, arguments and environment. Their calls of WASI take turns, so that no descriptor is
closed while another call uses it; only a call that does nothing but wait for a clock lets others come between. Who
waits for input therefore keeps calls of the others waiting.

The first that ends the program ends it for all: an exit, a trap or another exception in any thread, a deadline of the
thread that called `run`, the end of ``_start``. The others are then stopped between two instructions, whatever they do,
and `run` returns when they are gone.
"""

from __future__ import annotations

import threading

from wasmer_runtime_core.contract.values import MemoryDescriptor
from wasmer_runtime_core.native.machine import cancel, this_thread_handle, uncancel
from wasmer_runtime_core.running.host import HostFunc, func
from wasmer_runtime_core.running.imports import ImportObject
from wasmer_runtime_core.running.interrupts import check_interrupts
from wasmer_runtime_core.running.interrupts import timeout as deadline
from wasmer_runtime_core.running.objects.memory import Memory
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.wasm.module import FUNCTION, MEMORY
from wasmer_wasi.functions import FUNCTIONS, TYPE_NAMES
from wasmer_wasi.guest import U32
from wasmer_wasi.imports import namespace
from wasmer_wasi.poll import MAX_SUBSCRIPTIONS
from wasmer_wasi.state import WasiState
from wasmer_wasi.types import EVENT_CLOCK, SNAPSHOT0, SNAPSHOT1, SUBSCRIPTION_CLOCK
from wasmer_wasi.version import WasiVersion, get_wasi_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wasmer_runtime_core.running.instance import Instance
    from wasmer_runtime_core.running.module import Module
    from wasmer_runtime_core.running.objects.limits import Limits

SPAWN: Final = ("wasi", "thread-spawn")
START: Final = "wasi_thread_start"
MOST_THREADS: Final = 64
MOST_IDENTIFIER: Final = (1 << 29) - 1
AGAIN: Final = -6
"""The answer to who asks for one thread too many: EAGAIN, negative."""
TURN_SECONDS: Final = 0.05
"""How often who waits for its turn looks whether its code must end."""
_TAG: Final = 8
"""Where the kind of a subscription lies in it."""


def uses_threads(module: Module) -> bool:
    """Whether a module asks for threads: it imports ``wasi.thread-spawn``."""
    return any((wanted.namespace, wanted.name) == SPAWN and wanted.kind == FUNCTION for wanted in module.info.imports)


class ThreadedProgram:
    """A program whose threads are Python's.

    Attributes:
        memory: the shared memory of all threads.
        instance: that of the first thread.
    """

    def __init__(
        self,
        module: Module,
        state: WasiState,
        version: WasiVersion | None = None,
        *,
        imports: Mapping[str, Any] | None = None,
        most_threads: int = MOST_THREADS,
        limits: Limits | None = None,
    ) -> None:
        """Make the memory, and the instance of the first thread.

        Args:
            module: it imports one memory, which is shared.
            state: what the program has; it gets a copy.
            version: of WASI; None: the one that it was built for.
            imports: what it imports beside WASI; functions are called by all threads.
            most_threads: so many threads may live beside the first one; a program that asks for more is told so.
            limits: of the memory and of all instances.

        Raises:
            TypeError: the module imports no shared memory, or exports no ``wasi_thread_start``.
            Exception: as `Module.instantiate`.
        """
        info = module.info
        shared = [wanted for wanted in info.imports if wanted.kind == MEMORY and wanted.type.shared]  # type: ignore[union-attr]
        if len(shared) != 1:
            raise TypeError("a program with threads imports one shared memory, by which its threads find each other")
        if not any(export.name == START and export.kind == FUNCTION for export in info.exports):
            raise TypeError(f"a program with threads exports {START}, with which each of them begins")
        version = version or get_wasi_version(module, strict=False) or WasiVersion.LATEST
        descriptor = MemoryDescriptor.from_type(shared[0].type)  # type: ignore[arg-type]
        self.memory = Memory(descriptor, limits=limits)
        self.most_threads = most_threads
        self._module = module
        self._limits = limits
        self._state = state.copy()
        self._turn = threading.Lock()
        self._lock = threading.Lock()  # of what follows; held for a moment
        self._threads: dict[int, threading.Thread] = {}
        self._handles: dict[int, int] = {}  # of those that run: what `cancel` wants; the first thread is 0
        self._cancelled: set[int] = set()
        self._next = 1
        self._ending = False
        self._failure: BaseException | None = None
        spaces: dict[str, Any] = {name: dict(space) for name, space in (imports or {}).items()}
        spaces.setdefault(version.namespace, {}).update(_taking_turns(version, self._turn))
        spaces.setdefault(SPAWN[0], {})[SPAWN[1]] = func(self._spawn, params=["i32"], returns=["i32"])
        spaces.setdefault(shared[0].namespace, {})[shared[0].name] = self.memory
        self._imports = ImportObject(spaces, state=self._state.twin)
        self.instance = self._instantiate()

    def run(self, name: str = "_start", *arguments: Any, timeout: float | None = None) -> Any:
        """Call an export in this thread; when it returns, or anything ends the program, all its threads end.

        Args:
            timeout: seconds until the program is ended.

        Returns:
            what the function returned.

        Raises:
            ExitCode, Trap, Timeout, Exception: what ended the program first, in whatever thread.
            RuntimeError: it has run already.
        """
        with self._lock:
            if self._ending or self._handles:
                raise RuntimeError("a program with threads runs once")
            self._handles[0] = this_thread_handle()
        result = None
        try:
            call = self.instance.exports[name].released
            if timeout is None:
                result = call(*arguments)
            else:
                with deadline(timeout):
                    result = call(*arguments)
            self._end(0, None)
        except BaseException as error:
            self._end(0, error)
        finally:
            self._leave(0)
            self._join()
        if self._failure is not None:
            raise self._failure
        return result

    def _instantiate(self) -> Instance:
        return self._module.instantiate(self._imports, self._limits)

    def _spawn(self, argument: int) -> int:
        """``wasi.thread-spawn``: the new thread's number, or `AGAIN`."""
        with self._lock:
            if self._ending or len(self._threads) >= self.most_threads:
                return AGAIN
            while self._next in self._threads:
                self._next = self._next % MOST_IDENTIFIER + 1
            number = self._next
            self._next = self._next % MOST_IDENTIFIER + 1
            thread = threading.Thread(target=self._run, args=(number, argument), name=f"wasi-{number}", daemon=True)
            self._threads[number] = thread
        try:
            thread.start()
        except RuntimeError as failure:  # the system has no room for it
            if raised_by_a_handler(failure):  # the thread may run: it gives its number back itself
                raise
            with self._lock:
                del self._threads[number]
            return AGAIN
        return number

    def _run(self, number: int, argument: int) -> None:
        """What a new thread does."""
        with self._lock:
            if self._ending:
                del self._threads[number]
                return
            self._handles[number] = this_thread_handle()
        try:
            self._instantiate().exports[START].released(number, argument)
        except BaseException as error:
            self._end(number, error)
        finally:
            self._leave(number)
            with self._lock:
                del self._threads[number]

    def _end(self, number: int, error: BaseException | None) -> None:
        """The program ends; if nothing has ended it before, by this."""
        with self._lock:
            if self._ending:
                return
            self._ending = True
            self._failure = error
            for other, handle in self._handles.items():
                if other != number:
                    self._cancelled.add(other)
                    cancel(handle)

    def _leave(self, number: int) -> None:
        """A thread has left WebAssembly for good."""
        with self._lock:
            del self._handles[number]
            if number in self._cancelled:
                uncancel()

    def _join(self) -> None:
        """Wait for the threads: they are stopped already, whatever they do."""
        while True:
            with self._lock:
                threads = list(self._threads.values())
            if not threads:
                return
            for thread in threads:
                thread.join()


def _taking_turns(version: WasiVersion, turn: threading.Lock) -> dict[str, HostFunc]:
    """The functions of WASI, of which one runs at a time."""
    functions = namespace(version)
    number = SNAPSHOT0 if version is WasiVersion.SNAPSHOT0 else SNAPSHOT1
    taking: dict[str, HostFunc] = {}
    for row in FUNCTIONS:
        if row.name in functions:
            once = _in_turn(functions[row.name].function, turn)
            if row.name == "poll_oneoff":
                once = _unless_only_clocks(functions[row.name].function, once, SUBSCRIPTION_CLOCK.layout(number).size)
            taking[row.name] = func(
                once,
                params=[TYPE_NAMES[letter] for letter in row.params],
                returns=[TYPE_NAMES[letter] for letter in row.result],
            )
    return taking


def _in_turn(function: Callable[..., Any], turn: threading.Lock) -> Callable[..., Any]:
    def call(ctx: Any, *arguments: int) -> Any:
        while not turn.acquire(timeout=TURN_SECONDS):
            check_interrupts()
        try:
            return function(ctx, *arguments)
        finally:
            turn.release()

    return call


def _unless_only_clocks(function: Callable[..., Any], once: Callable[..., Any], size: int) -> Callable[..., Any]:
    """`poll_oneoff` in turn, if it looks at descriptors."""

    def call(ctx: Any, subscriptions: int, events: int, count: int, happened: int) -> Any:
        memory = ctx.memory(0)
        start, number = subscriptions & U32, count & U32
        if number <= MAX_SUBSCRIPTIONS and start + number * size <= len(memory):
            kinds = memory.read(start, number * size)[_TAG::size]
            if all(kind == EVENT_CLOCK for kind in kinds):
                return function(ctx, subscriptions, events, count, happened)
        return once(ctx, subscriptions, events, count, happened)

    return call
