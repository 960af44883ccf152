"""What crosses between distributions, and between Python and generated code: plain data and numbers.

`compiler` (what a backend is), `backend` (what it is given and gives back), `artifact` (a compiled module, pickled),
`vmctx` (what generated code reads), `objects` (where the fields of structs lie), `traps`, `helpers` (functions of core
that generated code calls), `target` (the processor), `values` and `units` (what calls take and give).
May import `wasm`.
"""
