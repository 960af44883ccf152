"""Where arguments and results of a call go: the C ABI with the callee's vmctx in front.

rdi is the vmctx. A function with several results gets the address of a buffer as a hidden
argument in rsi; result 0 comes back in rax or xmm0, result k in the buffer's 16-byte slot
k-1. A `CallShape` is worked out once for each function type of a module.
"""

from __future__ import annotations

from typing import Final, final

from librt.vecs import append, vec
from mypy_extensions import i64, u8

from wasmer_runtime_core.wasm.types import F32, F64, V128
from wasmer_singlepass_backend.x64.registers import FLOAT_ARGUMENTS, INTEGER_ARGUMENTS

IN_REGISTER: Final = 0
IN_XMM: Final = 1
ON_STACK: Final = 2


@final
class CallShape:
    """One function type, seen by caller and callee."""

    def __init__(self, params: bytes, results: bytes) -> None:
        self.params: Final = params
        self.results: Final = results
        self.param_count: i64 = len(params)
        self.result_count: i64 = len(results)
        self.passed: i64 = len(params) + len(results)
        self.buffered: bool = len(results) > 1
        self.buffer_bytes: i64 = 16 * max(0, len(results) - 1)
        self.wheres: vec[u8] = vec[u8]()  # IN_REGISTER, IN_XMM or ON_STACK
        self.places: vec[i64] = vec[i64]()  # a register, or a byte offset from the stack arguments' start
        integers = 2 if self.buffered else 1
        floats = 0
        stack = 0
        for code in params:
            if code in (F32, F64, V128):
                if floats < len(FLOAT_ARGUMENTS):
                    where, place = IN_XMM, FLOAT_ARGUMENTS[floats]
                    floats += 1
                else:
                    size = 16 if code == V128 else 8
                    stack = (stack + size - 1) & -size
                    where, place = ON_STACK, stack
                    stack += size
            elif integers < len(INTEGER_ARGUMENTS):
                where, place = IN_REGISTER, INTEGER_ARGUMENTS[integers]
                integers += 1
            else:
                where, place = ON_STACK, stack
                stack += 8
            self.wheres = append(self.wheres, u8(where))
            self.places = append(self.places, i64(place))
        self.stack_bytes: i64 = (stack + 15) & -16
