"""`SinglepassCompiler`: the backend that compiles fastest.

Each body is read once, front to back, and leaves as machine-instruction records; core
encodes them. A second, much shorter look ahead (`_survey`) finds what the frame must have
room for before the first instruction is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from librt.strings import read_i32_le
from mypy_extensions import i64

from wasmer_runtime_core.codegen.x64.encode import ModuleEncoder
from wasmer_runtime_core.contract.backend import CompiledModule, CompilerConfig
from wasmer_runtime_core.contract.code_limit import CodeLimit
from wasmer_runtime_core.contract.helpers import VMCALLS
from wasmer_runtime_core.contract.target import TARGET, host_features
from wasmer_runtime_core.errors import CompileError, InternalError
from wasmer_runtime_core.implementation_limits import ImplementationLimits
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.wasm.body.body import RECORD_BYTES, Body
from wasmer_runtime_core.wasm.module import ModuleInfo
from wasmer_runtime_core.wasm.operators.effects import HELPER, READS
from wasmer_runtime_core.wasm.operators.internal import ALL_OPERATORS
from wasmer_runtime_core.wasm.types import V128
from wasmer_singlepass_backend.frame import USES_VECTORS, USES_VMCTX, begin, cold, epilogue, prologue
from wasmer_singlepass_backend.function import FunctionCompiler
from wasmer_singlepass_backend.lowering.rule import Lowering
from wasmer_singlepass_backend.lowering.table import TABLE_SIZE, by_code
from wasmer_singlepass_backend.module_view import ModuleView
from wasmer_singlepass_backend.target import REQUIRED, Target
from wasmer_singlepass_backend.verify import check_books

OP_RETURN: Final = 0x0F  # the last of the operators that direct control
OP_CALL: Final = 0x10
OP_CALL_INDIRECT: Final = 0x11
OP_LOCAL_GET: Final = 0x20
OP_LOCAL_TEE: Final = 0x22
VECTOR_CODES: Final = 0x200  # where they begin

SURVEYED_BYTES: Final = 1 << 20
"""So much of the records is looked through between two checkpoints."""

SCALARS: Final[list[Lowering | None]] = by_code()


VMCTX_PARTS: Final = frozenset(("function", "table", "global", "memory", "data", "element"))
"""Words of immediates: parts of an instance that are reached through its vmctx."""

VMCTX_EFFECTS: Final = HELPER | READS["points"]


def _vmctx_operators() -> bytes:
    """1 for the codes whose lowering reads the vmctx."""
    flags = bytearray(TABLE_SIZE)
    for code, row in ALL_OPERATORS.items():
        if row.effects & VMCTX_EFFECTS or not VMCTX_PARTS.isdisjoint(row.immediate.split()):
            flags[code] = 1
    return bytes(flags)


VMCTX_OPERATORS: Final = _vmctx_operators()


@final
class SinglepassCompiler:
    """Compiles at some 20 MB a second; the code takes about 1.2 times as long as an optimising compiler's."""

    def __init__(self, cpu_features: frozenset[str] | None = None) -> None:
        """`cpu_features`: what the code may use, by name of `contract.target`; None: what this machine has."""
        self._features = cpu_features

    @property
    def name(self) -> str:
        """``"singlepass"``"""
        return "singlepass"

    def compile(self, info: ModuleInfo, bodies: Sequence[Body], config: CompilerConfig) -> CompiledModule:
        """Machine code of every body, in order.

        Raises:
            CompileError: the processor lacks what the code always needs.
            ImplementationLimitError: the code is too large for the module's size.
            InternalError: a bug of ours; names the function, the operator and the offset.
        """
        target = self._target()
        bounds_checks = config.memory_bound_check_mode == "enable"
        view = ModuleView(info)
        encoder = ModuleEncoder(len(bodies) + len(VMCALLS))
        limit = CodeLimit(ImplementationLimits(config.implementation_limits), bodies)
        function = FunctionCompiler(view, target, bounds_checks, SCALARS, limit)
        for body in bodies:
            records = compile_body(function, body)
            encoder.function(records, function.constants.restart())
            limit.check_code(len(encoder.code))
        encoded = encoder.finish()
        return CompiledModule(
            backend=self.name,
            target=TARGET,
            code=encoded.code,
            function_offsets=encoded.function_offsets,
            sites=encoded.sites,
            relocations=encoded.relocations,
            bounds_checks=bounds_checks,
            cpu_features=encoded.cpu_features,
            release_gil=config.release_gil,
        )

    def records(self, info: ModuleInfo, body: Body, config: CompilerConfig, verify: bool = False) -> bytes:
        """The machine-instruction records of one body: what golden tests and `dump` print.

        With `verify` the registers are accounted for after every operator.

        Raises:
            InternalError: the accounts do not balance.
        """
        bounds_checks = config.memory_bound_check_mode == "enable"
        limit = CodeLimit(ImplementationLimits(config.implementation_limits), [body])
        function = FunctionCompiler(ModuleView(info), self._target(), bounds_checks, SCALARS, limit)
        return compile_body(function, body, verify)

    def _target(self) -> Target:
        features = self._features if self._features is not None else host_features()
        missing = [name for name in REQUIRED if name not in features]
        if missing:
            raise CompileError(
                f"the singlepass backend needs a processor with {' and '.join(missing)}; this one does not have it"
            )
        return Target.of(features)


