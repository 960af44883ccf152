"""Null is found wherever a field lies: near the start of its struct, at the end of the first page, and far beyond it.

Code may leave the look for null to the processor where no page is mapped, which says nothing of what lies behind that.
Each access to null is a trap of its kind, at its own operator; each to an object gives what was written.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.differential.variants import VARIANTS
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.errors import Trap

STORAGES: Final = {"i8": "i32", "i16": "i32", "i32": "i32", "i64": "i64", "f32": "f32", "f64": "f64", "v128": "v128"}
VALUES: Final[dict[str, tuple[str, Any]]] = {
    "i32": ("(i32.const 77)", 77),
    "i64": ("(i64.const -7)", -7),
    "f32": ("(f32.const 1.5)", 1.5),
    "f64": ("(f64.const -2.5)", -2.5),
    "v128": ("(v128.const i64x2 3 4)", None),
    "anyref": ("(ref.i31 (i32.const 9))", 9),
}
NAMED: Final = (*STORAGES, "anyref")
FILLERS: Final = (0, 251, 252, 253, 254, 255, 256, 257, 1023, 9000)
"""So many vectors lie in front of the field, 16 bytes each: at 254 the end of the page comes into it."""


def structs() -> tuple[str, dict[str, tuple[str, str]]]:
    """The types; by name of each its storage, and the place of its last field."""
    texts, found = [], {}
    for count in FILLERS:
        texts.append(f"(type $f{count} (sub (struct {'(field (mut v128)) ' * count})))")
        for storage in NAMED:
            name = f"$f{count}_{storage}"
            fields = "(field (mut v128)) " * count
            texts.append(f"(type {name} (sub $f{count} (struct {fields}(field (mut {storage})))))")
            found[name] = (storage, str(count))
    return "\n".join(texts), found


@pytest.mark.parametrize("variant", [name for name in VARIANTS if "bounds" not in name])
def test_fields(variant: str) -> None:
    types, found = structs()
    functions = []
    for name, (storage, place) in found.items():
        type_ = STORAGES.get(storage, storage)
        sign = "_u" if storage in ("i8", "i16") else ""
        value = VALUES[type_][0]
        get = f"(struct.get{sign} {name} {place} (local.get 0))"
        if type_ == "v128":
            get = f"(i64x2.extract_lane 1 {get})"
        if type_ == "anyref":
            get = f"(i31.get_u (ref.cast (ref i31) {get}))"
        result = {"v128": "i64", "anyref": "i32"}.get(type_, type_)
        functions.append(
            f"(func $get{name[1:]} (param (ref null {name})) (result {result}) {get})"
            f"(func $set{name[1:]} (param (ref null {name})) (struct.set {name} {place} (local.get 0) {value}))"
            f'(func (export "null get {name}") (drop (call $get{name[1:]} (ref.null {name}))))'
            f'(func (export "null set {name}") (call $set{name[1:]} (ref.null {name})))'
            f'(func (export "object {name}") (result {result}) (local (ref null {name}))'
            f" (local.set 0 (struct.new_default {name})) (call $set{name[1:]} (local.get 0))"
            f" (call $get{name[1:]} (local.get 0)))"
        )
    compiler, config = VARIANTS[variant]()
    exports: Any = compile_with(f"(module {types} {''.join(functions)})", compiler, config).instantiate().exports
    for name, (storage, _) in found.items():
        for verb in ("get", "set"):
            with pytest.raises(Trap) as caught:
                exports[f"null {verb} {name}"]()
            assert caught.value.kind == "NULL_STRUCTURE", (verb, name)
            assert caught.value.frames[0].function_name == f"{verb}{name[1:]}"
        type_ = STORAGES.get(storage, storage)
        assert exports[f"object {name}"]() == (4 if type_ == "v128" else VALUES[type_][1]), name


@pytest.mark.parametrize("variant", [name for name in VARIANTS if "bounds" not in name])
@pytest.mark.parametrize("storage", NAMED)
def test_elements(variant: str, storage: str) -> None:
    type_ = STORAGES.get(storage, storage)
    sign = "_s" if storage in ("i8", "i16") else ""
    accesses = {
        "length": "(drop (array.len (local.get 0)))",
        "first": f"(drop (array.get{sign} $a (local.get 0) (i32.const 0)))",
        "far": f"(drop (array.get{sign} $a (local.get 0) (i32.const 5000000)))",
        "some": f"(drop (array.get{sign} $a (local.get 0) (local.get 1)))",
        "set": f"(array.set $a (local.get 0) (i32.const 3) {VALUES[type_][0]})",
        "set some": f"(array.set $a (local.get 0) (local.get 1) {VALUES[type_][0]})",
    }
    functions = "".join(
        f'(func (export "{name}") (param i32) (call $of{at} (ref.null $a) (local.get 0)))'
        f"(func $of{at} (param (ref null $a) i32) {access})"
        for at, (name, access) in enumerate(accesses.items())
    )
    compiler, config = VARIANTS[variant]()
    text = f"(module (type $a (array (mut {storage}))) {functions})"
    exports: Any = compile_with(text, compiler, config).instantiate().exports
    for at, name in enumerate(accesses):
        for index in (0, 1, 300, 0x7FFF_FFFF, -1):
            with pytest.raises(Trap) as caught:
                exports[name](index)
            assert caught.value.kind == "NULL_ARRAY", name
            assert caught.value.frames[0].function_name == f"of{at}"
