"""``--backend``: who compiles. Its help names those that are installed; a name that nobody has is a wrong value."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import click

from wasmer_runtime_core.compiling.registry import AUTO, BACKENDS, find_compiler
from wasmer_runtime_core.errors import BackendError


class BackendOption(click.Option):
    """The option; whether backends are installed is looked up when its help is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        if record is None:
            return None
        here = [row.name for row in BACKENDS if find_spec(row.package) is not None]
        return record[0], record[1].replace("{backends}", ", ".join([*here, AUTO]))


def backend_option(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the option to a command, which gets a name or None as ``backend``.

    Args:
        what: its help; ``{backends}`` in it stands for their names.
    """
    return click.option("--backend", metavar="NAME", cls=BackendOption, callback=_known, help=what)


def _known(context: click.Context, parameter: click.Parameter, name: str | None) -> str | None:
    if name is not None and name.lower() not in (AUTO, *(row.name for row in BACKENDS)):
        try:
            find_compiler(name)
        except BackendError as error:
            raise click.BadParameter(str(error)) from None
    return name
