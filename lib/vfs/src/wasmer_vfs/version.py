"""The version of wasmer-vfs, written here alone."""

from __future__ import annotations

VERSION = "0.1.0"
__version__ = VERSION
