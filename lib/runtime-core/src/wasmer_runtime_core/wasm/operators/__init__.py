"""The operators: `rows` (those that are here, one row each), `relaxed` (which of them are others by another name),
`effects` (what an operator does beside its values), `tables` (the rows as the validator reads them), `internal` (those
that middlewares put in), `proposals` (those that are known but not here). May import `wasm.types`.
"""

from __future__ import annotations


def __getattr__(name: str) -> object:
    """What `rows` has: this was one module once, and programs import it by this name."""
    if name.startswith("__"):  # asked by every import
        raise AttributeError(name)
    from wasmer_runtime_core.former_names import former_member

    return former_member(__name__, name)
