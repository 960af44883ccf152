"""Where a program's stack and heap lie, which the host of the first backend decides; the globals that tell it so.

Its memory is: 1,024 bytes that nobody uses, its own data, the stack, which grows upwards, the heap. A program that has
the stack's limits as constants of its own has them in its first two globals that change. One that imports them leaves
it to the host; where its data ends is known from the glue beside it, else there is room for what programs had.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from wasmer_emscripten.glue.matching import matches
from wasmer_emscripten.state import Places
from wasmer_runtime_core.contract.values import Value
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.running.objects.globals import Global
from wasmer_runtime_core.wasm.module import ACTIVE, GLOBAL
from wasmer_runtime_core.wasm.types import F32, F64, I32, PAGE_BYTES

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.module import Import, ModuleInfo

DATA: Final = 1024
"""Where a program's data begins."""
USUAL_DATA: Final = 215_536
"""Bytes of data that there is room for where nothing says how many there are."""
STACK: Final = 5 << 20
"""Bytes of a stack, unless the glue says so."""
ALIGNMENT: Final = 16
MAX_RESERVED: Final = 4096
"""Places for pointers to functions of the host's."""

_I32_CONST: Final = 0x41
_CONSTANT: Final = re.compile(
    r"\b(STATIC_BASE {0,2}\+|TOTAL_STACK(?:\"\])? {0,2}(?:=|\|\|)|DYNAMICTOP_PTR {0,2}=|"
    r"functionPointers {0,2}= {0,2}new Array\()"
    r" {0,2}(\d{1,10})\b"
)


def constants(glue: str) -> dict[str, int]:
    """What the glue says of places, by the word before it: the first of each."""
    found: dict[str, int] = {}
    for match in matches(_CONSTANT, glue):
        found.setdefault(re.split(r"\W", match[1], maxsplit=1)[0], int(match[2]))
    return found


def reserved(glue: str) -> int:
    """How many pointers to functions of the host's the program has room for."""
    return min(constants(glue).get("functionPointers", 0), MAX_RESERVED)


def places_of(info: ModuleInfo, glue: str) -> Places:
    """Where the program's stack and heap are to be.

    Raises:
        CompileError: its memory has no room for them.
    """
    imported = {entry.name for entry in info.imports if entry.kind == GLOBAL and entry.namespace == "env"}
    told = constants(glue)
    if "STACKTOP" in imported:
        end = DATA + (told.get("STATIC_BASE") or max(USUAL_DATA, _data(info) - DATA))
        stack = _aligned(end) + 3 * ALIGNMENT
        stack_end = stack + told.get("TOTAL_STACK", STACK)
        double, heap_end = stack - 3 * ALIGNMENT, stack - 2 * ALIGNMENT
        heap = _aligned(stack_end)
    else:
        stack, stack_end = _own_stack(info)
        double, heap_end = _aligned(stack_end), _aligned(stack_end) + ALIGNMENT
        heap = heap_end + ALIGNMENT
    if "DYNAMICTOP_PTR" not in imported and "DYNAMICTOP_PTR" in told:
        heap_end = told["DYNAMICTOP_PTR"]
    size = info.memories[0].limits.minimum * PAGE_BYTES if info.memories else 0
    if max(heap, heap_end + 4) > size:
        raise CompileError(
            f"the module's memory of {size} bytes has no room for its data and its stack, which end at {heap}"
        )
    return Places(stack, stack_end, heap, heap_end, double)


def _aligned(address: int) -> int:
    return -(-address // ALIGNMENT) * ALIGNMENT


def _data(info: ModuleInfo) -> int:
    """Where the last of its data ends, as far as its segments say."""
    ends = [DATA]
    for segment in info.data:
        offset = segment.offset
        if segment.mode == ACTIVE and offset is not None and len(offset) == 1 and offset[0].type == I32:
            start = offset[0].value if _is_constant(offset[0].operator) else DATA
            ends.append((start & 0xFFFF_FFFF) + len(segment.data))
    return max(ends)


def _own_stack(info: ModuleInfo) -> tuple[int, int]:
    """The limits of the stack that a program has as globals of its own."""
    found = [
        each.initializer[0].value & 0xFFFF_FFFF
        for each in info.global_definitions
        if each.type.mutable
        and each.type.value == I32
        and len(each.initializer) == 1
        and _is_constant(each.initializer[0].operator)
    ]
    large = [value for value in found if value >= DATA]
    if not large:
        raise CompileError("nothing in the module says where its stack is: it is none of emcc's first backend")
    stack = large[0]
    end = large[1] if len(large) > 1 and large[1] > stack else stack + STACK
    return stack, end


def _is_constant(operator: int) -> bool:
    return operator == _I32_CONST


def imported_global(entry: Import, places: Places) -> Global | None:
    """What an imported global is, or None: nothing of the kind is known."""
    type = entry.type
    value: float | None = {
        "STACKTOP": places.stack,
        "STACK_BASE": places.stack,
        "STACK_MAX": places.stack_end,
        "DYNAMICTOP_PTR": places.heap_end,
        "DYNAMIC_BASE": places.heap,
        "tempDoublePtr": places.double,
        "tableBase": 0,
        "__table_base": 0,
        "fb": 0,
        "memoryBase": DATA,
        "__memory_base": DATA,
        "gb": DATA,
        "ABORT": 0,
        "NaN": math.nan,
        "Infinity": math.inf,
    }.get(entry.name)
    if value is None:
        return None
    code = type.value  # type: ignore[union-attr]
    if code == I32 and isinstance(value, int):
        made = Value.I32(value)
    elif code == F64:
        made = Value.F64(float(value))
    elif code == F32:
        made = Value.F32(float(value))
    else:
        return None
    return Global(made, type.mutable)  # type: ignore[union-attr]
