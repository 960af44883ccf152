"""The version of wasmer-runtime-core, written here alone."""

from __future__ import annotations

VERSION = "0.1.0"
__version__ = VERSION
