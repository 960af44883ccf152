"""The commands on CLIF files: what stands behind ``python -m wasmer_clif_backend``.

Each takes files (``-`` is the standard input), does all of them, and ends with 1 if something was
wrong with one, which it says as ``file:line:column: reason`` on the standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from wasmer_clif_backend.ir.parser import ParsedFile, parse_file
from wasmer_clif_backend.ir.printer import print_function
from wasmer_clif_backend.ir.verify import verify
from wasmer_runtime_core.errors import CompileError, DecodeError
from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.support.printable import printable

_COMMANDS: Final = {
    "print": "parse files and print their functions as they are understood",
    "verify": "say all that is wrong with the functions of files",
    "run": "compile the functions of files and do what their run and print lines ask",
    "compile": "compile the functions of files and print a stage of each",
    "disasm": "compile the functions of files and print their machine instructions",
}
STAGES: Final = ("clif", "opt", "vcode", "ra", "asm")
"""The function; the same after the passes; its instructions with virtual registers; these with their places and moves;
instruction records."""


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments say; the exit status: 0, 1 if something was wrong, 2 for arguments that make no sense."""
    parser = argparse.ArgumentParser(prog="python -m wasmer_clif_backend", description="Tools for CLIF files.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, what in _COMMANDS.items():
        command = commands.add_parser(name, help=what, description=what.capitalize() + ".")
        command.add_argument("files", nargs="+", metavar="FILE", help="a file of CLIF text; - is the standard input")
        if name == "compile":
            command.add_argument("--stage", choices=STAGES, default="vcode", help="what to print (vcode)")
    given = parser.parse_args(arguments)
    failed = False
    for name in given.files:
        parsed = _read(name)
        if parsed is None:
            failed = True
        elif given.command == "print":
            print("\n".join(print_function(one.function) for one in parsed.functions), end="")
        elif given.command == "verify":
            failed |= not _verified(name, parsed)
        elif not _verified(name, parsed):
            failed = True
        elif given.command == "run":
            failed |= not _run(name, parsed)
        else:
            failed |= not _compiled(name, parsed, "asm" if given.command == "disasm" else given.stage)
    return 1 if failed else 0


def _read(name: str) -> ParsedFile | None:
    """A file's functions; None if that cannot be, which is said."""
    try:
        if name == "-":
            text = sys.stdin.read()
        else:
            with open(name, encoding="utf-8") as file:
                text = file.read()
        return parse_file(text)
    except DecodeError as error:
        print(f"{name}:{error.line}:{error.column}: {error.reason}", file=sys.stderr)
    except UnicodeDecodeError as error:
        print(f"{name}: no text: {error}", file=sys.stderr)
    except OSError as error:
        print(f"{name}: {error.strerror}", file=sys.stderr)
    return None


def _verified(name: str, parsed: ParsedFile) -> bool:
    """Whether all functions make sense; what does not is said."""
    good = True
    for one in parsed.functions:
        for finding in verify(one.function):
            print(f"{name}:{finding.line or one.line}: {one.function.name}: {finding}", file=sys.stderr)
            good = False
    return good


def _run(name: str, parsed: ParsedFile) -> bool:
    """Do what a file's lines ask; those that do not hold are said, and what print lines print."""
    from wasmer_clif_backend.runtests import run

    try:
        outcomes = run(parsed)
    except (CompileError, ValueError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return False
    for outcome in outcomes:
        command = outcome.command
        if not outcome.good:
            print(printable(f"{name}:{command.line}: {command.text}: {outcome.said}"), file=sys.stderr)
        elif not command.relation:
            print(printable(f"{command.text} -> {outcome.said}"))
    good = sum(outcome.good for outcome in outcomes)
    print(f"{name}: {good} of {len(outcomes)} lines hold")
    return good == len(outcomes)


def _compiled(name: str, parsed: ParsedFile, stage: str) -> bool:
    """Print one stage of each function."""
    from wasmer_clif_backend.compile_function import Stages
    from wasmer_clif_backend.machine.printer import print_code
    from wasmer_clif_backend.passes.optimise import optimised
    from wasmer_clif_backend.text_module import entries_of, with_library
    from wasmer_runtime_core.codegen.x64.printer import format_records

    functions = [one.function for one in parsed.functions]
    try:
        stages = Stages(entries_of(with_library(functions)))
        for function in functions:
            print(f"{function.name}:")
            if stage == "clif":
                print(print_function(function, numbers=True))
                continue
            made = optimised(function)
            records, _ = stages.records(made)
            if stage == "opt":
                print(print_function(made, numbers=True))
            elif stage == "asm":
                print(format_records(records))
            else:
                print(print_code(stages.code, stages.allocation if stage == "ra" else None))
    except CompileError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return False
    return True
