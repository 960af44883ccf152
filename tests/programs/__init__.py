"""Real programs, doing real work on real files, on every backend and for every WASI version.

* `rows`: the table of them: where each comes from, its commands, what the results must be.
* `sources`: how what is not ours is fetched, once, by the machine's own package tools.
* `running`: one run, by this project or by wasmtime.
* `matrix`: a pytest plugin that prints what passed, backend by WASI version.
"""
