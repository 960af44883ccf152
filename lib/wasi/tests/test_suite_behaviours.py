"""What the public WASI test suite asks for, by the names of its tests: behaviours, written down from the specification.

The suite itself is not at hand here. Its programs are small: each of these says in a few calls what one of
them does, for both versions. What it says of arguments, clocks and standard streams is in `test_state` and
`test_programs`.
"""

from __future__ import annotations

from guests import BUFFER, RESULT, Guest

CREATE, DIRECTORY, EXCLUSIVE, TRUNCATE = 1, 2, 4, 8
APPEND, NONBLOCK = 1, 4
READ, WRITE, LISTING = 1 << 1, 1 << 6, 1 << 14
NO_FILE = 77


def make_file(guest: Guest, path: str, data: bytes = b"") -> int:
    fd = guest.must_open(path, oflags=CREATE)
    if data:
        assert guest.write_file(fd, data) == ("SUCCESS", len(data))
    return fd


def make_directory(guest: Guest, path: str) -> str:
    return guest.call("path_create_directory", 3, *guest.path(path))


def unlink(guest: Guest, path: str) -> str:
    return guest.call("path_unlink_file", 3, *guest.path(path))


def remove(guest: Guest, path: str) -> str:
    return guest.call("path_remove_directory", 3, *guest.path(path))


def test_big_random_buf(guest: Guest) -> None:
    assert guest.call("random_get", BUFFER, 0) == "SUCCESS"
    guest.write(BUFFER, bytes(1024))
    assert guest.call("random_get", BUFFER, 1024) == "SUCCESS"
    assert len(set(guest.read(BUFFER, 1024))) > 100


def test_close_preopen(guest: Guest) -> None:
    directory = guest.must_open("sub", oflags=DIRECTORY, rights=LISTING)
    assert guest.call("fd_close", 3) == "SUCCESS"
    assert guest.fdstat(3) == "BADF" and guest.call("fd_prestat_get", 3, RESULT) == "BADF"
    assert guest.call("fd_close", 3) == "BADF"
    assert guest.fdstat(directory)[0] == 3  # the other one stays


def test_overwrite_preopen(guest: Guest) -> None:
    directory = guest.must_open("sub", oflags=DIRECTORY, rights=LISTING)
    assert guest.call("fd_renumber", directory, 3) == "SUCCESS"
    assert guest.fdstat(3)[0] == 3 and guest.fdstat(directory) == "BADF"
    assert isinstance(guest.open("g"), int)  # what is now 3 is sub


def test_renumber(guest: Guest) -> None:
    one, two = make_file(guest, "one", b"1"), make_file(guest, "two", b"22")
    before = guest.fdstat(one)
    assert guest.call("fd_renumber", one, two) == "SUCCESS"
    assert guest.call("fd_close", one) == "BADF"
    assert guest.fdstat(two) == before and guest.fd_stat(two)[4] == 1
    assert guest.call("fd_renumber", two, NO_FILE) == "BADF" and guest.call("fd_renumber", NO_FILE, two) == "BADF"


def test_dangling_fd(guest: Guest) -> None:
    for _ in range(2):  # the name is free again though the file is open
        make_file(guest, "temporary")
        assert unlink(guest, "temporary") == "SUCCESS"
        assert make_directory(guest, "temporary") == "SUCCESS"
        guest.must_open("temporary", oflags=DIRECTORY, rights=LISTING)
        assert remove(guest, "temporary") == "SUCCESS"


def test_dangling_symlink_and_nofollow_errors(guest: Guest) -> None:
    assert guest.symlink("nothing", "link") == "SUCCESS"
    assert guest.open("link", follow=0) == "LOOP"
    assert guest.open("link", follow=0, oflags=DIRECTORY) in ("LOOP", "NOTDIR")
    assert make_directory(guest, "nothing") == "SUCCESS"
    assert guest.open("link", follow=0, oflags=DIRECTORY) in ("LOOP", "NOTDIR")
    guest.must_open("link", follow=1, oflags=DIRECTORY, rights=LISTING)


