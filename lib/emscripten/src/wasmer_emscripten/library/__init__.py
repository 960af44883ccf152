"""Functions that are no system calls, by what they are for; importing this fills `functions.ROWS`."""

from __future__ import annotations

from wasmer_emscripten.library import (
    clocks,
    dates,
    embedded,
    encoded,
    ending,
    exceptions,
    heap,
    hosts,
    javascript,
    jumps,
    read_dates,
    refused,
    streams,
    surroundings,
)

__all__ = [
    "clocks",
    "dates",
    "embedded",
    "encoded",
    "ending",
    "exceptions",
    "heap",
    "hosts",
    "javascript",
    "jumps",
    "read_dates",
    "refused",
    "streams",
    "surroundings",
]
