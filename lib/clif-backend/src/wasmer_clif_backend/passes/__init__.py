"""Passes over a function of CLIF, in the order in which `optimise` runs them."""
