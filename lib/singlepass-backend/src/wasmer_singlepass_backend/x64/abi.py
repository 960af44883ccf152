"""Where arguments and results of a call go, by core's `contract.convention`, in registers of x86-64.

A `CallLayout` is worked out once for each function type of a module.
"""

from __future__ import annotations

from librt.vecs import append, vec

from wasmer_runtime_core.contract.convention import (
    FLOAT,
    IN_INTEGER_REGISTER,
    IN_VECTOR_REGISTER,
    INTEGER,
    RESULT_SLOT_BYTES,
    VECTOR,
    Arguments,
)
from wasmer_runtime_core.support.annotations import Final, final, i64, u8
from wasmer_runtime_core.wasm.types import F32, F64, V128
from wasmer_singlepass_backend.x64.registers import FLOAT_ARGUMENTS, INTEGER_ARGUMENTS

_CLASSES: Final = {F32: FLOAT, F64: FLOAT, V128: VECTOR}
"""Of the value types that do not travel with the integers."""


@final
class CallLayout:
    """One function type, seen by caller and callee."""

    def __init__(self, params: bytes, results: bytes) -> None:
        self.params: Final = params
        self.results: Final = results
        self.param_count: i64 = len(params)
        self.result_count: i64 = len(results)
        self.passed: i64 = len(params) + len(results)
        self.buffered: bool = len(results) > 1
        self.buffer_bytes: i64 = RESULT_SLOT_BYTES * i64(max(0, len(results) - 1))
        self.wheres: vec[u8] = vec[u8]()  # IN_INTEGER_REGISTER, IN_VECTOR_REGISTER or ON_STACK
        self.places: vec[i64] = vec[i64]()  # a register, or a byte offset from the stack arguments' start
        arguments = Arguments([_CLASSES.get(code, INTEGER) for code in params], 2 if self.buffered else 1)
        for where, place in zip(arguments.wheres, arguments.places, strict=True):
            if where == IN_INTEGER_REGISTER:
                place = INTEGER_ARGUMENTS[place]
            elif where == IN_VECTOR_REGISTER:
                place = FLOAT_ARGUMENTS[place]
            self.wheres = append(self.wheres, u8(where))
            self.places = append(self.places, i64(place))
        self.stack_bytes: i64 = arguments.stack_bytes
