"""The calling convention: System V AMD64 (psABI 3.2), for every convention that CLIF names.

Integers go in rdi, rsi, rdx, rcx, r8, r9, floats and vectors in xmm0 to xmm7, the others on the stack, 8 bytes each,
vectors 16. Results come in rax and rdx, xmm0 and xmm1; if they do not fit, all of them go to a buffer,
16 bytes each, whose address is the first argument.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from wasmer_clif_backend.ir.function import Parameter, Signature
from wasmer_clif_backend.ir.types import VECTOR, in_xmm
from wasmer_clif_backend.machine.code import NO_REGISTER, bits
from wasmer_clif_backend.machine.x64.registers import GENERAL_ARGUMENTS, GENERAL_RESULTS, XMM_ARGUMENTS, XMM_RESULTS
from wasmer_runtime_core.codegen.x64.registers import RAX

ON_STACK: Final = 256
"""Added to the offset of an argument on the stack, to tell it from a register."""
RESULT_BYTES: Final = 16
"""Of each result in a buffer."""


@final
class Convention:
    """Where a signature's arguments and results are.

    Attributes:
        arguments: by parameter: a register, or `ON_STACK` and an offset.
        results: by result: a register; empty if they are in a buffer.
        passed, returned: the registers of both, as bits; those of a buffer too.
        in_buffer: whether results go to a buffer, whose address is passed in the register `buffer`.
        stack_bytes: what the arguments on the stack take.
    """

    def __init__(self, signature: Signature) -> None:
        self.results = _registers(signature.results)
        self.in_buffer = bool(signature.results) and not self.results
        self.returned: i64 = bits([RAX] if self.in_buffer else self.results)
        general = list(GENERAL_ARGUMENTS)
        xmm = list(XMM_ARGUMENTS)
        self.buffer: i64 = general.pop(0) if self.in_buffer else NO_REGISTER
        self.arguments: list[int] = []
        size = 0
        for parameter in signature.parameters:
            free = xmm if in_xmm(parameter.type) else general
            if free:
                self.arguments.append(free.pop(0))
                continue
            own = 16 if parameter.type >= VECTOR else 8
            size = (size + own - 1) // own * own
            self.arguments.append(ON_STACK + size)
            size += own
        self.stack_bytes: i64 = (size + 15) // 16 * 16
        passed = [place for place in self.arguments if place < ON_STACK]
        self.passed: i64 = bits([*passed, int(self.buffer)] if self.in_buffer else passed)


def _registers(results: list[Parameter]) -> list[int]:
    """A register for each result, or none at all."""
    general = list(GENERAL_RESULTS)
    xmm = list(XMM_RESULTS)
    found: list[int] = []
    for result in results:
        free = xmm if in_xmm(result.type) else general
        if not free:
            return []
        found.append(free.pop(0))
    return found
