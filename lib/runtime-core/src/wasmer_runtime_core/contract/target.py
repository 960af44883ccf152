"""What the processor of this machine can do, asked until there is an answer, then no more."""

from __future__ import annotations

from functools import cache


def host_features() -> frozenset[str]:
    """Feature names in Linux' spelling (``"avx2"``, ``"sse4_1"``, ``"bmi2"``); empty where they cannot be read.

    Source: the ``flags`` line of /proc/cpuinfo.
    """
    try:
        return _features_read()
    except OSError:
        return frozenset()


@cache  # an exception, a signal handler's too, leaves nothing in it
def _features_read() -> frozenset[str]:
    with open("/proc/cpuinfo", "rb") as lines:
        for line in lines:
            name, _, words = line.partition(b":")
            if name.strip() in (b"flags", b"Features"):
                return frozenset(words.decode().split())
    return frozenset()
