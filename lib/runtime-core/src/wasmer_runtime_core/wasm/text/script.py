"""Test scripts, ``.wast``: the language of the specification's own tests.

A script is a list of commands: modules to instantiate, actions on them and assertions.
`read_script` reads them all and encodes none of the modules: `ModuleSource.encode` does,
when the command runs, so that one module we cannot read fails one command.

Read are the scripts of the releases 1.0, 2.0 and 3.0 (interpreter/README of each).
"""

from __future__ import annotations

from typing import NamedTuple

from wasmer_runtime_core.support.annotations import Final, final
from wasmer_runtime_core.wasm.text.cursor import Cursor
from wasmer_runtime_core.wasm.text.instructions import VECTOR_SHAPES
from wasmer_runtime_core.wasm.text.keywords import END_OF_TEXT, LEFT, MODULE, RIGHT
from wasmer_runtime_core.wasm.text.lexer import Tokens, tokenize
from wasmer_runtime_core.wasm.text.numerals import MALFORMED, OUT_OF_RANGE, integer
from wasmer_runtime_core.wasm.text.parser import FIELDS, parse_fields, parse_module


class Pattern(NamedTuple):
    """A value, or what a result may be.

    Attributes:
        type: ``i32``, ``i64``, ``f32``, ``f64``, ``v128``; ``ref.null``, ``ref.func``, ``ref.extern`` and
            further kinds of reference; ``either``.
        bits: of a number; of ``ref.extern n`` and ``ref.host n`` the n; None of a reference that may be any of
            its kind.
        lane_bits: width of what `nans` speaks of; of a vector its lanes' width.
        nans: for each lane "" (as `bits` say), "canonical" or "arithmetic".
        alternatives: of ``either``.
        heap: of ``ref.null`` the heap type, if one is written: ``func``, ``extern`` …
    """

    type: str
    bits: int | None
    lane_bits: int = 0
    nans: tuple[str, ...] = ()
    alternatives: tuple[Pattern, ...] = ()
    heap: str = ""


class Action(NamedTuple):
    """``(invoke $module? "name" argument*)`` or ``(get $module? "name")``."""

    kind: str
    module: str | None
    name: str
    arguments: tuple[Pattern, ...]


@final
class ModuleSource:
    """A module in a script, not yet encoded.

    Attributes:
        kind: "text", "binary" or "quote".
        name: its identifier in the script, with the ``$``.
        line: where it begins, from 1.
    """

    def __init__(self, kind: str, name: str | None, line: int, tokens: Tokens, start: int, content: bytes) -> None:
        self.kind = kind
        self.name = name
        self.line = line
        self.tokens = tokens
        self.start = start
        self.content = content

    def encode(self) -> bytes:
        """The binary module.

        Raises:
            DecodeError: the text is malformed (a binary module is returned as it is written).
            UnsupportedFeatureError: it uses a feature that is not here.
        """
        if self.kind == "binary":
            return self.content
        if self.kind == "quote":
            return parse_module(self.content)
        return parse_fields(self.tokens, self.start)


class Command(NamedTuple):
    """One command of a script.

    Attributes:
        kind: "module" (instantiate), "definition" (compile), "instance", "register", "action" or the name of the
            assertion.
        line: from 1.
        module: of "module", "definition" and the assertions about modules.
        action: of "action" and the assertions about actions.
        expected: the results ``assert_return`` wants.
        text: of "register" the name, of an assertion the words of the failure.
        name: the identifier that "register" and "instance" speak of.
        definition: of "instance", the identifier of what is instantiated.
    """

    kind: str
    line: int
    module: ModuleSource | None = None
    action: Action | None = None
    expected: tuple[Pattern, ...] = ()
    text: str = ""
    name: str | None = None
    definition: str | None = None


NAN_ASSERTIONS: Final = {
    "assert_return_canonical_nan": "canonical",
    "assert_return_arithmetic_nan": "arithmetic",
}
"""Assertions of 1.0: the result is a NaN of any type."""
FAILING_ACTIONS: Final = ("assert_trap", "assert_exhaustion", "assert_exception")
FAILING_MODULES: Final = (
    "assert_malformed",
    "assert_invalid",
    "assert_unlinkable",
    "assert_trap",
    "assert_malformed_custom",
    "assert_invalid_custom",
)


def read_script(text: str | bytes) -> list[Command]:
    """The commands of a script; bytes are UTF-8.

    Raises:
        DecodeError: the script is malformed; with line and column.
    """
    return ScriptReader(tokenize(text)).read()


