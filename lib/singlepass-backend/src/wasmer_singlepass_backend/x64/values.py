"""Where an operand is while the compiler has it on its stack.

An operand is pushed where it happens to be and moved only when something forces it: a
constant stays a constant, a local stays in its home, a comparison stays in the flags if
the next operator is the branch that wants it.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final

SLOT: Final = 0
"""In the frame slot of its own stack position."""
REGISTER: Final = 1
"""In the general register `value`, owned by this operand."""
XMM: Final = 2
"""In the xmm register `value`, owned by this operand."""
CONSTANT: Final = 3
"""The bits `value` (64-bit signed; v128 constants: offset in the constants)."""
LOCAL: Final = 4
"""The present value of local `value`, wherever its home is."""
FLAGS: Final = 5
"""The condition `value` of the processor's flags; only on top, consumed by the next operator."""

KIND_NAMES: Final = ("slot", "register", "xmm", "constant", "local", "flags")
