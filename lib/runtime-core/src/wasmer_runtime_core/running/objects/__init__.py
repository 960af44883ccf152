"""What modules import and export: memories, tables, globals, functions; with them `limits`, `pointers`, `arrays`.

May import `host` and `interrupts` of `running`, and what that may.
"""
