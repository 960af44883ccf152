"""A function that begins at the head of one of its loops: where a call goes on that is in the loop already.

What the old code knows at that head is in the function's locals; they are the parameters of the *entered* function
(`entered_body`). Its body is the function's own, with a local more, a flag. Whatever stands in front of the loop, in
each of the blocks around it, is in an ``if`` that the flag decides: it is passed over the first time, and not when a
loop around comes to it again. Right in front of the loop the flag is set::

    block $a                        block $a
      prefix                          (if (local.get $flag) (then prefix))
      loop $b                         loop $b
        more                            (if (local.get $flag) (then more))
        loop $c            ->           (local.set $flag (i32.const 1))
          …                             loop $c
        end                               …

So the entered function's flow is that of the function, all branches mean the same blocks, and traps are found at the
same operators. Where an ``if`` around the loop takes its condition, the first time it is what leads to the loop.

Limits: no operands may lie below the loop or a block around it, none of these takes parameters, and the loop is not in
an arm that catches. Such loops are rare, and are left when the function returns; one around them may do.
"""

from __future__ import annotations

import copy
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from wasmer_runtime_core.codegen.x64.registers import FLOAT_ARGUMENTS, INTEGER_ARGUMENTS, RDI
from wasmer_runtime_core.contract.convention import (
    FLOAT,
    IN_INTEGER_REGISTER,
    IN_VECTOR_REGISTER,
    INTEGER,
    NOWHERE,
    VECTOR,
    Arguments,
)
from wasmer_runtime_core.contract.target import host_features
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.wasm.body.body import BLOCK_EMPTY, Body
from wasmer_runtime_core.wasm.body.corrector import correct_body
from wasmer_runtime_core.wasm.body.text import RECORD, Record, read_records
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC
from wasmer_runtime_core.wasm.types import F32, F64, I32, V128, FunctionType

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from wasmer_runtime_core.compiling.lazy import LazilyCompiled
    from wasmer_runtime_core.contract.loops import NotedFunction, NotedLoop
    from wasmer_runtime_core.wasm.module import ModuleInfo

MOVE: Final = struct.Struct("<BBHii")
"""Where a value is and goes, its bytes, the two places (`native/system/loops.c`)."""
_CLASSES: Final = {F32: FLOAT, F64: FLOAT, V128: VECTOR}
_BREAK: Final = b"\xcc"
"""In front of the old code's end: where that begins no call of the new code returns to."""
_I32_BLOCK: Final = -1 & 0xFFFFFFFF
_EMPTY_BLOCK: Final = BLOCK_EMPTY & 0xFFFFFFFF


class EnteredLoop(NamedTuple):
    """What `Code.enter_at_loop` takes behind the number of the function, and how to see that it is of this code.

    Attributes:
        expected: code of the function that is left.
        relocations: of it: what may differ.
        arguments: the rest.
    """

    expected: bytes
    relocations: bytes
    arguments: tuple[Any, ...]

    def is_of(self, code: bytes) -> bool:
        """Whether the code that runs is what was expected; another version of the backend would make other code."""
        ours, theirs = bytearray(code[: len(self.expected)]), bytearray(self.expected)
        for offset, *_ in struct.iter_unpack("<IIii", self.relocations):
            ours[offset : offset + 4] = theirs[offset : offset + 4] = bytes(4)
        return ours == theirs


def entered_loop(old: LazilyCompiled, new: LazilyCompiled, number: int, offset: int) -> EnteredLoop:
    """Code that goes on at the head of a loop.

    Args:
        old: who compiled what runs.
        new: who compiles what goes on.
        number: of the function, of those that the module defines.
        offset: where its old code was found running.

    Raises:
        CompileError: no loop there can be entered; or as `Compiler.compile`.
    """
    parts: Any = old.begin()
    body = old.body(number)
    noted: NotedFunction | None = parts.loops(body) if hasattr(parts, "loops") else None
    if noted is None:
        raise CompileError("the code of this function cannot be left")
    reasons = []
    for loop in sorted(noted.loops, key=lambda loop: (-loop.start, -loop.label)):  # inner ones first
        if not loop.start <= offset < loop.end:
            continue
        if not loop.places:
            reasons.append("operands lie below the loop")
            continue
        try:
            entered, params = entered_body(old.info, body, loop.label)
        except CompileError as error:
            reasons.append(str(error))
            continue
        return _compiled(new, entered, params, noted, loop)
    raise CompileError("; ".join(reasons) or "the code runs in no loop")


