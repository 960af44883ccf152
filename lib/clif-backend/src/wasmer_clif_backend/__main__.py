"""``python -m wasmer_clif_backend``: CLIF files on the command line. `cli` has the commands."""

from __future__ import annotations

import sys

from wasmer_clif_backend.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
