"""The calling convention: System V AMD64 (psABI 3.2), for every convention that CLIF names.

Integers go in rdi, rsi, rdx, rcx, r8, r9, floats and vectors in xmm0 to xmm7, the others on the stack, 8 bytes each,
vectors 16. Results come in rax and rdx, xmm0 and xmm1; if they do not fit, all of them go to a buffer,
16 bytes each, whose address is the first argument.
"""

from __future__ import annotations

from typing import Final, final

from wasmer_clif_backend.ir.function import Parameter, Signature
from wasmer_clif_backend.ir.types import VECTOR, in_xmm
from wasmer_clif_backend.machine.code import FIRST_XMM
from wasmer_clif_backend.machine.x64.registers import GENERAL_ARGUMENTS, XMM_ARGUMENTS
from wasmer_runtime_core.codegen.x64.registers import RAX, RDX

ON_STACK: Final = 256
"""Added to the offset of an argument on the stack, to tell it from a register."""
_GENERAL_RESULTS: Final = (RAX, RDX)
_XMM_RESULTS: Final = (FIRST_XMM, FIRST_XMM + 1)
RESULT_BYTES: Final = 16
"""Of each result in a buffer."""


@final
class Convention:
    """Where a signature's arguments and results are.

    Attributes:
        arguments: by parameter: a register, or `ON_STACK` and an offset.
        results: by result: a register; empty if they are in a buffer.
        buffer: the register of the buffer's address, or -1.
        stack_bytes: what the arguments on the stack take.
    """

    def __init__(self, signature: Signature) -> None:
        general = list(GENERAL_ARGUMENTS)
        xmm = list(XMM_ARGUMENTS)
        self.results = _registers(signature.results)
        self.in_buffer = bool(signature.results) and not self.results
        self.buffer = general.pop(0) if self.in_buffer else -1
        self.arguments: list[int] = []
        self.stack_bytes = 0
        for parameter in signature.parameters:
            free = xmm if in_xmm(parameter.type) else general
            if free:
                self.arguments.append(free.pop(0))
                continue
            size = 16 if parameter.type >= VECTOR else 8
            self.stack_bytes = (self.stack_bytes + size - 1) // size * size
            self.arguments.append(ON_STACK + self.stack_bytes)
            self.stack_bytes += size
        self.stack_bytes = (self.stack_bytes + 15) // 16 * 16


def _registers(results: list[Parameter]) -> list[int]:
    """A register for each result, or none at all."""
    general = list(_GENERAL_RESULTS)
    xmm = list(_XMM_RESULTS)
    found: list[int] = []
    for result in results:
        free = xmm if in_xmm(result.type) else general
        if not free:
            return []
        found.append(free.pop(0))
    return found
