"""What the code says never changes: loads that LLVM may do early, once, or again (docs/threads.md)."""

from __future__ import annotations

import re

import pytest

from wasmer_llvm_backend import LLVMCallbacks, LLVMCompiler
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.contract.vmctx import IMPORT_RECORD, VMCTX, VmctxLayout

EVERYTHING = """(module
  (import "e" "host" (func $host (param i32))) (import "e" "table" (table 1 funcref)) (import "e" "memory" (memory 1))
  (import "e" "fixed" (global $fixed i32)) (import "e" "changing" (global $changing (mut i32)))
  (table $own 2 funcref)
  (global $immutable i64 (i64.const 1)) (global $mutable (mut i64) (i64.const 2))
  (type $t (func (param i32)))
  (elem declare func $f)
  (func $f (export "f") (param i32)
    (call $host (i32.load (local.get 0)))
    (call $host (global.get $fixed)) (call $host (global.get $changing)) (global.set $changing (i32.const 3))
    (global.set $mutable (i64.add (global.get $immutable) (global.get $mutable)))
    (call_indirect 0 (type $t) (i32.const 1) (i32.const 0)) (call_indirect $own (type $t) (i32.const 1) (i32.const 0))
    (table.set $own (i32.const 0) (table.get $own (i32.const 1))) (drop (table.size 0))
    (call $host (memory.grow (memory.size)))
    (table.set 0 (i32.const 0) (ref.func $f))
    (call $f (i32.const 5))))"""


@pytest.mark.parametrize("bounds_checks", ["disable", "enable"])
def test_nothing_is_called_constant_that_changes(bounds_checks: str) -> None:
    texts: list[str] = []
    compilation = run(Compilation(EVERYTHING), until="validate")
    info = compilation.info
    used = LLVMCompiler(opt_level=3, callbacks=LLVMCallbacks(pre_opt_ir=texts.append))
    used.compile(info, compilation.bodies, CompilerConfig(memory_bound_check_mode=bounds_checks))
    layout = VmctxLayout.of(info)
    names = {layout.memory(0): "memory 0"} | {layout.table(at): f"table {at}" for at in range(2)}
    names |= {layout.global_(at): f"global {at}" for at in range(4)}
    names |= {layout.type_record(at): f"type {at}" for at in range(len(info.types))}
    names |= {layout.import_record(0) + field.offset: f"import's {name}" for name, field in IMPORT_RECORD.items()}
    names |= {field.offset: name for name, field in VMCTX.items()}

    places: dict[str, str] = {}  # value -> what it is the address of
    constants: set[str] = set()
    changing: set[str] = set()
    for line in "\n".join(texts).splitlines():
        if line.startswith("define"):
            places = {"%0": "store"}
        elif found := re.match(r"(%\w+) = getelementptr i8, ptr (%\w+), i64 (\d+)$", line):
            value, base, offset = found[1], found[2], int(found[3])
            places[value] = names[offset] if base == "%0" and offset in names else f"{places.get(base, '?')} + {offset}"
        elif found := re.match(r"(%\w+) = load (?:volatile )?[\w<> ]+, ptr (%\w+), ", line):
            place = places.get(found[2], "?")
            places[found[1]] = f"*{place}"
            (constants if "!invariant.load" in line else changing).add(place)
    assert constants == {
        "memory 0", "table 0", "table 1", "global 0", "*global 0", "global 1", "global 2",
        f"type {info.functions[0]}", "import's code", "import's vmctx",
        *([] if bounds_checks == "enable" else ["memory_base"]),
    }  # fmt: skip
    assert {"*global 1", "global 3", "*table 0", "*table 0 + 8"} < changing
    assert not constants & changing
