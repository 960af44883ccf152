"""Small modules with the ABI of emcc's first backend, written by hand: the oldest kind, and the last one."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final

from worlds import compiled

from wasmer_emscripten import Program, load
from wasmer_emscripten.fastcomp.numbered import CALLS

RESERVED: Final = 2
OLD_GLUE: Final = """
var STATIC_BASE = Runtime.GLOBAL_BASE; STATICTOP = STATIC_BASE + 8976;
var TOTAL_STACK = Module["TOTAL_STACK"] || 65536;
/* global initializers */  __ATINIT__.push({ func: function() { __GLOBAL__sub_I_second() } }, { func: function() { __GLOBAL__sub_I_first() } });
var functionPointers = new Array(2);
"""  # noqa: E501
LAST_GLUE: Final = "var DYNAMICTOP_PTR = 20000; ERRNO_CODES = {ENOENT:44}; "

_COMMON: Final = """
  (import "env" "memory" (memory 8))
  (import "env" "table" (table 8 8 funcref))
  (import "global" "NaN" (global $nan f64))
  (import "global" "Infinity" (global $infinity f64))
  (import "env" "abort" (func $abort (param i32)))
  (import "env" "jsCall_ii" (func $js (param i32 i32) (result i32)))
  (import "env" "nullFunc_ii" (func $null (param i32)))
  (import "env" "invoke_ii" (func $invoke (param i32 i32) (result i32)))
  (import "env" "_longjmp" (func $longjmp (param i32 i32)))
  {imports}
  (global $threw (mut i32) (i32.const 0))
  (elem (i32.const 0) $nowhere $callback0 $callback1 $twice $jump $nowhere $nowhere $nowhere)
  (func $nowhere (param i32) (result i32) (call $null (local.get 0)) (i32.const 0))
  (func $callback0 (param i32) (result i32) (call $js (i32.const 0) (local.get 0)))
  (func $callback1 (param i32) (result i32) (call $js (i32.const 1) (local.get 0)))
  (func $twice (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
  (func $jump (param i32) (result i32) (call $longjmp (i32.const 4096) (local.get 0)) (i32.const 1))
  (func (export "dynCall_ii") (param i32 i32) (result i32)
    (call_indirect (param i32) (result i32) (local.get 1) (i32.and (local.get 0) (i32.const 7))))
  (func (export "_apply") (param i32 i32) (result i32) (call $invoke (local.get 0) (local.get 1)))
  (func (export "_nan") (result f64) (global.get $nan))
  (func (export "_infinity") (result f64) (global.get $infinity))
  (func (export "_threw") (result i32) (global.get $threw))
  (func (export "setThrew") (param i32 i32) (global.set $threw (local.get 0)))
  (func (export "_malloc") (param $size i32) (result i32) (local $at i32) (local $end i32)
    (local.set $at (i32.load (call $top)))
    (local.set $end (i32.and (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 15)) (i32.const -16)))
    (if (i32.gt_u (local.get $end) (i32.const 524288)) (then (return (i32.const 0))))
    (i32.store (call $top) (local.get $end))
    (local.get $at))
  (func (export "_free") (param i32))
  (func (export "___errno_location") (result i32) (i32.const 8))
  (func (export "__get_environ") (result i32) (i32.const 1032))
  (func (export "stackSave") (result i32) (global.get $stack))
  (func (export "stackRestore") (param i32) (global.set $stack (local.get 0)))
  (func (export "stackAlloc") (param i32) (result i32) (local i32)
    (local.set 1 (global.get $stack))
    (global.set $stack (i32.and (i32.add (i32.add (local.get 1) (local.get 0)) (i32.const 15)) (i32.const -16)))
    (local.get 1))
  (func (export "__growWasmMemory") (param i32) (result i32) (memory.grow (local.get 0)))
"""
OLD: Final = (
    """
(module
  (import "env" "STACKTOP" (global $first i32))
  (import "env" "STACK_MAX" (global $most i32))
  (import "env" "DYNAMICTOP_PTR" (global $dynamic i32))
  (import "env" "tempDoublePtr" (global $double i32))
  (import "env" "ABORT" (global $ended i32))
  (import "env" "tableBase" (global $base i32))
  (import "env" "memoryBase" (global $data i32))
  (import "global.Math" "pow" (func $pow (param f64 f64) (result f64)))
  (import "asm2wasm" "f64-rem" (func $rem (param f64 f64) (result f64)))
  (import "asm2wasm" "f64-to-int" (func $int (param f64) (result i32)))
"""
    + _COMMON
    + """
  (global $stack (mut i32) (global.get $first))
  (global $order (mut i32) (i32.const 0))
  (func $top (result i32) (global.get $dynamic))
  (func $ran (param i32)
    (global.set $order (i32.add (i32.mul (global.get $order) (i32.const 10)) (local.get 0))))
  (func (export "__GLOBAL__sub_I_first") (call $ran (i32.const 1)))
  (func (export "__GLOBAL__sub_I_second") (call $ran (i32.const 2)))
  (func (export "_order") (result i32) (global.get $order))
  (func (export "_place") (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (global.get $first))))
    (if (i32.eq (local.get 0) (i32.const 1)) (then (return (global.get $most))))
    (if (i32.eq (local.get 0) (i32.const 2)) (then (return (global.get $dynamic))))
    (if (i32.eq (local.get 0) (i32.const 3)) (then (return (global.get $double))))
    (if (i32.eq (local.get 0) (i32.const 4)) (then (return (global.get $data))))
    (i32.add (global.get $ended) (global.get $base)))
  (func (export "_pow") (param f64 f64) (result f64) (call $pow (local.get 0) (local.get 1)))
  (func (export "_rem") (param f64 f64) (result f64) (call $rem (local.get 0) (local.get 1)))
  (func (export "_int") (param f64) (result i32) (call $int (local.get 0)))
  (func (export "_main") (param i32 i32) (result i32) (local.get 0))
  {more})
