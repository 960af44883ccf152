"""System calls, by what they are for; importing this fills `functions.ROWS`."""

from __future__ import annotations

from wasmer_emscripten.syscalls import capacity, descriptors, directories, files, maps, polling, socket_options, sockets

__all__ = ["capacity", "descriptors", "directories", "files", "maps", "polling", "socket_options", "sockets"]
