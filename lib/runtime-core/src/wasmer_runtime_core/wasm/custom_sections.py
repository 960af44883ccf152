"""Custom sections (specification, section 5.5.3): bytes that a module carries for whoever knows their name."""

from __future__ import annotations

from wasmer_runtime_core.support.named_tuple import NamedTuple


class CustomSection(NamedTuple):
    name: str
    data: bytes
    offset: int  # of its contents in the module
