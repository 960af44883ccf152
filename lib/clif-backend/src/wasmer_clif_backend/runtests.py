"""What a CLIF file asks to be run: ``; run: %f(1, 2) == 3`` and ``; print: %f(1, 2)`` behind a function.

The lines are Cranelift's. Each is about the function before it, whatever name it calls; ``; run`` alone wants
a result that is not 0. Values are as `ir.numerals` reads them, a vector in brackets by lanes, several results in
brackets with commas between. They are compared bit by bit.
"""

from __future__ import annotations

import re

from wasmer_clif_backend.ir.function import Function, Parameter
from wasmer_clif_backend.ir.numerals import format_value, parse_value
from wasmer_clif_backend.ir.parser import ParsedFile
from wasmer_clif_backend.text_module import TextModule
from wasmer_runtime_core.errors import Error
from wasmer_runtime_core.support.annotations import Final, final
from wasmer_runtime_core.support.printable import shortened

_COMMAND: Final = re.compile(r"\s*(run|print)\s*(?::\s*(.*))?\Z")
_CALL: Final = re.compile(r"(%[\w.$]+|u\d+:\d+)\((.*?)\)\s*+(?:(==|!=)\s*+(.*\S))?+\s*+\Z")
_VALUE: Final = re.compile(r"\[[^\[\]]*+\]|[^,\[\]]++")


@final
class Command:
    """One line: its number, the function, its arguments, and what should come out of it (or not)."""

    def __init__(self, line: int, text: str, name: str, arguments: str, relation: str, expected: str) -> None:
        self.line = line
        self.text = text
        self.name = name
        self.arguments = arguments
        self.relation = relation
        self.expected = expected


@final
class Outcome:
    """What became of a line: whether it holds, and what came out, or why nothing did."""

    def __init__(self, command: Command, good: bool, said: str) -> None:
        self.command = command
        self.good = good
        self.said = said


def commands_of(parsed: ParsedFile) -> list[Command]:
    """The lines of a file that ask for something.

    Raises:
        ValueError: one cannot be understood; says which.
    """
    found = []
    for one in parsed.functions:
        for line, comment in one.comments:
            match = _COMMAND.match(comment)
            if match is None or (match[2] is None and comment.strip() != match[1]):
                continue
            text = match[2] if match[2] is not None else f"{one.function.name}() != 0"
            call = _CALL.match(text)
            if call is None:
                raise ValueError(
                    f"line {line}: expected %name(arguments) == results, found {shortened(repr(text), 200)}"
                )
            if match[1] == "run" and not call[3]:
                raise ValueError(f"line {line}: expected == or != behind the call")
            found.append(Command(line, text, one.function.name, call[2], call[3] or "", call[4] or ""))
    return found


def run(parsed: ParsedFile, prove: bool | None = None, optimise: bool = True) -> list[Outcome]:
    """Compile a file's functions and do what its lines ask.

    Args:
        prove, optimise: as of `TextModule`.

    Raises:
        CompileError: a function cannot be compiled.
        ValueError: a line cannot be understood.
    """
    commands = commands_of(parsed)
    module = TextModule([one.function for one in parsed.functions], prove, optimise)
    return [_outcome(module, command) for command in commands]


def _outcome(module: TextModule, command: Command) -> Outcome:
    function = module.functions[command.name]
    try:
        given = _values(command.arguments, function.signature.parameters)
        results = module.call(command.name, given)
    except ValueError as error:
        return Outcome(command, False, str(error))
    except Error as error:
        return Outcome(command, False, f"trapped: {error}")
    said = format_results(function, results)
    if not command.relation:
        return Outcome(command, True, said)
    try:
        expected = _results(command.expected, function.signature.results)
    except ValueError as error:
        return Outcome(command, False, str(error))
    return Outcome(command, (results == expected) == (command.relation == "=="), said)


def format_results(function: Function, results: list[bytes]) -> str:
    """As the lines write them."""
    texts = [format_value(data, one.type) for data, one in zip(results, function.signature.results, strict=True)]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _values(text: str, types: list[Parameter]) -> list[bytes]:
    """Values with commas between."""
    words = [word.strip() for word in _VALUE.findall(text) if word.strip()]
    if len(words) != len(types):
        raise ValueError(f"{len(words)} values, expected {len(types)}: {shortened(text, 200)}")
    return [parse_value(word, one.type) for word, one in zip(words, types, strict=True)]


def _results(text: str, types: list[Parameter]) -> list[bytes]:
    """One value, or several in brackets."""
    if len(types) == 1:
        return [parse_value(text, types[0].type)]
    if not (text.startswith("[") and text.endswith("]")):
        raise ValueError(f"expected [{', '.join('…' for _ in types)}], found {shortened(text, 200)}")
    return _values(text[1:-1], types)
