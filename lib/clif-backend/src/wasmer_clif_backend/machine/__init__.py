"""Code of the machine with virtual registers. `x64` knows the instructions, this package what they read and write."""
