"""What stands in a CLIF function before its blocks: slots of the stack, signatures, functions it calls, constants.

Each is declared by a name with a number (``ss0``, ``sig0``, ``fn0``, ``const0``), by which instructions refer to it.
"""

from __future__ import annotations

import re

from wasmer_clif_backend.ir.cursor import REFERENCE, Cursor
from wasmer_clif_backend.ir.function import ExternalFunction, Function, Parameter, Signature, StackSlot
from wasmer_clif_backend.ir.lexer import Token
from wasmer_clif_backend.ir.numerals import parse_value
from wasmer_clif_backend.ir.types import TYPES_BY_NAME
from wasmer_runtime_core.support.annotations import Final, final

CONVENTIONS: Final = frozenset(("fast", "cold", "tail", "system_v", "windows_fastcall", "winch", "preserve_all"))
_EXTENSIONS: Final = frozenset(("uext", "sext"))
_PURPOSES: Final = frozenset(("sret", "vmctx"))
_USER_NAME: Final = re.compile(r"u[0-9]+:[0-9]+\Z")


def function_name(p: Cursor, what: str) -> str:
    """Take a function's name: ``%name``, ``u0:0``."""
    if p.token.kind != "%" and not _USER_NAME.match(p.token.text):
        p.expected(f"{what} (%name or u0:0)")
    return p.next().text


def checked_value(p: Cursor, text: str, type: int, token: Token) -> bytes:
    """The bytes of a constant."""
    try:
        return parse_value(text, type)
    except ValueError as error:
        p.fail(str(error), token)


@final
class Preamble:
    """Parses the declarations of one function.

    Attributes:
        slots, signatures, functions: by the number of the text: the number in the function.
        constants: by the number of the text: the bytes.
        next_signature: the number of the text of one that is written where it is used.
    """

    def __init__(self, cursor: Cursor, function: Function) -> None:
        self.p: Final = cursor
        self.function: Final = function
        self.slots: Final[dict[int, int]] = {}
        self.signatures: Final[dict[int, int]] = {}
        self.next_signature = 0
        self.functions: Final[dict[int, int]] = {}
        self.constants: Final[dict[int, bytes]] = {}

    def signature(self) -> Signature:
        """``(i32, i64 sext) -> i32 fast``."""
        p = self.p
        p.need("(", "before the parameters")
        parameters: list[Parameter] = []
        while not p.take(")"):
            if parameters:
                p.need(",", "or ')'")
            parameters.append(self.parameter())
        results: list[Parameter] = []
        if p.take("->"):
            results.append(self.parameter())
            while p.take(","):
                results.append(self.parameter())
        convention = ""
        if p.token.kind == "w" and p.token.text in CONVENTIONS:
            convention = p.next().text
        return Signature(parameters, results, convention)

    def parameter(self) -> Parameter:
        """A type, and how it is passed."""
        p = self.p
        type = p.type()
        extension = p.next().text if p.token.text in _EXTENSIONS else ""
        purpose = p.next().text if p.token.text in _PURPOSES else ""
        return Parameter(type, extension, purpose)

    def declaration(self) -> None:
        """``ss0 = …``, ``sig0 = …``, ``fn0 = …``, ``const0 = …``."""
        p = self.p
        token = p.token
        match = REFERENCE.match(token.text) if token.kind == "w" else None
        prefix = match[1] if match else ""
        if match is None or prefix not in ("ss", "sig", "fn", "const"):
            p.expected("a declaration (ss0, sig0, fn0, const0), a block or '}'")
        number = int(match[2])
        p.next()
        p.need("=")
        known = {"ss": self.slots, "sig": self.signatures, "fn": self.functions}
        if number in (self.constants if prefix == "const" else known[prefix]):
            p.fail(f"{token.text} is declared twice", token)
        if prefix == "ss":
            self.slots[number] = self.slot()
        elif prefix == "sig":
            self.signatures[number] = self.add_signature(self.signature())
            self.next_signature = max(self.next_signature, number + 1)
        elif prefix == "fn":
            self.functions[number] = self.external()
        else:
            self.constants[number] = self.data()

    def add_signature(self, signature: Signature) -> int:
        """The number of a signature."""
        self.function.signatures.append(signature)
        return len(self.function.signatures) - 1

    def slot(self) -> int:
        """``explicit_slot 16, align = 8``."""
        p = self.p
        kind = p.word("'explicit_slot'")
        if kind.text != "explicit_slot":
            p.expected("'explicit_slot'", kind)
        size = p.integer("a number of bytes", 0, (1 << 31) - 1)
        alignment = 0
        if p.take(","):
            word = p.word("'align'")
            if word.text != "align":
                p.expected("'align'", word)
            p.need("=")
            token = p.token
            alignment = p.integer("an alignment", 1, 1 << 16)
            if alignment & (alignment - 1):
                p.fail(f"{alignment} is no power of two", token)
            alignment = alignment.bit_length() - 1
        self.function.slots.append(StackSlot(size, alignment))
        return len(self.function.slots) - 1

    def external(self) -> int:
        """``colocated %name(i32) -> i32``, ``u0:1 sig0``."""
        p = self.p
        colocated = p.token.text == "colocated"
        if colocated:
            p.next()
        name = function_name(p, "a function's name")
        if p.is_sign("("):
            # A signature written here takes the next number.
            signature = self.add_signature(self.signature())
            self.next_signature += 1
            self.signatures[self.next_signature - 1] = signature
        else:
            number, token = p.reference("sig", "a signature")
            if number not in self.signatures:
                p.fail(f"{token.text} is not declared", token)
            signature = self.signatures[number]
        self.function.functions.append(ExternalFunction(name, signature, colocated))
        return len(self.function.functions) - 1

    def data(self) -> bytes:
        """``0x…`` or ``[…]`` by bytes."""
        p = self.p
        text, token = p.brackets() if p.is_sign("[") else (p.token.text, p.number("a constant (0x… or [bytes])"))
        return checked_value(p, text, TYPES_BY_NAME["i8x16"], token)
