"""The smallest program: compile a module from text, call what it exports."""

from __future__ import annotations

from wasmer_runtime import compile, instantiate

module = compile("""
  (module
    (func (export "add") (param i32 i32) (result i32)
      local.get 0
      local.get 1
      i32.add))
""")
instance = instantiate(module)
print(instance.exports.add(20, 22))
print(instance.call("add", -1, 1))
print("add" in instance.exports, "subtract" in instance.exports)
