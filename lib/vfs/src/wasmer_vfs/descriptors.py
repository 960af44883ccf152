"""Numbers that stand for open files: the table that every integration has.

A program holds numbers, the table what they stand for: an `OpenFile`. Several numbers may stand for one (`dup`), which
then share its position and flags; it is closed with the last of them. Numbers are the lowest free ones, as programs
expect that use `dup2`'s ways; they have nothing to do with the host's.

There is a limit to how many a program can have, since each may stand for one of the host's process: EMFILE. An
integration derives from `OpenFile` what it keeps of its own (WASI its rights) and adds its ways to look numbers up.
"""

from __future__ import annotations

import errno
from _heapq import heappop, heappush  # `heapq` is these and much that is not used

from wasmer_runtime_core.support.annotations import Final, Generic, TypeVar
from wasmer_vfs.directories import Directory, Entry
from wasmer_vfs.errors import refusal
from wasmer_vfs.files import File
from wasmer_vfs.waiting import new_lock

DEFAULT_LIMIT: Final = 256
"""Numbers that a program can have at once."""
MAX_LISTED: Final = 1 << 16
"""Names of directories that are kept while they are being read, but for the directory that was read last."""

_FEW: Final = 64


class OpenFile:
    """A file or a directory that is open, whatever numbers stand for it.

    Attributes:
        file: what is open, if it is no directory.
        directory: the directory, if it is one.
        host: the host's descriptor where `file` can be read and written without waiting, for the short way; else -1.
        listing: the entries of a directory whose reading is under way.
        numbers: how many stand for it.
    """

    __slots__ = ("directory", "file", "host", "listing", "numbers")

    def __init__(self, *, file: File | None = None, directory: Directory | None = None) -> None:
        self.file = file
        self.directory = directory
        self.host: int = -1 if file is None else getattr(file, "direct", -1)
        self.listing: list[Entry] = []
        self.numbers = 0

    def close(self) -> None:
        """Close what is open, whatever numbers stand for it."""
        self.host = -1
        self.listing = []
        opened = self.file if self.directory is None else self.directory
        if opened is not None:
            opened.close()


Opened = TypeVar("Opened", bound=OpenFile)


