"""What click is told of ``--backend``: its help names the backends that are installed."""

from __future__ import annotations

from importlib.util import find_spec

import click

from wasmer_runtime_core.compiling.registry import AUTO, BACKENDS


class BackendOption(click.Option):
    """The option; whether backends are installed is looked up when its help is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        if record is None:
            return None
        here = [row.name for row in BACKENDS if find_spec(row.package) is not None]
        return record[0], record[1].replace("{backends}", ", ".join([*here, AUTO]))
