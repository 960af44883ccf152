"""What backends share when they write machine code. One folder per architecture. May import `contract`."""

from wasmer_runtime_core.support import main_interpreter as main_interpreter  # before any compiled module
