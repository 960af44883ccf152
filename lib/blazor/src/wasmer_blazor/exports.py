"""What a .NET runtime exports: the functions that are called from here, with their types, and the version they tell.

A module exports what it likes by these names. One that has another type makes the module none that is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wasmer_blazor.errors import UnknownFramework
from wasmer_blazor.slots import LAYOUT, LAYOUT_OF_8, Layout
from wasmer_emscripten.signatures import letters_of
from wasmer_runtime_core.wasm.module import FUNCTION

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.module import ModuleInfo

TYPES: Final = {
    name: tuple(types.split())
    for types, names in (
        ("->", "mono_background_exec mono_wasm_execute_timer"),
        ("i->", "free mono_wasm_deregister_root"),
        ("i->i", "malloc mono_wasm_assembly_load"),
        ("ii->", "mono_wasm_parse_runtime_options mono_wasm_set_main_args mono_wasm_setenv"),
        ("iii->", "mono_wasm_string_from_utf16_ref"),
        ("iii->i", "mono_wasm_add_assembly mono_wasm_assembly_find_class mono_wasm_assembly_find_method"),
        ("iii->i", "mono_wasm_register_root"),
        ("iiii->", "mono_wasm_string_get_data_ref"),
        ("ii-> i-> iiii->", "mono_wasm_load_runtime"),  # .NET 8, 9, 10
    )
    for name in names.split()
}
"""What the module of each version exports, and the types that it may have."""
TODAY: Final = {"mono_wasm_invoke_jsexport": ("ii->",)}
"""What that of .NET 9 and 10 exports besides."""
OF_8: Final = {"mono_wasm_invoke_method_bound": ("iii->i",), "mono_wasm_assembly_get_entry_point": ("ii->i",)}
"""What that of .NET 8 does."""


def layout_of(info: ModuleInfo, name: object) -> Layout:
    """How slots lie in the memory of a runtime.

    Raises:
        UnknownFramework: the module is no .NET runtime, or of a version that is not known.
    """
    found = {}
    for export in info.exports:
        if export.kind == FUNCTION:
            type = info.types[info.functions[export.index]]
            found[export.name] = f"{letters_of(type.params)}->{letters_of(type.results)}"
    absent = [each for each, types in TYPES.items() if found.get(each) not in types]
    if absent:
        shown = ", ".join(absent[:4]) + (", …" if len(absent) > 4 else "")
        raise UnknownFramework(f"{name} is no .NET runtime that is known: it does not export {shown} as those do")
    for functions, layout in ((TODAY, LAYOUT), (OF_8, LAYOUT_OF_8)):
        if all(found.get(each) in types for each, types in functions.items()):
            return layout
    raise UnknownFramework(f"{name} is a .NET runtime of a version that is not known: nothing in it calls managed code")
