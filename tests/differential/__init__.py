"""Random programs, run by every backend and by wasmtime: all must agree."""
