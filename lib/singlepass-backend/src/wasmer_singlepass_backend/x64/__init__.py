"""x86-64: what the compiler knows of one processor. Another one gets a folder beside this.

`compile_function` reads a body by the rules of `lowering`; those write through `function`, the state of the function at
hand, which stands on registers, moves, the calling convention and records.
"""
