"""The heap: how large it may become, and copies that are made for programs without bulk memory."""

from __future__ import annotations

from typing import Final

from wasmer_emscripten.functions import provides
from wasmer_emscripten.guest import U32, U64
from wasmer_emscripten.numbers import must_be_answer
from wasmer_emscripten.process import Process
from wasmer_runtime_core.errors import GrowError
from wasmer_runtime_core.wasm.types import PAGE_BYTES
from wasmer_vfs.waiting import PIECE_BYTES, look

MAX_BYTES: Final = 0x8000_0000
"""What Emscripten lets a heap become unless it was built for more: 2 GiB."""


@provides("i->i", "emscripten_resize_heap")
def resize_heap(process: Process, wanted: int) -> int:
    """Let the memory have so many bytes, or more; 1 if it has them now."""
    return resize_heap_64(process, wanted & U32)


@provides("I->i", "emscripten_resize_heap")
def resize_heap_64(process: Process, wanted: int) -> int:
    """The same where addresses have 64 bits."""
    wanted &= U64
    size = process.guest.look()
    if wanted <= size:
        return 1
    memory = process.guest.memory
    needed = -(-(wanted - size) // PAGE_BYTES)
    generous = min(size // 5, 96 << 20) // PAGE_BYTES  # as emcc's own: a fifth more, so that it is not asked each time
    for pages in (max(needed, generous), needed):
        try:
            memory.grow(pages)
        except GrowError as failure:
            must_be_answer(failure)
            continue
        process.guest.look()
        return 1
    return 0


_MOST_TOLD: Final = (1 << 32) - PAGE_BYTES
"""All 4 GiB would be told as 0."""


@provides("->i", "emscripten_get_heap_max")
def get_heap_max(process: Process) -> int:
    """The most bytes that the memory can have; of 4 GiB, a page less."""
    return min(get_heap_max_64(process), _MOST_TOLD)


@provides("->I", "emscripten_get_heap_max")
def get_heap_max_64(process: Process) -> int:
    """The most bytes that the memory can have, where addresses have 64 bits."""
    process.guest.look()
    most = getattr(process.guest.memory, "maximum", None)
    return MAX_BYTES if most is None else most * PAGE_BYTES


@provides("->i", "emscripten_get_heap_size")
def get_heap_size(process: Process) -> int:
    """Bytes that the memory has; of 4 GiB, and of more, a page less."""
    return min(process.guest.look(), _MOST_TOLD)


@provides("->I", "emscripten_get_heap_size")
def get_heap_size_64(process: Process) -> int:
    """Bytes that the memory has, where addresses have 64 bits."""
    return process.guest.look()


@provides("i->", "emscripten_notify_memory_growth")
def notify_memory_growth(process: Process, index: int) -> None:
    """Told that the memory has grown; it is looked at when it is needed."""


@provides(
    "iii->i",
    "emscripten_memcpy_big",
    "_emscripten_memcpy_big",
    "emscripten_memcpy_js",
    "_emscripten_memcpy_js",
    "memcpy",
    "memmove",
)
def memcpy(process: Process, target: int, source: int, count: int) -> int:
    """Copy bytes; they may overlap."""
    count &= U32
    guest = process.guest
    source = guest.check(source, count)
    start = guest.check(target, count)
    if count <= PIECE_BYTES:
        guest.memory.write(start, guest.memory.read(source, count))
        return target
    steps = range(0, count, PIECE_BYTES)
    for at in steps if start <= source else reversed(steps):  # so that no byte is overwritten before it is copied
        guest.memory.write(start + at, guest.memory.read(source + at, min(PIECE_BYTES, count - at)))
        look()
    return target


@provides("iii->i", "memset")
def memset(process: Process, target: int, value: int, count: int) -> int:
    """Fill bytes."""
    count &= U32
    start = process.guest.check(target, count)
    for at in range(0, count, PIECE_BYTES):
        process.guest.memory.write(start + at, bytes((value & 0xFF,)) * min(PIECE_BYTES, count - at))
        look()
    return target
