"""Programs of .NET for ``run``: the file is an assembly, and what is compiled is the runtime of its framework.

``--dotnet DIR`` names the framework. Without it, a file that is an assembly is an error that asks for it.
"""

from __future__ import annotations

from wasmer_runtime.cli import deferred as click
from wasmer_runtime.cli.failures import CommandError, flush, must_be_installed
from wasmer_runtime.cli.files import begins_with
from wasmer_runtime_core.errors import ExitCode
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wasmer_blazor import Assembly
    from wasmer_runtime.cli.bounds import Bounds
    from wasmer_runtime.cli.world import World
    from wasmer_runtime_core.running.module import Module

dotnet_option: Final = click.option(
    "--dotnet",
    metavar="DIR",
    type=click.FILE,
    help="Of a program of .NET: the directory _framework of a Blazor program of its version.",
)

_BEGINNINGS: Final = (b"MZ", b"WbIL")


def is_assembly(source: bytes | Path) -> bool:
    """Whether it begins as a .dll, an .exe or webcil does, which no module of WebAssembly does."""
    return begins_with(source, *_BEGINNINGS)


def assembly_of(source: bytes | Path) -> Assembly:
    """What an assembly says of itself.

    Raises:
        CommandError: `wasmer_blazor` is not installed.
        WrongAssembly: it is none, or damaged.
        OSError: it cannot be read.
    """
    must_have_blazor()
    from wasmer_blazor import read_assembly

    if isinstance(source, bytes):
        return read_assembly(source)
    with open(source, "rb") as file:
        return read_assembly(file.read())


def must_have_blazor() -> None:
    """Refuse to go on without `wasmer_blazor`.

    Raises:
        CommandError: it is not installed.
    """
    must_be_installed(
        "wasmer_blazor",
        "a program of .NET needs its interface, which is not installed: pip install 'wasmer-runtime[blazor]'",
    )


def run_assembly(
    source: bytes | Path,
    file: Path,
    folder: Path | None,
    arguments: Sequence[str],
    world: World,
    bounds: Bounds,
    compiled: Callable[[Path], Module],
) -> None:
    """Run a program of .NET.

    Args:
        source: what is read.
        file: as it was named.
        folder: its framework.
        compiled: what compiles the framework's runtime.

    Raises:
        ExitCode: its exit code, if that is not 0.
        CommandError: there is no framework, or `wasmer_blazor` is not installed.
        DotnetError: it cannot be run, or it failed.
    """
    if folder is None:
        raise CommandError(
            f"{file} is a program of .NET: say where its framework is, --dotnet DIR "
            "(the directory _framework of a Blazor program)"
        )
    must_have_blazor()
    import wasmer_blazor
    from wasmer_blazor.program import read_program

    given = world.dotnet_options()
    read_program(source)  # before its runtime is compiled
    framework = wasmer_blazor.open_framework(folder)
    module = compiled(framework.native)

    def run() -> None:
        options = given | {"module": module, "args": arguments, "limits": bounds.limits()}
        with wasmer_blazor.load(source, framework, **options) as program:
            code = program.run()
        flush()
        if code:
            raise ExitCode(code)

    bounds.within(run)
