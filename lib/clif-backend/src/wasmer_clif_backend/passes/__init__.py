"""Passes over a function of CLIF; `optimise` has their order."""
