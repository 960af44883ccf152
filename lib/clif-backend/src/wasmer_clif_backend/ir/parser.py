"""CLIF's text to functions.

A file is a head of commands (``test``, ``set``, ``target``), then functions; the comments behind a
function may say what to run (`runtests`). The grammar is Cranelift's; what an instruction is made of
comes from its row in `opcodes`, so that a new row needs nothing here.

A value or a block may be named before it is defined. Until the function ends, such an operand is the
negative number of its name, and an edge waits in a list; then both are set right. A type that is not
written is that of a value defined *above*, as in Cranelift: what is named ahead must have it written.

What is wrong is a `DecodeError` with line and column that says what was expected. What can be
read but makes no sense is for `verify` to find.

`preamble` has what stands before the blocks.
"""

from __future__ import annotations

import re

from wasmer_clif_backend.ir.cursor import Cursor, reference_number
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.lexer import Token, fail_at
from wasmer_clif_backend.ir.numerals import parse_float, parse_integer
from wasmer_clif_backend.ir.opcodes import (
    ATOMIC_OPERATIONS,
    BY_NAME,
    FLOAT_CONDITIONS,
    IN_A,
    IN_B,
    IN_C,
    IN_EXTRA,
    IN_IMMEDIATE,
    INTEGER_CONDITIONS,
    MEMORY_FLAGS,
    PARAMETER,
    RESULT,
    ROWS,
    TRAP_CODE_SHIFT,
    TRAP_CODES,
    UNDEFINED,
    VALUE,
    Operand,
    Row,
    derived,
)
from wasmer_clif_backend.ir.preamble import Preamble, checked_value, function_name
from wasmer_clif_backend.ir.types import TYPES_BY_NAME, bits_of, type_name
from wasmer_runtime_core.support.annotations import Final, final

_HEAD_WORDS: Final = frozenset(("test", "set", "target", "feature"))
_FARTHEST_SOURCE: Final = 0xFFFF_FFFF
_NOT_WRITTEN: Final = frozenset((PARAMETER, RESULT, UNDEFINED))


@final
class ParsedFunction:
    """A function, the line it begins at, and the comments behind it (up to the next function)."""

    def __init__(self, function: Function, line: int) -> None:
        self.function = function
        self.line = line
        self.comments: list[tuple[int, str]] = []
        """Line, and text without the ``;``."""


@final
class ParsedFile:
    """What a file says: its head's commands, by line, and its functions."""

    def __init__(self) -> None:
        self.commands: list[tuple[int, list[str]]] = []
        self.functions: list[ParsedFunction] = []


def parse_file(text: str) -> ParsedFile:
    """The functions of a text.

    Raises:
        DecodeError: it is no CLIF; says where and what was expected.
    """
    parsed = ParsedFile()
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        words = line.partition(";")[0].split()
        if words and words[0] not in _HEAD_WORDS:
            break
        if words:
            parsed.commands.append((number, words))
        start += len(line) + 1
    cursor = Cursor(text, min(start, len(text)))
    while cursor.token.kind != ".":
        first = cursor.at
        function = _FunctionParser(cursor).parse()
        found = ParsedFunction(function, cursor.line(cursor.tokens[first].offset))
        parsed.functions.append(found)
        found.comments = [(cursor.line(one.offset), one.text) for one in cursor.comments_behind()]
    return parsed


def parse_function(text: str) -> Function:
    """The one function of a text.

    Raises:
        DecodeError: it is no CLIF, or not one function.
    """
    parsed = parse_file(text)
    if len(parsed.functions) != 1:
        raise fail_at(text, 0, f"expected one function, found {len(parsed.functions)}")
    return parsed.functions[0].function


