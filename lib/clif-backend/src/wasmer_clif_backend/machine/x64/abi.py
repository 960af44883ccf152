"""The calling convention: System V AMD64 (psABI 3.2), for every convention that CLIF names.

Arguments go where core's `contract.convention` says. Results come in rax and rdx, xmm0 and xmm1; if they do not fit,
all of them go to a buffer, 16 bytes each, whose address is the first argument.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.function import Parameter, Signature
from wasmer_clif_backend.ir.types import VECTOR, in_xmm
from wasmer_clif_backend.machine.code import NO_REGISTER, bits
from wasmer_clif_backend.machine.x64.registers import GENERAL_ARGUMENTS, GENERAL_RESULTS, XMM_ARGUMENTS, XMM_RESULTS
from wasmer_runtime_core.codegen.x64.registers import RAX
from wasmer_runtime_core.contract.convention import FLOAT, IN_INTEGER_REGISTER, IN_VECTOR_REGISTER, INTEGER, Arguments
from wasmer_runtime_core.contract.convention import VECTOR as VECTOR_CLASS
from wasmer_runtime_core.support.annotations import Final, final, i64

ON_STACK: Final = 256
"""Added to the offset of an argument on the stack, to tell it from a register."""


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
        self.buffer: i64 = GENERAL_ARGUMENTS[0] if self.in_buffer else NO_REGISTER
        placed = Arguments(map(_class, signature.parameters), 1 if self.in_buffer else 0)
        self.arguments: list[int] = []
        for where, place in zip(placed.wheres, placed.places, strict=True):
            if where == IN_INTEGER_REGISTER:
                place = GENERAL_ARGUMENTS[place]
            elif where == IN_VECTOR_REGISTER:
                place = XMM_ARGUMENTS[place]
            else:
                place += ON_STACK
            self.arguments.append(place)
        self.stack_bytes: i64 = placed.stack_bytes
        passed = [place for place in self.arguments if place < ON_STACK]
        self.passed: i64 = bits([*passed, int(self.buffer)] if self.in_buffer else passed)


def _class(parameter: Parameter) -> int:
    if parameter.type >= VECTOR:
        return VECTOR_CLASS
    return FLOAT if in_xmm(parameter.type) else INTEGER


def _registers(results: list[Parameter]) -> list[int]:
    """A register per result, or none at all."""
    general = list(GENERAL_RESULTS)
    xmm = list(XMM_RESULTS)
    found: list[int] = []
    for result in results:
        free = xmm if in_xmm(result.type) else general
        if not free:
            return []
        found.append(free.pop(0))
    return found
