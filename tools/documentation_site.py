"""What `mkdocs` needs to make a site of pages that are read in the repository, too: links out of docs/ become words.

The repository has files beside docs/ (READMEs, sources); the site has not. Such a link is written as the file's name.
"""

from __future__ import annotations

import re
from typing import Any, Final

LINK: Final = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])+)\]\((\.\./[^)\s]+)\)")
"""A link out of the folder, which may have brackets in its text."""
FENCE: Final = re.compile(r"^(```|~~~)", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs with each page."""
    parts = FENCE.split(markdown)
    inside = False
    for at, part in enumerate(parts):
        if part in ("```", "~~~"):
            inside = not inside
        elif not inside:
            parts[at] = LINK.sub(_as_words, part)
    return "".join(parts)


def _as_words(link: re.Match[str]) -> str:
    text, target = link[1], link[2].partition("#")[0].removeprefix("../")
    name = target.rstrip("/").rpartition("/")[2]
    return text if name.lower() in text.lower() else f"{text} (`{target}`)"
