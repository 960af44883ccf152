"""What the tests run: the fixtures, compiled once for each backend, and a small module that imitates a program."""

from __future__ import annotations

import functools
import struct
import sys
import tracemalloc
from pathlib import Path
from types import FrameType
from typing import Any

from programs import PROGRAMS, TODAY

from wasmer_emscripten import Program, load
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler, installed
from wasmer_runtime_core.running.module import Module

BY_NAME = {program.name: program for program in PROGRAMS}


def backends() -> list[str]:
    """The backends that are installed."""
    return installed()


@functools.cache
def fixture(name: str, backend: str = "singlepass") -> Module:
    """A module of `fixtures`, compiled."""
    return compile_with(BY_NAME[name].module, find_compiler(backend))


@functools.cache
def todays(name: str, backend: str = "singlepass") -> Module:
    """One of `TODAY`."""
    return compile_with(TODAY / f"{name}.wasm", find_compiler(backend))


PAGES = 64
BYTES = PAGES * 65536

IMITATION = """
(module
  (import "env" "emscripten_resize_heap" (func (param i32) (result i32)))
  {imports}
  (memory (export "memory") {pages} {most})
  (table (export "__indirect_function_table") 8 16 funcref)
  (elem (i32.const 1) $nothing $one $two $last)
  (global $heap (mut i32) (i32.const 2097152))
  (global $stack (mut i32) (i32.const 1048576))
  (global $threw (export "threw") (mut i32) (i32.const 0))
  (func $nothing)
  (func $one (param i32))
  (func $two (param i32 i32))
  (func $last (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func (export "malloc") (param $size i32) (result i32) (local $at i32)
    (if (i32.or (i32.lt_s (local.get $size) (i32.const 0)) (i32.gt_u (local.get $size) (i32.const 1048576)))
      (then (return (i32.const 0))))
    (local.set $at (global.get $heap))
    (if (i32.gt_u (i32.add (local.get $at) (local.get $size)) (i32.const {bytes})) (then (return (i32.const 0))))
    (global.set $heap (i32.and (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 15)) (i32.const -16)))
    (local.get $at))
  (func (export "free") (param i32))
  (func (export "stackSave") (result i32) (global.get $stack))
  (func (export "stackRestore") (param i32) (global.set $stack (local.get 0)))
  (func (export "stackAlloc") (param i32) (result i32)
    (global.set $stack (i32.and (i32.sub (global.get $stack) (local.get 0)) (i32.const -16)))
    (global.get $stack))
  (func (export "setThrew") (param i32 i32) (global.set $threw (local.get 0)))
  (func (export "__cxa_can_catch") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "__cxa_is_pointer_type") (param i32) (result i32) (i32.const 0))
  {more})
"""


def imitation(imports: str = "", more: str = "", pages: int = PAGES, most: int = PAGES) -> str:
    """The text of a module that has what emcc's programs have, and imports nothing but what is given."""
    return IMITATION.format(imports=imports, more=more, pages=pages, most=most, bytes=pages * 65536)


def world(imports: str = "", more: str = "", pages: int = PAGES, most: int = PAGES, **options: Any) -> Program:
    """An imitation, loaded, with streams that are kept from the terminal."""
    given: dict[str, Any] = {"stdin": b"input", "stdout": None, "stderr": None} | options
    return load(compiled(imitation(imports, more, pages, most)), **given)


@functools.cache
def compiled(text: str) -> Module:
    """A module from its text, compiled once."""
    return compile_with(text, find_compiler("singlepass"))


def put_text(program: Program, at: int, text: str | bytes) -> int:
    """Write a text with its NUL; its address."""
    data = text.encode() if isinstance(text, str) else text
    program.process.guest.write(at, data + b"\0")
    return at


def put_iovecs(program: Program, at: int, *ranges: tuple[int, int]) -> int:
    """Write iovecs; their address."""
    program.process.guest.write(at, b"".join(struct.pack("<II", *pair) for pair in ranges))
    return at


MOST_LINES = 300_000


class TooMuch(BaseException):
    """Passes through everything."""


def counted(call: Any) -> tuple[Any, int]:
    """What a call answers, or raises, and the bytes that it had allocated at most.

    Raises:
        TooMuch: it ran more than `MOST_LINES` lines of Python; so a test fails, and does not run for hours.
    """
    lines = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += 1
        if lines > MOST_LINES:
            sys.settrace(None)
            raise TooMuch
        return trace

    before = sys.gettrace()
    tracemalloc.start()
    base = tracemalloc.get_traced_memory()[0]
    sys.settrace(trace)
    try:
        answer = call()
    except Exception as failure:
        answer = failure
    finally:
        sys.settrace(before)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return answer, peak - base


HERE = Path(__file__).parent