def test_symlink_loop(guest: Guest) -> None:
    assert guest.symlink("circle", "circle") == "SUCCESS"
    assert guest.open("circle") == "LOOP" and guest.open("circle", follow=0) == "LOOP"
    assert unlink(guest, "circle") == "SUCCESS"


def test_symlink_create_and_readlink(guest: Guest) -> None:
    assert guest.symlink("f", "link") == "SUCCESS"
    assert guest.symlink("f", "link") == "EXIST"
    assert guest.symlink("/etc/passwd", "absolute_link") in ("PERM", "NOTCAPABLE")
    answer, used = guest.get("path_readlink", 3, *guest.path("link"), BUFFER, 100)
    assert (answer, used, guest.read(BUFFER, 1)) == ("SUCCESS", 1, b"f")
    assert guest.path_stat("link", follow=0)[2] == 7 and guest.path_stat("link")[2] == 4
    assert guest.symlink("longer name", "other") == "SUCCESS"
    assert guest.get("path_readlink", 3, *guest.path("other"), BUFFER, 6) == ("SUCCESS", 6)  # cut short
    assert guest.read(BUFFER, 6) == b"longer"


def test_symlink_trailing_slashes(guest: Guest) -> None:
    assert guest.symlink("source", "target/") == "NOENT"
    assert make_directory(guest, "target") == "SUCCESS"
    assert guest.symlink("source", "target/") == "EXIST" and guest.symlink("source", "target") == "EXIST"
    make_file(guest, "file")
    assert guest.symlink("source", "file/") in ("NOTDIR", "EXIST", "NOENT")


def test_directory_seek_and_dir_fd_op_failures(guest: Guest) -> None:
    fd = guest.must_open("sub", oflags=DIRECTORY, rights=LISTING)
    assert guest.seek(fd, 0, "cur")[0] in ("BADF", "NOTCAPABLE")
    iovecs = guest.iovecs((BUFFER, 10))
    assert guest.call("fd_read", fd, *iovecs, RESULT) in ("BADF", "ISDIR")
    assert guest.call("fd_pread", fd, *iovecs, 0, RESULT) in ("BADF", "ISDIR")
    for name, arguments in {
        "fd_write": (*iovecs, RESULT), "fd_pwrite": (*iovecs, 0, RESULT), "fd_tell": (RESULT,),
        "fd_advise": (0, 0, 0), "fd_allocate": (0, 1), "fd_filestat_set_size": (0,),
    }.items():  # fmt: skip
        assert guest.call(name, fd, *arguments) in ("BADF", "NOTCAPABLE", "ISDIR"), name
    for oflags, rights in ((0, WRITE), (TRUNCATE, READ), (CREATE, READ), (CREATE | EXCLUSIVE, READ)):
        assert guest.open("sub", oflags=oflags, rights=rights) in ("ISDIR", "EXIST"), (oflags, rights)


def test_fd_fdstat_set_rights(guest: Guest) -> None:
    fd = make_file(guest, "file", b"text")
    _, _, rights, inheriting = guest.fdstat(fd)
    assert guest.call("fd_fdstat_set_rights", fd, rights & ~WRITE, inheriting) == "SUCCESS"
    assert guest.write_file(fd, b"x")[0] in ("NOTCAPABLE", "BADF")
    assert guest.call("fd_fdstat_set_rights", fd, rights, inheriting) == "NOTCAPABLE"


def test_fd_filestat_set_and_fstflags_validate(guest: Guest) -> None:
    fd = make_file(guest, "file")
    assert guest.call("fd_filestat_set_size", fd, 100) == "SUCCESS" and guest.fd_stat(fd)[4] == 100
    before = guest.fd_stat(fd)
    assert guest.call("fd_filestat_set_times", fd, 0, before[6] - 100, 4) == "SUCCESS"  # the change's time alone
    after = guest.fd_stat(fd)
    assert (after[5], after[6]) == (before[5], before[6] - 100)
    for flags in (1 | 2, 4 | 8, 15, 16):
        assert guest.call("fd_filestat_set_times", fd, 1, 1, flags) == "INVAL"
        assert guest.call("path_filestat_set_times", 3, 0, *guest.path("file"), 1, 1, flags) == "INVAL"


