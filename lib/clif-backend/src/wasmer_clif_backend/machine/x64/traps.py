"""Which kind of core's traps a code of CLIF is."""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import HEAP, NOTRAP, TRAP_CODE_SHIFT, TRAP_CODES
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.support.annotations import Final, i64

_KINDS: Final = {
    TRAP_CODES["stk_ovf"]: BY_NAME["STACK_OVERFLOW"].number,
    TRAP_CODES["heap_oob"]: BY_NAME["MEMORY_OUT_OF_BOUNDS"].number,
    TRAP_CODES["int_ovf"]: BY_NAME["INTEGER_OVERFLOW"].number,
    TRAP_CODES["int_divz"]: BY_NAME["INTEGER_DIVIDE_BY_ZERO"].number,
    TRAP_CODES["bad_toint"]: BY_NAME["INVALID_CONVERSION_TO_INTEGER"].number,
}
_UNREACHABLE: Final = BY_NAME["UNREACHABLE"].number
_BY_CODE: Final = bytes(_KINDS.get(code, code if code <= len(BY_NAME) else _UNREACHABLE) for code in range(256))


def trap_kind(code: i64) -> i64:
    """The kind in the site table of a trap's code: ``user1`` and so on are core's kinds by number."""
    return i64(_BY_CODE[code])


_OUT_OF_BOUNDS: Final[i64] = BY_NAME["MEMORY_OUT_OF_BOUNDS"].number


def trap_of_access(flags: i64) -> i64:
    """The kind of trap of an access with these flags; 0: it makes none.

    Of a linear memory every access is listed: ``notrap`` says that it lies within the least size, but one that the host
    has closed has no size any more.
    """
    if flags & NOTRAP and not flags & HEAP:
        return 0
    code = flags >> TRAP_CODE_SHIFT
    return trap_kind(code) if code else _OUT_OF_BOUNDS
