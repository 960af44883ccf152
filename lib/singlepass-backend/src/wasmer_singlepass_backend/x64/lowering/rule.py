"""`Lowering`: how one operator becomes machine-instruction records."""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import i64
from wasmer_singlepass_backend.x64.function import (
    FunctionCompiler,
)


class Lowering:
    """A row of the table. One object serves all uses of an operator, in every thread: it holds forms, no state."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        """Pop the operands, write the instructions, push the results.

        `word`, `a` and `b` are words 0 to 2 of the operator's record (core's `wasm.body`).
        """
        raise NotImplementedError