def test_fd_flags_set_and_pwrite_with_append(guest: Guest) -> None:
    fd = make_file(guest, "file", b"0123456789")
    assert guest.seek(fd, 0, "set") == ("SUCCESS", 0) and guest.write_file(fd, b"ab") == ("SUCCESS", 2)
    assert guest.call("fd_fdstat_set_flags", fd, APPEND) == "SUCCESS" and guest.fdstat(fd)[1] == APPEND
    assert guest.seek(fd, 0, "set") == ("SUCCESS", 0) and guest.write_file(fd, b"cd") == ("SUCCESS", 2)
    assert guest.seek(fd, 0, "cur") == ("SUCCESS", 12)
    assert guest.call("fd_fdstat_set_flags", fd, 0) == "SUCCESS"
    assert guest.seek(fd, 0, "set")[1] == 0 and guest.write_file(fd, b"ef") == ("SUCCESS", 2)
    assert guest.seek(fd, 0, "set")[1] == 0 and guest.read_file(fd, 100) == ("SUCCESS", b"ef23456789cd")


def test_fd_readdir(guest: Guest) -> None:
    assert make_directory(guest, "many") == "SUCCESS"
    fd = guest.must_open("many", oflags=DIRECTORY, rights=LISTING)
    assert sorted(entry[2] for entry in guest.readdir(fd)) == [b".", b".."]
    for number in range(300):
        guest.call("fd_close", make_file(guest, f"many/file{number}"))
    names, cookie = [], 0
    while entries := guest.readdir(fd, 200, cookie):
        names += [entry[2] for entry in entries]
        cookie = entries[-1][0]
    assert sorted(names) == sorted([b".", b"..", *(b"file%d" % number for number in range(300))])
    third = guest.readdir(fd, 200, 0)[2]
    assert guest.readdir(fd, 200, guest.readdir(fd, 200, 0)[1][0])[0] == third
    assert guest.readdir(make_file(guest, "file")) in ("BADF", "NOTDIR")


def test_file_allocate(guest: Guest) -> None:
    fd = make_file(guest, "file")
    assert guest.call("fd_allocate", fd, 0, 100) == "SUCCESS" and guest.fd_stat(fd)[4] == 100
    assert guest.call("fd_allocate", fd, 10, 10) == "SUCCESS" and guest.fd_stat(fd)[4] == 100  # never shorter
    assert guest.call("fd_allocate", fd, 90, 20) == "SUCCESS" and guest.fd_stat(fd)[4] == 110


def test_file_pread_pwrite(guest: Guest) -> None:
    fd = make_file(guest, "file")
    guest.write(BUFFER, b"\x00\x01\x02\x03")
    assert guest.get("fd_pwrite", fd, *guest.iovecs((BUFFER, 4)), 0) == ("SUCCESS", 4)
    assert guest.get("fd_pread", fd, *guest.iovecs((BUFFER, 2), (BUFFER + 2, 10)), 2) == ("SUCCESS", 2)
    assert guest.read(BUFFER, 2) == b"\x02\x03"
    assert guest.get("fd_pread", fd, *guest.iovecs((BUFFER, 4)), 4) == ("SUCCESS", 0)
    assert guest.get("fd_pread", fd, *guest.iovecs((BUFFER, 4)), -1)[0] == "INVAL"
    assert guest.seek(fd, 0, "cur") == ("SUCCESS", 0)


def test_file_seek_tell(guest: Guest) -> None:
    fd = make_file(guest, "file", bytes(100))
    assert guest.get("fd_tell", fd, size=8) == ("SUCCESS", 100)
    assert guest.seek(fd, -50, "cur") == ("SUCCESS", 50) and guest.seek(fd, -20, "end") == ("SUCCESS", 80)
    assert guest.seek(fd, 1000, "set") == ("SUCCESS", 1000) and guest.read_file(fd, 5) == ("SUCCESS", b"")
    assert guest.seek(fd, -2000, "cur")[0] == "INVAL" and guest.get("fd_tell", fd, size=8) == ("SUCCESS", 1000)


