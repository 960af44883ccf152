"""What modules import and export: memories, tables, globals, functions; with them `limits`, `pointers`, `arrays`.

May import `values`, `units`, `host` and `interrupts` of `running`, and what that may.
"""
