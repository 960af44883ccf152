"""A program that calls what it is told to, with the imports and exports of Go's.

Its ``run`` and each ``resume`` take the next list of calls (`Guest.on_run`, `Guest.on_resume`): pairs of a function
and a stack pointer. What lies behind a stack pointer is put there, and read, by Python.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Sequence
from typing import Any, Final

from wasmer_go import GoState, Program
from wasmer_go.interface import FUNCTIONS
from wasmer_go.objects import Value
from wasmer_go.state import GoStateBuilder
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.running.module import Module

NAMES: Final = sorted(FUNCTIONS)
RUN: Final = 0x4000
"""Where the list for ``run`` lies; those for ``resume`` follow one another at `RESUME`, whose next is at `NEXT`."""
RESUME: Final = 0x5000
NEXT: Final = 0x3FF8
MOVED: Final = 0x3FF0
"""What ``getsp`` returns."""
FRAME: Final = 0x8000
"""A stack pointer for one call."""
DATA: Final = 0x9000
"""Texts and bytes of one call."""
PAGES: Final = 2


def text(namespace: str = "gojs", names: Sequence[str] = NAMES) -> str:
    """The module."""
    imports = "\n".join(f'(import "{namespace}" "{name}" (func (param i32)))' for name in names)
    table = " ".join(str(at) for at in range(len(names)))
    return f"""
(module
  {imports}
  (type $call (func (param i32)))
  (memory (export "mem") {PAGES} 16)
  (table funcref (elem {table}))
  (func $calls (param $at i32) (result i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (i32.load (local.get $at))))
        (call_indirect (type $call)
          (i32.load offset=4 (local.get $at))
          (i32.sub (i32.load (local.get $at)) (i32.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br $next)))
    (i32.add (local.get $at) (i32.const 8)))
  (func (export "run") (param i32 i32) (drop (call $calls (i32.const {RUN}))))
  (func (export "resume")
    (local $at i32)
    (local.set $at (i32.load (i32.const {NEXT})))
    (i32.store (i32.const {NEXT}) (call $calls (local.get $at))))
  (func (export "getsp") (result i32) (i32.load (i32.const {MOVED}))))
"""


@functools.cache
def module(namespace: str = "gojs") -> Module:
    return compile_with(text(namespace), find_compiler("singlepass"))


class Guest:
    """A program, and what it is to call.

    Attributes:
        program: it.
    """

    def __init__(self, state: GoState | GoStateBuilder | None = None, limits: Any = None) -> None:
        builder = GoState.new("guest") if state is None else state
        self.state = builder.build() if isinstance(builder, GoStateBuilder) else builder
        self.program = Program(module(), self.state, limits)
        self.process = self.program.process
        self.memory: Any = self.process.memory
        self._end = RESUME
        self._pack("<I", NEXT, RESUME)
        self._pack("<I", MOVED, FRAME)
        self._started = False

    def _pack(self, layout: str, address: int, *values: Any) -> None:
        self.memory.write(address, struct.pack(layout, *values))

    def _list(self, address: int, calls: Sequence[tuple[str, int]]) -> int:
        for name, sp in calls:
            self._pack("<II", address, NAMES.index(name) + 1, sp)
            address += 8
        self._pack("<II", address, 0, 0)
        return address + 8

    def on_run(self, *calls: tuple[str, int]) -> None:
        """What ``run`` calls."""
        self._list(RUN, calls)

    def on_resume(self, *calls: tuple[str, int]) -> None:
        """What the next ``resume`` that has no calls yet calls."""
        self._end = self._list(self._end, calls)

    # --- arguments and results

    def put(self, at: int, value: Value, frame: int = FRAME) -> None:
        """A value as an argument, or as a result for whoever looks."""
        self.process.references.store(self.memory, frame + at, value)

    def number(self, at: int, value: int, frame: int = FRAME) -> None:
        self._pack("<q", frame + at, value)

    def pair(self, at: int, address: int, length: int, frame: int = FRAME) -> None:
        self._pack("<qq", frame + at, address, length)

    def text(self, at: int, content: str | bytes, frame: int = FRAME, data: int = DATA) -> None:
        raw = content if isinstance(content, bytes) else content.encode()
        self.memory.write(data, raw)
        self.pair(at, data, len(raw), frame)

    def values(self, at: int, values: Sequence[Value], frame: int = FRAME, data: int = DATA + 0x800) -> None:
        for place, value in enumerate(values):
            self.put(data - frame + 8 * place, value, frame)
        self.pair(at, data, len(values), frame)

    def get(self, at: int, frame: int = FRAME) -> Value:
        return self.process.references.load(self.memory, frame + at)

    def got(self, layout: str, at: int, frame: int = FRAME) -> Any:
        return struct.unpack_from("<" + layout, self.memory, frame + at)[0]

    def bytes(self, address: int, length: int) -> bytes:
        return bytes(self.memory.read(address, length))

    # --- calling

    def call(self, name: str, frame: int = FRAME) -> None:
        """Let the program call one function, with what lies behind the stack pointer."""
        if not self._started:
            self._started = True
            self.on_run((name, frame))
            self.process.enter(self.program.instance.exports["run"], 0, 0)
        else:
            self._pack("<I", NEXT, self._end)
            self.on_resume((name, frame))
            self.process.resume()
