"""The encoder: machine-instruction records become bytes, one function a call.

A backend feeds a `ModuleEncoder` one function after another and takes the module's code
with its tables at the end. What only the encoder can know falls out here, once, for every
backend: how long a displacement must be, whether a jump is short, where a label, a constant
or an entry of the table of code addresses lies from here, and which offsets may trap.

How a function is encoded
-------------------------
Two passes over its records. The first (`_bounds`) adds up the most bytes each record can
take, to know for every label the most bytes that can lie before it. A jump forward is
short if that bound says so, without having seen the code between: the result is
deterministic, at the price of a long jump here and there where a short one would have
fitted. A jump backward knows its distance. The second pass (`_encode`) writes the bytes; what
refers forward is noted and filled in at the end (`_fill`).

What is promised
----------------
* The shortest displacement (none, 8 or 32 bits) for every address; the shortest VEX prefix;
  a REX prefix only where one is needed. Immediates are as wide as the form says: which form
  fits a constant is the backend's choice.
* Functions begin at multiples of 16, after ``int3``; a function's constants follow its
  code, also at a multiple of 16.
* Site rows ascend. Two may have one offset: a call's return address and a trap.
* A record that makes no sense (no such form, a mode the form does not admit, a register
  above 15, an immediate that does not fit, a label that is never bound) is an
  `InternalError` that names it. The encoder is of no use after that.
* The same bytes, compiled or not.

The rows of `forms` are read as one packed integer each (`forms.rows`) when they are first
used, so that encoding is arithmetic on native integers.

Long for one idea: the two passes read the same records case by case, and must agree on every byte.
"""

from __future__ import annotations

from librt.strings import BytesWriter, read_i64_le, write_i32_le, write_i64_le
from librt.vecs import append, vec

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.forms.rows import (
    BRANCH_SHIFT,
    BYTE_REG_SHIFT,
    BYTE_RM_SHIFT,
    DIGIT_SHIFT,
    FEATURE_SHIFT,
    FEATURES,
    IMMEDIATE_SHIFT,
    IS4_SHIFT,
    LENGTH_SHIFT,
    LOCK_SHIFT,
    MAP_SHIFT,
    MODES_SHIFT,
    OPCODE_REGISTER_SHIFT,
    PREFIX_SHIFT,
    VEX_SHIFT,
    VVVV_SHIFT,
    WIDE_SHIFT,
)
from wasmer_runtime_core.codegen.x64.records import (
    ALIGN,
    AT,
    BIND,
    CONSTANT,
    DATA,
    FIRST_FORM,
    HANDLER,
    INDEX_ONLY,
    LABEL,
    LABEL_DIFFERENCE,
    MEM,
    MEM_INDEX,
    NONE,
    RECORD_BYTES,
    REG,
    RELOCATED,
    SITE,
    TABLE,
)
from wasmer_runtime_core.contract.helpers import ENTRIES_IN_FRONT, RELOCATION_TABLE
from wasmer_runtime_core.contract.traps import CALL_SITE
from wasmer_runtime_core.errors import InternalError
from wasmer_runtime_core.support.annotations import Final, final, i32, i64, u8
from wasmer_runtime_core.support.checkpoint import checkpoint

FUNCTION_ALIGNMENT: Final = 16
CODE_LIMIT: Final = 0x7FF0_0000
"""Most bytes of code in a module: every distance in it fits 32 bits."""

RELOCATION_REL32: Final = 1
"""The kind of a relocation row: four bytes at the offset hold symbol + addend - offset."""

# What is filled in when the function's end is known. A note is one number:
#   kind (bits 60-62) | bytes of immediate behind (57-59) | label or constant (31-56) | offset (0-30)
_SHORT: Final = 0  # one byte: label less the address behind it
_NEAR: Final = 1  # four bytes: label less the address behind the instruction
_CONSTANT: Final = 2  # four bytes: constant less the address behind the instruction
_DIFFERENCE: Final = 3  # four bytes: label less label; the second label is a note of its own
_LANDING: Final = 4  # a row of the handlers: behind the call at the offset, and the label

