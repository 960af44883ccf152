"""Looking through a glue file, which is as little trusted as the module: in time that grows with it, and that ends.

No pattern here can match the same text in two ways: what repeats is taken whole (``*+``), and no two neighbours that
repeat match the same character. So a text costs what its length costs, whoever wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from wasmer_runtime_core.running.interrupts import check_interrupts

WINDOW: Final = 1 << 18
"""Characters between two looks whether the call must end."""
LONGEST: Final = 1 << 12
"""Of what is found, in characters; of something longer, its beginning is looked at."""
LOOK_EVERY: Final = 1024
"""Small steps after which a loop looks."""


def matches(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """What `finditer` finds, in windows.

    Raises:
        Timeout, Cancelled, Exception: the call must end (`interrupts.check_interrupts`).
    """
    count = end = 0
    for start in range(0, len(text), WINDOW):
        check_interrupts()
        for match in pattern.finditer(text, max(start, end), start + WINDOW + LONGEST):
            if match.start() >= start + WINDOW:
                break
            count += 1
            if count % LOOK_EVERY == 0:
                check_interrupts()
            end = match.end()
            yield match
