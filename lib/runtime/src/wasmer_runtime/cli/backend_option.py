"""``--backend``: who compiles. Its help names those that are installed; a name that nobody has is a wrong value."""

from __future__ import annotations

from wasmer_runtime.cli import deferred as click
from wasmer_runtime_core.compiling.registry import AUTO, BACKENDS, find_compiler
from wasmer_runtime_core.errors import BackendError
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def backend_option(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the option to a command, which gets a name or None as ``backend``.

    Args:
        what: its help; ``{backends}`` in it stands for their names.
    """
    return click.option(
        "--backend",
        metavar="NAME",
        cls=click.later("wasmer_runtime.cli.backend_help:BackendOption"),
        callback=_known,
        help=what,
    )


def _known(context: click.Context, parameter: click.Parameter, name: str | None) -> str | None:
    if name is not None and name.lower() not in (AUTO, *(row.name for row in BACKENDS)):
        try:
            find_compiler(name)
        except BackendError as error:
            raise click.BadParameter(str(error)) from None
    return name
