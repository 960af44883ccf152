"""What must be true of any bytes that are taken for a module.

Decoding and validating end in success, `DecodeError` or `ValidationError`, whose offset
lies in the module; nothing else is ever raised. Bodies of what was accepted say what is
so (`verify_body`). Doing it again gives the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from wasmer_runtime_core.errors import DecodeError, UnsupportedFeatureError, ValidationError
from wasmer_runtime_core.features import FEATURES
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.body.text import format_body
from wasmer_runtime_core.wasm.body.verifier import verify_body
from wasmer_runtime_core.wasm.validation.validate import validate_module

Oracle = Callable[[bytes], bool]


class Verdict(NamedTuple):
    kind: str  # "valid", "malformed" or "invalid"
    reason: str = ""


def outcome(data: bytes) -> Verdict:
    """What becomes of a module, after checking all that must hold.

    Raises:
        AssertionError: something does not.
    """
    try:
        decoded = decode_module(data)
        bodies = validate_module(decoded)
    except UnsupportedFeatureError as error:
        _check_position(error.offset, data)
        return Verdict("malformed" if isinstance(error.without, DecodeError) else "invalid", error.without.reason)
    except DecodeError as error:
        _check_position(error.offset, data)
        return Verdict("malformed", error.reason)
    except ValidationError as error:
        _check_position(error.offset, data)
        return Verdict("invalid", error.reason)
    assert len(bodies) == len(decoded.code)
    for body in bodies:
        findings = verify_body(decoded.info, body)
        assert not findings, findings
        assert format_body(body)
    assert all(isinstance(name, str) for name in decoded.info.function_names.values())
    assert all(isinstance(names, dict) for names in decoded.info.local_names.values())
    return Verdict("valid")


def _check_position(offset: int | None, data: bytes) -> None:
    assert offset is not None and 0 <= offset <= len(data), f"offset {offset} in a module of {len(data)} bytes"


WIDER_INTEGERS: Final = ("integer representation too long", "integer too large")
"""Reasons that wasmtime does not share: it reads limits as 64-bit integers, as 3.0 does."""


def agrees(verdict: Verdict, oracle: Oracle, data: bytes) -> bool:
    """The oracle says the same of the module's validity."""
    return oracle(data) == (verdict.kind == "valid") or verdict.reason in WIDER_INTEGERS


def wasmtime_oracle() -> Oracle | None:
    """wasmtime's opinion on validity, with the features that are here; None if it is not installed."""
    try:
        import wasmtime
    except ImportError:
        return None
    config = wasmtime.Config()
    for row in FEATURES:
        if hasattr(wasmtime.Config, f"wasm_{row.name}"):
            setattr(config, f"wasm_{row.name}", row.here)
    engine = wasmtime.Engine(config)

    def valid(data: bytes) -> bool:
        try:
            wasmtime.Module.validate(engine, data)
        except wasmtime.WasmtimeError:
            return False
        return True

    return valid
