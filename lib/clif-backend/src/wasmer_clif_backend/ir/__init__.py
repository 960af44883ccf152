"""CLIF, the representation this backend compiles: types, opcodes, functions, text, verifier, flow."""
