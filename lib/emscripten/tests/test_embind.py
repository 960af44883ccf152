"""C++ that a program binds, from Python: one of each kind of binding, and what is wrong with each."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
from worlds import fixture

from wasmer_emscripten import BindingError, CppException, Program, WrongArgument, load
from wasmer_emscripten.embind.stubs import stubs


@pytest.fixture
def cpp(backend: str) -> Program:
    return load(fixture("bindings", backend), stdin=None, stdout=None, stderr=None)


# --- functions, numbers, strings


def test_functions_and_overloads(cpp: Program) -> None:
    assert cpp.add(1, 2.5) == 3.5 and cpp.add(1, 2, 3) == 6
    assert cpp.invert(True) is False and cpp.half(3) == 1.5
    assert cpp.as_byte(255) == 255 and cpp.as_small(-128) == -128 and cpp.largest(2**32 - 1) == 2**32 - 1
    assert cpp.ANSWER == 42 and cpp.NAME == "bindings"
    assert cpp.bindings["add"] is cpp.bindings.add and "shout" in cpp.bindings and "nothing there" not in cpp.bindings


def test_strings(cpp: Program) -> None:
    assert cpp.shout("häß") == "häß!" and cpp.shout(b"raw") == "raw!" and cpp.shout("a\0b") == "a\0b!"
    assert cpp.wide("äŁ😀") == "äŁ😀?" and cpp.sixteen("ä😀") == "ä😀."
    assert cpp.raw(b"\0\xff") == b"\0\xff\0\xff"
    assert cpp.binary().encode("utf-8", "surrogateescape") == b"a\0\xff" and cpp.shout(cpp.binary())[:3] == cpp.binary()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda cpp: cpp.add(1),
            r"add\(\) takes 2 or 3 arguments, and 1 were given: double add\(double, double\); int",
        ),
        (lambda cpp: cpp.add(1, "x"), r"argument 2 of double add\(double, double\): a number is needed, not 'x'"),
        (lambda cpp: cpp.add(1, 2, 3.5), r"argument 3 of int add\(int, int, int\): an int is needed, not 3.5"),
        (lambda cpp: cpp.as_byte(256), r"unsigned char is from 0 to 255, this is 256"),
        (lambda cpp: cpp.as_small(-129), r"signed char is from -128 to 127, this is -129"),
        (lambda cpp: cpp.half(10**400), r"float cannot hold"),
        (lambda cpp: cpp.invert("yes"), r"True or False is needed, not 'yes'"),
        (lambda cpp: cpp.shout(5), r"argument 1 of std::string shout\(std::string\): a str or bytes is needed, not 5"),
        (lambda cpp: cpp.shout(), r"std::string shout\(std::string\) takes 1 argument, and 0 were given"),
        (lambda cpp: cpp.shout("\ud800"), r"half a character"),
        (lambda cpp: cpp.wide(b"x"), r"a str is needed"),
        (
            lambda cpp: cpp.between({"x": 1}, (1, 2)),
            r"argument 1 of Line between\(Point, Point\): Point has the fields x, y",
        ),
        (lambda cpp: cpp.between({"x": 1, "y": "z"}, {}), r"Point.y: a number is needed, not 'z'"),
        (lambda cpp: cpp.swap((1,)), r"Pair has 2 elements, and 1 were given"),
        (lambda cpp: cpp.swap("ab"), r"a sequence of 2 elements is needed"),
        (lambda cpp: cpp.next(99), r"a Color \(RED, GREEN, BLUE\) is needed, not 99"),
        (lambda cpp: cpp.next(cpp.Small.LOW), r"a Color is needed, not Small.LOW"),
        (lambda cpp: cpp.kind_of(cpp.Counter()), r"a Shape is needed: a Counter is no Shape"),
        (lambda cpp: cpp.kind_of(None), r"a Shape is needed, not None"),
        (lambda cpp: cpp.read_counter(5), r"int read_counter\(Counter const\*\): a Counter is needed, not 5"),
        (lambda cpp: cpp.uses(cpp.Counter()), r"kept by a smart pointer already"),
        (lambda cpp: cpp.Counter(1, 2, 3), r"Counter\(\) takes 0 or 1 or 2 arguments, and 3 were given"),
        (lambda cpp: cpp.Counter("x"), r"Counter\(int\): an int is needed"),
        (lambda cpp: cpp.Counter().step("x"), r"argument 1 of int Counter.step\(int\): an int is needed"),
        (lambda cpp: cpp.Listener(), r"no constructor"),
        (lambda cpp: cpp.call_back(lambda value: "x", 1), r"C\+\+ wants int of a value: an int is needed, not 'x'"),
    ],
)
def test_wrong_arguments_name_the_signature(call: Any, text: str, cpp: Program) -> None:
    with pytest.raises(BindingError, match=text) as caught:
        call(cpp)
    assert isinstance(caught.value, TypeError)
    assert cpp.shout("it goes on") == "it goes on!"


def test_a_call_that_fails_leaves_nothing_in_the_heap(cpp: Program) -> None:
    cpp.shout("x" * 200_000)
    pages = cpp.memory.size
    for _ in range(2000):
        with pytest.raises(BindingError):
            cpp.between({"x": 1, "y": 2}, {"x": 1, "y": "no"})
        with pytest.raises(BindingError):
            cpp.middle({"name": 5, "from": {"x": 1, "y": 2}, "to": {"x": 1, "y": 2}})
        with pytest.raises(BindingError):
            cpp.add("x" * 100_000, 5)
        cpp.shout("x" * 100_000)
    assert cpp.memory.size == pages


# --- records and enums


def test_value_objects_and_arrays(cpp: Program) -> None:
    line = cpp.between({"x": 1, "y": 2}, {"x": 3, "y": 5.5})
    assert line.to.x == 3 and line["name"] == "line" and dict(line)["to"] == {"x": 3, "y": 5.5}
    assert cpp.middle(line) == {"x": 2, "y": 3.75} and repr(line.to) == "Point(x=3, y=5.5)"
    line.to.x = 7
    assert cpp.middle(line).x == 4

    class Mine:
        x, y = 1, 2

    assert cpp.between(Mine(), line.to).to == line.to
    assert cpp.swap((1, "a")) == (2, "aa") and cpp.swap([1, "b"]) == (2, "bb")


def test_enums(cpp: Program) -> None:
    assert cpp.next(cpp.Color.RED) is cpp.Color.GREEN and cpp.next(2) == cpp.Color.BLUE == 7
    assert cpp.opposite(cpp.Small.LOW) == 1 and repr(cpp.Small.HIGH) == "Small.HIGH" and cpp.Small.LOW == -1
    assert [value.name for value in cpp.Color] == ["RED", "GREEN", "BLUE"] and cpp.Color(7) is cpp.Color["BLUE"]
    with pytest.raises(ValueError, match="9 is no value of Color"):
        cpp.Color(9)
    with pytest.raises(AttributeError, match="Color has no value PINK"):
        cpp.Color.PINK  # noqa: B018


# --- classes


def test_objects(cpp: Program) -> None:
    with cpp.Counter(3) as counter:
        assert (counter.step(), counter.step(4), counter.free_step(1), counter.value) == (4, 8, 90, 9)
        counter.value, counter.name = 20, "name"
        assert counter.fixed == 20 and counter.copy().name == "name" and counter.self().is_alias_of(counter)
        assert cpp.read_counter(counter) == 20 and cpp.read_counter(None) == -1
        assert not counter.copy().is_alias_of(counter) and "Counter at 0x" in repr(counter)
        with pytest.raises(AttributeError, match=r"Counter\.fixed cannot be set"):
            counter.fixed = 1
        with pytest.raises(BindingError, match=r"argument 1 of void Counter\.value\(int\)"):
            counter.value = "x"
    assert counter.is_deleted() and repr(counter) == "<Counter, deleted>"
    assert cpp.Counter.made(4) == 8 and cpp.Counter.shared == 5
    cpp.Counter.shared = 6
    assert cpp.Counter.shared == 6 and isinstance(cpp.Counter(), cpp.Counter)


@pytest.mark.parametrize(
    "use",
    [
        lambda cpp, gone: gone.step(),
        lambda cpp, gone: gone.value,
        lambda cpp, gone: gone.delete(),
        lambda cpp, gone: gone.clone(),
        lambda cpp, gone: cpp.read_counter(gone),
        lambda cpp, gone: gone.is_alias_of(gone),
        lambda cpp, gone: gone.__enter__(),
        lambda cpp, gone: cpp.Counter.step(object.__new__(cpp.Counter)),
    ],
)
def test_use_after_delete(use: Any, cpp: Program) -> None:
    gone = cpp.Counter(1)
    gone.delete()
    with pytest.raises(BindingError, match=r"this Counter cannot be used: it is deleted"):
        use(cpp, gone)
    assert cpp.living() == 0


def test_clones_share_an_object(cpp: Program) -> None:
    counter = cpp.Counter(1)
    other = counter.clone()
    counter.delete()
    assert other.step() == 2 and cpp.living() == 1
    other.delete()
    assert cpp.living() == 0


def test_what_python_lets_go_is_destroyed_at_the_next_call(cpp: Program) -> None:
    for number in range(300):
        assert cpp.Counter(number).copy().value == number
    gc.collect()
    assert cpp.living() == 0
    kept = cpp.make_shape(0)
    del kept  # a raw pointer is nobody's
    assert cpp.living() == 1
    left = cpp.Counter(1)
    left.release()
    del left
    assert cpp.living() == 2
    pages = cpp.memory.size
    for number in range(20_000):
        cpp.Counter(number)
    assert cpp.memory.size == pages


MADE: dict[str, Callable[[Program], Any]] = {
    "constructed": lambda cpp: cpp.Counter(5, "a name that is no short one"),
    "returned by value": lambda cpp: cpp.Counter(5).copy(),
    "shared": lambda cpp: cpp.share(5),
    "unique": lambda cpp: cpp.unique(),
    "adopted": lambda cpp: cpp.make_shape(2).adopt(),
    "a vector": lambda cpp: cpp.range(50),
    "a map": lambda cpp: cpp.table(),
    "a value": lambda cpp: cpp.counter_of(1),
    "values": lambda cpp: (cpp.list(), cpp.dictionary(), cpp.call_back(lambda value: value, 2)),
    "records": lambda cpp: cpp.between({"x": 1, "y": 2}, {"x": 3, "y": 5.5}),
    "texts": lambda cpp: cpp.shout("a text that is longer than what fits in its object"),
    "a clone": lambda cpp: cpp.share(5).clone(),
}


@pytest.mark.parametrize("how", MADE)
def test_the_heap_is_flat_however_many_are_dropped(cpp: Program, how: str) -> None:
    """All is free again at its place: the next piece of memory lies where it lay before."""

    def lies() -> int:
        gc.collect()
        assert cpp.living() == 0 and not cpp.process.bindings.dropped
        pointer = cpp.process.malloc(3000, "a test")
        cpp.process.free(pointer, "a test")
        return int(pointer)

    for _ in range(3):
        MADE[how](cpp)
    handles = len(cpp.process.bindings.handles)
    before = lies()
    for _ in range(2000):
        MADE[how](cpp)
    assert lies() == before and len(cpp.process.bindings.handles) == handles


def test_what_a_raw_pointer_leads_to_is_adopted(cpp: Program) -> None:
    shape = cpp.make_shape(1)
    assert shape.adopt() is shape and cpp.living() == 1
    del shape
    assert cpp.living() == 0
    shape = cpp.make_shape(1).adopt()
    shape.release()
    del shape
    assert cpp.living() == 1
    with cpp.make_shape(0).adopt() as shape:
        pass
    with pytest.raises(BindingError, match="it is deleted"):
        shape.adopt()
    assert cpp.living() == 1


def test_an_object_is_what_it_is(cpp: Program) -> None:
    shapes = [cpp.make_shape(which) for which in range(3)]
    assert [type(shape) for shape in shapes] == [cpp.Shape, cpp.Square, cpp.Odd]
    assert [shape.kind() for shape in shapes] == ["shape", "square", "odd"]
    assert shapes[1].area() == 16 and shapes[2].odd() == 9 and shapes[1].sides == 4
    assert [cpp.kind_of(shape) for shape in shapes] == ["shape", "square", "odd"]
    assert issubclass(cpp.Odd, cpp.Shape) and cpp.kind_of(cpp.Odd()) == "odd"
    for shape in shapes:
        shape.delete()


def test_another_programs_objects(cpp: Program) -> None:
    other = load(fixture("bindings"), stdout=None)
    with pytest.raises(BindingError, match="another program's"):
        cpp.read_counter(other.Counter(1))


def test_smart_pointers(cpp: Program) -> None:
    shared = cpp.share(5)
    assert shared.step() == 6 and cpp.uses(shared) == 2 and cpp.uses(None) == 0 and cpp.nothing() is None
    cpp.keep(shared)
    shared.delete()
    assert cpp.living() == 1
    cpp.keep(None)
    assert cpp.living() == 0
    assert cpp.unique().kind() == "square"


def test_containers(cpp: Program) -> None:
    squares = cpp.range(4)
    assert [squares.get(at) for at in range(squares.size())] == [0, 1, 4, 9] and squares.get(9) is None
    squares.push_back(10)
    assert cpp.total(squares) == 24 and cpp.table().get("two") == 2 and cpp.table().get("none") is None
    made = cpp.Ints()
    made.resize(3, 7)
    assert cpp.total(made) == 21 and made.set(0, 1) is True
    with pytest.raises(WrongArgument, match=r"Table\.keys uses the type .*vector.*, which the program did not bind"):
        cpp.table().keys()


def test_memory_without_a_copy(cpp: Program) -> None:
    view = cpp.view_bytes()
    assert bytes(view) == b"\1\2\3\4" and list(cpp.view_doubles()) == [0.5, 1.5]
    view[0] = 9
    assert cpp.first_byte() == 9


# --- values of Python's


def test_callbacks_and_values(cpp: Program) -> None:
    assert cpp.call_back(lambda value: value * 2, 20) == 41
    assert cpp.dictionary() == {"a": 1, "b": "two", "c": None} and cpp.list() == [1, "two"]
    assert cpp.length([1, 2, 3]) == 3 and cpp.sum((1, 2.5)) == 3.5 and cpp.bytes_of(3) == bytearray(b"\7\0\0")
    kinds = [cpp.kind_of_value(each) for each in (None, True, 1, 1.5, "s", [], {}, len, cpp.Counter())]
    assert kinds == ["object", "boolean", "number", "number", "string", "object", "object", "function", "object"]
    record = {"x": 1}
    assert cpp.take_point(record) is record and record == {"x": 2}
    assert cpp.is_nothing(None) and not cpp.is_nothing(0)
    token = object()
    assert cpp.same(token) is token and cpp.counter_of(7).value == 7
    assert cpp.call_method(Upper(), "abc") == "ABC"
    assert len(cpp.process.bindings.handles) == 0  # type: ignore[union-attr, arg-type]


class Upper:
    cpp_names = ("upper",)

    def upper(self, text: str) -> str:
        return text.upper()


class Marker(Exception):
    """What only the test raises."""


def test_exceptions(cpp: Program) -> None:
    with pytest.raises(CppException) as caught:
        cpp.fail(1)
    assert caught.value.type == "std::runtime_error" and cpp.fail(0) == 0

    def raising() -> int:
        raise Marker

    with pytest.raises(Marker):
        cpp.guarded(raising)
    assert cpp.guarded(lambda: 5) == 5
    with pytest.raises(CppException):
        cpp.guarded(lambda: cpp.fail(2))  # an int is no std::exception
    assert cpp.guarded(lambda: cpp.fail(1)) == -1


# --- classes of Python that derive from C++'s


def deriving(cpp: Program) -> Any:
    class Mine(cpp.Listener):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.log: list[str] = []

        def heard(self, what: str) -> int:
            self.log.append(what)
            return len(what)

    return Mine


def test_a_class_of_python_derives_from_one_of_cpp(cpp: Program) -> None:
    mine = deriving(cpp)()
    assert cpp.tell(mine, "hello") == 6 and mine.log == ["hello"]
    assert cpp.ask(mine) == mine.greet() == "hello from C++"
    mine.delete()
    registry = cpp.process.bindings
    assert cpp.living() == 0 and registry is not None and registry.inherited == {} and len(registry.handles) == 0
    with pytest.raises(BindingError, match="this Mine cannot be used"):
        cpp.tell(mine, "x")

    class Further(deriving(cpp)):  # type: ignore[misc]
        def greet(self) -> str:
            return f"{super().greet()} and Python"

    with Further() as further:
        assert cpp.ask(further) == "hello from C++ and Python"


def test_what_is_pure_virtual_has_to_be_defined(cpp: Program) -> None:
    class Lazy(cpp.Listener):  # type: ignore[name-defined, misc]
        pass

    with pytest.raises(BindingError, match="Lazy has to define heard, which is pure virtual in Listener"):
        Lazy()
    assert cpp.living() == 0


def test_stubs(cpp: Program) -> None:
    assert cpp.process.bindings is not None
    text = stubs(cpp.process.bindings, "Bindings", "bindings.wasm")
    compile(text, "bindings.pyi", "exec")
    for line in (
        "    class Odd(Bindings.Shape):",
        "        def step(self, a0: int, /) -> int: ...",
        "        RED: ClassVar[Bindings.Color]",
        "        x: int",
        "        shared: ClassVar[int]",
        "    def shout(self, a0: str, /) -> str: ...",
        "    def next(self, a0: Bindings.Color | int, /) -> Bindings.Color: ...",
        "    def make_shape(self, a0: int, /) -> Bindings.Shape | None: ...",
        "    ANSWER: int",
    ):
        assert line in text.splitlines(), line


@pytest.mark.parametrize("count", [0, 2, 3, 9])
def test_a_wrong_number_of_arguments_of_what_is_called_at_once(cpp: Program, count: int) -> None:
    """A method that takes one number asks first for just that; all else goes the long way."""
    counter = cpp.Counter(5)
    for _ in range(3):
        assert cpp.half(3.0) == 1.5 and cpp.half(3) == 1.5 and cpp.half(True) == 0.5
        with pytest.raises(BindingError, match=rf"float half\(float\) takes 1 argument, and {count} were given"):
            cpp.half(*[1.0] * count)
        with pytest.raises(BindingError, match="takes 0 arguments, and 1 were given"):
            counter.copy(1.0)
    with pytest.raises(BindingError, match=r"argument 1 of float half\(float\): a number is needed, not 'x'"):
        cpp.half("x")
    assert cpp.as_byte(255) == 255
    for wrong in (256, -1, 1.0):
        with pytest.raises(BindingError, match="argument 1 of unsigned char as_byte"):
            cpp.as_byte(wrong)
    counter.delete()
    with pytest.raises(BindingError, match="it is deleted"):
        counter.copy()
    assert cpp.living() == 0
