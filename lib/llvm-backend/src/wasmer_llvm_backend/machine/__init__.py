"""LLVM at work on a unit's text, and what is read out of the object that comes of it."""
