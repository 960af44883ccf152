"""What the benchmarks share; the scripts beside this folder are the benchmarks themselves."""

import os

os.environ["WASMER_CACHE_DIR"] = ""  # what is measured is compiled
