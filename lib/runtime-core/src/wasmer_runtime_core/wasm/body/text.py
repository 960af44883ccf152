"""The text form of a `Body`: what golden tests compare and ``dump --stage=body`` shows.

One line says whose body it is, some lines what was found out about it, and one line each
record, indented as its blocks nest and preceded by the operator's byte offset::

    function 0 type 0, locals i32 i64, 33 bytes at 0x1d
    stack 2, labels 2, calls 0, call weight 0, memory accesses 1
    local weights 24 0
    loop @2 writes 0
      0x20  block @1 i32
      0x22    loop @2
      0x24      i32.const -5
      0x26      local.set 0 i32
      …

Labels are ``@number``. A branch says the height it unwinds to and how many values it
carries, where that is not zero; an ``end`` says how it is reached.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_runtime_core.wasm.body.body import (
    BLOCK_EMPTY,
    CATCH_FALLS_THROUGH,
    CATCH_GIVES_EXCEPTION,
    CATCH_TAG_SHIFT,
    DELEGATE_SHIFT,
    END_FALLS_THROUGH,
    END_IS_TARGET,
    END_OF_IF_WITHOUT_ELSE,
    OPERAND_IS_NOT_NULL,
    OPERAND_STAYS,
    Body,
    access_memory,
    access_offset,
)
from wasmer_runtime_core.wasm.operators.effects import CLOSES, OPENS
from wasmer_runtime_core.wasm.operators.internal import ALL_OPERATORS, SHARED
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC
from wasmer_runtime_core.wasm.types import HEAP_SHIFT, VALUE_TYPE_NAMES, heap_type_name

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORD: Final = struct.Struct("<HBBiII")
_ENDS: Final = frozenset((BY_MNEMONIC["end"].code, BY_MNEMONIC["delegate"].code))
MAX_INDENT: Final = 32
"""Blocks that are indented more than those around them. Deeper ones are not, or the text would be as long as blocks
times records."""
_SHUFFLE: Final = BY_MNEMONIC["i8x16.shuffle"].code


class Record(NamedTuple):
    """One record, read: the fields of `body`'s table."""

    code: int
    type: int  # bits 16-23 of word 0: a value type or an alignment exponent
    lane: int  # bits 24-31
    a: int  # signed
    b: int  # unsigned
    offset: int  # in the module, in bytes

    @property
    def arity(self) -> int:
        """Bits 16-31 of word 0: of branches, ``br_table`` and ``return``."""
        return self.type | self.lane << 8

    @property
    def mnemonic(self) -> str:
        return ALL_OPERATORS[self.code].mnemonic


def read_records(body: Body) -> Iterator[Record]:
    """The records of a body, one after another, with checkpoints."""
    for number, fields in enumerate(RECORD.iter_unpack(body.records)):
        if number & 0x3FF == 0:
            checkpoint()
        yield Record(*fields)


def pool_words(body: Body, index: int, count: int) -> tuple[int, ...]:
    """`count` unsigned words of the pool from `index`."""
    return struct.unpack_from(f"<{count}I", body.pool, 4 * index)


def loop_writes(body: Body) -> dict[int, tuple[int, ...]]:
    """By label of a loop: the locals it writes."""
    return {label: pool_words(body, index, count) for label, index, count in struct.iter_unpack("<3I", body.loops)}


def local_weights(body: Body) -> tuple[int, ...]:
    """By local: its uses, weighted by loop depth."""
    return struct.unpack(f"<{len(body.local_types)}I", body.local_weights)


def format_body(body: Body) -> str:
    """The text form of a body, lines without a newline at the end."""
    locals_ = " ".join(VALUE_TYPE_NAMES[code] for code in body.local_types) or "none"
    lines = [
        f"function {body.function_index} type {body.type_index}, locals {locals_}, "
        f"{body.size} bytes at {body.offset:#x}",
        f"stack {body.max_stack}, labels {body.label_count}, calls {body.calls}, "
        f"call weight {body.call_weight}, memory accesses {body.memory_accesses}",
    ]
    if body.local_types:
        lines.append("local weights " + " ".join(map(str, local_weights(body))))
    for label, writes in loop_writes(body).items():
        lines.append(f"loop @{label} writes " + (" ".join(map(str, writes)) or "none"))
    depth = 0
    for record in read_records(body):
        effects = ALL_OPERATORS[record.code].effects
        outdent = depth - 1 if effects & CLOSES else depth
        lines.append(f"{record.offset:#6x}  {'  ' * min(outdent, MAX_INDENT)}{format_record(body, record)}")
        if effects & OPENS:
            depth += 1
        elif record.code in _ENDS:
            depth -= 1
    return "\n".join(lines)


