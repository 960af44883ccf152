"""Modules to start from: the specification's scripts, and what npm has installed.

Scripts are looked for as everywhere (``WASMER_TESTDATA``, else ``../shared/testdata`` from
the project's root). Without them a few modules of our own are left, which hold every
kind of section and most kinds of operator.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wasmer_runtime_core.errors import DecodeError, UnsupportedFeatureError
from wasmer_runtime_core.wasm.operators.rows import OPERATORS
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.text.script import read_script

ROOT: Final = Path(__file__).resolve().parents[2]
LARGEST: Final = 20_000
"""Larger modules are left out: mutations of them say less a second."""

OWN_MODULES: Final = (
    """(module (func (export "a") (param i32 i64) (result i32) (local f32 f64)
      (block $out (result i32)
        (loop $again
          (local.set 0 (i32.add (local.get 0) (i32.const 100000)))
          (br_if $again (i32.lt_s (local.get 0) (i32.const 7)))
          (br_table $again $again (local.get 0)))
        (unreachable))))""",
    """(module
      (import "m" "f" (func $f (param i32) (result i64 i32)))
      (import "m" "g" (global $g i32))
      (memory (export "memory") 1 2) (table $t 4 funcref) (table $u 1 externref)
      (global $h (mut i64) (i64.const -5)) (global $i funcref (ref.func $w))
      (data (i32.const 8) "abc") (data $d "def")
      (elem (table $t) (global.get $g) func $w $f) (elem $e funcref (ref.null func)) (elem declare func $v)
      (func $v (param i32) (drop (call $f (local.get 0))) (global.set $h) (drop (ref.func $v)))
      (func $w (result i32)
        (memory.init $d (i32.const 0) (i32.const 1) (i32.const 2)) (data.drop $d)
        (memory.copy (i32.const 0) (i32.const 1) (i32.const 2)) (memory.fill (i32.const 0) (i32.const 1) (i32.const 2))
        (table.init $t $e (i32.const 0) (i32.const 1) (i32.const 2)) (elem.drop $e)
        (table.set $u (i32.const 0) (table.get $u (i32.const 0)))
        (i32.const 3)
        (if (param i32) (result i32) (i64.eqz (global.get $h)) (then (i32.eqz)) (else (drop) (i32.const 4)))
        (call_indirect $t (param i32) (result i64 i32) (memory.grow (i32.const 1))) (br 0) (drop) (drop)))""",
    """(module (memory 1) (func (export "v") (param v128) (result v128)
      (v128.load16_lane offset=3 align=1 7 (i32.const 0)
        (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31 (local.get 0) (v128.const i32x4 1 2 3 4)))
      (i32x4.replace_lane 3 (f32x4.extract_lane 1 (local.get 0)) (i32.trunc_sat_f32_s))
      (f64x2.splat (f64.const 0x1p-3)) (i8x16.swizzle)))""",
)


def scripts() -> Path:
    """Where the specification's scripts are, if they are."""
    testdata = os.environ.get("WASMER_TESTDATA")
    return (Path(testdata) if testdata else ROOT.parent / "shared" / "testdata") / "spec"


def modules(releases: tuple[str, ...] = ("2.0",)) -> list[bytes]:
    """Binary modules, valid and invalid, without repetitions."""
    found = {parse_own(text): None for text in OWN_MODULES}
    for release in releases:
        for path in sorted((scripts() / release).rglob("*.wast")):
            found.update((module, None) for module in _of_script(path) if len(module) <= LARGEST)
    return list(found)


def parse_own(text: str) -> bytes:
    """One of our own modules in the binary format."""
    return parse_module(text)


def _of_script(path: Path) -> Iterator[bytes]:
    for command in read_script(path.read_bytes()):
        if command.module is not None:
            try:
                yield command.module.encode()
            except (DecodeError, UnsupportedFeatureError):
                continue


OPCODE_BYTES: Final = tuple(sorted({code if code < 0x100 else 0xFC if code < 0x200 else 0xFD for code in OPERATORS}))
"""First bytes of operators: what mutations like to write."""
