"""What one running program has: arguments, environment, files, clocks, randomness.

A `WasiStateBuilder` collects and checks; a `WasiState` is ready to run. An import object
keeps a state as its pattern and gives each instance a copy (`WasiState.copy`): descriptors
and positions are the instance's own, while Python file objects that stand for standard
streams, clocks and random sources are shared, so that what a program wrote can be read from
the pattern::

    state = WasiState.new("hello").arg("-v").map_dir("/data", "some/dir").capture_stdout().build()
    instance = instantiate(module, generate_import_object_from_state(state, WasiVersion.LATEST))
    instance.exports._start()
    state.stdout_bytes()
"""

from __future__ import annotations

import os
from _collections_abc import Mapping  # what `collections.abc` is; `collections` brings much along
from _weakref import ref  # `weakref.ref`; the rest of that module takes half a millisecond

from wasmer_runtime_core.errors import Error
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, final
from wasmer_vfs.clock import Clock, SystemClock
from wasmer_vfs.descriptors import DEFAULT_LIMIT
from wasmer_vfs.directories import Directory
from wasmer_vfs.host_directories import HostDirectory
from wasmer_vfs.random import RandomSource, seeded, system
from wasmer_vfs.standard_streams import (
    INHERIT,
    STANDARD_STREAMS,
    as_input,
    as_output,
    captured_bytes,
    open_stream,
)
from wasmer_vfs.streams import DEFAULT_CAPTURED_BYTES, Captured
from wasmer_vfs.waiting import must_be_refusal, plainly
from wasmer_wasi.descriptors import Descriptor, DescriptorTable
from wasmer_wasi.no_memory import NoMemory
from wasmer_wasi.numbers import FILETYPES
from wasmer_wasi.types import (
    ALL_RIGHTS,
    DIRECTORY_RIGHTS,
    FILETYPE_DIRECTORY,
    FILETYPE_SOCKET_DGRAM,
    FILETYPE_SOCKET_STREAM,
    RIGHT_FD_READ,
    RIGHT_FD_WRITE,
    STANDARD_STREAM_RIGHTS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeGuard

    from wasmer_vfs.sockets import Socket


class WasiStateCreationError(Error):
    """A state cannot be made; the subclasses say why."""


class EnvironmentVariableFormatError(WasiStateCreationError):
    """A name with `=` or NUL in it, or a value with NUL."""


class ArgumentContainsNulByte(WasiStateCreationError):
    """An argument has a NUL byte, which ends arguments."""


class PreopenedDirectoryNotFound(WasiStateCreationError):
    """A directory to be opened for the guest does not exist, or is none."""


class MappedDirAliasFormattingError(WasiStateCreationError):
    """A guest name of a directory is empty or has a NUL byte."""


class WasiFsCreationError(WasiStateCreationError):
    """The file system cannot be set up."""


class WasiFsSetupError(WasiStateCreationError):
    """The function given to `setup_fs` failed."""


@final
class WasiState:
    """Ready to run. Made by `WasiState.new(...)…build()`.

    Attributes:
        args: the program's arguments, its name first.
        environ: `NAME=value` each.
        descriptors: the open files: 0 to 2 the standard streams, then the preopened ones.
        clock, random: what time and random bytes come from.
        memory, memory_bytes: the guest's memory as last seen, and its length then; see `guest`.
        owner: the context of the instance that it belongs to, weakly; None until there is one.
    """

    __slots__ = (
        "__weakref__",
        "args",
        "clock",
        "descriptors",
        "environ",
        "memory",
        "memory_bytes",
        "owner",
        "random",
        "setup",
        "streams",
    )

    def __init__(
        self,
        args: list[bytes],
        environ: list[bytes],
        streams: tuple[Any, Any, Any],
        clock: Clock,
        random: RandomSource,
        setup: Callable[[DescriptorTable], None] | None,
        limit: int = DEFAULT_LIMIT,
    ) -> None:
        self.args = args
        self.environ = environ
        self.streams = streams
        self.clock = clock
        self.random = random
        self.setup = setup
        self.descriptors = DescriptorTable(limit)
        self.memory: Any = NoMemory()
        self.memory_bytes = 0
        self.owner: ref[Any] | None = None

    def belong_to(self, ctx: Any) -> None:
        """Called when an instance gets this state, whose memory it then remembers.

        Raises:
            TypeError: another instance has it, whose memory the calls of this one would read and write.
        """
        if self.owner is not None and self.owner() not in (None, ctx):
            raise TypeError(
                "this WASI state belongs to another instance: give each its own, such as a copy, state=pattern.copy"
            )
        self.owner = ref(ctx)
        self.memory = NoMemory()
        self.memory_bytes = 0

    @staticmethod
    def new(program_name: str | bytes) -> WasiStateBuilder:
        """Begin to build a state for a program of this name, which is its argument 0."""
        return WasiStateBuilder(program_name)

    @plainly
    def copy(self) -> WasiState:
        """A state for another instance: the same preopened directories and streams, opened anew."""
        state = WasiState(
            list(self.args),
            list(self.environ),
            self.streams,
            self.clock,
            self.random,
            self.setup,
            self.descriptors.limit,
        )
        _open_streams(state)
        for number in sorted(self.descriptors.open):
            found = self.descriptors.open[number]
            if found.directory is not None and found.preopen is not None:
                again = Descriptor(
                    found.directory.duplicate(),
                    found.filetype,
                    found.rights,
                    found.inheriting,
                    found.flags,
                    found.preopen,
                )
                state.descriptors.insert(again)
            elif found.filetype in (FILETYPE_SOCKET_STREAM, FILETYPE_SOCKET_DGRAM) and _is_lent(found.file):
                state.descriptors.insert(
                    Descriptor(found.file.duplicate(), found.filetype, found.rights, found.inheriting, found.flags)
                )
        _set_up(state)
        return state

    def twin(self) -> WasiState:
        """A state for another thread of the same program: the same files, not opened anew."""
        state = WasiState(
            self.args, self.environ, self.streams, self.clock, self.random, self.setup, self.descriptors.limit
        )
        state.descriptors = self.descriptors
        return state

    def stdout_bytes(self) -> bytes:
        """What was written to a captured stdout until now.

        Raises:
            TypeError: stdout is not captured.
        """
        return self._captured(1)

    def stderr_bytes(self) -> bytes:
        """What was written to a captured stderr until now.

        Raises:
            TypeError: stderr is not captured.
        """
        return self._captured(2)

    @plainly
    def _captured(self, number: int) -> bytes:
        try:
            return captured_bytes(self.streams[number], number)
        except TypeError as not_captured:
            must_be_refusal(not_captured)
            name = STANDARD_STREAMS[number]
            raise TypeError(f"{not_captured}: build the state with .capture_{name}()") from None

    @plainly
    def close(self) -> None:
        """Close all files. Python file objects are flushed and stay open."""
        self.descriptors.close_all()


def state_of(ctx: Any) -> WasiState:
    """The state of an instance, from its `Ctx`: what is `data`, or what the functions of WASI have brought.

    Raises:
        TypeError: the instance was not made with imports of this package.
    """
    for state in (ctx.data, *getattr(ctx, "states", ())):
        if isinstance(state, WasiState):
            return state
    raise TypeError("this instance has no WASI state: it was not given the imports of wasmer_wasi")


@final
class Lent:
    """A context whose `data` is the state, where the instance's own is the user's."""

    __slots__ = ("data", "memory")

    def __init__(self, data: WasiState, memory: Callable[[int | str], Any]) -> None:
        self.data = data
        self.memory = memory


def lent(ctx: Any) -> Lent:
    """For calls that are made by the million and so ask for no more than what a state has: see `NO_STATE`.

    Raises:
        AttributeError, TypeError: the one that is being handled, if it does not come of asking.
    """
    state = state_of(ctx)
    if state is ctx.data:  # which has what was asked for: a signal's handler raised this
        raise
    return Lent(state, ctx.memory)


NO_STATE: Final = (AttributeError, TypeError)
"""What comes of asking something else than a state for its attribute `memory_bytes`, and comparing that."""


@final
class WasiStateBuilder:
    """Collects what a program gets. Every method returns the builder; `build` ends it."""

    def __init__(self, program_name: str | bytes) -> None:
        self._args: list[bytes] = []
        self._environ: dict[bytes, bytes] = {}
        self._preopens: list[tuple[bytes, Directory | str | os.PathLike[str], bool]] = []
        self._sockets: list[Any] = []
        self._streams: list[Any] = [INHERIT, INHERIT, INHERIT]
        self._clock: Clock | None = None
        self._random: RandomSource = system
        self._setup: Callable[[DescriptorTable], None] | None = None
        self._limit = DEFAULT_LIMIT
        self.arg(program_name)

    def arg(self, arg: str | bytes) -> WasiStateBuilder:
        """Add an argument."""
        data = _encoded("an argument", arg)
        if b"\0" in data:
            raise ArgumentContainsNulByte(f"argument {arg!r} contains a NUL byte")
        self._args.append(data)
        return self

    def args(self, args: Iterable[str | bytes]) -> WasiStateBuilder:
        """Add arguments."""
        for arg in _several("args", args, "an argument"):
            self.arg(arg)
        return self

    def env(self, name: str | bytes, value: str | bytes) -> WasiStateBuilder:
        """Set an environment variable."""
        key = _encoded("the name of an environment variable", name)
        data = _encoded(f"the value of environment variable {name!r}", value)
        if not key or b"=" in key or b"\0" in key or b"\0" in data:
            raise EnvironmentVariableFormatError(
                f"environment variable {name!r}: a name may not be empty or contain '=', and neither part a NUL byte"
            )
        self._environ[key] = data
        return self

    def envs(self, pairs: Pairs[str | bytes]) -> WasiStateBuilder:
        """Set environment variables: pairs, or a mapping."""
        for name, value in _pairs("envs", pairs, "a name and a value"):
            self.env(name, value)
        return self

    def inherit_env(self) -> WasiStateBuilder:
        """Set the variables of the Python process."""
        return self.envs(list(os.environb.items()))

    def preopen_dir(
        self, path: str | os.PathLike[str], *, alias: str | bytes | None = None, read_only: bool = False
    ) -> WasiStateBuilder:
        """Let the guest see a directory of the host, under the same name or as `alias`."""
        return self.preopen(os.fspath(path) if alias is None else alias, path, read_only=read_only)

    def preopen_dirs(self, paths: Iterable[str | os.PathLike[str]]) -> WasiStateBuilder:
        """Let the guest see directories of the host, each under its own name."""
        for path in _several("preopen_dirs", paths, "a directory"):
            self.preopen_dir(path)
        return self

    def map_dir(self, alias: str | bytes, path: str | os.PathLike[str], *, read_only: bool = False) -> WasiStateBuilder:
        """Let the guest see a directory of the host as `alias`."""
        return self.preopen(alias, path, read_only=read_only)

    def map_dirs(self, pairs: Pairs[str | os.PathLike[str]]) -> WasiStateBuilder:
        """Let the guest see directories of the host, each as its alias: pairs, or a mapping."""
        for alias, path in _pairs("map_dirs", pairs, "an alias and a directory"):
            self.map_dir(alias, path)
        return self

    def preopen(
        self, alias: str | bytes, directory: Directory | str | os.PathLike[str], *, read_only: bool = False
    ) -> WasiStateBuilder:
        """Let the guest see `directory`, a path of the host or a `Directory` object, as `alias`.

        Raises:
            TypeError: `directory` is neither.
            MappedDirAliasFormattingError: the alias is empty or has a NUL byte.
        """
        if not isinstance(directory, (str, os.PathLike)) and not hasattr(directory, "duplicate"):
            raise TypeError(f"a directory is a path, a HostDirectory or a MemoryDirectory; this is {directory!r}")
        name = _encoded("the alias of a directory", alias)
        if not name or b"\0" in name:
            raise MappedDirAliasFormattingError(f"directory alias {alias!r}: it may not be empty or contain a NUL byte")
        self._preopens.append((name, directory, read_only))
        return self

    def socket(self, socket: Any) -> WasiStateBuilder:
        """Give the guest a connected or listening `socket.socket`, after the directories. It stays yours, too.

        Raises:
            TypeError: it is no socket.
        """
        if not hasattr(socket, "recvmsg_into"):
            raise TypeError(f"the guest can be given a socket.socket; this is {socket!r}")
        self._sockets.append(socket)
        return self

    def stdin(self, file: Any) -> WasiStateBuilder:
        """Any Python file object, a callable that is given a size, bytes, or None: empty.

        Bytes, and a `Path`, which is a file of the host, are read by each instance from their beginning; a file object
        is shared.

        Raises:
            TypeError: it is none of these.
        """
        self._streams[0] = as_input(file)
        return self

    def stdout(self, file: Any) -> WasiStateBuilder:
        """Any Python file object, a callable that is given bytes, or None: nowhere.

        Raises:
            TypeError: it is none of these.
        """
        self._streams[1] = as_output(file, "output")
        return self

    def stderr(self, file: Any) -> WasiStateBuilder:
        """Any Python file object, a callable that is given bytes, or None: nowhere.

        Raises:
            TypeError: it is none of these.
        """
        self._streams[2] = as_output(file, "error")
        return self

    def inherit_stdio(self) -> WasiStateBuilder:
        """The standard streams of the Python process, which is what is used if nothing is said.

        Their descriptors are used directly. What Python has printed before is written out when an
        instance is made; flush what is printed later, or give `sys.stdout` itself to `stdout`.
        """
        self._streams = [INHERIT, INHERIT, INHERIT]
        return self

    def capture_stdout(self, *, limit_bytes: int = DEFAULT_CAPTURED_BYTES) -> WasiStateBuilder:
        """Keep what is written for `WasiState.stdout_bytes`; more than `limit_bytes` is ENOSPC for the program."""
        self._streams[1] = Captured(limit_bytes)
        return self

    def capture_stderr(self, *, limit_bytes: int = DEFAULT_CAPTURED_BYTES) -> WasiStateBuilder:
        """Keep what is written for `WasiState.stderr_bytes`; more than `limit_bytes` is ENOSPC for the program."""
        self._streams[2] = Captured(limit_bytes)
        return self

    def clock(self, clock: Clock) -> WasiStateBuilder:
        """Take time from `clock`: a `VirtualClock`, for runs that can be repeated.

        Raises:
            TypeError: it is no clock.
        """
        if not hasattr(clock, "readers"):
            raise TypeError(f"a clock is a VirtualClock, or what has the attributes of `Clock`; this is {clock!r}")
        self._clock = clock
        return self

    def random(self, source: RandomSource) -> WasiStateBuilder:
        """Take random bytes from a function that is given their number.

        Raises:
            TypeError: it cannot be called.
        """
        if not callable(source):
            raise TypeError(f"random bytes come from a function; this is {source!r}; or use random_seed")
        self._random = source
        return self

    def random_seed(self, seed: int | bytes | str) -> WasiStateBuilder:
        """Take random bytes that follow from `seed`."""
        return self.random(seeded(seed))

    def setup_fs(self, setup: Callable[[DescriptorTable], None]) -> WasiStateBuilder:
        """Call `setup` with the descriptor table of each new state when everything else is there.

        Raises:
            TypeError: it cannot be called.
        """
        if not callable(setup):
            raise TypeError(f"setup_fs takes a function; this is {setup!r}")
        self._setup = setup
        return self

    def limit_descriptors(self, count: int) -> WasiStateBuilder:
        """How many files, directories and sockets each instance can have at once, those it is given included.

        At the limit, which is 256 if nothing is said, opening more is EMFILE.

        Raises:
            ValueError: less than none.
        """
        if count < 0:
            raise ValueError(f"a limit of {count} descriptors: it cannot be negative")
        self._limit = count
        return self

    @plainly
    def build(self) -> WasiState:
        """The state.

        Raises:
            PreopenedDirectoryNotFound: a directory does not exist, or is none.
            WasiFsCreationError: a directory cannot be opened.
            WasiFsSetupError: the function given to `setup_fs` failed.
        """
        state = WasiState(
            list(self._args),
            [name + b"=" + value for name, value in self._environ.items()],
            (self._streams[0], self._streams[1], self._streams[2]),
            self._clock or SystemClock(),
            self._random,
            self._setup,
            self._limit,
        )
        _open_streams(state)
        for alias, directory, read_only in self._preopens:
            if isinstance(directory, (str, os.PathLike)):
                directory = _open_host_directory(directory, read_only)
            else:
                directory = directory.duplicate(read_only=True) if read_only else directory.duplicate()
            state.descriptors.insert(
                Descriptor(directory, FILETYPE_DIRECTORY, DIRECTORY_RIGHTS, ALL_RIGHTS, preopen=alias)
            )
        for socket in self._sockets:
            state.descriptors.insert(Descriptor.of(_lent_socket(socket), True, True, ALL_RIGHTS))
        _set_up(state)
        return state


def _lent_socket(socket: Any) -> Socket:
    """A socket for a program. (`socket`, which this imports, takes as long as all of this package.)"""
    from wasmer_vfs.sockets import Socket

    return Socket.of(socket)


def _is_lent(file: object) -> TypeGuard[Socket]:
    """Whether a file is a socket that the program was given, and not a standard stream that is one."""
    from wasmer_vfs.sockets import Socket

    return isinstance(file, Socket)


def _set_up(state: WasiState) -> None:
    if state.setup is None:
        return
    try:
        state.setup(state.descriptors)
    except Exception as failure:
        must_be_refusal(failure)
        raise WasiFsSetupError(f"setting up the file system failed: {failure}") from failure


def _open_host_directory(path: str | os.PathLike[str], read_only: bool) -> HostDirectory:
    try:
        return HostDirectory.at(path, read_only=read_only)
    except (FileNotFoundError, NotADirectoryError) as failure:
        must_be_refusal(failure)
        raise PreopenedDirectoryNotFound(f"{os.fspath(path)} is not a directory: give one that exists") from None
    except (OSError, ValueError) as failure:
        must_be_refusal(failure)
        raise WasiFsCreationError(f"directory {os.fspath(path)} cannot be opened: {failure}") from failure


def _open_streams(state: WasiState) -> None:
    """Descriptors 0 to 2."""
    for number, target in enumerate(state.streams):
        try:
            file = open_stream(target, number)
        except IsADirectoryError as failure:
            must_be_refusal(failure)
            raise WasiFsCreationError(str(failure)) from None
        except OSError as failure:
            must_be_refusal(failure)
            if not isinstance(target, os.PathLike):
                raise
            raise WasiFsCreationError(f"{os.fspath(target)} cannot be opened: {failure.strerror}") from failure
        rights = STANDARD_STREAM_RIGHTS & ~(RIGHT_FD_READ if number else RIGHT_FD_WRITE)
        state.descriptors.insert(Descriptor(file, FILETYPES[file.status().kind], rights, rights))


# --- what users give


Second = TypeVar("Second")
Pairs: TypeAlias = "Mapping[str, Second] | Iterable[tuple[str | bytes, Second]]"


def _encoded(what: str, given: object) -> bytes:
    """A text as programs get it.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(given, (str, bytes, os.PathLike)):
        raise TypeError(f"{what} is a str or bytes; this is {given!r}")
    return os.fsencode(given)


def _several(method: str, given: Iterable[Second], what: str) -> Iterable[Second]:
    """The values of something that is not itself one of them."""
    if isinstance(given, (str, bytes, os.PathLike)):
        raise TypeError(f"{method} takes several, as a list: [{given!r}]; this is {what} alone")
    return given


def _pairs(method: str, given: Pairs[Second], what: str) -> Iterable[tuple[str | bytes, Second]]:
    pairs: Iterable[Any] = given.items() if isinstance(given, Mapping) else _several(method, given, "one text")
    for pair in pairs:
        if isinstance(pair, (str, bytes)) or len(pair) != 2:
            raise TypeError(f"{method} takes pairs of {what}; this is {pair!r}")
        yield pair
