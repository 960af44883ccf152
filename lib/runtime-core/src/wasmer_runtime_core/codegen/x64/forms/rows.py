"""How a row of the instruction tables is read.

A row is two texts in the notation of the Intel manual (volume 2, section 3.1.1)::

    ADD_R32_RM32: Final = form("add r32, rm32", "03 /r")

The first is the instruction as one writes it, operands by kind; the second its encoding.
A `Form` parses both, once, when it is first used: into what the printer needs (the operands
and where each is encoded) and one packed integer for the encoder.

Operand kinds
-------------
``r8 r16 r32 r64 xmm``      a register
``rm8 … rm64``              a general register or memory
``xm8 … xm128``             an xmm register or memory of that many bits
``r32m8 r32m16``            a 32-bit register, or memory of 8 or 16 bits
``m m8 … m128``             memory only (``m``: an address, nothing is read)
``imm8 … imm64 rel32``      an immediate, a branch's distance
``cl 1 xmm0``               what the instruction implies

The Intel manual writes ``r/m32``, ``xmm2/m64``; here the slash is left out, so that a row's
name is its syntax in capitals.

Where operands go
-----------------
The manual keeps that in a separate table (RM, MR, RVM, RMV, VMI …), but it follows from
the kinds. The operand that may be memory is ModRM.rm; if there is none, the last register
is. The other registers, in order, are ModRM.reg (unless a digit ``/0`` … ``/7`` stands
there), VEX.vvvv, and the high half of the immediate (``/is4``). In ``50+r`` the register is
part of the opcode.

Branches
--------
A branch row shows its long form; `short` is the opcode with an 8-bit distance, which the
encoder takes when the distance allows it.
"""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64.conditions import (
    CONDITIONS,
)
from wasmer_runtime_core.codegen.x64.records import (
    CONSTANT,
    FIRST_FORM,
    INDEX_ONLY,
    LABEL,
    MEM,
    MEM_INDEX,
    NONE,
    REG,
    RELOCATED,
    TABLE,
)
from wasmer_runtime_core.contract.target import PROCESSOR_FEATURES
from wasmer_runtime_core.support.annotations import Final, final, mypyc_attr

FEATURES: Final = ("", *[row[0] for row in PROCESSOR_FEATURES])
"""What a row may need of the processor beyond x86-64 with SSE2, by number."""

# --- where an operand is encoded ------------------------------------------------------------
IMPLIED: Final = 0
IN_REG: Final = 1
IN_RM: Final = 2
IN_VVVV: Final = 3
IN_IS4: Final = 4
IN_OPCODE: Final = 5
IN_IMMEDIATE: Final = 6
IN_BRANCH: Final = 7

# --- fields of `Form.packed`: first bit of each ------------------------------------------------
OPCODE_SHIFT: Final = 0  # 8 bits
PREFIX_SHIFT: Final = 8  # 8 bits: legacy prefix; VEX: last byte without vvvv; branch: short opcode
MAP_SHIFT: Final = 16  # 2 bits: 0 none, 1 0F, 2 0F38, 3 0F3A
WIDE_SHIFT: Final = 18  # 1 bit: REX.W
DIGIT_SHIFT: Final = 19  # 3 bits
IMMEDIATE_SHIFT: Final = 22  # 4 bits: bytes
VEX_SHIFT: Final = 26  # 1 bit
OPCODE_REGISTER_SHIFT: Final = 27  # 1 bit: the register is in the opcode
BRANCH_SHIFT: Final = 28  # 1 bit: rel32
BYTE_REG_SHIFT: Final = 29  # 1 bit: reg is an 8-bit register
BYTE_RM_SHIFT: Final = 30  # 1 bit: rm, if a register, is an 8-bit register
IS4_SHIFT: Final = 31  # 1 bit: the immediate is a register, in its high half
MODES_SHIFT: Final = 32  # 16 bits: which modes of a record the form admits
VVVV_SHIFT: Final = 48  # 4 bits: 15 where VEX.vvvv is an operand
LENGTH_SHIFT: Final = 52  # 4 bits: most bytes it takes, without SIB, displacement and distance
FEATURE_SHIFT: Final = 56  # 5 bits: number in FEATURES
LOCK_SHIFT: Final = 61  # 1 bit: the prefix lock stands before all others

