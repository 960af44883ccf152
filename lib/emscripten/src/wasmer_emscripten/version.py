"""The version of wasmer-emscripten, written here alone."""

from __future__ import annotations

VERSION = "0.1.0"
__version__ = VERSION
