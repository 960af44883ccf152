"""Counts lines of our Python that run: what is done, whatever the machine."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, Final

from wasmer_clif_backend.machine.regalloc import scan

INTERPRETED: Final = scan.__file__.endswith(".py")
"""Whether there are lines that run: compiled modules have none."""


class Lines:
    """Counts the lines that run within ``with``."""

    def __init__(self) -> None:
        self.count = 0
        self._before: Any = None

    def __enter__(self) -> Lines:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            self.count += 1
        return self._trace