class DescriptorTable(Generic[Opened]):
    """Numbers and what they stand for.

    Attributes:
        open: by number. Read directly where speed matters.
        limit: the most numbers a program can have at once, those that it is given included; no number that it chooses
            is as large.
    """

    __slots__ = ("_free", "_listed", "_lock", "_unused", "limit", "open")

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self.open: dict[int, Opened] = {}
        self.limit = limit
        self._free: list[int] = []  # a heap with all closed numbers below `_unused`, and some that are open again
        self._unused = 0  # no number from here on has been used
        self._listed: list[Opened] = []  # whose listings are kept, that of the last one read at the end
        self._lock = new_lock()  # a signal's handler may close the table

    def must_have_room(self) -> None:
        """Asked before a program opens anything.

        Raises:
            OSError: EMFILE, the limit is reached.
        """
        if len(self.open) >= self.limit:
            raise refusal(errno.EMFILE)

    def insert(self, opened: Opened) -> int:
        """Give it the lowest free number."""
        with self._lock:
            while self._free:
                number = heappop(self._free)
                if number not in self.open:
                    return self._put(number, opened)
            while self._unused in self.open:
                self._unused += 1
            return self._put(self._unused, opened)

    def _put(self, number: int, opened: Opened) -> int:
        """Give it this free number; `_lock` is held."""
        while self._unused <= number:
            if self._unused < number:
                heappush(self._free, self._unused)
            self._unused += 1
        self.open[number] = opened
        opened.numbers += 1
        return number

    def _is_free(self, number: int) -> None:
        """Let it be given again; `_lock` is held.

        A number that a program has chosen (`duplicate_to`) stays in the heap until it would be given, and comes in once
        more when it is closed. So what is not free is taken out now and then, or it would pile up.
        """
        heappush(self._free, number)
        if len(self._free) > 2 * self._unused + _FEW:
            self._free = [each for each in range(self._unused) if each not in self.open]

    def find(self, number: int) -> Opened:
        """What a number stands for.

        Raises:
            OSError: EBADF, nothing.
        """
        opened = self.open.get(number)
        if opened is None:
            raise refusal(errno.EBADF)
        return opened

    def listing(self, opened: Opened, *, anew: bool) -> list[Entry]:
        """The entries of a directory as they were when its reading began, or as they are now if that is not known.

        A program can have many directories half read, so no more than `MAX_LISTED` names are kept of those before the
        last one.

        Raises:
            OSError: EBADF, it is no directory.
        """
        if opened.directory is None:
            raise refusal(errno.EBADF)
        if anew or not opened.listing:
            opened.listing = opened.directory.entries()
        with self._lock:
            kept = [each for each in self._listed if each is not opened and each.listing]
            count = sum(len(each.listing) for each in kept)
            while count > MAX_LISTED:
                count -= len(kept[0].listing)
                kept.pop(0).listing = []
            self._listed = [*kept, opened]
        return opened.listing

    def duplicate(self, number: int, lowest: int = 0) -> int:
        """Another number for what `number` stands for: the lowest free one that is not below `lowest`.

        Raises:
            OSError: EBADF, it is not open; EINVAL, `lowest` is no number that a program can have; EMFILE.
        """
        opened = self.find(number)
        if not 0 <= lowest < self.limit:
            raise refusal(errno.EINVAL)
        self.must_have_room()
        with self._lock:
            if not lowest:
                return self.insert(opened)
            while lowest in self.open:
                lowest += 1
            if lowest >= self.limit:
                raise refusal(errno.EMFILE)
            return self._put(lowest, opened)

    def duplicate_to(self, number: int, new: int) -> None:
        """Let `new` stand for what `number` stands for; what it stood for loses a number (`dup2`).

        Raises:
            OSError: EBADF, `number` is not open, or `new` is no number that a program can have; EMFILE.
        """
        opened = self.find(number)
        if not 0 <= new < self.limit and new not in self.open:
            raise refusal(errno.EBADF)
        if new == number:
            return
        with self._lock:
            replaced = self.open.get(new)
            if replaced is None:
                self.must_have_room()
            self._put(new, opened)
            last = replaced is not None and self._lost_a_number(replaced)
        if replaced is not None and last:
            replaced.close()

    def renumber(self, old: int, new: int) -> None:
        """Move `old` to the open number `new`, which loses what it stood for.

        Raises:
            OSError: EBADF, one of them is not open.
        """
        with self._lock:
            if old not in self.open or new not in self.open:
                raise refusal(errno.EBADF)
            if old == new:
                return
            replaced = self.open[new]
            self.open[new] = self.open.pop(old)
            self._is_free(old)
            last = self._lost_a_number(replaced)
        if last:
            replaced.close()

    def close(self, number: int) -> None:
        """Close a number.

        Raises:
            OSError: EBADF, it is not open; what closing a file raises.
        """
        with self._lock:
            opened = self.open.pop(number, None)
            if opened is None:
                raise refusal(errno.EBADF)
            self._is_free(number)
            last = self._lost_a_number(opened)
        if last:
            opened.close()

    def _lost_a_number(self, opened: Opened) -> bool:
        """Whether that was its last."""
        opened.numbers -= 1
        return opened.numbers <= 0

    def close_all(self) -> None:
        """Close every number, whatever closing one of them raises."""
        with self._lock:
            every = list(dict.fromkeys(self.open.values()))
            self.open.clear()
            self._free.clear()
            self._unused = 0
            self._listed.clear()
        failure: BaseException | None = None
        for opened in every:
            opened.numbers = 0
            try:
                opened.close()
            except BaseException as error:
                failure = failure or error
        if failure is not None:
            raise failure
