"""``python -m wasmer_runtime``: the command line."""

from __future__ import annotations

from wasmer_runtime.cli import main

if __name__ == "__main__":
    main()
