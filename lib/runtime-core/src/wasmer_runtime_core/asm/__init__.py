"""Machine code: what backends write, and how it becomes bytes. One folder an architecture."""

from wasmer_runtime_core import main_interpreter as main_interpreter  # before any compiled module
