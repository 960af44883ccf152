"""What crosses between distributions, and between Python and generated code: plain data and numbers.

`backend` (what a compiler is given and gives back), `artifact` (a compiled module, pickled), `vmctx` (what generated
code reads), `traps`, `helpers` (functions of core that generated code calls), `target` (the processor). May import
`wasm`.
"""