_STRETCH: Final = 1 << 14
"""So many records, and what is filled in, are encoded between two checkpoints."""

_LABEL_LIMIT: Final = 1 << 26
"""No label and no offset among a function's constants reaches this: they must fit a note."""


# By a form's number: `Form.packed`, 0 while it has not been used; and of the bytes: those behind
# REX (24 bits), their count in bits (8), the prefixes before REX (16), their bits (8).
_ROWS: Final = vec[i64]([0] * 4096)
_OPCODES: Final = vec[i64]([0] * 4096)


def _load(number: i64) -> i64:
    """The packed row of a form that is used for the first time; 0 if there is none."""
    at = number - FIRST_FORM
    if at < 0 or at >= len(forms.FORMS):
        return 0
    packed: i64 = forms.FORMS[at].packed
    opcode = packed & 0xFF
    escape = (packed >> MAP_SHIFT) & 3
    if escape == 0:
        opcode |= 8 << 24
    elif escape == 1:
        opcode = 0x0F | (opcode << 8) | (16 << 24)
    else:
        opcode = 0x0F | ((0x34 + (escape << 1)) << 8) | (opcode << 16) | (24 << 24)
    prefix = (packed >> PREFIX_SHIFT) & 0xFF
    bits: i64 = 0
    if prefix:
        bits = 8
    if packed >> LOCK_SHIFT & 1:
        prefix = (prefix << 8) | 0xF0
        bits += 8
    opcode |= (prefix << 32) | (bits << 48)
    # Other threads encode meanwhile: who finds a row finds its opcode too.
    opcodes = _OPCODES
    opcodes[number] = opcode
    rows = _ROWS
    rows[number] = packed
    return packed


_IN_FRONT: Final[i64] = i64(ENTRIES_IN_FRONT)

# By mode: the most bytes that its operand adds to `Form.packed`'s length (4 bits), and how many
# fewer they are if the displacement fits a byte.
_REACHES: Final = vec[i64]([0] * 16)
_REACHES[MEM] = 5 | 3 << 4
_REACHES[MEM_INDEX] = 5 | 3 << 4
_REACHES[INDEX_ONLY] = 5
_REACHES[LABEL] = _REACHES[TABLE] = _REACHES[CONSTANT] = _REACHES[RELOCATED] = 4

# The recommended multi-byte no-operations (Intel manual, volume 2, NOP), by length.
_NO_OPERATIONS: Final = (
    b"",
    b"\x90",
    b"\x66\x90",
    b"\x0f\x1f\x00",
    b"\x0f\x1f\x40\x00",
    b"\x0f\x1f\x44\x00\x00",
    b"\x66\x0f\x1f\x44\x00\x00",
    b"\x0f\x1f\x80\x00\x00\x00\x00",
    b"\x0f\x1f\x84\x00\x00\x00\x00\x00",
)


def _vex(row: i64, reg: i64, x: i64, rm: i64, vvvv: i64) -> i64:
    """The VEX prefix, in two bytes if it can be, and the opcode (Intel manual, volume 2, section 2.3.5)."""
    last = ((row >> PREFIX_SHIFT) & 0xFF) | ((~(vvvv & (row >> VVVV_SHIFT)) & 15) << 3)
    escape = (row >> MAP_SHIFT) & 3
    if escape == 1 and last < 0x80 and x < 8 and rm < 8:
        return 0xC5 | ((last | ((~reg & 8) << 4)) << 8) | ((row & 0xFF) << 16)
    middle = escape | ((~rm & 8) << 2) | ((~x & 8) << 3) | ((~reg & 8) << 4)
    return 0xC4 | (middle << 8) | (last << 16) | ((row & 0xFF) << 24)


@final
class EncodedModule:
    """What `CompiledModule` holds of the encoder's making; the fields have its names."""

    def __init__(
        self,
        code: bytes,
        function_offsets: bytes,
        sites: bytes,
        relocations: bytes,
        cpu_features: tuple[str, ...],
        handlers: bytes,
    ) -> None:
        self.code = code
        self.function_offsets = function_offsets
        self.sites = sites
        self.relocations = relocations
        self.cpu_features = cpu_features
        self.handlers = handlers


