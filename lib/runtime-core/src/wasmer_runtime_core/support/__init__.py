"""What every room may use: names for annotations, rows, names that a terminal can show, looks for signals.

Imports nothing of this package.
"""
