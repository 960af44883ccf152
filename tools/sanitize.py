"""Look for errors of memory in the C library: AddressSanitizer, UndefinedBehaviorSanitizer, valgrind.

    python tools/sanitize.py build              the installed core's C library again, instrumented
    python tools/sanitize.py tests [ARG ...]    core's tests with that; ARG goes to pytest
    python tools/sanitize.py valgrind [ARG ...] a sample of them under valgrind, with the ordinary library

`nox -s sanitize` does all three, in an environment of its own. Only our library is instrumented:
Python, mypyc's modules and generated code are not. The sanitizers put red zones around what our C
code allocates and between its variables, and keep what it frees for a while; PYTHONMALLOC=malloc
makes Python's objects come from the same allocator. Faults in generated code stay ours to handle.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
TESTS: Final = "lib/runtime-core/tests"

FLAGS: Final = {
    # Packed tables are read where they lie, at any address, as x86-64 allows.
    "CFLAGS": "-O1 -g -fsanitize=address,undefined -fno-sanitize=alignment -fno-sanitize-recover=undefined",
    "LDFLAGS": "-fsanitize=address,undefined",
}

ASAN_OPTIONS: Final = {
    "handle_segv": 0,
    "handle_sigbus": 0,
    "handle_sigfpe": 0,
    "handle_sigill": 0,
    "use_sigaltstack": 0,
    "allocator_may_return_null": 1,  # tests ask for more than there is
    "detect_leaks": 0,  # Python leaves much to the end of the process; tests of leaks count by themselves
    "abort_on_error": 1,
}

LEFT_OUT: Final = {
    "test_native_instances.py::test_nothing_leaks": "freed memory is kept for a while: resident memory grows",
    "test_native_memory.py::test_without_address_space_only_checked_code_runs": "the sanitizer needs address space",
    "test_native_memory.py::test_a_limit_on_address_space_is_seen": "the sanitizer needs address space",
}
"""Tests that say nothing here, with the reason."""

SAMPLE: Final = ("test_native_calls.py", "test_native_references.py", "test_native_memory.py", "test_arrays.py")
"""What runs under valgrind, which is some thirty times slower: two to three minutes."""

NOT_SAMPLED: Final = ("address", "leak", "memories", "stack")
"""Parts of names of tests that are left out of it: those that ask for all address space there is, or for thousands of
mappings, of which valgrind goes through the list at each, measure resident memory, or go to the end of the stack."""


def build() -> int:
    """Compile the instrumented library over the installed one."""
    os.environ.update(FLAGS)
    from wasmer_runtime_core.native import build as native

    print(native.build(native.SOURCES))
    return 0


def tests(arguments: list[str]) -> int:
    """Core's tests; returns pytest's exit code, or that of the sanitizer that ended it."""
    compiler = os.environ.get("CC", "gcc").split()[0]
    libraries = [_library(compiler, name) for name in ("libasan.so", "libubsan.so")]
    environment = dict(
        os.environ,
        LD_PRELOAD=":".join(libraries),
        ASAN_OPTIONS=":".join(f"{name}={value}" for name, value in ASAN_OPTIONS.items()),
        UBSAN_OPTIONS="print_stacktrace=1",
        PYTHONMALLOC="malloc",
    )
    for name, reason in LEFT_OUT.items():
        print(f"left out: {name} ({reason})")
    left_out = [f"--deselect={TESTS}/{name}" for name in LEFT_OUT]
    command = [sys.executable, "-m", "pytest", "-q", *left_out, *(arguments or [TESTS])]
    return subprocess.run(command, cwd=ROOT, env=environment).returncode


def _library(compiler: str, name: str) -> str:
    return subprocess.run(
        [compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True
    ).stdout.strip()


def valgrind(arguments: list[str]) -> int:
    """The sample under valgrind's memcheck; 1 if it reports anything that concerns our library."""
    if shutil.which("valgrind") is None:
        print("valgrind is not installed (Debian: apt install valgrind): nothing was run")
        return 0
    with tempfile.TemporaryDirectory(prefix="wasmer-valgrind-") as folder:
        options = [
            "--smc-check=all-non-file",  # code pages are written and run
            "--xml=yes",
            f"--xml-file={folder}/%p.xml",
            "--max-stackframe=16000000",
        ]
        paths = arguments or [f"{TESTS}/{name}" for name in SAMPLE]
        select = ["-k", " and ".join(f"not {part}" for part in NOT_SAMPLED)]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:faulthandler", *paths, *select]
        environment = dict(os.environ, PYTHONMALLOC="malloc")
        code = subprocess.run(["valgrind", *options, *command], cwd=ROOT, env=environment).returncode
        found = [report for path in sorted(Path(folder).glob("*.xml")) for report in _reports(path)]
    for report in found:
        print(report)
    print(f"valgrind: {len(found)} reports concern the C library")
    return code or bool(found)


def _reports(path: Path) -> Iterator[str]:
    """Errors in our library, or in a function of C that it called. Faults of generated code have no function's name."""
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError:  # a process that ended in the middle: the test that started it has its own word
        return
    for error in root.iter("error"):
        stack = error.find("stack")
        frames = stack.findall("frame")[:3] if stack is not None else []
        leaks = (error.findtext("kind") or "").startswith("Leak_")  # Python leaves much to the end of the process
        named = frames and frames[0].findtext("fn")
        if named and not leaks and any("_native." in (frame.findtext("obj") or "") for frame in frames):
            places = (f"{frame.findtext('fn')} ({frame.findtext('file')}:{frame.findtext('line')})" for frame in frames)
            yield f"{error.findtext('kind')}: {error.findtext('what')}: {' < '.join(places)}"


def main() -> int:
    step, *arguments = sys.argv[1:] or [""]
    if step == "build":
        return build()
    if step in ("tests", "valgrind"):
        return tests(arguments) if step == "tests" else valgrind(arguments)
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main())
