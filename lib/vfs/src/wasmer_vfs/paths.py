"""How a path that a guest wrote is resolved: one component at a time, never above the root.

The rules are the same for directories of the host and for those in memory; a `Cursor` is what
takes the single steps. Trailing slashes mean that the path must be a directory. See
`host_directories` for what is promised.
"""

from __future__ import annotations

import errno

from wasmer_runtime_core.support.annotations import Final, Protocol
from wasmer_vfs.errors import OutOfDirectory, refusal
from wasmer_vfs.waiting import must_be_refusal

MAX_LINKS: Final = 40
MAX_PATH_BYTES: Final = 4096


class Cursor(Protocol):
    """A place in a tree of directories, which begins at its root.

    Attributes:
        depth: directories between the root and here.
    """

    @property
    def depth(self) -> int: ...

    def down(self, name: bytes) -> bool:
        """Go into the directory `name`. False: it is no directory, a link perhaps. ENOENT: there is none."""
        ...

    def up(self) -> None:
        """Go back to where `down` came from; never called at the root."""
        ...

    def text_of_link(self, name: bytes) -> bytes | None:
        """The text of the link `name` here, or None if it is no link."""
        ...


def split(path: bytes) -> tuple[list[bytes], bool]:
    """The components of a path without the empty and `.` ones, and whether it must be a directory.

    Raises:
        OSError: ENOENT for the empty path, `OutOfDirectory` for an absolute one, EINVAL for a NUL byte, EILSEQ for
            what is not UTF-8, ENAMETOOLONG for more than `MAX_PATH_BYTES`.
    """
    if not path:
        raise refusal(errno.ENOENT)
    if b"\0" in path:
        raise refusal(errno.EINVAL)
    if len(path) > MAX_PATH_BYTES:
        raise refusal(errno.ENAMETOOLONG)
    if not path.isascii():
        try:
            path.decode()
        except UnicodeDecodeError as failure:
            must_be_refusal(failure)
            raise refusal(errno.EILSEQ) from None
    if path.startswith(b"/"):
        raise OutOfDirectory
    return _components(path)


def _components(path: bytes) -> tuple[list[bytes], bool]:
    parts = path.split(b"/")
    return [part for part in parts if part and part != b"."], parts[-1] in (b"", b".", b"..")


def check_text(target: bytes) -> None:
    """Refuse what no link may say.

    Raises:
        OSError: EINVAL for a NUL byte, `OutOfDirectory` for an absolute text.
    """
    if b"\0" in target:
        raise refusal(errno.EINVAL)
    if target.startswith(b"/"):
        raise OutOfDirectory


def resolve(cursor: Cursor, components: list[bytes], must_be_directory: bool, follow: bool) -> bytes:
    """Move to the directory that holds the last name, and return that name, or `.`.

    Links on the way are followed, the last one if `follow` or if it must be a directory. The
    name that is returned was no link then; it has to be used by a call that does not follow
    links, since it may be one now.

    Raises:
        OutOfDirectory: the path leads above the root.
        OSError: ELOOP, ENOTDIR; what the cursor met.
    """
    links = 0
    pending = components[::-1]
    while pending:
        name = pending.pop()
        if name == b"..":
            if not cursor.depth:
                raise OutOfDirectory
            cursor.up()
            continue
        walking = bool(pending) or must_be_directory
        if walking and cursor.down(name):
            continue
        text = cursor.text_of_link(name) if walking or follow else None
        if text is None:
            if walking:
                raise refusal(errno.ENOTDIR)
            return name
        links += 1
        if links > MAX_LINKS:
            raise refusal(errno.ELOOP)
        if text.startswith(b"/"):
            raise OutOfDirectory
        more, ends_in_directory = _components(text)
        if not pending:
            must_be_directory = must_be_directory or ends_in_directory
        pending += more[::-1]
    return b"."


def resolve_parent(cursor: Cursor, path: bytes) -> bytes:
    """Move to the directory that holds the last name, and return the name, with its slash if it has one.

    For calls that make or remove names. A last `.` or `..` is returned as it is, to be refused
    by the call; none does anything with it.
    """
    components, _ = split(path)
    last = path.rstrip(b"/").rpartition(b"/")[2]
    if last in (b".", b".."):
        if last == b"..":
            components.pop()
        resolve(cursor, components, True, True)
        if last == b".." and not cursor.depth:
            raise OutOfDirectory
        return last
    name = components.pop()
    resolve(cursor, components, True, True)
    return name + b"/" if path.endswith(b"/") else name