"""
)
LAST: Final = (
    """
(module
  (import "env" "__table_base" (global $base i32))
  (import "env" "___wasi_fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "env" "___wasi_fd_seek" (func $seek (param i32 i32 i32 i32 i32) (result i32)))
"""
    + _COMMON
    + """
  (global $stack (mut i32) (i32.const 20016))
  (global $most (mut i32) (i32.const 85552))
  (func $top (export "_emscripten_get_sbrk_ptr") (result i32) (i32.const 20000))
  (data (i32.const 1100) "hello\\n")
  (data (i32.const 1088) "\\4c\\04\\00\\00\\06\\00\\00\\00")
  (func (export "_main") (result i32) (call $write (i32.const 1) (i32.const 1088) (i32.const 1) (i32.const 1096)))
  (func (export "_seek") (param i32 i32 i32) (result i32)
    (call $seek (local.get 0) (local.get 1) (local.get 2) (i32.const 0) (i32.const 1104)))
  {more})
"""
)


def _type(letters: str, result: bool) -> str:
    names = {"i": "i32", "d": "f64", "I": "i64", "f": "f32"}
    params = " ".join(names[letter] for letter in letters)
    return (f" (param {params})" if params else "") + (" (result i32)" if result else "")


def old_world(
    text: str = OLD,
    calls: Sequence[int] = (),
    functions: Sequence[tuple[str, str, str]] = (),
    **options: Any,
) -> Program:
    """A module with system calls by number, and other imports (name, letters, result), each exported as it is."""
    imports, more = [], []
    wanted = [(f"___syscall{number}", "ii", "i") for number in calls] + list(functions)
    for at, (name, params, result) in enumerate(wanted):
        type = _type(params, bool(result)) if result in ("", "i") else _type(params, False) + " (result f64)"
        imports.append(f'(import "env" "{name}" (func $import{at}{type}))')
        passed = " ".join(f"(local.get {each})" for each in range(len(params)))
        more.append(f'(func (export "_do{name}"){type} (call $import{at} {passed}))')
    source = text.replace("{imports}", "\n  ".join(imports)).replace("{more}", "\n  ".join(more))
    given: dict[str, Any] = {"stdin": b"input", "stdout": None, "stderr": None} | options
    return load(compiled(source), **given)


def system_call(program: Program, number: int, *words: int | str | bytes) -> int:
    """Call one: texts are put into the program's memory first, then all words behind each other."""
    assert number in CALLS
    values = [program.new_string(word) if isinstance(word, (str, bytes)) else word for word in words]
    place = program.new_string(struct.pack(f"<{len(values)}I", *(value & 0xFFFF_FFFF for value in values)) + bytes(64))
    function = getattr(program, f"_do___syscall{number}")
    return int(function(number, place))