_REGISTER_KINDS: Final = frozenset(("r8", "r16", "r32", "r64", "xmm"))
_REGISTER_OR_MEMORY_KINDS: Final = frozenset(
    ("rm8", "rm16", "rm32", "rm64", "xm8", "xm16", "xm32", "xm64", "xm128", "r32m8", "r32m16")
)
_MEMORY_KINDS: Final = frozenset(("m", "m8", "m16", "m32", "m64", "m128"))
_IMMEDIATE_BYTES: Final = {"imm8": 1, "imm16": 2, "imm32": 4, "imm64": 8}
_ENCODED_IMMEDIATE_BYTES: Final = {"ib": 1, "iw": 2, "id": 4, "io": 8, "/is4": 1}
_IMPLIED_KINDS: Final = frozenset(("cl", "1", "xmm0", "al", "ax", "eax", "rax"))
_LOCK: Final = "F0"
_PREFIXES: Final = frozenset(("66", "F2", "F3"))
_VEX_PP: Final = {"66": 1, "F3": 2, "F2": 3}
_VEX_MAP: Final = {"0F": 1, "0F38": 2, "0F3A": 3}
_VEX_L: Final = {"128": 0, "LIG": 0, "LZ": 0, "L0": 0, "256": 1}
_VEX_W: Final = {"W0": 0, "W1": 1, "WIG": 0}

_MEMORY_MODES: Final = (
    1 << MEM | 1 << MEM_INDEX | 1 << INDEX_ONLY | 1 << LABEL | 1 << TABLE | 1 << CONSTANT | 1 << RELOCATED
)


@final
@mypyc_attr(acyclic=True)
class Operand:
    """One operand of a form: its kind, and the field of the record that holds it."""

    def __init__(self, kind: str, place: int) -> None:
        self.kind = kind
        self.place = place

    def __repr__(self) -> str:
        return f"Operand({self.kind!r}, {self.place})"


@final
@mypyc_attr(acyclic=True)
class Form:
    """One row: an instruction form, as it is written and as it is encoded.

    Attributes:
        number: what a record holds in its `form` field.
        syntax: as given, ``"add r32, rm32"``.
        encoding: as given, ``"03 /r"``.
        feature: what the processor must have, or ``""``.
        short: for branches: the opcode with an 8-bit distance, 0 if there is none.

    Raises:
        ValueError: by what reads the texts (`mnemonic`, `operands`, `packed`): they make no sense.
    """

    def __init__(self, number: int, syntax: str, encoding: str, feature: str, short: int) -> None:
        self.number = number
        self.syntax = syntax
        self.encoding = encoding
        self.feature = feature
        self.short = short
        self._packed = 0
        self._operands: tuple[Operand, ...] = ()

    @property
    def name(self) -> str:
        """The row's name in `forms`: ``"ADD_R32_RM32"``."""
        return self.syntax.replace(",", "").replace(" ", "_").upper()

    @property
    def mnemonic(self) -> str:
        """``"add"``; with its prefix, ``"rep movsb"``."""
        return _split(self.syntax)[0]

    @property
    def operands(self) -> tuple[Operand, ...]:
        """In the order of the syntax."""
        self._read()
        return self._operands

    @property
    def packed(self) -> int:
        """The encoder's view: fields as above."""
        self._read()
        return self._packed

    def _read(self) -> None:
        """Parse both texts, once. A program uses a tenth of the rows: the others cost nothing."""
        if self._packed:
            return
        kinds = _split(self.syntax)[1]
        packed, has_modrm, has_digit, in_opcode, is_vex, length = _encoding(self.encoding)
        places = _places(kinds, has_modrm, has_digit, in_opcode)
        modes = 0 if has_modrm else 1 << NONE
        for kind, place in zip(kinds, places, strict=True):
            if place == IN_RM:
                if kind not in _MEMORY_KINDS:
                    modes |= 1 << REG
                if kind not in _REGISTER_KINDS:
                    modes |= _MEMORY_MODES
                if kind == "rm8":
                    packed |= 1 << BYTE_RM_SHIFT
            elif place == IN_REG:
                if kind == "r8":
                    packed |= 1 << BYTE_REG_SHIFT
            elif place == IN_VVVV:
                if not is_vex:
                    raise ValueError(f"{self.syntax}: a third register needs VEX")
                packed |= 15 << VVVV_SHIFT
            elif place == IN_BRANCH:
                packed |= 1 << BRANCH_SHIFT | self.short << PREFIX_SHIFT
                modes = 1 << LABEL | 1 << RELOCATED
            elif place == IN_IMMEDIATE and _IMMEDIATE_BYTES[kind] != packed >> IMMEDIATE_SHIFT & 15:
                raise ValueError(f"{self.syntax}: {kind} does not agree with {self.encoding}")
        packed |= modes << MODES_SHIFT | length << LENGTH_SHIFT | FEATURES.index(self.feature) << FEATURE_SHIFT
        self._operands = tuple(Operand(kind, place) for kind, place in zip(kinds, places, strict=True))
        self._packed = packed

    def __repr__(self) -> str:
        return f"<form {self.number}: {self.syntax} = {self.encoding}>"


