"""The command line: ``wasmer-runtime``, also ``python -m wasmer_runtime``.

::

    wasmer-runtime run [OPTIONS] FILE [ARGS…]
    wasmer-runtime compile FILE [-o FILE] [--backend NAME]
    wasmer-runtime cache {dir,list,clean}
    wasmer-runtime validate FILE …
    wasmer-runtime wat2wasm FILE [-o FILE]
    wasmer-runtime wasm2wat FILE [-o FILE]
    wasmer-runtime inspect FILE
    wasmer-runtime dump --stage=STAGE FILE
    wasmer-runtime backends
    wasmer-runtime em-stubs FILE [-o FILE]

``run`` may be left out: a first word that is no command but a file, or an option of ``run``, is
its. The exit code is the program's; 134 when
it traps (as if by SIGABRT), 1 for every other error, which is one line ``Error: …`` on
standard error, 2 for a command line that makes no sense.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Final, NoReturn

import click

from wasmer_runtime.cli import failures
from wasmer_runtime.version import VERSION

# fmt: off
COMMANDS: Final = {
    "run":       ("running",    "run"),
    "compile":   ("artifacts",  "compile_"),
    "cache":     ("artifacts",  "cache"),
    "validate":  ("texts",      "validate"),
    "wat2wasm":  ("texts",      "wat2wasm"),
    "wasm2wat":  ("texts",      "wasm2wat"),
    "inspect":   ("inspecting", "inspect"),
    "dump":      ("inspecting", "dump"),
    "backends":  ("inspecting", "backends"),
    "em-stubs":  ("stubs",      "em_stubs"),
}
# fmt: on
"""Of each the module, which is imported when it is called, and its name there."""


class Commands(click.Group):
    """The commands; ``run`` may be left out."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        place = f"{__name__}.{module}"
        __import__(place)
        command: click.Command = getattr(sys.modules[place], name)
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
        return os.path.exists(word) or word.endswith((".wasm", ".wat", ".wasmer"))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (Exception, KeyboardInterrupt) as error:
            code = failures.report(error)
            if code is None:
                raise
            ctx.exit(code)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, "-V", "--version", prog_name="wasmer-runtime", message="%(prog)s %(version)s")
def cli() -> None:
    """Compile and run WebAssembly."""


def open_closed_streams() -> None:
    """Let standard streams that the process was started without lead nowhere.

    A file that is opened gets the lowest free number, so later ones cannot get theirs.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.open(os.devnull, os.O_RDWR), mode))


def main() -> NoReturn:
    """The console script."""
    open_closed_streams()
    try:
        cli.main(prog_name="wasmer-runtime")
    except OSError as error:  # what is shown before a command begins, such as --help, cannot be written
        sys.exit(failures.report(error))
    raise AssertionError("click ends the process")
