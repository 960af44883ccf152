"""Programs called many times on two backends of ours: results, traps with their frames, globals and memory agree.

It needs no other engine, and compares more than one can be asked for: which function a trap happened in and where.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from tests.differential.generate import Program
from tests.differential.variants import VARIANTS
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_singlepass_backend import SinglepassCompiler

if TYPE_CHECKING:
    from wasmer_runtime_core.contract.compiler import Compiler
    from wasmer_runtime_core.running.instance import Instance

CALLS_OF_EACH: Final = 40
"""Of each function of a program, one after another on the same instance."""

SIZES: Final = (3, 4, 5, 6, 7)
"""How deep expressions nest, in turn."""


def outcome(
    instance: Instance, name: str, arguments: Sequence[int | float], exact: bool = False, places: bool = True
) -> tuple[object, ...]:
    """What came of a call; NaNs are alike, unless exact. Without `places` it does not tell where in its function an
    access was out of bounds: llvm may name a neighbour's place (docs/llvm.md)."""
    try:
        result = instance.exports[name](*arguments)
    except Trap as trap:
        frames = [(frame.function_index, frame.offset) for frame in trap.frames]
        if trap.kind == "STACK_OVERFLOW":
            frames = []  # how much of the stack a call takes is a backend's own affair
        if trap.kind == "MEMORY_OUT_OF_BOUNDS" and not places:
            frames[:1] = [(frames[0][0], 0)]
        return trap.kind, frames
    values = result if isinstance(result, (list, tuple)) else () if result is None else (result,)
    return ("values", *(_bits(value, exact) for value in values))


def _bits(value: Any, exact: bool) -> object:
    value = getattr(value, "value", value)
    if isinstance(value, float):
        return "nan" if math.isnan(value) and not exact else struct.pack("<d", value)
    return value


def left(instance: Instance, program: Program, exact: bool = False) -> list[object]:
    """What calls have left behind: globals and memories."""
    found = [_bits(instance.exports[f"g{type_}"].get(), exact) for type_ in ("i32", "i64", "f32", "f64")]
    return [*found, *(bytes(memoryview(instance.exports[name])) for name in program.memories)]


def differences(
    program: Program, compiler: Compiler, config: CompilerConfig, calls_of_each: int = CALLS_OF_EACH
) -> tuple[int, list[str]]:
    """How many calls were made, and a line for each that differs, and for what is left: to the bit where the
    configuration is deterministic."""
    exact = config.deterministic
    places = compiler.name != "llvm"
    wasm = parse_module(program.text)
    calls = [(name, program.arguments(params)) for _ in range(calls_of_each) for name, params in program.exports]
    plain = compile_with(wasm, SinglepassCompiler(), CompilerConfig(deterministic=exact)).instantiate({})
    other = compile_with(wasm, compiler, config).instantiate({})
    found = []
    for number, (name, arguments) in enumerate(calls, 1):
        expected = outcome(plain, name, arguments, exact, places)
        actual = outcome(other, name, arguments, exact, places)
        if expected != actual:
            found.append(f"{name}{tuple(arguments)}: singlepass {expected}, {compiler.name} {actual}")
            return number, found
    if left(plain, program, exact) != left(other, program, exact):
        found.append("globals or memories differ")
    return len(calls), found


def executions(wanted: int, first: int, variants: Sequence[str] | None) -> int:
    """Compare until so many calls were made; print what differs. The exit status."""
    failed = 0
    for variant in variants or [name for name in VARIANTS if name.startswith("cranelift")]:
        compiler, config = VARIANTS[variant]()
        done = 0
        seed = first
        while done < wanted:
            calls, found = differences(Program(seed, SIZES[seed % len(SIZES)]), compiler, config)
            done += calls
            if found:
                failed += 1
                print(f"seed {seed}, size {SIZES[seed % len(SIZES)]}, {variant}:", *found[:3], sep="\n  ", flush=True)
            seed += 1
        print(f"{variant}: {done:,} calls of {seed - first} programs, from seed {first} on", flush=True)
    print(f"{failed} programs with differences")
    return 1 if failed else 0
