"""From a compiled module to calls: `module`, `plan`, `publish`, `instance`, `exports`, `imports`, and what
happens meanwhile: `interrupts`, `backtrace`, `tracing`. May import `contract` and `native`, never `compiling`.
"""
