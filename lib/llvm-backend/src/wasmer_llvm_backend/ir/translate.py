"""From a `Body` to LLVM IR, as text.

Text, because it is ten times faster to write than the objects of ``llvmlite.ir``, and LLVM
reads it faster still. Values are numbered, as LLVM's own printer does; a wasm operand is the
text of a value, so constants cost nothing, and reading a local gives the value last written.

*Locals* are values from the start. Where control joins, a local that differs between the
paths gets a phi; at the head of a loop those that the loop writes do (the body lists them).
Each branch remembers the locals as they were. A function with very many locals keeps only
the most used ones this way, the others in slots, which LLVM promotes by itself.

*Traps.* Explicit checks branch to a block of their own that calls ``trap.N``; memory
accesses fault by themselves. Loads are volatile unless the compiler is told to be fast, so
that none is dropped and none passes another's trap. `writer` keeps track of where each
instruction comes from.

*Floats* are exact to the bit: `fences` hides from LLVM what it would make too much of.
"""

from __future__ import annotations

import struct
from array import array
from typing import Final, final

from wasmer_llvm_backend.ir.function import FunctionState, integer_values, locals_in_slots, used_locals
from wasmer_llvm_backend.ir.operators.handlers import HANDLERS, ROWS
from wasmer_llvm_backend.ir.operators.tail_calls import PARAMETERS, receive
from wasmer_llvm_backend.ir.templates import V128
from wasmer_llvm_backend.ir.view import LLVM_TYPES, ZEROS, Label, Signature
from wasmer_llvm_backend.machine.prologue import CHECKED, UNCHECKED, USE_OF_VMCTX, is_checked, with_room
from wasmer_llvm_backend.module_text import INLINED, PERSONALITY
from wasmer_runtime_core.contract.convention import RESULT_SLOT_BYTES
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC

GROWTH_RECORDS: Final = 200
"""By so many operators, and its own size again, a function grows by those that are copied into it."""

STRETCH: Final = 256
"""So many operators are translated between two checkpoints."""

LOCAL_GET: Final = BY_MNEMONIC["local.get"].code


class TextTooLong(Exception):
    """The functions of a unit become more text than they may."""


