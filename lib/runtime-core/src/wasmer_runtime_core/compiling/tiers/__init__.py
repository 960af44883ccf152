"""Better code for functions that run often, while they run: docs/tiers.md says how.

`tiered` decides for one module, `background` has the process that compiles, `serve` is what that runs.
"""
