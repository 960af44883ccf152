"""What the comparison with wasmtime does: each scenario acts on a fresh tree and yields (what, answer).

Answers are errnos and contents, nothing that differs from run to run. Where we differ from
wasmtime on purpose, `DIFFERENCES` says how and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from guests import BUFFER, RESULT, RIGHT_READ, RIGHT_WRITE, Guest

Answers = Iterator[tuple[str, Any]]

PATHS = [
    "f", "sub", "sub/", "sub/g", "sub/../f", "sub/..", "sub/.", "./f", "sub//../f", ".", "..", "", "/f", "/",
    "../canary", "../root/f", "sub/../../canary", "nope", "nope/x", "nope/..", "f/", "f/x", "f/..", "to_f", "to_f/",
    "to_sub", "to_sub/", "to_sub/g", "dangling", "dangling/x", "loop", "loop/x", "absolute", "absolute/x", "above",
    "sub/up_and_out", "sub/up", "chain1", "slash", "slash/g", "here", "here/here/f", "here/..", "fifo", "f\0", "f\0x",
    "a" * 255, "a" * 256, "x/" * 2100, "sub/deep/../../f", "sub/deep/../../../canary",
]  # fmt: skip


def pairs(table: str) -> list[tuple[str, str]]:
    """Pairs of paths, written `one>other`."""
    return [(one, other) for one, _, other in (pair.partition(">") for pair in table.split())]


def stats(guest: Guest) -> Answers:
    for path in PATHS:
        for follow in (0, 1):
            found = guest.path_stat(path, follow)
            kind = found if isinstance(found, str) else (found[2], found[4] if found[2] == 4 else None)
            yield f"stat {path[:20]!r} follow={follow}", kind
    yield "stat not utf-8", guest.path_stat(b"\xff\xfe")


def opens(guest: Guest) -> Answers:
    for path in PATHS:
        if path == "fifo":
            continue
        for follow in (0, 1):
            for rights in (RIGHT_READ, RIGHT_WRITE, RIGHT_READ | RIGHT_WRITE, 0):
                answer = guest.open(path, follow=follow, rights=rights)
                if isinstance(answer, int):
                    answer = guest.call("fd_close", answer)
                yield f"open {path[:20]!r} follow={follow} rights={rights}", answer


def open_flags(guest: Guest) -> Answers:
    for number, path in enumerate(["new", "new2/", "f", "sub", "sub/", "to_f", "dangling", "nope/new", "loop"]):
        for oflags in range(16):
            name = path.replace("new", f"new{number}x{oflags}")
            answer = guest.open(name, oflags=oflags, rights=RIGHT_READ)
            if isinstance(answer, int):
                answer = guest.call("fd_close", answer)
            yield f"open {path!r} oflags={oflags}", answer
            if path == "dangling" and oflags & 1:
                guest.call("path_unlink_file", 3, *guest.path("nowhere"))
    for path in ("f", "sub", "to_sub", ".", "nope"):
        for rights in (0, RIGHT_READ, RIGHT_WRITE, RIGHT_READ | RIGHT_WRITE):
            answer = guest.open(path, oflags=2, rights=rights)
            yield f"open {path!r} as a directory, rights={rights}", answer if isinstance(answer, str) else "opened"
    for flags in (0, 1, 4):
        answer = guest.open("f", flags=flags)
        yield f"open flags={flags}", isinstance(answer, int)
        if isinstance(answer, int):
            stat = guest.fdstat(answer)
            yield f"fdstat flags={flags}", stat[:2]


def numbers(guest: Guest) -> Answers:
    opened = [guest.open("f") for _ in range(4)]
    yield "first four", opened
    yield "close 5", guest.call("fd_close", 5)
    yield "close 5 again", guest.call("fd_close", 5)
    yield "close 4", guest.call("fd_close", 4)
    yield "lowest first", [guest.open("f"), guest.open("sub", rights=RIGHT_READ), guest.open("f")]
    yield "renumber", guest.call("fd_renumber", 7, 6)
    yield "renumber closed", guest.call("fd_renumber", 7, 6)
    yield "renumber to closed", guest.call("fd_renumber", 6, 77)
    yield "renumber to itself", guest.call("fd_renumber", 6, 6)
    yield "after", guest.open("f")
    yield "close -1", guest.call("fd_close", -1)
    yield "close preopen", guest.call("fd_close", 3)
    yield "prestat after", guest.call("fd_prestat_get", 3, RESULT)


def reading_and_writing(guest: Guest) -> Answers:
    fd = guest.must_open("f")
    yield "read", guest.read_file(fd, 5)
    yield "read more", guest.read_file(fd, 50)
    yield "read at the end", guest.read_file(fd, 50)
    yield "tell", guest.get("fd_tell", fd, size=8)
    for offset, whence in [(0, "set"), (5, "set"), (-1, "set"), (-6, "cur"), (2, "cur"), (-2, "end"), (3, "end"),
                           (-100, "end"), (1 << 62, "set"), (-(1 << 63), "cur")]:  # fmt: skip
        yield f"seek {offset} {whence}", guest.seek(fd, offset, whence)
    guest.seek(fd, 6, "set")
    yield "write", guest.write_file(fd, b"there")
    yield "pread", guest.get("fd_pread", fd, *guest.iovecs((BUFFER, 4), (BUFFER + 100, 100)), 0)
    yield "pread data", (guest.read(BUFFER, 4), guest.read(BUFFER + 100, 7))
    yield "pread behind", guest.get("fd_pread", fd, *guest.iovecs((BUFFER, 4)), 1000)
    yield "pread negative", guest.get("fd_pread", fd, *guest.iovecs((BUFFER, 4)), -1)
    guest.write(BUFFER, b"abcdef")
    yield "pwrite", guest.get("fd_pwrite", fd, *guest.iovecs((BUFFER, 2), (BUFFER + 3, 0), (BUFFER + 4, 2)), 20)
    yield "pwrite negative", guest.get("fd_pwrite", fd, *guest.iovecs((BUFFER, 2)), -1)
    yield "position stays", guest.get("fd_tell", fd, size=8)
    yield "no iovecs", guest.get("fd_write", fd, 800, 0)
    yield "empty iovecs", guest.get("fd_write", fd, *guest.iovecs((BUFFER, 0), (BUFFER, 0)))
    guest.seek(fd, 0, "set")
    yield "all", guest.read_file(fd, 100)
    yield "size", guest.call("fd_filestat_set_size", fd, 3)
    yield "size negative", guest.call("fd_filestat_set_size", fd, -1)
    yield "size now", guest.path_stat("f")[4]
    appending = guest.must_open("f", flags=1)
    yield "append", guest.write_file(appending, b"xyz")
    guest.seek(appending, 0, "set")
    yield "append again", guest.write_file(appending, b"!")
    yield "appended", guest.path_stat("f")[4]


def wrong_kinds(guest: Guest) -> Answers:
    """Every fd function on descriptors of every kind."""
    descriptors = {
        "dir": guest.must_open("sub", rights=RIGHT_READ),
        "file": guest.must_open("f"),
        "reading": guest.must_open("f", rights=RIGHT_READ),
        "writing": guest.must_open("f", rights=RIGHT_WRITE),
        "none": 77,
        "negative": -1,
        "preopen": 3,
        "stdout": 1,
    }
    iovecs = guest.iovecs((BUFFER, 10))
    for name, args in [
        ("fd_read", (*iovecs, RESULT)),
        ("fd_write", (*iovecs, RESULT)),
        ("fd_pread", (*iovecs, 0, RESULT)),
        ("fd_pwrite", (*iovecs, 0, RESULT)),
        ("fd_tell", (RESULT,)),
        ("fd_advise", (0, 10, 0)),
        ("fd_datasync", ()),
        ("fd_sync", ()),
        ("fd_filestat_set_size", (10,)),
        ("fd_filestat_set_times", (0, 0, 1)),
        ("fd_filestat_get", (600,)),
        ("fd_readdir", (BUFFER, 100, 0, RESULT)),
        ("fd_fdstat_get", (704,)),
        ("fd_prestat_get", (600,)),
        ("fd_prestat_dir_name", (600, 2)),
        ("sock_recv", (*iovecs, 0, RESULT, RESULT + 4)),
        ("sock_send", (*iovecs, 0, RESULT)),
        ("sock_shutdown", (1,)),
    ]:
        for kind, fd in descriptors.items():
            yield f"{name} on {kind}", guest.call(name, fd, *args)
    for whence in ("set", "cur", "end"):
        for kind, fd in descriptors.items():
            yield f"fd_seek {whence} on {kind}", guest.seek(fd, 0, whence)[0]
    for name, args in [
        ("path_filestat_get", (0, *guest.path("x"), 600)),
        ("path_create_directory", guest.path("x")),
        ("path_unlink_file", guest.path("x")),
        ("path_remove_directory", guest.path("x")),
        ("path_readlink", (*guest.path("x"), BUFFER, 10, RESULT)),
        ("path_filestat_set_times", (0, *guest.path("x"), 0, 0, 1)),
        ("path_open", (0, *guest.path("x"), 0, 2, 2, 0, RESULT)),
    ]:
        for kind in ("file", "none", "negative", "stdout"):
            yield f"{name} on {kind}", guest.call(name, descriptors[kind], *args)


def flags_and_times(guest: Guest) -> Answers:
    fd = guest.must_open("f")
    for flags in (0, 1, 4, 5, 0):
        yield f"set flags {flags}", (guest.call("fd_fdstat_set_flags", fd, flags), guest.fdstat(fd)[:2])
    for advice in range(6):
        yield f"advise {advice}", guest.call("fd_advise", fd, 0, 10, advice)
    yield "advise before", guest.call("fd_advise", fd, -1, 10, 0)
    yield "advise backwards", guest.call("fd_advise", fd, 0, -1, 0)
    for bits in range(16):
        yield f"fd times {bits}", guest.call("fd_filestat_set_times", fd, 5, 7, bits)
    guest.call("fd_filestat_set_times", fd, 5_000_000_000, 7_000_000_001, 5)
    yield "times", guest.fd_stat(fd)[5:7]
    for path in ("f", "to_f", "nope", "f/", "dangling", "above", "absolute", "sub/", "loop", "..", "../canary"):
        for follow in (0, 1):
            answer = guest.call("path_filestat_set_times", 3, follow, *guest.path(path), 1_000, 2_000, 5)
            yield f"path times {path} {follow}", answer
    yield "path times now", guest.path_stat("f")[5:7]
    yield "target times", guest.path_stat("to_f", 1)[5:7]


def directories(guest: Guest) -> Answers:
    for path in ("m1", "m2/", "m2/m3", "f", "sub", "sub/", ".", "..", "../x", "nope/x", "dangling", "to_f", "/x", "",
                 "to_sub/", "m4/.", "m4/..", "f/x", "above/x", "absolute/x", "to_sub/through", "m1\0"):  # fmt: skip
        yield f"mkdir {path!r}", guest.call("path_create_directory", 3, *guest.path(path))
    for path in ("m1", "f", "f/", "nope", "nope/", ".", "..", "../root", "to_sub", "m2", "m2/m3", "/x", "", "sub",
                 "above", "../canary", "to_sub/through"):  # fmt: skip
        yield f"rmdir {path!r}", guest.call("path_remove_directory", 3, *guest.path(path))
    for path in ("sub", "sub/", "nope", "nope/", ".", "..", "../canary", "f/", "to_f/", "to_sub/", "/x", "", "sub/.",
                 "above/", "above", "absolute", "dangling", "loop", "to_f", "sub/up_and_out", "f"):  # fmt: skip
        yield f"unlink {path!r}", guest.call("path_unlink_file", 3, *guest.path(path))
    entries = guest.readdir(3)
    yield "left", sorted((name, kind) for _, _, name, kind in entries)


def reading_directories(guest: Guest) -> Answers:
    for number in range(30):
        guest.must_open(f"sub/n{number:02}", oflags=1)
        guest.call("fd_close", 4)
    fd = guest.must_open("sub", rights=RIGHT_READ)
    whole = guest.readdir(fd)
    yield "names", sorted((name, kind) for _, _, name, kind in whole)
    yield "cookies", [entry[0] for entry in whole]
    names = []
    cookie = 0
    while True:
        some = guest.readdir(fd, 100, cookie)
        if not some:
            break
        names += [entry[2] for entry in some]
        cookie = some[-1][0]
    yield "in pieces", sorted(names)
    yield "small buffer", guest.get("fd_readdir", fd, BUFFER, 10, 0)
    yield "no buffer", guest.get("fd_readdir", fd, BUFFER, 0, 0)
    yield "behind the end", guest.get("fd_readdir", fd, BUFFER, 100, 100)
    yield "cookie -1", guest.get("fd_readdir", fd, BUFFER, 100, -1)


def links(guest: Guest) -> Answers:
    for path in ("to_f", "f", "nope", "to_sub", "to_sub/", "to_f/", "", ".", "dangling", "../x", "absolute", "above",
                 "chain1", "sub/up", "to_sub/up", "loop/x"):  # fmt: skip
        answer, count = guest.get("path_readlink", 3, *guest.path(path), BUFFER, 100)
        yield f"readlink {path!r}", (answer, guest.read(BUFFER, count))
    yield "readlink short", guest.get("path_readlink", 3, *guest.path("dangling"), BUFFER, 3)
    yield "readlink no room", guest.get("path_readlink", 3, *guest.path("dangling"), BUFFER, 0)
    for text, path in pairs(
        """
        f>s1 /etc>s2 ../../..>s3 >s4 f>f f>s5/ nope>s6 f>sub/ f>../s7 f>nope/s f>to_f f>dangling/ f>
        """
    ):
        yield f"symlink {text!r} {path!r}", guest.symlink(text, path)
    for old, new in pairs(
        """
        f>h1 f>h1 to_f>h2 sub>h4 nope>h5 f>h6/ f/>h7 f>../h8 ../canary>h9 dangling>h10 f>sub to_sub>h12
        to_sub/>h13 loop>h14 f>dangling f>nope/x >x .>x f>f above>h15 absolute>h16 absolute/x>h17
        """
    ):
        yield f"link {old!r} {new!r}", guest.two_paths("path_link", old, new)
    yield "link following", guest.call("path_link", 3, 1, *guest.path("to_f"), 3, *guest.path("h18", 1100))
    yield "links of f", guest.path_stat("f")[3]
    yield "h2 is a link", guest.path_stat("h2", 0)[2]


def renaming(guest: Guest) -> Answers:
    for path in ("e1", "e2", "full", "full/x", "moved"):
        guest.call("path_create_directory", 3, *guest.path(path))
    for path in ("r1", "r2"):
        guest.call("fd_close", guest.must_open(path, oflags=1))
    for old, new in pairs(
        """
        r1>r2 r2>e1 e1>r2 e1>e2 e2>full full>full/y nope>x r2>../x ../canary>x r2>r3/ r2/>r3 e2>e3/ e3/>e4/
        .>x e4>. ..>x e4>.. to_f>l2 to_sub/>l3 r2>r2 >x x> e4>full/e4 r2>e1/x sub/.>z r2>sub/. /f>y above>l4
        l4>above absolute/x>y f>above/x sub/../f>sub/deep/../f2 sub/f2>here/f sub>moved
        """
    ):
        yield f"rename {old!r} {new!r}", guest.two_paths("path_rename", old, new)
    yield "moved", sorted(entry[2] for entry in guest.readdir(guest.must_open("moved", rights=RIGHT_READ)))
    sub = guest.must_open("full", rights=RIGHT_READ)
    yield "across", guest.two_paths("path_rename", "f", "f", 3, sub)
    yield "above a directory", guest.two_paths("path_rename", "f", "../f", sub, sub)
    yield "from above", guest.path_stat("../f", 1, sub)


def environment(guest: Guest) -> Answers:
    yield "sizes", (guest.call("args_sizes_get", 600, 604), guest.u32(600), guest.u32(604))
    yield "args", (guest.call("args_get", 600, 640), guest.u32(600), guest.u32(604), guest.read(640, 8))
    yield "environ sizes", (guest.call("environ_sizes_get", 600, 604), guest.u32(600), guest.u32(604))
    yield "environ", (guest.call("environ_get", 600, 640), guest.u32(600), guest.read(640, 5))
    yield "prestat", (guest.call("fd_prestat_get", 3, 600), guest.read(600, 1), guest.u32(604))
    for length in (0, 1, 2, 3):
        yield f"prestat name {length}", guest.call("fd_prestat_dir_name", 3, 640, length)
    yield "name", guest.read(640, 3)
    yield "prestat 4", guest.call("fd_prestat_get", 4, 600)
    for clock in (0, 1):
        yield (
            f"clock {clock}",
            (guest.get("clock_time_get", clock, 0, size=8)[0], guest.call("clock_res_get", clock, 600)),
        )
    yield "yield", guest.call("sched_yield")
    yield "random", (guest.call("random_get", 600, 100), guest.read(600, 100) != bytes(100))
    yield "stdout", guest.write_file(1, b"")[0]


def polling(guest: Guest) -> Answers:
    fd = guest.must_open("f")
    clock = guest.clock_subscription
    file = guest.fd_subscription
    yield "nothing", guest.poll()
    yield "monotonic", guest.poll(clock(1, 1, 2_000_000))
    yield "realtime", guest.poll(clock(2, 0, 2_000_000))
    yield "absolute past", guest.poll(clock(3, 0, 5, 1))
    yield "two due", guest.poll(clock(4, 1, 2_000_000), clock(5, 1, 2_000_000))
    yield "one due", guest.poll(clock(6, 1, 60_000_000_000), clock(7, 1, 1_000_000))
    for bad in (2, 3, 9):
        yield f"clock {bad}", guest.poll(clock(8, bad, 1000))
    yield "clock flags", guest.poll(clock(9, 1, 1000, 2))[0]
    yield "file", [event[:3] for event in guest.poll(file(10, 1, fd))[1]]
    guest.seek(fd, 0, "end")
    yield "file at its end", [event[:3] + event[4:] for event in guest.poll(file(11, 1, fd))[1]]
    yield "file for writing", [event[:3] for event in guest.poll(file(12, 2, fd))[1]]
    yield "not open", guest.poll(file(13, 1, 99))
    yield "directory", guest.poll(file(14, 1, 3))
    yield "stdout for writing", [event[:3] for event in guest.poll(file(15, 2, 1))[1]]
    yield "stdout for reading", guest.poll(file(16, 1, 1))
    yield "tag 7", guest.poll(file(17, 7, 1))


SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (
        stats, opens, open_flags, numbers, reading_and_writing, wrong_kinds, flags_and_times, directories,
        reading_directories, links, renaming, environment, polling,
    )
}  # fmt: skip

_SYNC = "a directory can be synchronized, as on the host; databases do it after making a file"

DIFFERENCES = {
    "numbers: lowest first": "we give the lowest free number, as POSIX does, wasmtime the one closed last",
    "reading_and_writing: seek 4611686018427387904 set": "the host's file system says how far a position can go",
    "reading_and_writing: pread": "wasmtime reads into the first buffer only",
    "reading_and_writing: pread data": "wasmtime reads into the first buffer only",
    "reading_and_writing: pwrite": "wasmtime writes the first buffer only",
    "reading_and_writing: all": "wasmtime writes the first buffer only",
    "wrong_kinds: fd_datasync on dir": _SYNC,
    "wrong_kinds: fd_datasync on preopen": _SYNC,
    "wrong_kinds: fd_sync on dir": _SYNC,
    "wrong_kinds: fd_sync on preopen": _SYNC,
    "directories: unlink 'to_sub/'": "as on the host: a link is no directory, and unlink does not follow it",
    "directories: unlink 'above/'": "as on the host: a link is no directory, and unlink does not follow it",
    "links: readlink 'absolute'": "the text of a link is no way out; listings show it",
    "links: symlink 'f' 'dangling/'": "as on the host: the name exists",
}
"""Answers of ours that are not wasmtime's, and why. A test fails when one of them goes away."""