def test_interesting_paths(guest: Guest) -> None:
    assert make_directory(guest, "dir") == make_directory(guest, "dir/nested") == "SUCCESS"
    make_file(guest, "dir/nested/file")
    for path in ("dir/.//nested/../../dir/nested/../nested///./file", "dir/nested/.././nested/file"):
        guest.must_open(path)
    assert guest.open("/dir/nested/file") in ("PERM", "NOTCAPABLE")
    assert guest.open("dir/nested/../../../dir/nested/file") in ("PERM", "NOTCAPABLE")
    assert guest.open("dir/nested/file\0") in ("INVAL", "ILSEQ")
    for path in ("dir/nested/file/", "dir/nested/file/.", "dir/nested/file/..", "dir/nested/file/../file"):
        assert guest.open(path) == "NOTDIR", path
    for path in ("dir/nested/nothing/../file", "nothing/../dir"):
        assert guest.open(path) == "NOENT", path
    guest.must_open("dir/nested///", oflags=DIRECTORY, rights=LISTING)
    assert guest.open("dir/nested/file", oflags=DIRECTORY) == "NOTDIR"
    assert guest.open("") == "NOENT" and guest.open("/") in ("PERM", "NOTCAPABLE")
    assert guest.open("x" * 5000) == "NAMETOOLONG"


def test_path_exists_and_path_filestat(guest: Guest) -> None:
    assert guest.path_stat("missing") == "NOENT" and guest.path_stat("sub")[2] == 3
    fd = make_file(guest, "file", b"hello")
    by_path, by_fd = guest.path_stat("file"), guest.fd_stat(fd)
    assert by_path == by_fd and by_path[4] == 5
    when = by_path[6] - 100
    assert guest.call("path_filestat_set_times", 3, 1, *guest.path("file"), 0, when, 4) == "SUCCESS"
    assert guest.path_stat("file")[6] == when == guest.fd_stat(fd)[6]


def test_path_link(guest: Guest) -> None:
    make_file(guest, "file", b"1234")
    assert guest.two_paths("path_link", "file", "again") == "SUCCESS"
    assert guest.path_stat("file") == guest.path_stat("again") and guest.path_stat("file")[3] == 2
    assert guest.two_paths("path_link", "file", "again") == "EXIST"
    assert guest.two_paths("path_link", "missing", "other") == "NOENT"
    assert guest.two_paths("path_link", "sub", "other") in ("PERM", "ACCES")  # no links to directories
    assert guest.two_paths("path_link", "file", "other/") == "NOENT"
    assert guest.symlink("file", "link") == "SUCCESS"
    assert guest.two_paths("path_link", "link", "other") == "SUCCESS"  # to the link, not to what it leads to
    assert guest.path_stat("other", follow=0)[2] == 7
    assert guest.call("path_link", 3, 1, *guest.path("link", 4000), 3, *guest.path("last", 6000)) == "INVAL"


def test_path_open(guest: Guest) -> None:
    make_file(guest, "file", b"text")
    assert guest.open("file", oflags=CREATE | EXCLUSIVE) == "EXIST"
    assert guest.open("missing") == "NOENT"
    assert guest.open("file/other", oflags=CREATE) == "NOTDIR"
    assert guest.open("x", fd=make_file(guest, "other")) in ("NOTDIR", "NOTCAPABLE")
    assert guest.open("x", fd=NO_FILE) == "BADF"
    assert guest.open("sub", oflags=DIRECTORY | CREATE | EXCLUSIVE) in ("INVAL", "EXIST")
    guest.must_open("file", flags=NONBLOCK)
    reading, writing = guest.must_open("file", rights=READ), guest.must_open("file", rights=WRITE)
    assert guest.read_file(reading, 10) == ("SUCCESS", b"text") and guest.write_file(reading, b"x")[0] == "BADF"
    assert guest.read_file(writing, 10)[0] == "BADF" and guest.write_file(writing, b"T") == ("SUCCESS", 1)
    assert guest.fdstat(guest.must_open(".", oflags=DIRECTORY, rights=LISTING))[0] == 3


