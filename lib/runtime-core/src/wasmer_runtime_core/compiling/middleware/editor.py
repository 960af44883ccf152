"""`BodyEditor`: write a body anew, record by record, for a middleware of one's own.

The editor reads a body's records and writes another's. What is written may contain any
operator of WebAssembly, blocks of one's own and branches; `finish` works out what follows
from it: label numbers, heights and arities of branches, how each block is reached, the
deepest stack, weights and what loops write. It then checks the result as the validator
would have, so a mistake is a `MiddlewareError` that says where, never a crash::

    def count_loops(info: ModuleInfo, bodies: Sequence[Body]) -> list[Body]:
        return edit_bodies(info, bodies, visit)

    def visit(editor: BodyEditor, record: Record) -> None:
        editor.copy(record)
        if record.mnemonic == "loop":
            editor.emit("global.get", 0)
            editor.emit("i64.const", 1)
            editor.emit("i64.add")
            editor.emit("global.set", 0)

Immediates are given as `body` describes the fields ``a`` and ``b``, constants as Python
numbers; types of variables, functions and tables are looked up. Records of an unreachable
place (behind a branch, before the next ``end`` or ``else``) are left out.

Limits: functions, types, globals and locals must exist already; a middleware adds code,
not declarations. It is meant for instrumentation: some microseconds per record.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.wasm.body.body import BLOCK_EMPTY, CATCH_GIVES_EXCEPTION, CATCH_TAG_SHIFT, Body, access_word
from wasmer_runtime_core.wasm.body.corrector import correct_body
from wasmer_runtime_core.wasm.body.objects import field_kinds
from wasmer_runtime_core.wasm.body.text import RECORD, Record, pool_words, read_records
from wasmer_runtime_core.wasm.operators.effects import CALLS, CLOSES, OPENS
from wasmer_runtime_core.wasm.operators.internal import ALL_OPERATORS
from wasmer_runtime_core.wasm.types import VALUE_TYPE_CODES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wasmer_runtime_core.wasm.module import ModuleInfo

Visit = Callable[["BodyEditor", Record], object]

_CODES: Final = {row.mnemonic: code for code, row in ALL_OPERATORS.items()}
_WITHOUT_FIELD: Final = ("struct.new", "struct.new_default", "array.copy", "array.len")
"""Operators of structs and arrays whose record has no type of a field."""
_SEGMENT_FIRST: Final = ("array.init_data", "array.init_elem")


class MiddlewareError(CompileError):
    """A middleware made a body that is not valid; the message lists what is wrong with it."""


def edit_bodies(info: ModuleInfo, bodies: Sequence[Body], visit: Visit) -> list[Body]:
    """Every body as `visit` writes it: called for each record, which it copies, replaces or leaves out.

    Raises:
        MiddlewareError: what it wrote is not valid.
    """
    edited = []
    for body in bodies:
        editor = BodyEditor(info, body)
        for record in editor:
            visit(editor, record)
        edited.append(editor.finish())
    return edited


class BodyEditor:
    """Writes one body.

    Attributes:
        info: the module's declarations.
        body: the body that is read.
    """

    def __init__(self, info: ModuleInfo, body: Body) -> None:
        self.info = info
        self.body = body
        self._records: list[Record] = []
        self._offset = body.offset
        self._pool = bytearray(body.pool)
        self._next_label = body.label_count + 1

    def __iter__(self) -> Iterator[Record]:
        """The records that are read, in order."""
        for record in read_records(self.body):
            self._offset = record.offset
            yield record

    @property
    def function_index(self) -> int:
        """Of the function, in the index space with imports."""
        return self.body.function_index

    def pool_words(self, index: int, count: int) -> tuple[int, ...]:
        """Words of the pool: targets of ``br_table``, 128-bit constants."""
        return pool_words(self.body, index, count)

    # --- writing --------------------------------------------------------------------------
    def copy(self, record: Record) -> None:
        """Write a record that was read."""
        self._records.append(record)

    def emit(self, mnemonic: str, a: Any = 0, b: int = 0, *, type: str = "", align: int = 0) -> None:
        """Write an operator.

        Args:
            mnemonic: as in the text format: ``"i32.add"``.
            a: its immediate: an index, a memory's offset, a label that `open` or `else_` gave,
                or the value of a constant (float, int; for v128 an int of 128 bits).
            b: the second, where there are two.
            type: of ``select``, ``drop`` and ``ref.null``, by name: ``"i32"``; of ``ref.test`` and ``ref.cast`` the
                kind of their operand, `a` being what is above the kind in the value type that is asked for.
            align: exponent, of loads and stores.

        Raises:
            MiddlewareError: there is no such operator, or it has a method of its own.
        """
        code = _CODES.get(mnemonic)
        if code is None:
            raise MiddlewareError(f"there is no operator {mnemonic!r}")
        row = ALL_OPERATORS[code]
        immediate = row.immediate
        word_type = VALUE_TYPE_CODES[type] if type else 0
        if row.effects & (OPENS | CLOSES) or immediate in ("labels", "lanes", "cast"):
            raise MiddlewareError(f"{mnemonic} is written by a method of its own, or copied")
        if immediate in ("i64", "f64", "f32", "i32"):
            a, b = _constant(immediate, a)
        elif immediate == "v128":
            self._pool += int(a).to_bytes(16, "little")
            a = len(self._pool) // 4 - 4
        elif immediate == "function" and row.effects & CALLS:
            b = self.info.functions[a]
        elif mnemonic == "throw":
            b = self.info.tags[a]
        elif immediate == "local":
            word_type = self.body.local_types[a]
        elif immediate == "global":
            word_type = self.info.globals[a].kind
        elif immediate == "memarg":
            word_type = align
            a, b = _signed(a), access_word(a, b)
        elif mnemonic.startswith(("struct.", "array.")) and mnemonic not in _WITHOUT_FIELD:
            kinds = field_kinds(self.info, b if mnemonic in _SEGMENT_FIRST else a)
            word_type = kinds[b if mnemonic.startswith("struct.") else 0]
        self._records.append(Record(code, word_type, 0, a, b, self._offset))

    def open(self, mnemonic: str, type: str | int = "") -> int:
        """Open a ``block``, ``loop`` or ``if``; returns its label, for `emit` ("br", …) and `end`.

        Args:
            mnemonic: which of the three, or ``try``.
            type: of its one result, by name; or the index of a function type; none by default.
        """
        if mnemonic not in _CODES or not ALL_OPERATORS[_CODES[mnemonic]].effects & OPENS:
            raise MiddlewareError(f"{mnemonic!r} opens no block")
        label = self._next_label
        self._next_label += 1
        block_type = BLOCK_EMPTY
        if isinstance(type, int):
            block_type = type
        elif type:
            block_type = VALUE_TYPE_CODES[type] - 0x80
        self._records.append(Record(_CODES[mnemonic], 0, 0, label, block_type & 0xFFFF_FFFF, self._offset))
        return label

    def else_(self, label: int) -> None:
        """The second arm of an ``if`` that `open` opened."""
        self._records.append(Record(_CODES["else"], 0, 0, label, 0, self._offset))

    def catch(self, label: int, tag: int | None = None, gives_exception: bool = False) -> None:
        """An arm of a ``try`` that `open` opened.

        Args:
            label: of the ``try``.
            tag: of what it catches; None: everything.
            gives_exception: push the exception as well, behind its values.
        """
        flags = CATCH_GIVES_EXCEPTION if gives_exception else 0
        mnemonic = "catch_all" if tag is None else "catch"
        b = (0 if tag is None else tag << CATCH_TAG_SHIFT) | flags
        self._records.append(Record(_CODES[mnemonic], 0, 0, label, b, self._offset))

    def end(self, label: int) -> None:
        """Close the block that `open` opened."""
        self._records.append(Record(_CODES["end"], 0, 0, label, 0, self._offset))

    def trap(self) -> None:
        """Write ``unreachable``."""
        self.emit("unreachable")

    # --- finishing --------------------------------------------------------------------------
    def finish(self) -> Body:
        """The body that was written.

        Raises:
            MiddlewareError: it is not valid.
        """
        body = self.body
        records = b"".join(
            RECORD.pack(*row[:4], row.b & 0xFFFF_FFFF, row.offset)  # code, type, lane, a
            for row in self._records
        )
        written = Body(
            function_index=body.function_index,
            type_index=body.type_index,
            offset=body.offset,
            size=body.size,
            local_types=body.local_types,
            records=records,
            pool=bytes(self._pool),
            loops=b"",
            max_stack=0,
            label_count=0,
            local_weights=b"",
            call_weight=0,
            calls=0,
            memory_accesses=0,
        )
        corrected, findings = correct_body(self.info, written)
        if findings:
            raise MiddlewareError(f"a middleware made function {body.function_index} invalid: " + "; ".join(findings))
        return corrected


def _constant(immediate: str, value: Any) -> tuple[int, int]:
    """The fields a and b of a constant."""
    if immediate == "f32":
        return int(struct.unpack("<i", struct.pack("<f", value))[0]), 0
    if immediate == "f64":
        bits = int.from_bytes(struct.pack("<d", value), "little")
    else:
        bits = int(value) & 0xFFFF_FFFF_FFFF_FFFF
    return _signed(bits), bits >> 32 if immediate != "i32" else 0


def _signed(value: int) -> int:
    """The low 32 bits as a signed number."""
    return ((value + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
