"""The core of the runtime: the format, the contract between its parts, the machine state."""
