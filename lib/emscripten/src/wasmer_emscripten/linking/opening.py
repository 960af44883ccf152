"""``dlopen`` and its like, as far as the C library leaves them to its host; the rest it does itself.

A handle is a record of the C library's (`Record`). What cannot be loaded is told by
``dlerror``; traps, exits, deadlines and what constructors throw pass through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wasmer_emscripten.calling import Stack
from wasmer_emscripten.errors import NotSupported, OutOfMemory, SideModuleError
from wasmer_emscripten.functions import provides
from wasmer_emscripten.guest import U32
from wasmer_emscripten.linking.linker import MAIN, MAX_HANDLES
from wasmer_emscripten.numbers import must_be_answer
from wasmer_emscripten.process import Process
from wasmer_emscripten.signatures import type_of
from wasmer_runtime_core.errors import CreationError, GrowError

if TYPE_CHECKING:
    from wasmer_emscripten.linking.linker import Linker

RTLD_GLOBAL: Final = 0x100
RTLD_DEFAULT: Final = 0
RTLD_NEXT: Final = U32
MAX_NAME: Final = 4096
MAX_SYMBOL: Final = 1 << 16

_DONE: Final = type_of("i->")
_DONE_WITH: Final = type_of("ii->")


def _linker(process: Process, what: str) -> Linker:
    if process.linker is None:
        raise NotSupported(what, "the program is not linked for side modules: build it with -sMAIN_MODULE")
    linker: Linker = process.linker
    return linker


def _fail(process: Process, text: str) -> None:
    """Keep a text for ``dlerror``; what formats it there gets it as an argument, for it may have a ``%``."""
    links = process.links
    keep = links.need("dlopen", "__dl_seterr")
    with Stack(process, links) as stack:
        arguments = stack.allocate(16)
        process.guest.put_u32(arguments, stack.string(text.replace("\0", "")))
        keep(stack.string("%s"), arguments)


def _open(process: Process, handle: int) -> bool:
    linker = _linker(process, "dlopen")
    handle &= U32
    guest = process.guest
    record = linker.record
    name = guest.string(handle + record.name, MAX_NAME).decode("utf-8", "replace")
    if name == MAIN:
        linker.handles[handle] = linker.main
        return True
    try:
        if handle not in linker.handles and len(linker.handles) >= MAX_HANDLES:
            raise SideModuleError(name, f"the program has {MAX_HANDLES} handles, the most there can be")
        linker.handles[handle] = linker.open(name, bool(guest.u32(handle + record.flags) & RTLD_GLOBAL))
    except (SideModuleError, CreationError, GrowError, OutOfMemory) as failure:
        must_be_answer(failure)
        if isinstance(failure, SideModuleError):
            kind, reason = "Error", failure.reason
            if failure.library != name and failure.library not in reason:
                reason = f"{failure.library}: {reason}"
        else:
            kind, reason = type(failure).__name__, str(failure)
        _fail(process, f"{record.failure}: {name}\n{kind}: {reason}")
        return False
    return True


@provides("i->i", "_dlopen_js")
def dlopen(process: Process, handle: int) -> int:
    """Load the library that a handle names; 1 if it is loaded now."""
    return int(_open(process, handle))


@provides("iii->", "_emscripten_dlopen_js")
def emscripten_dlopen(process: Process, handle: int, done: int, failed: int) -> None:
    """The same, and then one of two functions is called with the handle."""
    process.links.call(done if _open(process, handle) else failed, _DONE, handle)


@provides("iiii->", "_emscripten_dlopen_js")
def emscripten_dlopen_with(process: Process, handle: int, done: int, failed: int, data: int) -> None:
    """The same, and the function gets what belongs to it, too."""
    process.links.call(done if _open(process, handle) else failed, _DONE_WITH, handle, data)


@provides("i->", "_dlinit")
def dlinit(process: Process, handle: int) -> None:
    """Told what the program itself is called, by which `dlopen` of no name is answered."""
    linker = _linker(process, "dlopen")
    linker.handles[handle & U32] = linker.main


@provides("ii?i->i", "_dlsym_js")
def dlsym(process: Process, handle: int, name: int, index: int = 0) -> int:
    """The address of a symbol; 0 if there is none. Where its number would be written is for other threads."""
    linker = _linker(process, "dlsym")
    symbol = process.guest.string(name, MAX_SYMBOL).decode("utf-8", "replace")
    handle &= U32
    if handle == RTLD_NEXT:
        _fail(process, f'Tried to lookup symbol "{symbol}" by RTLD_NEXT, and nothing says which library asks')
        return 0
    if handle == RTLD_DEFAULT:
        where = "RTLD_DEFAULT"
        found = linker.find(linker.global_scope(), symbol) or linker.host_function(symbol)
    else:
        library = linker.handles.get(handle)
        where = "a handle that is none" if library is None else library.name
        found = None if library is None else library.symbol(symbol)
    if found is None:
        _fail(process, f'Tried to lookup unknown symbol "{symbol}" in dynamic lib: {where}')
        return 0
    return linker.address(found, [])
