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
    wasmer-runtime objdump FILE [--backend NAME]
    wasmer-runtime bench FILE [ARGS…]
    wasmer-runtime backends
    wasmer-runtime stubs FILE [-o FILE]
    wasmer-runtime completion {bash,zsh,fish}
    wasmer-runtime em-stubs FILE [-o FILE]

``run`` may be left out: a first word that is no command but a file, or an option of ``run``, is
its. The exit code is the program's; 134 when
it traps (as if by SIGABRT), 1 for every other error, which is one line ``Error: …`` on
standard error, 2 for a command line that makes no sense.
"""

from __future__ import annotations

import gc
import os
import sys

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from typing import NoReturn

    from wasmer_runtime.cli.commands import cli as cli

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
    "objdump":   ("disassembly", "objdump"),
    "bench":     ("measuring",  "bench"),
    "stubs":     ("typing_stubs", "stubs"),
    "completion": ("completion", "completion"),
    "backends":  ("inspecting", "backends"),
    "em-stubs":  ("stubs",      "em_stubs"),
}
# fmt: on
"""Of each the module, which is imported when it is called, and its name there."""


OBJECTS_BETWEEN_COLLECTIONS: Final = 20_000
"""What a start makes is no garbage: Python would look through it thirty times, with 700."""


def open_closed_streams() -> None:
    """Let standard streams that the process was started without lead nowhere.

    A file that is opened gets the lowest free number, so later ones cannot get theirs.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.open(os.devnull, os.O_RDWR), mode))


def is_file(word: str) -> bool:
    """Whether a first word that is no command is a file to run."""
    return os.path.exists(word) or word.endswith((".wasm", ".wat", ".wasmer"))


def run_quickly(words: list[str]) -> int | None:
    """``run`` with a command line of the simple form, without click: its exit code. None: click has to read it."""
    if any(name.startswith("_WASMER_RUNTIME_COMPLETE") for name in os.environ):  # a shell asks click for words
        return None
    if words[:1] == ["run"]:
        words = words[1:]
    elif not words or words[0] in COMMANDS or words[0].startswith("-") or not is_file(words[0]):
        return None
    from wasmer_runtime.cli import failures, running

    command: Any = running.run
    options = command.quickly(words)
    if options is None:
        return None
    try:
        command.callback(**options)
    except (Exception, KeyboardInterrupt) as error:
        code = failures.report(error)
        if code is None:  # options that do not go together
            return None
        return code
    return 0


def main() -> NoReturn:
    """The console script. Ctrl-C while it starts is as quiet as later on."""
    try:
        read_and_run()
    except KeyboardInterrupt:
        sys.exit(128 + 2)


def read_and_run() -> NoReturn:
    """Do what the words say."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    open_closed_streams()
    code = run_quickly(sys.argv[1:])
    if code is not None:
        sys.exit(code)
    from wasmer_runtime.cli import commands, failures

    try:
        commands.cli.main(prog_name="wasmer-runtime")
    except OSError as error:  # what is shown before a command begins, such as --help, cannot be written
        sys.exit(failures.report(error))
    raise AssertionError("click ends the process")


def __getattr__(name: str) -> object:
    if name != "cli":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from wasmer_runtime.cli import commands

    return commands.cli
