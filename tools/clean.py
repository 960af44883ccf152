"""Remove what was built.

    python tools/clean.py               extension modules beside the sources, build/, dist/
    python tools/clean.py --sources     only the extension modules beside the sources
    python tools/clean.py --all         the environments too: the next run starts from nothing

Python prefers an extension module to the ``.py`` beside it, so one that an editable install left
behind hides every later edit of its source.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
BUILT: Final = ("build", "dist")
ENVIRONMENTS: Final = (".nox", ".venv")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sources", action="store_true", help="only the extension modules beside the sources")
    parser.add_argument("--all", action="store_true", help="the environments too")
    options = parser.parse_args()
    gone = sorted(path for path in ROOT.glob("lib/*/src/**/*.so") if path.is_file())
    for path in gone:
        path.unlink()
    folders = [] if options.sources else [*BUILT, *(ENVIRONMENTS if options.all else ())]
    for path in (ROOT / name for name in folders):
        if path.is_dir():
            shutil.rmtree(path)
            gone.append(path)
    for path in gone:
        print(f"removed {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
