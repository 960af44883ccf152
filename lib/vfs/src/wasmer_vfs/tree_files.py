"""A program's files for Python: the words of `pathlib`, paths as the program has them."""

from __future__ import annotations

import os

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, final
from wasmer_vfs.status import Status
from wasmer_vfs.trees import Tree
from wasmer_vfs.waiting import Interrupted, must_be_refusal, plainly

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1 << 20


@final
class Files:
    """What a program sees. Every method takes a path, relative to the program's current directory or from ``/`` on.

    Each raises an `OSError` with the reason, as `pathlib` does.
    """

    __slots__ = ("_tree",)

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def read_bytes(self, path: str) -> bytes:
        """The content of a file."""
        place = self._tree.place(path.encode())
        file = place.directory.open(place.path, os.O_RDONLY, follow=True)
        try:
            if hasattr(file, "entries"):
                raise IsADirectoryError(f"{path} is a directory")
            size = file.status().size
            content = bytearray()
            while True:
                piece = bytearray(min(_CHUNK, max(size - len(content), 1)))
                with memoryview(piece) as buffer:
                    count = file.read([buffer])
                content += piece[:count]
                if not count:
                    return bytes(content)
        except Interrupted as interrupted:
            raise interrupted.reason from None
        finally:
            file.close()

    def read_text(self, path: str) -> str:
        """The same as text, UTF-8."""
        return self.read_bytes(path).decode()

    def write_bytes(self, path: str, content: bytes) -> None:
        """Make a file, or replace its content."""
        place = self._tree.place(path.encode())
        file = place.directory.open(place.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, follow=True)
        try:
            done = 0
            while done < len(content):
                done += file.write([memoryview(content)[done:]])  # type: ignore[union-attr]
        except Interrupted as interrupted:
            raise interrupted.reason from None
        finally:
            file.close()

    def write_text(self, path: str, content: str) -> None:
        """The same of text, as UTF-8."""
        self.write_bytes(path, content.encode())

    @plainly
    def mkdir(self, path: str, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Make a directory."""
        whole = self._tree.absolute(path.encode())
        names = [whole]
        while parents and (above := names[-1].rpartition(b"/")[0]):
            names.append(above)
        for name in reversed(names):
            place = self._tree.place(name)
            try:
                if place.is_mount:
                    raise FileExistsError(f"{path} is there")
                place.directory.create_directory(place.path)
            except FileExistsError as failure:
                must_be_refusal(failure)
                if name is whole and not exist_ok:
                    raise

    def unlink(self, path: str) -> None:
        """Remove a file or a link."""
        place = self._tree.place_of_name(path.encode())
        place.directory.unlink(place.path)

    def rmdir(self, path: str) -> None:
        """Remove an empty directory."""
        place = self._tree.place_of_name(path.encode())
        place.directory.remove_directory(place.path)

    def rename(self, path: str, new: str) -> None:
        """Give a file or a directory another name."""
        source, target = self._tree.place_of_name(path.encode()), self._tree.place_of_name(new.encode())
        source.directory.rename(source.path, target.directory, target.path)

    def iterdir(self, path: str = ".") -> Iterator[str]:
        """The names in a directory, as the program finds them, each with the path before it: the oldest first, those of
        the host sorted.
        """
        place = self._tree.place(path.encode())
        found = place.directory.open(place.path, os.O_RDONLY | os.O_DIRECTORY, follow=True)
        try:
            names = [entry.name for entry in found.entries()]  # type: ignore[union-attr]
        finally:
            if found is not place.directory:
                found.close()
        prefix = path.rstrip("/") + "/"
        for name in names:
            if name not in (b".", b".."):
                yield prefix + name.decode("utf-8", "surrogateescape")

    def stat(self, path: str) -> Status:
        """What is known of a file; links are followed."""
        place = self._tree.place(path.encode())
        return place.directory.path_status(place.path, True)

    @plainly
    def exists(self, path: str) -> bool:
        """Whether there is anything of that name."""
        try:
            self.stat(path)
        except OSError as failure:
            must_be_refusal(failure)
            return False
        return True

    @plainly
    def is_dir(self, path: str) -> bool:
        """Whether it is a directory."""
        return self._is(path, "directory")

    @plainly
    def is_file(self, path: str) -> bool:
        """Whether it is a file."""
        return self._is(path, "file")

    def _is(self, path: str, kind: str) -> bool:
        try:
            return self.stat(path).kind == kind
        except OSError as failure:
            must_be_refusal(failure)
            return False

    def chdir(self, path: str) -> None:
        """Change the program's current directory."""
        place = self._tree.place(path.encode())
        if place.directory.path_status(place.path, True).kind != "directory":
            raise NotADirectoryError(f"{path} is no directory")
        self._tree.current = place.whole
