"""Tests of several distributions together."""

import os

os.environ["WASMER_CACHE_DIR"] = ""  # what is tested is compiled, by commands like `python -m tests.fuzz` as well
