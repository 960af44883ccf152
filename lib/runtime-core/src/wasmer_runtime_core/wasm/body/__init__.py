"""A function after validation, as backends and middlewares get it: `body` (the records), `text` (and read again),
`verifier` (whether they make sense), `corrector` (what follows from records that were edited). May import
`wasm.operators`.
"""

from __future__ import annotations


def __getattr__(name: str) -> object:
    """What `body` has: this was one module once, and programs import it by this name."""
    if name.startswith("__"):  # asked by every import
        raise AttributeError(name)
    from wasmer_runtime_core.former_names import former_member

    return former_member(__name__, name)
