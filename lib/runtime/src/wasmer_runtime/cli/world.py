"""What a program on the command line sees of the world: the options of ``run``, and what is made of them.

======================  =====================================================================
option                  what the program gets
======================  =====================================================================
``--dir``, ``--mapdir`` directories, in the order: those of ``--dir``, then those of ``--mapdir``
``--tcplisten``         listening sockets, their descriptors behind those of the directories:
                        C libraries look for directories from descriptor 3 on, to the first
                        that is none
``--net-listen``        addresses at which a program of emcc may listen
``--net-connect``       hosts that it may connect to, and send datagrams
``--env-inherit``       the variables of this process; those of ``--env`` come on top
``--stdin``             a file as standard input; else this process's
``--wasi-version``      that interface and no other, whatever the program was built for
======================  =====================================================================

Nothing else of the host is visible: no directory, no variable, no socket that is not named. A program of emcc sees
directories in a tree of its own, which `World.program` describes; a file that an argument names is copied into it. One
of Go sees them as `World.go_program` says, one of .NET as `World.dotnet_options`.
"""

from __future__ import annotations

import os
import posixpath

from wasmer_runtime.cli import deferred as click
from wasmer_runtime.cli.failures import NEEDS_WASI, CommandError, must_be_installed, say, warn
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any
from wasmer_runtime_core.support.functions import wraps
from wasmer_runtime_core.support.named_tuple import NamedTuple

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wasmer_emscripten import Network, Program
    from wasmer_go import Program as GoProgram
    from wasmer_runtime_core.running.imports import ImportObject
    from wasmer_runtime_core.running.module import Module
    from wasmer_runtime_core.running.objects.limits import Limits
    from wasmer_wasi import ThreadedProgram, WasiState, WasiVersion