def _compiled(new: LazilyCompiled, body: Body, params: bytes, noted: NotedFunction, loop: NotedLoop) -> EnteredLoop:
    results = new.info.types[new.info.functions[body.function_index]].result_kinds
    parts: Any = new.begin()
    part = parts.compile_as(body, params, results)
    if missing := set(part.cpu_features).difference(host_features()):
        raise CompileError(f"this code needs a processor with {', '.join(sorted(missing))}")
    code = part.code + _BREAK + noted.leave
    moves, stack_bytes = moves_to(loop.places, params)
    arguments = (
        loop.start,
        code,
        struct.pack("<3I", 0, len(part.code), len(code)),
        part.sites,
        part.inlined,
        part.handlers,
        (part.saved or b"\0") + bytes([noted.saved]),
        part.relocations,
        moves,
        stack_bytes,
    )
    return EnteredLoop(noted.code, noted.relocations, arguments)


def moves_to(places: Sequence[tuple[int, int]], params: bytes) -> tuple[bytes, int]:
    """Rows of `MOVE` from where the vmctx and the locals are to where a function of these parameters takes them.

    Returns:
        these, and the bytes of arguments on the stack.
    """
    arguments = Arguments([_CLASSES.get(code, INTEGER) for code in params], 1)
    targets = [(IN_INTEGER_REGISTER, RDI)]
    for where, place in zip(arguments.wheres, arguments.places, strict=True):
        if where == IN_INTEGER_REGISTER:
            place = INTEGER_ARGUMENTS[place]
        elif where == IN_VECTOR_REGISTER:
            place = FLOAT_ARGUMENTS[place]
        targets.append((where, place))
    sizes = [8, *(16 if code == V128 else 8 for code in params)]
    rows = [
        MOVE.pack(where, to, size, place, target)
        for (where, place), (to, target), size in zip(places, targets, sizes, strict=True)
        if where != NOWHERE
    ]
    return b"".join(rows), arguments.stack_bytes


def entered_body(info: ModuleInfo, body: Body, label: int) -> tuple[Body, bytes]:
    """The body that begins at a loop's head, of a type behind those of the module; and the kinds of its parameters.

    Raises:
        CompileError: it cannot be entered there.
    """
    records = list(read_records(body))
    params = body.local_types
    flag = len(params)
    wanted = copy.copy(info)
    wanted.types = [*info.types, FunctionType(params, info.types[body.type_index].results)]
    written = Body(
        body.function_index,
        len(info.types),
        body.offset,
        body.size,
        params + bytes([I32]),
        b"".join([RECORD.pack(*record) for record in _entered(records, label, flag, body.label_count)]),
        body.pool,
        b"",
        0,
        0,
        b"",
        0,
        0,
        0,
    )
    made, findings = correct_body(wanted, written)
    if findings:
        raise CompileError(f"a loop cannot be entered: {findings[0]}")
    return made, params


def _entered(records: list[Record], label: int, flag: int, labels: int) -> list[Record]:
    """The records: those in front of the loop passed over the first time."""
    opened: list[_Around] = []
    for at, record in enumerate(records):
        mnemonic = record.mnemonic
        if mnemonic == "loop" and record.a == label:
            break
        if mnemonic in ("block", "loop", "if", "try"):
            opened.append(_Around(at, record))
        elif mnemonic == "else":
            opened[-1].otherwise = at
        elif mnemonic in ("catch", "catch_all"):
            opened[-1].catches = True
        elif mnemonic in ("end", "delegate"):
            opened.pop()
    else:
        raise CompileError("there is no such loop")
    if any(each.catches for each in opened):
        raise CompileError("the loop is in an arm that catches")
    out: list[Record] = []
    begin = 0
    for each in opened:
        labels += 1
        condition = each.record.mnemonic == "if"
        out += _guarded(records[begin : each.at], flag, labels, int(not each.otherwise) if condition else None)
        begin = each.at + 1
        if each.otherwise:
            begin = each.otherwise + 1
        out += records[each.at : begin]
    out += _guarded(records[begin:at], flag, labels + 1, None)
    out += [_made("i32.const", record.offset, a=1), _made("local.set", record.offset, type_=I32, a=flag)]
    return out + records[at:]


class _Around:
    """A block around the loop.

    Attributes:
        at: where its record is.
        otherwise: where its ``else`` is, if the loop stands behind that.
        catches: whether the loop stands in an arm that catches.
    """

    def __init__(self, at: int, record: Record) -> None:
        self.at: Final = at
        self.record: Final = record
        self.otherwise = 0
        self.catches = False


def _guarded(records: list[Record], flag: int, label: int, condition: int | None) -> list[Record]:
    """Records that are passed over while the flag is not set; a condition that they leave is this one then."""
    if not records:
        return []
    offset = records[0].offset
    before = [
        _made("local.get", offset, type_=I32, a=flag),
        _made("if", offset, a=label, b=_EMPTY_BLOCK if condition is None else _I32_BLOCK),
    ]
    behind = [_made("end", offset, a=label)]
    if condition is not None:
        behind = [_made("else", offset, a=label), _made("i32.const", offset, a=condition), *behind]
    return before + records + behind


def _made(mnemonic: str, offset: int, type_: int = 0, a: int = 0, b: int = 0) -> Record:
    return Record(BY_MNEMONIC[mnemonic].code, type_, 0, a, b, offset)