def compile_body(f: FunctionCompiler, body: Body, verify: bool = False) -> bytes:
    """The records of one function; its constants are left in ``f.constants``."""
    shape = f.view.shape_of(i64(body.function_index))
    f.records = body.records
    f.pool = body.pool
    f.limit.begin(body)
    _survey(f, body)
    begin(f, body, shape, f.survey_uses, f.survey_stack_bytes, f.survey_buffer_bytes)
    f.begin_labels(i64(body.label_count), shape)
    records = body.records
    dispatch = f.dispatch
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
                dispatch = _all_operators(f)
                lowering = dispatch[word & 0xFFFF]
                if lowering is None:
                    raise _unknown(body, word & 0xFFFF, f.offset())
            lowering.emit(f, word, i64(read_i32_le(records, at + 4)), i64(read_i32_le(records, at + 8)))
            if verify:
                check_books(f)
        f.spend((f.at - start) // RECORD_BYTES)
    epilogue(f, shape)
    middle = f.asm.restart()
    prologue(f, body, shape)
    head = f.asm.restart()
    cold(f)
    return head + middle + f.asm.restart()


def _all_operators(f: FunctionCompiler) -> list[Lowering | None]:
    """The rules with those of vectors, from the first such operator of a module on.

    Their table costs more than compiling a small module.
    """
    from wasmer_singlepass_backend.lowering import vector_table

    f.dispatch = vector_table.ALL
    return f.dispatch


def _unknown(body: Body, code: i64, offset: i64) -> Exception:
    row = ALL_OPERATORS.get(int(code))
    if row is not None and code >= VECTOR_CODES:
        return CompileError(f"the singlepass backend has no {row.mnemonic} yet (at byte {int(offset):#x})")
    name = row.mnemonic if row is not None else hex(int(code))
    return InternalError(f"no lowering for {name} in function {body.function_index} at byte {int(offset):#x}")


def _survey(f: FunctionCompiler, body: Body) -> None:
    """Look ahead: is the vmctx read, are there vectors, how much room do calls need?

    And which locals does the straight line up to the first control operator write before it
    reads them? Those need not be zeroed.
    """
    records = body.records
    view = f.view
    uses: i64 = 0
    stack_bytes: i64 = 0
    buffer_bytes: i64 = 0
    flags = VMCTX_OPERATORS
    f.begin_written(i64(len(body.local_types)))
    straight = True
    count: i64 = len(records)
    at: i64 = 0
    while at < count:
        stop = at + SURVEYED_BYTES
        if stop > count:
            stop = count
        while at < stop:
            code = i64(read_i32_le(records, at)) & 0xFFFF
            if flags[code]:
                uses |= USES_VMCTX
                if code == OP_CALL or code == OP_CALL_INDIRECT:
                    index: i64 = at + 8 if code == OP_CALL else at + 4
                    shape = view.shapes[i64(read_i32_le(records, index))]
                    if shape.stack_bytes > stack_bytes:
                        stack_bytes = shape.stack_bytes
                    if shape.buffer_bytes > buffer_bytes:
                        buffer_bytes = shape.buffer_bytes
            elif code >= OP_LOCAL_GET and code <= OP_LOCAL_TEE:
                if straight:
                    f.first_use(i64(read_i32_le(records, at + 4)), code != OP_LOCAL_GET)
            elif code <= OP_RETURN:
                straight = False
            elif code >= VECTOR_CODES:
                uses |= USES_VECTORS
            at += RECORD_BYTES
        if at < count:
            checkpoint()
    if V128 in body.local_types or view.vectors:
        uses |= USES_VECTORS
    f.survey_uses = uses
    f.survey_stack_bytes = stack_bytes
    f.survey_buffer_bytes = buffer_bytes