def format_record(body: Body, record: Record) -> str:
    """One record: the operator and what its fields say."""
    immediate = ALL_OPERATORS[record.code].immediate
    write = _BY_MNEMONIC.get(record.mnemonic) or _BY_IMMEDIATE[immediate]
    operands = write(body, record)
    mnemonic = record.mnemonic.removesuffix(" t")  # of select
    return f"{mnemonic} {operands}" if operands else mnemonic


# --- fields, by kind of immediate ----------------------------------------------------------
def _block(body: Body, record: Record) -> str:
    block_type = record.b - (1 << 32) if record.b >> 31 else record.b
    if block_type == BLOCK_EMPTY:
        return f"@{record.a}"
    return f"@{record.a} " + (VALUE_TYPE_NAMES[block_type + 0x80] if block_type < 0 else f"type {block_type}")


def _else(body: Body, record: Record) -> str:
    return f"@{record.a}" + (" falls through" if record.b else "")


def _catch(body: Body, record: Record) -> str:
    words = [f"@{record.a}"]
    if record.mnemonic == "catch":
        words.append(f"tag {record.b >> CATCH_TAG_SHIFT}")
    if record.b & CATCH_GIVES_EXCEPTION:
        words.append("with exnref")
    if record.b & CATCH_FALLS_THROUGH:
        words.append("falls through")
    return " ".join(words)


def _delegate(body: Body, record: Record) -> str:
    return f"{_end(body, record)}, to @{record.b >> DELEGATE_SHIFT}"


def _end(body: Body, record: Record) -> str:
    reached = [
        word
        for bit, word in (
            (END_FALLS_THROUGH, "falls through"),
            (END_IS_TARGET, "target"),
            (END_OF_IF_WITHOUT_ELSE, "no else"),
        )
        if record.b & bit
    ]
    return f"@{record.a} " + (", ".join(reached) or "unreached")


def _carried(record: Record) -> str:
    return f" arity {record.arity}" if record.arity else ""


def _label(body: Body, record: Record) -> str:
    return f"@{record.a} height {record.b}" + _carried(record)


def _labels(body: Body, record: Record) -> str:
    words = pool_words(body, record.a, 2 * record.b + 2)
    targets = [f"@{words[at]} height {words[at + 1]}" for at in range(0, len(words), 2)]
    targets[-1] = "default " + targets[-1]
    return ", ".join(targets) + _carried(record)


def _memarg(body: Body, record: Record) -> str:
    offset, memory = access_offset(record.a, record.b), access_memory(record.b)
    words = [f"offset={offset}"] if offset else []
    words.append(f"align={1 << record.type}")
    if memory:
        words.append(f"memory={memory}")
    return " ".join(words)


def _vector(body: Body, record: Record) -> str:
    data = body.pool[4 * record.a : 4 * record.a + 16]
    if record.code == _SHUFFLE:
        return " ".join(map(str, data))
    return f"{int.from_bytes(data, 'little'):#034x}"


def _wide(record: Record) -> int:
    return record.b << 32 | record.a & 0xFFFF_FFFF


def _signed_wide(body: Body, record: Record) -> str:
    value = _wide(record)
    return str(value - (1 << 64) if value >> 63 else value)


def _type(body: Body, record: Record) -> str:
    return VALUE_TYPE_NAMES[record.type]


def _index(body: Body, record: Record) -> str:
    return str(record.a)


def _call(body: Body, record: Record) -> str:
    return f"{record.a} type {record.b}"


def _shared(record: Record) -> str:
    return " shared" if record.lane == SHARED else ""


