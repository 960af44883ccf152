"""The binary format (specification, chapter 5): `scan` walks over it, `decode` says what a module declares.

May import `wasm.operators` and what lies in `wasm` itself.
"""

from wasmer_runtime_core.support import main_interpreter as main_interpreter  # before any compiled module
