"""Programs in C and C++ that emcc has built: what they are built with, and what they are run with.

`fixtures` has the modules and what they print. `tools/emscripten_fixtures.py` builds them again, and compares with node
or with a native build, whichever says what is right.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

HERE: Final = Path(__file__).parent
FIXTURES: Final = HERE.parent / "fixtures"
TODAY: Final = FIXTURES / "today"
"""Some of them as emcc 6.0.5 builds them: what a main module is, and who counts references to exceptions, is new."""

FLAGS: Final = (
    "-O1",  # keeps the names of imports
    "-w",
    "-sFORCE_FILESYSTEM=1",
    "-sEXIT_RUNTIME=1",
    "-sALLOW_MEMORY_GROWTH=1",
    "-sALLOW_TABLE_GROWTH=1",
)


class Run(NamedTuple):
    """One run of a program; `name` tells it from the others."""

    name: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    stdin: bytes = b""


class Side(NamedTuple):
    """A side module.

    Attributes:
        source: its file.
        needed: sides before it that it needs.
    """

    source: str
    needed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name, as programs ask for it."""
        return f"lib{self.source.partition('.')[0]}.so"

    @property
    def module(self) -> Path:
        return FIXTURES / f"{self.name.partition('.')[0]}.wasm"


class Program(NamedTuple):
    """One program.

    Attributes:
        source: its file.
        truth: who says what it must print: node, a native build, what is kept of the same program (what node cannot run
            as it is built); None: the tests.
        runs: how it is run.
        flags: besides `FLAGS`.
        kept: it is among the fixtures.
        sides: the side modules that it is built and run with.
        today: it is in `TODAY`, too.
        variant: what tells it from others of the same source.
        newer: Debian's emcc 3.1.6 cannot build it.
    """

    source: str
    truth: str | None
    runs: tuple[Run, ...] = (Run("plain"),)
    flags: tuple[str, ...] = ()
    kept: bool = True
    sides: tuple[Side, ...] = ()
    today: bool = False
    variant: str = ""
    newer: bool = False

    @property
    def name(self) -> str:
        return self.source.partition(".")[0] + self.variant

    @property
    def module(self) -> Path:
        return FIXTURES / f"{self.name}.wasm"

    def expected(self, run: Run) -> Path:
        return FIXTURES / f"{self.source.partition('.')[0]}.{run.name}.expected"


NEWER_ENCODING: Final = "-sWASM_LEGACY_EXCEPTIONS=0"
"""What emcc of today is told for exceptions in WebAssembly's newer encoding; else they are in the legacy one."""

_ENCODED: Final = ("--no-entry", "--bind", "-std=c++17", "-sERROR_ON_UNDEFINED_SYMBOLS=0", "-fwasm-exceptions")
_TELLING: Final = ("-sEXPORTED_FUNCTIONS=_malloc,_free,___get_exception_message",)

PROGRAMS: Final = (
    Program("files.c", "node"),
    Program("posix.c", "native", (Run("plain", env=(("TZ", "UTC"),)),)),
    Program(
        "dates.c",
        "node",
        (
            Run("berlin", env=(("TZ", "Europe/Berlin"),)),
            Run("new_york", env=(("TZ", "America/New_York"),)),
            Run("sydney", env=(("TZ", "Australia/Sydney"),)),
        ),
    ),
    Program("jumps.c", "node", (Run("returning"), Run("exiting", ("x",)))),
    Program("exceptions.cpp", "node", flags=("-fexceptions",), today=True),
    Program("exceptions.cpp", "node", flags=("-fwasm-exceptions",), variant="_encoded"),
    Program(
        "exceptions.cpp",
        "kept",
        flags=("-fwasm-exceptions", NEWER_ENCODING),
        kept=False,
        today=True,
        variant="_newer",
        newer=True,
    ),
    Program(  # in 3.1.6 a longjmp with 0 brings 0 back
        "jumps.c",
        "node",
        (Run("returning"), Run("exiting", ("x",))),
        ("-sSUPPORT_LONGJMP=wasm",),
        kept=False,
        today=True,
        variant="_encoded",
        newer=True,
    ),
    Program(
        "jumps.c",
        "kept",
        (Run("returning"), Run("exiting", ("x",))),
        ("-sSUPPORT_LONGJMP=wasm", NEWER_ENCODING),
        kept=False,
        today=True,
        variant="_newer",
        newer=True,
    ),
    Program("encoded.cpp", None, (), (*_ENCODED, "-sSUPPORT_LONGJMP=wasm")),
    Program("encoded.cpp", None, (), (*_ENCODED, *_TELLING), kept=False, today=True, variant="_telling", newer=True),
    Program(
        "encoded.cpp",
        None,
        (),
        (*_ENCODED, *_TELLING, NEWER_ENCODING),
        kept=False,
        today=True,
        variant="_newer",
        newer=True,
    ),
    Program(
        "surroundings.c",
        "node",
        (Run("plain"), Run("given", ("a", "b c"), stdin=b"one\ntwo\n")),
    ),
    Program(
        "library.c",
        None,
        (),
        ("--no-entry", "-sASSERTIONS=1", "-sWASM_BIGINT=1", "-sEXPORTED_FUNCTIONS=_malloc,_free"),
    ),
    Program(
        "bindings.cpp",
        None,
        (),
        ("--no-entry", "--bind", "-fexceptions", "-std=c++17"),
    ),
    Program("sockets.c", None, (), ("socket_calls.c", "-sERROR_ON_UNDEFINED_SYMBOLS=0")),  # its host has them
    Program(
        "linking.c",
        "node",
        flags=(
            "-sMAIN_MODULE=2",
            "-sEXPORTED_FUNCTIONS=_main,_malloc,_free,_host_add,_jump_back,_shared,_numbers,_used_by_second",
        ),
        sides=(Side("first.c"), Side("second.c", ("libfirst.so",))),
        today=True,
    ),
    Program(
        "linked.c",
        "node",
        flags=(
            "-sMAIN_MODULE=2",
            "-sEXPORTED_FUNCTIONS=_main,_malloc,_free,_host_add,_jump_back,_shared,_numbers",
            "libfirst.so",
        ),
        sides=(Side("first.c"),),
        today=True,
    ),
    Program("containers.cpp", "node", kept=False),
    Program("files.c", "node", flags=("-O3",), kept=False),  # with minified imports
    Program("exceptions.cpp", "node", flags=("-O3", "-fexceptions"), kept=False),
    Program("jumps.c", "node", (Run("exiting", ("x",)),), ("-O3", "-sSINGLE_FILE=1"), kept=False),
)