def _not_null(record: Record) -> str:
    return " not null" if record.lane & OPERAND_IS_NOT_NULL else ""


def _heap(record: Record, heap: int) -> str:
    return heap_type_name(record.type | heap << HEAP_SHIFT)


def _cast(body: Body, record: Record) -> str:
    stays = " stays" if record.lane & OPERAND_STAYS else ""
    return f"{_heap(record, record.a)} of {_heap(record, record.b)}{_not_null(record)}{stays}"


def _element(body: Body, record: Record) -> str:
    """Of a struct a field, of an array the elements: which, and what it gives or takes."""
    field = f" field {record.b}" if record.mnemonic.startswith("struct") else ""
    return f"type {record.a}{field} {_type(body, record)}{_not_null(record)}"


def _segment(what: str) -> _Writer:
    return lambda body, record: f"type {record.b} {what} {record.a} {_type(body, record)}{_not_null(record)}"


_Writer = Callable[[Body, Record], str]
_BY_MNEMONIC: Final[dict[str, _Writer]] = {
    "else": _else,
    "end": _end,
    "catch": _catch,
    "catch_all": _catch,
    "delegate": _delegate,
    "throw": lambda body, record: f"{record.a} type {record.b}",
    "return": lambda body, record: _carried(record).strip(),
    "drop": _type,
    "select": _type,
    "call": _call,
    "return_call": _call,
    "ref.as_non_null": _type,
    "array.len": lambda body, record: _not_null(record).strip(),
    "i31.get_s": lambda body, record: _not_null(record).strip(),
    "i31.get_u": lambda body, record: _not_null(record).strip(),
    "array.new": _element,
    **dict.fromkeys(("array.get", "array.get_s", "array.get_u", "array.set", "array.fill"), _element),
    "array.init_data": _segment("data"),
    "array.init_elem": _segment("elem"),
    "table.init": lambda body, record: f"{record.a} table {record.b}",
    "internal.add_points": lambda body, record: f"{record.a}{_shared(record)}",
    "internal.add_points_by_size": lambda body, record: f"{record.a} {record.b}{_shared(record)}",
    "internal.check_points": lambda body, record: _signed_wide(body, record) + _shared(record),
    "internal.trace": lambda body, record: f"event {record.type}, {record.a} {record.b}",
}
_BY_IMMEDIATE: Final[dict[str, _Writer]] = {
    "": lambda body, record: "",
    "block": _block,
    "label": _label,
    "labels": _labels,
    "function": _index,
    "type table": lambda body, record: f"type {record.a} table {record.b}",
    "type": lambda body, record: f"type {record.a}",
    "local": lambda body, record: f"{record.a} {_type(body, record)}",
    "global": lambda body, record: f"{record.a} {_type(body, record)}",
    "table": _index,
    "tag": _index,
    "memory": lambda body, record: str(record.a) if record.a else "",
    "memarg": _memarg,
    "i32": _index,
    "i64": _signed_wide,
    "f32": lambda body, record: f"{record.a & 0xFFFF_FFFF:#010x}",
    "f64": lambda body, record: f"{_wide(record):#018x}",
    "v128": _vector,
    "heap type": _type,
    "data memory": lambda body, record: f"{record.a} memory {record.b}" if record.b else str(record.a),
    "data": _index,
    "reference type": _cast,
    "type field": _element,
    "type count": lambda body, record: f"type {record.a} count {record.b} {_type(body, record)}",
    "type data": lambda body, record: f"type {record.a} data {record.b} {_type(body, record)}",
    "type element": lambda body, record: f"type {record.a} elem {record.b} {_type(body, record)}",
    "type type": lambda body, record: f"type {record.a} from type {record.b}{_not_null(record)}",
    "memory memory": lambda body, record: f"{record.a} {record.b}" if record.a or record.b else "",
    "element": _index,
    "table table": lambda body, record: f"{record.a} {record.b}",
    "lane": lambda body, record: str(record.lane),
    "memarg lane": lambda body, record: f"{_memarg(body, record)} lane={record.lane}",
    "lanes": _vector,
    "zero": lambda body, record: "",
}
