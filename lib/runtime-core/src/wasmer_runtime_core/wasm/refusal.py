"""The way from an error to the feature it is about.

What the decoder or validator cannot read may be what a proposal added. The tables of proposals are
wanted only then, so they are imported here, when an error is on its way.
"""

from __future__ import annotations

from wasmer_runtime_core.errors import CompileError, DecodeError


def refused(error: DecodeError, place: str, data: bytes, end: int, function: int = -1) -> CompileError:
    """`error`, or, if what is at its offset is a proposal's, the `UnsupportedFeatureError` that says so.

    Args:
        error: what the bytes are where no proposal is known.
        place: what was to be read there: a name of `proposals.PLACES`.
        data: the module.
        end: nothing is read from there on.
        function: whose body it is, or -1.
    """
    from wasmer_runtime_core.wasm.operators.proposals import explained

    return explained(error, place, data, end, None if function < 0 else function)
