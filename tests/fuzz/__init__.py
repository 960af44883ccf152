"""Fuzzing: broken modules must be refused, never crash, and what is accepted must hold.

`corpus` gathers modules, `mutation` breaks them, `modules` says what must be true of any
bytes whatever. ``python -m tests.fuzz --minutes 10`` runs on its own until something
fails or the time is over; `test_modules.py` runs a little of it with the other tests.
"""
