"""Machine code: what backends write, and how it becomes bytes. One folder an architecture."""
