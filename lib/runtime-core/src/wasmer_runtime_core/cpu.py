"""What the processor of this machine can do, asked once."""

from __future__ import annotations

from functools import cache


@cache
def host_features() -> frozenset[str]:
    """Feature names in Linux' spelling (``"avx2"``, ``"sse4_1"``, ``"bmi2"``); empty where they cannot be read.

    Source: the ``flags`` line of /proc/cpuinfo.
    """
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
            for line in lines:
                name, _, words = line.partition(":")
                if name.strip() in ("flags", "Features"):
                    return frozenset(words.split())
    except OSError:
        pass
    return frozenset()
