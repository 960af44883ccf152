"""Attacks that go on for as long as asked: ``python -m tests.attack --minutes 60``, or ``nox -s attack``.

What is tried is drawn at random, in processes under limits, so that a crash, a hang or a gigabyte is
a finding and not the end of the run. Every finding comes with the command that repeats it.
"""
