"""The console script for click's `CliRunner`: words are read without click where that can be, as `main` does it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Final

from wasmer_runtime.cli import cli, run_quickly


class Console:
    """What `CliRunner.invoke` takes for a command."""

    name = cli.name

    def main(self, args: Sequence[str], prog_name: str, **extra: Any) -> None:
        code = run_quickly(list(args))
        if code is not None:
            sys.exit(code)
        cli.main(args=list(args), prog_name=prog_name, **extra)


console: Final[Any] = Console()
