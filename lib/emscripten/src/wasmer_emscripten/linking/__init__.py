"""Side modules: what a module says of itself to a dynamic linker, where it is placed, and how its symbols are found."""
