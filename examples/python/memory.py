"""Linear memory: an ordinary buffer for Python, shared with the program."""

from __future__ import annotations

from wasmer_runtime import Memory, MemoryDescriptor, compile, instantiate

module = compile("""
  (module
    (import "env" "memory" (memory 1 4))
    (func (export "sum") (param $at i32) (param $count i32) (result i32)
      (local $sum i32)
      block $done
        loop $next
          local.get $count
          i32.eqz
          br_if $done
          local.get $sum
          local.get $at
          i32.load8_u
          i32.add
          local.set $sum
          local.get $at
          i32.const 1
          i32.add
          local.set $at
          local.get $count
          i32.const 1
          i32.sub
          local.set $count
          br $next
        end
      end
      local.get $sum)
    (func (export "grow") (result i32)
      i32.const 1
      memory.grow))
""")
memory = Memory(MemoryDescriptor(1, 4))
instance = instantiate(module, {"env": {"memory": memory}})

view = memoryview(memory)
view[100:105] = bytes([1, 2, 3, 4, 5])
print("sum of what Python wrote:", instance.exports.sum(100, 5))

print("pages before growing:", instance.exports.grow(), "bytes now:", len(memoryview(memory)))
print("still there:", list(memoryview(memory)[100:105]))