def test_path_rename(guest: Guest) -> None:
    assert (
        make_directory(guest, "source") == make_directory(guest, "empty") == make_directory(guest, "full") == "SUCCESS"
    )
    make_file(guest, "full/file")
    make_file(guest, "file", b"1")
    assert guest.two_paths("path_rename", "source", "full") == "NOTEMPTY"
    assert guest.two_paths("path_rename", "source", "file") == "NOTDIR"
    assert guest.two_paths("path_rename", "file", "empty") == "ISDIR"
    assert guest.two_paths("path_rename", "source", "source/below") == "INVAL"
    assert guest.two_paths("path_rename", "source", "empty") == "SUCCESS"
    assert guest.path_stat("source") == "NOENT" and guest.path_stat("empty")[2] == 3
    make_file(guest, "other", b"22")
    assert guest.two_paths("path_rename", "file", "other") == "SUCCESS" and guest.path_stat("other")[4] == 1
    assert guest.two_paths("path_rename", "empty/", "moved/") == "SUCCESS" and guest.path_stat("moved")[2] == 3
    assert guest.two_paths("path_rename", "other", "last/") in ("NOTDIR", "NOENT")
    assert guest.two_paths("path_rename", "other/", "last") == "NOTDIR"


def test_removing_and_trailing_slashes(guest: Guest) -> None:
    make_file(guest, "file")
    assert make_directory(guest, "dir") == make_directory(guest, "dir/inner") == "SUCCESS"
    assert (
        remove(guest, "dir") == "NOTEMPTY" and remove(guest, "file") == "NOTDIR" and remove(guest, "file/") == "NOTDIR"
    )
    assert unlink(guest, "file/") == "NOTDIR" and unlink(guest, "dir/inner") in ("ISDIR", "PERM")
    assert unlink(guest, "dir/inner/") in ("ISDIR", "PERM")
    assert remove(guest, "dir/inner/") == "SUCCESS" and remove(guest, "dir") == "SUCCESS"
    assert unlink(guest, "file") == "SUCCESS" and unlink(guest, "file") == "NOENT" and remove(guest, "dir") == "NOENT"


def test_truncation_rights(guest: Guest) -> None:
    make_file(guest, "file", b"text")
    fd = guest.must_open("file", oflags=TRUNCATE)
    assert guest.fd_stat(fd)[4] == 0
    _, _, rights, inheriting = guest.fdstat(3)
    assert guest.call("fd_fdstat_set_rights", 3, rights & ~(1 << 19), inheriting) == "SUCCESS"  # path_filestat_set_size
    assert guest.open("file", oflags=TRUNCATE) in ("NOTCAPABLE", "PERM")
    guest.must_open("file")


def test_sock_shutdown_and_invalid_descriptors(guest: Guest) -> None:
    assert guest.call("sock_shutdown", make_file(guest, "file"), 3) == "NOTSOCK"
    assert guest.call("sock_shutdown", NO_FILE, 3) == "BADF"
    assert guest.write_file(NO_FILE, b"x")[0] == "BADF" and guest.read_file(NO_FILE, 1)[0] == "BADF"


def test_poll_oneoff_stdio(guest: Guest) -> None:
    assert guest.poll()[0] == "INVAL"
    answer, events = guest.poll(guest.fd_subscription(1, 2, 1), guest.fd_subscription(2, 2, 2))
    assert answer == "SUCCESS" and {event[0] for event in events} <= {1, 2} and events
    assert guest.poll(guest.fd_subscription(3, 1, NO_FILE))[0] == "BADF"  # as wasmtime; others tell it in the event


def test_stat_dev_ino(guest: Guest) -> None:
    one, two = guest.path_stat("f"), guest.path_stat("sub")
    assert one[0] == two[0] and one[1] != two[1] and guest.path_stat("./sub/../f")[1] == one[1]
