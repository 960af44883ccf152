"""Machine-instruction records: how a backend says which x86-64 instructions it wants.

A backend appends records of four little-endian 32-bit words to a buffer, one record an
instruction, and core encodes the whole function in one call (`encode.py`). Branch sizes,
labels, the constant pool, call targets and the site table fall out there, once, for every
backend. The text form of a buffer (`printer.py`) is what golden tests compare.

The record::

    word 0   form (bits 0-11) | mode (12-15) | reg (16-23) | base or rm (24-31)
    word 1   index (0-7) | scale exponent (8-15) | vvvv: third register (16-23) | trap kind (24-31)
    word 2   displacement, label, symbol or constant offset, by mode
    word 3   immediate (for 64-bit immediates: word 2 low half, word 3 high half)

`form` is the number of a row in `forms.py`. `reg` is the operand that ModRM.reg names (0
where a digit stands there); registers are numbers 0 to 15, general or xmm as the form
says. `mode` says what the other operand is.

A *trap kind* other than zero enters a row in the site table at the offset of the
instruction's first byte: if it faults, that is the trap. With `CALL_SITE` the row stands at
the offset behind the instruction: the return address. The wasm offset of these rows is the
one that the last `AT` record set.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final

RECORD_BYTES: Final = 16

# --- modes ------------------------------------------------------------------------------
MODE_BIT: Final = 12
"""Where the mode begins in word 0."""
NONE: Final = 0  # no ModRM operand (ret, cdq, ud2), or opcode+r with the register in rm
REG: Final = 1  # rm is a register
MEM: Final = 2  # [base + displacement]
MEM_INDEX: Final = 3  # [base + index * 2**scale + displacement]
INDEX_ONLY: Final = 4  # [index * 2**scale + displacement]
LABEL: Final = 5  # word 2 is a label of this function: jumps (rel8 or rel32 as it fits), lea
TABLE: Final = 6  # word 2 is an entry of the module's table of code addresses: [rip + entry]
CONSTANT: Final = 7  # word 2 is a byte offset in the function's constants: [rip + constant]
RELOCATED: Final = 8  # word 2 is a symbol left for the linker: rel32

# as they stand in word 0: compiled, a sum of names from another module is worked out each time, a number is not
REG_MODE: Final = REG << MODE_BIT
MEM_MODE: Final = MEM << MODE_BIT
MEM_INDEX_MODE: Final = MEM_INDEX << MODE_BIT
INDEX_ONLY_MODE: Final = INDEX_ONLY << MODE_BIT
LABEL_MODE: Final = LABEL << MODE_BIT
TABLE_MODE: Final = TABLE << MODE_BIT
CONSTANT_MODE: Final = CONSTANT << MODE_BIT

# --- pseudo-forms: rows 0 to 15 are not instructions --------------------------------------
AT: Final = 0  # word 2: wasm byte offset that following site rows carry
BIND: Final = 1  # word 2: label that stands here
ALIGN: Final = 2  # word 2: pad with no-operations to a multiple of this (a power of two)
LABEL_DIFFERENCE: Final = 3  # four data bytes: address of label word 2 minus that of label word 3
SITE: Final = 4  # word 2: wasm offset; trap kind: a site row at this very place
DATA: Final = 5  # word 3: four data bytes as they stand
HANDLER: Final = 6  # word 2: label where an exception goes that leaves the call right before
FIRST_FORM: Final = 16

NO_REGISTER: Final = 0xFF