@final
class _FunctionParser:
    """Parses one function."""

    def __init__(self, cursor: Cursor) -> None:
        self.p = cursor
        self.function = Function()
        self.preamble = Preamble(cursor, self.function)
        self.values: dict[int, int] = {}
        """By the number of the text: the value."""
        self.aliases: dict[int, tuple[int, Token]] = {}
        """By the number of the text: what else it is called, by the number of the text."""
        self.named: dict[int, Token] = {}
        """By the number of the text: where a value is used that was not defined before."""
        self.blocks: dict[int, int] = {}
        self.edges: list[tuple[int, int, int, int, Token]] = []
        """Edges to come: instruction, column or place in the pool, the block's number, arguments, token."""
        self.types: list[tuple[int, int, int, Token]] = []
        """Types that were written though an operand shows them: instruction, place, type, token."""
        self.block = 0

    def parse(self) -> Function:
        """The function."""
        p = self.p
        function = self.function
        if p.token.text != "function":
            p.expected("'function'")
        p.next()
        function.name = function_name(p, "the function's name")
        function.signature = self.preamble.signature()
        p.need("{")
        p.comments_behind()
        while not self._is_block() and not p.is_sign("}"):
            self.preamble.declaration()
        while not p.is_sign("}"):
            if self._is_block():
                self.block_head()
            elif self.block:
                self.statement()
            else:
                p.expected("a declaration (ss0, sig0, fn0, const0), a block or '}'")
        p.next()
        self.finish()
        return function

    def _is_block(self) -> bool:
        return reference_number(self.p.token, "block") >= 0

    # --- blocks ---------------------------------------------------------------------------------------

    def block_head(self) -> None:
        """``block0(v0: i32):``."""
        p = self.p
        function = self.function
        number, token = p.reference("block", "a block")
        if number in self.blocks:
            p.fail(f"{token.text} is defined twice", token)
        self.block = int(function.block())
        self.blocks[number] = self.block
        if p.take("("):
            index = 0
            while not p.take(")"):
                if index:
                    p.need(",", "or ')'")
                name, where = p.reference("v", "a value")
                p.need(":")
                type = p.type()
                function.at = p.line(where.offset)
                self.define(name, int(function.add(self.block, PARAMETER, type, immediate=index)), where)
                index += 1
        if p.token.text == "cold":
            p.next()
            function.cold[self.block] = 1
        p.need(":", "behind the block's name")

    def define(self, name: int, value: int, token: Token) -> None:
        """A value by its name in the text."""
        if name in self.values or name in self.aliases:
            self.p.fail(f"v{name} is defined twice", token)
        self.values[name] = value

    def statement(self) -> None:
        """An instruction, or ``v1 -> v0``."""
        p = self.p
        source = -1
        if p.token.kind == "@":
            source = int(p.token.text[1:], 16)
            if source > _FARTHEST_SOURCE:
                p.fail(f"a place in a source is {_FARTHEST_SOURCE:#x} at most")
            p.next()
        names: list[tuple[int, Token]] = []
        if reference_number(p.token, "v") >= 0:
            names.append(p.reference("v", "a value"))
            if p.take("->"):
                name, token = names[0]
                if name in self.values or name in self.aliases:
                    p.fail(f"v{name} is defined twice", token)
                self.aliases[name] = p.reference("v", "a value")
                return
            while p.take(","):
                names.append(p.reference("v", "a value"))
            p.need("=", "behind the results")
        self.function.at = p.line(p.token.offset) if source < 0 else source
        self.instruction(names)

    # --- instructions -----------------------------------------------------------------------------------

    def instruction(self, names: list[tuple[int, Token]]) -> None:
        """One instruction, by its row."""
        p = self.p
        function = self.function
        token = p.word("an instruction")
        row = BY_NAME.get(token.text)
        if row is None or row.number in _NOT_WRITTEN:
            p.fail(f"there is no instruction {token.text!r}", token)
        written = 0
        if p.take("."):
            where = p.token
            written = p.type()
            if row.types and written not in row.types:
                allowed = ", ".join(type_name(one) for one in sorted(row.types))
                p.fail(f"{row.name} is not for {type_name(written)}; there are {allowed}", where)
        v = int(function.add(self.block, row.number, 0))
        self.operands(v, row, written)
        controlling = self.controlling(v, row, written, token)
        types = self.result_types(v, row, controlling)
        if len(names) != len(types):
            p.fail(f"{row.name} has {len(types)} results; {len(names)} are named", token)
        for number, (name, where) in enumerate(names):
            if number == 0:
                function.type[v] = types[0]
                self.define(name, v, where)
            else:
                self.define(name, int(function.add_result(v, number, types[number])), where)

    def controlling(self, v: int, row: Row, written: int, token: Token) -> int:
        """The controlling type, written or shown by an operand; 0 if the row has none."""
        if not row.types:
            return 0
        if row.shown < 0:
            if not written:
                self.p.expected(f"a type behind {row.name} ({row.name}.{type_name(min(row.types))})", token)
            return written
        if written:
            self.types.append((v, row.shown, written, token))
            return written
        shown = self.column(v, row.shown)
        if shown <= 0:
            self.p.fail(
                f"v{-shown - 1} is defined further on: its type must be written, as in "
                f"{row.name}.{type_name(min(row.types))}",
                token,
            )
        return int(self.function.type[shown])

    def result_types(self, v: int, row: Row, controlling: int) -> list[int]:
        """The types of all results. Where the operand does not fit the rule, any will do: `verify` says so."""
        function = self.function
        if row.results == ("call",):
            number = int(function.extra[v])
            if row.operands[0].kind == "function":
                number = function.functions[number].signature
            return [int(one.type) for one in function.signatures[number].results]
        if row.types and controlling not in row.types:
            return [controlling for _ in row.results]
        return [min(derived(rule, controlling)) for rule in row.results]

    def operands(self, v: int, row: Row, written: int) -> None:
        """All operands."""
        p = self.p
        separated = True
        for operand in row.operands:
            kind = operand.kind
            if kind == "arguments":
                if row.name == "return":
                    self.set(v, IN_B, self.values_until_end())
                else:
                    p.need("(", "before the arguments")
                    self.set(v, IN_B, self.arguments())
                continue
            if kind != "offset" and not separated:
                p.need(",", f"before {operand.name}")
            separated = kind in ("flags", "intcc", "floatcc", "atomic")
            self.operand(v, row, operand, written)

    def operand(self, v: int, row: Row, operand: Operand, written: int) -> None:
        """One operand that is no list of values."""
        p = self.p
        kind = operand.kind
        token = p.token
        if kind == VALUE:
            self.set(v, operand.place, self.use())
        elif kind == "block":
            self.target(v, operand.place)
        elif kind == "table":
            self.table(v)
        elif kind in ("number", "float32", "float64"):
            self.set(v, IN_IMMEDIATE, self.scalar(kind, written))
        elif kind == "lane":
            self.set(v, IN_IMMEDIATE, p.integer("a lane", 0, 255))
        elif kind == "intcc":
            self.set(v, IN_IMMEDIATE, self.choice(INTEGER_CONDITIONS, "a condition"))
        elif kind == "floatcc":
            self.set(v, IN_IMMEDIATE, self.choice(FLOAT_CONDITIONS, "a condition"))
        elif kind == "atomic":
            self.set(v, IN_IMMEDIATE, self.choice(ATOMIC_OPERATIONS, "an operation"))
        elif kind == "offset":
            if token.kind == "n" and token.text[0] in "+-":
                self.set(v, IN_IMMEDIATE, p.integer("an offset", -(1 << 31), (1 << 31) - 1))
        elif kind in ("constant", "mask"):
            self.set(v, IN_IMMEDIATE, int(self.function.constant(self.constant(kind, written))))
        elif kind == "flags":
            self.set(v, IN_EXTRA, self.flags())
        elif kind == "code":
            self.set(v, IN_EXTRA, self.code())
        else:
            known, prefix = {
                "slot": (self.preamble.slots, "ss"),
                "function": (self.preamble.functions, "fn"),
                "signature": (self.preamble.signatures, "sig"),
            }[kind]
            number, token = p.reference(prefix, f"a {kind}")
            if number not in known:
                p.fail(f"{token.text} is not declared", token)
            self.set(v, IN_EXTRA, known[number])

    def set(self, v: int, place: int, number: int) -> None:
        """Put an operand into its column."""
        function = self.function
        if place == IN_A:
            function.a[v] = number
        elif place == IN_B:
            function.b[v] = number
        elif place == IN_C:
            function.c[v] = number
        elif place == IN_IMMEDIATE:
            function.immediate[v] = number
        else:
            function.extra[v] = number

    def column(self, v: int, place: int) -> int:
        """What lies in one of the first three columns."""
        function = self.function
        if place == IN_A:
            return int(function.a[v])
        return int(function.b[v] if place == IN_B else function.c[v])

    def use(self) -> int:
        """A value; the negative of its name's number, less one, if it is not known yet."""
        name, token = self.p.reference("v", "a value")
        value = self.known(name)
        if value == 0:
            self.named.setdefault(name, token)
            return -name - 1
        return value

    def known(self, name: int) -> int:
        """The value of a name, through other names; 0 if it is not known yet. Who asks again gets there at once."""
        aliases = self.aliases
        passed: list[int] = []
        while name in aliases and aliases[name][0] != name and len(passed) <= len(aliases):
            passed.append(name)
            name = aliases[name][0]
        for each in passed:  # of names that go round in a circle, one leads to itself from now on
            aliases[each] = (name, aliases[each][1])
        return self.values.get(name, 0)

    def arguments(self) -> int:
        """``v1, v2)``, as a list."""
        p = self.p
        found: list[int] = []
        while not p.take(")"):
            if found:
                p.need(",", "or ')'")
            found.append(self.use())
        return int(self.function.new_list(found))

    def values_until_end(self) -> int:
        """``v1, v2``, or nothing, as a list."""
        found: list[int] = []
        if reference_number(self.p.token, "v") >= 0:
            # ``return`` alone, and the next statement begins with a value: it has "=" or "->" behind it.
            behind = self.p.tokens[self.p.at + 1]
            if behind.text not in ("=", "->"):
                found.append(self.use())
                while self.p.take(","):
                    found.append(self.use())
        return int(self.function.new_list(found))

    def target(self, v: int, place: int) -> None:
        """``block1(v2)``."""
        p = self.p
        number, token = p.reference("block", "a block")
        arguments = self.arguments() if p.take("(") else 0
        self.edges.append((v, place, number, arguments, token))

    def table(self, v: int) -> None:
        """``block3, [block1, block2(v1)]``: in the pool, the default one last."""
        p = self.p
        first = len(self.edges)
        self.target(v, 0)
        p.need(",", "behind the default target")
        p.need("[")
        while not p.take("]"):
            if len(self.edges) > first + 1:
                p.need(",", "or ']'")
            self.target(v, 0)
        found = self.edges[first + 1 :] + [self.edges[first]]
        del self.edges[first:]
        pool = int(self.function.list_of(len(found)))
        self.set(v, IN_B, pool)
        self.edges += [(v, -(pool + 1 + at), one[2], one[3], one[4]) for at, one in enumerate(found)]

    def choice(self, words: tuple[str, ...], what: str) -> int:
        """One of some words: its number."""
        token = self.p.word(f"{what} ({', '.join(words)})")
        if token.text not in words:
            self.p.expected(f"{what} ({', '.join(words)})", token)
        return words.index(token.text)

    def scalar(self, kind: str, type: int) -> int:
        """A number as `immediate` holds it."""
        p = self.p
        token = p.number("a number")
        try:
            if kind == "number":
                return parse_integer(token.text, int(bits_of(type)) if type else 64)
            size = 4 if kind == "float32" else 8
            bits = parse_float(token.text, size)
            return bits - (1 << 64) if bits >> 63 else bits
        except ValueError as error:
            p.fail(str(error), token)

    def constant(self, kind: str, type: int) -> bytes:
        """Sixteen bytes: by name, by lanes or as one number."""
        p = self.p
        if kind == "constant" and reference_number(p.token, "const") >= 0:
            number, token = p.reference("const", "a constant")
            if number not in self.preamble.constants:
                p.fail(f"{token.text} is not declared", token)
            return self.preamble.constants[number]
        if kind == "mask" or not type:
            type = TYPES_BY_NAME["i8x16"]
        text, token = p.brackets() if p.is_sign("[") else (p.token.text, p.number("a constant"))
        return checked_value(p, text, type, token)

    def flags(self) -> int:
        """Words before an address."""
        p = self.p
        flags = 0
        while p.token.kind == "w":
            word = p.token.text
            if word in MEMORY_FLAGS:
                flags |= MEMORY_FLAGS[word]
            elif word in TRAP_CODES or re.match(r"user[0-9]+\Z", word):
                flags |= self.code() << TRAP_CODE_SHIFT
                continue
            else:
                break
            p.next()
        return flags

    def code(self) -> int:
        """A trap."""
        p = self.p
        token = p.word("a trap (heap_oob, int_ovf, user1, …)")
        if token.text in TRAP_CODES:
            return TRAP_CODES[token.text]
        number = reference_number(token, "user")
        if not 1 <= number <= 250:
            p.expected(f"a trap ({', '.join(TRAP_CODES)}, user1 to user250)", token)
        return number

    # --- the end ------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Everything that was named ahead gets its number."""
        p = self.p
        function = self.function
        for name, (_, token) in self.aliases.items():
            if self.known(name) == 0:
                p.fail(f"{token.text} is not defined, or only as v{name}", token)
        for name, token in self.named.items():
            if self.known(name) == 0:
                p.fail(f"v{name} is not defined", token)
        for v, place, number, arguments, token in self.edges:
            if number not in self.blocks:
                p.fail(f"block{number} is not defined", token)
            e = int(function.edge(function.block_of[v], self.blocks[number], arguments))
            if place < 0:
                function.pool[-place] = e
            else:
                self.set(v, place, e)
            self.finish_list(arguments)
        for v in range(1, int(function.count)):
            for operand in ROWS[function.opcode[v]].operands:
                if operand.kind == VALUE:
                    here = self.column(v, operand.place)
                    if here < 0:
                        self.set(v, operand.place, self.known(-here - 1))
                elif operand.kind == "arguments":
                    self.finish_list(int(function.b[v]))
        for v, place, type, token in self.types:
            have = int(function.type[self.column(v, place)])
            if have != type:
                p.fail(f"{token.text}.{type_name(type)} of a value of type {type_name(have)}", token)

    def finish_list(self, pool: int) -> None:
        """The same for a list of values."""
        function = self.function
        for at in range(int(function.pool[pool])):
            here = int(function.pool[pool + 1 + at])
            if here < 0:
                function.pool[pool + 1 + at] = self.known(-here - 1)