@final
class FunctionTranslator(FunctionState):
    """The driver: one function at a time, record by record."""

    # --- the function ---------------------------------------------------------------------
    def translate(self, body: Body, inlined: bool = False) -> str:
        """The definition of one function; `inlined`: as the copy that calls of ``@iN`` become."""
        view = self.view
        index = body.function_index
        signature = view.signatures[body.type_index]
        internal = inlined or (index in self.internal and signature.in_registers)
        self.body = body
        self.begin(body.pool)
        self.open_scope(index, body.offset)

        room = self.in_place.get(index)
        if room is None:
            arguments = ["ptr %0"]
            if signature.buffered and not internal:
                arguments.append("ptr %1")
                self.result_buffer = "%1"
            first = len(arguments)
            arguments += [f"{type_} %{first + at}" for at, type_ in enumerate(signature.params)]
            self.number = len(arguments)
            given = [f"%{first + at}" for at in range(len(signature.params))]
        else:
            arguments = [f"{type_} %{at}" for at, type_ in enumerate(PARAMETERS)]
            self.number = len(arguments)
            given = receive(self, signature)
            self.head += self.out
            self.out.clear()
        self._begin_locals(body, given)
        if internal and not inlined:
            self.out.append(USE_OF_VMCTX)
        self.labels[0] = Label("ret", 0, [], signature.results)
        self.records = list(struct.iter_unpack("<IIII", body.records))
        self.words = array("I", body.records if index in self.counted else b"")
        self.growth = len(self.records) + GROWTH_RECORDS
        self.translate_records(len(self.records))
        self._finish(signature, internal)
        linkage = "internal fastcc" if internal else "hidden"
        result = signature.internal_result if internal else signature.external_result
        if self.buffer_slots:
            self.head.append(f"%buffer = alloca [{self.buffer_slots} x {V128}], align 16")
        place = INLINED if inlined else CHECKED if is_checked(body) else UNCHECKED
        if room is not None and room > signature.arguments.stack_bytes:
            place = with_room(room, signature.arguments.stack_bytes, view.entries)
        if self.lands:
            place += PERSONALITY
        name = f"i{index}" if inlined else f"f{index}"
        head = f"define {linkage} {result} @{name}({', '.join(arguments)}) {place}!dbg !{self.scope} {{\nentry:\n"
        return "\n".join([head + "\n".join(self.head), *self.out, *self.traps, "}\n"])

    def translate_records(self, end: int) -> None:
        """Translate the records from `at` on, up to `end`, with checkpoints."""
        while self.at < end:
            checkpoint()
            before = len(self.out)
            self._translate_stretch(min(end, self.at + STRETCH))
            self.text_left -= sum(map(len, self.out[before:]))
            if self.text_left < 0:
                raise TextTooLong

    def _translate_stretch(self, end: int) -> None:
        handlers = HANDLERS
        rows = ROWS
        records = self.records
        stack = self.stack
        out = self.out
        slots = self.slots
        loaded = self.loaded
        while self.at < end:
            word, a, b, offset = records[self.at]
            self.at += 1
            code = word & 0xFFFF
            if code == LOCAL_GET and a not in slots:
                stack.append(self.locals[a])
                continue
            row = rows.get(code)
            if row is None:
                self.offset = offset
                handlers[code](self, word, a, b)
                continue
            number = self.number
            last = number + row.names
            self.number = last
            count = row.operands
            result = f"%{last - 1}"
            if count == 2:
                right = stack.pop()
                left = stack.pop()
                if row.instruction:
                    text = f"{result} = {row.instruction}{left}, {right}"
                else:
                    text = row.format.format(left, right, "", word >> 24, *range(number, last))
                if left in loaded or right in loaded:
                    text = self.locate(text, result, left, right)
            elif count == 1:
                operand = stack.pop()
                text = row.format.format(operand, "", "", word >> 24, *range(number, last))
                if operand in loaded:
                    text = self.locate(text, result, operand)
            else:
                third = stack.pop()
                right = stack.pop()
                left = stack.pop()
                text = row.format.format(left, right, third, word >> 24, *range(number, last))
                if left in loaded or right in loaded or third in loaded:
                    text = self.locate(text, result, left, right, third)
            out.append(text)
            stack.append(result)

    def _begin_locals(self, body: Body, given: list[str]) -> None:
        """`given`: the parameters."""
        types = body.local_types
        self.local_types = [LLVM_TYPES[code] for code in types]
        params = len(given)
        values = {at: given[at] if at < params else ZEROS[types[at]] for at in used_locals(body)}
        for at in locals_in_slots(body):
            type_ = self.local_types[at]
            self.slots[at] = f"%local{at}"
            self.head.append(f"%local{at} = alloca {type_}")
            self.head.append(f"store {type_} {values.pop(at)}, ptr %local{at}")
        self.locals = values
        self.integers = integer_values(body, self.slots)
        for label, at, number in struct.iter_unpack("<III", body.loops):
            self.loop_rows[label] = (at, number)

    def _finish(self, signature: Signature, internal: bool) -> None:
        """The common return."""
        label = self.labels[0]
        if not label.edges:
            return
        self.join(label, signature.results, False)
        results = [self.opaque(type_, value) for type_, value in zip(signature.results, self.stack, strict=True)]
        if not results:
            self.out.append("ret void")
        elif len(results) == 1:
            self.out.append(f"ret {signature.results[0]} {results[0]}")
        elif internal:
            whole = "poison"
            for at, value in enumerate(results):
                whole = self.let(
                    f"insertvalue {signature.internal_result} {whole}, {signature.results[at]} {value}, {at}"
                )
            self.out.append(f"ret {signature.internal_result} {whole}")
        else:
            for at, value in enumerate(results[1:]):
                place = self.let(f"getelementptr i8, ptr {self.result_buffer}, i64 {RESULT_SLOT_BYTES * at}")
                self.out.append(f"store {signature.results[at + 1]} {value}, ptr {place}, align 8")
            self.out.append(f"ret {signature.results[0]} {results[0]}")
