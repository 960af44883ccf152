"""`named_tuple` against `collections.namedtuple`, whose behaviour it promises."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections import namedtuple
from typing import Any

import pytest

from wasmer_runtime_core.support.named_tuple import NamedTuple


class Place(NamedTuple):
    """Where something is."""

    file: str
    line: int = 1
    column: int = 1

    @property
    def text(self) -> str:
        return f"{self.file}:{self.line}"


class Mark(Place):
    __slots__ = ()

    def __str__(self) -> str:
        return f"at {self.text}"


Known = namedtuple("Place", "file line column", defaults=(1, 1))  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (("a", 2, 3), {}),
        (("a",), {}),
        (("a", 2), {}),
        (("a",), {"column": 3}),
        ((), {"column": 3, "file": "a"}),
        ((), {"file": "a", "line": 2, "column": 3}),
    ],
)
def test_made_as_there(values: Any, named: Any) -> None:
    place, known = Place(*values, **named), Known(*values, **named)
    assert place == known
    assert hash(place) == hash(known)
    assert repr(place) == repr(known)
    assert place._asdict() == known._asdict()
    assert (place.file, place.line, place.column) == tuple(known)


@pytest.mark.parametrize("class_", [Place, Mark])
def test_its_signature_is_its_fields(class_: type) -> None:
    assert str(inspect.signature(class_)) == "(file: 'str', line: 'int' = 1, column: 'int' = 1)"


@pytest.mark.parametrize(
    ("values", "named", "wrong"),
    [
        ((), {}, "no value for file"),
        (("a", 1, 2, 3), {}, "more values than fields"),
        (("a",), {"file": "b"}, "file given twice"),
        (("a",), {"row": 1}, "row given twice or not a field"),
    ],
)
def test_refused_as_there(values: Any, named: Any, wrong: str) -> None:
    with pytest.raises(TypeError):
        Known(*values, **named)
    with pytest.raises(TypeError, match=rf"Place\(file, line, column\): {wrong}"):
        Place(*values, **named)


def test_changed_copies() -> None:
    place = Place("a", 2)
    assert place._replace(line=5) == Place("a", 5, 1)
    assert place.__replace__(line=5) == Place("a", 5, 1)
    assert place == ("a", 2, 1)
    with pytest.raises(ValueError, match="Place has no field 'row'"):
        place._replace(row=1)  # type: ignore[call-arg]
    assert Place._make(["a", 1, 2]) == Place("a", 1, 2)


def test_what_classes_say_of_themselves() -> None:
    assert type(Place) is type
    assert issubclass(Place, tuple)
    assert Place._fields == Known._fields == Place.__match_args__
    assert Place._field_defaults == Known._field_defaults
    assert Place.__module__ == __name__
    assert Place.__doc__ == "Where something is."


def test_objects_have_their_fields_and_no_more() -> None:
    place = Place("a")
    assert not hasattr(place, "__dict__")
    with pytest.raises(AttributeError):
        place.line = 3  # type: ignore[misc]
    with pytest.raises(AttributeError):
        place.other = 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("cls", [Place, Mark])
def test_copies_and_pickles(cls: type[Place]) -> None:
    place = cls("a", column=4)
    for other in (pickle.loads(pickle.dumps(place)), copy.copy(place), copy.deepcopy(place), place._replace(line=1)):
        assert other == place
        assert type(other) is cls


def test_subclasses_and_patterns() -> None:
    mark = Mark("a", 7)
    assert str(mark) == "at a:7"
    assert repr(mark) == "Mark(file='a', line=7, column=1)"
    match mark:
        case Place(file, line=line):
            assert (file, line) == ("a", 7)
        case _:
            pytest.fail("no match")
