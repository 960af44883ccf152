"""The specification's test scripts, run from the ``.wast`` files themselves.

`corpus` finds the scripts and knows what is not expected to pass, `runner` executes the
commands of one script, `engine` is all that it needs of a runtime, `results` compares
values, `workers` keeps each script in a process of its own so that a crash fails one
command, and `run` is the command line::

    python -m tests.spec.run --backend singlepass --level 1.0 i32 f32

Every command is executed, none is skipped. Two lists say what does not pass: the
superseded assertions, which a later release takes back (``superseded.txt`` beside the
scripts), and `expected_failures.toml` here, ours, with a reason each. What is in a list
and passes all the same is a failure too.
"""
