"""Text for people, made of names that a module chose.

A name in a module is any Unicode text (specification, section 5.2.4). On a terminal some of it
is not text: control characters move the cursor, set the window's title or begin a line that
looks like ours, and format characters turn the direction of what follows. `printable` is what
every message, backtrace, `repr` and line of the command line puts its names through. Attributes
(`__name__`, `ExportType.name`, `Frame.function_name` …) keep the exact name: they are for programs.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final

LONGEST_IN_A_MESSAGE: Final = 60
LONGEST_IN_A_BACKTRACE: Final = 1000


def shortened(text: str, most: int = LONGEST_IN_A_MESSAGE) -> str:
    """`text` as a message quotes it: names and numbers may be as long as the module."""
    return text if len(text) <= most else text[: most - 1] + "…"


def printable(text: str, keep: str = "") -> str:
    r"""`text`, with what a terminal would not show written as in Python's literals: ``\x1b``, ``\u202e``.

    Args:
        text: any.
        keep: characters that stay as they are: ``"\n"`` for a text of several lines of ours.
    """
    if text.isprintable():
        return text
    return "".join([each if each.isprintable() or each in keep else repr(each)[1:-1] for each in text])
