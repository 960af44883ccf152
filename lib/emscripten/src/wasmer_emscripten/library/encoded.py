"""C++ exceptions in WebAssembly's own encodings, as far as the program needs the host for them.

It needs a tag where several modules of it throw and catch (`Process.imported_tag`), and a function where it was built
with assertions. All else is its own code.
"""

from __future__ import annotations

from typing import Final, NoReturn

from wasmer_emscripten.errors import NotSupported
from wasmer_emscripten.functions import provides
from wasmer_emscripten.process import Process
from wasmer_runtime_core.running.objects.tags import WasmException
from wasmer_runtime_core.wasm.types import I32, TagType

CPP_EXCEPTION: Final = "__cpp_exception"
"""The tag of exceptions of C++."""
POINTER: Final = TagType(bytes((I32,)))
"""Its type, where pointers have 32 bits."""
_STACK_TRACE: Final = "__throw_exception_with_stack_trace"


@provides("i->", _STACK_TRACE)
def throw_with_stack_trace(process: Process, unwinding: int) -> NoReturn:
    """Throw an exception, of which its user can tell where it was thrown: `frames`.

    Raises:
        WasmException: always.
        NotSupported: the module exports no tag of one pointer for it.
    """
    tag = process.tag(CPP_EXCEPTION)
    if tag is None or tag.type != POINTER:
        raise NotSupported(_STACK_TRACE, f"the module exports no tag {CPP_EXCEPTION} of type {POINTER}, as emcc's do")
    raise WasmException(tag, (unwinding,))
