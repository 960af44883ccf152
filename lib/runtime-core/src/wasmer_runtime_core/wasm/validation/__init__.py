"""Whether a module is valid (specification, chapter 3), and its functions as bodies, in one walk.

`validate` is the way in; `body_validator` does one function, with the operand and control stacks beside it and the
writer of records. May import `wasm.operators`, `wasm.binary` and `wasm.body`.
"""

from wasmer_runtime_core.support import main_interpreter as main_interpreter  # before any compiled module
