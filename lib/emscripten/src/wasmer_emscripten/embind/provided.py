"""The functions of embind: importing this fills `functions.ROWS`, which happens for programs that may want them."""

from __future__ import annotations

from wasmer_emscripten.embind import emval, functions, inheriting, members, numeric, records, smart, texts, views

__all__ = [
    "emval",
    "functions",
    "inheriting",
    "members",
    "numeric",
    "records",
    "smart",
    "texts",
    "views",
]
