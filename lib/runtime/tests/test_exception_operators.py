"""Whatever operator an exception comes from, the try around it catches it: each row that calls or throws."""

from __future__ import annotations

from typing import Final

import pytest

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.running.objects.tags import Tag, WasmException
from wasmer_runtime_core.wasm.operators.effects import CALLS, STOPS, THROWS
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC

BACKENDS: Final = ("singlepass", "cranelift", "llvm")
"""Those that compile them."""
VALUE: Final = "(i32.const 42)"
SOURCES: Final = {
    "call": [f"(call $thrower {VALUE})", f"(call $host {VALUE})", f"(call $wide {VALUE}) (drop) (drop) (drop)"],
    "call_indirect": [f"(call_indirect (type $t) {VALUE} (i32.const {at}))" for at in range(2)],
    "call_ref": [f"(call_ref $t {VALUE} (ref.func $thrower))", f"(call_ref $t {VALUE} (ref.func $host))"],
    "return_call": [f"(return_call $thrower {VALUE})", f"(return_call $host {VALUE})"],
    "return_call_indirect": [f"(return_call_indirect (type $t) {VALUE} (i32.const {at}))" for at in range(2)],
    "return_call_ref": [f"(return_call_ref $t {VALUE} (ref.func $thrower))"],
    "throw": [f"(throw $e {VALUE})"],
    "throw_ref": ["(throw_ref (call $kept))"],
    "rethrow": [f"(try (do (throw $e {VALUE})) (catch_all (rethrow 0)))"],
}
"""By mnemonic: what throws 42 with the operator."""
THROWING: Final = sorted(name for name, row in BY_MNEMONIC.items() if row.effects & (CALLS | THROWS))
ENCODINGS: Final = {
    "tables": """(block $h (result i32) (try_table (catch $e $h) {body}) (return))
      (global.set $caught (i32.add (i32.const {number})))""",
    "legacy": """(try (do {body}) (catch $e (global.set $caught (i32.add (i32.const {number})))))""",
}
"""A try around a body: what was caught, plus a number, goes to a global."""
MODULE: Final = """(module
  (type $t (func (param i32)))
  (import "e" "tag" (tag $e (param i32)))
  (import "e" "host" (func $host (type $t)))
  (global $caught (export "caught") (mut i32) (i32.const 0))
  (table funcref (elem $thrower $host))
  (elem declare func $thrower $host)
  (func $thrower (type $t) (throw $e (local.get 0)))
  (func $wide (param i32) (result f64 i64 i32) (throw $e (local.get 0)))
  {kept}
  (func $inner {inner})
  (func (export "run") {outer}))"""
KEPT: Final = f"""(func $kept (result exnref) (local $x exnref)
    (block $h (result i32 exnref) (try_table (catch_ref $e $h) (throw $e {VALUE})) (unreachable))
    (local.set $x) (drop) (local.get $x))"""


CASES: Final = [
    (operator, encoding)
    for operator in THROWING
    for encoding in ENCODINGS
    if (operator, encoding) not in (("throw_ref", "legacy"), ("rethrow", "tables"))  # which are of one encoding
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("operator", "encoding"), CASES)
def test_what_an_operator_throws_is_caught(operator: str, encoding: str, backend: str) -> None:
    """By the try around it; if it has taken down the function's frame, by one around the function's call."""
    leaves = operator.startswith("return_call")
    effects = BY_MNEMONIC[operator].effects
    assert leaves == bool(effects & CALLS and effects & STOPS)
    for source in SOURCES[operator]:
        text = MODULE.format(
            inner=ENCODINGS[encoding].format(body=source, number=100),
            outer=ENCODINGS[encoding].format(body="(call $inner)", number=200),
            kept=KEPT if operator == "throw_ref" else "",
        )
        module = compile_with(text, find_compiler(backend), CompilerConfig())
        tag = Tag("i32")

        def host(value: int, tag: Tag = tag) -> None:
            raise WasmException(tag, (value,))

        instance = module.instantiate({"e": {"tag": tag, "host": host}})
        instance.exports.run()
        assert instance.exports.caught.value == (242 if leaves else 142), source