class World(NamedTuple):
    """The options, as they were given."""

    directories: tuple[str, ...]
    mapped: tuple[str, ...]
    environment: tuple[str, ...]
    env_inherit: bool
    stdin: Path | None
    listening: tuple[str, ...]
    net_listen: tuple[str, ...]
    net_connect: tuple[str, ...]
    wasi_version: str | None

    def given(self) -> list[str]:
        """The names of the options that were given."""
        return [name for name, value in zip(OPTIONS, self, strict=True) if value]

    def imports(self, module: Module, program: str, arguments: Sequence[str]) -> ImportObject:
        """The imports of a WASI program; see `wasi`."""
        state, version = self.wasi(module, program, arguments)
        from wasmer_wasi import generate_import_object_from_state

        return generate_import_object_from_state(state, version)

    def threads(self, module: Module, program: str, arguments: Sequence[str], limits: Limits | None) -> ThreadedProgram:
        """A WASI program that asks for threads; see `wasi`.

        Raises:
            CommandError: it is not as such programs are.
        """
        state, version = self.wasi(module, program, arguments)
        from wasmer_wasi import ThreadedProgram

        try:
            return ThreadedProgram(module, state, version, limits=limits)
        except TypeError as wrong:
            raise CommandError(str(wrong)) from None

    def wasi(self, module: Module, program: str, arguments: Sequence[str]) -> tuple[WasiState, WasiVersion]:
        """What a WASI program has, and in which version: the one asked for, else the one it was built for.

        Raises:
            CommandError: `wasmer_wasi` is not installed, or an option is not of its form.
        """
        must_be_installed("wasmer_wasi", NEEDS_WASI)
        import wasmer_wasi

        built_for = wasmer_wasi.get_wasi_version(module, strict=False) or wasmer_wasi.WasiVersion.LATEST
        version = wasmer_wasi.WasiVersion.parse(self.wasi_version) if self.wasi_version else built_for
        if version.namespace != built_for.namespace:
            warn(f"the program was built for WASI {built_for.value}: with {version.value} its imports are not found")
        builder = wasmer_wasi.WasiState.new(program).args(arguments)
        if self.env_inherit:
            builder.inherit_env()
        for text in self.environment:
            builder.env(*parse_variable(text))
        for host, guest in map(parse_directory, self.directories):
            require_directory("--dir", host)
            builder.map_dir(guest or host, host)
        for guest, host in map(parse_mapping, self.mapped):
            require_directory("--mapdir", host)
            builder.map_dir(guest, host)
        if self.stdin is not None:
            builder.stdin(self.stdin)
        for text in self.listening:
            builder.socket(listen(text))
        if self.net_listen or self.net_connect:
            warn("a WASI program is given its sockets by --tcplisten: --net-listen and --net-connect have no effect")
        return builder.build(), version

    def program(
        self, module: Module, file: Path, symbols: Path | None, arguments: Sequence[str], limits: Limits | None
    ) -> Program:
        """A program of emcc, loaded.

        Its current directory is ``/home/web_user``. There it sees the directories of ``--dir`` that have a relative
        name, ``.`` being the current directory itself; the others where their name says. A file that an argument
        names, and that it would not see, is copied to where it looks for it, if that is among its own files.

        Raises:
            CommandError: an option is not of its form.
        """
        import wasmer_emscripten
        from wasmer_emscripten.loading import glue_beside

        if self.listening:
            raise CommandError("--tcplisten: a program of emcc makes its sockets itself: --net-listen ADDRESS:PORT")
        program = wasmer_emscripten.load(
            module,
            limits=limits,
            args=arguments,
            env=self._variables(),
            mounts=self._mounts(HOME),
            current=HOME,
            name=str(file),
            glue=glue_beside(file),
            symbols=symbols,
            net=self.network(),
            stdin=wasmer_emscripten.INHERIT if self.stdin is None else self.stdin,
        )
        for argument in arguments:
            copy_in(program, argument)
        return program

    def go_program(self, module: Module, file: Path, arguments: Sequence[str], limits: Limits | None) -> GoProgram:
        """A program of Go, loaded.

        Its current directory is ``/work``. There it sees the directories of ``--dir`` that have a relative name, ``.``
        being the current directory itself; the others where their name says.

        Raises:
            CommandError: an option is not of its form, or means nothing to such a program.
        """
        import wasmer_go
        from wasmer_vfs import MemoryDirectory

        self._must_have_no_sockets("a program of Go")
        mounts: dict[str, Any] = {WORK: MemoryDirectory()} | self._mounts(WORK)
        return wasmer_go.load(
            module,
            limits=limits,
            args=arguments,
            env=self._variables(),
            mounts=mounts,
            current=WORK,
            name=str(file),
            stdin=wasmer_go.INHERIT if self.stdin is None else self.stdin,
        )

    def dotnet_options(self) -> dict[str, Any]:
        """What a program of .NET is given, by the names of the options of `wasmer_blazor.load`.

        It sees directories as one of Go does.

        Raises:
            CommandError: an option is not of its form, or means nothing to such a program.
        """
        from wasmer_vfs import MemoryDirectory

        self._must_have_no_sockets("a program of .NET")
        given: dict[str, Any] = {
            "env": self._variables(),
            "mounts": {WORK: MemoryDirectory()} | self._mounts(WORK),
            "current": WORK,
        }
        if self.stdin is not None:
            given["stdin"] = self.stdin
        return given

    def _must_have_no_sockets(self, who: str) -> None:
        if self.listening or self.net_listen or self.net_connect:
            raise CommandError(f"{who} has no sockets: --tcplisten, --net-listen and --net-connect are for others")

    def _mounts(self, home: str) -> dict[str, str]:
        """The directories of a program that has absolute paths, by the names under which it sees them.

        Args:
            home: its current directory.
        """
        mounts: dict[str, str] = {}
        for directory, guest in map(parse_directory, self.directories):
            require_directory("--dir", directory)
            if guest is not None:
                mounts[posixpath.normpath(posixpath.join("/", guest))] = directory
                continue
            where = posixpath.normpath(posixpath.join(home, directory))
            if not posixpath.isabs(directory) and posixpath.commonpath([where, home]) != home:
                raise CommandError(f"--dir {directory}: name it for the program: --mapdir /name:{directory}")
            mounts[where] = directory
        for guest, host in map(parse_mapping, self.mapped):
            require_directory("--mapdir", host)
            mounts[posixpath.normpath(posixpath.join("/", guest))] = host
        return mounts

    def _variables(self) -> dict[str, str]:
        """The variables of such a program."""
        inherited = {os.fsdecode(name): os.fsdecode(value) for name, value in os.environb.items()}
        return (inherited if self.env_inherit else {}) | dict(map(parse_variable, self.environment))

    def network(self) -> Network | None:
        """What a program of emcc may reach, and where others may reach it; None: it has no sockets.

        Raises:
            CommandError: an option is not of its form.
        """
        from wasmer_emscripten import Network

        if not self.net_listen and not self.net_connect:
            return None
        try:
            return Network(listen=self.net_listen, connect=self.net_connect)
        except ValueError as wrong:
            raise CommandError(f"--net-{wrong}") from None


HOME = "/home/web_user"
"""The directory that a program of emcc begins in."""
WORK = "/work"
"""The one that a program of Go or .NET begins in."""
MOST_COPIED_BYTES = 64 << 20
"""The size of a file that an argument may name, to be copied."""


def copy_in(program: Program, argument: str) -> None:
    """Let a program of emcc find a file that an argument names, if it would not."""
    from pathlib import Path

    found = Path(argument)
    try:
        if not found.is_file() or ".." in found.parts or found.stat().st_size > MOST_COPIED_BYTES:
            return
        tree = program.process.tree
        if (
            tree.place(os.fsencode(argument)).directory is not tree.root
        ):  # a directory of the user's: nothing is put there
            return
        if not program.fs.exists(argument):
            program.fs.mkdir(posixpath.dirname(argument) or ".", parents=True, exist_ok=True)
            with found.open("rb") as file:
                contents = file.read(MOST_COPIED_BYTES + 1)  # it may grow
            if len(contents) <= MOST_COPIED_BYTES:
                program.fs.write_bytes(argument, contents)
    except (OSError, ValueError):  # none that can be read, or that has room: the program will say what it misses
        return