@final
class ScriptReader:
    """Reads the commands from the tokens of a script."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.cursor = Cursor(tokens, 0)
        self.lines = tokens.lines()

    def read(self) -> list[Command]:
        """All commands."""
        cursor = self.cursor
        commands: list[Command] = []
        if cursor.numbers[0] == LEFT and cursor.numbers[1] in FIELDS:  # the fields of one module
            return [Command("module", self.line(), ModuleSource("quote", None, 1, self.tokens, 0, self.whole_text()))]
        while cursor.numbers[cursor.at] != END_OF_TEXT:
            line = self.line()
            if cursor.numbers[cursor.at] != LEFT:
                raise cursor.unexpected("a command")
            commands.append(self.read_command(line))
        return commands

    def whole_text(self) -> bytes:
        return self.tokens.text.encode()

    def line(self) -> int:
        """The line of the next token."""
        return self.lines[self.cursor.at]

    def word(self) -> str:
        """The spelling of the next token."""
        return self.cursor.spellings[self.cursor.numbers[self.cursor.at]]

    def take_word(self) -> str:
        """Take the next token: its spelling."""
        word = self.word()
        self.cursor.at += 1
        return word

    def take_text(self) -> str:
        """Take a string literal as text."""
        return self.cursor.take_name("a string").decode()

    def read_command(self, line: int) -> Command:
        cursor = self.cursor
        word = cursor.spellings[cursor.numbers[cursor.at + 1]]
        if word == "module":
            return self.read_module_command(line)
        if word == "invoke" or word == "get":
            return Command("action", line, action=self.read_action())
        cursor.at += 2
        if word == "register":
            text = self.take_text()
            command = Command("register", line, text=text, name=cursor.take_identifier())
        elif word == "assert_return":
            action = self.read_action()
            command = Command(word, line, action=action, expected=self.read_patterns())
        elif word in NAN_ASSERTIONS:
            expected = (Pattern("nan", None, 0, (NAN_ASSERTIONS[word],)),)
            command = Command("assert_return", line, action=self.read_action(), expected=expected)
        elif word in FAILING_MODULES and cursor.opens(MODULE):
            module = self.read_module_command(line).module
            command = Command(word, line, module=module, text=self.take_text())
        elif word in FAILING_ACTIONS:
            action = self.read_action()
            text = "" if cursor.numbers[cursor.at] == RIGHT else self.take_text()
            command = Command(word, line, action=action, text=text)
        else:
            cursor.at -= 1
            raise cursor.unexpected("a command")
        cursor.expect_right(")")
        return command

    def read_module_command(self, line: int) -> Command:
        """``(module …)`` in all its forms."""
        cursor = self.cursor
        cursor.expect_opening(MODULE)
        kind = "module"
        if self.word() == "definition":
            kind = "definition"
            cursor.at += 1
        elif self.word() == "instance":
            cursor.at += 1
            name = cursor.take_identifier()
            definition = cursor.take_identifier()
            cursor.expect_right(")")
            return Command("instance", line, name=name, definition=definition)
        start = cursor.at
        name = cursor.take_identifier()
        form = self.word()
        if form == "binary" or form == "quote":
            cursor.at += 1
            content = cursor.take_strings()
            cursor.expect_right("a string or )")
            return Command(kind, line, ModuleSource(form, name, line, self.tokens, start, content))
        cursor.skip()
        return Command(kind, line, ModuleSource("text", name, line, self.tokens, start, b""))

    def read_action(self) -> Action:
        """``(invoke …)`` or ``(get …)``."""
        cursor = self.cursor
        if cursor.numbers[cursor.at] != LEFT:
            raise cursor.unexpected("an action")
        cursor.at += 1
        kind = self.take_word()
        if kind != "invoke" and kind != "get":
            cursor.at -= 1
            raise cursor.unexpected("invoke or get")
        module = cursor.take_identifier()
        name = self.take_text()
        arguments = self.read_patterns()
        cursor.expect_right("an argument or )")
        return Action(kind, module, name, arguments)

    def read_patterns(self, alternatives: bool = False) -> tuple[Pattern, ...]:
        """Values or patterns up to ``)``; `alternatives`: of one result, none of which has alternatives again."""
        patterns: list[Pattern] = []
        while self.cursor.numbers[self.cursor.at] == LEFT:
            self.cursor.turn()
            patterns.append(self.read_pattern(alternatives))
        return tuple(patterns)

    def read_pattern(self, alternative: bool) -> Pattern:
        """``(i32.const 1)``, ``(f32.const nan:canonical)``, ``(v128.const i8x16 …)``, ``(ref.extern 1)`` …"""
        cursor = self.cursor
        cursor.at += 1
        word = self.take_word()
        if word == "i32.const" or word == "i64.const":
            bits = int(word[1:3])
            pattern = Pattern(word[:3], cursor.take_integer(bits), bits, ("",))
        elif word == "f32.const" or word == "f64.const":
            bits = int(word[1:3])
            value, nan = self.take_float(bits)
            pattern = Pattern(word[:3], value, bits, (nan,))
        elif word == "v128.const":
            pattern = self.read_vector()
        elif word == "either" and not alternative:
            pattern = Pattern("either", None, alternatives=self.read_patterns(True))
        elif word.startswith("ref."):
            number: int | None = None
            heap = ""
            if cursor.numbers[cursor.at] != RIGHT:
                spelling = self.word()
                value = integer(spelling, 32)
                if value != MALFORMED and value != OUT_OF_RANGE:
                    number = value
                elif word == "ref.null":
                    heap = spelling
                else:
                    raise cursor.unexpected("a number or )")
                cursor.at += 1
            pattern = Pattern(word, number, heap=heap)
        else:
            cursor.at -= 1
            raise cursor.unexpected("a constant or a pattern of results")
        cursor.expect_right(")")
        return pattern

    def take_float(self, bits: int) -> tuple[int, str]:
        """A float literal's bits, or the kind of NaN that is wanted."""
        word = self.word()
        if word == "nan:canonical" or word == "nan:arithmetic":
            self.cursor.at += 1
            return 0, word[4:]
        return self.cursor.take_float(bits), ""

    def read_vector(self) -> Pattern:
        """The shape and lanes of a vector."""
        cursor = self.cursor
        shape = VECTOR_SHAPES.get(cursor.numbers[cursor.at])
        if shape is None:
            raise cursor.unexpected("the shape of a vector")
        cursor.at += 1
        lanes, bits, floats = shape
        vector = at = 0
        nans: list[str] = []
        for _ in range(lanes):
            nan = ""
            if floats:
                value, nan = self.take_float(bits)
            else:
                value = cursor.take_integer(bits)
            vector |= value << at
            at += bits
            nans.append(nan)
        return Pattern("v128", vector, bits, tuple(nans))
