"""Artifacts: compiled modules as bytes, in a file or in memory, from which another process begins at once.

**The idea.** A compiled module is data already (`contract.artifact`). Here it is laid out so that little has to be done
with it: code lies at a page's boundary as it runs, and is mapped from the file, so that all processes share its pages;
what finds the meaning of an address in it is read where it lies; what a module declares is read field by field, when
somebody asks. There is nothing to relocate: code reaches everything through its table of code addresses and its vmctx.

==============  =========================================================================================
`layout`        the file: header, directory, sections; how it is written, and checked when it is read
`plain_values`  what modules declare as bytes: `marshal` of numbers, texts and tuples, rows with their class
`writing`       a module as such bytes
`stored`        a module from such bytes: its declarations when they are asked for, its code, its plan
==============  =========================================================================================

One format for every backend and every use: `Module.serialize`, pickles, caches on disk. What a program writes with it
it reads with the same version of this package; another version, another processor or a damaged file is a `CacheError`
that says which, and nothing of it runs.

**What is promised.** No byte is used before the checksum over all of them was right, except those of the header, which
has its own. Whatever the checksums say, offsets, lengths, counts and indices are compared with what is there before
anything is read by them. Equal modules give equal bytes. A file that is made shorter meanwhile is a `CacheError`, too.

**What is not.** The checksum finds damage; it proves nothing about who wrote the file. An artifact holds machine code,
which runs when an instance is called: load what you, or who you trust, have written (docs/security.md). A file that is
mapped must not be written to in place, as with a shared library: who replaces it writes another and renames it.
"""