OPTIONS = (
    "--dir",
    "--mapdir",
    "--env",
    "--env-inherit",
    "--stdin",
    "--tcplisten",
    "--net-listen",
    "--net-connect",
    "--wasi-version",
)
"""The names of the options, in the order of the fields of `World`."""


def world_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options; it is called with `world`."""

    @wraps(command)
    def gather(**options: Any) -> None:
        world = World(**{field: options.pop(field) for field in World._fields})
        command(**options, world=world)

    for option in (
        click.option(
            "--wasi-version",
            type=click.Choice(["snapshot0", "snapshot1", "latest"]),
            help="The only WASI version to offer. Default: the one that the program was built for.",
        ),
        click.option(
            "--net-connect",
            metavar="HOST:PORT",
            multiple=True,
            help="Of a program of emcc: whom it may connect to. Nobody, if nothing is said.",
        ),
        click.option(
            "--net-listen",
            metavar="ADDRESS:PORT",
            multiple=True,
            help="Of a program of emcc: where it may listen. Nowhere, if nothing is said.",
        ),
        click.option(
            "--tcplisten",
            "listening",
            metavar="ADDR:PORT",
            multiple=True,
            callback=of_form(parse_address),
            help="A listening socket for the program.",
        ),
        click.option("--stdin", type=click.FILE, metavar="FILE", help="Its standard input."),
        click.option("--env-inherit", is_flag=True, help="Give it all variables of this process."),
        click.option(
            "--env",
            "environment",
            metavar="K=V",
            multiple=True,
            callback=of_form(parse_variable),
            help="A variable for its environment; K alone is this process's.",
        ),
        click.option(
            "--mapdir",
            "mapped",
            metavar="GUEST:HOST",
            multiple=True,
            callback=of_form(parse_mapping),
            help="The same, under another name, in Wasmer's order.",
        ),
        click.option(
            "--dir",
            "directories",
            metavar="DIR",
            multiple=True,
            callback=of_form(parse_directory),
            help="A directory that it may use; HOST::GUEST: under another name.",
        ),
    ):
        gather = option(gather)
    return gather


def of_form(parse: Callable[[str], object]) -> Callable[..., tuple[str, ...]]:
    """A callback that refuses texts that are not of a form: wrong values, whatever the program is."""

    def check(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            try:
                parse(text)
            except ValueError as wrong:
                raise click.BadParameter(str(wrong)) from None
        return texts

    return check


def parse_variable(text: str) -> tuple[str, str]:
    """``K=V`` as a pair; of a name alone the value is that of this process.

    Raises:
        ValueError: it is not of that form, or this process has no such variable.
    """
    name, equals, value = text.partition("=")
    if not name:
        raise ValueError(f"Env vars must be of the form <var_name>=<value>, or <var_name>. Found {text}")
    if not equals:
        inherited = os.environ.get(name)
        if inherited is None:
            raise ValueError(f"there is no variable {name} here whose value it could have: give {name}=VALUE")
        return name, inherited
    return name, value


def parse_directory(text: str) -> tuple[str, str | None]:
    """``HOST``, or ``HOST::GUEST``, as a pair.

    Raises:
        ValueError: a name is missing.
    """
    host, colons, guest = text.partition("::")
    if colons and not (host and guest):
        raise ValueError(f"{text!r} is not of the form HOST::GUEST")
    return host, guest if colons else None


def parse_mapping(text: str) -> tuple[str, str]:
    """``GUEST:HOST`` as a pair.

    Raises:
        ValueError: it is not of that form.
    """
    guest, colon, host = text.partition(":")
    if not guest or not colon or not host or ":" in host:
        raise ValueError(f"Directory mappings must consist of two paths separated by a colon. Found {text}")
    return guest, host


def require_directory(option: str, path: str) -> None:
    if not os.path.isdir(path):
        raise CommandError(f"{option} {path}: there is no such directory")


def parse_address(text: str) -> tuple[str, int]:
    """``ADDR:PORT``, ``[ADDR]:PORT`` for IPv6, as a pair.

    Raises:
        ValueError: it is not of that form.
    """
    address, colon, port = text.rpartition(":")
    address = address.removeprefix("[").removesuffix("]")
    if not address or not colon or not (port.isascii() and port.isdecimal()) or int(port[:9]) > 0xFFFF:
        raise ValueError(f"Addresses to listen at must be of the form <address>:<port>. Found {text}")
    return address, int(port)


def listen(text: str) -> socket.socket:
    """A socket that listens at an address; port 0 is a free one, which is told.

    Raises:
        CommandError: nothing can listen there.
    """
    import socket

    address, port = parse_address(text)
    try:
        family, _, _, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(where[:2], family=family)
    except OSError as failure:
        raise CommandError(f"--tcplisten {text}: {failure.strerror or failure}") from None
    if port == 0:
        say(f"Listening at {address}:{listening.getsockname()[1]}")
    return listening