FORMS: Final[list[Form]] = []
"""Every row, in order of its number, which begins with `FIRST_FORM`."""


def form(syntax: str, encoding: str, feature: str = "", short: int = 0) -> Form:
    """Give a row the next number and enter it in `FORMS`; its texts are read when they are used.

    Args:
        syntax: mnemonic, then the operands' kinds.
        encoding: in the manual's notation.
        feature: one of `FEATURES`.
        short: for branches: the opcode with an 8-bit distance, 0 if there is none.
    """
    row = Form(FIRST_FORM + len(FORMS), syntax, encoding, feature, short)
    FORMS.append(row)
    return row


def conditional(syntax: str, encoding: str, short: int = 0) -> Form:
    """Read sixteen rows, one a condition, from a pattern; return that of condition 0.

    ``{}`` in `syntax` stands for the condition's suffix, ``+cc`` behind the opcode for its
    number. The row of condition ``c`` has the number of the returned one plus ``c``.
    """
    before, after = encoding.split("+cc")
    leading, opcode = before[:-2], int(before[-2:], 16)
    rows = [
        form(
            syntax.format(condition.suffix),
            f"{leading}{opcode + condition.number:02X}{after}",
            "",
            short + condition.number if short else 0,
        )
        for condition in CONDITIONS
    ]
    return rows[0]


def by_number(number: int) -> Form:
    """The row with this number.

    Raises:
        LookupError: there is none.
    """
    at = number - FIRST_FORM
    if not 0 <= at < len(FORMS):
        raise LookupError(f"there is no instruction form {number}")
    return FORMS[at]


def _split(syntax: str) -> tuple[str, list[str]]:
    """Mnemonic (with its prefix words, as in ``rep movsb``) and operand kinds."""
    first, *others = [part.strip() for part in syntax.split(",")]
    words = first.split()
    if not others and (len(words) == 1 or words[0] == "rep"):
        return first, []
    return " ".join(words[:-1]), [words[-1], *others]


