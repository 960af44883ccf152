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
from wasmer_runtime_core.errors import DecodeError


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments say; the exit status: 0, 1 if something was wrong, 2 for arguments that make no sense."""
    parser = argparse.ArgumentParser(prog="python -m wasmer_clif_backend", description="Tools for CLIF files.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, what in (
        ("print", "parse files and print their functions as they are understood"),
        ("verify", "say all that is wrong with the functions of files"),
    ):
        command = commands.add_parser(name, help=what, description=what.capitalize() + ".")
        command.add_argument("files", nargs="+", metavar="FILE", help="a file of CLIF text; - is the standard input")
    given = parser.parse_args(arguments)
    failed = False
    for name in given.files:
        parsed = _read(name)
        if parsed is None:
            failed = True
        elif given.command == "print":
            print("\n".join(print_function(one.function) for one in parsed.functions), end="")
        else:
            failed |= not _verified(name, parsed)
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