@final
class ModuleEncoder:
    """Encodes the functions of one module, in order.

    Args:
        table_entries: entries of the module's table of code addresses, the helpers' too, but not those of routines
            (`backend`): where the table begins depends on it.
        apart: the code will not lie behind the table; the distances to its entries are left for later
            (`RELOCATION_TABLE`).
    """

    def __init__(self, table_entries: int, apart: bool = False) -> None:
        self.table_entries: i64 = table_entries
        self.apart: bool = apart
        self.code = BytesWriter()
        self.function_offsets = BytesWriter()
        self.sites = BytesWriter()
        self.relocations = BytesWriter()
        self.handlers = BytesWriter()
        self.functions: i64 = 0
        self.features: i64 = 0
        self.left: i64 = _STRETCH  # until the next checkpoint
        # Of the function at hand. Labels: offset, or -1. The vectors keep their room.
        self.constants_size: i64 = 0
        self.label_limit: i64 = 0
        self.bound: i64 = 0  # most bytes before the record at hand
        self.wasm_offset: i64 = 0  # of what is encoded
        self.jumps: i64 = 0  # that are encoded
        self.label_bounds = vec[i64]()
        self.label_offsets = vec[i64]()
        self.jump_bounds = vec[i64]()
        self.jump_count: i64 = 0
        self.notes = vec[i64]()
        self.note_count: i64 = 0

    def function(self, records: bytes, constants: bytes = b"") -> None:
        """Encode the next function.

        Args:
            records: instruction records (`records`), as one piece.
            constants: what `CONSTANT` records refer to, by offset; placed 16-aligned.

        Raises:
            InternalError: a record is not valid.
        """
        code = self.code
        while len(code) & (FUNCTION_ALIGNMENT - 1):
            code.append(0xCC)
        write_i32_le(self.function_offsets, i32(len(code)))
        self.jump_count = 0
        self.note_count = 0
        label: i64 = 0
        while label < self.label_limit:
            self.label_bounds[label] = -1
            self.label_offsets[label] = -1
            label += 1
        self.label_limit = 0
        if len(records) % RECORD_BYTES:
            raise InternalError(f"function {self.functions}: {len(records)} bytes are not whole records")
        self.constants_size = len(constants)
        if self.constants_size > _LABEL_LIMIT:
            raise InternalError(f"function {self.functions}: {self.constants_size} bytes of constants are too many")
        self._in_stretches(records)
        constants_at: i64 = len(code)
        if len(constants) > 0:
            while len(code) & (FUNCTION_ALIGNMENT - 1):
                code.append(0xCC)
            constants_at = len(code)
            code.write(constants)
        self._fill(constants_at)
        self.functions += 1
        if len(code) > CODE_LIMIT:
            raise InternalError(f"function {self.functions - 1}: the module's code exceeds {CODE_LIMIT} bytes")

    def finish(self) -> EncodedModule:
        """The module's code and tables, after the last function."""
        write_i32_le(self.function_offsets, i32(len(self.code)))
        used = int(self.features)
        return EncodedModule(
            self.code.getvalue(),
            self.function_offsets.getvalue(),
            self.sites.getvalue(),
            self.relocations.getvalue(),
            tuple(feature for number, feature in enumerate(FEATURES) if feature and used >> number & 1),
            self.handlers.getvalue(),
        )

    def _in_stretches(self, records: bytes) -> None:
        """Both passes, with checkpoints."""
        self.bound = 0
        self.wasm_offset = 0
        self.jumps = 0
        encoding = False
        at: i64 = 0
        end: i64 = len(records)
        while True:
            stop = at + self.left * RECORD_BYTES
            if stop > end:
                stop = end
            if encoding:
                self._encode(records, at, stop)
            else:
                self._bounds(records, at, stop)
            self._spend((stop - at) // RECORD_BYTES)
            at = stop
            if at == end:
                if encoding:
                    return
                encoding = True
                at = 0

    def _spend(self, work: i64) -> None:
        """So much of the way to the next checkpoint is behind us."""
        self.left -= work
        if self.left <= 0:
            checkpoint()
            self.left = _STRETCH

    # --- first pass -------------------------------------------------------------------------

    def _bounds(self, records: bytes, at: i64, end: i64) -> None:
        """For every label and jump, the most bytes before it. Notes the features used."""
        rows = _ROWS
        reaches = _REACHES
        bound = self.bound
        features: i64 = 0
        one: i64 = 1
        while at < end:
            head = read_i64_le(records, at)
            form = head & 0xFFF
            if form >= FIRST_FORM:
                row = rows[form]
                if row == 0:
                    row = _load(form)
                features |= one << ((row >> FEATURE_SHIFT) & 31)
                # No branches but for jumps: -1 if the displacement fits a byte, else 0.
                mode = (head >> 12) & 15
                fits = (((read_i64_le(records, at + 8) + 0x80) & 0xFFFF_FFFF) - 0x100) >> 63
                reach = reaches[mode]
                bound += ((row >> LENGTH_SHIFT) & 15) + (reach & 15) - ((reach >> 4) & fits)
                if (row >> BRANCH_SHIFT) & 1 and mode == LABEL:
                    count = self.jump_count
                    if count < len(self.jump_bounds):
                        self.jump_bounds[count] = bound
                    else:
                        self.jump_bounds = append(self.jump_bounds, bound)
                    self.jump_count = count + 1
            elif form == BIND:
                self._declare(records, at, bound)
            elif form == ALIGN:
                bound += read_i64_le(records, at + 8) & 0xFFFF_FFFF
            elif form == LABEL_DIFFERENCE or form == DATA:
                bound += 4
            at += RECORD_BYTES
        self.bound = bound
        self.features |= features

    def _declare(self, records: bytes, at: i64, bound: i64) -> None:
        """A label's place in the first pass."""
        label = read_i64_le(records, at + 8) & 0xFFFF_FFFF
        if label >= self.label_limit:
            if label >= _LABEL_LIMIT:
                self._fail(records, at, "the label's number is out of range")
            while len(self.label_bounds) <= label:
                self.label_bounds = append(self.label_bounds, i64(-1))
                self.label_offsets = append(self.label_offsets, i64(-1))
            self.label_limit = label + 1
        if self.label_bounds[label] >= 0:
            self._fail(records, at, "the label is bound twice")
        self.label_bounds[label] = bound

    # --- second pass ------------------------------------------------------------------------

    def _encode(self, records: bytes, at: i64, end: i64) -> None:
        rows = _ROWS
        opcodes = _OPCODES
        code = self.code
        wasm_offset = self.wasm_offset
        jumps = self.jumps
        while at < end:
            head = read_i64_le(records, at)
            form = head & 0xFFF
            if form < FIRST_FORM:
                if form == AT:
                    wasm_offset = read_i64_le(records, at + 8) & 0xFFFF_FFFF
                elif form == BIND:
                    self.label_offsets[read_i64_le(records, at + 8) & 0xFFFF_FFFF] = len(code)
                else:
                    self._directive(records, at, form, head)
                at += RECORD_BYTES
                continue

            row = rows[form]
            mode = (head >> 12) & 15
            if (row >> (MODES_SHIFT + mode)) & 1 == 0:
                self._fail(records, at, "there is no such form" if row == 0 else "the form does not admit the mode")
            tail = read_i64_le(records, at + 8)
            kind = (head >> 56) & 0xFF
            if kind != 0 and kind != CALL_SITE:
                self._site(len(code), kind, wasm_offset)

            # The registers, as far as the mode has them; x is the index register.
            reg = (head >> 16) & 0xFF
            rm = (head >> 24) & 0xFF
            x: i64 = 0
            if mode > MEM:
                if mode <= INDEX_ONLY:
                    x = (head >> 32) & 0xFF
                    if x == 4 or x > 15 or (head >> 40) & 0xFF > 3:
                        self._fail(records, at, "no such index register or scale")
                if mode >= INDEX_ONLY:
                    rm = 5
            elif mode == NONE and (row >> OPCODE_REGISTER_SHIFT) & 1 == 0:
                rm = 0
            if (reg | rm) > 15:
                self._fail(records, at, "there is no such register")

            if (row >> BRANCH_SHIFT) & 1:
                if mode == LABEL:
                    self._jump(records, at, row, tail, jumps)
                    jumps += 1
                else:
                    if (row >> MAP_SHIFT) & 3:
                        code.append(0x0F)
                    code.append(u8(row & 0xFF))
                    self._relocation(RELOCATION_REL32, tail, -4)
            else:
                # One word takes the prefixes, the opcode, ModRM and SIB: at most seven bytes. The
                # displacement joins it if there is room. Eight bytes are written, some taken back.
                here: i64 = len(code)
                if (row >> VEX_SHIFT) & 1:
                    word = _vex(row, reg, x, rm, (head >> 48) & 0xFF)
                    bits: i64 = 24 if word & 0xFF == 0xC5 else 32
                else:
                    opcode = opcodes[form]
                    word = opcode & 0xFF_FFFF
                    bits = (opcode >> 24) & 0x1F
                    rex = ((row >> (WIDE_SHIFT - 3)) & 8) | ((reg >> 1) & 4) | ((x >> 2) & 2) | (rm >> 3)
                    has_rex = (rex + 15) >> 4
                    if (row >> BYTE_REG_SHIFT) & 3:  # or BYTE_RM
                        # Without REX, the byte registers 4 to 7 would be ah to bh.
                        if (row >> BYTE_REG_SHIFT) & 1 and reg >= 4:
                            has_rex = 1
                        elif (row >> BYTE_RM_SHIFT) & 1 and rm >= 4 and mode == REG:
                            has_rex = 1
                    shift = has_rex << 3
                    word = (word << shift) | ((0x40 | rex) * has_rex)
                    bits += shift
                    shift = (opcode >> 48) & 24
                    word = (word << shift) | ((opcode >> 32) & 0xFFFF)
                    bits += shift
                modrm = ((row >> (DIGIT_SHIFT - 3)) & 0x38) | ((reg & 7) << 3)
                if mode == REG:
                    write_i64_le(code, word | ((0xC0 | modrm | (rm & 7)) << bits))
                    code.truncate(here + (bits >> 3) + 1)
                elif mode == NONE:
                    write_i64_le(code, word | ((rm & 7) << (bits - 8)))
                    code.truncate(here + (bits >> 3))
                elif mode <= MEM_INDEX:
                    displacement = ((tail & 0xFFFF_FFFF) ^ 0x8000_0000) - 0x8000_0000
                    size: i64 = 32
                    if displacement == 0 and rm & 7 != 5:
                        size = 0
                    elif -128 <= displacement and displacement <= 127:
                        modrm |= 0x40
                        displacement &= 0xFF
                        size = 8
                    else:
                        modrm |= 0x80
                    if mode == MEM and rm & 7 != 4:
                        word |= (modrm | (rm & 7)) << bits
                        bits += 8
                    else:
                        sib = 0x20 | (rm & 7)
                        if mode == MEM_INDEX:
                            sib = (((head >> 40) & 3) << 6) | ((x & 7) << 3) | (rm & 7)
                        word |= (modrm | 4 | (sib << 8)) << bits
                        bits += 16
                    if bits <= 32:
                        write_i64_le(code, word | (displacement << bits))
                    else:
                        write_i64_le(code, word)
                        code.truncate(here + (bits >> 3))
                        write_i32_le(code, i32(displacement))
                    code.truncate(here + ((bits + size) >> 3))
                elif mode == INDEX_ONLY:
                    sib = (((head >> 40) & 3) << 6) | ((x & 7) << 3) | 5
                    write_i64_le(code, word | ((modrm | 4 | (sib << 8)) << bits))
                    code.truncate(here + (bits >> 3) + 2)
                    write_i32_le(code, i32(((tail & 0xFFFF_FFFF) ^ 0x8000_0000) - 0x8000_0000))
                else:
                    write_i64_le(code, word | ((modrm | 5) << bits))
                    code.truncate(here + (bits >> 3) + 1)
                    target = ((tail & 0xFFFF_FFFF) ^ 0x8000_0000) - 0x8000_0000
                    self._from_here(records, at, mode, target, (row >> IMMEDIATE_SHIFT) & 15)
                immediate = (row >> IMMEDIATE_SHIFT) & 15
                if immediate == 4:
                    write_i32_le(code, i32(tail >> 32))
                elif immediate:
                    self._immediate(records, at, row, tail)

            if kind == CALL_SITE:
                self._site(len(code), kind, wasm_offset)
            at += RECORD_BYTES
        self.wasm_offset = wasm_offset
        self.jumps = jumps

    def _immediate(self, records: bytes, at: i64, row: i64, tail: i64) -> None:
        """An immediate that is not of four bytes."""
        size = (row >> IMMEDIATE_SHIFT) & 15
        value = tail >> 32
        if size == 1:
            if (row >> IS4_SHIFT) & 1:
                value <<= 4
            if value < -128 or value > 255:
                self._fail(records, at, "the immediate does not fit 8 bits")
            self.code.append(u8(value & 0xFF))
        elif size == 8:
            write_i64_le(self.code, tail)
        else:
            if value < -0x8000 or value > 0xFFFF:
                self._fail(records, at, "the immediate does not fit 16 bits")
            self.code.append(u8(value & 0xFF))
            self.code.append(u8((value >> 8) & 0xFF))

    def _from_here(self, records: bytes, at: i64, mode: i64, target: i64, immediate_bytes: i64) -> None:
        """The 32-bit displacement of an operand at a distance from the instruction's end."""
        here: i64 = len(self.code)
        behind = here + 4 + immediate_bytes
        if mode == TABLE:
            if target < -_IN_FRONT or target >= self.table_entries:
                self._fail(records, at, f"the table of code addresses has {self.table_entries} entries")
            if self.apart:
                self._relocation(RELOCATION_TABLE, target, -4 - immediate_bytes)
            else:
                write_i32_le(self.code, i32(-8 * (self.table_entries - target) - behind))
        elif mode == RELOCATED:
            self._relocation(RELOCATION_REL32, target, -4 - immediate_bytes)
        else:
            limit = _LABEL_LIMIT if mode == LABEL else self.constants_size
            if target < 0 or target >= limit:
                self._fail(records, at, f"out of range: {target} of {limit}")
            self._note(_NEAR if mode == LABEL else _CONSTANT, here, target, immediate_bytes)
            write_i32_le(self.code, 0)

    def _jump(self, records: bytes, at: i64, row: i64, tail: i64, jump: i64) -> None:
        """A branch to a label: short if the distance, or its bound, fits a byte."""
        code = self.code
        label = tail & 0xFFFF_FFFF
        if label >= self.label_limit or self.label_bounds[label] < 0:
            self._fail(records, at, "the label is never bound")
        short = (row >> PREFIX_SHIFT) & 0xFF
        here: i64 = len(code)
        target = self.label_offsets[label]
        if target >= 0:
            distance = target - here - 2
            if short != 0 and distance >= -128:
                code.append(u8(short))
                code.append(u8(distance & 0xFF))
                return
        elif short != 0 and self.label_bounds[label] - self.jump_bounds[jump] <= 127:
            code.append(u8(short))
            self._note(_SHORT, here + 1, label, 0)
            code.append(0)
            return
        if (row >> MAP_SHIFT) & 3:
            code.append(0x0F)
        code.append(u8(row & 0xFF))
        here = len(code)
        if target >= 0:
            write_i32_le(code, i32(target - here - 4))
        else:
            self._note(_NEAR, here, label, 0)
            write_i32_le(code, 0)

    def _directive(self, records: bytes, at: i64, form: i64, head: i64) -> None:
        """A row that is no instruction, but for the two frequent ones."""
        code = self.code
        tail = read_i64_le(records, at + 8)
        if form == SITE:
            self._site(len(code), (head >> 56) & 0xFF, tail & 0xFFFF_FFFF)
        elif form == ALIGN:
            alignment = tail & 0xFFFF_FFFF
            if alignment == 0 or alignment & (alignment - 1):
                self._fail(records, at, "the alignment is not a power of two")
            missing = -len(code) & (alignment - 1)
            while missing > 8:
                code.write(_NO_OPERATIONS[8])
                missing -= 8
            code.write(_NO_OPERATIONS[missing])
        elif form == DATA:
            write_i32_le(code, i32(tail >> 32))
        elif form == LABEL_DIFFERENCE:
            label = tail & 0xFFFF_FFFF
            base = (tail >> 32) & 0xFFFF_FFFF
            if label >= self.label_limit or base >= self.label_limit:
                self._fail(records, at, "the label is never bound")
            self._note(_DIFFERENCE, len(code), label, 0)
            self._note(0, 0, base, 0)
            write_i32_le(code, 0)
        elif form == HANDLER:
            self._note(_LANDING, len(code), tail & 0xFFFF_FFFF, 0)
        else:
            self._fail(records, at, "there is no such form")

    # --- tables --------------------------------------------------------------------------------

    def _site(self, offset: i64, kind: i64, wasm_offset: i64) -> None:
        write_i64_le(self.sites, offset | (kind << 32))
        write_i32_le(self.sites, i32((wasm_offset ^ 0x8000_0000) - 0x8000_0000))

    def _relocation(self, kind: i64, symbol: i64, addend: i64) -> None:
        """Four bytes left for the linker."""
        write_i32_le(self.relocations, i32(len(self.code)))
        write_i32_le(self.relocations, i32(kind))
        write_i32_le(self.relocations, i32(((symbol & 0xFFFF_FFFF) ^ 0x8000_0000) - 0x8000_0000))
        write_i32_le(self.relocations, i32(addend))
        write_i32_le(self.code, 0)

    # --- what refers forward -----------------------------------------------------------------

    def _note(self, kind: i64, offset: i64, target: i64, immediate_bytes: i64) -> None:
        note = (kind << 60) | (immediate_bytes << 57) | (target << 31) | offset
        count = self.note_count
        if count < len(self.notes):
            self.notes[count] = note
        else:
            self.notes = append(self.notes, note)
        self.note_count = count + 1

    def _fill(self, constants_at: i64) -> None:
        """Write what was left open, now that every label is bound."""
        code = self.code
        self._spend(self.note_count)
        at: i64 = 0
        while at < self.note_count:
            note = self.notes[at]
            offset = note & 0x7FFF_FFFF
            target = (note >> 31) & 0x3FF_FFFF
            kind = note >> 60
            if kind == _SHORT:
                value = self._label(target) - offset - 1
                if value > 127:
                    raise InternalError(f"function {self.functions}: the bound of a short jump does not hold")
                code[offset] = u8(value & 0xFF)
                at += 1
                continue
            if kind == _LANDING:
                write_i32_le(self.handlers, i32(offset - 1))
                write_i32_le(self.handlers, i32(offset))
                write_i32_le(self.handlers, i32(self._label(target)))
                at += 1
                continue
            if kind == _DIFFERENCE:
                at += 1
                value = self._label(target) - self._label((self.notes[at] >> 31) & 0x3FF_FFFF)
            else:
                value = self._label(target) if kind == _NEAR else constants_at + target
                value -= offset + 4 + ((note >> 57) & 7)
            code[offset] = u8(value & 0xFF)
            code[offset + 1] = u8((value >> 8) & 0xFF)
            code[offset + 2] = u8((value >> 16) & 0xFF)
            code[offset + 3] = u8((value >> 24) & 0xFF)
            at += 1

    def _label(self, label: i64) -> i64:
        """Where a label stands."""
        if label < self.label_limit:
            offset = self.label_offsets[label]
            if offset >= 0:
                return offset
        raise InternalError(f"function {self.functions}: label {label} is never bound")

    def _fail(self, records: bytes, at: i64, reason: str) -> None:
        from wasmer_runtime_core.codegen.x64.printer import format_records

        text = format_records(records[at : at + RECORD_BYTES]).strip()
        raise InternalError(f"function {self.functions}, instruction record {at // RECORD_BYTES} ({text}): {reason}")