def _places(kinds: list[str], has_modrm: bool, has_digit: bool, in_opcode: bool) -> list[int]:
    """Where each operand is encoded."""
    places = [IMPLIED] * len(kinds)
    registers: list[int] = []
    memory = -1
    for at, kind in enumerate(kinds):
        if kind in _REGISTER_KINDS:
            registers.append(at)
        elif kind in _REGISTER_OR_MEMORY_KINDS or kind in _MEMORY_KINDS:
            memory = at
        elif kind in _IMMEDIATE_BYTES:
            places[at] = IN_IMMEDIATE
        elif kind == "rel32":
            places[at] = IN_BRANCH
        elif kind not in _IMPLIED_KINDS:
            raise ValueError(f"there is no operand kind {kind!r}")
    if in_opcode:
        places[registers.pop()] = IN_OPCODE
    elif has_modrm:
        places[registers.pop() if memory < 0 else memory] = IN_RM
    fields = [IN_VVVV] if has_digit else [IN_REG, IN_VVVV, IN_IS4]
    if len(registers) > len(fields) or (registers and not has_modrm):
        raise ValueError(f"no place for a register of {', '.join(kinds)}")
    for at, place in zip(registers, fields, strict=False):
        places[at] = place
    return places


def _encoding(encoding: str) -> tuple[int, bool, bool, bool, bool, int]:
    """Parse the encoding: packed fields, ModRM?, digit?, register in the opcode?, VEX?, length."""
    packed = 0
    has_modrm = has_digit = in_opcode = is_vex = has_opcode = False
    length = 1  # a REX prefix is always counted
    for token in encoding.split():
        if token.startswith("VEX."):
            is_vex = True
            packed |= 1 << VEX_SHIFT | _vex(token)
            length = 3
        elif token == "NP":
            pass
        elif token == _LOCK and length == 1:
            packed |= 1 << LOCK_SHIFT
            length += 1
        elif token in _PREFIXES and not has_opcode and not packed >> MAP_SHIFT & 3:
            packed |= int(token, 16) << PREFIX_SHIFT
            length += 1
        elif token == "REX.W":
            packed |= 1 << WIDE_SHIFT
        elif token == "0F" and not has_opcode and not packed >> MAP_SHIFT & 3:
            packed |= 1 << MAP_SHIFT
            length += 1
        elif token in ("38", "3A") and not has_opcode and not is_vex and packed >> MAP_SHIFT & 3 == 1:
            packed += (1 if token == "38" else 2) << MAP_SHIFT
            length += 1
        elif token in _ENCODED_IMMEDIATE_BYTES:
            packed |= _ENCODED_IMMEDIATE_BYTES[token] << IMMEDIATE_SHIFT
            length += _ENCODED_IMMEDIATE_BYTES[token]
            if token == "/is4":
                packed |= 1 << IS4_SHIFT
        elif token == "cd":
            pass  # the distance counts as the operand's
        elif token == "/r":
            has_modrm = True
            length += 1
        elif token.startswith("/"):
            has_modrm = has_digit = True
            packed |= int(token[1:]) << DIGIT_SHIFT
            length += 1
        elif not has_opcode:
            if token.endswith("+r"):
                in_opcode = True
                packed |= 1 << OPCODE_REGISTER_SHIFT
                token = token[:-2]
            has_opcode = True
            packed |= int(token, 16) << OPCODE_SHIFT
            length += 1
        else:
            raise ValueError(f"cannot read {token!r} in encoding {encoding!r}")
    if not has_opcode:
        raise ValueError(f"no opcode in encoding {encoding!r}")
    return packed, has_modrm, has_digit, in_opcode, is_vex, length


def _vex(token: str) -> int:
    """Parse ``VEX.128.F2.0F.WIG``: length, mandatory prefix (optional), map, W."""
    _, vector_length, *rest = token.split(".")
    prefix = _VEX_PP[rest.pop(0)] if rest[0] in _VEX_PP else 0
    opcode_map, width = rest
    wide = _VEX_W[width]
    last_byte = wide << 7 | _VEX_L[vector_length] << 2 | prefix
    return last_byte << PREFIX_SHIFT | _VEX_MAP[opcode_map] << MAP_SHIFT | wide << WIDE_SHIFT
