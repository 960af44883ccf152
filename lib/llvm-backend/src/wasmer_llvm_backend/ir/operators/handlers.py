"""Which function translates which operator, where a row of `templates.TEMPLATES` does not say it all.

Each is called with the translator and the record's first three words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from wasmer_llvm_backend.ir.operators import (
    atomics,
    calls,
    context,
    control,
    exceptions,
    floats,
    internal,
    loops,
    memory,
    objects,
    tail_calls,
    values,
)
from wasmer_llvm_backend.ir.operators.atomics import ATOMICS
from wasmer_llvm_backend.ir.templates import (
    ARITHMETIC,
    COMPARISONS,
    DIVISIONS,
    LOADS,
    MULTIPLY_ADDS,
    STORES,
    TEMPLATES,
    TRUNCATIONS,
)
from wasmer_runtime_core.contract.helper_operators import HELPER_OPERATORS
from wasmer_runtime_core.errors import InternalError
from wasmer_runtime_core.wasm.operators.internal import ADD_POINTS, ADD_POINTS_BY_SIZE, CHECK_POINTS, TRACE
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC, OPERATORS

if TYPE_CHECKING:
    from wasmer_llvm_backend.ir.function import FunctionState


Handler = Callable[["FunctionState", int, int, int], None]

# fmt: off
METHODS: Final[dict[str, Handler]] = {
    "unreachable":   control.unreachable,
    "block":         control.block,
    "loop":          loops.loop,
    "if":            control.if_,
    "else":          control.else_,
    "end":           exceptions.end,
    "br":            control.br,
    "br_if":         control.br_if,
    "br_table":      control.br_table,
    "return":        control.return_,
    "throw":         exceptions.throw,
    "throw_ref":     exceptions.throw_ref,
    "try":           exceptions.try_,
    "catch":         exceptions.catch,
    "catch_all":     exceptions.catch_all,
    "delegate":      exceptions.delegate,
    "call":          calls.call,
    "call_indirect": calls.call_indirect,
    "return_call":   tail_calls.return_call,
    "return_call_indirect": tail_calls.return_call_indirect,
    "return_call_ref": tail_calls.return_call_ref,
    "call_ref":      calls.call_ref,
    "br_on_null":    control.br_on_null,
    "br_on_non_null": control.br_on_non_null,
    "ref.as_non_null": calls.ref_as_non_null,
    "ref.null":      context.ref_null,
    "ref.func":      context.ref_func,
    "drop":          values.drop,
    "select":        values.select,
    "local.get":     values.local_get,
    "local.set":     values.local_set,
    "local.tee":     values.local_tee,
    "global.get":    context.global_get,
    "global.set":    context.global_set,
    "table.get":     context.table_get,
    "table.size":    context.table_size,
    "memory.size":   memory.memory_size,
    "i32.const":     values.i32_const,
    "i64.const":     values.i64_const,
    "f32.const":     values.f32_const,
    "f64.const":     values.f64_const,
    "v128.const":    values.v128_const,
    "i8x16.shuffle": values.shuffle,
    "i32.eqz":       values.i32_eqz,
    "i64.eqz":       values.i64_eqz,
    "struct.new":    objects.struct_new,
    "struct.set":    objects.struct_set,
    "array.new":     objects.array_new,
    "array.new_fixed": objects.array_new_fixed,
    "array.set":     objects.array_set,
    "array.len":     objects.array_len,
    "array.fill":    objects.array_fill,
    "ref.eq":        objects.ref_eq,
    "ref.i31":       objects.ref_i31,
    "any.convert_extern": objects.convert,
    "extern.convert_any": objects.convert,
}
_EXTENSIONS: Final = {"": "", "_s": "sext", "_u": "zext"}

# fmt: on


def _unknown(f: FunctionState, name: str, word: int, a: int, b: int) -> None:
    raise InternalError(f"the llvm backend has no {name} (at byte {f.offset:#x})")


def _handlers() -> dict[int, Handler]:
    """By operator code."""
    handlers: dict[int, Handler] = {}

    def bind(method: Callable[..., None], *row: object) -> Handler:
        return lambda f, word, a, b: method(f, *row, word, a, b)

    for code, row in OPERATORS.items():
        name = row.mnemonic
        if name in METHODS:
            handlers[code] = METHODS[name]
        elif code in ATOMICS:
            handlers[code] = bind(atomics.operator, ATOMICS[code])
        elif code in HELPER_OPERATORS:
            helper = HELPER_OPERATORS[code]
            handlers[code] = bind(calls.helper, helper.call, helper.immediates)
        elif code in LOADS:
            handlers[code] = bind(memory.load, LOADS[code], row.access_bytes)
        elif code in STORES:
            handlers[code] = bind(memory.store, STORES[code], row.access_bytes)
        elif name in DIVISIONS:
            handlers[code] = bind(values.divide, name)
        elif name in TRUNCATIONS:
            handlers[code] = bind(values.truncate, TRUNCATIONS[name])
        elif name in ARITHMETIC:
            handlers[code] = bind(floats.arithmetic, TEMPLATES[code], ARITHMETIC[name])
        elif name in MULTIPLY_ADDS:
            handlers[code] = bind(floats.multiply_add, TEMPLATES[code], MULTIPLY_ADDS[name])
        elif name in floats.OF_CONSTANTS:
            handlers[code] = bind(floats.of_constants, TEMPLATES[code], floats.OF_CONSTANTS[name])
        elif name in floats.CONVERSIONS:
            handlers[code] = bind(floats.convert, TEMPLATES[code], floats.CONVERSIONS[name])
        elif name in floats.DEMOTIONS:
            handlers[code] = bind(floats.demote, TEMPLATES[code], floats.DEMOTIONS[name])
        elif name in floats.SCALARS_INTO_LANES:
            handlers[code] = bind(floats.into_lane, TEMPLATES[code], floats.SCALARS_INTO_LANES[name])
        elif name in COMPARISONS:
            handlers[code] = bind(values.compare, COMPARISONS[name])
        elif code not in TEMPLATES:
            handlers[code] = bind(_unknown, name)
    for suffix, extension in _EXTENSIONS.items():
        handlers[BY_MNEMONIC[f"struct.get{suffix}"].code] = bind(objects.struct_get, extension)
        handlers[BY_MNEMONIC[f"array.get{suffix}"].code] = bind(objects.array_get, extension)
    for name, shift in (("i31.get_s", "ashr"), ("i31.get_u", "lshr")):
        handlers[BY_MNEMONIC[name].code] = bind(objects.i31_get, shift)
    for suffix in ("", " null"):
        handlers[BY_MNEMONIC[f"ref.test{suffix}"].code] = bind(objects.ref_test, suffix != "")
        handlers[BY_MNEMONIC[f"ref.cast{suffix}"].code] = bind(objects.ref_cast, suffix != "")
    handlers[ADD_POINTS] = internal.add_points
    handlers[ADD_POINTS_BY_SIZE] = internal.add_points_by_size
    handlers[CHECK_POINTS] = internal.check_points
    handlers[TRACE] = internal.trace
    return handlers


HANDLERS: Final = _handlers()
ROWS: Final = {code: row for code, row in TEMPLATES.items() if code not in HANDLERS}
"""The operators of which a row of `templates.TEMPLATES` says all."""
