"""A bar on the terminal while a compilation takes its time.

It is seen only where somebody looks: output and error go to a terminal that can move its
cursor, `rich` is installed, and half a second has passed. It leaves no trace.
"""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, final
from wasmer_runtime_core.support.printable import printable

if TYPE_CHECKING:
    from threading import Timer
    from types import TracebackType

    from rich.progress import Progress

PATIENCE_SECONDS: Final = 0.5


@final
class Bar:
    """A context manager; called with (operators compiled, operators in all)."""

    def __init__(self, title: str, wanted: bool = True) -> None:
        self.title = printable(title)
        self.wanted = wanted
        self.done = 0
        self.total: int | None = None
        self.shown: Progress | None = None
        self.ended = False
        self.lock = allocate_lock()
        self.timer: Timer | None = None

    def __call__(self, done: int, total: int) -> None:
        with self.lock:
            self.done, self.total = done, total
            if self.shown is not None:
                self.shown.update(self.shown.task_ids[0], completed=done, total=total)

    def __enter__(self) -> Bar:
        if self.wanted and visible():
            import threading

            self.timer = threading.Timer(PATIENCE_SECONDS, self._show)
            self.timer.daemon = True
            self.timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.timer is not None:
            self.timer.cancel()
        with self.lock:
            self.ended = True
            if self.shown is not None:
                self.shown.stop()

    def _show(self) -> None:
        try:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn
            from rich.progress import TimeElapsedColumn as Elapsed
        except ImportError:
            return
        with self.lock:
            if self.ended:
                return
            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TaskProgressColumn(),
                Elapsed(),
            )
            self.shown = Progress(*columns, console=Console(stderr=True), transient=True)
            self.shown.add_task(self.title, completed=self.done, total=self.total)
            self.shown.start()


def visible() -> bool:
    """Whether somebody would see a bar."""
    return sys.stdout.isatty() and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
