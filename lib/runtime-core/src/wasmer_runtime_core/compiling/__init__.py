"""From bytes to a compiled module: `pipeline` (the passes), `registry` (which backends there are), `middleware`.

May import `contract`, `codegen` and `native`, never `running`.
"""
