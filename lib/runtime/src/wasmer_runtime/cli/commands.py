"""The commands, as click has them."""

from __future__ import annotations

import sys
from typing import Any, Final

import click

from wasmer_runtime.cli import COMMANDS, failures, is_file
from wasmer_runtime.version import VERSION


class Commands(click.Group):
    """The commands; ``run`` may be left out."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        place = f"wasmer_runtime.cli.{module}"
        __import__(place)
        found: Any = getattr(sys.modules[place], name)
        command: click.Command = found if isinstance(found, click.Command) else found.click()
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = args[1:] if args[:1] == ["--"] else args
        if words and self.is_run(ctx, words[0]):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def is_run(self, ctx: click.Context, word: str) -> bool:
        """Whether a first word belongs to a ``run`` that was left out: a file, or an option of ``run``."""
        if word in COMMANDS:
            return False
        if word.startswith("-"):
            own = [option for param in self.get_params(ctx) for option in param.opts]
            return word not in own
        return is_file(word)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (Exception, KeyboardInterrupt) as error:
            code = failures.report(error)
            if code is None:
                raise
            ctx.exit(code)


EXAMPLES: Final = """\b
Examples:
  wasmer-runtime program.wasm a --flag
  wasmer-runtime run --dir . --timeout 10 program.wasm
  wasmer-runtime run --invoke add module.wat 1 2
  wasmer-runtime inspect program.wasm
  wasmer-runtime COMMAND --help
"""


@click.group(cls=Commands, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, "-V", "--version", prog_name="wasmer-runtime", message="%(prog)s %(version)s")
def cli() -> None:
    """Compile and run WebAssembly."""
