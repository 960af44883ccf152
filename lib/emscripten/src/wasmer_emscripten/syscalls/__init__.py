"""System calls, by what they are for; importing this fills `functions.ROWS`."""

from __future__ import annotations

from wasmer_emscripten.syscalls import descriptors, directories, files, maps, polling

__all__ = ["descriptors", "directories", "files", "maps", "polling"]
