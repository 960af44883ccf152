"""Importing this raises ImportError in a sub-interpreter.

Compiled modules hold their globals once in a process, and so does the C part: signal handlers,
pages of code, free slots. In an interpreter that has a GIL of its own Python refuses to load
them (3.12 and later). In others they would load, and the end of that interpreter would clear
them under the main one, whose next call fails. The C part refuses them itself, and who has loaded that is looked at no
more; packages of compilers, which may come before it, import this.

Limits: what Python calls its interpreters is no public interface before 3.14. Where it has
gone or changed, this lets everybody pass.
"""

from __future__ import annotations

import sys

from wasmer_runtime_core.support import integers as integers  # before `librt.vecs`
from wasmer_runtime_core.support.annotations import Final

C_PART: Final = "wasmer_runtime_core.native._native"


def is_main() -> bool:
    """Whether this runs in the process's first interpreter."""
    if C_PART in sys.modules:  # of this interpreter
        return True
    try:
        name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
        interpreters = __import__(name)  # a third of a millisecond
        return bool(interpreters.get_current() == interpreters.get_main())
    except (ImportError, AttributeError):
        return True


if not is_main():
    raise ImportError(
        "wasmer-runtime-core works in the main interpreter only, this is a sub-interpreter; "
        "use threads (calls can release the GIL) or processes"
    )
