"""DWARF, as much of it as a backtrace needs: positions from line tables, functions that a compiler inlined.

Versions 2 to 5 (the DWARF standard, sections by number in the files), little-endian. A module brings
its own DWARF, and may lie or be broken: every read is checked against its section, and a `Budget` counts the
steps of all reading for a module, so that the worst input costs a bounded time, once.

============  ==================================================
`data`        reading bytes, and the budget
`forms`       attributes and how they are written
`units`       compilation units, their entries, functions in them
`lines`       a unit's line table
============  ==================================================
"""
