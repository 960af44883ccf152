"""The files that a program sees: one tree in memory, with devices, pipes, and directories of the host mounted in it."""
