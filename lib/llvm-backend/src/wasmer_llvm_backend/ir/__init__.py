"""A function's body becomes LLVM's text: the driver (`translate`), the state (`function`) and what they write with."""
