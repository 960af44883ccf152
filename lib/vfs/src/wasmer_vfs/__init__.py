"""A file system for programs that are not trusted.

The idea
    A program has a world of files that is made for it: directories of the host, directories that exist only in
    memory, streams that are Python file objects, sockets. Whoever runs programs (WASI, Emscripten, Go) numbers open
    files and errors in a way of its own; what is behind the numbers is the same, and it is here, once, as Python
    says it: paths are bytes, flags are those of `os.open`, a status is what `stat` tells, a refusal is an `OSError`
    with the host's number. An integration maps its numbers to these in tables, and has the promises for nothing::

        import os
        from wasmer_vfs import HostDirectory, MemoryDirectory

        data = HostDirectory.at("some/dir", read_only=True)
        scratch = MemoryDirectory({"input.txt": b"1 2 3"}, limit_bytes=1 << 20)
        file = scratch.open(b"output.txt", os.O_RDWR | os.O_CREAT, follow=True)
        file.write([b"6"])
        scratch.read_bytes("output.txt")

The promises
    * A path never leads out of the directory that it is given with, whatever links are in it and whoever moves
      directories meanwhile (`paths`, `host_directories`). A read-only directory refuses every change.
    * Directories in memory answer like the host's, hold no more than their limits, and can be shared by threads
      (`memory_directories`).
    * Nothing waits where a deadline, a cancellation or a signal is not seen, and what takes long looks for them
      (`waiting`). What ends a call so comes as `Interrupted`, which is no refusal; its `reason` is to be raised where
      the program was called from.
    * Where programs have absolute paths, one `Tree` over mounted directories is all that they see (`trees`, `devices`;
      `tree_files` is the same for Python).
    * A program has no more files open than its table has room for, and each is closed once, with the last of the
      numbers that stand for it (`descriptors`).
    * A program that makes sockets reaches, and is reached at, what is listed for it, and nothing else (`network`).
    * What is lent (streams, sockets) stays its owner's: it is not closed, and its flags are not changed (`files`,
      `streams`, `sockets`).
    * No buffer is kept when a call has ended, and no descriptor of the host is lost or closed twice, wherever a
      signal's handler raises (`files.Owned`, `sockets`).

The limits
    Linux only. One open file is used by one thread at a time. What a number may be used for (WASI's rights) is its
    integration's. The essay of `host_directories` says what others can do to a tree of the host; the repository's
    docs/sandbox.md has every promise with its tests.
"""

from __future__ import annotations

from wasmer_runtime_core.support.lazy_names import lazy_names

TYPE_CHECKING = False  # checkers take it for True
if TYPE_CHECKING:
    from wasmer_vfs.clock import Clock, SystemClock, VirtualClock
    from wasmer_vfs.descriptors import DescriptorTable, OpenFile
    from wasmer_vfs.directories import OPEN_FLAGS, Directory, Entry, Space
    from wasmer_vfs.errors import OutOfDirectory, refusal
    from wasmer_vfs.files import File, HostFile, HostStream, Owned, StreamFile
    from wasmer_vfs.host_directories import HostDirectory
    from wasmer_vfs.memory_directories import MemoryDirectory
    from wasmer_vfs.memory_files import MemoryFile
    from wasmer_vfs.network import Address, Network
    from wasmer_vfs.network_sockets import NetworkSocket
    from wasmer_vfs.sockets import Socket
    from wasmer_vfs.status import Kind, Status
    from wasmer_vfs.streams import Captured, FileObject, Stream
    from wasmer_vfs.tree_files import Files
    from wasmer_vfs.trees import Opened, Place, Tree, mountable
    from wasmer_vfs.version import VERSION, __version__
    from wasmer_vfs.waiting import Interrupted

__all__ = [
    "OPEN_FLAGS",
    "VERSION",
    "Address",
    "Captured",
    "Clock",
    "DescriptorTable",
    "Directory",
    "Entry",
    "File",
    "FileObject",
    "Files",
    "HostDirectory",
    "HostFile",
    "HostStream",
    "Interrupted",
    "Kind",
    "MemoryDirectory",
    "MemoryFile",
    "Network",
    "NetworkSocket",
    "OpenFile",
    "Opened",
    "OutOfDirectory",
    "Owned",
    "Place",
    "Socket",
    "Space",
    "Status",
    "Stream",
    "StreamFile",
    "SystemClock",
    "Tree",
    "VirtualClock",
    "__version__",
    "mountable",
    "refusal",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "wasmer_vfs.clock": (
            "Clock",
            "SystemClock",
            "VirtualClock",
        ),
        "wasmer_vfs.descriptors": (
            "DescriptorTable",
            "OpenFile",
        ),
        "wasmer_vfs.directories": (
            "OPEN_FLAGS",
            "Directory",
            "Entry",
            "Space",
        ),
        "wasmer_vfs.errors": (
            "OutOfDirectory",
            "refusal",
        ),
        "wasmer_vfs.files": (
            "File",
            "HostFile",
            "HostStream",
            "Owned",
            "StreamFile",
        ),
        "wasmer_vfs.host_directories": ("HostDirectory",),
        "wasmer_vfs.memory_directories": ("MemoryDirectory",),
        "wasmer_vfs.memory_files": ("MemoryFile",),
        "wasmer_vfs.network": (
            "Address",
            "Network",
        ),
        "wasmer_vfs.network_sockets": ("NetworkSocket",),
        "wasmer_vfs.sockets": ("Socket",),
        "wasmer_vfs.status": (
            "Kind",
            "Status",
        ),
        "wasmer_vfs.streams": (
            "Captured",
            "FileObject",
            "Stream",
        ),
        "wasmer_vfs.tree_files": ("Files",),
        "wasmer_vfs.trees": (
            "Opened",
            "Place",
            "Tree",
            "mountable",
        ),
        "wasmer_vfs.version": (
            "VERSION",
            "__version__",
        ),
        "wasmer_vfs.waiting": ("Interrupted",),
    },
)
