"""The hostile user: wrong values, wrong moments, wrong threads. Everything gives an exception or works.

Each test runs in a process of its own (`isolated`), since what it looks for is a crash. They
are quick by default; ``python -m tests.stress --minutes 30`` runs them again and again with
other seeds, and the measurements of memory at their full size.
"""
