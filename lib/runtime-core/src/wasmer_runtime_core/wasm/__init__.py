"""The format: decoding, validation, names, both text forms. Folders and files are chapters of the specification."""

from wasmer_runtime_core import main_interpreter as main_interpreter  # before any compiled module
