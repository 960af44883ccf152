"""The version of wasmer-clif-backend, written here alone."""

from __future__ import annotations

VERSION = "0.1.0"
