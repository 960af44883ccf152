"""What custom sections say for people who debug: `source_lines` (positions, inlined functions), from `dwarf`; `symbols`
(names of C++ and Rust as they were written). Nothing here raises: a backtrace is no place to complain.
"""
