"""What one running program has, and how it is entered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, final

from wasmer_go.budget import Budget
from wasmer_go.errors import ProgramExited
from wasmer_go.loop import Loop
from wasmer_go.objects import UNDEFINED, Array, Function, Object, Value, whole_number
from wasmer_go.references import References
from wasmer_runtime_core.errors import ExitCode
from wasmer_vfs.descriptors import DescriptorTable
from wasmer_vfs.standard_streams import open_stream
from wasmer_vfs.trees import Opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmer_vfs.clock import Clock
    from wasmer_vfs.random import RandomSource
    from wasmer_vfs.trees import Tree

U32: Final = 0xFFFF_FFFF
STREAM_NAMES: Final = (b"/dev/stdin", b"/dev/stdout", b"/dev/stderr")

KILLED: Final = 2
"""The exit code of a program that an exception has ended, as that of a panic."""


@final
class Process:
    """One program.

    Attributes:
        args, environ: its arguments, its name first; `NAME=value` each.
        streams: what was given as its three standard streams.
        tree, descriptors: the files that it sees, and those that it has open.
        umask: what `umask` has set.
        random: what random bytes come from.
        loop: what happens while it waits.
        budget: what its values are paid from.
        world: its global object.
        go: the object with which Go's runtime and its host tell one another of events.
        references: the values that it holds.
        memory: its memory; None before it is linked.
        names: those of properties that it has used, by their bytes.
        entries: how often it was entered, which may have moved its stack.
        depth: how many of these entries have not returned.
        code: its exit code, or None: it has not ended.
        thrown: the exception of Python that was thrown into it last.
    """

    __slots__ = (
        "_getsp",
        "_resume",
        "args",
        "budget",
        "code",
        "depth",
        "descriptors",
        "entries",
        "environ",
        "go",
        "loop",
        "memory",
        "names",
        "random",
        "references",
        "streams",
        "thrown",
        "tree",
        "umask",
        "world",
    )

    def __init__(
        self,
        args: list[bytes],
        environ: list[bytes],
        streams: tuple[Any, Any, Any],
        tree: Tree,
        clock: Clock,
        random: RandomSource,
        descriptors: int,
        values: int,
        value_bytes: int,
    ) -> None:
        self.args = args
        self.environ = environ
        self.streams = streams
        self.tree = tree
        self.descriptors: DescriptorTable[Opened] = DescriptorTable(descriptors)
        self.umask = 0o22
        self.random = random
        self.loop = Loop(clock)
        self.budget = Budget(value_bytes)
        self.world = Object(budget=self.budget)
        self.go = Object({"_pendingEvent": None, "_makeFuncWrapper": Function("_makeFuncWrapper", self._wrapper)})
        self.references = References(self.world, self.go, self.budget, values)
        self.memory: Any = None
        self.names: dict[bytes, str] = {}
        self.entries = 0
        self.depth = 0
        self.code: int | None = None
        self.thrown: BaseException | None = None
        self._resume: Callable[[], None] | None = None
        self._getsp: Callable[[], int] | None = None
        for number, given in enumerate(streams):
            flags = 1 if number else 0
            self.descriptors.insert(Opened(file=open_stream(given, number), path=STREAM_NAMES[number], flags=flags))

    def link(self, instance: Any) -> None:
        """Called with the instance that it is to run in, before anything of that is called."""
        exports = instance.exports
        self.memory = exports["mem"]
        self._resume = exports["resume"]
        self._getsp = exports["getsp"]

    def stack_pointer(self) -> int:
        """Where the arguments of the function lie that the program is calling now."""
        assert self._getsp is not None
        return self._getsp() & U32

    # --- entering it

    def enter(self, function: Callable[..., object], *args: int) -> None:
        """Call an export, until all of the program waits, or it has ended (`code`).

        Raises:
            ProgramExited: it had ended before.
            BaseException: what ended it in this call. An exception leaves Go's runtime amid its work, so that the
                program can never be resumed: it has ended with `KILLED`.
        """
        if self.code is not None:
            raise ProgramExited(self.code)
        self.entries += 1
        self.depth += 1
        try:
            function(*args)
        except ExitCode as ended:
            self.end(ended.code)
            if self.depth > 1:  # Go's frames further out end, too
                raise
        except BaseException:
            self.end(KILLED)
            raise
        finally:
            self.depth -= 1

    def resume(self) -> None:
        """Tell the program that something has happened."""
        self.enter(self._resume)  # type: ignore[arg-type]

    def event(self, event: Object) -> None:
        """Tell the program of an event."""
        self.go.properties["_pendingEvent"] = event
        self.resume()

    def end(self, code: int) -> None:
        """The program has ended: nothing of it happens any more, and its files are closed."""
        if self.code is None:
            self.code = code
            self.loop.clear_all()

    def _wrapper(self, _: Value, args: Sequence[Value]) -> Value:
        """A function for the host to call, of one that the program has made (`js.FuncOf`)."""
        number = args[0] if args else UNDEFINED
        return GoFunction(self, whole_number(number, "the number of a function"))

    def close(self) -> None:
        """Close all files. Python file objects are flushed and stay open."""
        self.descriptors.close_all()


@final
class GoFunction(Function):
    """A function of the program's.

    Attributes:
        process: the program.
        number: Go's own for it.
    """

    __slots__ = ("number", "process")

    def __init__(self, process: Process, number: int) -> None:
        super().__init__(f"function {number} of the Go program", None, budget=process.budget)
        self.process = process
        self.number = number

    def call(self, this: Value, args: Sequence[Value]) -> Value:
        """Call it: what it has answered when the program waits again, else undefined."""
        event = Event(self.number, this, Array(args))
        self.process.event(event)
        return event.result


@final
class Event(Object):
    """A call of a function of the program's, as Go looks at it: it always has four properties.

    Attributes:
        number: the property `id`, Go's own number of the function.
        this, args, result: the properties.
    """

    __slots__ = ("args", "number", "result", "this")

    def __init__(self, number: float, this: Value, args: Array) -> None:
        super().__init__()
        self.number = float(number)
        self.this = this
        self.args: Value = args
        self.result: Value = UNDEFINED

    def get(self, name: str) -> Value:
        if name == "id":
            return self.number
        if name == "this":
            return self.this
        if name == "args":
            return self.args
        return self.result if name == "result" else super().get(name)

    def set(self, name: str, value: Value) -> None:
        if name == "result":
            self.result = value
        elif name == "args":
            self.args = value
        elif name == "this":
            self.this = value
        else:
            super().set(name, value)

    def delete(self, name: str) -> None:
        if self._has_own(name):
            self.set(name, UNDEFINED)
        else:
            super().delete(name)

    def _has_own(self, name: str) -> bool:
        return name in ("this", "args", "result")

    def has(self, name: str) -> bool:
        return name == "id" or self._has_own(name) or super().has(name)

    def names(self) -> list[str]:
        return ["id", "this", "args", "result", *super().names()]
