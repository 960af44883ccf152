"""The binary format (specification, chapter 5): `scan` walks over it, `decode` says what a module declares.

May import `wasm.operators` and what lies in `wasm` itself.
"""
