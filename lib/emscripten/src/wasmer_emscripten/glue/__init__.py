"""The JavaScript that emcc writes beside a module, read for what only it knows. It is text, and never run.

`embedded` finds the module, `names` what its letters stand for: where the glue says so, else by `fingerprints`, which
compares the `canonical` form of each of its functions (`objects`) with a table of `marks`.
"""
