"""emcc's first backend, *fastcomp* (until 2020): what its programs want that later ones do not.

Its names have one more ``_``; the host places its stack and its heap (`placing`), its system calls are numbered
(`numbered`), a pointer to a function is called by an export (`pointers`), and more of the C library was the host's
(`library`).
"""
