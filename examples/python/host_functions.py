"""A module that calls Python: plain functions, functions with types, and errors that pass through."""

from __future__ import annotations

from wasmer_runtime import Ctx, compile, func, instantiate

module = compile("""
  (module
    (import "env" "log" (func $log (param i32)))
    (import "env" "mean" (func $mean (param f64 f64) (result f64)))
    (import "env" "greet" (func $greet (param i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "from wasm")
    (func (export "run") (result f64)
      i32.const 7
      call $log
      i32.const 16
      i32.const 9
      call $greet
      f64.const 1
      f64.const 2
      call $mean))
""")


def greet(ctx: Ctx, pointer: int, length: int) -> None:
    """A first parameter called `ctx` is the calling instance: here, to read a string from its memory."""
    print("hello", bytes(ctx.memory(0)[pointer : pointer + length]).decode())


def mean(left: float, right: float) -> float:
    return (left + right) / 2


instance = instantiate(module, {"env": {"log": print, "mean": mean, "greet": greet}})
print(instance.exports.run())


def refuse(value: int) -> None:
    raise ValueError(f"I do not like {value}")


imports = {"env": {"log": func(refuse, params=["i32"], returns=[]), "mean": mean, "greet": greet}}
try:
    instantiate(module, imports).exports.run()
except ValueError as failure:
    print("the program was ended by", repr(failure))
