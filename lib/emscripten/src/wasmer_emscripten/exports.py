"""The program's own exports that are called from here, and their types.

A module exports what it likes by these names. What has another type is not the function that is meant, and so is not
there for who looks it up (`process.Links.find`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wasmer_emscripten.signatures import type_of

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.types import FunctionType

_ROWS: Final = (
    # the heap
    ("i->i", "malloc emscripten_builtin_malloc"),
    ("i->", "free emscripten_builtin_free"),
    ("ii->i", "memalign emscripten_builtin_memalign"),
    # the stack
    ("->i", "stackSave emscripten_stack_get_current _emscripten_stack_get_current"),
    ("i->", "stackRestore _emscripten_stack_restore"),
    ("i->i", "stackAlloc _stackAlloc _emscripten_stack_alloc"),
    ("->", "emscripten_stack_init"),
    ("->i", "emscripten_stack_get_base emscripten_stack_get_end"),
    ("ii->", "__set_stack_limits ___set_stack_limits"),
    # the first backend's
    ("->i", "__errno_location _get_environ _emscripten_get_sbrk_ptr emscripten_get_sbrk_ptr"),
    # beginning and end
    ("->", "__wasm_call_ctors ___wasm_call_ctors _initialize _start"),
    ("ii->i ->i ii-> ->", "__main_argc_argv main _main __main_void"),
    ("->", "__funcs_on_exit ___funcs_on_exit __stdio_exit ___stdio_exit"),
    ("i->i", "fflush _fflush"),
    # exceptions and longjmp
    ("ii->", "setThrew _setThrew"),
    ("i->", "setTempRet0 _emscripten_tempret_set"),
    ("iii->i", "__cxa_can_catch ___cxa_can_catch"),
    ("i->i", "__cxa_is_pointer_type ___cxa_is_pointer_type"),
    ("i->", "__cxa_decrement_exception_refcount __cxa_increment_exception_refcount"),
    ("i->i", "__cxa_get_exception_ptr"),
    ("iii->", "__get_exception_message ___get_exception_message"),
    # dynamic linking
    ("->", "__wasm_apply_data_relocs"),
    ("ii->", "__dl_seterr"),
    # embind
    ("i->i", "__getTypeName ___getTypeName"),
    ("->", "_embind_initialize_bindings __embind_initialize_bindings"),
)

TYPES: Final[dict[str, tuple[FunctionType, ...]]] = {
    name: tuple(type_of(each) for each in types.split(" ")) for types, names in _ROWS for name in names.split()
}
"""The types that each may have, by name."""


def is_meant(name: str, function: Any) -> bool:
    """Whether an exported function of one of these names has one of its types."""
    return function.core_type in TYPES[name]
