"""The table of numbers: the lowest free one, numbers that share a file, limits, and that each file is closed once."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable

import pytest

from wasmer_vfs import MemoryDirectory
from wasmer_vfs.descriptors import DescriptorTable, OpenFile

Table = DescriptorTable[OpenFile]


class Counting(OpenFile):
    """Counts how often it is closed."""

    __slots__ = ("closed",)

    def __init__(self) -> None:
        super().__init__()
        self.closed = 0

    def close(self) -> None:
        self.closed += 1
        super().close()


def refused(number: int, call: Callable[[], object]) -> None:
    with pytest.raises(OSError) as caught:
        call()
    assert caught.value.errno == number


def table_of(count: int, limit: int = 16) -> tuple[Table, list[Counting]]:
    table = Table(limit)
    files = [Counting() for _ in range(count)]
    assert [table.insert(file) for file in files] == list(range(count))
    return table, files


def test_the_lowest_free_number_is_given() -> None:
    table, _ = table_of(5)
    table.close(3)
    table.close(1)
    assert [table.insert(Counting()) for _ in range(3)] == [1, 3, 5]
    assert table.duplicate(0) == 6


def test_numbers_below_one_that_was_chosen_are_given_first() -> None:
    table, files = table_of(2)
    table.duplicate_to(0, 9)
    assert [table.insert(Counting()) for _ in range(8)] == [2, 3, 4, 5, 6, 7, 8, 10]
    assert table.open[9] is files[0]
    assert table.duplicate(1, 4) == 11


def test_a_number_not_below_another() -> None:
    table, _ = table_of(3)
    assert table.duplicate(0, 10) == 10
    assert table.duplicate(0, 10) == 11
    assert table.insert(Counting()) == 3
    refused(errno.EINVAL, lambda: table.duplicate(0, 16))
    refused(errno.EINVAL, lambda: table.duplicate(0, -1))
    refused(errno.EBADF, lambda: table.duplicate(99))
    assert [table.duplicate(0, 14) for _ in range(2)] == [14, 15]
    refused(errno.EMFILE, lambda: table.duplicate(0, 14))


def test_a_file_is_closed_with_its_last_number() -> None:
    table, files = table_of(2)
    table.duplicate_to(0, 7)
    again = table.duplicate(7)
    table.close(0)
    table.close(7)
    assert files[0].closed == 0
    table.duplicate_to(1, again)
    assert (files[0].closed, files[1].closed) == (1, 0)
    table.duplicate_to(1, 1)
    table.close_all()
    assert (files[0].closed, files[1].closed) == (1, 1)


def test_a_position_is_shared_by_numbers() -> None:
    tree = MemoryDirectory({"f": b"abcdef"})
    table = Table()
    first = table.insert(OpenFile(file=tree.open(b"f", os.O_RDONLY, follow=True)))  # type: ignore[arg-type]
    second = table.duplicate(first)
    for number, expected in [(first, b"ab"), (second, b"cd"), (first, b"ef")]:
        buffer = bytearray(2)
        file = table.find(number).file
        assert file is not None and file.read([memoryview(buffer)]) == 2 and buffer == expected


def test_moving_a_number_closes_what_it_stood_for() -> None:
    table, files = table_of(3)
    table.renumber(2, 0)
    assert files[0].closed == 1 and table.open[0] is files[2]
    assert table.insert(Counting()) == 2
    table.duplicate_to(0, 1)
    table.renumber(0, 1)
    assert files[2].closed == 0 and sorted(table.open) == [1, 2]
    for old, new in [(9, 1), (1, 9), (-1, 1)]:
        refused(errno.EBADF, lambda old=old, new=new: table.renumber(old, new))  # type: ignore[misc]


@pytest.mark.parametrize("new", [-1, 16, 17, 1 << 31, 1 << 62, -(1 << 31)])
def test_numbers_beyond_the_limit_are_refused_without_work(new: int) -> None:
    table, files = table_of(2)
    refused(errno.EBADF, lambda: table.duplicate_to(0, new))
    refused(errno.EINVAL, lambda: table.duplicate(0, new))
    assert table.insert(Counting()) == 2 and files[0].numbers == 1


def test_no_more_than_the_limit() -> None:
    table, _ = table_of(16)
    refused(errno.EMFILE, table.must_have_room)
    refused(errno.EMFILE, lambda: table.duplicate(0))
    table.duplicate_to(0, 15)
    table.close(15)
    table.must_have_room()
    assert table.duplicate(0) == 15


def test_numbers_do_not_pile_up() -> None:
    """Whatever is opened, chosen and closed however often, what the table keeps of numbers has its limit."""
    chance = random.Random(7)
    table, _ = table_of(3, 16)
    for round in range(6000):
        new = chance.randrange(3, 16) if round % 2000 < 1000 else 10
        table.duplicate_to(0, new)
        if chance.random() < 0.5 and len(table.open) < 16:
            table.duplicate(1, chance.randrange(3))
        for number in [each for each in table.open if each > 2]:
            table.close(number)
        assert len(table._free) < 200
    assert [table.insert(Counting()) for _ in range(5)] == [3, 4, 5, 6, 7]


def test_closing_all_goes_on_when_closing_fails() -> None:
    class Failing(Counting):
        __slots__ = ()

        def close(self) -> None:
            super().close()
            raise OSError(errno.EIO, "no")

    table = Table()
    files = [Failing(), Counting(), Failing()]
    for file in files:
        table.insert(file)
    with pytest.raises(OSError):
        table.close_all()
    assert [file.closed for file in files] == [1, 1, 1] and not table.open
    assert table.insert(Counting()) == 0


def test_any_order_of_calls_keeps_the_table_whole() -> None:
    """Against a model: numbers are the lowest free ones, and each file is open exactly as long as a number is."""
    chance = random.Random(13)
    for _ in range(60):
        table, files = table_of(3, 24)
        every = list(files)
        model: dict[int, Counting] = dict(enumerate(files))
        for _ in range(80):
            number, new = chance.randrange(26), chance.randrange(26)
            lowest = next(at for at in range(30) if at not in model)
            action = chance.randrange(5)
            try:
                if action == 0:
                    table.must_have_room()
                    every.append(Counting())
                    assert table.insert(every[-1]) == lowest
                    model[lowest] = every[-1]
                elif action == 1:
                    table.close(number)
                    del model[number]
                elif action == 2:
                    assert table.duplicate(number) == lowest
                    model[lowest] = model[number]
                elif action == 3:
                    table.duplicate_to(number, new)
                    model[new] = model[number]
                else:
                    table.renumber(number, new)
                    moved = model.pop(number)
                    model[new] = moved
            except OSError as failure:
                assert failure.errno in (errno.EBADF, errno.EMFILE)
            assert table.open == model
            for file in every:
                assert file.numbers == sum(each is file for each in model.values())
                assert file.closed == (file.numbers == 0)
        table.close_all()
        assert all(file.closed == 1 for file in every)
