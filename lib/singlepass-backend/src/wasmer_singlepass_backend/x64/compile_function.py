"""One function: its body is read once, front to back, and leaves as machine-instruction records."""

from __future__ import annotations

from librt.strings import read_i32_le

from wasmer_runtime_core.errors import CompileError, InternalError
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.body.body import RECORD_BYTES, Body
from wasmer_runtime_core.wasm.operators.internal import ALL_OPERATORS
from wasmer_runtime_core.wasm.operators.rows import ATOMIC_PAGE, OBJECT_PAGE, VECTOR_PAGE
from wasmer_singlepass_backend.x64.frame import begin, cold, epilogue, prologue
from wasmer_singlepass_backend.x64.function import FunctionCompiler
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.lowering.table import by_code
from wasmer_singlepass_backend.x64.survey import survey
from wasmer_singlepass_backend.x64.verify import check_books

SCALARS: Final[list[Lowering | None]] = by_code()


@final
class Rules:
    """The rules by operator code, for one module: those of vectors, atomics and objects join at the first operator.

    Their tables cost more than compiling a small module. The tables themselves are not written.
    """

    def __init__(self) -> None:
        self.by_code: list[Lowering | None] = SCALARS

    def with_rules_for(self, code: i64) -> list[Lowering | None]:
        """The rules of the operator's page too, from here on."""
        if code & ~0xFF == ATOMIC_PAGE:
            from wasmer_singlepass_backend.x64.lowering.atomic_table import with_atomics

            self.by_code = with_atomics(self.by_code)
        elif code & ~0xFF == OBJECT_PAGE or code < VECTOR_PAGE:
            from wasmer_singlepass_backend.x64.lowering.object import with_objects

            self.by_code = with_objects(self.by_code)
        else:
            from wasmer_singlepass_backend.x64.lowering.vector_table import with_vectors

            self.by_code = with_vectors(self.by_code)
        return self.by_code


def compile_function(f: FunctionCompiler, rules: Rules, body: Body, verify: bool = False) -> bytes:
    """The records of one function; its constants are left in ``f.constants``.

    With `verify` the registers are accounted for after every operator.

    Raises:
        ImplementationLimitError: the code is too large for the module's size.
        InternalError: a bug of ours; names the function, the operator and the offset.
    """
    layout = f.view.layout_of(i64(body.function_index))
    f.records = body.records
    f.pool = body.pool
    f.limit.begin(body)
    survey(f, body)
    begin(f, body, layout, f.survey_uses, f.survey_stack_bytes, f.survey_buffer_bytes)
    f.begin_labels(i64(body.label_count), layout)
    records = body.records
    dispatch = rules.by_code
    count: i64 = len(records)
    f.at = 0
    f.marked = -1
    while f.at < count:
        start = f.at
        stop = start + f.left * RECORD_BYTES
        if stop > count:
            stop = count
        while f.at < stop:
            at = f.at
            word = i64(read_i32_le(records, at))
            lowering = dispatch[word & 0xFFFF]
            f.at = at + RECORD_BYTES
            if lowering is None:
                dispatch = rules.with_rules_for(word & 0xFFFF)
                lowering = dispatch[word & 0xFFFF]
                if lowering is None:
                    raise _unknown(body, word & 0xFFFF, f.offset())
            lowering.emit(f, word, i64(read_i32_le(records, at + 4)), i64(read_i32_le(records, at + 8)))
            if verify:
                check_books(f)
        f.spend((f.at - start) // RECORD_BYTES)
    epilogue(f, layout)
    if f.notes is not None:
        f.left_label = f.new_label()
        f.asm.bind(f.left_label)
    middle = f.asm.restart()
    prologue(f, body, layout)
    head = f.asm.restart()
    f.asm.exchange()
    cold(f)
    return head + middle + f.asm.restart()


def _unknown(body: Body, code: i64, offset: i64) -> Exception:
    row = ALL_OPERATORS.get(int(code))
    if row is not None and code >= VECTOR_PAGE:
        return CompileError(f"the singlepass backend has no {row.mnemonic} yet (at byte {int(offset):#x})")
    name = row.mnemonic if row is not None else hex(int(code))
    return InternalError(f"no lowering for {name} in function {body.function_index} at byte {int(offset):#x}")
