"""Names of functions as they were written: C++ and Rust symbols, demangled where a demangler is installed.

The demanglers are the extra ``debug`` of this distribution. A symbol is part of a module that nobody trusts, so
demangling one raises nothing, and costs no more than its limits.
"""

from __future__ import annotations

import sys

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final
from wasmer_runtime_core.support.functions import lru_cache
from wasmer_runtime_core.support.handlers import raised_by_a_handler

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_RUST_HASH: Final = r"17h[0-9a-f]{16}E(\.|$)"
"""How Rust's older symbols end; they look like C++ otherwise."""


LONGEST_SYMBOL: Final = 1000
"""Characters of a name that is demangled; a longer one stays."""

MOST_EVENTS: Final = 20_000
"""Calls and returns that demangling a name may take: some milliseconds. Names can refer to parts of themselves, so that
a short one stands for gigabytes."""


_DEMANGLERS: Final = ("itanium_demangler", "rust_demangler")


class _TooLong(BaseException):
    """No `Exception`: demanglers handle those."""


@lru_cache(maxsize=512)
def demangle(name: str) -> str:
    """A C++ or Rust symbol as its programmer wrote it; any other name as it is."""
    if len(name) > LONGEST_SYMBOL or not name.startswith(("_R", "_Z")):
        return name
    import re

    try:
        if name.startswith("_R") or (name.startswith("_ZN") and re.search(_RUST_HASH, name)):
            from rust_demangler import demangle as demangle_rust

            return re.sub(r"::h[0-9a-f]{16}$", "", _in_time(demangle_rust, name))
        if name.startswith("_Z"):
            from itanium_demangler import parse

            return _in_time(lambda symbol: parse(symbol) or symbol, name)
    except (Exception, _TooLong) as failure:  # there is no demangler, or it does not know the symbol, or takes too long
        if raised_by_a_handler(failure):
            raise
    return name


def _in_time(demangler: Callable[[str], object], name: str) -> str:
    """What a demangler makes of a name; it may call so many functions and no more.

    Python's hook for profilers counts them. Where a profiler has it, names stay as they are. It sees handlers of
    signals and finalizers that run meanwhile, too; those are not ended.

    Raises:
        _TooLong: it took more, or cannot be counted.
    """
    if sys.getprofile() is not None:
        raise _TooLong
    left = MOST_EVENTS

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal left
        left -= 1
        if left < 0 and str(frame.f_globals.get("__name__")).partition(".")[0] in _DEMANGLERS:
            raise _TooLong

    try:
        sys.setprofile(count)
        return str(demangler(name))
    finally:
        sys.setprofile(None)
